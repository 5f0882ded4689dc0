"""A run of schemathesis with the contract's settings passes only with valid credentials."""

import pytest
from bitrix24_sandbox.server import Running
from contract.document import PATH
from schemathesis.cli import schemathesis

EXAMPLES = ("--phases", "examples")


@pytest.mark.parametrize(
    ("address", "token", "phases", "status"),
    [
        ("/rest/1/sandboxwebhook", "", EXAMPLES, 0),
        ("/rest", "sandboxaccesstoken", (), 0),
        ("/rest/1/anotherwebhook", "", EXAMPLES, 1),
        ("/rest", "anothertoken", (), 1),
    ],
)
def test_it_passes_with_valid_credentials_only(
    portal: Running,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    token: str,
    phases: tuple[str, ...],
    status: int,
) -> None:
    monkeypatch.setenv("TOKEN", token)
    settings = ("--config-file", str(PATH.with_name("schemathesis.toml")))
    url = ("--url", f"{portal.origin}{address}", "--max-examples", "5")
    with pytest.raises(SystemExit) as ended:
        schemathesis([*settings, "run", str(PATH), *url, *phases])
    output = capsys.readouterr().out
    assert ended.value.code == status, output
    assert ("Schema-valid request rejected" in output) is bool(status)
