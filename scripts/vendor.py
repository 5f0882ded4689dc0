"""Copy the generated client into a folder of your application, to be imported from there.

  DEST/bitrix24_call_card/                  the package; it works under any parent package
  DEST/bitrix24_call_card.provenance.json   where it came from, what it needs, a sha256 of each file

DEST is created if the folder above it exists. Run it again to update the copy; an interrupted run
is completed by the next. If the copy was edited by hand, or contains files of yours, it is left
alone and these files are listed. Anything else that is in the way is never replaced.

  make vendor DEST=../app/src/app/_vendor           make the copy, or update it
  make vendor DEST=../app/src/app/_vendor FORCE=1   also replace an edited copy, edits and all
  make vendor-check DEST=../app/src/app/_vendor     check that the copy is unedited and current
  python3 scripts/vendor.py --unedited DEST         check that it is unedited; installs nothing
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

PACKAGE = "bitrix24_call_card"
PROVENANCE = f"{PACKAGE}.provenance.json"
TEMPORARY = f".{PACKAGE}.tmp"
LICENSE = "LICENSE"
# Wheels may leave LICENSE out; a formatter or linter would edit the copy.
HEADER = b"# SPDX-License-Identifier: MIT\n# ruff: noqa\n# fmt: off\n"
GENERATED = Path(__file__).resolve().parent.parent / "generated"


class VendorError(Exception):
    """The copy cannot be made, or is not what it should be; says why and what to do next."""


@dataclass(frozen=True)
class Provenance:
    """Where a copy came from, with the sha256 of each file by its path in the package.

    ``source_revision`` is the last commit that changed the generated project, with ``-dirty`` after
    it if there were uncommitted changes. ``repository`` has no credentials; comparisons ignore it,
    since a repository may have several addresses. Both are None where git does not know.
    """

    contract_version: str
    repository: str | None = field(compare=False)
    source_revision: str | None
    requires: Sequence[str]
    files: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.contract_version} ({self.source_revision or 'no revision'})"

    def to_json(self) -> bytes:
        """Return the content of the file beside the copy."""
        record = {"package": PACKAGE, **asdict(self)}
        return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()


def vendor(source: Path, dest: Path, *, force: bool) -> str:
    """Copy the package of the project in `source` into `dest`; return what was done.

    After a VendorError nothing is changed; after an OSError the next run completes the copy.
    """
    current, files, recorded, found = _compared(source, dest, force=force)
    if recorded == current and found == current.files:
        return f"{dest / PACKAGE} is up to date: {current}. There is nothing to do."
    if not recorded:
        # Without files, so that what a killed run leaves is known to be a copy.
        _write(dest, PROVENANCE, replace(current, files={}).to_json())
    for name in found.keys() - files.keys():
        (dest / PACKAGE / name).unlink()
    for name, content in files.items():
        if found.get(name) != current.files[name]:
            _write(dest, f"{PACKAGE}/{name}", content)
    # Last, so that until then each file is either as recorded or as it will be.
    _write(dest, PROVENANCE, current.to_json())
    done = f"was replaced: {recorded} -> {current}" if recorded else f"was copied: {current}"
    if not (dest / "__init__.py").exists():
        done += f".\nAdd {dest / '__init__.py'}: some wheels leave out a folder without one"
    return (
        f"{dest / PACKAGE} {done}.\nCommit it together with {PROVENANCE}; "
        f"your application needs {' and '.join(current.requires)} for it."
    )


def check(source: Path, dest: Path, *, only_unedited: bool = False) -> str:
    """Return a sentence: the copy in `dest` is unedited and current. Else raise VendorError."""
    current, _, recorded, _ = _compared(source, dest, force=False)
    if recorded is None:
        raise VendorError(f"There is no {dest / PACKAGE}. Make it with `{_command(dest)}`.")
    if only_unedited:
        return f"{dest / PACKAGE} is unedited: {recorded}."
    # Without the revision: committing a dirty client does not outdate a copy of it.
    if (recorded.contract_version, recorded.files) != (current.contract_version, current.files):
        what, advice = "outdated or incomplete", f"Update it with `{_command(dest)}`"
        if _numbers(recorded.contract_version) > _numbers(current.contract_version):
            what, advice = "newer than this clone", "Update the clone"
        raise VendorError(f"{dest / PACKAGE} is {what}: {recorded} -> {current}. {advice}.")
    return f"{dest / PACKAGE} is unedited and current: {recorded}. There is nothing to do."


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _compared(
    source: Path, dest: Path, *, force: bool
) -> tuple[Provenance, dict[str, bytes], Provenance | None, dict[str, str]]:
    """Return a new copy's provenance and files, the copy's recorded provenance, and its hashes.

    Raises VendorError if a copy cannot be made in `dest`, or was edited, unless that is forced.
    """
    _check_dest(source, dest)
    current, files = _client(source)
    recorded, found = _recorded(dest), _hashes(_files(dest / PACKAGE))
    edits = []
    if recorded and not force:
        for name in sorted(found.keys() | recorded.files.keys()):
            if found.get(name) not in (recorded.files.get(name), current.files.get(name)):
                change = "changed" if name in recorded.files else "added"
                edits.append(f"  {change if name in found else 'missing':7}  {name}")
    if edits:
        first = f"{dest / PACKAGE} was edited by hand since it was copied:"
        last = (
            "Nothing was changed. Save what you need of these files elsewhere, then replace the "
            f"copy with `{_command(dest)} FORCE=1` (vendor.py --force). If an update to another "
            "version was interrupted, they may be that version's files, with nothing to save."
        )
        raise VendorError("\n".join([first, *edits, last]))
    return current, files, recorded, found


def _command(dest: Path) -> str:
    return f"make vendor DEST={shlex.quote(str(dest))}"


def _check_dest(source: Path, dest: Path) -> None:
    hint = f"Name as DEST the folder that is to contain {PACKAGE}/."
    for path in (dest, dest / PACKAGE, dest / PROVENANCE, dest / TEMPORARY):
        if path.is_symlink():
            raise VendorError(f"{path} is a symbolic link, and links are not followed. {hint}")
    if dest.resolve().is_relative_to(source.resolve()):
        raise VendorError(f"{dest} is inside {source}, which is generated. {hint}")
    if not dest.parent.exists():
        raise VendorError(f"{dest.parent} does not exist. Create it, then run this again.")


def _client(source: Path) -> tuple[Provenance, dict[str, bytes]]:
    """Return the provenance of a copy of `source` that is made now, and the copy's files."""
    try:
        text = (source / "pyproject.toml").read_text(encoding="utf-8")
        project, files = tomllib.loads(text)["project"], _files(source / PACKAGE)
        version, requires = str(project["version"]), list(project["dependencies"])
        files |= {name: HEADER + files[name] for name in files if name.endswith(".py")}
        files[LICENSE] = _content(source / LICENSE)
        if "__init__.py" not in files:
            raise FileNotFoundError
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise VendorError(
            f"{source} contains no complete client, which is a pyproject.toml with a version, "
            f"{LICENSE} and {PACKAGE}/. Write it with `make generate`, then run this again."
        ) from error
    revision = _git(source, "rev-list", "-1", "HEAD", "--", ".") or None
    origin = _git(source, "config", "--get", "remote.origin.url") if revision else None
    if origin:
        url = urlsplit(origin)
        origin = url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()
    if revision and _git(source, "status", "--porcelain", "--", ".") != "":
        revision += "-dirty"
    return Provenance(version, origin, revision, requires, _hashes(files)), files


def _git(folder: Path, *arguments: str) -> str | None:
    # In a hook, variables such as GIT_DIR name the hook's repository, which may be another one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", *arguments]
    try:  # git itself prints why it fails, such as "dubious ownership"
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE)  # noqa: S603
    except OSError:
        return None
    return None if done.returncode else done.stdout.decode(errors="replace").strip()


def _recorded(dest: Path) -> Provenance | None:
    """Return the provenance beside the copy in `dest`, or None if there is no copy."""
    package, file = dest / PACKAGE, dest / PROVENANCE
    if not package.exists() and not file.exists():
        return None
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    match record:
        case {"package": "bitrix24_call_card"} if not package.exists():
            return None  # the copy was deleted, but not its provenance
        case {
            "package": "bitrix24_call_card",
            "contract_version": str(version),
            "source_revision": str() | None as revision,
            "files": dict(files),
        } if package.is_dir():
            requires = record.get("requires", [])
            return Provenance(version, record.get("repository"), revision, requires, files)
    if "\n<<<<<<< " in text:
        raise VendorError(f"{file} has merge conflict marks. Resolve it and the copy to one side.")
    raise VendorError(
        f"{package} is in the way: {PROVENANCE} beside it is missing or unreadable, so it may not "
        "be a copy of the client. Nothing was changed. Move both away, or name another folder."
    )


def _files(package: Path) -> dict[str, bytes]:
    """Return the content of each file by its path in `package`, without compiled Python.

    The content of a symbolic link is its target, which no file of the client contains.
    """
    files = {}
    for path in package.rglob("*"):
        name = path.relative_to(package)
        if "__pycache__" in name.parts or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            files[name.as_posix()] = b"symbolic link to " + os.fsencode(path.readlink())
        elif path.is_file():
            files[name.as_posix()] = _content(path)
    return files


def _content(file: Path) -> bytes:
    """Read a file without the carriage returns that git's autocrlf may have added."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _write(dest: Path, name: str, content: bytes) -> None:
    """Write a file beside the copy, then rename it, so that no file is ever half written."""
    file, temporary = dest / name, dest / TEMPORARY
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("dest", metavar="DEST", help="the folder that contains the copy")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare only; change nothing")
    mode.add_argument("--unedited", action="store_true", help="compare with its own record only")
    mode.add_argument("--force", action="store_true", help="also replace an edited copy")
    options = parser.parse_args(arguments)
    if not options.dest:  # `make vendor` alone passes "", which Path takes for the current folder
        parser.error("DEST is empty. Name a folder, as in `make vendor DEST=../app/_vendor`.")
    dest = Path(options.dest)
    run = partial(vendor, force=options.force)
    if options.check or options.unedited:
        run = partial(check, only_unedited=options.unedited)
    try:
        print(run(GENERATED, dest))
        return 0
    except VendorError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(
            f"{error.filename2 or error.filename or dest}: {error.strerror or error}. Resolve "
            "this, then run it again; `make vendor` completes a copy that is half updated.",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    sys.exit(main())
