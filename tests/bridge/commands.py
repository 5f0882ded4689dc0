"""The bridge from the command line, as an integrator runs it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bitrix24_bridge.settings import from_environment

from tests.bridge.bridges import SEVERAL, Bridge
from tests.ports import unused_port

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "bitrix24_bridge"]
NOBODY = "https://oauth.example/rest/"
"""An OAuth server that nobody asks."""


def environment(
    folder: Path, oauth_server: str = NOBODY, *, several: bool = False, **more: str
) -> dict[str, str]:
    """Return the settings of a bridge at a free port; a setting of `""` is left out.

    `several`: it is one of several processes.
    """
    port = unused_port()
    own = f"http://127.0.0.1:{port}"
    settings = {
        "BRIDGE_URL": SEVERAL if several else own,
        "BRIDGE_ORIGINS": own,
        "BRIDGE_PORT": str(port),
        "BRIDGE_CLIENT_IDS": "sandboxclientid",
        "BRIDGE_PORTALS": "*",
        "BRIDGE_DATA": str(folder / "bridge.sqlite3"),
        "BRIDGE_OAUTH_SERVERS": oauth_server,
        **more,
    }
    return {name: value for name, value in settings.items() if value}


def run(
    settings: Mapping[str, str],
    *arguments: str,
    command: Sequence[str] = COMMAND,
    stdout: int = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*command, *arguments],
        env=_environ(settings),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def serving(
    settings: Mapping[str, str],
    output: Path,
    *arguments: str,
    end: signal.Signals = signal.SIGTERM,
    command: Sequence[str] = COMMAND,
) -> Iterator[Bridge]:
    """Serve while the context lasts; `output` takes what is printed and logged."""
    with (
        output.open("w") as file,
        subprocess.Popen(
            [*command, *arguments],
            env=_environ(settings),
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, output.read_text()
            print(line, end="", file=file, flush=True)
            read = from_environment(settings)
            url = f"http://127.0.0.1:{read.port}" if read.url == SEVERAL else read.url
            yield Bridge(read, url, process.pid)
        finally:
            process.send_signal(end)
            rest, _ = process.communicate(timeout=30)
            file.write(rest)
    assert process.returncode == (-end if end == signal.SIGKILL else 0)


def _environ(settings: Mapping[str, str]) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")
    }
    path = os.pathsep.join([str(ROOT / "scripts"), str(ROOT / "generated")])
    return {**inherited, "PYTHONPATH": path, **settings}
