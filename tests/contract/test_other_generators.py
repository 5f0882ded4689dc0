"""Other generators accept the contract, and what they generate works with the sandbox."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bitrix24_sandbox.server import Running
from contract.document import PATH, Document, call_examples
from contract.provoking import with_webhook

from tests.contract.calls import CALLS


def generate(folder: Path, module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def imported(folder: Path, package: str) -> Iterator[Any]:
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(package)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def stock_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The client that openapi-python-client generates without this project's templates."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "config.yaml").write_text("post_hooks: []\n")
    options = ("--meta", "none", "--config", "config.yaml", "--fail-on-warning")
    output = ("--path", str(PATH), "--output-path", "stock_client")
    generate(folder, "openapi_python_client", "generate", *options, *output)
    yield from imported(folder, "stock_client")


@pytest.fixture(scope="module")
def pydantic_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The models that datamodel-code-generator generates."""
    folder = tmp_path_factory.mktemp("pydantic")
    kind = ("--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel")
    options = (*kind, "--extra-fields", "allow", "--formatters", "builtin")
    output = ("--input", str(PATH), "--output", "pydantic_models.py")
    generate(folder, "datamodel_code_generator", *options, *output)
    yield from imported(folder, "pydantic_models")


@pytest.fixture
def stock_call(stock_client: Any) -> Callable[..., Any]:
    """Call getStatus with the stock client."""
    get_status = importlib.import_module("stock_client.api.call_card.get_status")
    request = importlib.import_module("stock_client.models").GetStatusRequest

    def call(base_url: str, token: str = "", **members: str) -> Any:
        body = request.from_dict({"PLACEMENT": "getStatus", "PARAMS": {}})
        for name, value in members.items():
            setattr(body, name, value)  # an AttributeError if the schema does not have it
        url = base_url.rstrip("/")
        with_token = stock_client.AuthenticatedClient(base_url=url, token=token)
        with with_token if token else stock_client.Client(base_url=url) as client:
            return get_status.sync(client=client, body=body)

    return call


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_stock_client_reads_every_call(
    portal: Running, stock_call: Callable[..., Any], call: dict[str, Any]
) -> None:
    portal.call = call
    response = stock_call(portal.webhook_url)
    assert response.to_dict()["result"] == with_webhook(portal).json()["result"]


@pytest.mark.parametrize("place", ["auth", "token"])
def test_the_stock_client_sends_the_token_in_the_body_or_as_a_bearer_token(
    portal: Running, stock_call: Callable[..., Any], place: str
) -> None:
    response = stock_call(portal.oauth_url, **{place: portal.access_token})
    assert response.to_dict() | {"time": {}} == with_webhook(portal).json() | {"time": {}}


def test_the_stock_client_reads_an_error(portal: Running, stock_call: Callable[..., Any]) -> None:
    portal.fail("ERROR_CORE")
    assert stock_call(portal.webhook_url).error == "ERROR_CORE"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_models_of_pydantic_read_every_call(
    portal: Running, pydantic_models: Any, call: dict[str, Any]
) -> None:
    portal.call = call
    body = with_webhook(portal).json()
    response = pydantic_models.GetStatusResponse.model_validate(body)
    assert response.model_dump(mode="json", exclude_unset=True)["result"] == body["result"]


@pytest.mark.parametrize("code", ["ERROR_ARGUMENT", "expired_token"])
def test_models_of_pydantic_read_an_error(portal: Running, pydantic_models: Any, code: str) -> None:
    portal.fail(code)
    error = pydantic_models.ErrorResponse.model_validate(with_webhook(portal).json())
    assert error.error == code


def test_models_of_pydantic_read_every_example(document: Document, pydantic_models: Any) -> None:
    for call in call_examples(document).values():
        pydantic_models.CallStatus.model_validate(call)
