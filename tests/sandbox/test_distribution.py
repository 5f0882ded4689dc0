"""The distribution, installed into a separate environment outside the checkout."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import httpx
import pytest
from bitrix24_sandbox.web.docs import STATIC

from tests.chromium import require
from tests.data import CALL, GET_STATUS

ROOT = Path(__file__).parents[2]
UV = (sys.executable, "-m", "uv", "--quiet")
# Nothing that the workbench adds to Python's path may reach the environment under test.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))
}


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, and return its output; if it fails, fail with all of its output."""
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def serving(command: list[str | Path], folder: Path, **settings: str) -> Iterator[IO[str]]:
    """Run a server until the context ends; yield what it prints."""
    with subprocess.Popen(
        command, cwd=folder, env={**ENVIRONMENT, **settings}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process.stdout
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(*UV, "build", "--wheel", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("bitrix24_sandbox-*.whl")
    return wheel


@pytest.fixture(scope="session")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the distribution, pytest and its usual plugins."""
    folder = tmp_path_factory.mktemp("distribution")
    locked = folder / "locked.txt"
    run(
        *(*UV, "export", "--frozen", "--no-emit-project", "--no-default-groups"),
        *("--no-hashes", "--group", "application", "--output-file", locked),
    )
    run(*UV, "venv", "--python", sys.executable, folder / "venv")
    run(
        *(*UV, "pip", "install", "--python", folder / "venv" / "bin" / "python"),
        *("--constraint", locked, wheel),
        *("playwright", "pytest", "pytest-asyncio", "pytest-xdist"),
    )
    return folder / "venv" / "bin"


@pytest.fixture(scope="session")
def programs_with_lowest_versions(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the lowest versions that the distribution accepts."""
    folder = tmp_path_factory.mktemp("lowest")
    install = (*UV, "pip", "install", "--python", folder / "venv" / "bin" / "python")
    run(*UV, "venv", "--python", sys.executable, folder / "venv")
    run(*install, "--resolution", "lowest-direct", "-r", ROOT / "pyproject.toml")
    run(*install, "--no-deps", wheel)
    return folder / "venv" / "bin"


with_locked_and_with_lowest_versions = pytest.mark.parametrize(
    "environment", ["programs", "programs_with_lowest_versions"]
)


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    run(*UV, "build", "--out-dir", tmp_path, ROOT)  # an archive, and the wheel of that
    names = ZipFile(tmp_path / wheel.name).namelist()
    assert sorted(names) == sorted(ZipFile(wheel).namelist())
    for package in ("bitrix24_bridge", "bitrix24_call_card", "bitrix24_sandbox"):
        assert f"{package}/py.typed" in names


@pytest.mark.parametrize("command", ["bitrix24-sandbox", "bitrix24-bridge"])
def test_each_command_says_its_version(programs: Path, tmp_path: Path, command: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert run(programs / command, "--version", cwd=tmp_path) == f"{command} {version}\n"


@with_locked_and_with_lowest_versions
def test_the_sandbox_serves_the_portal_and_every_file_of_its_pages(
    environment: str, tmp_path: Path, http: httpx.Client, request: pytest.FixtureRequest
) -> None:
    programs = request.getfixturevalue(environment)
    with serving([programs / "bitrix24-sandbox", "--port", "0"], tmp_path) as printed:
        found = (re.search(r"http://[^/\s]+", line) for line in printed)
        origin = next(match[0] for match in found if match)
        url = f"{origin}/rest/1/sandboxwebhook/placement.call"
        assert http.post(url, json=GET_STATUS).json()["result"] == CALL
        paths = [f"/static/{file.name}" for file in STATIC.iterdir()]
        swagger_ui = "/docs/swagger-ui/swagger-ui-bundle.js"
        for path in (*paths, "/", "/docs", swagger_ui, "/api/v1/", "/openapi.yaml"):
            assert http.get(origin + path).status_code == 200, path


@with_locked_and_with_lowest_versions
def test_the_bridge_serves_its_script_and_requires_its_settings(
    environment: str, tmp_path: Path, http: httpx.Client, request: pytest.FixtureRequest
) -> None:
    command = request.getfixturevalue(environment) / "bitrix24-bridge"
    without = subprocess.run(
        [command], env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert without.returncode == 1
    assert without.stderr.startswith("BRIDGE_URL is not set. ")

    settings = {
        "BRIDGE_URL": "https://bridge.example",
        "BRIDGE_CLIENT_IDS": "local.1",
        "BRIDGE_PORTALS": "*",
        "BRIDGE_PORT": "0",
    }
    with serving([command], tmp_path, **settings) as printed:
        port = re.search(r"port (\d+)", printed.readline())
        assert port
        script = http.get(f"http://127.0.0.1:{port[1]}/bridge.js")
        assert "getStatus" in script.text
    assert (tmp_path / "bridge.sqlite3").exists()


APPLICATION_TESTS = """
import os, ssl
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.testing import Sandbox

PROCESS = set()

def trusted(sandbox: Sandbox):
    assert sandbox.tls
    return ssl.create_default_context(cafile=sandbox.tls)

@pytest.mark.parametrize("run", range(4))
def test_the_sandbox_is_reset_and_the_server_the_same(bitrix24_sandbox: Sandbox, run: int) -> None:
    assert isinstance(bitrix24_sandbox, Sandbox)
    assert bitrix24_sandbox.requests == []
    assert bitrix24_sandbox.profile == "rest"
    assert bitrix24_sandbox.call and bitrix24_sandbox.call["CRM_ENTITY_ID"] == 17
    assert bitrix24_sandbox.state()["faults"] == []
    bitrix24_sandbox.call = {**bitrix24_sandbox.call, "CRM_ENTITY_ID": 18 + run}
    verify = trusted(bitrix24_sandbox)
    with Client(base_url=bitrix24_sandbox.webhook_url, verify_ssl=verify) as client:
        assert get_status.sync(client=client).result.crm_entity_id == 18 + run
    bitrix24_sandbox.profile = "js-only"
    bitrix24_sandbox.fail("slow", times=3, seconds=60)
    PROCESS.add((os.getpid(), bitrix24_sandbox.origin))
    assert len(PROCESS) == 1

@pytest.mark.asyncio
async def test_with_asyncio(bitrix24_sandbox: Sandbox) -> None:
    await asking(bitrix24_sandbox)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_with_anyio(bitrix24_sandbox: Sandbox, anyio_backend: str) -> None:
    await asking(bitrix24_sandbox)

async def asking(sandbox: Sandbox) -> None:
    sandbox.expire_tokens()
    async with AuthenticatedClient(
        base_url=sandbox.oauth_url, token=sandbox.access_token, verify_ssl=trusted(sandbox)
    ) as client:
        assert (await get_status.asyncio_detailed(client=client)).status_code == 401
    assert [request.code for request in sandbox.requests] == ["expired_token"]
"""


def test_the_plugin_with_https_xdist_and_event_loops(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        "bitrix24_sandbox_tls = true\n"
    )
    (tmp_path / "test_application.py").write_text(APPLICATION_TESTS)
    printed = run(programs / "python", "-m", "pytest", "-q", "-n", "2", cwd=tmp_path)
    assert "6 passed" in printed


def test_the_example_of_the_readme_passes(programs: Path, tmp_path: Path) -> None:
    readme = (ROOT / "scripts" / "bitrix24_sandbox" / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "test_example.py").write_text(example)
    assert "1 passed" in run(programs / "python", "-m", "pytest", "-q", cwd=tmp_path)


class TestAnApplication:
    """The tests of a whole application, which are in `application/`."""

    def test_on_each_kind_of_portal(self, programs: Path, tmp_path: Path) -> None:
        self.run("test_call_notes.py", programs, tmp_path)

    def test_in_the_call_card_of_a_browser(self, programs: Path, tmp_path: Path) -> None:
        require()
        self.run("test_in_the_card.py", programs, tmp_path)

    def run(self, tests: str, programs: Path, folder: Path) -> None:
        application = Path(__file__).parent / "application"
        shutil.copytree(application, folder, dirs_exist_ok=True)
        printed = run(programs / "python", "-m", "pytest", "-q", tests, cwd=folder)
        assert re.search(r"^\d+ passed in", printed, re.MULTILINE), printed
