"""The documentation: the contract with this sandbox as its server, and the control endpoints."""

import html
import json
import re
from pathlib import Path

import httpx
import pytest
import yaml
from bitrix24_sandbox.app import create_app
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web import docs
from bitrix24_sandbox.web.endpoints import ENDPOINTS
from starlette.routing import Route

CONTRACT = Path(__file__).parents[2] / "openapi" / "call-card.yaml"
OF_THE_PAGE = {("GET", "/sandbox/card/turns"), ("POST", "/sandbox/card/message")}


def test_the_contract_is_served_with_this_sandbox_as_its_server(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    document = http.get(f"{sandbox.origin}/openapi.json").json()
    assert [server["url"] for server in document["servers"]] == [
        f"{sandbox.origin}/rest/1/sandboxwebhook",
        f"{sandbox.origin}/rest",
    ]
    as_yaml = yaml.safe_load(http.get(f"{sandbox.origin}/openapi.yaml").text)
    assert as_yaml["servers"] == document["servers"]
    committed = json.loads(json.dumps(yaml.safe_load(CONTRACT.read_bytes()), default=str))
    assert document | {"servers": []} == committed | {"servers": []}


def test_a_date_in_the_contract_stays_text(
    http: httpx.Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contract = tmp_path / "call-card.yaml"
    contract.write_text("example: 2024-08-13T16:46:18+03:00\n")
    monkeypatch.setattr(docs, "CONTRACT", contract)
    served = http.get(f"{sandbox.origin}/openapi.json").json()
    assert served["example"] == "2024-08-13T16:46:18+03:00"


def test_the_page_loads_nothing_from_other_hosts(http: httpx.Client, sandbox: Sandbox) -> None:
    page = http.get(f"{sandbox.origin}/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) >= 3
    for address in addresses:
        assert address.startswith("/")
        assert http.get(sandbox.origin + address).status_code == 200
    assert "validatorUrl: null" in http.get(f"{sandbox.origin}/static/docs.js").text


def test_the_page_lists_each_control_endpoint(http: httpx.Client, sandbox: Sandbox) -> None:
    served = {
        (method, route.path)
        for route in create_app(Portal()).routes
        if isinstance(route, Route) and route.path.startswith("/sandbox/")
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(method, path) for method, path, _ in ENDPOINTS} == served - OF_THE_PAGE
    page = http.get(f"{sandbox.origin}/docs").text
    rows = re.findall(r"<tr><td><code>(.*?)</code></td><td>(.*?)</td></tr>", page)
    shown = [(name, html.unescape(re.sub("</?code>", "`", what))) for name, what in rows]
    assert shown == [(f"{method} {path}", what) for method, path, what in ENDPOINTS]
