"""The bridge: an answer that asks nobody beside bare Starlette, the browser's beside an echo."""

import asyncio
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import uvicorn
from bitrix24_bridge.data import Data, Portal, hashed
from bitrix24_bridge.server import server
from bitrix24_bridge.settings import Rate, Settings, Times
from bitrix24_sandbox.server import listen, origin_of, running
from bitrix24_sandbox.testing import Sandbox
from chromium import executable
from demo_bridge import redis
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from benchmark.servers import BODY, drive, process
from benchmark.turns import Block, Effort, Row, Sample, compare, say

MEMBER_ID = "benchmark"
KNOWING = replace(Times(), start=0)
"""The times of a bridge that knows at once who has no call."""
NOBODY_ASKED = replace(KNOWING, fresh=3600)
EVERYBODY_ASKED = replace(KNOWING, fresh=0)
UNLIMITED = Rate(10**6, 10**6)


def measured(call: dict[str, Any], starlette: Sandbox, effort: Effort) -> list[Row]:
    """Measure all of the bridge for which this machine has what it takes."""
    with running(wrap=lambda _: _portal(call)) as portal:
        with _bridge(portal.origin, NOBODY_ASKED) as bridge, _cards(bridge, call, 1):
            rows = _asking_nobody(bridge, starlette, effort)
        rows += _memory(portal.origin, call, effort)
        if shutil.which("redis-server"):
            rows += _two_processes(portal.origin, call, effort)
        else:
            say("  no redis-server on this machine: two processes are not measured")
        if chromium := executable():
            rows += _browser(chromium, portal.origin, effort)
        else:
            say("  no chromium on this machine: the browser is not measured")
    return rows


# --- what is needed for it ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Bridge:
    """A bridge in a process of its own, with a portal and a secret for each of its users."""

    url: str
    pid: int
    data: Path

    def webhook(self, user: int) -> str:
        """Give the URL of a secret of a user."""
        data = Data(self.data)
        secret = data.add_secret(MEMBER_ID, str(user), os.urandom(4).hex())
        data.close()
        return f"{self.url}/rest/{user}/{secret}/"


def _portal(call: dict[str, Any]) -> Starlette:
    """Make a portal's page with the bridge in it, and an OAuth server beside.

    For it, the token `benchmarktoken0007` is of user 7.
    """

    async def app_info(request: Request) -> Response:
        user = (await request.json())["auth"].removeprefix("benchmarktoken")
        host = request.url.netloc
        portal = {"member_id": MEMBER_ID, "domain": host, "client_endpoint": f"http://{host}/rest/"}
        result = {"client_id": "benchmark", "user_id": int(user), "install": portal}
        return JSONResponse({"result": {**result, "expires": time.time() + 3600}})

    async def page(request: Request) -> Response:
        host, sid = request.url.netloc, "0" * 32
        token = "benchmarktoken0001"  # noqa: S105
        form = {
            "AUTH_ID": token,
            "AUTH_EXPIRES": "3600",
            "REFRESH_ID": "refresh",
            "member_id": MEMBER_ID,
            "status": "L",
            "PLACEMENT": "CALL_CARD",
            "PLACEMENT_OPTIONS": json.dumps(call),
        }
        fields = [f'<input type="hidden" name="{n}" value="{escape(v)}">' for n, v in form.items()]
        bridge = request.query_params["bridge"]
        return HTMLResponse(
            PAGE.format(
                name=f"{host}|0|{sid}",
                action=f"{bridge}/widget?DOMAIN={host}&amp;PROTOCOL=0&amp;LANG=en&amp;APP_SID={sid}",
                fields="".join(fields),
                call=json.dumps(call),
                auth=json.dumps({"AUTH_ID": token, "MEMBER_ID": MEMBER_ID}),
                bridge=bridge,
                echo=request.query_params["echo"],
            )
        )

    return Starlette(routes=[Route("/rest/app.info", app_info, methods=["POST"]), Route("/", page)])


def _serve(started: Any, settings: Settings) -> None:
    with listen() as listener:
        url = origin_of(listener)
        started.send(url)
        server(replace(settings, url=url), Data(settings.data), "").run(sockets=[listener])


@contextmanager
def _bridge(
    portal: str, times: Times, *, folder: Path | None = None, store: str = ""
) -> Iterator[_Bridge]:
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "bridge.sqlite3"
        settings = Settings(
            url="http://127.0.0.1",
            client_ids=frozenset({"benchmark"}),
            portals=frozenset({"*"}),
            data=file,
            oauth_servers=(f"{portal}/rest/",),
            cards=UNLIMITED,
            store=store,
            times=times,
        )
        data = Data(file)
        host, rest = portal.partition("//")[2], f"{portal}/rest/"
        data.put_portal(
            Portal(MEMBER_ID, host, rest, rest, hashed("token"), hashed("events"), 0, "")
        )
        data.close()
        url, pid = stack.enter_context(process(_serve, settings))
        yield _Bridge(url, pid, file)


@contextmanager
def _cards(bridge: _Bridge, call: dict[str, Any], number: int) -> Iterator[None]:
    """Keep the cards of users 1, 2, … connected, from a thread, while the context lasts."""
    all_connected: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def card(user: int, connected: asyncio.Event) -> None:
        async with connect(
            f"{bridge.url.replace('http', 'ws')}/socket",
            additional_headers={"Origin": bridge.url},
            compression=None,
        ) as socket:
            hello = {"token": f"benchmarktoken{user:04}", "member_id": MEMBER_ID}
            await socket.send(json.dumps({**hello, "app_sid": f"{user:032x}"}))
            async for text in socket:
                question = json.loads(text)["ask"]
                await socket.send(json.dumps({"answer": question, "status": call}))
                connected.set()

    async def all_cards() -> None:
        leave = asyncio.Event()
        cards = set[asyncio.Task[None]]()
        try:
            for user in range(1, number + 1):
                connected = asyncio.Event()
                cards.add(asyncio.create_task(card(user, connected)))
                async with asyncio.timeout(30):
                    await connected.wait()
        except TimeoutError as error:
            all_connected.set_exception(error)
            return
        all_connected.set_result((asyncio.get_running_loop(), leave))
        await leave.wait()

    thread = threading.Thread(target=lambda: asyncio.run(all_cards()), daemon=True)
    thread.start()
    loop, leave = all_connected.result()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join()


# --- what is measured -----------------------------------------------------------------------------


def _asking_nobody(bridge: _Bridge, starlette: Sandbox, effort: Effort) -> list[Row]:
    requests = effort.calls * 4
    nobody = f"{bridge.url}/rest/1/{'0' * 48}/"

    def block(webhook: str, status: int) -> Block:
        def ask() -> Sample:
            began = time.perf_counter()
            loop.run(drive(webhook, 8, requests, status))
            return {"requests a second": requests / (time.perf_counter() - began)}

        return ask

    with asyncio.Runner() as loop:
        return compare(
            "the bridge, asking nobody",
            effort.rounds,
            {
                "bare Starlette": block(starlette.webhook_url, 200),
                "200, from memory": block(bridge.webhook(1), 200),
                "400, no call": block(bridge.webhook(10**6), 400),
                "401, no such secret": block(nobody, 401),
            },
        )


def _memory(portal: str, call: dict[str, Any], effort: Effort) -> list[Row]:
    def block() -> Sample:
        with _bridge(portal, NOBODY_ASKED) as bridge:
            before = _resident(bridge)
            with _cards(bridge, call, effort.cards):
                return {"KiB for each": (_resident(bridge) - before) / effort.cards}

    return compare("the bridge, connected cards", 2, {f"{effort.cards} cards": block})


def _resident(bridge: _Bridge) -> float:
    pages = int(Path(f"/proc/{bridge.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def _two_processes(portal: str, call: dict[str, Any], effort: Effort) -> list[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(redis(folder))
        here, there = (
            stack.enter_context(_bridge(portal, EVERYBODY_ASKED, folder=folder, store=store))
            for _ in range(2)
        )
        stack.enter_context(_cards(here, call, 1))
        http = stack.enter_context(httpx.Client(trust_env=False))
        webhook = here.webhook(1)
        directly, by_way = (
            _answers(http, url, effort.calls)
            for url in (webhook, webhook.replace(here.url, there.url))
        )

        def more() -> Sample:
            return {"more time, ms": by_way()["time, ms"] - directly()["time, ms"]}

        return [
            *compare(
                "the bridge, two processes",
                effort.rounds,
                {"directly": directly, "by way of the second": by_way},
            ),
            *compare("the bridge, the way", effort.rounds, {"by way of the second": more}),
        ]


def _answers(http: httpx.Client, webhook: str, calls: int) -> Block:
    def block() -> Sample:
        began = time.perf_counter()
        for _ in range(calls):
            response = http.post(f"{webhook}placement.call", json=BODY)
            if response.headers.get("bridge-source") != "card":
                raise SystemExit(f"The bridge answered {response.text!r} and did not ask the card.")
        return {"time, ms": (time.perf_counter() - began) / calls * 1e3}

    return block


def _browser(chromium: str, portal: str, effort: Effort) -> list[Row]:
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        http = stack.enter_context(httpx.Client(trust_env=False))
        with _bridge(portal, EVERYBODY_ASKED) as bridge, _open(browser, portal, bridge) as page:
            asked: dict[str, Block] = {
                "echo by bare Starlette": lambda: page.echo(effort.calls),
                "getStatus, asked": _answers(http, page.webhook, effort.calls),
            }
            rows = compare("the bridge, asking the browser", effort.rounds, asked)
        with _bridge(portal, NOBODY_ASKED) as bridge, _open(browser, portal, bridge) as page:
            changed: dict[str, Block] = {
                "echo by bare Starlette": lambda: page.echo(effort.calls),
                "seen over REST, later by": lambda: page.change(max(2, effort.calls // 6)),
            }
            rows += compare("the bridge, a change in the card", effort.rounds, changed)
        browser.close()
    return rows


@contextmanager
def _open(browser: Browser, portal: str, bridge: _Bridge) -> Iterator["_Page"]:
    """Open the portal's page, with the bridge's widget in it, while the context lasts."""
    with process(_serve_echo) as (echo, _), httpx.Client(trust_env=False, timeout=60) as http:
        page = browser.new_page()
        query = {"bridge": bridge.url, "echo": f"{echo.replace('http', 'ws')}/socket"}
        page.goto(f"{portal}/?{urlencode(query)}")
        page.frame_locator("iframe").get_by_text("Connected.").wait_for()
        yield _Page(http, f"{echo}/echo", bridge.webhook(1))
        page.close()


def _serve_echo(started: Any) -> None:
    """Serve the least that sends a page what a request holds, and waits until it comes back."""
    sockets: list[WebSocket] = []

    async def keep(socket: WebSocket) -> None:
        await socket.accept()
        sockets.append(socket)
        await asyncio.Event().wait()

    async def echo(request: Request) -> Response:
        while not sockets:
            await asyncio.sleep(0.01)
        await sockets[0].send_text((await request.body()).decode())
        return Response(await sockets[0].receive_text())

    routes = [WebSocketRoute("/socket", keep), Route("/echo", echo, methods=["POST"])]
    with listen() as listener:
        started.send(origin_of(listener))
        app = Starlette(routes=routes)
        config = uvicorn.Config(
            app, ws="websockets-sansio", log_level="critical", timeout_graceful_shutdown=1
        )
        uvicorn.Server(config).run(sockets=[listener])


PAGE = """<!doctype html><title>Portal</title>
<form method="post" target="{name}" action="{action}">{fields}</form>
<iframe name="{name}"></iframe>
<script>
  const call = {call}, auth = {auth}, bound = [];
  const widget = (text) => frames[0].postMessage(text, "{bridge}");
  const replies = {{ getStatus: () => call, getInitData: () => auth }};
  addEventListener("message", ({{ data }}) => {{
    const parts = data.split(":"), command = parts[0], id = parts.at(-2);
    if (command === "placementBindEvent") bound.push(id);
    else widget(id + ":" + JSON.stringify(replies[command]()));
  }});
  const socket = new WebSocket("{echo}");
  socket.onmessage = ({{ data }}) => {{
    if (data !== "echo") {{
      call.CALL_STATE = data;
      for (const id of bound) widget(id + ":" + JSON.stringify(data));
    }}
    socket.send(data);
  }};
  document.forms[0].submit();
</script>"""


class _Page:
    """A portal's page in a browser, which a bare server reaches beside the bridge."""

    def __init__(self, http: httpx.Client, echo: str, webhook: str) -> None:
        self.webhook = webhook
        self._http = http
        self._echo = echo

    def _both_ways(self, text: str) -> None:
        if self._http.post(self._echo, content=text).text != text:
            raise SystemExit("The page does not answer.")

    def echo(self, calls: int) -> Sample:
        """Measure how long a text takes to the page and back."""
        began = time.perf_counter()
        for _ in range(calls):
            self._both_ways("echo")
        return {"time, ms": (time.perf_counter() - began) / calls * 1e3}

    def change(self, calls: int) -> Sample:
        """Measure when a change is seen over REST, after the page has said that it made it."""
        later = 0.0
        for number in range(calls):
            state = ("connecting", "connected")[number % 2]
            self._both_ways(state)
            changed = time.perf_counter()
            while f'"{state}"' not in self._ask():
                pass
            later += time.perf_counter() - changed
            time.sleep(0.1)  # a card may speak 20 times a second
        return {"time, ms": later / calls * 1e3}

    def _ask(self) -> str:
        return self._http.post(f"{self.webhook}placement.call", json=BODY).text
