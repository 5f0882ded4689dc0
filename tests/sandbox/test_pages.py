"""The pages: the contract with this sandbox as its server, browsable without a CDN."""

import json
import re
from pathlib import Path

import httpx
import pytest
import yaml
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.web import docs


def test_the_contract_is_served_with_this_sandbox_as_its_server(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    as_json = http.get(f"{sandbox.origin}/openapi.json")
    as_yaml = http.get(f"{sandbox.origin}/openapi.yaml")
    assert as_json.status_code == as_yaml.status_code == 200
    document = as_json.json()
    assert [server["url"] for server in document["servers"]] == [
        f"{sandbox.origin}/rest/1/sandboxwebhook",
        f"{sandbox.origin}/rest",
    ]
    assert "/placement.call" in document["paths"]
    assert yaml.safe_load(as_yaml.text)["servers"] == document["servers"]


def test_the_contract_is_the_committed_one_but_for_its_servers(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    committed = Path(__file__).parents[2] / "openapi" / "call-card.yaml"
    expected = json.loads(json.dumps(yaml.safe_load(committed.read_bytes()), default=str))
    served = http.get(f"{sandbox.origin}/openapi.json").json()
    assert served | {"servers": []} == expected | {"servers": []}


def test_a_missing_contract_is_a_plain_404(
    http: httpx.Client,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(docs, "CONTRACT", tmp_path / "call-card.yaml")
    answer = http.get(f"{sandbox.origin}/openapi.yaml")
    assert answer.status_code == 404
    assert answer.text == "There is no contract at openapi/call-card.yaml yet."


def test_a_date_in_the_contract_stays_the_text_it_is(
    http: httpx.Client,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    contract = tmp_path / "call-card.yaml"
    contract.write_text("example: 2024-08-13T16:46:18+03:00\n")
    monkeypatch.setattr(docs, "CONTRACT", contract)
    served = http.get(f"{sandbox.origin}/openapi.json").json()
    assert served["example"] == "2024-08-13T16:46:18+03:00"


def test_the_documentation_needs_no_other_server(http: httpx.Client, sandbox: Sandbox) -> None:
    page = http.get(f"{sandbox.origin}/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) >= 3
    for address in addresses:
        assert address.startswith("/")
        assert http.get(sandbox.origin + address).status_code == 200
    assert "validatorUrl: null" in http.get(f"{sandbox.origin}/static/docs.js").text


def test_there_is_a_start_page(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.get(f"{sandbox.origin}/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
