"""A client reads every value that a schema admits, or is not generated."""

from pathlib import Path
from typing import Any

import pytest
from generator.schemas import Schemas

from tests.scripts.contracts import DOCUMENT, edited, generated, printed, read, refusal, with_value

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
DIGITS = {"type": "string", "pattern": "^[0-9]+$"}
NULL = {"type": "null"}
FALSE = {"type": "boolean", "const": False}
NO_TEXT = {"type": "string", "maxLength": 0}
NO_ITEMS = {"type": "array", "maxItems": 0, "items": {}}
WAY = {"$ref": "#/components/schemas/Way"}
OTHER = {"$ref": "#/components/schemas/Other"}
NAMED = {"$ref": "#/components/schemas/Named"}


def any_of(*branches: Any) -> dict[str, Any]:
    return {"anyOf": list(branches)}


# What it is about, the schema, its reader, and what nothing is where there has to be a member: a
# value, or None for an error.
READ: list[tuple[str, Any, str, str | None]] = [
    ("text", TEXT, "as_text", '""'),
    ("text of a pattern", DIGITS, "as_text", '""'),
    ("text that is not empty", {**TEXT, "minLength": 1}, "as_text", None),
    ("a secret", {**TEXT, "format": "password"}, "as_secret", '""'),
    ("a date-time", {**TEXT, "format": "date-time"}, "as_datetime", None),
    ("an integer", {**INTEGER, "format": "int64"}, "as_int", "0"),
    ("a number", {"type": "number"}, "as_float", None),
    ("a double", {"type": "number", "format": "double"}, "as_float", None),
    ("a boolean", {"type": "boolean"}, "as_bool", "False"),
    ("a constant", {**TEXT, "const": "a'b"}, 'as_const("a\'b")', None),
    ("an object", OTHER, "as_model(models.Other)", None),
    (
        "a list",
        {"type": "array", "items": OTHER},
        "as_list(if_readable(as_model(models.Other)))",
        "[]",
    ),
    (
        "a list of lists",
        {"type": "array", "items": {"type": "array", "items": INTEGER}},
        "as_list(as_list(as_int))",
        "[]",
    ),
    ("an open set", any_of(WAY, TEXT), "as_enum(models.Way)", '""'),
    (
        "an open set that is not empty",
        any_of(WAY, {**TEXT, "minLength": 1}),
        "as_enum(models.Way)",
        None,
    ),
    ("an open set or nothing", any_of(TEXT, WAY, FALSE), "as_enum(models.Way)", '""'),
    (
        "text that is not empty, or nothing",
        any_of({**TEXT, "minLength": 1}, FALSE),
        "as_text",
        '""',
    ),
    ("text, or text that is not empty", any_of({**TEXT, "minLength": 1}, TEXT), "as_text", '""'),
    ("an integer in two encodings", any_of(INTEGER, DIGITS), "as_int", "0"),
    ("an integer or nothing", any_of(FALSE, INTEGER, NO_TEXT, NULL), "as_int", "0"),
    ("an integer or null", {"type": ["integer", "null"]}, "as_int", "0"),
    ("digits or null are text", {**DIGITS, "type": ["string", "null"]}, "as_text", '""'),
    ("a number in three encodings", any_of(INTEGER, {"type": "number"}, DIGITS), "as_float", None),
    (
        "an object or nothing",
        {"oneOf": [OTHER, NO_ITEMS]},
        "as_model(models.Other)",
        "models.Other()",
    ),
    (
        "a list or nothing",
        any_of({"type": "array", "items": TEXT}, FALSE),
        "as_list(as_text)",
        "[]",
    ),
    (
        "a branch that is nothing by reference",
        any_of(INTEGER, {"$ref": "#/components/schemas/No"}),
        "as_int",
        "0",
    ),
]

COMPONENTS = {**DOCUMENT["components"]["schemas"], "No": NULL}


@pytest.mark.parametrize(
    ("schema", "reader", "nothing"), [r[1:] for r in READ], ids=[r[0] for r in READ]
)
def test_a_schema_has_one_reader(schema: Any, reader: str, nothing: str | None) -> None:
    reading = Schemas(COMPONENTS).reading(schema, "here", "Here")
    assert reading.reader == reader
    assert (None if reading.demanded else reading.empty) == nothing


SEVERAL = "several types, and the client reads one: "
CLOSED = "a closed set of values"
# What it is about, the schema, the place below it, and why it is refused.
REFUSED: list[tuple[str, Any, str, str]] = [
    ("an integer or text", any_of(INTEGER, TEXT), ".anyOf", SEVERAL + "int, str"),
    ("the same by its types", {"type": ["string", "integer"]}, ".type", SEVERAL + "str, int"),
    ("a boolean or an integer", {"type": ["boolean", "integer"]}, ".type", SEVERAL + "bool, int"),
    ("text or true", any_of(TEXT, {"const": True}), ".anyOf", SEVERAL + "str, Literal[True]"),
    (
        "an integer or text of any pattern",
        any_of(INTEGER, {**TEXT, "pattern": "^[A-Z]_[0-9]+$"}),
        ".anyOf",
        SEVERAL + "int, str",
    ),
    ("a date-time or text", any_of({**TEXT, "format": "date-time"}, TEXT), ".anyOf", SEVERAL),
    ("a list or text", any_of({"type": "array", "items": TEXT}, TEXT), ".anyOf", SEVERAL),
    ("two objects", any_of(OTHER, NAMED), ".anyOf", SEVERAL + "models.Other, models.Named"),
    (
        "a list of items by position",
        {"type": "array", "prefixItems": [TEXT, INTEGER]},
        "",
        "prefixItems is not supported",
    ),
    ("a list of anything", {"type": "array"}, "", "not a type that the client can read"),
    (
        "items of two types",
        {"type": "array", "items": any_of(INTEGER, TEXT)},
        ".items.anyOf",
        SEVERAL,
    ),
    ("anything", {}, "", "not a type that the client can read"),
    ("nothing alone", any_of(NULL, FALSE), ".anyOf", CLOSED),
    ("a constant or nothing", any_of({"const": "a"}, NULL), ".anyOf", CLOSED),
    ("a closed set", WAY, "", CLOSED),
    ("a closed set or null", any_of(WAY, NULL), ".anyOf", CLOSED),
    ("a set without a name", any_of({**TEXT, "enum": ["a"]}, TEXT), ".anyOf.0", CLOSED),
    ("a date", {**TEXT, "format": "date"}, "", "the format date is not supported"),
    ("parts", {"allOf": [OTHER, NAMED]}, "", "allOf is not supported"),
    ("a class of another name", {"type": "object", "title": "Thing"}, "", "title is not supported"),
    (
        "a reference with more",
        {**OTHER, "minProperties": 1},
        "",
        "minProperties is not supported beside $ref",
    ),
    (
        "a reference to nothing",
        {"$ref": "#/components/schemas/Gone"},
        "",
        "there is no schema #/components/schemas/Gone",
    ),
    (
        "both kinds of branches",
        {"anyOf": [TEXT], "oneOf": [TEXT]},
        "",
        "anyOf is not supported beside oneOf",
    ),
    (
        "a default",
        {**TEXT, "default": "a"},
        "",
        "a default is only supported if it is the const beside it",
    ),
    (
        "members of a type",
        {"type": "object", "additionalProperties": INTEGER},
        ".additionalProperties",
        "a schema is not supported",
    ),
    (
        "members by a pattern",
        {"type": "object", "patternProperties": {"^a": TEXT}},
        "",
        "patternProperties is not supported",
    ),
    (
        "an object with a branch of its own",
        {"type": "object", "anyOf": [{"properties": {}}]},
        "",
        "branches of an object may only hold `required`",
    ),
    (
        "two members of one name",
        {"type": "object", "properties": {"a_b": TEXT, "aB": TEXT}},
        ".properties.aB",
        "another attribute is named a_b",
    ),
    (
        "a member named like a method",
        {"type": "object", "properties": {"to_dict": TEXT}},
        ".properties.to_dict",
        "another attribute is named to_dict",
    ),
    ("a secret that is not text", {**INTEGER, "writeOnly": True}, "", "a secret that is not text"),
    ("a constant that may be absent", {"const": "a"}, "", "a constant that is not required"),
]


@pytest.mark.parametrize(
    ("schema", "below", "reason"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_would_be_read_wrongly_is_refused_by_its_place_and_the_reason(
    tmp_path: Path, schema: Any, below: str, reason: str
) -> None:
    place = f"components.schemas.Answer.properties.value{below}"
    assert refusal(with_value(schema), tmp_path).startswith(f"{place}: {reason}")


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (any_of({"type": "number"}, NULL), "float"),
        (any_of({**TEXT, "format": "date-time"}, FALSE), "datetime.datetime"),
        (any_of(NAMED, NO_ITEMS), "models.Named"),
    ],
)
def test_a_required_member_that_may_be_nothing_needs_a_value_for_it(
    tmp_path: Path, schema: Any, kind: str
) -> None:
    reason = (
        f"components.schemas.Answer.properties.value: required, and no {kind} stands for nothing"
    )
    assert refusal(with_value(schema, required=True), tmp_path) == reason


def test_what_a_client_reads_is_what_it_would_write(tmp_path: Path) -> None:
    schema = any_of(INTEGER, DIGITS, NULL)
    assert read(with_value(schema), tmp_path, 5, "5", None) == [5, 5, None]


def test_an_object_has_one_of_several_shapes(tmp_path: Path) -> None:
    members = {"kind": TEXT, "id": INTEGER, "owner": INTEGER, "since": TEXT}
    shapes = any_of({"required": ["kind", "id", "since"]}, {"required": ["owner", "since"]})
    item = {"type": "object", "properties": members, **shapes}
    document = edited(
        "components schemas Item", item, with_value({"$ref": "#/components/schemas/Item"})
    )
    first, second = {"kind": "deal", "id": 5, "since": "May"}, {"owner": 7, "since": "June"}
    assert read(document, tmp_path, first, second, {"owner": 7}) == [
        first,
        second,
        {"owner": 7, "since": ""},
    ]


def test_an_object_that_is_written_in_place_gets_a_class_too(tmp_path: Path) -> None:
    inner = {"type": "object", "properties": {"id": INTEGER}}
    schema = {"type": "array", "items": any_of(inner, NULL)}
    assert read(with_value(schema), tmp_path, [{"id": "5"}, None]) == [[{"id": 5}]]


def test_texts_of_the_contract_stay_texts(tmp_path: Path) -> None:
    """In the code of the client, whatever they are made of."""
    text = "\"'\\\n{}\u2028"
    members = {text: TEXT, "constant": {"const": text, "default": text}}
    answer = {"type": "object", "required": ["constant"], "properties": members}
    client = generated(edited("components schemas Answer", answer), tmp_path)
    program = (
        "import json, sys\nfrom bitrix24_call_card import models\n"
        "print(json.dumps(models.Answer().to_dict() | models.Answer.from_dict("
        f"{{{text!r}: 'a', 'constant': {text!r}}}).to_dict()))"
    )
    assert printed(client, program) == {text: "a", "constant": text}


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("components schemas answer", {"type": "object"}, 'duplicate models with name "Answer"'),
        ("components schemas Answer type", 5, "components.schemas.Answer."),
        (
            "components schemas Answer",
            {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}},
            "components.schemas: a schema is made of itself",
        ),
        ("components schemas Other", {"$ref": "#/components/schemas/Other"}, "is made of itself"),
        ("paths", {"/{id}": DOCUMENT["paths"]["/portal.ask"]}, "Path parameters do not match"),
    ],
)
def test_what_the_generator_itself_refuses_is_said(
    tmp_path: Path, path: str, value: Any, reason: str
) -> None:
    assert reason in refusal(edited(path, value), tmp_path)
