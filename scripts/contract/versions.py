"""Show what changed between two versions of the contract, whom it breaks, and the next version.

  make breaking BASE=HEAD~1             compare with the contract and the client at a git revision
  make breaking BASE=../call-card.yaml  compare with the contract in a file, YAML or JSON
  python -m contract.versions --check   check info.version and CHANGELOG.md against the changes

A change breaks
  a vendored client  if an existing copy of the client, with a portal that follows the new contract,
                     may send what is refused or receive what it cannot read;
  a caller           if code written for the existing package does not work with the new one.

The version follows semver: a breaking change needs a new major version, a compatible one a new
minor version, other wording a patch; while the major version is 0, a minor version and a patch.

A file wins over a revision of the same name. Without BASE, --check compares with the newest tag v*
before HEAD, else with the last committed contract of another version; if CI is set, it must.

Exit status: 0 compared, or the check passes; 1 the check fails; 2 the comparison is not possible.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import NamedTuple
from zipfile import ZipFile

import yaml
from openapi_spec_validator import validate

from contract.changes import Change, ComparisonError, Effect, Node, compare, surface_changes

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = "openapi/call-card.yaml"

Version = tuple[int, int, int]


class Contract(NamedTuple):
    """An OpenAPI document, its `info.version`, and its name in messages."""

    label: str
    document: Node
    version: Version
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.label} ({dotted(self.version)})"


def dotted(version: Version) -> str:
    """Return a version as text."""
    return ".".join(map(str, version))


# --- the version and the changelog ---------------------------------------------------------------


def next_version(base: Version, effect: Effect) -> Version:
    """Return the lowest version that may follow `base` after a change with this effect."""
    major, minor, patch = base
    steps = [base, (major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0)]
    return steps[effect - (major == 0 and effect > Effect.WORDS)]


def changelog_problem(changelog: Path, version: Version) -> str | None:
    """Return what is wrong with the newest entry of a changelog, or None if it is for `version`."""
    text = changelog.read_text("utf-8") if changelog.is_file() else ""
    headings = [h for h in re.findall(r"^## .*\S", text, re.MULTILINE) if h != "## [Unreleased]"]
    newest, wanted = next(iter(headings), "missing"), f"## [{dotted(version)}] - YYYY-MM-DD"
    if re.sub(r"\d{4}-\d\d-\d\d$", "YYYY-MM-DD", newest) == wanted:
        return None
    return f"the newest entry of {changelog.name} is {newest}; it should be `{wanted}`"


# --- where contracts come from -------------------------------------------------------------------


def parse(label: str, content: bytes, revision: str | None = None) -> Contract:
    """Return the contract in YAML or JSON. Raises ComparisonError for anything else."""
    try:
        # Through JSON, so that `200:` and `"200":` are the same key, and dates are strings.
        document = json.loads(json.dumps(yaml.load(content, yaml.CSafeLoader), default=str))
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        why = shorten(str(error), 200)
        raise ComparisonError(f"{label} is neither YAML nor JSON: {why}") from None
    if not isinstance(document, dict) or not str(document.get("openapi")).startswith("3.1."):
        raise ComparisonError(f"{label} is not an OpenAPI 3.1 document: its `openapi` is not 3.1.x")
    try:
        validate(document)
    except Exception as error:  # its own, RecursionError, or of a library that resolves references
        why = shorten((str(error) or repr(error)).splitlines()[0], 200)
        raise ComparisonError(f"{label} is not a valid OpenAPI document: {why}") from None
    stated = document["info"]["version"]
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", stated)
    if not match:
        raise ComparisonError(f"{label} has the info.version {stated}; it should be like 1.2.3")
    return Contract(label, document, (int(match[1]), int(match[2]), int(match[3])), revision)


def git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git; one that is not installed fails as well, and prints nothing."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True)  # noqa: S603
    except OSError:
        return subprocess.CompletedProcess(command, 1, b"", b"git is not installed")


def unreadable_history(root: Path) -> str | None:
    """Return why git does not know all earlier versions, or None if it does."""
    done = git(root, "rev-parse", "--is-shallow-repository")
    if done.stdout == b"true\n":
        return "the clone is shallow; `git fetch --unshallow --tags` completes it"
    return " ".join(done.stderr.decode(errors="replace").split()) or None


def at_revision(root: Path, revision: str) -> Contract | None:
    """Return the contract at a git revision, or None. Raises ComparisonError."""
    content = git(root, "show", "--end-of-options", f"{revision}:./{CONTRACT}").stdout
    return parse(f"{CONTRACT} at {revision}", content, revision) if content else None


def named(root: Path, base: str) -> Contract:
    """Return the contract in a file or else at a revision. Raises ComparisonError."""
    if Path(base).is_file():
        return parse(base, Path(base).read_bytes())
    if contract := at_revision(root, base):
        return contract
    reason = f": {why}" if (why := unreadable_history(root)) else ""
    raise ComparisonError(f"{base} is neither a file nor a git revision with {CONTRACT}{reason}")


def released(root: Path, version: Version) -> Contract | None:
    """Return the contract that `version` follows, or None for a first version."""
    tag = git(root, "describe", "--tags", "--match", "v[0-9]*", "--abbrev=0", "HEAD").stdout
    if tag and (contract := at_revision(root, tag.decode().strip())):
        return contract
    # Only the states before commits that changed a `version:` line are read.
    log = git(root, "log", "--format=%h", "-G", "^ +version:", "--", CONTRACT).stdout
    for revision in ["HEAD", *(f"{commit}^" for commit in log.decode().split())]:
        contract = at_revision(root, revision)
        if contract and contract.version != version:
            return contract
    return None


def surface_changes_since(root: Path, revision: str) -> list[Change]:
    """Return what breaks users of the client's Python modules, compared with a git revision."""
    archive = git(root, "archive", "--format=zip", revision, "generated/bitrix24_call_card").stdout
    if not archive:  # there was no client yet
        return []
    with TemporaryDirectory() as folder:
        ZipFile(io.BytesIO(archive)).extractall(folder)
        return surface_changes(Path(folder, "generated"), root / "generated")


# --- the command ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command for the project in `root`; return the exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("breaking", description=__doc__, formatter_class=raw)
    parser.add_argument("base", nargs="?", metavar="BASE", help="a file, or else a git revision")
    parser.add_argument("--check", action="store_true", help="fail if info.version is too low")
    options = parser.parse_args(arguments)
    if not (options.base or options.check):
        parser.error("BASE is missing; name a git revision or a file, as in BASE=HEAD~1")
    try:
        contract = named(root, str(root / CONTRACT))
        base = named(root, options.base) if options.base else released(root, contract.version)
        changes = compare(base.document, contract.document) if base else []
        if base and base.revision:
            changes = [*surface_changes_since(root, base.revision), *changes]
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
    why = None if base else unreadable_history(root)
    against = f"it follows {base}" if base else f"not compared: {why or 'it is the first version'}"
    print(f"CHANGELOG.md is at info.version {dotted(contract.version)}; {against}.")
    return int(bool(why and os.environ.get("CI")))


if __name__ == "__main__":
    sys.exit(main())
