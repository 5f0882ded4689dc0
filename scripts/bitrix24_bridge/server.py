"""The bridge on a socket: uvicorn, with logs in which no secret and no phone number can be read."""

import logging
import secrets
import socket
from traceback import format_tb

import uvicorn

from .app import create_app
from .data import Data
from .settings import Settings
from .websocket_protocol import BoundedProtocol

MOST_MESSAGE = 64 * 1024
"""The bytes of a message that a page sends."""


def serve(settings: Settings, data: Data, listener: socket.socket) -> None:
    """Serve until the process is asked to end; that arrives as `KeyboardInterrupt`."""
    key = secrets.token_hex(16)
    serving = server(settings, data, key)
    host, port = listener.getsockname()[:2]
    print(f"Bridge {settings.url}, ready on {host}, port {port}. Ctrl-C ends it.", flush=True)
    data.put_server(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", key)
    try:
        serving.run(sockets=[listener])
    finally:
        data.remove_server()


def server(settings: Settings, data: Data, status_key: str) -> uvicorn.Server:
    """Give the server; `status_key` is what `/status` is to be asked with."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings, data, status_key),
            ws=BoundedProtocol,
            ws_max_size=MOST_MESSAGE,
            ws_per_message_deflate=False,  # more memory than all the rest of a connection
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=settings.proxies,
            # Longer than httpx keeps an idle connection, or the two would race to close it.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
        )
    )


def quiet_logs() -> None:
    """Keep what others log of requests, handshakes and frames out of every log, also at DEBUG."""
    for name in ("uvicorn", "uvicorn.error", "websockets", "httpx", "httpcore", "hpack", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger(name).addFilter(_without_values)
    logging.getLogger("uvicorn.access").disabled = True


def _without_values(record: logging.LogRecord) -> bool:
    """Show where an exception came from, and its type: its text may hold what somebody sent."""
    if record.exc_info and (error := record.exc_info[1]):
        record.exc_info = None
        record.exc_text = "".join(format_tb(error.__traceback__)) + type(error).__name__
    return True
