"""A sandbox in a process of its own, for the pytest fixture.

The process prints where it is reached, as JSON, and ends with a line of its input, or with its
input: also when the process that started it was killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from .testing import Sandbox


@contextmanager
def started(*, tls: bool = False) -> Generator[Sandbox, None, None]:
    """Start a sandbox, and yield it; it stops with the context.

    Nothing here has a timeout, which a frozen clock would never reach.
    """
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-P", "-m", __name__, *(["--tls"] if tls else [])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches only the tests, which still use it to clean up
    ) as process:
        try:
            from .testing import Sandbox  # imported while the process starts: it takes as long

            assert process.stdout  # noqa: S101 - for type checkers
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("The sandbox could not start; its process printed the reason.")
            origin, ca = json.loads(line)
            yield Sandbox(origin, tls=Path(ca) if ca else None)
        finally:
            process.communicate("\n")


def main() -> None:
    """Run the sandbox until a line arrives, or the input ends."""
    from .server import running  # slow to import, and only this process needs it

    with running(tls="--tls" in sys.argv[1:]) as sandbox:
        print(json.dumps([sandbox.origin, sandbox.tls and str(sandbox.tls)]), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
