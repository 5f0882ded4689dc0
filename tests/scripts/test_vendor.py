"""Vendoring: the copy, its provenance, and what is never overwritten."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import vendor
from vendor import VendorError

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "__init__.py": b'"""The client."""\n',
    "client.py": "class Client:\n    name = 'Б24'\n".encode(),
    "api/__init__.py": b"",
    "api/call_card/__init__.py": b"",
    "api/call_card/get_status.py": b"from ...client import Client\n\nNAME = Client.name\n",
    "py.typed": b"",
}

Snapshot = dict[str, bytes | None]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A generated project, small, at contract version 1.2.0 and outside any repository."""
    project = tmp_path / "repository" / "generated"
    for name, content in FILES.items():
        file = project / "bitrix24_call_card" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
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
    assert files == FILES


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
        "source_revision": None,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
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


@pytest.mark.parametrize("what", ["a repository without a commit", "someone else's repository"])
def test_there_is_no_revision_when_no_commit_holds_the_project(
    source: Path, dest: Path, what: str
) -> None:
    git(source.parent, "init", "--quiet")
    if what == "someone else's repository":
        git(source.parent, "commit", "--quiet", "--allow-empty", "--message", "theirs")

    vendor.vendor(source, dest, force=False)

    assert provenance(dest)["source_revision"] is None


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
    assert snapshot(copy) == snapshot(source / "bitrix24_call_card")
    assert provenance(dest)["contract_version"] == "1.3.0"
    assert "unedited and current" in vendor.check(source, dest)


def test_a_copy_that_was_deleted_is_made_again(source: Path, dest: Path, copy: Path) -> None:
    shutil.rmtree(copy)
    vendor.vendor(source, dest, force=False)
    assert snapshot(copy) == snapshot(source / "bitrix24_call_card")


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

    assert "was replaced" in vendor.vendor(source, dest, force=False)
    assert snapshot(copy) == snapshot(source / "bitrix24_call_card")


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


# --- a copy that was edited by hand ---------------------------------------------------------------


@pytest.fixture
def edited(dest: Path, copy: Path) -> Snapshot:
    """What is in `dest` after the copy was edited by hand in each way there is."""
    (copy / "client.py").write_text("class Client:\n    name = 'mine'\n")
    (copy / "api" / "call_card" / "get_status.py").unlink()
    (copy / "api" / "helpers.py").write_text("mine = True\n")
    (copy / "py.typed").unlink()
    (copy / "py.typed").symlink_to("client.py")
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

    first, *files, last = str(raised.value).splitlines()
    assert first == f"{dest}/bitrix24_call_card was edited by hand since it was copied:"
    assert [line.split() for line in files] == [
        ["missing", "api/call_card/get_status.py"],
        ["added", "api/helpers.py"],
        ["changed", "client.py"],
        ["added", "linked"],
        ["changed", "py.typed"],
    ]
    assert f"`make vendor DEST={dest} FORCE=1`" in last
    assert "--force" in last
    assert snapshot(dest) == edited


def test_force_replaces_an_edited_copy(source: Path, dest: Path, edited: Snapshot) -> None:
    vendor.vendor(source, dest, force=True)
    assert snapshot(dest) != edited
    assert snapshot(dest / "bitrix24_call_card") == snapshot(source / "bitrix24_call_card")
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


def test_a_dest_that_does_not_exist_is_not_created(source: Path, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such folder"
    with pytest.raises(VendorError, match=r"does not exist.*mkdir -p '.*such folder'"):
        vendor.vendor(source, missing, force=False)
    assert not missing.parent.exists()


def test_a_dest_that_is_a_file_is_refused(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(VendorError, match=r"is not a folder. Name as DEST the folder"):
        vendor.vendor(source, file, force=True)
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


@pytest.mark.parametrize("gone", ["pyproject.toml", "bitrix24_call_card"])
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
    shutil.copyfile(ROOT / "scripts" / "vendor.py", script)

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
    def deny(_path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(vendor, "GENERATED", source)
    monkeypatch.setattr(Path, "rename", deny)

    assert vendor.main([str(dest)]) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        f"{dest}/bitrix24_call_card: Permission denied. The copy is as it was. "
        "See to the permissions and the free space there, then run this again.\n"
    )
