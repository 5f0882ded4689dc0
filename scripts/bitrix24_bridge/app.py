"""The bridge as an ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from .connections import Connections
from .data import Data
from .errors import BridgeError, StoreGoneError
from .identity import Identities
from .installing import FromPortal
from .limits import Buckets
from .metrics import STORE, refuse
from .pages import Pages
from .posting import client
from .rest import Rest
from .settings import Settings, SettingsError
from .sockets import Sockets

if TYPE_CHECKING:
    from .processes import Processes


def _processes(settings: Settings, connections: Connections) -> "Processes":
    try:
        from .processes import Processes, check, connect
    except ModuleNotFoundError:  # an extra of the distribution
        raise SettingsError(
            "BRIDGE_STORE needs the package redis: run pip install '.[redis]' in the folder that "
            "the bridge was installed from."
        ) from None
    with contextlib.suppress(StoreGoneError):  # which every answer will say
        check(settings.store)
    return Processes(connect(settings.store), settings.url, connections, settings.times)


async def _error(request: Request, error: Exception) -> Response:
    """Respond in the contract's form."""
    if not isinstance(error, BridgeError):
        error = BridgeError("INTERNAL_SERVER_ERROR", "A fault of the bridge")
    elif error.status in (401, 503):
        refuse(request.url.path.split("/")[1], str(error), getattr(request.state, "portal", ""))
    return JSONResponse(error.envelope, error.status)


def create_app(settings: Settings, data: Data) -> Starlette:
    """Put the bridge together."""
    connections = Connections()
    processes = _processes(settings, connections) if settings.store else None
    http = client(settings.times.oauth)
    identities = Identities(settings, data, processes or Buckets(), http)
    pages = Pages(settings, data, identities)
    portals = FromPortal(settings, data, identities, http)

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncGenerator[None, None]:
        at_work = asyncio.create_task(processes.run()) if processes else None
        if processes:
            with contextlib.suppress(TimeoutError):  # without Redis it answers that there is none
                await asyncio.wait_for(processes.hears.wait(), settings.times.hello)
        async with http:
            yield
        if at_work:
            at_work.cancel()

    STORE.set_function(lambda: processes is None or processes.hears.is_set())

    async def ready(_: Request) -> Response:
        try:
            data.portals()
        except Exception as error:
            return PlainTextResponse(f"BRIDGE_DATA: {type(error).__name__}", 503)
        if processes and not processes.hears.is_set():
            return PlainTextResponse("BRIDGE_STORE cannot be reached", 503)
        return PlainTextResponse("ok")

    app = Starlette(
        routes=[
            Route("/rest/{path:path}", Rest(data, identities, processes or connections)),
            Route("/widget", pages.open_widget, methods=["POST"]),
            Route("/bridge.js", pages.script),
            WebSocketRoute("/socket", Sockets(settings, data, identities, connections).serve),
            Route("/install", portals.install, methods=["POST"]),
            Route("/events/{secret}", portals.event, methods=["POST"]),
            Route("/healthz", PlainTextResponse("ok")),
            Route("/ready", ready),
        ],
        lifespan=running,
        exception_handlers={BridgeError: _error, Exception: _error},
    )
    app.router.redirect_slashes = False  # to whatever host was asked for
    return app
