"""Whom a change of the contract breaks."""

import copy
import functools
import re
from pathlib import Path
from typing import Any

import pytest
from contract.changes import Change, ComparisonError, compare, name_changes, names

from tests.contract.evolution import CALL, DOCUMENT, GONE, TEXT, edited

CALLER, CLIENT = {"a caller"}, {"a vendored client"}
BOTH = CALLER | CLIENT
NOBODY: set[str] = set()


def breaks(changes: list[Change], where: str) -> set[str]:
    """Return whom the changes at or below a place break; there must be at least one."""
    here = [change for change in changes if re.match(rf"{re.escape(where)}\b", change.where)]
    assert here, f"no change was found at {where}"
    return {who for change in here for who in change.breaks}


# --- schemas: one comparison, in which each row is a property that is sent, and one that is read --

WAY = {"$ref": "#/components/schemas/Way"}
NUMBER_OR_TEXT = [{"type": "integer"}, {"type": "string"}]
OBJECT = {"type": "object"}
INTEGER = {"type": "integer"}
ITEMS = {"type": "array", "items": TEXT}
A, AB = ({"type": "object", "properties": dict.fromkeys(names, TEXT)} for names in ("a", "ab"))
# The change, the schema before and after, and whom it breaks where it is sent, and where read.
# fmt: off
SCHEMAS: list[tuple[str, dict[str, Any], dict[str, Any], set[str], set[str]]] = [
    ("less length", {**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 5}, CLIENT, NOBODY),
    # The client does not check what it receives against bounds and patterns.
    ("more length", {**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 9}, NOBODY, NOBODY),
    ("no bound of length", {**TEXT, "maxLength": 5}, TEXT, NOBODY, NOBODY),
    ("a first bound", TEXT, {**TEXT, "minLength": 1}, CLIENT, NOBODY),
    ("only an empty string", TEXT, {**TEXT, "maxLength": 0}, CLIENT, NOBODY),
    ("not only an empty string", {**TEXT, "maxLength": 0}, TEXT, NOBODY, CLIENT),
    ("a pattern", TEXT, {**TEXT, "pattern": "x"}, CLIENT, NOBODY),
    ("another pattern", {**TEXT, "pattern": "x"}, {**TEXT, "pattern": "y"}, CLIENT, NOBODY),
    ("no pattern", {**TEXT, "pattern": "x"}, TEXT, NOBODY, NOBODY),
    ("a higher minimum", {**INTEGER, "minimum": 0}, {**INTEGER, "minimum": 1}, CLIENT, NOBODY),
    ("no minimum", {**INTEGER, "minimum": 0}, INTEGER, NOBODY, NOBODY),
    ("a maximum", INTEGER, {**INTEGER, "maximum": 9}, CLIENT, NOBODY),
    ("no maximum", {**INTEGER, "maximum": 9}, INTEGER, NOBODY, NOBODY),
    ("a multiple", INTEGER, {**INTEGER, "multipleOf": 5}, CLIENT, NOBODY),
    ("a shorter integer", {**INTEGER, "format": "int64"}, {**INTEGER, "format": "int32"},
     CLIENT, NOBODY),
    ("a longer integer", {**INTEGER, "format": "int32"}, {**INTEGER, "format": "int64"},
     NOBODY, NOBODY),
    ("another type", TEXT, INTEGER, BOTH, BOTH),
    ("whole numbers only", {"type": "number"}, INTEGER, BOTH, NOBODY),
    ("fractions too", INTEGER, {"type": "number"}, NOBODY, BOTH),
    ("a value instead of a list", {"type": "array", "items": TEXT}, TEXT, BOTH, BOTH),
    ("items are required", ITEMS, {**ITEMS, "minItems": 1}, CLIENT, NOBODY),
    ("fewer items", ITEMS, {**ITEMS, "maxItems": 9}, CLIENT, NOBODY),
    ("more items", {**ITEMS, "maxItems": 9}, ITEMS, NOBODY, NOBODY),
    ("unique items", ITEMS, {**ITEMS, "uniqueItems": True}, CLIENT, NOBODY),
    ("any number of items", {**ITEMS, "maxItems": 0}, ITEMS, NOBODY, CLIENT),
    ("members are required", OBJECT, {**OBJECT, "minProperties": 1}, CLIENT, NOBODY),
    ("fewer types", {"type": ["string", "null"]}, TEXT, BOTH, NOBODY),
    ("more types", TEXT, {"type": ["string", "null"]}, NOBODY, BOTH),
    ("a set of values", TEXT, {**TEXT, "enum": ["a"]}, CLIENT, NOBODY),
    ("a closed set grows", {**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}, NOBODY, CLIENT),
    ("a closed set opens", WAY, {"anyOf": [WAY, TEXT]}, NOBODY, CLIENT),
    ("an open set closes", {"anyOf": [WAY, TEXT]}, {**TEXT, "enum": ["in"]}, BOTH, CALLER),
    ("a plain string gets names", TEXT, {"anyOf": [WAY, TEXT]}, NOBODY, NOBODY),
    ("an open set loses its names", {"anyOf": [WAY, TEXT]}, TEXT, CALLER, CALLER),
    ("strings or lists are not an open set", {"anyOf": [TEXT, {"type": "array", "items": WAY}]},
     {"anyOf": [TEXT, {"type": "array", "items": WAY, "maxItems": 3}]}, CLIENT, NOBODY),
    ("a closed set shrinks", {**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}, CLIENT, NOBODY),
    ("another constant", {"const": "a"}, {"const": "b"}, CLIENT, CLIENT),
    ("a constant", TEXT, {**TEXT, "const": "a"}, CLIENT, NOBODY),
    ("no constant", {**TEXT, "const": "a"}, TEXT, NOBODY, CLIENT),
    ("a branch is gone", {"anyOf": [*NUMBER_OR_TEXT, OBJECT]}, {"anyOf": NUMBER_OR_TEXT},
     BOTH, NOBODY),
    ("any branch or several", {"oneOf": NUMBER_OR_TEXT}, {"anyOf": NUMBER_OR_TEXT}, BOTH, BOTH),
    ("one more branch", {"anyOf": NUMBER_OR_TEXT}, {"anyOf": [*NUMBER_OR_TEXT, OBJECT]},
     NOBODY, BOTH),
    ("each item", {"type": "array", "items": TEXT}, {"type": "array", "items": OBJECT}, BOTH, BOTH),
    ("JSON in a string", {**TEXT, "contentSchema": A}, {**TEXT, "contentSchema": OBJECT},
     NOBODY, CALLER),
    ("a date", TEXT, {**TEXT, "format": "date"}, BOTH, CALLER),
    ("no date", {**TEXT, "format": "date"}, TEXT, CALLER, BOTH),
    ("a default is new", TEXT, {**TEXT, "default": "a"}, NOBODY, NOBODY),
    ("a default is gone", {**TEXT, "default": "a"}, TEXT, CALLER, CALLER),
    ("a member is new", A, AB, NOBODY, NOBODY),
    ("another default", {**TEXT, "default": "a"}, {**TEXT, "default": "b"}, CALLER, CALLER),
    ("a member is gone", AB, A, CALLER, CALLER),
    ("a required member is gone", {**AB, "required": ["b"]}, A, CALLER, BOTH),
    ("the order of what is required", {**AB, "required": ["a", "b"]},
     {**AB, "required": ["b", "a"]}, NOBODY, NOBODY),
    ("a new member is required", A, {**AB, "required": ["b"]}, BOTH, NOBODY),
    ("a member is required", AB, {**AB, "required": ["b"]}, BOTH, NOBODY),
    ("a member may be absent", {**AB, "required": ["b"]}, AB, NOBODY, BOTH),
    ("no other members", A, {**A, "additionalProperties": False}, CLIENT, NOBODY),
    ("other members are text", A, {**A, "additionalProperties": TEXT}, CLIENT, NOBODY),
    ("deprecated", TEXT, {**TEXT, "deprecated": True}, NOBODY, NOBODY),
]
# fmt: on


# The same for the whole of a schema that the browser receives, because no operation refers to it.
RECEIVED = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}
BROWSER: list[tuple[str, str, Any, set[str]]] = [
    ("a member may be absent", "required", [], BOTH),
    ("another type", "properties/id", INTEGER, BOTH),
    ("a bound that the client does not check", "properties/id/maxLength", 9, NOBODY),
    ("a member is new", "properties/more", TEXT, NOBODY),
]


@pytest.fixture(scope="module")
def schema_changes() -> list[Change]:
    documents = []
    for side in (1, 2):
        document = copy.deepcopy(DOCUMENT)
        schemas = document["components"]["schemas"]
        for component in ("Request", "Call", "Event"):
            schemas[component]["properties"] = {f"row{i}": r[side] for i, r in enumerate(SCHEMAS)}
        for i, (_, pointer, value, _) in enumerate(BROWSER):
            schemas[f"Row{i}"] = RECEIVED if side == 1 else edited(RECEIVED, pointer, value)
        documents.append(document)
    return compare(*documents)


@pytest.mark.parametrize("row", range(len(SCHEMAS)), ids=[row[0] for row in SCHEMAS])
def test_a_request_may_accept_more_and_a_response_may_contain_less(
    schema_changes: list[Change], row: int
) -> None:
    *_, sent, read = SCHEMAS[row]
    assert breaks(schema_changes, f"Request.row{row}") == sent
    assert breaks(schema_changes, f"Call.row{row}") == read
    assert breaks(schema_changes, f"Event.row{row}") == read  # a webhook is sent by the portal


@pytest.mark.parametrize("row", range(len(BROWSER)), ids=[row[0] for row in BROWSER])
def test_a_schema_of_no_operation_is_received_in_the_browser(
    schema_changes: list[Change], row: int
) -> None:
    assert breaks(schema_changes, f"Row{row}") == BROWSER[row][-1]


# --- operations and webhooks: one comparison, in which each row is a path or a webhook ------------

JSON = "content/application~1json"
POST, HOOK = (next(iter(DOCUMENT[at].values()))["post"] for at in ("paths", "webhooks"))
ANSWERS = POST["responses"]
# fmt: off
OPERATIONS: list[tuple[str, str, str, Any, set[str]]] = [
    ("the operation is gone", "paths", "post", GONE, BOTH),
    ("another function", "paths", "post/operationId", "fetch", CALLER),
    ("another module", "paths", "post/tags", ["other"], CALLER),
    ("a status is gone", "paths", "post/responses/404", GONE, CALLER),
    ("a status is new", "paths", "post/responses/429", {"description": "Too many."}, NOBODY),
    ("no success any more", "paths", "post/responses/200", GONE, BOTH),
    ("another success", "paths", "post/responses", {"201": ANSWERS["200"], "404": ANSWERS["404"]},
     CLIENT),
    ("one more success", "paths", "post/responses/202", {"description": "Later."}, CLIENT),
    ("any other success", "paths", "post/responses/2XX", {"description": "Later."}, CLIENT),
    ("any other status", "paths", "post/responses/default", {"description": "Any other."}, NOBODY),
    ("a success without a body", "paths", "post/responses/200/content", GONE, BOTH),
    ("another method", "paths", "", {"put": POST}, BOTH),
    ("a parameter is elsewhere", "paths", "post/parameters/0/in", "header", BOTH),
    ("a parameter has another name", "paths", "post/parameters/0/name", "r", BOTH),
    ("a parameter takes less", "paths", "post/parameters/0/schema/enum", ["a"], CLIENT),
    ("a new parameter is required", "paths", "post/parameters/-",
     {"name": "z", "in": "query", "required": True, "schema": TEXT}, BOTH),
    ("a parameter is gone", "paths", "post/parameters/0", GONE, CALLER),
    ("a parameter is required", "paths", "post/parameters/0/required", True, BOTH),
    ("the body may be absent", "paths", "post/requestBody/required", False, NOBODY),
    ("a media type is sent", "paths", "post/requestBody/content/text~1html", {}, NOBODY),
    ("no such media type is sent", "paths", f"post/requestBody/{JSON}", GONE, BOTH),
    ("a media type is read", "paths", "post/responses/200/content/text~1html", {}, CLIENT),
    ("a first media type", "paths", "post/responses/404/content", {"text/html": {}}, CLIENT),
    ("another media type is sent", "paths", "post/requestBody/content", {"text/html": {}}, BOTH),
    ("another media type is read", "paths", "post/responses/200/content", {"text/html": {}}, BOTH),
    ("no authentication", "paths", "post/security", [], NOBODY),
    ("authentication is required", "paths", "post/security", [{"token": []}], BOTH),
    ("it is deprecated", "paths", "post/deprecated", True, NOBODY),
    ("the webhook is gone", "webhooks", "post", GONE, BOTH),
    ("another method", "webhooks", "", {"put": HOOK}, BOTH),
    ("a parameter has other values", "webhooks", "post/parameters/0/schema/type", "integer", BOTH),
    ("another response is expected", "webhooks", "post/responses", {"204": ANSWERS["404"]}, CALLER),
    ("another media type", "webhooks", "post/requestBody/content", {"text/html": {}}, BOTH),
    ("no name depends on it", "webhooks", "post/operationId", "opened", NOBODY),
    ("a parameter may be absent", "webhooks", "post/parameters/0/required", GONE, BOTH),
    ("a parameter is gone", "webhooks", "post/parameters/0", GONE, BOTH),
    ("a parameter is new", "webhooks", "post/parameters/-",
     {"name": "z", "in": "query", "required": True, "schema": TEXT}, NOBODY),
    ("the body may be absent", "webhooks", "post/requestBody/required", False, BOTH),
    ("there is no body", "webhooks", "post/requestBody", GONE, BOTH),
    ("one more media type", "webhooks", "post/requestBody/content/text~1html", {}, CLIENT),
]
# fmt: on


@pytest.fixture(scope="module")
def operation_changes() -> list[Change]:
    old, new = copy.deepcopy(DOCUMENT), copy.deepcopy(DOCUMENT)
    for row, (_, section, pointer, value, _) in enumerate(OPERATIONS):
        (item,) = DOCUMENT[section].values()
        old[section][f"/row{row}"] = item
        new[section][f"/row{row}"] = edited(item, pointer, value) if pointer else value
    return compare(old, new)


@pytest.mark.parametrize("row", range(len(OPERATIONS)), ids=[r[1] + r[0] for r in OPERATIONS])
def test_a_change_of_an_operation_breaks_who_relies_on_it(
    operation_changes: list[Change], row: int
) -> None:
    _, section, _, _, victims = OPERATIONS[row]
    assert breaks(operation_changes, f"{section} /row{row}") == victims


# --- lines and names -----------------------------------------------------------------------------

WAYS = "components/schemas/Way"


def test_a_change_is_a_line_that_says_where_what_and_whom_it_breaks() -> None:
    new = DOCUMENT
    for pointer, value in [
        ("security/1", GONE),
        ("servers/1", GONE),
        ("components/securitySchemes/token/name", "key"),
        ("components/schemas/Tree/properties/child", GONE),  # it refers to itself
        ("components/schemas/Request/properties/note", GONE),
        (f"{CALL}/properties/more", TEXT),
        ("components/schemas/More", A),
        ("paths/~1call/post/deprecated", True),
        ("info/description", "x"),
        (f"{CALL}/properties/id/description", "x"),
        (f"paths/~1call/post/responses/200/{JSON}/examples", {"a": {"value": 1}}),
        ("info/version", "9.9.9"),  # the version itself is no change
    ]:
        new = edited(new, pointer, value)
    assert [f"{c.effect.name} {c}" for c in compare(DOCUMENT, new)] == [
        "BREAKING components securitySchemes token: `name` of security scheme `token` changed from "
        "'auth' to 'key' — breaks a caller and a vendored client",
        "BREAKING Request.note: is gone — breaks a caller",
        "BREAKING Tree.child: is gone — breaks a caller",
        "BREAKING security 1: is gone — breaks a caller and a vendored client",
        "BREAKING servers 1: is gone — breaks a caller and a vendored client",
        "COMPATIBLE More: is new",
        "COMPATIBLE paths /call post: deprecated changed from None to True",
        "COMPATIBLE Call.more: is new",
        "WORDS info: description changed",
        "WORDS paths /call post responses 200 content application/json examples: is new",
        "WORDS Call.id: description changed",
    ]


SCHEME = "components/securitySchemes/token"
# fmt: off
PARTS: dict[str, list[tuple[str, str, Any, set[str]]]] = {
    "paths": [
        ("another path", "paths", {"/calls": DOCUMENT["paths"]["/call"]}, BOTH),
    ],
    "webhooks": [
        ("another webhook", "webhooks", {"closed": DOCUMENT["webhooks"]["opened"]}, BOTH),
    ],
    "servers": [
        ("a server is gone", "servers/1", GONE, BOTH),
        ("a server is elsewhere", "servers/1/url", "https://{host}.example/api", BOTH),
        ("a server is new", "servers/-", {"url": "https://third.example"}, NOBODY),
        ("a variable has another name", "servers/1",
         {"url": "https://{portal}.example/rest", "variables": {"portal": {"default": "a"}}},
         NOBODY),
    ],
    "security": [
        ("authentication is required", "security/0", GONE, BOTH),
        ("a way to authenticate is gone", "security/1", GONE, BOTH),
        ("no way to authenticate is left", "security", [], BOTH),
        ("authentication is not documented", "security", GONE, BOTH),
    ],
    "components securitySchemes": [
        ("the token has another name", f"{SCHEME}/name", "key", BOTH),
        ("the token is elsewhere", f"{SCHEME}/in", "header", BOTH),
        ("the token is sent otherwise", SCHEME, {"type": "http", "scheme": "bearer"}, BOTH),
    ],
}
# fmt: on


@functools.cache
def changes_of_parts(number: int) -> list[Change]:
    """Compare with a document in which each part has the edit of this number."""
    new = DOCUMENT
    for rows in PARTS.values():
        if number < len(rows):
            _, pointer, value, _ = rows[number]
            new = edited(new, pointer, value)
    return compare(DOCUMENT, new)


@pytest.mark.parametrize(
    ("part", "number"),
    [
        pytest.param(part, number, id=row[0])
        for part, rows in PARTS.items()
        for number, row in enumerate(rows)
    ],
)
def test_a_change_of_servers_or_authentication_breaks_who_relies_on_it(
    part: str, number: int
) -> None:
    *_, victims = PARTS[part][number]
    assert breaks(changes_of_parts(number), part) == victims


# fmt: off
NAMES: list[tuple[str, Any, str]] = [
    (f"{CALL}/title", "Talk", "Call: is the class Talk, was the class Call — breaks a caller"),
    (CALL, GONE, "Call: is gone — breaks a caller"),
    (f"{CALL}/properties/id", GONE, "Call.id: is gone — breaks a caller"),
    (f"{CALL}/properties/way", TEXT, "Call.way: is of no class, was Way — breaks a caller"),
    (f"{CALL}/properties/ways/items", TEXT, "Call.ways: is of no class, was Way — breaks a caller"),
    (f"{CALL}/properties/id", {"$ref": "#/x/Way"}, "Call.id: is Way, was of no class"),
    (WAYS, {"enum": ["in"], "x-enum-varnames": ["IN"]}, "Way.OUT: is gone — breaks a caller"),
    (f"{WAYS}/enum/1", "away", "Way.OUT: is 'away', was 'out' — breaks a caller"),
    (WAYS, {"enum": ["in", "out", "by"], "x-enum-varnames": ["IN", "OUT", "BY"]}, "Way.BY: is new"),
    ("paths/~1call/post/tags", [],
     "paths /call post: is default.get, was card.get — breaks a caller"),
]
# fmt: on


@pytest.mark.parametrize(("pointer", "value", "line"), NAMES)
def test_a_name_that_callers_write_keeps_its_meaning(pointer: str, value: Any, line: str) -> None:
    old, new = (names(d) for d in (DOCUMENT, edited(DOCUMENT, pointer, value)))
    lines = [str(change) for change in name_changes(old, new)]
    assert line in lines
    assert lines == [line] or pointer.endswith("varnames")  # a class speaks for its members


def test_an_open_set_may_grow_and_a_closed_one_may_not() -> None:
    old = edited(DOCUMENT, "components/schemas/Closed", {**TEXT, "enum": ["in", "out"]})
    old = edited(old, f"{CALL}/properties/ways", {"$ref": "#/components/schemas/Closed"})
    new = edited(old, WAYS, {**TEXT, "enum": ["in", "out", "by"]})
    new = edited(new, "components/schemas/Closed/enum/-", "by")
    changes = compare(old, new)
    assert breaks(changes, "Way") == NOBODY
    assert breaks(changes, "Closed") == CLIENT


# --- redocly itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report",
    ["", "[]", '{"reportVersion": "2", "changes": []}', '{"reportVersion": "1", "changes": [{}]}'],
)
def test_a_report_in_another_shape_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    (tmp_path / "cli.js").write_text(f"console.log({report!r})")
    monkeypatch.setattr("contract.changes.REDOCLY", tmp_path / "cli.js")
    with pytest.raises(ComparisonError, match="adapt contract/changes"):
        compare(DOCUMENT, DOCUMENT)
