"""The table of `/sandbox/*`: complete, and the same wherever it is read."""

import re
from pathlib import Path

import bitrix24_sandbox
import httpx
import pytest
from bitrix24_sandbox.app import create_app
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web.endpoints import ENDPOINTS
from starlette.routing import Route

README = Path(bitrix24_sandbox.__path__[0]) / "README.md"
# What the page's own script asks for, and nobody else.
OF_THE_PAGE = {("GET", "/sandbox/card/turns"), ("POST", "/sandbox/card/message")}


def test_it_has_every_endpoint_that_there_is() -> None:
    served = {
        (method, route.path)
        for route in create_app(Portal()).routes
        if isinstance(route, Route) and route.path.startswith("/sandbox/")
        for method in (route.methods or set()) - {"HEAD"}
    }
    listed = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]
    assert len(set(listed)) == len(listed)
    assert set(listed) == served - OF_THE_PAGE


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda row: f"{row.method} {row.path}")
def test_the_readme_has_each_row(endpoint: tuple[str, str, str]) -> None:
    method, path, what = endpoint
    assert f"| `{method} {path}` | {what} |" in README.read_text("utf-8").splitlines()


def test_the_readme_has_no_other_row() -> None:
    rows = re.findall(r"^\| `[A-Z]+ /sandbox/.*$", README.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(ENDPOINTS)


def test_the_api_page_shows_it(http: httpx.Client, sandbox: Sandbox) -> None:
    page = http.get(f"{sandbox.origin}/docs").text
    for method, path, _ in ENDPOINTS:
        assert f"<code>{method} {path}</code>" in page
    assert "<code>{&quot;scenario&quot;: NAME}</code>: a situation by its name" in page
