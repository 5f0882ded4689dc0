"""make on any machine: Python and tools are found or named, and nothing half done stays."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `make` needs to build .venv, in a folder with a space in its name."""
    folder = tmp_path / "my project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """The folder of programs that come first on PATH; a file `calls` notes what they were given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "python3", f'exec "{sys.executable}" "$@"')
    return folder


@pytest.fixture
def uv(tools: Path) -> Path:
    """A uv that makes a .venv with nothing in it."""
    script(
        tools / "uv",
        f'[ "$1" = --version ] && exit; echo "$@ certs=$UV_SYSTEM_CERTS" >>"{tools}/calls"',
        f'mkdir -p .venv/bin && ln -sf "{sys.executable}" .venv/bin/python',
    )
    return tools / "uv"


@pytest.fixture
def make(project: Path, tools: Path) -> Make:
    """Run make in the project with the tools first on PATH."""

    def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        ours = ("PYTHON", "MAKEFLAGS", "MAKELEVEL")  # these tests may be run by make
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
    """Write a Python that says of itself that it is of another version."""
    major, minor, micro = version.split(".")
    code = f"import sys; sys.version_info = ({major}, {minor}, {micro}); sys.version = '{version}'"
    script(file, f'exec "{sys.executable}" -c "{code}; exec(sys.argv[1])" "$2"')


# --- the list of targets --------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_make_lists_its_targets_and_installs_nothing(
    make: Make, project: Path, arguments: list[str]
) -> None:
    before = sorted(project.iterdir())
    listed = re.findall(r"^  ([a-z-]+) +\S", make(*arguments).stdout, re.M)
    phony = re.findall(r"^\.PHONY: ([a-z-]+)$", (project / "Makefile").read_text("utf-8"), re.M)
    assert listed == [target for target in phony if target != "other"]
    assert {"demo", "test", "generate", "check", "sandbox", "vendor", "clean"} < {*listed}
    assert sorted(project.iterdir()) == before


# --- Python ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("python", "found"),
    [("old", "Python 3.10.9"), ("older", "Python 2.7.18"), ("none", "not there")],
)
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.usefixtures("uv")
def test_a_python_that_will_not_do_is_one_sentence_and_leaves_nothing_behind(
    make: Make, project: Path, tools: Path, python: str, found: str, named: bool
) -> None:
    name = python if named else "python3"
    if python == "none":
        (tools / "python3").unlink()
        script(tools / "python3", "exit 127")
    else:
        other_python(tools / name, found.split()[1])
    before = sorted(project.iterdir())

    result = make("test", *([f"PYTHON={name}"] if named else []))

    assert result.returncode != 0
    sentence, by_make = result.stderr.splitlines()
    assert sentence == (
        f"Python 3.11 or newer is needed, and {name} is {found}: "
        "name another one with PYTHON=, as in `make test PYTHON=python3.11`."
    )
    assert by_make.startswith("make: ***")
    assert result.stdout == ""
    assert sorted(project.iterdir()) == before
    assert calls(tools) == []


@pytest.mark.usefixtures("uv")
def test_another_python_than_the_one_of_venv_rebuilds_it(
    make: Make, project: Path, tools: Path
) -> None:
    ready = ".venv/.ready"
    other_python(tools / "python3.99", "3.99.0")
    assert make(ready).returncode == 0
    (project / ".venv" / "installed").touch()

    for same in ([], ["PYTHON=python3"], [f"PYTHON={sys.executable}"]):
        assert make(ready, *same).returncode == 0
    assert len(calls(tools)) == 1
    assert (project / ".venv" / "installed").exists()

    assert make(ready, "PYTHON=python3.99").returncode == 0
    assert len(calls(tools)) == 2
    assert not (project / ".venv" / "installed").exists()
    assert make(ready, "PYTHON=python3.99").returncode == 0
    assert make(ready).returncode == 0
    assert len(calls(tools)) == 2


@pytest.mark.usefixtures("uv")
def test_a_python_that_will_not_do_leaves_the_venv_as_it_is(make: Make, project: Path) -> None:
    make(".venv/.ready")
    (project / ".venv" / "installed").touch()
    assert make("test", "PYTHON=none").returncode != 0
    assert (project / ".venv" / "installed").exists()


@pytest.mark.usefixtures("uv")
def test_a_venv_whose_python_is_gone_is_rebuilt(make: Make, project: Path, tools: Path) -> None:
    make(".venv/.ready")
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/longer/there")
    (project / ".venv" / "installed").touch()
    (project / ".venv" / ".ready").write_text("the Python of another machine\n")

    assert make(".venv/.ready").returncode == 0
    assert len(calls(tools)) == 2
    assert not (project / ".venv" / "installed").exists()


@pytest.mark.usefixtures("uv")
def test_a_venv_that_is_not_complete_is_made_again(make: Make, project: Path, tools: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "half").touch()
    assert make(".venv/.ready").returncode == 0
    assert not (project / ".venv" / "half").exists()
    assert len(calls(tools)) == 1


@pytest.mark.usefixtures("uv")
def test_a_new_lock_file_updates_the_venv_with_the_python_it_has(
    make: Make, project: Path, tools: Path
) -> None:
    other_python(tools / "python3.99", "3.99.0")
    make(".venv/.ready", "PYTHON=python3.99")
    (project / ".venv" / "installed").touch()
    os.utime(project / "uv.lock", (2**32, 2**32))
    script(tools / "python3", "exit 127")
    make(".venv/.ready")
    assert len(calls(tools)) == 2


# --- the tools ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("uv")
def test_uv_trusts_the_certificates_that_the_system_trusts(make: Make, tools: Path) -> None:
    make(".venv/.ready")
    assert calls(tools)[0].endswith("certs=true")
    locked = [sys.executable, "-m", "uv", "sync", "--help"]
    assert "UV_SYSTEM_CERTS" in subprocess.check_output(locked, text=True)


@pytest.mark.usefixtures("uv")
def test_the_tools_are_compiled_as_they_are_installed(make: Make, tools: Path) -> None:
    make(".venv/.ready")
    assert "--compile-bytecode" in calls(tools)[0].split()


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python3 -m venv` makes, which takes it seconds."""
    folder = tmp_path_factory.mktemp("venv") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.mark.parametrize("genuine", [True, False])
def test_the_uv_that_pip_installs_is_the_one_of_the_lock_file(
    make: Make, project: Path, tools: Path, venv: Path, genuine: bool
) -> None:
    script(
        tools / "python3",
        f'[ "$1 $2" != "-m venv" ] || exec cp -a "{venv}" "$3"',
        f'exec "{sys.executable}" "$@"',
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
def test_who_has_no_home_keeps_caches_in_the_venv(make: Make, project: Path, tools: Path) -> None:
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
