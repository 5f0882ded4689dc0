"""The access log: one line for each request, without webhooks and tokens."""

import time
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def masked(path: str, words: frozenset[str]) -> str:
    """Mask all parts of a path but the sandbox's own words and numbers; any may be a secret."""
    return "/".join(
        part if part.lower() in words or (part.isascii() and part.isdigit()) else "***"
        for part in path.split("/")
    )


STATIC = Path(__file__).parent / "static"


class AccessLog:
    """An ASGI middleware that passes lines such as `GET /docs 200 1.2 ms` to `write`."""

    def __init__(self, app: Starlette, write: Callable[[str], None]) -> None:
        self._app: ASGIApp = app
        self._write = write
        paths = [getattr(route, "path", "") for route in app.routes]
        self._words = frozenset(
            {"", "placement.call", "placement.call.json", "batch", "batch.json"}
            | {"token", "authorize", "app.info"}
            | {file.name for file in STATIC.iterdir()}
            | {part for path in paths for part in path.split("/") if "{" not in part}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write its line when it is complete."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        outcome = "no response"

        async def sending(message: Message) -> None:
            nonlocal outcome
            if message["type"] == "http.response.start":
                outcome = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            path = masked(scope["path"], self._words)
            milliseconds = (time.perf_counter() - begun) * 1000
            self._write(f"{scope['method'][:10]} {path} {outcome} {milliseconds:.1f} ms")
