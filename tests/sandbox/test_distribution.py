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

from tests.chromium import require

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
        *("--constraint", locked, wheel),
        *("playwright", "pytest", "pytest-asyncio", "pytest-xdist"),
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
            process.communicate(timeout=60)
    assert process.returncode == 0


class TestTheCommand:
    def test_it_serves_the_portal_and_every_file_of_its_pages(
        self, programs: Path, tmp_path: Path, http: httpx.Client
    ) -> None:
        with started(programs / "bitrix24-sandbox", cwd=tmp_path) as origin:
            webhook = f"{origin}/rest/1/sandboxwebhook/placement.call"
            answer = http.post(webhook, json={"PLACEMENT": "getStatus", "PARAMS": {}})
            assert answer.json()["result"]["CRM_ENTITY_ID"] == 17
            pending, seen = ["/", "/docs", "/static/widget.css", "/api/v1/", "/openapi.yaml"], set()
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


APPLICATION_TESTS = """
import os, ssl
import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.testing import Sandbox

PROCESS = []

def trusted(sandbox: Sandbox):
    return ssl.create_default_context(cafile=sandbox.tls) if sandbox.tls else True

def ask(sandbox: Sandbox):
    with Client(base_url=sandbox.webhook_url, verify_ssl=trusted(sandbox)) as client:
        return get_status.sync_detailed(client=client)

@pytest.mark.parametrize("run", range(4))
def test_the_state_is_fresh_and_the_server_the_same(bitrix24_sandbox: Sandbox, run: int) -> None:
    assert isinstance(bitrix24_sandbox, Sandbox)
    assert bitrix24_sandbox.requests == []
    assert bitrix24_sandbox.profile == "rest"
    assert bitrix24_sandbox.call and bitrix24_sandbox.call["CRM_ENTITY_ID"] == 17
    assert bitrix24_sandbox.state()["faults"] == []
    bitrix24_sandbox.call = {**bitrix24_sandbox.call, "CRM_ENTITY_ID": 18 + run}
    assert ask(bitrix24_sandbox).parsed.result.crm_entity_id == 18 + run
    bitrix24_sandbox.call = None
    assert bitrix24_sandbox.call is None
    bitrix24_sandbox.profile = "js-only"
    bitrix24_sandbox.fail("slow", times=3, seconds=60)
    PROCESS.append((os.getpid(), bitrix24_sandbox.origin))
    assert len(set(PROCESS)) == 1

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
        statuses = [(await get_status.asyncio_detailed(client=client)).status_code]
    assert statuses == [401]
    assert [request.code for request in sandbox.requests] == ["expired_token"]

def test_a_backend_receives_the_form(bitrix24_sandbox: Sandbox) -> None:
    opening = bitrix24_sandbox.widget_opening()
    assert opening.form["PLACEMENT"] == "CALL_CARD" and opening.query["APP_SID"]
"""


class TestThePlugin:
    @pytest.mark.parametrize(
        "options",
        [(), ("-n", "2"), ("-o", "bitrix24_sandbox_tls=true")],
        ids=["alone", "xdist", "TLS"],
    )
    def test_the_tests_of_an_application_use_it(
        self, options: tuple[str, ...], programs: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        )
        (tmp_path / "test_application.py").write_text(APPLICATION_TESTS)
        printed = run(programs / "python", "-m", "pytest", "-q", *options, cwd=tmp_path)
        assert "7 passed" in printed

    def test_the_example_of_the_readme_passes(self, programs: Path, tmp_path: Path) -> None:
        readme = (ROOT / "scripts" / "bitrix24_sandbox" / "README.md").read_text("utf-8")
        (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
        (tmp_path / "test_example.py").write_text(example)
        assert "1 passed" in run(programs / "python", "-m", "pytest", "-q", cwd=tmp_path)

    def test_its_fixture_is_documented(self, programs: Path, tmp_path: Path) -> None:
        printed = run(programs / "python", "-m", "pytest", "--fixtures", cwd=tmp_path)
        assert re.search(r"^bitrix24_sandbox .*\n    A Bitrix24 portal", printed, re.MULTILINE)

    def test_who_does_not_use_it_does_not_load_a_server(
        self, programs: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "test_other.py").write_text(
            "import sys\ndef test(): assert not {'uvicorn', 'httpx'} & sys.modules.keys()\n"
        )
        assert "1 passed" in run(programs / "python", "-m", "pytest", "-q", cwd=tmp_path)


class TestAnApplication:
    """The tests of a whole application, as they stand in `application/`."""

    def test_it_works_with_every_description_of_a_portal(
        self, programs: Path, tmp_path: Path
    ) -> None:
        self.run("test_call_notes.py", programs, tmp_path)

    def test_it_works_in_the_call_card_of_a_browser(self, programs: Path, tmp_path: Path) -> None:
        require()
        self.run("test_in_the_card.py", programs, tmp_path)

    def run(self, tests: str, programs: Path, folder: Path) -> None:
        application = Path(__file__).parent / "application"
        shutil.copytree(application, folder, dirs_exist_ok=True)
        printed = run(programs / "python", "-m", "pytest", "-q", tests, cwd=folder)
        assert re.search(r"^\d+ passed in", printed, re.MULTILINE), printed


class TestTheBridge:
    """Its command is in the same environment, with the script that it serves."""

    def test_it_serves_its_script_and_asks_for_its_settings(
        self, programs: Path, tmp_path: Path, http: httpx.Client
    ) -> None:
        command = programs / "bitrix24-bridge"
        assert run(command, "--help", cwd=tmp_path).startswith("usage: bitrix24-bridge ")
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
        with subprocess.Popen(
            [command],
            env={**ENVIRONMENT, **settings},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout
                port = re.search(r"port (\d+)", process.stdout.readline())
                assert port
                script = http.get(f"http://127.0.0.1:{port[1]}/bridge.js")
                assert "getStatus" in script.text
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=20)
        assert process.returncode == 0
        assert (tmp_path / "bridge.sqlite3").exists()


def test_all_packages_are_inside_and_typed(programs: Path, tmp_path: Path) -> None:
    program = """
import importlib.resources, bitrix24_bridge, bitrix24_call_card, bitrix24_sandbox
for package in (bitrix24_bridge, bitrix24_call_card, bitrix24_sandbox):
    print(package.__file__, importlib.resources.files(package).joinpath("py.typed").is_file())
"""
    lines = run(programs / "python", "-c", program, cwd=tmp_path).splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["True"] * 3
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
