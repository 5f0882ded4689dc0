"""A run of schemathesis as the contract describes it passes only with valid credentials."""

import re
from pathlib import Path

import pytest
from bitrix24_sandbox.server import Running
from contract.document import PATH, Document
from schemathesis.cli import schemathesis


@pytest.mark.parametrize(
    ("address", "token", "status"),
    [
        ("/rest/1/sandboxwebhook", "-", 0),
        ("/rest", "sandboxaccesstoken", 0),
        ("/rest/1/anotherwebhook", "-", 1),
        ("/rest", "anothertoken", 1),
    ],
)
def test_it_passes_with_valid_credentials_only(
    document: Document,
    portal: Running,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    token: str,
    status: int,
) -> None:
    configuration = re.search(r"```toml\n(.*?)```", document["info"]["description"], re.DOTALL)
    assert configuration
    (tmp_path / "schemathesis.toml").write_text(configuration[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", token)
    with pytest.raises(SystemExit) as ended:
        schemathesis(
            ["run", str(PATH), "--url", f"{portal.origin}{address}", "--max-examples", "5"]
        )
    output = capsys.readouterr().out
    assert ended.value.code == status, output
    assert ("Schema-valid request rejected" in output) is bool(status)
