"""The bridge as an ASGI application."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from hmac import compare_digest

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from .connections import Connections
from .data import Data
from .identity import Identities
from .installing import FromPortal
from .memory import MemoryStore
from .pages import Pages
from .rest import Rest
from .settings import Settings, SettingsError, invalid
from .sockets import Sockets
from .store import Store


def _store(settings: Settings) -> Store:
    if not settings.store:
        return MemoryStore(settings.times)
    try:
        from .redis_store import RedisStore, connect
    except ModuleNotFoundError:  # an extra of the distribution
        raise SettingsError(
            "BRIDGE_STORE needs a package: pip install 'bitrix24-sandbox[redis]'."
        ) from None
    try:
        return RedisStore(connect(settings.store), settings.times)
    except (TypeError, ValueError):  # an option of the URL that the client does not know
        raise invalid("BRIDGE_STORE") from None


def create_app(settings: Settings, data: Data, status_key: str) -> Starlette:
    """Put the bridge together.

    `status_key`: what the command `status` shows to get an answer.
    """
    started = time.monotonic()
    store = _store(settings)
    connections = Connections()
    http = httpx.AsyncClient(timeout=settings.times.oauth, follow_redirects=False)
    identities = Identities(settings, store, http)
    pages = Pages(settings, data, identities, store, connections)
    portals = FromPortal(settings, data, identities, http)

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncGenerator[None, None]:
        async with http:
            at_work = asyncio.create_task(store.run(connections.ask))
            yield
            at_work.cancel()

    async def health(_: Request) -> Response:
        data.portals()  # raises, so that the answer is 500, if the file cannot be read
        return PlainTextResponse("ok")

    async def status(request: Request) -> Response:
        shown = request.headers.get("bridge-status-key", "").encode()
        if not compare_digest(shown, status_key.encode()):
            return PlainTextResponse("Not Found", 404)
        cards = [[*user, count] for user, count in sorted(connections.count().items())]
        return JSONResponse({"seconds": time.monotonic() - started, "cards": cards})

    app = Starlette(
        routes=[
            Route("/rest/{path:path}", Rest(settings, data, identities, store)),
            Route("/widget", pages.open_widget, methods=["POST"]),
            Route("/bridge.js", pages.script),
            WebSocketRoute(
                "/socket", Sockets(settings, data, identities, store, connections).serve
            ),
            Route("/install", portals.install, methods=["POST"]),
            Route("/events/{secret}", portals.event, methods=["POST"]),
            Route("/healthz", health),
            Route("/status", status),
        ],
        lifespan=running,
    )
    app.router.redirect_slashes = False  # to whatever host was asked for
    return app
