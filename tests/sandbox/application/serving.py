"""The application on a socket, as if it ran in another process."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from bitrix24_sandbox.testing import Delivery, WidgetOpening
from call_notes import Notes, Settings


@dataclass(frozen=True)
class Application:
    """The application, as a browser in the call card reaches it."""

    url: str
    http: httpx.Client
    installation: Delivery
    """The event with which the portal installed it."""

    def open(self, opening: WidgetOpening) -> httpx.Response:
        """Open its widget."""
        return self.http.post(f"{self.url}/widget", params=opening.query, data=opening.form)


@contextmanager
def serving(settings: Callable[[str], Settings]) -> Iterator[str]:
    """Serve the application, and yield its URL; `settings` makes its settings from the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(lambda: Notes(settings(url)).app, factory=True, log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()
