"""Each value of an enum has its own constant and text, or no client is generated."""

from pathlib import Path
from typing import Any

import generate
import pytest
import yaml

from tests.scripts.contracts import Document, edited, generated, printed, refusal

WAY = "components schemas Way"

PROGRAM = """
import json
from bitrix24_call_card.models import Way
print(json.dumps({way.name: [way.value, getattr(way, "description", None)] for way in Way}))
"""


def constants(way: dict[str, Any], folder: Path) -> Any:
    return printed(generated(edited(WAY, {"type": "string", **way}), folder), PROGRAM)


def test_what_is_a_text_in_openapi_is_one_here(tmp_path: Path) -> None:
    contract = yaml.safe_dump(edited(WAY, {"type": "string", "enum": ["in", "out"]}))
    (tmp_path / "contract.yaml").write_text(contract.replace("- out", "- on"), "utf-8")
    generate.generate(tmp_path / "contract.yaml", tmp_path / "client")
    assert printed(tmp_path / "client", PROGRAM) == {"IN": ["in", None], "ON": ["on", None]}


def test_a_constant_is_named_after_its_value_or_as_the_contract_says(tmp_path: Path) -> None:
    values = ["in", "on-hold", "incomingTransfer"]
    names = {"IN": "in", "ON_HOLD": "on-hold", "INCOMING_TRANSFER": "incomingTransfer"}
    for folder, way in (
        ("values", {"enum": values}),
        ("names", {"enum": values, "x-enum-varnames": [*names]}),
    ):
        (tmp_path / folder).mkdir()
        found = constants(way, tmp_path / folder)
        assert found == {name: [value, None] for name, value in names.items()}


def described(examples: dict[str, Any]) -> Document:
    """Return the small contract, in which these examples describe the values of the enum."""
    refusal = {"description": "No.", "content": {"application/json": {"examples": examples}}}
    way = {"type": "string", "enum": ["in", "out"], "x-described-in": "#/components/responses"}
    return edited("components responses Refusal", refusal, edited(WAY, way))


def test_a_value_is_described_by_the_example_of_its_name(tmp_path: Path) -> None:
    found = {"out": {"summary": "It goes out."}, "in": {"summary": "It comes in."}}
    assert printed(generated(described(found), tmp_path), PROGRAM) == {
        "IN": ["in", "It comes in."],
        "OUT": ["out", "It goes out."],
    }


@pytest.mark.parametrize(
    "examples",
    [
        {"in": {"summary": "a"}},
        {"in": {"summary": "a"}, "out": {}},
        {"in": {"summary": "a"}, "out": {"summary": "b"}, "by": {"summary": "c"}},
    ],
)
def test_each_value_has_one_description(tmp_path: Path, examples: dict[str, Any]) -> None:
    reason = "components.schemas.Way: x-described-in has not one summary for each value of enum"
    assert refusal(described(examples), tmp_path).startswith(reason)


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ({"enum": ["in", "out", "by"], "x-enum-varnames": ["IN", "OUT"]}, "x-enum-varnames is not"),
        ({"enum": ["in", "out"], "x-enum-varnames": ["IN", "OUT", "BY"]}, "x-enum-varnames is not"),
        ({"enum": ["on-hold", "onHold"]}, "no Python names of their own for all values: ON_HOLD;"),
        ({"enum": ["1st", "2nd"]}, "no Python names of their own for all values: 1ST, 2ND;"),
        ({"enum": [1, 2]}, "only texts are supported"),
    ],
)
def test_what_is_said_of_an_enum_is_said_of_each_value(
    tmp_path: Path, way: dict[str, Any], reason: str
) -> None:
    document = edited(WAY, {"type": "string", **way})
    assert refusal(document, tmp_path).startswith(f"components.schemas.Way: {reason}")
