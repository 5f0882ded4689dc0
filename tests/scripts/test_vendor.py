"""Vendoring: the copy, its provenance, and what is never overwritten."""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import vendor
from vendor import VendorError

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "__init__.py": b'"""The client."""\n',
    "client.py": "class Client:\n    name = 'Б24'\n".encode(),
    "api/__init__.py": b"",
    "api/call_card/get_status.py": b"def sync(): ...\n",
    "py.typed": b"",
}

LICENSE = b"Do as you like.\n"
Snapshot = dict[str, bytes | None]

make_copy = partial(vendor.vendor, force=False)
force_copy = partial(vendor.vendor, force=True)
check_edits = partial(vendor.check, only_unedited=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small generated project at contract version 1.2.0, outside any repository."""
    project = tmp_path / "repository" / "generated"
    for name, content in FILES.items():
        file = project / "bitrix24_call_card" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (project / "LICENSE").write_bytes(LICENSE)
    set_version(project, "1.2.0")
    return project


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """The folder of an application that is to contain the copy."""
    folder = tmp_path / "app" / "_vendor"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    return folder


@pytest.fixture
def copy(source: Path, dest: Path) -> Path:
    """A fresh copy of the client."""
    make_copy(source, dest)
    return dest / "bitrix24_call_card"


def set_version(project: Path, version: str) -> None:
    (project / "pyproject.toml").write_text(
        f'[project]\nversion = "{version}"\ndependencies = ["attrs>=1", "httpx<2"]\n'
    )


def release(project: Path, version: str) -> None:
    """Change the project to another version, which changes a file, adds one and removes one."""
    set_version(project, version)
    package = project / "bitrix24_call_card"
    (package / "client.py").write_text(f"class Client:\n    name = '{version}'\n")
    (package / "errors.py").write_text(f"name = '{version}'\n")
    (package / "py.typed").unlink(missing_ok=True)


def snapshot(folder: Path) -> Snapshot:
    """Return everything below a folder: its bytes by its path, None for what is not a file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def package(source: Path) -> Snapshot:
    """Return what a copy of the package in a generated project contains."""
    files = snapshot(source / "bitrix24_call_card") | {"LICENSE": LICENSE}
    return {name: marked(name, content) for name, content in files.items()}


def marked(name: str, content: bytes | None) -> bytes | None:
    """Return the content of a file in a copy: a module names its licence and stops formatters."""
    header = b"# SPDX-License-Identifier: MIT\n# ruff: noqa\n# fmt: off\n"
    return header + content if content is not None and name.endswith(".py") else content


def provenance(dest: Path) -> Any:
    return json.loads((dest / "bitrix24_call_card.provenance.json").read_bytes())


def git(folder: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments]
    return subprocess.check_output(command, cwd=folder, env=environment, text=True).strip()


def commit(folder: Path) -> str:
    """Commit everything in a folder, which becomes a repository; return the revision."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "client")
    return git(folder, "rev-parse", "HEAD")


# --- the copy and its provenance ------------------------------------------------------------------


def test_the_copy_is_the_package_without_compiled_python(source: Path, dest: Path) -> None:
    expected = package(source) | {"api": None, "api/call_card": None}
    cache = source / "bitrix24_call_card" / "__pycache__"
    cache.mkdir()
    (cache / "client.cpython-311.pyc.139872").write_bytes(b"\0")
    (source / "bitrix24_call_card" / "old.pyc").write_bytes(b"\0")

    make_copy(source, dest)

    assert snapshot(dest / "bitrix24_call_card") == expected
    assert {path.name for path in dest.iterdir()} == {
        "__init__.py",
        "bitrix24_call_card",
        "bitrix24_call_card.provenance.json",
    }


@pytest.mark.usefixtures("copy")
def test_the_provenance_has_version_revision_and_a_sha256_of_each_file(dest: Path) -> None:
    expected = {
        "package": "bitrix24_call_card",
        "contract_version": "1.2.0",
        "repository": None,
        "source_revision": None,
        "requires": ["attrs>=1", "httpx<2"],
        "files": {
            name: hashlib.sha256(marked(name, content) or b"").hexdigest()
            for name, content in (FILES | {"LICENSE": LICENSE}).items()
        },
    }
    text = (dest / "bitrix24_call_card.provenance.json").read_bytes()
    # Always in one order, so that a diff shows what changed.
    assert text == (json.dumps(expected, indent=2, sort_keys=True) + "\n").encode()


def test_the_revision_is_the_last_commit_or_marked_dirty(source: Path, dest: Path) -> None:
    revision = commit(source.parent)
    git(source.parent, "commit", "--quiet", "--allow-empty", "--message", "something else")
    make_copy(source, dest)
    assert provenance(dest)["source_revision"] == revision

    (source / "bitrix24_call_card" / "new.py").touch()
    make_copy(source, dest)
    assert provenance(dest)["source_revision"] == f"{revision}-dirty"

    revision = commit(source.parent)
    assert "unedited and current" in vendor.check(source, dest)
    make_copy(source, dest)
    assert provenance(dest)["source_revision"] == revision


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ("https://git.example.com/team/card.git", "https://git.example.com/team/card.git"),
        ("https://me:secret@git.example.com:8443/card", "https://git.example.com:8443/card"),
        ("https://git.example.com/card?token=secret#secret", "https://git.example.com/card"),
        ("ssh://git@git.example.com/card.git", "ssh://git.example.com/card.git"),
        ("git@git.example.com:team/card.git", "git@git.example.com:team/card.git"),
    ],
)
def test_the_provenance_names_the_repository_without_credentials(
    source: Path, dest: Path, origin: str, named: str
) -> None:
    commit(source.parent)
    git(source.parent, "remote", "add", "origin", origin)

    make_copy(source, dest)

    assert provenance(dest)["repository"] == named
    git(source.parent, "remote", "set-url", "origin", "git@elsewhere.example.com:card.git")
    assert "up to date" in make_copy(source, dest)


@pytest.mark.parametrize(
    "what", ["no commit", "someone else's repository", "no git", "git refuses", "a hook"]
)
def test_there_is_no_revision_if_no_commit_has_the_project(
    source: Path, dest: Path, tmp_path: Path, monkeypatch: Any, capfd: Any, what: str
) -> None:
    if what == "no commit":
        git(source.parent, "init", "--quiet")
    elif what == "someone else's repository":
        git(source.parent, "init", "--quiet")
        git(source.parent, "commit", "--quiet", "--allow-empty", "--message", "theirs")
    elif what == "no git":
        commit(source.parent)
        monkeypatch.setenv("PATH", "")
    elif what == "git refuses":
        (tmp_path / "git").write_text("#!/bin/sh\necho 'fatal: dubious ownership' >&2; exit 128\n")
        (tmp_path / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    else:
        shutil.copytree(source, tmp_path / "hooked" / "generated")
        commit(tmp_path / "hooked")
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "hooked" / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(source.parent))

    make_copy(source, dest)

    assert provenance(dest)["source_revision"] is None
    assert provenance(dest)["repository"] is None
    assert ("fatal: dubious ownership" in capfd.readouterr().err) == (what == "git refuses")


def test_ruff_ignores_the_real_client_which_may_be_compiled(dest: Path) -> None:
    make_copy(ROOT / "generated", dest)
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache"]
        subprocess.run([*ruff, dest], check=True)
    subprocess.run([sys.executable, "-m", "compileall", "-q", dest], check=True)
    assert "unedited and current" in vendor.check(ROOT / "generated", dest)


def test_it_says_what_application_and_wheel_need(source: Path, tmp_path: Path) -> None:
    said = make_copy(source, tmp_path / "bare")
    assert f"Add {tmp_path}/bare/__init__.py: some wheels leave out a folder without one." in said
    assert said.endswith("your application needs attrs>=1 and httpx<2 for it.")


# --- running it again -----------------------------------------------------------------------------


def test_an_outdated_copy_is_updated(source: Path, dest: Path, copy: Path) -> None:
    release(source, "1.3.0")

    assert "1.2.0 (no revision) -> 1.3.0 (no revision)" in make_copy(source, dest)

    assert snapshot(copy) == package(source)
    assert provenance(dest)["contract_version"] == "1.3.0"
    assert "unedited and current" in vendor.check(source, dest)


@pytest.mark.parametrize(
    ("change", "version", "said"),
    [
        (release, "1.2.0", "is outdated or incomplete: {}. Update it with `make vendor DEST="),
        (set_version, "1.10.0", "is outdated or incomplete: {}. Update it with `make vendor DEST="),
        (set_version, "1.1.9", "is newer than this clone: {}. Update the clone."),
    ],
)
def test_the_check_finds_a_copy_of_another_version_and_changes_nothing(
    source: Path, dest: Path, copy: Path, change: Any, version: str, said: str
) -> None:
    change(source, version)
    before = snapshot(dest)
    with pytest.raises(VendorError) as raised:
        vendor.check(source, dest)
    said = said.format(f"1.2.0 (no revision) -> {version} (no revision)")
    assert str(raised.value).startswith(f"{copy} {said}")
    assert check_edits(source, dest) == f"{copy} is unedited: 1.2.0 (no revision)."
    assert snapshot(dest) == before


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_at_each_change(action: Callable[[], object]) -> Iterator[None]:
    """Run the action until it is not killed any more, each time killed one change to files later.

    A file being written is left half written, and no later change is made, not even in a `finally`.
    """
    for last in itertools.count():
        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            kill_at(last, patch)
            action()
            return
        yield


def kill_at(last: int, patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()

    def killed(name: str) -> Callable[..., Any]:
        change = getattr(Path, name)

        def make_change(path: Path, *arguments: Any, **options: Any) -> Any:
            number = next(numbers)
            if number == last and name == "write_bytes":
                change(path, arguments[0][: len(arguments[0]) // 2])
            if number >= last:
                raise Killed
            return change(path, *arguments, **options)

        return make_change

    for name in ("mkdir", "replace", "unlink", "write_bytes"):
        patch.setattr(Path, name, killed(name))


@pytest.fixture(params=["no copy", "a deleted copy", "an older copy"])
def outdated(source: Path, dest: Path, request: pytest.FixtureRequest) -> Path:
    """A folder that is to get the version to which the project has changed."""
    if request.param != "no copy":
        make_copy(source, dest)
    if request.param == "a deleted copy":
        shutil.rmtree(dest / "bitrix24_call_card")
    release(source, "1.3.0")
    return dest


def test_a_run_killed_at_any_change_is_completed_by_the_next(
    source: Path, outdated: Path, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        shutil.copytree(outdated, folder)
    make_copy(source, after)
    whole = [snapshot(before), snapshot(after)]
    changes = 0
    for _ in killed_at_each_change(lambda: make_copy(source, outdated)):
        changes += 1
        for name, content in snapshot(outdated / "bitrix24_call_card").items():
            assert content in [copy.get(f"bitrix24_call_card/{name}") for copy in whole]

        make_copy(source, outdated)

        assert snapshot(outdated) == snapshot(after)
        shutil.rmtree(outdated)
        shutil.copytree(before, outdated)
    assert changes > 10
    assert snapshot(outdated) == snapshot(after)


def test_a_killed_run_is_not_completed_with_another_version_but_by_force(
    source: Path, outdated: Path
) -> None:
    copied = outdated / "bitrix24_call_card" / "errors.py"
    for _ in killed_at_each_change(lambda: make_copy(source, outdated)):
        if copied.exists():
            break
    release(source, "1.4.0")
    with pytest.raises(VendorError, match=r"errors\.py\n.*If an update to another version was"):
        make_copy(source, outdated)

    force_copy(source, outdated)

    assert snapshot(outdated / "bitrix24_call_card") == package(source)
    assert "unedited and current" in vendor.check(source, outdated)


@pytest.mark.usefixtures("copy")
def test_a_failed_run_says_where_and_leaves_no_file_of_its_own(
    source: Path,
    dest: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def deny(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path), None, str(target))

    before = snapshot(dest)
    set_version(source, "1.3.0")
    monkeypatch.setattr(vendor, "GENERATED", source)
    monkeypatch.setattr(Path, "replace", deny)

    assert vendor.main([str(dest)]) == 1

    assert capsys.readouterr().err == (
        f"{dest}/bitrix24_call_card.provenance.json: Permission denied. Resolve this, then run it "
        "again; `make vendor` completes a copy that is half updated.\n"
    )
    assert snapshot(dest) == before


# --- a copy that was edited by hand ---------------------------------------------------------------


@pytest.fixture
def edited(dest: Path, copy: Path, tmp_path: Path) -> Snapshot:
    """What is in `dest` after the copy was edited by hand in every way."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "get_status.py").write_text("mine = True\n")
    (mine / "same.py").write_bytes(FILES["client.py"])
    (copy / "__init__.py").write_text("mine = True\n")
    (copy / "py.typed").unlink()
    (copy / "api" / "helpers.py").write_text("mine = True\n")
    (copy / "client.py").unlink()
    (copy / "client.py").symlink_to(mine / "same.py")
    shutil.rmtree(copy / "api" / "call_card")
    (copy / "api" / "call_card").symlink_to(mine)
    return snapshot(dest)


@pytest.mark.parametrize("run", [make_copy, vendor.check, check_edits])
@pytest.mark.parametrize("version", ["1.2.0", "1.3.0"])
def test_an_edited_copy_is_refused_with_what_happened_to_each_file(
    source: Path, dest: Path, edited: Snapshot, run: Callable[[Path, Path], str], version: str
) -> None:
    set_version(source, version)
    with pytest.raises(VendorError) as raised:
        run(source, dest)

    *lines, last = str(raised.value).splitlines()
    assert lines == [
        f"{dest}/bitrix24_call_card was edited by hand since it was copied:",
        "  changed  __init__.py",
        "  added    api/call_card",
        "  missing  api/call_card/get_status.py",
        "  added    api/helpers.py",
        "  changed  client.py",
        "  missing  py.typed",
    ]
    assert last.startswith("Nothing was changed. ")
    assert f"`make vendor DEST={dest} FORCE=1` (vendor.py --force)" in last
    assert snapshot(dest) == edited


@pytest.mark.usefixtures("edited")
def test_force_replaces_an_edited_copy_and_follows_no_link_in_it(
    source: Path, dest: Path, copy: Path, tmp_path: Path
) -> None:
    linked = snapshot(tmp_path / "mine")
    force_copy(source, dest)
    assert snapshot(copy) == package(source)
    assert not (copy / "client.py").is_symlink()
    assert snapshot(tmp_path / "mine") == linked
    assert "unedited and current" in vendor.check(source, dest)


def test_line_ends_of_autocrlf_are_no_edit(source: Path, dest: Path, copy: Path) -> None:
    commit(dest.parent)
    shutil.rmtree(dest)
    git(dest.parent, "-c", "core.autocrlf=true", "checkout", "--quiet", ".")
    assert b"\r\n" in (copy / "client.py").read_bytes()
    assert b"\r\n" in (dest / "bitrix24_call_card.provenance.json").read_bytes()

    assert "unedited and current" in vendor.check(source, dest)
    for file in (source / "bitrix24_call_card").glob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert "up to date" in make_copy(source, dest)

    (copy / "client.py").write_bytes((copy / "client.py").read_bytes() + b"mine = True\r\n")
    with pytest.raises(VendorError, match=r"changed  client\.py"):
        vendor.check(source, dest)


# --- what is never replaced -----------------------------------------------------------------------


RECORD = b'{"package": "%s", "contract_version": "1", "source_revision": null, "files": {}}'
OURS, ANOTHER = RECORD % b"bitrix24_call_card", RECORD % b"another"


@pytest.mark.parametrize(
    ("package", "record"),
    [
        ("folder", None),
        ("folder", b'{"package": "bitrix24_call_card",'),
        ("folder", b"\xff\xfe\x00"),
        ("folder", ANOTHER),
        ("file", None),
        ("file", OURS),
        (None, ANOTHER),
    ],
)
def test_anything_else_in_dest_is_left_alone(
    source: Path, dest: Path, package: str | None, record: bytes | None
) -> None:
    if package == "folder":
        (dest / "bitrix24_call_card").mkdir()
        (dest / "bitrix24_call_card" / "mine.py").touch()
    elif package == "file":
        (dest / "bitrix24_call_card").touch()
    if record:
        (dest / "bitrix24_call_card.provenance.json").write_bytes(record)
    before = snapshot(dest)

    for run in (make_copy, force_copy, vendor.check):
        with pytest.raises(VendorError, match=r"in the way.*Nothing was changed.*another folder"):
            run(source, dest)
    assert snapshot(dest) == before


@pytest.mark.usefixtures("copy")
def test_a_record_with_the_marks_of_a_merge_is_named_as_such(source: Path, dest: Path) -> None:
    record = dest / "bitrix24_call_card.provenance.json"
    record.write_bytes(b"{\n<<<<<<< HEAD\n" + record.read_bytes())
    for run in (make_copy, force_copy, vendor.check):
        with pytest.raises(VendorError, match=f"^{record} has merge conflict marks"):
            run(source, dest)


def test_a_missing_dest_is_created_below_a_folder(source: Path, tmp_path: Path) -> None:
    dest = tmp_path / "my app"
    with pytest.raises(VendorError, match=r"There is no .*`make vendor DEST='.*my app'`"):
        vendor.check(source, dest)
    assert not dest.exists()
    make_copy(source, dest)
    assert "unedited and current" in vendor.check(source, dest)

    missing = tmp_path / "no such folder" / "_vendor"
    for run in (make_copy, vendor.check):
        with pytest.raises(VendorError, match=r"such folder does not exist\. Create it, then"):
            run(source, missing)
    assert not missing.parent.exists()


@pytest.mark.parametrize(
    "link",
    ["", "bitrix24_call_card", "bitrix24_call_card.provenance.json", ".bitrix24_call_card.tmp"],
)
@pytest.mark.usefixtures("copy")
def test_symbolic_links_are_not_followed(
    source: Path, dest: Path, tmp_path: Path, link: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (dest / ".bitrix24_call_card.tmp").write_text("mine")
    (dest / link).rename(elsewhere)
    (dest / link).symlink_to(elsewhere)
    set_version(source, "1.3.0")
    before = snapshot(tmp_path)

    for run in (make_copy, force_copy, vendor.check):
        with pytest.raises(VendorError, match="is a symbolic link"):
            run(source, dest)
    assert snapshot(tmp_path) == before


def test_a_dest_in_the_generated_project_is_refused(source: Path) -> None:
    (source.parent / "link").symlink_to(source.parent)
    before = snapshot(source)
    for inside in ("generated", "generated/bitrix24_call_card/api", "link/generated"):
        with pytest.raises(VendorError, match=r"is generated. Name as DEST"):
            force_copy(source, source.parent / inside)
    assert snapshot(source) == before


@pytest.mark.parametrize("gone", ["pyproject.toml", "LICENSE", "bitrix24_call_card"])
@pytest.mark.usefixtures("copy")
def test_an_incomplete_client_is_not_copied(source: Path, dest: Path, gone: str) -> None:
    before = snapshot(dest)
    (source / gone).rename(source / "gone")
    with pytest.raises(VendorError, match=r"contains no complete client.*make generate"):
        force_copy(source, dest)
    assert snapshot(dest) == before


# --- the command line -----------------------------------------------------------------------------


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    ours = ("MAKEFLAGS", "MAKELEVEL", "PYTHON")  # these tests may be run by make
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True)


def test_make_copies_checks_refuses_and_forces(dest: Path) -> None:
    assert "There is no" in make("vendor-check", f"DEST={dest}").stderr
    copied = make("vendor", f"DEST={dest}")
    assert (copied.returncode, copied.stderr) == (0, "")
    assert "was copied" in copied.stdout
    assert make("vendor-check", f"DEST={dest}").returncode == 0

    (dest / "bitrix24_call_card" / "client.py").unlink()
    for target, force in (("vendor", "0"), ("vendor", "no"), ("vendor-check", "")):
        refused = make(target, f"DEST={dest}", f"FORCE={force}").stderr
        assert "missing  client.py" in refused
        assert "Error 1" in refused

    assert make("vendor", f"DEST={dest}", "FORCE=1").returncode == 0
    assert make("vendor-check", f"DEST={dest}").returncode == 0
    misused = make("vendor").stderr
    assert "DEST is empty" in misused
    assert "Error 2" in misused
