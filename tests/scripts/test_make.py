"""make on any machine: a Python is found or asked for, and .venv has the tools of the lock file."""

import ensurepip
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files from which `make` builds .venv, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder of programs that comes first on PATH; its file `calls` has the calls of uv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "python3", f'exec "{sys.executable}" "$@"')
    return folder


@pytest.fixture
def uv(tools: Path) -> None:
    """A uv that makes an empty .venv."""
    script(
        tools / "uv",
        f'[ "$1" = --version ] && exit; echo "$@ certs=$UV_SYSTEM_CERTS" >>"{tools}/calls"',
        f'mkdir -p .venv/bin && ln -sf "{sys.executable}" .venv/bin/python',
    )


@pytest.fixture
def make(project: Path, tools: Path) -> Make:
    """Run make in the project with the tools first on PATH."""

    def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        ours = ("PYTHON", "MAKEFLAGS", "MAKELEVEL", "ARGS")  # these tests may be run by make
        clean = {k: v for k, v in os.environ.items() if k not in ours}
        return subprocess.run(
            ["make", *arguments],
            cwd=project,
            env=clean | {"PATH": f"{tools}:/usr/bin:/bin"} | environment,
            capture_output=True,
            text=True,
        )

    return make


def script(file: Path, *lines: str) -> None:
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)


def calls(tools: Path) -> list[str]:
    return (tools / "calls").read_text().splitlines() if (tools / "calls").exists() else []


def other_python(file: Path, version: str) -> None:
    """Write a Python that reports another version."""
    major, minor, micro = version.split(".")
    code = f"import sys; sys.version_info = ({major}, {minor}, {micro}); sys.version = '{version}'"
    script(file, f'exec "{sys.executable}" -c "{code}; exec(sys.argv[1])" "$2"')


# --- the list of targets --------------------------------------------------------------------------


def test_make_alone_lists_the_targets_and_installs_nothing(make: Make, project: Path) -> None:
    before = sorted(project.iterdir())
    listed = re.findall(r"^  ([a-z-]+) +\S", make().stdout, re.M)
    phony = re.findall(r"^\.PHONY: ([a-z-]+)$", (project / "Makefile").read_text("utf-8"), re.M)
    assert listed == [target for target in phony if target != "other"]
    assert sorted(project.iterdir()) == before


# --- Python ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [["PYTHON=python3"], []])
@pytest.mark.parametrize("found", ["Python 3.10.9", "not available"])
@pytest.mark.usefixtures("uv")
def test_without_a_recent_python_there_is_one_sentence_and_nothing_is_installed(
    make: Make, project: Path, tools: Path, found: str, named: list[str]
) -> None:
    if found == "not available":
        script(tools / "python3", "exit 127")
    else:
        other_python(tools / "python3", found.split()[1])
    before = sorted(project.iterdir())

    result = make("test", *named)

    assert result.returncode != 0
    sentence, by_make = result.stderr.splitlines()
    assert sentence == (
        f"Python 3.11 or newer is needed, but python3 is {found}: "
        "choose another with PYTHON=, as in `make test PYTHON=python3.11`."
    )
    assert by_make.startswith("make: ***")
    assert result.stdout == ""
    assert sorted(project.iterdir()) == before
    assert calls(tools) == []


@pytest.mark.usefixtures("uv")
def test_the_venv_is_rebuilt_for_another_python_and_updated_for_a_new_lock_file(
    make: Make, project: Path, tools: Path
) -> None:
    ready, installed = ".venv/.ready", project / ".venv" / "installed"
    other_python(tools / "python3.99", "3.99.0")
    assert make(ready).returncode == 0
    installed.touch()

    for same in ([], ["PYTHON=python3"], [f"PYTHON={sys.executable}"]):
        assert make(ready, *same).returncode == 0
    assert make(ready, "PYTHON=none").returncode != 0
    assert len(calls(tools)) == 1
    assert installed.exists()

    assert make(ready, "PYTHON=python3.99").returncode == 0
    assert len(calls(tools)) == 2
    assert not installed.exists()
    script(tools / "python3", "exit 127")
    for same in (["PYTHON=python3.99"], []):
        assert make(ready, *same).returncode == 0
    assert len(calls(tools)) == 2

    os.utime(project / "uv.lock", (2**32, 2**32))
    assert make(ready).returncode == 0
    assert len(calls(tools)) == 3


@pytest.mark.parametrize("state", [None, "ready with a Python that is gone\n"])
@pytest.mark.usefixtures("uv")
def test_a_venv_that_is_incomplete_or_without_its_python_is_rebuilt(
    make: Make, project: Path, tools: Path, state: str | None
) -> None:
    folder = project / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to("/no/longer/there")
    (folder / "installed").touch()
    if state:
        (project / ".venv" / ".ready").write_text(state)
        os.utime(project / ".venv" / ".ready", (2**32, 2**32))  # newer than the lock file

    assert make(".venv/.ready").returncode == 0
    assert not (folder / "installed").exists()
    assert len(calls(tools)) == 1


# --- the tools ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("uv")
def test_uv_trusts_the_system_s_certificates_and_compiles(make: Make, tools: Path) -> None:
    make(".venv/.ready")
    (call,) = calls(tools)
    assert call.endswith("certs=true")
    assert "--compile-bytecode" in call.split()
    locked = [sys.executable, "-m", "uv", "sync", "--help"]
    assert "UV_SYSTEM_CERTS" in subprocess.check_output(locked, text=True)


@pytest.mark.parametrize("genuine", [True, False])
def test_the_uv_that_pip_installs_is_the_one_of_the_lock_file(
    make: Make, project: Path, tools: Path, genuine: bool
) -> None:
    # What `python3 -m venv` takes seconds for: pip, here from the wheel that it would install.
    wheels = (
        sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).parent / "_bundled"
    )
    (pip,) = Path(wheels).glob("pip-*.whl")
    packages = f"lib/python{sysconfig.get_python_version()}/site-packages"
    script(
        tools / "python3",
        f'[ "$1 $2" = "-m venv" ] || exec "{sys.executable}" "$@"',
        f'"{sys.executable}" -m venv --without-pip "$3" && echo "{pip}" >"$3/{packages}/pip.pth"',
    )
    wheel = tools / "uv-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        binary = zipfile.ZipInfo("uv-1.2.3.data/scripts/uv")
        binary.external_attr = 0o100755 << 16
        archive.writestr(binary, f'#!/bin/sh\necho "$@" >>"{tools}/calls"\n')
        about = "uv-1.2.3.dist-info/"
        archive.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.2.3\n")
        archive.writestr(about + "WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(about + "RECORD", "")
    digest = sha256(wheel.read_bytes() if genuine else b"another").hexdigest()
    (project / "uv.lock").write_text(
        f'[[package]]\nname = "uv"\nversion = "1.2.3"\nwheels = [{{ hash = "sha256:{digest}" }}]\n'
    )

    result = make(".venv/.ready", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tools))

    if genuine:
        assert result.returncode == 0, result.stderr
        assert calls(tools)[-1].startswith("sync --quiet --locked")
    else:
        assert result.returncode != 0
        assert "DO NOT MATCH THE HASHES" in result.stderr
        assert calls(tools) == []
        assert not (project / ".venv" / "bin" / "uv").exists()
        assert not (project / ".venv" / ".ready").exists()


@pytest.mark.usefixtures("uv")
def test_without_a_home_the_caches_are_in_the_venv(make: Make, project: Path, tools: Path) -> None:
    with (tools / "uv").open("a") as uv:
        uv.write('echo "$HOME" >>"$HOME/home"\n')
    assert make(".venv/.ready", HOME="/no/home").returncode == 0
    assert (project / ".venv" / "home").read_text() == f"{project}/.venv\n"
    assert make("-B", ".venv/.ready", HOME=str(tools)).returncode == 0
    assert (tools / "home").read_text() == f"{tools}\n"


def test_tools_are_run_by_python_so_that_a_moved_checkout_works() -> None:
    """A script's first line names the folder of its installation, but Python ignores that line."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    started = re.findall(r"(?<!\$\(BIN\)/python )\$\(BIN\)/([\w.-]+)", makefile)
    assert {*started} == {"python", "uv"}


def test_check_names_each_file_with_the_placeholder_for_the_address() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (listing,) = re.findall(r"\$\$\((grep -lw REPOSITORY_URL .*?)\) &&", makefile)
    listed = subprocess.run(["sh", "-c", listing], cwd=ROOT, capture_output=True, text=True).stdout
    found = [
        file
        for pattern in ("*.*", "openapi/*", "scripts/**/*.md", "scripts/**/*.toml", ".ci/*")
        for file in ROOT.glob(pattern)
        if file.is_file() and "node_modules" not in file.parts
    ]
    having = {
        file.relative_to(ROOT).as_posix()
        for file in found
        if b"REPOSITORY_URL" in file.read_bytes()
    }
    assert {*listed.split()} == having - {"CONTRIBUTING.md"}  # which says what it stands for


# --- commands -------------------------------------------------------------------------------------


def test_breaking_without_a_base_says_so_and_installs_nothing(make: Make, project: Path) -> None:
    before = sorted(project.iterdir())
    said, _ = make("breaking").stderr.splitlines()
    assert said.startswith("BASE is missing: name a git revision or a file, as in make breaking ")
    assert sorted(project.iterdir()) == before


PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-s"]
OURS = {**os.environ, "PYTHONPATH": "scripts:generated"}  # as in the Makefile


def test_sigterm_ends_the_tests_like_ctrl_c_so_that_they_clean_up(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    (tmp_path / "test_slow.py").write_text(
        "import threading\nfrom pathlib import Path\n\n"
        "def test_slow():\n"
        "    try:\n        print('started', flush=True)\n        threading.Event().wait()\n"
        f"    finally:\n        Path({str(tmp_path)!r}, 'cleaned').touch()\n"
    )
    command = [*PYTEST, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=OURS, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        while "started" not in (line := tests.stdout.readline()):
            assert line
        tests.terminate()
        tests.communicate(timeout=60)
    assert (tmp_path / "cleaned").exists()


def test_a_path_without_tests_is_named_with_xdist_too() -> None:
    command = [*PYTEST, "-n", "1", "tests/nonexistent.py"]
    done = subprocess.run(command, cwd=ROOT, env=OURS, capture_output=True, text=True)
    assert done.returncode == 4
    assert done.stderr.strip() == f"ERROR: {ROOT}/tests/nonexistent.py does not exist"


# --- vendoring ------------------------------------------------------------------------------------


def test_no_client_is_copied_that_differs_from_its_source(
    project: Path, tools: Path, make: Make
) -> None:
    shutil.copy(ROOT / "LICENSE", project)
    for name in ("generated", "openapi", "scripts"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    core = project / "scripts" / "generator" / "project" / "bitrix24_call_card" / "errors.py"
    core.write_text(core.read_text("utf-8") + "# changed\n")
    script(tools / "uv", "mkdir -p .venv/bin", f'cp "{tools}/python3" .venv/bin/python')

    refused = make("vendor", f"DEST={project / 'app'}")

    assert refused.returncode != 0
    assert "generated/bitrix24_call_card/errors.py: differs" in refused.stderr
    assert "Repair it with: make generate" in refused.stderr
    assert not (project / "app").exists()
