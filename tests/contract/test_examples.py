"""The client reads every example of the contract as what it is: it would write the same again."""

import re
from typing import Any

import pytest
from bitrix24_call_card import models
from contract.document import load, resolved

from tests.contract.consistency import examples

DOCUMENT = load()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
NOTHING: tuple[Any, ...] = (None, False, "", "false", "null", "undefined", 0, [], {})


def model_and_object(place: str, value: Any) -> tuple[str, Any] | None:
    """The model that reads an example of the schema at this place, and the object to read."""
    schema = resolved(DOCUMENT, {"$ref": f"#{place}"})
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2], value
    if member := re.fullmatch(r"/components/schemas/(\w+)/properties/(\w+)", place):
        model, name = member.groups()
        return model, {**sample(SCHEMAS[model]), name: value}
    for model, found in SCHEMAS.items():
        for name, described in found.get("properties", {}).items():
            if described.get("$ref") == f"#{place}":
                return model, {**sample(found), name: value}
    return None


def sample(schema: Any) -> Any:
    """A value of a schema: its first example, or an object of such values."""
    schema = resolved(DOCUMENT, schema)
    if "properties" in schema:
        return {name: sample(schema["properties"][name]) for name in schema.get("required", [])}
    return schema["const"] if "const" in schema else schema.get("examples", [{}])[0]


def plain(value: Any) -> Any:
    """The value in one encoding: without what is nothing, and with numbers for digits."""
    if isinstance(value, dict):
        members = {name: plain(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in NOTHING}
    if isinstance(value, list):
        return [plain(item) for item in value]
    is_number = isinstance(value, str) and re.fullmatch("[0-9]+", value)
    return int(value) if is_number else value


EXAMPLES = [
    pytest.param(schema, value, id=place.removeprefix("/components/"))
    for place, schema, value in examples(DOCUMENT)
    if place
    != "/components/schemas/CallStateChanged/examples/0"  # a text, of which no model is made
]


@pytest.mark.parametrize(("schema", "value"), EXAMPLES)
def test_an_example_is_read(schema: str, value: Any) -> None:
    found = model_and_object(schema, value)
    assert found, f"no model reads {schema}"
    model, example = found
    assert plain(getattr(models, model).from_dict(example).to_dict()) == plain(example)
