"""Copy the generated client into a folder of your application, to be imported from there.

  DEST/bitrix24_call_card/                  the package; it works under any parent package
  DEST/bitrix24_call_card.provenance.json   where it came from, and a sha256 of each file

DEST is created if the folder above it exists. Run it again to update the copy. A copy that was
edited by hand, or that holds files of yours, is left alone and these files are named; --force
replaces it, and they are gone. Anything else that is in the way is never replaced. When something
fails, the old copy is still there, whole; after a crash, the next run puts things in order.

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
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from locking import locked

PACKAGE = "bitrix24_call_card"
PROVENANCE = f"{PACKAGE}.provenance.json"
LICENSE = "LICENSE"
GENERATED = Path(__file__).resolve().parent.parent / "generated"

# Hidden folders in DEST, there only during a run. From READY on, the new copy is complete.
READY = f".{PACKAGE}.ready"
NEW = f".{PACKAGE}.new-"
OLD = f".{PACKAGE}.old-"


class VendorError(Exception):
    """The copy cannot be made, or is not what it should be; says why and what to do next."""


@dataclass(frozen=True)
class Provenance:
    """Where a copy came from.

    ``repository`` is where its origin is, without credentials; it does not count when two are
    compared, since the same repository has several addresses. ``source_revision`` is the last
    commit that changed the generated project, with ``-dirty`` behind it when there were
    uncommitted changes. Both are None where git does not know. ``files`` has the sha256 of each
    file by its path in the package, with ``/`` on every system.
    """

    contract_version: str
    repository: str | None = field(compare=False)
    source_revision: str | None
    files: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.contract_version} ({self.source_revision or 'no revision'})"


def vendor(source: Path, dest: Path, *, force: bool) -> str:
    """Copy the package of the project in `source` into `dest`; return what was done.

    Raises VendorError when something is in the way, or OSError; the old copy is then still whole.
    """
    _check_dest(source, dest)
    current = _current(source)
    with _existing(dest), locked(dest):
        _finish_stopped_run(dest)
        recorded = _recorded(dest)
        if recorded and not force:
            _refuse_changes(dest, recorded)
        if recorded == current and not _differences(dest, current):
            return f"{dest / PACKAGE} is up to date: {current}. There is nothing to do."
        _replace(source, dest, current)
        done = f"was replaced: {recorded} -> {current}" if recorded else f"was copied: {current}"
        message = (
            f"{dest / PACKAGE} {done}.\n"
            f"Commit it together with {PROVENANCE}; your application needs httpx and attrs for it."
        )
        left = [f"\n{path} could not be deleted. Delete it." for path in dest.glob(f"{OLD}*")]
        return "".join([message, *left])


def check(source: Path, dest: Path) -> str:
    """Return that the copy in `dest` is unedited and current; touch nothing.

    Raises VendorError when there is no copy, or it is edited or outdated; or OSError.
    """
    _check_dest(source, dest)
    current = _current(source)
    absent = f"There is no {dest / PACKAGE}. Make it with `{_command(dest)}`."
    if not dest.exists():
        raise VendorError(absent)
    with locked(dest):
        if (dest / READY).exists():
            raise VendorError(
                f"An update of {dest / PACKAGE} was stopped before its end. "
                f"Finish it with `{_command(dest)}`."
            )
        recorded = _recorded(dest)
        if recorded is None:
            raise VendorError(absent)
        _refuse_changes(dest, recorded)
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
    if not dest.exists() and not dest.parent.exists():
        make = f"mkdir -p {shlex.quote(str(dest.parent))}"
        raise VendorError(
            f"{dest.parent} does not exist. Create it with `{make}`, then run this again."
        )
    for path in (dest, dest.parent):
        if path.exists() and not path.is_dir():
            raise VendorError(f"{path} is not a folder. {hint}")
    if dest.resolve().is_relative_to(source.resolve()):
        raise VendorError(f"{dest} belongs to {source}, which is generated. {hint}")


@contextmanager
def _existing(dest: Path) -> Iterator[None]:
    """Create `dest` if it is missing, for as long as something comes into it."""
    missing = not dest.exists()
    dest.mkdir(exist_ok=True)
    try:
        yield
    finally:
        if missing and not any(dest.iterdir()):
            dest.rmdir()


def _recorded(dest: Path) -> Provenance | None:
    """Return what the copy in `dest` says of itself, or None when there is no copy."""
    package, file = dest / PACKAGE, dest / PROVENANCE
    if not package.exists() and not file.exists():
        return None
    if provenance := _read(file):
        if package.is_dir():
            return provenance
        if not package.exists():  # someone deleted the copy and left its provenance
            return None
    raise VendorError(
        f"{package} is in the way: {PROVENANCE} beside it is missing or unreadable, so it is not "
        "known to be a copy of the client. Nothing was touched. Move both away, or name another "
        "folder."
    )


def _read(file: Path) -> Provenance | None:
    """Return the provenance of a copy of this package, or None if the file holds none."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    match record:
        case {
            "package": "bitrix24_call_card",
            "contract_version": str(version),
            "source_revision": str() | None as revision,
            "files": dict(files),
        }:
            return Provenance(version, record.get("repository"), revision, files)
    return None


def _current(source: Path) -> Provenance:
    """Return the provenance that a copy of `source` has when it is made now."""
    try:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
        version, files = str(project["project"]["version"]), _hashes(source / PACKAGE)
        files[LICENSE] = _hash((source / LICENSE).read_bytes())
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise VendorError(
            f"{source} holds no whole client, that is a pyproject.toml with a version, {LICENSE} "
            f"and {PACKAGE}/. Write it with `make generate`, then run this again."
        ) from error
    revision = _git(source, "rev-list", "-1", "HEAD", "--", ".") or None
    if revision is None:  # no repository, or one that knows nothing of the client
        return Provenance(version, None, None, files)
    if _git(source, "status", "--porcelain", "--", ".") != "":
        revision += "-dirty"
    origin = _git(source, "config", "--get", "remote.origin.url")
    return Provenance(version, _without_credentials(origin) if origin else None, revision, files)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


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
                hashes[path.relative_to(package).as_posix()] = _hash(path.read_bytes())
    return hashes


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _differences(dest: Path, recorded: Provenance) -> dict[str, str]:
    """Return what happened to each file that is not as recorded."""
    then, now = recorded.files, _hashes(dest / PACKAGE)
    changed = {
        name
        for name in then.keys() & now.keys()
        if now[name] != then[name] and not _is_checked_out(dest / PACKAGE / name, then[name])
    }
    return (
        dict.fromkeys(changed, "changed")
        | dict.fromkeys(then.keys() - now.keys(), "missing")
        | dict.fromkeys(now.keys() - then.keys(), "added")
    )


def _is_checked_out(file: Path, expected: str) -> bool:
    """Return whether git's autocrlf alone makes the file differ from what was copied."""
    return not file.is_symlink() and _hash(file.read_bytes().replace(b"\r\n", b"\n")) == expected


def _refuse_changes(dest: Path, recorded: Provenance) -> None:
    differences = sorted(_differences(dest, recorded).items())
    added = [f"  {name}" for name, what in differences if what == "added"]
    edited = [f"  {what:7}  {name}" for name, what in differences if what != "added"]
    if edited:
        edited.insert(0, f"{dest / PACKAGE} was edited by hand since it was copied:")
    if added:
        added.insert(0, f"{dest / PACKAGE} holds files that the package does not have:")
    if differences:
        last = (
            "Nothing was touched. Keep what you need of these files elsewhere, then replace the "
            f"copy with `{_command(dest)} FORCE=1` (vendor.py --force)."
        )
        raise VendorError("\n".join([*edited, *added, last]))


def _replace(source: Path, dest: Path, provenance: Provenance) -> None:
    """Write the new copy beside the old one, compare it with its source, and swap the two."""
    record = {"package": PACKAGE, **asdict(provenance)}
    staging = Path(tempfile.mkdtemp(prefix=NEW, dir=dest))
    new = staging / PACKAGE
    try:
        for name in provenance.files:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / (name if name == LICENSE else f"{PACKAGE}/{name}"), new / name)
        if _hashes(new) != provenance.files:
            raise VendorError(f"{source} changed while it was copied. Run this again.")
        text = json.dumps(record, indent=2, sort_keys=True) + "\n"
        (staging / PROVENANCE).write_text(text, encoding="utf-8", newline="\n")
        _swap(staging, dest)
    finally:
        _remove_leftovers(dest)


def _swap(staging: Path, dest: Path) -> None:
    ready, target = dest / READY, dest / PACKAGE
    new, old, record = ready / PACKAGE, ready / "old", ready / PROVENANCE
    staging.rename(ready)
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
        record.replace(dest / PROVENANCE)
    except BaseException:
        if record.exists():  # else the swap is complete
            if not new.exists():
                target.rename(new)
            if old.exists():
                old.rename(target)
        raise
    finally:
        with suppress(OSError):  # the next run does it
            _discard(ready)


def _finish_stopped_run(dest: Path) -> None:
    """Complete the swap during which a run was killed, and remove what killed runs left."""
    ready, target = dest / READY, dest / PACKAGE
    if ready.exists():
        if (ready / PACKAGE).exists() and not target.exists():
            (ready / PACKAGE).rename(target)
        provenance = _read(ready / PROVENANCE)
        # Somebody may have put another copy there since: then its own provenance stays.
        if provenance and target.is_dir() and not _differences(dest, provenance):
            (ready / PROVENANCE).replace(dest / PROVENANCE)
        _discard(ready)
    _remove_leftovers(dest)


def _discard(ready: Path) -> None:
    """Take its name from the folder, so that what is half deleted is never taken for complete."""
    ready.rename(ready.with_name(f"{OLD}{secrets.token_hex(4)}"))


def _remove_leftovers(dest: Path) -> None:
    for leftover in [*dest.glob(f"{NEW}*"), *dest.glob(f"{OLD}*")]:
        # What another user compiled in the old copy can be moved, but perhaps not deleted.
        shutil.rmtree(leftover, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dest", metavar="DEST", help="the folder that holds the copy")
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
