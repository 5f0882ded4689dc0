"""The application, installed on the sandbox of the fixture `bitrix24_sandbox`."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox
from call_notes import Settings
from serving import Application, serving


@pytest.fixture
def profile() -> str:
    """The profile of the portal; real portals are js-only."""
    return "js-only"


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as http:
        yield http


@pytest.fixture
def application(
    bitrix24_sandbox: Sandbox, profile: str, http: httpx.Client, tmp_path: Path
) -> Iterator[Application]:
    bitrix24_sandbox.profile = profile

    def settings(url: str) -> Settings:
        return Settings(
            url=url,
            database=tmp_path / "notes.sqlite",
            client_id="sandboxclientid",
            client_secret="sandboxclientsecret",
            oauth_server=bitrix24_sandbox.oauth_server_url.removesuffix("/rest/"),
            oauth_rest=bitrix24_sandbox.oauth_server_url.removesuffix("/"),
            library=f"{bitrix24_sandbox.origin}/api/v1/",
        )

    with serving(settings) as url:
        yield Application(url, http, bitrix24_sandbox.install(f"{url}/events"))
