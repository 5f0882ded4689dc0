"""A user's own run of schemathesis, as the contract describes it, passes if its credentials do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bitrix24_sandbox.server import Running
from contract.document import PATH, Document


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
    document: Document, portal: Running, tmp_path: Path, address: str, token: str, status: int
) -> None:
    configuration = re.search(r"```toml\n(.*?)```", document["info"]["description"], re.DOTALL)
    assert configuration
    (tmp_path / "schemathesis.toml").write_text(configuration[1])
    result = subprocess.run(
        [
            *(Path(sys.executable).parent / "st", "run", PATH),
            *("--url", f"{portal.origin}{address}", "--max-examples", "5"),
        ],
        cwd=tmp_path,
        env=os.environ | {"TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status, result.stdout
    assert ("Schema-valid request rejected" in result.stdout) is bool(status)
