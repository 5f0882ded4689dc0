"""What a new value of an enum breaks, or a new name of one."""

import copy
from typing import Any

import pytest
from contract.changes import Change, ComparisonError, Effect, compare
from contract.document import Document

from tests.contract.evolution import CALL, DOCUMENT, edited

WAY = "components/schemas/Way"
CLOSED = {"$ref": "#/components/schemas/Way"}
OPEN_SETS = [
    [CLOSED, {"type": "string"}],
    [CLOSED, {"type": "string", "minLength": 1}],
    [CLOSED, {"type": "string"}, {"type": "boolean", "const": False}],
]


def changes(way: dict[str, Any], old: Document) -> list[Change]:
    return compare(old, edited(old, WAY, {"type": "string", **way}))


def with_one_set(branches: list[Any]) -> Document:
    """The small contract, in which one member alone has values of the enum."""
    document = edited(DOCUMENT, f"{CALL}/properties", {"way": {"anyOf": branches}})
    return edited(document, WAY, {"type": "string", "enum": ["in", "out"]})


@pytest.mark.parametrize("branches", OPEN_SETS)
def test_an_open_set_may_get_a_value(branches: list[Any]) -> None:
    found = changes({"enum": ["in", "out", "by"]}, with_one_set(branches))
    assert {change.effect for change in found} == {Effect.COMPATIBLE}


def test_a_closed_set_may_not() -> None:
    found = changes({"enum": ["in", "out", "by"]}, with_one_set([CLOSED, {"type": "null"}]))
    assert found[0].effect == Effect.BREAKING


def test_a_new_error_code_breaks_nobody(document: Document) -> None:
    new = copy.deepcopy(document)
    codes = new["components"]["schemas"]["ErrorCode"]
    codes["enum"].append("NEW_ONE")
    assert {change.effect for change in compare(document, new)} == {Effect.COMPATIBLE}


def test_a_constant_that_gets_another_name_breaks_callers() -> None:
    old = edited(DOCUMENT, WAY, {"type": "string", "enum": ["in", "on-hold"]})
    found = changes({"enum": ["in", "on-hold"], "x-enum-varnames": ["IN", "HELD"]}, old)
    assert str(found[0]) == "Way.ON_HOLD: is gone — breaks a caller"
    assert "Way.HELD: is new" in map(str, found)


def test_a_name_that_is_written_down_breaks_nobody() -> None:
    old = edited(DOCUMENT, WAY, {"type": "string", "enum": ["in", "onHold"]})
    found = changes({"enum": ["in", "onHold"], "x-enum-varnames": ["IN", "ON_HOLD"]}, old)
    assert list(map(str, found)) == ["Way x-enum-varnames: is new"]


def test_a_value_without_a_name_is_not_compared() -> None:
    with pytest.raises(ComparisonError, match=r"components\.schemas\.Way: x-enum-varnames"):
        changes({"enum": ["in", "out", "by"], "x-enum-varnames": ["IN", "OUT"]}, DOCUMENT)


def test_other_words_about_an_error_are_words(document: Document) -> None:
    examples = "components/responses/NotFound/content/application~1json/examples"
    new = edited(document, f"{examples}/ERROR_METHOD_NOT_FOUND/summary", "Use the widget.")
    assert {change.effect for change in compare(document, new)} == {Effect.WORDS}
