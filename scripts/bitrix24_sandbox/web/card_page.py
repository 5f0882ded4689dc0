"""The portal page in the browser: what it receives, and what it passes on.

The page's script decides nothing. It hands over each message of the widget, and does what the
stream of turns says, in that order: post these texts into the frame, remove it, open a new one.
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
from ..card.messages import DroppedError
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
"""The portal pages that may be open at once."""

MOST_TURNS = 1000
"""The turns that wait for a page that does not read; then it has to load again."""

# The page is whole in itself; only the widget's frame and form may lead elsewhere.
PAGE_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-src *; "
    "frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-cache",
}


class Page:
    """A portal page that is open in some browser, with its widget while the card is open."""

    def __init__(
        self, portal: Portal, card: Card, place: Place, handler: str, *, pages: int
    ) -> None:
        """`pages`: how many are open, with this one; all of them drive the one card."""
        self.id = secrets.token_hex(8)
        self._portal = portal
        self._card = card
        self._place = place
        self._handler = handler  # unless the application has registered a widget
        self._frame: Frame | None = None  # the newest; it is open, or it was
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
        self.leave = card.subscribe(self._take)
        if card.call is not None:
            self._take(opening(card.call))

    async def turns(self) -> AsyncIterator[str]:
        """Everything the page is to do, as server-sent events, as long as it reads them."""
        while not self._lost:
            yield f"data: {json_text.encode(await self._turns.get())}\n\n"

    def receive(self, data: Any, origin: str) -> None:
        """A message has reached the page's window, from `origin` as the browser says."""
        frame = self._frame
        if frame is None or not self._open:
            self._send(log=[from_widget(data, frame, dropped="no widget is open")])
            return
        try:
            message = frame.accept(data, origin)
        except DroppedError as reason:
            self._send(log=[from_widget(data, frame, dropped=str(reason))])
            return
        self._send(log=[from_widget(data, frame)])
        reply = frame.obey(message)
        if reply is None:
            return
        if self._open:
            size = frame.size if message.command == "resizeWindow" else None
            self._send(post=[reply], resize=size, log=[to_widget(message.command, reply, frame)])
        else:
            lost = "the frame is gone: the reply does not arrive"
            self._send(log=[to_widget(message.command, reply, frame, note=lost)])

    def show_request(self, request: Recorded) -> None:
        """An application has asked the portal, or its OAuth server."""
        self._send(log=[rest_entry(request)])

    def show_pages(self, number: int) -> None:
        """So many pages are open now."""
        self._send(pages=number)

    def _take(self, turn: Turn) -> None:
        """Something has happened to the card."""
        told: dict[str, Any] = {"close": False, "open": None, "post": [], "log": []}
        self._cards += turn.opened
        shown = self._card.widget == "open" and not turn.closed
        if self._frame is not None and self._open:
            for event in turn.events:
                posts = self._frame.event(event)
                told["post"] += posts
                told["log"] += events(event, posts, self._frame, closed=turn.closed)
            told["close"] = not shown
        call = self._card.call
        if shown and not self._open and call is not None:
            handler = self._portal.application.first_widget or self._handler
            self._frame = Frame(self._portal, self._card, call, self._place, handler, self._cards)
            told["open"] = self._frame.opening()
            told["log"].append(opened(self._frame, told["open"]))
        self._open = shown
        self._send(**told)

    def _send(self, **told: Any) -> None:
        profile = self._portal.profile
        turn = {
            "card": self._card.state(),
            "profile": f"Profile {profile}: {PROFILES[profile]}.",
            **told,
        }
        self._loop.call_soon_threadsafe(self._put, turn)

    def _put(self, turn: dict[str, Any]) -> None:
        if self._turns.full():
            self._lost = True
        else:
            self._turns.put_nowait(turn)


class Pages:
    """All the portal pages that are open, and the routes they use."""

    def __init__(
        self,
        portal: Portal,
        card: Card,
        journal: Journal,
        *,
        handler: str | None,
        widget_port: int | None,
    ) -> None:
        """`handler`: the URL of the widget; without one, the demonstration widget is opened.

        `widget_port`: where the sandbox listens as well, so that this widget is of another origin.
        """
        self._portal = portal
        self._card = card
        self._journal = journal
        self._handler = handler
        self._widget_port = widget_port
        self._pages: dict[str, Page] = {}

    def routes(self) -> list[BaseRoute]:
        """The portal page, the browser library, and what the page's script asks for."""
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
        # Any page may load a script; without the type a browser may refuse to run it.
        return FileResponse(STATIC / "bx24.js", media_type="text/javascript")

    async def _show(self, _: Request) -> Response:
        return answer(self._card.state())

    async def _set(self, request: Request) -> Response:
        try:
            seconds = json_text.decode(await read_body(request.receive))["close_after"]
            if isinstance(seconds, bool) or not 0 <= seconds <= 3600:
                raise ValueError
        except ClientGoneError:
            return Response(status_code=400)  # to nobody
        except (ValueError, KeyError, TypeError, PortalError):
            expected = 'Expected {"close_after": seconds}, from 0 to 3600.'
            return answer(problem("INVALID_VALUE", expected), 422)
        self._card.close_after = seconds
        return answer(self._card.state())

    async def _act(self, request: Request) -> Response:
        fired: list[str] = []
        leave = self._card.subscribe(lambda turn: fired.extend(event.name for event in turn.events))
        try:
            self._card.act(request.path_params["action"])
        except UnknownActionError as error:
            return answer(problem("UNKNOWN_ACTION", error), 404)
        except NotNowError as error:
            return answer(problem("NOT_NOW", error), 409)
        finally:
            leave()
        return answer({**self._card.state(), "events": fired})

    async def _message(self, request: Request) -> Response:
        try:
            told = json_text.decode(await read_body(request.receive))
            page = self._pages[told["page"]]
            data, origin = told["data"], str(told["origin"])
        except ClientGoneError:
            return Response(status_code=400)  # to nobody
        except (ValueError, KeyError, TypeError, PortalError):
            expected = "Expected JSON: the page's id, and data and origin of the message."
            return answer(problem("INVALID_VALUE", expected), 422)
        page.receive(data, origin)
        return Response(status_code=204)

    async def _opening(self, request: Request) -> Response:
        call = self._card.call
        if call is None or self._card.widget in ("no-layout", "not-registered"):
            missing = "call" if call is None else "widget in the card"
            return answer(problem("NOT_NOW", f"There is no {missing}."), 409)
        place, handler = self._opens(request)
        handler = self._portal.application.first_widget or handler
        form = Frame(self._portal, self._card, call, place, handler).opening()
        action: str = form["action"]
        query = dict(parse_qsl(urlsplit(action).query))
        return answer({"method": form["method"], "query": query, "form": form["fields"]})

    async def _stream(self, request: Request) -> Response:
        if len(self._pages) >= MOST_PAGES:
            return answer(problem("TOO_MANY_PAGES", f"{MOST_PAGES} pages are open already."), 503)
        if request.query_params.get("seen") == self._card.id:
            self._card.come_back()
        return StreamingResponse(
            self._turns(*self._opens(request)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache"},
        )

    def _opens(self, request: Request) -> tuple[Place, str]:
        """Where a browser that asks so opens a widget, and which."""
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
    """Give the origin of the same host on another port."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"{url.scheme}://{host}:{port}"


def rest_entry(request: Recorded) -> dict[str, Any]:
    """Describe a request to the portal as an entry of the message log."""
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
        "note": f"{entry['who'] or 'nobody'}: {outcome or 'no response'}, "
        f"{entry['seconds'] * 1000:.1f} ms",
        "dropped": None,
    }


def addresses(origin: str) -> dict[str, str]:
    """Where an application asks this portal."""
    return {
        "Webhook URL": webhook_url(origin),
        "OAuth base": oauth_url(origin),
        "Access token": ACCESS_TOKEN,
    }


def answer(value: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(json_text.encode(value).encode(), status, media_type="application/json")


def problem(code: str, text: object) -> dict[str, str]:
    """An error, in the form that all of the sandbox uses."""
    return {"error": code, "error_description": str(text)}
