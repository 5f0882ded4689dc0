"""Vendoring: the copy, its provenance, and what is never overwritten."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import vendor
from vendor import VendorError

from tests.scripts import stopping

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "__init__.py": b'"""The client."""\n',
    "client.py": "class Client:\n    name = 'Б24'\n".encode(),
    "api/__init__.py": b"",
    "api/call_card/__init__.py": b"",
    "api/call_card/get_status.py": b"from ...client import Client\n\nNAME = Client.name\n",
    "py.typed": b"",
}

LICENSE = b"Do as you like.\n"

Snapshot = dict[str, bytes | None]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A generated project, small, at contract version 1.2.0 and outside any repository."""
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
    """The folder of an application that is to hold the copy."""
    folder = tmp_path / "app" / "_vendor"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    return folder


@pytest.fixture
def copy(source: Path, dest: Path) -> Path:
    """A fresh copy of the client."""
    vendor.vendor(source, dest, force=False)
    return dest / "bitrix24_call_card"


def set_version(project: Path, version: str) -> None:
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "{version}"\n')


def snapshot(folder: Path) -> Snapshot:
    """Everything under a folder: its bytes by its path, None for what is not a file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def package(source: Path) -> Snapshot:
    """What a copy of the package in a generated project holds."""
    return snapshot(source / "bitrix24_call_card") | {"LICENSE": LICENSE}


def provenance(dest: Path) -> dict[str, object]:
    text = (dest / "bitrix24_call_card.provenance.json").read_text(encoding="utf-8")
    content: dict[str, object] = json.loads(text)
    return content


def git(folder: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    return subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def python(folder: Path, code: str) -> str:
    """Run code with `folder` as the only place that is added to sys.path."""
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


# --- the copy and its provenance ------------------------------------------------------------------


def test_the_copy_holds_the_files_of_the_package_byte_for_byte(copy: Path) -> None:
    files = {name: content for name, content in snapshot(copy).items() if content is not None}
    assert files == FILES | {"LICENSE": LICENSE}


def test_nothing_but_the_package_and_its_provenance_is_left_in_dest(dest: Path, copy: Path) -> None:
    assert {path.name for path in dest.iterdir()} == {
        "__init__.py",
        copy.name,
        "bitrix24_call_card.provenance.json",
    }


def test_compiled_python_is_not_copied(source: Path, dest: Path) -> None:
    cache = source / "bitrix24_call_card" / "__pycache__"
    cache.mkdir()
    (cache / "client.cpython-311.pyc").write_bytes(b"\0")
    (cache / "client.cpython-311.pyc.139872").write_bytes(b"\0")
    (source / "bitrix24_call_card" / "old.pyc").write_bytes(b"\0")

    vendor.vendor(source, dest, force=False)

    names = snapshot(dest / "bitrix24_call_card")
    assert "client.py" in names
    assert not [name for name in names if name.endswith(".pyc") or "__pycache__" in name]


def test_the_provenance_names_version_revision_and_a_sha256_of_each_file(
    dest: Path, copy: Path
) -> None:
    assert provenance(dest) == {
        "package": copy.name,
        "contract_version": "1.2.0",
        "repository": None,
        "source_revision": None,
        "files": {
            name: hashlib.sha256(content).hexdigest()
            for name, content in (FILES | {"LICENSE": LICENSE}).items()
        },
    }


def test_two_runs_give_the_same_bytes(source: Path, dest: Path, copy: Path) -> None:
    first = snapshot(dest)
    shutil.rmtree(copy)
    (dest / "bitrix24_call_card.provenance.json").unlink()

    vendor.vendor(source, dest, force=False)

    assert snapshot(dest) == first
    text = (dest / "bitrix24_call_card.provenance.json").read_bytes()
    assert text.endswith(b"}\n")
    assert b"\r" not in text
    assert text.index(b'"__init__.py"') < text.index(b'"api/__init__.py"') < text.index(b'"py.typ')


def test_the_revision_is_the_last_commit_that_changed_the_generated_project(
    source: Path, dest: Path
) -> None:
    repository = source.parent
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "client")
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "something else")

    vendor.vendor(source, dest, force=False)

    assert provenance(dest)["source_revision"] == commit


def test_the_revision_is_marked_when_the_generated_project_has_uncommitted_changes(
    source: Path, dest: Path
) -> None:
    git(source.parent, "init", "--quiet")
    git(source.parent, "add", ".")
    git(source.parent, "commit", "--quiet", "--message", "client")
    (source / "bitrix24_call_card" / "new.py").touch()

    vendor.vendor(source, dest, force=False)

    commit = git(source.parent, "rev-parse", "HEAD")
    assert provenance(dest)["source_revision"] == f"{commit}-dirty"

    git(source.parent, "add", ".")
    git(source.parent, "commit", "--quiet", "--message", "clean again")
    assert "unedited and current" in vendor.check(source, dest)
    vendor.vendor(source, dest, force=False)
    commit = git(source.parent, "rev-parse", "HEAD")
    assert provenance(dest)["source_revision"] == commit


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        (
            "https://git.example.com/team/call-card.git",
            "https://git.example.com/team/call-card.git",
        ),
        ("https://me:secret@git.example.com:8443/card", "https://git.example.com:8443/card"),
        ("https://git.example.com/card?token=secret#secret", "https://git.example.com/card"),
        ("ssh://git@git.example.com/card.git", "ssh://git.example.com/card.git"),
        ("git@git.example.com:team/card.git", "git@git.example.com:team/card.git"),
    ],
)
def test_the_provenance_names_the_repository_without_credentials(
    source: Path, dest: Path, origin: str, named: str
) -> None:
    git(source.parent, "init", "--quiet")
    git(source.parent, "remote", "add", "origin", origin)
    git(source.parent, "add", ".")
    git(source.parent, "commit", "--quiet", "--message", "client")

    vendor.vendor(source, dest, force=False)

    assert provenance(dest)["repository"] == named
    git(source.parent, "remote", "set-url", "origin", "git@elsewhere.example.com:card.git")
    assert "up to date" in vendor.vendor(source, dest, force=False)


@pytest.mark.parametrize("what", ["a repository without a commit", "someone else's repository"])
def test_there_is_no_revision_when_no_commit_holds_the_project(
    source: Path, dest: Path, what: str
) -> None:
    git(source.parent, "init", "--quiet")
    git(source.parent, "remote", "add", "origin", "https://git.example.com/theirs")
    if what == "someone else's repository":
        git(source.parent, "commit", "--quiet", "--allow-empty", "--message", "theirs")

    vendor.vendor(source, dest, force=False)

    assert provenance(dest)["source_revision"] is None
    assert provenance(dest)["repository"] is None


def test_there_is_no_revision_without_git(
    source: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(source.parent, "init", "--quiet")
    git(source.parent, "add", ".")
    git(source.parent, "commit", "--quiet", "--message", "client")
    monkeypatch.setenv("PATH", "")

    vendor.vendor(source, dest, force=False)

    assert provenance(dest)["source_revision"] is None


def test_the_repository_of_a_hook_is_not_taken_for_the_source(
    source: Path, dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = tmp_path / "hooked"
    shutil.copytree(source, hooked / "generated")
    git(hooked, "init", "--quiet")
    git(hooked, "add", ".")
    git(hooked, "commit", "--quiet", "--message", "theirs")
    monkeypatch.setenv("GIT_DIR", str(hooked / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(source.parent))

    vendor.vendor(source, dest, force=False)

    assert provenance(dest)["source_revision"] is None


# --- a copy that is used --------------------------------------------------------------------------


@pytest.mark.usefixtures("copy")
def test_a_copy_works_under_any_parent_package(tmp_path: Path) -> None:
    code = "from app._vendor.bitrix24_call_card.api.call_card import get_status as module"
    assert python(tmp_path, f"{code}; print(ascii(module.NAME))") == r"'\u041124'"


def test_the_real_client_works_as_a_copy_without_the_source_tree(
    dest: Path, tmp_path: Path
) -> None:
    vendor.vendor(ROOT / "generated", dest, force=False)
    code = """
import importlib, pkgutil, sys
from app._vendor.bitrix24_call_card.api.call_card import get_status
import app._vendor.bitrix24_call_card as package
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
assert callable(get_status.sync)
assert not [name for name in sys.modules if name.startswith("bitrix24_call_card")]
print(get_status.__file__)
"""
    expected = dest / "bitrix24_call_card" / "api" / "call_card" / "get_status.py"
    assert python(tmp_path, code) == str(expected)


@pytest.mark.usefixtures("copy")
def test_running_the_copy_does_not_count_as_an_edit(source: Path, dest: Path, copy: Path) -> None:
    for folder in (copy, copy / "api"):
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "client.cpython-311.pyc").write_bytes(b"\0")
        (folder / "__pycache__" / "client.cpython-311.pyc.139872").write_bytes(b"\0")
    (copy / "client.pyc").write_bytes(b"\0")

    assert "unedited and current" in vendor.check(source, dest)
    assert "up to date" in vendor.vendor(source, dest, force=False)


# --- running it again -----------------------------------------------------------------------------


@pytest.mark.usefixtures("copy")
def test_a_current_copy_is_said_to_be_up_to_date_and_left_alone(source: Path, dest: Path) -> None:
    inode = (dest / "bitrix24_call_card").stat().st_ino
    assert "is up to date: 1.2.0" in vendor.vendor(source, dest, force=False)
    assert (dest / "bitrix24_call_card").stat().st_ino == inode


def test_an_outdated_copy_is_replaced_as_a_whole(source: Path, dest: Path, copy: Path) -> None:
    (source / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    (source / "bitrix24_call_card" / "py.typed").unlink()
    (source / "bitrix24_call_card" / "errors.py").touch()
    set_version(source, "1.3.0")

    message = vendor.vendor(source, dest, force=False)

    assert "1.2.0 (no revision) -> 1.3.0 (no revision)" in message
    assert snapshot(copy) == package(source)
    assert provenance(dest)["contract_version"] == "1.3.0"
    assert "unedited and current" in vendor.check(source, dest)


def test_a_copy_that_was_deleted_is_made_again(source: Path, dest: Path, copy: Path) -> None:
    shutil.rmtree(copy)
    vendor.vendor(source, dest, force=False)
    assert snapshot(copy) == package(source)


@pytest.mark.parametrize("failing", ["copy", "package", "provenance"])
def test_a_failure_leaves_the_old_copy_whole(
    source: Path, dest: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    set_version(source, "1.3.0")
    (source / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    before = snapshot(dest)

    def refuse_to(operation: Callable[..., object], *, at: Path) -> Callable[..., object]:
        def operate(path: Path, target: Path) -> object:
            if path.name != "old" and Path(target) == at:
                raise PermissionError(13, "Permission denied", str(target))
            return operation(path, target)

        return operate

    match failing:
        case "copy":
            monkeypatch.setattr(shutil, "copyfile", _disk_full)
        case "package":
            monkeypatch.setattr(Path, "rename", refuse_to(Path.rename, at=copy))
        case "provenance":
            record = dest / "bitrix24_call_card.provenance.json"
            monkeypatch.setattr(Path, "replace", refuse_to(Path.replace, at=record))

    with pytest.raises(OSError, match=r"denied|space"):
        vendor.vendor(source, dest, force=False)
    assert snapshot(dest) == before


def _disk_full(_source: Path, target: Path) -> None:
    raise OSError(28, "No space left on device", str(target))


def test_an_old_copy_that_cannot_be_deleted_does_not_undo_the_new_one(
    source: Path, dest: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: str, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    set_version(source, "1.3.0")
    (source / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    monkeypatch.setattr(os, "unlink", deny)

    message = vendor.vendor(source, dest, force=False)

    assert "was replaced" in message
    left = [path for path in dest.iterdir() if path.name.startswith(".")]
    assert [f"{path} could not be deleted. Delete it." for path in left] == message.splitlines()[2:]
    assert left
    assert snapshot(copy) == package(source)


def test_a_failure_leaves_nothing_where_there_was_no_copy(
    source: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(dest)
    monkeypatch.setattr(Path, "replace", _disk_full)
    with pytest.raises(OSError, match="space"):
        vendor.vendor(source, dest, force=False)
    assert snapshot(dest) == before


def test_a_client_that_changes_while_it_is_copied_is_not_swapped_in(
    source: Path, dest: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_version(source, "1.3.0")
    before = snapshot(dest)
    monkeypatch.setattr(shutil, "copyfile", lambda _source, target: target.touch())
    with pytest.raises(VendorError, match="changed while it was copied"):
        vendor.vendor(source, dest, force=False)
    assert snapshot(dest) == before
    assert copy.is_dir()


# --- a run that is stopped ------------------------------------------------------------------------


@pytest.fixture
def small(source: Path) -> Path:
    """The generated project with as few files as have a folder: each takes several steps."""
    shutil.rmtree(source / "bitrix24_call_card" / "api" / "call_card")
    (source / "bitrix24_call_card" / "__init__.py").unlink()
    return source


def stop_at_each_step(folder: Path, source: Path, way: str, start: str) -> None:
    """Stop a run at each of its steps: what was there or what is to come is there, and whole."""
    os.environ["PATH"] = ""  # no git, which would say each time that it knows nothing
    newer, dest = folder / "newer", folder / "dest"
    shutil.copytree(source, newer)
    set_version(newer, "1.3.0")
    (newer / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    (newer / "bitrix24_call_card" / "py.typed").unlink()
    dest.mkdir()
    vendor.vendor(newer, dest, force=False)
    after = snapshot(dest)
    shutil.rmtree(dest)
    dest.mkdir()
    if start != "no copy":
        vendor.vendor(source, dest, force=False)
    if start == "edited copy":
        (dest / "bitrix24_call_card" / "client.py").write_text("mine = True\n")
    before = snapshot(dest)
    shutil.copytree(dest, folder / "before")

    def vendor_newer() -> None:
        vendor.vendor(newer, dest, force=start == "edited copy")

    seen: list[Snapshot] = []
    steps = 0
    for _ in stopping.stopping_at_each_step(vendor_newer, stopping.WAYS[way]):
        steps += 1
        stopped = snapshot(dest)
        if (state := nameless(stopped)) in seen:
            restore(dest, folder / "before")
            continue
        seen.append(state)
        if way in ("interrupt", "fail"):  # these can be handled at once
            assert visible(dest) in (before, after)
        checked = result(vendor.check, newer, dest)
        assert "edited by hand" not in checked or visible(dest) == before
        assert "holds files" not in checked
        assert snapshot(dest) == stopped

        if "edited by hand" in result(partial(vendor.vendor, force=False), newer, dest):
            assert start == "edited copy"
            assert snapshot(dest) == before
        else:
            assert snapshot(dest) == after
        restore(dest, folder / "before")
    assert steps > 40


def result(run: Callable[[Path, Path], str], source: Path, dest: Path) -> str:
    try:
        return run(source, dest)
    except VendorError as error:
        return str(error)


def visible(dest: Path) -> Snapshot:
    return {name: content for name, content in snapshot(dest).items() if name[0] != "."}


def nameless(state: Snapshot) -> Snapshot:
    """The same state without the part of its names that is random."""
    return {re.sub(r"(new|old)-\w+", r"\1-", name): content for name, content in state.items()}


def restore(dest: Path, before: Path) -> None:
    if snapshot(dest) != snapshot(before):
        shutil.rmtree(dest)
        shutil.copytree(before, dest)


@pytest.mark.parametrize("way", ["kill", "interrupt", "fail"])
@pytest.mark.parametrize("start", ["no copy", "unedited copy", "edited copy"])
def test_a_run_that_is_stopped_at_any_step_is_put_right_by_the_next(
    small: Path, tmp_path: Path, way: str, start: str
) -> None:
    stopping.run_alone(stop_at_each_step, tmp_path, small, way, start)


def stop_the_next_run_too(folder: Path, source: Path) -> None:
    os.environ["PATH"] = ""
    newer, dest, stopped = folder / "newer", folder / "dest", folder / "stopped"
    shutil.copytree(source, newer)
    set_version(newer, "1.3.0")
    (newer / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    for project, copied in ((newer, folder / "after"), (source, dest)):
        copied.mkdir()
        vendor.vendor(project, copied, force=False)
    shutil.copytree(dest, folder / "before")
    whole = (visible(folder / "before"), visible(folder / "after"))

    def vendor_newer() -> None:
        vendor.vendor(newer, dest, force=False)

    seen: list[Snapshot] = []
    seen_then: list[Snapshot] = []
    for _ in stopping.stopping_at_each_step(vendor_newer, stopping.kill):
        if (dest / vendor.READY).exists() and snapshot(dest) not in seen:
            seen.append(snapshot(dest))
            shutil.copytree(dest, stopped)
            for _ in stopping.stopping_at_each_step(vendor_newer, stopping.kill):
                if not (dest / vendor.READY).exists():
                    assert visible(dest) in whole
                if (state := nameless(snapshot(dest))) not in seen_then:
                    seen_then.append(state)
                    vendor_newer()
                    assert "unedited and current" in vendor.check(newer, dest)
                    assert visible(dest) == snapshot(dest)
                restore(dest, stopped)
            shutil.rmtree(stopped)
        restore(dest, folder / "before")
    assert len(seen) == 4  # nothing is swapped, the old is away, the new is there, its record too


def test_a_run_that_puts_things_right_may_be_stopped_as_well(small: Path, tmp_path: Path) -> None:
    stopping.run_alone(stop_the_next_run_too, tmp_path, small)


@pytest.fixture
def half_swapped(source: Path, dest: Path, copy: Path) -> Path:
    """The copy of 1.3.0 after the run that made it was killed before it wrote the provenance."""
    record = (dest / vendor.PROVENANCE).read_bytes()
    set_version(source, "1.3.0")
    (source / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    vendor.vendor(source, dest, force=False)
    (dest / vendor.READY).mkdir()
    (dest / vendor.PROVENANCE).rename(dest / vendor.READY / vendor.PROVENANCE)
    (dest / vendor.PROVENANCE).write_bytes(record)
    return copy


def test_the_check_after_a_killed_run_says_how_to_finish_it(
    source: Path, dest: Path, half_swapped: Path
) -> None:
    before = snapshot(dest)
    with pytest.raises(VendorError) as raised:
        vendor.check(source, dest)
    assert str(raised.value) == (
        f"An update of {half_swapped} was stopped before its end. "
        f"Finish it with `make vendor DEST={dest}`."
    )
    assert snapshot(dest) == before


def test_a_copy_that_was_edited_after_a_killed_run_is_not_replaced(
    source: Path, dest: Path, half_swapped: Path
) -> None:
    (half_swapped / "client.py").write_text("mine = True\n")
    with pytest.raises(VendorError, match=r"changed  client\.py"):
        vendor.vendor(source, dest, force=False)
    assert (half_swapped / "client.py").read_text() == "mine = True\n"


def test_a_copy_that_was_put_back_by_hand_after_a_killed_run_is_unedited(
    source: Path, dest: Path, half_swapped: Path
) -> None:
    (half_swapped / "client.py").write_bytes(FILES["client.py"])
    assert "1.2.0 (no revision) -> 1.3.0" in vendor.vendor(source, dest, force=False)


def test_a_copy_that_was_deleted_after_a_killed_run_is_made_again(
    source: Path, dest: Path, half_swapped: Path
) -> None:
    shutil.rmtree(half_swapped)
    vendor.vendor(source, dest, force=False)
    assert snapshot(half_swapped) == package(source)
    assert visible(dest) == snapshot(dest)


@pytest.mark.usefixtures("copy")
def test_an_interrupt_right_after_the_swap_does_not_undo_half_of_it(
    source: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def replace_and_interrupt(path: Path, target: Path) -> None:
        replace(path, target)
        raise KeyboardInterrupt

    set_version(source, "1.3.0")
    (source / "bitrix24_call_card" / "client.py").write_text("class Client: ...\n")
    monkeypatch.setattr(Path, "replace", replace_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        vendor.vendor(source, dest, force=False)
    assert "unedited and current" in vendor.check(source, dest)


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("run", "while_it"),
    [(partial(vendor.vendor, force=False), (shutil, "copyfile")), (vendor.check, (json, "loads"))],
)
def test_no_other_run_comes_between(
    source: Path,
    dest: Path,
    run: Callable[[Path, Path], str],
    while_it: tuple[object, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []
    work = getattr(*while_it)

    def work_locked(*arguments: object) -> object:
        other = os.open(dest, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)
        tried.append(other)
        return work(*arguments)

    set_version(source, "1.3.0")
    monkeypatch.setattr(*while_it, work_locked)
    with suppress(VendorError):
        run(source, dest)
    assert tried


def test_runs_at_the_same_time_leave_a_whole_copy(
    run: Callable[..., subprocess.CompletedProcess[str]], source: Path, dest: Path
) -> None:
    with ThreadPoolExecutor() as threads:
        results = list(threads.map(run, [dest] * 6))
    assert [result.returncode for result in results] == [0] * 6, results
    assert sum("was copied" in result.stdout for result in results) == 1
    assert "unedited and current" in vendor.check(source, dest)
    assert not [path for path in dest.iterdir() if path.name[0] == "."]


# --- a copy that was edited by hand ---------------------------------------------------------------


@pytest.fixture
def edited(dest: Path, copy: Path) -> Snapshot:
    """What is in `dest` after the copy was edited by hand in each way there is."""
    (copy / "client.py").write_text("class Client:\n    name = 'mine'\n")
    (copy / "api" / "call_card" / "get_status.py").unlink()
    (copy / "api" / "helpers.py").write_text("mine = True\n")
    (copy / "py.typed").unlink()
    (copy / "py.typed").symlink_to("api/__init__.py")  # as empty as it was
    (copy / "linked").symlink_to("api")
    return snapshot(dest)


@pytest.mark.parametrize("run", [partial(vendor.vendor, force=False), vendor.check])
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
        "  missing  api/call_card/get_status.py",
        "  changed  client.py",
        "  changed  py.typed",
        f"{dest}/bitrix24_call_card holds files that the package does not have:",
        "  api/helpers.py",
        "  linked",
    ]
    assert f"`make vendor DEST={dest} FORCE=1`" in last
    assert "--force" in last
    assert snapshot(dest) == edited


def test_files_that_the_package_does_not_have_are_named_and_not_called_edits(
    source: Path, dest: Path, copy: Path
) -> None:
    (copy / "api" / "helpers.py").write_text("mine = True\n")
    set_version(source, "1.3.0")
    before = snapshot(dest)
    for run in (partial(vendor.vendor, force=False), vendor.check):
        with pytest.raises(VendorError) as raised:
            run(source, dest)
        first, second, _ = str(raised.value).splitlines()
        assert first == f"{copy} holds files that the package does not have:"
        assert second == "  api/helpers.py"
        assert "edited" not in str(raised.value)
    assert snapshot(dest) == before


def test_a_copy_that_git_checked_out_with_autocrlf_is_unedited(
    source: Path, dest: Path, copy: Path
) -> None:
    application = dest.parent
    git(application, "init", "--quiet")
    git(application, "add", ".")
    git(application, "commit", "--quiet", "--message", "client")
    shutil.rmtree(dest)
    git(application, "-c", "core.autocrlf=true", "checkout", "--quiet", ".")
    assert b"\r\n" in (copy / "client.py").read_bytes()
    assert b"\r\n" in (dest / "bitrix24_call_card.provenance.json").read_bytes()

    assert "unedited and current" in vendor.check(source, dest)
    assert "up to date" in vendor.vendor(source, dest, force=False)

    (copy / "client.py").write_bytes((copy / "client.py").read_bytes() + b"mine = True\r\n")
    with pytest.raises(VendorError, match=r"changed  client\.py"):
        vendor.check(source, dest)


def test_force_replaces_an_edited_copy(source: Path, dest: Path, edited: Snapshot) -> None:
    vendor.vendor(source, dest, force=True)
    assert snapshot(dest) != edited
    assert snapshot(dest / "bitrix24_call_card") == package(source)
    assert "unedited and current" in vendor.check(source, dest)


def test_the_command_that_forces_can_be_pasted_for_a_folder_with_a_space(
    source: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "my app"
    dest.mkdir()
    vendor.vendor(source, dest, force=False)
    (dest / "bitrix24_call_card" / "client.py").unlink()
    with pytest.raises(VendorError) as raised:
        vendor.vendor(source, dest, force=False)
    assert f"make vendor DEST='{dest}' FORCE=1" in str(raised.value)


def test_a_folder_that_cannot_be_read_is_not_taken_for_empty(
    source: Path, dest: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def deny(path: str) -> object:
        if Path(path) == copy / "api":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    with pytest.raises(PermissionError):
        vendor.vendor(source, dest, force=False)


# --- what is never replaced -----------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "in_the_way",
    [
        "a folder",
        "an empty folder",
        "a file",
        "a folder beside broken provenance",
        "a folder beside binary provenance",
        "a folder beside provenance of something else",
        "a file beside provenance",
        "provenance of something else",
    ],
)
def test_anything_else_in_dest_is_left_alone(
    source: Path, dest: Path, in_the_way: str, force: bool
) -> None:
    package, record = dest / "bitrix24_call_card", dest / "bitrix24_call_card.provenance.json"
    ours: dict[str, object] = {"contract_version": "1", "source_revision": None, "files": {}}
    if "folder" in in_the_way:
        package.mkdir()
        if "empty" not in in_the_way:
            (package / "mine.py").touch()
    elif "a file" in in_the_way:
        package.touch()
    if "provenance" in in_the_way:
        if "broken" in in_the_way:
            record.write_text('{"package": "bitrix24_call_card",\n<<<<<<< HEAD\n')
        elif "binary" in in_the_way:
            record.write_bytes(b"\xff\xfe\x00")
        elif "something else" in in_the_way:
            record.write_text(json.dumps(ours | {"package": "another"}))
        else:
            record.write_text(json.dumps(ours | {"package": "bitrix24_call_card"}))
    before = snapshot(dest)

    with pytest.raises(VendorError, match=r"in the way.*Nothing was touched.*name another folder"):
        vendor.vendor(source, dest, force=force)
    with pytest.raises(VendorError, match="in the way"):
        vendor.check(source, dest)
    assert snapshot(dest) == before


def test_a_missing_dest_below_an_existing_folder_is_created(source: Path, tmp_path: Path) -> None:
    vendor.vendor(source, tmp_path / "_vendor", force=False)
    assert snapshot(tmp_path / "_vendor" / "bitrix24_call_card") == package(source)


def test_a_missing_dest_is_not_left_behind_by_a_failure(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "copyfile", _disk_full)
    with pytest.raises(OSError, match="space"):
        vendor.vendor(source, tmp_path / "_vendor", force=False)
    with pytest.raises(VendorError, match="There is no"):
        vendor.check(source, tmp_path / "_vendor")
    assert not (tmp_path / "_vendor").exists()


def test_a_dest_below_a_missing_folder_is_not_created(source: Path, tmp_path: Path) -> None:
    missing = tmp_path / "no such folder" / "_vendor"
    for run in (partial(vendor.vendor, force=False), vendor.check):
        with pytest.raises(VendorError, match=r"does not exist.*mkdir -p '.*such folder'"):
            run(source, missing)
    assert not missing.parent.exists()


def test_a_dest_that_is_a_file_is_refused(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for dest in (file, file / "_vendor"):
        with pytest.raises(VendorError, match=r"file is not a folder. Name as DEST the folder"):
            vendor.vendor(source, dest, force=True)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("link", ["", "bitrix24_call_card", "bitrix24_call_card.provenance.json"])
def test_symbolic_links_are_not_followed(
    source: Path, dest: Path, copy: Path, tmp_path: Path, link: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (dest / link).rename(elsewhere)
    (dest / link).symlink_to(elsewhere)
    set_version(source, "1.3.0")
    before = snapshot(tmp_path)

    for force in (False, True):
        with pytest.raises(VendorError, match="is a symbolic link"):
            vendor.vendor(source, dest, force=force)
    with pytest.raises(VendorError, match="is a symbolic link"):
        vendor.check(source, dest)
    assert snapshot(tmp_path) == before
    assert copy.is_dir()


@pytest.mark.parametrize(
    "inside", ["generated", "generated/bitrix24_call_card/api", "link/generated"]
)
def test_a_dest_in_the_generated_project_is_refused(source: Path, inside: str) -> None:
    (source.parent / "link").symlink_to(source.parent)
    before = snapshot(source)
    with pytest.raises(VendorError, match=r"is generated. Name as DEST"):
        vendor.vendor(source, source.parent / inside, force=True)
    assert snapshot(source) == before


@pytest.mark.parametrize("gone", ["pyproject.toml", "LICENSE", "bitrix24_call_card"])
def test_a_client_that_is_not_whole_is_not_copied(source: Path, dest: Path, gone: str) -> None:
    (source / gone).rename(source / "gone")
    with pytest.raises(VendorError, match=r"holds no whole client.*make generate"):
        vendor.vendor(source, dest, force=False)
    assert [path.name for path in dest.iterdir()] == ["__init__.py"]


# --- the check ------------------------------------------------------------------------------------


def test_the_check_says_how_to_make_a_copy_that_is_not_there(source: Path, dest: Path) -> None:
    with pytest.raises(VendorError, match=r"There is no .* Make it with `make vendor DEST="):
        vendor.check(source, dest)
    assert [path.name for path in dest.iterdir()] == ["__init__.py"]


@pytest.mark.parametrize("newer", ["version", "file", "missing", "added"])
def test_the_check_finds_an_outdated_copy_and_touches_nothing(
    source: Path, dest: Path, copy: Path, newer: str
) -> None:
    package, version = source / "bitrix24_call_card", "1.2.0"
    match newer:
        case "version":
            version = "1.3.0"
            set_version(source, version)
        case "file":
            (package / "client.py").write_text("class Client: ...\n")
        case "missing":
            (package / "client.py").unlink()
        case "added":
            (package / "errors.py").touch()
    before = snapshot(dest)

    with pytest.raises(VendorError) as raised:
        vendor.check(source, dest)

    assert str(raised.value) == (
        f"{copy} is outdated: 1.2.0 (no revision) -> {version} (no revision). "
        f"Update it with `make vendor DEST={dest}`."
    )
    assert snapshot(dest) == before


@pytest.mark.usefixtures("copy")
def test_the_check_leaves_the_index_of_the_repository_alone(source: Path, dest: Path) -> None:
    git(source.parent, "init", "--quiet")
    git(source.parent, "add", ".")
    git(source.parent, "commit", "--quiet", "--message", "client")
    index = source.parent / ".git" / "index"
    before = index.read_bytes()
    os.utime(source / "pyproject.toml", (0, 0))  # git would note the new time

    vendor.check(source, dest)

    assert index.read_bytes() == before


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def run(source: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run vendor.py from a repository that holds the small project."""
    script = source.parent / "scripts" / "vendor.py"
    script.parent.mkdir()
    for module in ("vendor.py", "locking.py"):
        shutil.copyfile(ROOT / "scripts" / module, script.with_name(module))

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, script, *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def test_the_command_line_copies_checks_and_forces(
    run: Callable[..., subprocess.CompletedProcess[str]], dest: Path
) -> None:
    assert run("--check", dest).returncode == 1
    copied = run(dest)
    assert (copied.returncode, copied.stderr) == (0, "")
    assert "was copied: 1.2.0" in copied.stdout
    assert run("--check", dest).returncode == 0

    (dest / "bitrix24_call_card" / "client.py").unlink()
    for arguments in ([dest], ["--check", dest]):
        refused = run(*arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "missing  client.py" in refused.stderr

    assert run("--force", dest).returncode == 0
    assert run("--check", dest).returncode == 0


@pytest.mark.parametrize("arguments", [[], [""], ["--check", "--force", "."], ["a", "b"]])
def test_wrong_usage_is_exit_status_2(
    run: Callable[..., subprocess.CompletedProcess[str]], arguments: list[str]
) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert "usage: vendor.py" in result.stderr


def test_help_names_the_files_the_options_and_the_make_commands(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    result = run("--help")
    assert result.returncode == 0
    for text in (
        "DEST/bitrix24_call_card.provenance.json",
        "--check",
        "--force",
        "make vendor DEST=",
        "make vendor-check DEST=",
        "FORCE=1",
        "Exit status",
    ):
        assert text in result.stdout


def test_a_denied_permission_is_a_sentence_and_no_traceback(
    source: Path,
    dest: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def deny(_source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(vendor, "GENERATED", source)
    monkeypatch.setattr(Path, "replace", deny)

    assert vendor.main([str(dest)]) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        f"{dest}/bitrix24_call_card.provenance.json: Permission denied. The copy is as it was. "
        "See to the permissions and the free space there, then run this again.\n"
    )
