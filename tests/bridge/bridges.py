"""A bridge in a thread of the tests, as its own server would run it."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from bitrix24_bridge.data import Data
from bitrix24_bridge.server import listen, server
from bitrix24_bridge.settings import Settings, Times
from bitrix24_sandbox.server import origin_of

GET_STATUS = {"PLACEMENT": "getStatus", "PARAMS": {}}

SEVERAL = "http://127.0.0.1:1"
"""The URL of a bridge of several processes, by which they find each other in Redis."""

QUICK = Times(*(seconds / 20 for seconds in astuple(Times())))
"""A twentieth of all times."""


@dataclass(frozen=True)
class Bridge:
    """A bridge that runs."""

    settings: Settings
    url: str
    """Where the tests reach it; of several processes, each has its own."""
    pid: int = field(default_factory=os.getpid)

    @contextmanager
    def data(self) -> Iterator[Data]:
        """Its data, for the thread that asks, as a command would open it."""
        with closing(Data(self.settings.data)) as data:
            yield data

    def webhook(self, portal: str, user_id: str = "1", name: str = "test") -> str:
        """Return the URL of a new secret for a user; the portal by its domain or member id."""
        with self.data() as data:
            secret = data.add_secret(data.portal_named(portal).member_id, user_id, name)
        return f"{self.url}/rest/{user_id}/{secret}/"


@contextmanager
def running_bridge(
    data: Path,
    oauth_server: str,
    *,
    port: int = 0,
    times: Times = QUICK,
    several: bool = False,
    **settings: Any,
) -> Iterator[Bridge]:
    """Run a bridge while the context lasts.

    `data`: the file that holds its portals and secrets; `oauth_server`: the REST address of the
    one that it believes; `several`: it is one of several processes; `settings`: more members of
    `Settings`.
    """
    with listen("127.0.0.1", port) as listener:
        own = origin_of(listener)
        defaults: dict[str, Any] = {
            "url": SEVERAL if several else own,
            "origins": frozenset({own}),
            "client_ids": frozenset({"sandboxclientid"}),
            "portals": frozenset({"*"}),
            "oauth_servers": (oauth_server,),
        }
        set_up = Settings(data=data, times=times, **{**defaults, **settings})
        bridge = Bridge(set_up, own if several else set_up.url)
        started: Future[uvicorn.Server] = Future()

        def run() -> None:
            try:
                # SQLite wants one thread for a connection.
                with closing(Data(data)) as own:
                    serving = server(bridge.settings, own)
                    started.set_result(serving)
                    serving.run(sockets=[listener])
            except BaseException as error:
                if not started.done():
                    started.set_exception(error)
                raise

        thread = threading.Thread(target=run, name="bridge", daemon=True)
        thread.start()
        serving = started.result()
        try:
            # The socket already listens, so a request that comes early waits for its answer.
            yield bridge
        finally:
            serving.should_exit = True
            thread.join()


def ask(http: httpx.Client, webhook: str) -> httpx.Response:
    """Send `getStatus` with a webhook."""
    return http.post(f"{webhook}placement.call", json=GET_STATUS)
