"""The distribution, installed into an environment of its own outside the checkout."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.xdist_group("distribution")

ROOT = Path(__file__).parents[2]
# What a shell of the workbench adds to Python's path must not reach the environment under test.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))
}


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and give what it prints; fail with all of its output if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the distribution, pytest and its usual plugins."""
    folder = tmp_path_factory.mktemp("distribution")
    uv = (sys.executable, "-m", "uv", "--quiet")
    locked = folder / "locked.txt"
    run(
        *(*uv, "export", "--frozen", "--no-emit-project", "--no-default-groups"),
        *("--no-hashes", "--group", "application", "--output-file", locked),
    )
    run(*uv, "build", "--wheel", "--out-dir", folder, ROOT)
    run(*uv, "venv", "--python", sys.executable, folder / "venv")
    (wheel,) = folder.glob("bitrix24_sandbox-*.whl")
    run(
        *(*uv, "pip", "install", "--python", folder / "venv" / "bin" / "python"),
        *("--constraint", locked, wheel, "pytest", "pytest-asyncio", "pytest-xdist"),
    )
    return folder / "venv" / "bin"


@contextmanager
def started(*command: str | Path, cwd: Path) -> Iterator[str]:
    """Run a sandbox on a free port, outside the checkout; give its origin."""
    with subprocess.Popen(
        [*command, "--port", "0"], cwd=cwd, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            lines = (re.search(r"http://[^/\s]+", line) for line in process.stdout)
            yield next(found[0] for found in lines if found)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
    assert process.returncode == 0


class TestTheCommand:
    def test_it_serves_the_portal_and_every_file_of_its_pages(
        self, programs: Path, tmp_path: Path, http: httpx.Client
    ) -> None:
        with started(programs / "bitrix24-sandbox", cwd=tmp_path) as origin:
            webhook = f"{origin}/rest/1/sandboxwebhook/placement.call"
            answer = http.post(webhook, json={"PLACEMENT": "getStatus", "PARAMS": {}})
            assert answer.json()["result"]["CRM_ENTITY_ID"] == 17
            pending, seen = ["/", "/docs", "/widget/", "/api/v1/", "/openapi.yaml"], set()
            while pending:
                path = pending.pop()
                page = http.get(origin + path)
                assert page.status_code == 200, path
                seen.add(path)
                if page.headers["content-type"].startswith("text/html"):
                    links = re.findall(r'(?:src|href)="(/[^"]*)"', page.text)
                    pending += set(links) - seen
        assert {"/static/portal.js", "/docs/swagger-ui/swagger-ui-bundle.js"} <= seen

    def test_the_module_runs_as_well(
        self, programs: Path, tmp_path: Path, http: httpx.Client
    ) -> None:
        with started(programs / "python", "-m", "bitrix24_sandbox", cwd=tmp_path) as origin:
            assert http.get(f"{origin}/sandbox/state").status_code == 200

    def test_it_is_called_by_its_name_in_its_own_help(self, programs: Path, tmp_path: Path) -> None:
        printed = run(programs / "bitrix24-sandbox", "--help", cwd=tmp_path)
        assert printed.startswith("usage: bitrix24-sandbox ")


def test_both_packages_are_inside_and_typed(programs: Path, tmp_path: Path) -> None:
    program = """
import importlib.resources, bitrix24_call_card, bitrix24_sandbox
for package in (bitrix24_call_card, bitrix24_sandbox):
    print(package.__file__, importlib.resources.files(package).joinpath("py.typed").is_file())
"""
    lines = run(programs / "python", "-c", program, cwd=tmp_path).splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["True", "True"]
    assert all(str(programs.parent) in line for line in lines)


def test_the_source_distribution_builds_the_same_wheel(tmp_path: Path) -> None:
    uv = (sys.executable, "-m", "uv", "--quiet")
    run(*uv, "build", "--sdist", "--out-dir", tmp_path, ROOT)
    (source,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(source, tmp_path, filter="data")
    run(*uv, "build", "--wheel", "--out-dir", tmp_path / "from-source", tmp_path / source.name[:-7])
    run(*uv, "build", "--wheel", "--out-dir", tmp_path / "from-tree", ROOT)

    def names(folder: str) -> list[str]:
        (wheel,) = (tmp_path / folder).glob("*.whl")
        listed = run(sys.executable, "-m", "zipfile", "--list", wheel)
        return [line.split()[0] for line in listed.splitlines()]

    assert names("from-source") == names("from-tree")
