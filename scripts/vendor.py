"""Copy the generated client into a folder of your application, to be imported from there.

  DEST/bitrix24_call_card/                  the package; it works under any parent package
  DEST/bitrix24_call_card.provenance.json   where it came from, and a sha256 of each file

Run it again to update the copy. A copy that was edited by hand is left alone and its edited files
are named; --force replaces it all the same, and the edits are gone. Anything else that is in the
way is never replaced. When something fails, the old copy is still there, whole.

  make vendor DEST=../app/src/app/_vendor            make the copy, or update it
  make vendor DEST=../app/src/app/_vendor FORCE=1    the same, over a copy edited by hand
  make vendor-check DEST=../app/src/app/_vendor      is the copy unedited and current?

Exit status: 0 done, or nothing to do; 1 refused, failed, or the check found a difference;
2 wrong usage.
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGE = "bitrix24_call_card"
PROVENANCE = f"{PACKAGE}.provenance.json"
GENERATED = Path(__file__).resolve().parent.parent / "generated"


class VendorError(Exception):
    """The copy cannot be made, or is not what it should be; says why and what to do next."""


@dataclass(frozen=True)
class Provenance:
    """Where a copy came from.

    ``source_revision`` is the last commit that changed the generated project, with ``-dirty``
    behind it when there were uncommitted changes, or None outside a repository. ``files`` has the
    sha256 of each file by its path in the package, with ``/`` on every system.
    """

    contract_version: str
    source_revision: str | None
    files: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.contract_version} ({self.source_revision or 'no revision'})"


def vendor(source: Path, dest: Path, *, force: bool) -> str:
    """Copy the package of the project in `source` into `dest`; return what was done.

    Raises VendorError when something is in the way, or OSError; the old copy is then still whole.
    """
    _check_dest(source, dest)
    recorded, current = _recorded(dest), _current(source)
    if recorded and not force:
        _refuse_edits(dest, recorded)
    if recorded == current and not _edits(dest, current):
        return f"{dest / PACKAGE} is up to date: {current}. There is nothing to do."
    _replace(source / PACKAGE, dest, current)
    done = f"was replaced: {recorded} -> {current}" if recorded else f"was copied: {current}"
    return (
        f"{dest / PACKAGE} {done}.\n"
        f"Commit it together with {PROVENANCE}; your application needs httpx and attrs for it."
    )


def check(source: Path, dest: Path) -> str:
    """Return that the copy in `dest` is unedited and current; touch nothing.

    Raises VendorError when there is no copy, or it is edited or outdated; or OSError.
    """
    _check_dest(source, dest)
    recorded, current = _recorded(dest), _current(source)
    if recorded is None:
        raise VendorError(f"There is no {dest / PACKAGE}. Make it with `{_command(dest)}`.")
    _refuse_edits(dest, recorded)
    # The revision is no part of this: committing a dirty client does not outdate a copy of it.
    if (recorded.contract_version, recorded.files) != (current.contract_version, current.files):
        raise VendorError(
            f"{dest / PACKAGE} is outdated: {recorded} -> {current}. "
            f"Update it with `{_command(dest)}`."
        )
    return f"{dest / PACKAGE} is unedited and current: {recorded}. There is nothing to do."


def _command(dest: Path) -> str:
    return f"make vendor DEST={shlex.quote(str(dest))}"


def _check_dest(source: Path, dest: Path) -> None:
    hint = f"Name as DEST the folder that is to hold {PACKAGE}/."
    for path in (dest, dest / PACKAGE, dest / PROVENANCE):
        if path.is_symlink():
            raise VendorError(f"{path} is a symbolic link, and links are not followed. {hint}")
    if not dest.exists():
        make = f"mkdir -p {shlex.quote(str(dest))}"
        raise VendorError(f"{dest} does not exist. Create it with `{make}`, then run this again.")
    if not dest.is_dir():
        raise VendorError(f"{dest} is not a folder. {hint}")
    if dest.resolve().is_relative_to(source.resolve()):
        raise VendorError(f"{dest} belongs to {source}, which is generated. {hint}")


def _recorded(dest: Path) -> Provenance | None:
    """Return what the copy in `dest` says of itself, or None when there is no copy."""
    package, file = dest / PACKAGE, dest / PROVENANCE
    if not package.exists() and not file.exists():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        record = None
    match record:
        case {
            "package": package.name,
            "contract_version": str(version),
            "source_revision": str() | None as revision,
            "files": dict(files),
        } if package.is_dir():
            return Provenance(version, revision, files)
        case {"package": package.name} if not package.exists():
            return None  # someone deleted the copy and left its provenance: nothing to lose
    raise VendorError(
        f"{package} is in the way: {PROVENANCE} beside it is missing or unreadable, so it is not "
        "known to be a copy of the client. Nothing was touched. Move both away, or name another "
        "folder."
    )


def _current(source: Path) -> Provenance:
    """Return the provenance that a copy of `source` has when it is made now."""
    try:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
        version, files = str(project["project"]["version"]), _hashes(source / PACKAGE)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise VendorError(
            f"{source} holds no whole client, that is a pyproject.toml with a version and "
            f"{PACKAGE}/. Write it with `make generate`, then run this again."
        ) from error
    revision = _git(source, "rev-list", "-1", "HEAD", "--", ".") or None
    if revision and _git(source, "status", "--porcelain", "--", ".") != "":
        revision += "-dirty"
    return Provenance(version, revision, files)


def _git(folder: Path, *arguments: str) -> str | None:
    # In a hook, GIT_DIR and its like name the hook's repository, which need not be this one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "--no-optional-locks", *arguments]
    try:
        output = subprocess.check_output(  # noqa: S603 - the arguments are the literals above
            command, cwd=folder, env=environment, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return output.decode(errors="replace").strip()


def _hashes(package: Path) -> dict[str, str]:
    """Return the sha256 of each file by its path in `package`, without compiled Python."""

    def fail(error: OSError) -> None:
        raise error  # os.walk would skip a folder that it cannot read

    hashes: dict[str, str] = {}
    for folder, folders, files in os.walk(package, onerror=fail):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
        for path in (Path(folder, name) for name in files + folders):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                hashes[path.relative_to(package).as_posix()] = "not a file"
            elif path.is_file() and path.suffix != ".pyc":
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                hashes[path.relative_to(package).as_posix()] = digest
    return hashes


def _edits(dest: Path, recorded: Provenance) -> dict[str, str]:
    """Return what happened to each file that is not as recorded."""
    then, now = recorded.files, _hashes(dest / PACKAGE)
    changed = {name for name in then.keys() & now.keys() if then[name] != now[name]}
    return (
        dict.fromkeys(changed, "changed")
        | dict.fromkeys(then.keys() - now.keys(), "missing")
        | dict.fromkeys(now.keys() - then.keys(), "added")
    )


def _refuse_edits(dest: Path, recorded: Provenance) -> None:
    if edits := _edits(dest, recorded):
        lines = [f"  {what:7}  {name}" for name, what in sorted(edits.items())]
        raise VendorError(
            "\n".join([f"{dest / PACKAGE} was edited by hand since it was copied:", *lines])
            + "\nNothing was touched. Keep what you need of these changes, then replace the copy "
            f"with `{_command(dest)} FORCE=1` (vendor.py --force)."
        )


def _replace(package: Path, dest: Path, provenance: Provenance) -> None:
    """Write the new copy beside the old one, compare it with its source, and swap the two."""
    record = {"package": PACKAGE, **asdict(provenance)}
    staging = Path(tempfile.mkdtemp(prefix=f".{PACKAGE}-", dir=dest))
    new = staging / PACKAGE
    try:
        for name in provenance.files:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package / name, new / name)
        if _hashes(new) != provenance.files:
            raise VendorError(f"{package} changed while it was copied. Run this again.")
        text = json.dumps(record, indent=2, sort_keys=True) + "\n"
        (staging / PROVENANCE).write_text(text, encoding="utf-8", newline="\n")
        _swap(staging, dest)
    finally:
        # What another user compiled in the old copy can be moved, but perhaps not deleted.
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, dest: Path) -> None:
    new, target, old = staging / PACKAGE, dest / PACKAGE, staging / "old"
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
        (staging / PROVENANCE).replace(dest / PROVENANCE)
    except BaseException:
        if not new.exists():
            target.rename(new)
        if old.exists():
            old.rename(target)
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dest", metavar="DEST", help="the existing folder that holds the copy")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare only; touch nothing")
    mode.add_argument("--force", action="store_true", help="replace a copy edited by hand, too")
    options = parser.parse_args(arguments)
    if not options.dest:  # `make vendor` alone passes "", which Path takes for the current folder
        parser.error("DEST is empty. Name a folder, as in `make vendor DEST=../app/_vendor`.")
    dest = Path(options.dest)
    try:
        if options.check:
            print(check(GENERATED, dest))
        else:
            print(vendor(GENERATED, dest, force=options.force))
    except VendorError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(
            f"{error.filename or dest}: {error.strerror or error}. The copy is as it was. "
            "See to the permissions and the free space there, then run this again.",
            file=sys.stderr,
        )
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
