"""The sandbox on a socket: uvicorn, which stops at once even with open connections."""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import create_app
from .portal.errors import PortalError
from .portal.state import Portal
from .rest.answers import error_answer
from .testing import Sandbox
from .tls import transport

HEAD_SECONDS = 30.0
"""How long the head of a request may take, from its first byte or from the connection's start."""

MAX_HEAD = 2 * 1024 * 1024
"""Bytes. A longer head resets the connection, instead of getting a response."""


class _Protocol(H11Protocol):
    """Lets an application drop its connection, and refuses malformed HTTP in the envelope.

    A connection is closed if the head of its request does not arrive in time.
    """

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        # ASGI cannot close a connection without a response; each request's scope has this state.
        super().__init__(config, server_state, {**app_state, "abort": self._abort}, _loop)

        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._stop_waiting()  # between two requests, the keep-alive timeout applies
        elif self._head_timer is None:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._abort)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _abort(self) -> None:
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        answer = error_answer(PortalError("MALFORMED_HTTP", msg))
        headers = [*answer.headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status, headers=headers, reason=b"Bad Request"),
            h11.Data(data=answer.body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A kept-alive connection or a slow response would delay the shutdown.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


class Running(Sandbox):
    """A sandbox running in this process."""

    def __init__(self, origin: str, portal: Portal, app: ASGIApp, *, tls: Path | None) -> None:
        super().__init__(origin, tls=tls)
        self.portal = portal
        self.app = app


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Open a listening socket; port 0 means any free port. Raise `OSError` if that fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # IPPROTO_TCP, or asyncio leaves Nagle's algorithm on: each response would take 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port on which a socket listens."""
    port: int = listener.getsockname()[1]
    return port


def origin_of(listener: socket.socket, scheme: str = "http") -> str:
    """Return the origin at which this machine reaches a listening socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{host}]:{port}" if ":" in str(host) else f"{scheme}://{host}:{port}"


def _server(app: ASGIApp, tls: ssl.SSLContext | None) -> _Server:
    config = uvicorn.Config(
        app,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_graceful_shutdown=2,
        # Longer than httpx keeps an idle connection, or both might close it at the same moment.
        timeout_keep_alive=75,
    )
    # Only errors of the sandbox itself; requests have a log of their own.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its errors are the sender's
    # It would show webhooks and tokens to every handler of the root logger.
    logging.getLogger("uvicorn.access").disabled = True
    return _Server(config)


def serve(app: ASGIApp, *listeners: socket.socket, tls: ssl.SSLContext | None = None) -> None:
    """Serve until a signal stops the process; that arrives as `KeyboardInterrupt`."""
    _server(app, tls).run(sockets=list(listeners))


@contextlib.contextmanager
def running(
    portal: Portal | None = None,
    *,
    port: int = 0,
    handler: str | None = None,
    tls: bool = False,
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> Generator[Running, None, None]:
    """Run a sandbox in a thread, and yield it; it stops with the context.

    `handler`: the URL of the widget that the call card opens, instead of the demonstration widget.
    `tls`: speak HTTPS; clients have to trust the CA in the sandbox's attribute `tls`. `wrap`: puts
    ASGI middleware around the application.
    """
    portal = portal or Portal()
    with (
        transport(tls) as carrier,
        listen(port=port) as listener,
        listen() as widget,
        listen() as oauth,
    ):
        origin = origin_of(listener, carrier.scheme)
        app = wrap(
            create_app(
                portal,
                origin=origin,
                handler=handler,
                widget_port=port_of(widget),
                oauth_port=port_of(oauth),
            )
        )
        server = _server(app, carrier.context)
        thread = threading.Thread(
            target=server.run,
            kwargs={"sockets": [listener, widget, oauth]},
            name="sandbox",
            daemon=True,
        )
        thread.start()
        try:
            # The socket already listens, so an early request waits for its response.
            yield Running(origin, portal, app, tls=carrier.ca)
        finally:
            server.should_exit = True
            thread.join()
