"""The bridge on a socket: uvicorn, with logs in which no secret and no phone number can be read."""

import logging
import resource
import socket
from traceback import format_tb

import uvicorn
from prometheus_client import start_http_server

from .app import create_app
from .data import Data
from .metrics import is_due, refuse
from .settings import Settings, SettingsError
from .websocket_protocol import BoundedProtocol

MOST_MESSAGE = 64 * 1024
"""The bytes of a message that a page sends."""
FILES = range(1024, 65_537)
"""How many files, and so sockets, the process may have open: at least, and at most."""


def raise_limit_of_files() -> int:
    """Let this process open as many files as it may; return how many. Raise `SettingsError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES[-1] if hard == resource.RLIM_INFINITY else min(hard, FILES[-1])
    if most < FILES[0]:
        raise SettingsError(
            f"This process may open {hard} files, and needs {FILES[0]}. Raise LimitNOFILE, or "
            "the limit that `ulimit -Hn` shows."
        )
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    return most


class Listener(socket.socket):
    """A TCP socket that keeps its queue of 1,024 connections, whatever asyncio asks for."""

    def listen(self, _: int = 0) -> None:
        """Start to listen."""
        super().listen(1024)


def listen(host: str, port: int) -> Listener:
    """Listen on an address. Raise `SettingsError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: each answer would wait 40 ms.
    listener = Listener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, UnicodeError) as error:
        listener.close()
        raise _cannot_listen(f"{host}, port {port}", error, "BRIDGE_PORT") from None
    return listener


def serve(settings: Settings, data: Data, listener: socket.socket) -> None:
    """Serve until the process is asked to end; that arrives as `KeyboardInterrupt`."""
    serving = server(settings, data)
    host, port = listener.getsockname()[:2]
    if settings.metrics:
        _serve_metrics(settings.metrics)
    with serving.capture_signals():  # or Ctrl-C would hit asyncio as it begins
        print(f"Bridge {settings.url}, ready on {host}, port {port}. Ctrl-C ends it.", flush=True)
        serving.run(sockets=[listener])


def _serve_metrics(address: str) -> None:
    """Serve /metrics on its own port until the process ends: behind nginx, everybody is local."""
    host, _, port = address.rpartition(":")
    try:
        start_http_server(int(port), host.strip("[]"))
    except OSError as error:
        raise _cannot_listen(address, error, "BRIDGE_METRICS") from None


def _cannot_listen(address: str, error: Exception, name: str) -> SettingsError:
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return SettingsError(f"Cannot listen on {address}: {reason}. Set {name}.")


def server(settings: Settings, data: Data) -> uvicorn.Server:
    """Return the server."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings, data),
            ws=BoundedProtocol,
            ws_max_size=MOST_MESSAGE,
            ws_per_message_deflate=False,  # more memory than all the rest of a connection
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=settings.proxies,
            # asyncio accepts this many at a time, and when no file is left it fails, logs and
            # schedules another attempt for each of them.
            backlog=1,
            # Longer than httpx keeps an idle connection, or the two would race to close it.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
        )
    )


def quiet_logs() -> None:
    """Keep what others log of requests, handshakes and frames out of every log, also at DEBUG."""
    for name in ("uvicorn", "uvicorn.error", "websockets", "httpx", "httpcore", "hpack", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger(name).addFilter(_quiet)
    logging.getLogger("uvicorn.access").disabled = True


def _quiet(record: logging.LogRecord) -> bool:
    """Show the same once a minute, and of an exception its place and type, not its text."""
    if record.getMessage().startswith("socket.accept() out of system resource"):
        # asyncio says so of each attempt, which are millions.
        refuse("files", "No file is left for another connection. Raise LimitNOFILE.")
        return False
    if record.exc_info and (error := record.exc_info[1]):
        record.exc_info = None
        record.exc_text = "".join(format_tb(error.__traceback__)) + type(error).__name__
    # asyncio's further lines name a connection, so each would be another text.
    return is_due(str(record.msg).partition("\n")[0], record.exc_text or "")
