"""The portal page's server side: the stream of turns, and the messages of the widget.

The page's script decides nothing. It passes on each message of the widget, and carries out the
turns of the stream in their order: post messages to the frame, remove it, open a new one.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ..card.card import Card, NotNowError, UnknownActionError
from ..card.events import Turn, opening
from ..card.frame import Frame, Place
from ..card.message_log import events, from_widget, opened, to_widget
from ..card.messages import DroppedError, page_effects
from ..portal import json_text
from ..portal.addresses import oauth_url, webhook_url
from ..portal.authentication import ACCESS_TOKEN
from ..portal.errors import PortalError
from ..portal.situation import PROFILES
from ..portal.state import Portal
from ..rest.answers import ClientGoneError
from ..rest.decoding import read_body
from ..rest.journal import Journal, Recorded
from .choices import choices
from .samples import samples

STATIC = Path(__file__).parent / "static"

MOST_PAGES = 50
"""How many portal pages may be open at once."""

MOST_TURNS = 1000
"""How many turns may be unread; a page that falls further behind has to reconnect."""

# The page loads nothing from other hosts; only the widget's frame and form may lead to them.
PAGE_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-src *; "
    "frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-cache",
}


class Page:
    """A portal page that is open in a browser, with its widget while the card is open."""

    def __init__(
        self, portal: Portal, card: Card, place: Place, handler: str, *, pages: int
    ) -> None:
        """`pages`: how many are open, including this one; all of them control the same card."""
        self.id = secrets.token_hex(8)
        self._portal = portal
        self._card = card
        self._place = place
        self._handler = handler  # until the application registers a widget
        self._frame: Frame | None = None  # the newest, which may be closed
        self._open = False
        self._cards = 0
        self._turns: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MOST_TURNS)
        self._lost = False
        self._loop = asyncio.get_running_loop()
        self._send(
            page=self.id,
            pages=pages,
            addresses=addresses(place.origin),
            samples=samples(place.origin),
            choices=choices(),
        )
        self.leave = card.subscribe(self._follow)
        if card.call is not None:
            self._follow(opening(card.call))

    async def turns(self) -> AsyncIterator[str]:
        """Yield the turns for the page as server-sent events, while it reads them."""
        while not self._lost:
            yield f"data: {json_text.encode(await self._turns.get())}\n\n"

    def receive(self, data: Any, origin: str) -> None:
        """Handle a message to the page's window; `origin`: according to the browser."""
        frame = self._frame
        if frame is None or not self._open:
            self._send(log=[from_widget(data, frame, dropped="no widget is open")])
            return
        try:
            message = frame.accept(data, origin)
        except DroppedError as reason:
            self._send(log=[from_widget(data, frame, dropped=str(reason))])
            return
        self._send(log=[from_widget(data, frame)], **page_effects(message))
        reply = frame.obey(message)
        if reply is None:
            return
        if self._open:
            self._send(post=[reply], log=[to_widget(message.command, reply, frame)])
        else:
            lost = "does not arrive: the frame is gone"
            self._send(log=[to_widget(message.command, reply, frame, note=lost)])

    def show_request(self, request: Recorded) -> None:
        """Show a request to the portal or its OAuth server in the log."""
        self._send(log=[rest_entry(request)])

    def show_pages(self, number: int) -> None:
        """Show the number of open pages."""
        self._send(pages=number)

    def _follow(self, turn: Turn) -> None:
        """Send a turn of the card to the page."""
        sent: dict[str, Any] = {"close": False, "open": None, "post": [], "log": []}
        self._cards += turn.opened
        shown = self._card.widget == "open" and not turn.closed
        if self._frame is not None and self._open:
            for event in turn.events:
                posts = self._frame.event(event)
                sent["post"] += posts
                sent["log"] += events(event, posts, self._frame, closed=turn.closed)
            sent["close"] = not shown
        call = self._card.call
        if shown and not self._open and call is not None:
            handler = self._portal.application.first_widget or self._handler
            self._frame = Frame(self._portal, self._card, call, self._place, handler, self._cards)
            sent["open"] = self._frame.opening()
            sent["log"].append(opened(self._frame, sent["open"]))
        self._open = shown
        self._send(**sent)

    def _send(self, **members: Any) -> None:
        profile = self._portal.profile
        turn = {
            "card": self._card.state(),
            "profile": f"Profile {profile}: {PROFILES[profile]}.",
            **members,
        }
        self._loop.call_soon_threadsafe(self._put, turn)

    def _put(self, turn: dict[str, Any]) -> None:
        if self._turns.full():
            self._lost = True
        else:
            self._turns.put_nowait(turn)


class Pages:
    """All open portal pages, and their routes."""

    def __init__(
        self,
        portal: Portal,
        card: Card,
        journal: Journal,
        *,
        handler: str | None,
        widget_port: int | None,
    ) -> None:
        """`handler`: the URL of the widget; by default, that of the demonstration widget.

        `widget_port`: the sandbox's second port, so that this widget has another origin.
        """
        self._portal = portal
        self._card = card
        self._journal = journal
        self._handler = handler
        self._widget_port = widget_port
        self._pages: dict[str, Page] = {}

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the portal page, its script, and the browser library."""
        return [
            Route("/", self._start, methods=["GET"]),
            Route("/api/v1/", self._library, methods=["GET"]),
            Route("/sandbox/widget", self._opening, methods=["GET"]),
            Route("/sandbox/card", self._show, methods=["GET"]),
            Route("/sandbox/card", self._set, methods=["PUT"]),
            Route("/sandbox/card/turns", self._stream, methods=["GET"]),
            Route("/sandbox/card/message", self._message, methods=["POST"]),
            Route("/sandbox/card/{action}", self._act, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    async def _start(self, _: Request) -> Response:
        return FileResponse(STATIC / "portal.html", headers=PAGE_HEADERS)

    async def _library(self, _: Request) -> Response:
        # A browser may refuse to run a script without this type.
        return FileResponse(STATIC / "bx24.js", media_type="text/javascript")

    async def _show(self, _: Request) -> Response:
        return json_response(self._card.state())

    async def _set(self, request: Request) -> Response:
        try:
            seconds = json_text.decode(await read_body(request.receive))["close_after"]
            if isinstance(seconds, bool) or not 0 <= seconds <= 3600:
                raise ValueError
        except ClientGoneError:
            return Response(status_code=400)  # the client has gone
        except (ValueError, KeyError, TypeError, PortalError):
            expected = 'Expected {"close_after": seconds}, from 0 to 3600.'
            return json_response(problem("INVALID_VALUE", expected), 422)
        self._card.close_after = seconds
        return json_response(self._card.state())

    async def _act(self, request: Request) -> Response:
        fired: list[str] = []
        leave = self._card.subscribe(lambda turn: fired.extend(event.name for event in turn.events))
        try:
            self._card.act(request.path_params["action"])
        except UnknownActionError as error:
            return json_response(problem("UNKNOWN_ACTION", error), 404)
        except NotNowError as error:
            return json_response(problem("NOT_NOW", error), 409)
        finally:
            leave()
        return json_response({**self._card.state(), "events": fired})

    async def _message(self, request: Request) -> Response:
        try:
            message = json_text.decode(await read_body(request.receive))
            page = self._pages[message["page"]]
            data, origin = message["data"], str(message["origin"])
        except ClientGoneError:
            return Response(status_code=400)  # the client has gone
        except (ValueError, KeyError, TypeError, PortalError):
            expected = "Expected JSON: the page's id, and the message's data and origin."
            return json_response(problem("INVALID_VALUE", expected), 422)
        page.receive(data, origin)
        return Response(status_code=204)

    async def _opening(self, request: Request) -> Response:
        call = self._card.call
        if call is None or self._card.widget in ("no-layout", "not-registered"):
            missing = "call" if call is None else "widget in the card"
            return json_response(problem("NOT_NOW", f"There is no {missing}."), 409)
        place, handler = self._place_and_handler(request)
        handler = self._portal.application.first_widget or handler
        form = Frame(self._portal, self._card, call, place, handler).opening()
        action: str = form["action"]
        query = dict(parse_qsl(urlsplit(action).query))
        return json_response({"method": form["method"], "query": query, "form": form["fields"]})

    async def _stream(self, request: Request) -> Response:
        if len(self._pages) >= MOST_PAGES:
            return json_response(
                problem("TOO_MANY_PAGES", f"{MOST_PAGES} pages are already open."), 503
            )
        if request.query_params.get("seen") == self._card.id:
            self._card.fold_after_reload()
        return StreamingResponse(
            self._turns(*self._place_and_handler(request)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache"},
        )

    def _place_and_handler(self, request: Request) -> tuple[Place, str]:
        """Return the page's address as its browser sees it, and the URL of the widget."""
        url = request.url
        place = Place(url.netloc, url.scheme == "https", "/")
        own = f"{at_port(url, self._widget_port)}/widget/"
        return place, self._handler or own

    async def _turns(self, place: Place, handler: str) -> AsyncIterator[str]:
        for other in self._pages.values():
            other.show_pages(len(self._pages) + 1)
        page = Page(self._portal, self._card, place, handler, pages=len(self._pages) + 1)
        self._pages[page.id] = page
        leave_journal = self._journal.subscribe(page.show_request)
        try:
            async for turn in page.turns():
                yield turn
        finally:
            leave_journal()
            page.leave()
            del self._pages[page.id]
            for other in self._pages.values():
                other.show_pages(len(self._pages))


def at_port(url: URL, port: int | None) -> str:
    """Return the origin of the same host on another port."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"{url.scheme}://{host}:{port}"


def rest_entry(request: Recorded) -> dict[str, Any]:
    """Return a request to the portal as an entry of the message log."""
    entry = request.describe()
    outcome = " ".join(str(part) for part in (entry["status"], entry["code"]) if part)
    fields, response = entry["fields"], request.read_answer()
    return {
        "time": entry["time"],
        "to": "portal",
        "name": entry["path"].rpartition("/")[2],
        "size": len(request.body or b""),
        "wire": f"{entry['method']} {entry['path']}",
        "json": json.dumps({"request": fields, "response": response}, indent=2, ensure_ascii=False),
        "note": f"{entry['who'] or 'no credentials'}: {outcome or 'no response'}, "
        f"{entry['seconds'] * 1000:.1f} ms",
        "dropped": None,
    }


def addresses(origin: str) -> dict[str, str]:
    """Return the settings of an application that uses this portal."""
    return {
        "Webhook URL": webhook_url(origin),
        "OAuth base": oauth_url(origin),
        "Access token": ACCESS_TOKEN,
    }


def json_response(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(json_text.encode(value).encode(), status, media_type="application/json")


def problem(code: str, text: object) -> dict[str, str]:
    """Return an error in the sandbox's own format."""
    return {"error": code, "error_description": str(text)}
