"""Programs that call the sandbox with an SDK, which knows nothing of sandboxes."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bitrix24_sandbox.testing import Sandbox


@contextmanager
def running_sdk(name: str, sandbox: Sandbox) -> Iterator[Callable[..., Any]]:
    """Run a program with only the CA in its environment; yield what sends it a question."""
    ca = str(sandbox.tls)
    with subprocess.Popen(
        [
            sys.executable,
            Path(__file__).parent / "sdks" / name,
            sandbox.origin.removeprefix("https://"),
        ],
        env={"SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:

        def ask(**question: Any) -> Any:
            assert program.stdin
            assert program.stdout
            patience = threading.Timer(60, program.kill)
            patience.start()
            try:
                print(json.dumps(question), file=program.stdin, flush=True)
                answer = program.stdout.readline()
            finally:
                patience.cancel()
            assert answer, f"no answer to {question}"
            return json.loads(answer)

        yield ask
        program.communicate(timeout=60)  # it ends with its input
