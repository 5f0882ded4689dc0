"""An OAuth server with as many portals, users and applications as a test wants."""

import asyncio
import itertools
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from bitrix24_bridge import data
from bitrix24_sandbox.server import listen, origin_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.bridge.bridges import Bridge

OURS = "sandboxclientid"
"""The application whose tokens count."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Token:
    """What the OAuth server knows of a token."""

    client_id: str
    user_id: int
    portal: "FakePortal"
    expires: float
    admin: bool = False


@dataclass
class FakePortal:
    """A portal on which the application is."""

    cloud: "Cloud"
    member_id: str
    domain: str
    endpoint: str
    application_token: str = field(default_factory=lambda: secrets.token_hex(16))
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The methods that it was asked, with their fields."""
    refused: dict[str, str] = field(default_factory=dict)
    """The codes with which it refuses methods."""
    events: dict[str, str] = field(default_factory=dict)
    """The handlers of events."""
    binding: Callable[[], Awaitable[object]] | None = None
    """What it does as it binds a widget, before it responds."""

    def token(self, user_id: int = 1, *, client_id: str = OURS, **more: Any) -> str:
        """Issue an access token."""
        token = secrets.token_hex(24)
        info = {"expires": time.time() + 3600, **more}
        self.cloud.tokens[token] = Token(client_id, user_id, self, **info)
        return token

    def known_to(self, bridge: Bridge) -> str:
        """Let the bridge know the portal, as if installed; return the secret of its events."""
        secret = secrets.token_hex(24)
        with bridge.data() as known:
            known.put_portal(
                data.Portal(
                    self.member_id,
                    self.domain,
                    self.endpoint,
                    self.cloud.oauth_server,
                    data.hashed(self.application_token),
                    data.hashed(secret),
                    time.time(),
                    "",
                )
            )
        return secret

    def install_form(self, token: str, **auth: str) -> str:
        """Return the body of `ONAPPINSTALL`; `auth` has other members than usual."""
        return self.event_form("ONAPPINSTALL", {"VERSION": "1"}, access_token=token, **auth)

    def uninstall_form(self, **auth: str) -> str:
        """Return the body of `ONAPPUNINSTALL`; `auth` has other members than usual."""
        return self.event_form("ONAPPUNINSTALL", {"CLEAN": "1"}, **auth)

    def event_form(self, event: str, data: dict[str, str], **auth: str) -> str:
        """Return the body of an event; `auth` has other members than usual."""
        usual = {
            "domain": self.domain,
            "server_endpoint": self.cloud.oauth_server,
            "client_endpoint": self.endpoint,
            "member_id": self.member_id,
            "application_token": self.application_token,
        }
        return urlencode(
            {
                "event": event,
                **{f"data[{name}]": value for name, value in data.items()},
                "ts": "1700000000",
                **{f"auth[{name}]": value for name, value in {**usual, **auth}.items()},
            }
        )


class Cloud:
    """The OAuth server, and its portals."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.tokens: dict[str, Token] = {}
        self.portals: dict[str, FakePortal] = {}
        self.asked: list[str] = []
        """The tokens that the OAuth server was asked about."""
        self.strange: dict[str, Response | None] = {}
        """The responses to questions about tokens, other than usual; None is no response."""

    @property
    def oauth_server(self) -> str:
        return f"{self.origin}/oauth/rest/"

    def portal(self, endpoint: str | None = None) -> FakePortal:
        """Add a portal; its REST address is here unless another one is given."""
        name = f"portal-{next(_numbers)}"
        portal = FakePortal(
            self,
            member_id=secrets.token_hex(16),
            domain=f"{name}.example",
            endpoint=endpoint or f"{self.origin}/{name}/rest/",
        )
        self.portals[name] = portal
        return portal

    def times_asked(self, token: str) -> int:
        return self.asked.count(token)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/oauth/rest/app.info", self._app_info, methods=["POST"]),
                Route("/{portal}/rest/{method}", self._method, methods=["POST"]),
            ]
        )

    async def _app_info(self, request: Request) -> Response:
        token = (await request.json())["auth"]
        self.asked.append(token)
        if token in self.strange:
            if response := self.strange[token]:
                return response
            await asyncio.sleep(600)
        known = self.tokens.get(token)
        if known is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        if known.expires <= time.time():
            return JSONResponse({"error": "expired_token"}, 401)
        portal = known.portal
        result = {
            "client_id": known.client_id,
            "user_id": known.user_id,
            "expires": known.expires,
            "install": {
                "member_id": portal.member_id,
                "domain": portal.domain,
                "client_endpoint": portal.endpoint,
            },
        }
        return JSONResponse({"result": result})

    async def _method(self, request: Request) -> Response:
        portal = self.portals[request.path_params["portal"]]
        method, fields = request.path_params["method"], await request.json()
        known = self.tokens.get(fields.pop("auth"))
        portal.asked.append((method, fields))
        if known is None or known.portal is not portal or not known.admin:
            return JSONResponse({"error": "ACCESS_DENIED"}, 403)
        if code := portal.refused.get(method):
            return JSONResponse({"error": code, "error_description": f"{fields}"}, 400)
        if method == "placement.bind" and portal.binding:
            await portal.binding()
        if method == "event.bind":
            portal.events[fields["event"]] = fields["handler"]
        rows = [{"event": event, "handler": url} for event, url in portal.events.items()]
        return JSONResponse({"result": rows if method == "event.get" else True})


def page() -> Response:
    return HTMLResponse("<h1>Sign in</h1>")


def deep() -> Response:
    return Response("[" * 60_000, media_type="application/json")


@contextmanager
def running_cloud() -> Iterator[Cloud]:
    """Run an OAuth server with portals while the context lasts."""
    with listen() as listener:
        cloud = Cloud(origin_of(listener))
        # Longer than the bridge keeps an idle connection, or the two would race to close it.
        config = uvicorn.Config(
            cloud.app(), lifespan="off", log_config=None, access_log=False, timeout_keep_alive=75
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="cloud", daemon=True)
        thread.start()
        try:
            yield cloud
        finally:
            server.force_exit = server.should_exit = True
            thread.join()


class Decoy:
    """A server that is not to be asked: it counts who connects."""

    def __init__(self) -> None:
        self._listener = listen()
        self._listener.setblocking(False)
        self.origin = origin_of(self._listener)

    def connections(self) -> int:
        """Count the connections so far, also those that have sent nothing yet."""
        count = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return count
            connection.close()
            count += 1

    def close(self) -> None:
        self._listener.close()


async def post_form(http: httpx.AsyncClient, url: str, body: str) -> httpx.Response:
    """Post a form as a portal or a browser does."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await http.post(url, content=body, headers=headers)


def known(bridge: Bridge, portal: FakePortal) -> data.Portal | None:
    """Return what the bridge knows of a portal."""
    with bridge.data() as found:
        return found.portal(portal.member_id)
