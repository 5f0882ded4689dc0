"""The bridge beside bare Starlette, and beside a minimal server that asks a page."""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from demo_bridge import installed
from playwright.sync_api import Browser, sync_playwright
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from benchmark.servers import BODY, process, serve_routes, under_load
from benchmark.turns import Block, Effort, Row, Sample, compare


def bridge_speed(chromium: str, starlette: str, effort: Effort) -> Iterator[Row]:
    """Measure the bridge with a card in Chromium; `starlette` is a webhook of bare Starlette."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with _card(browser, fresh=1) as (bridge, _):
            blocks: dict[str, Block] = {
                "bare Starlette": under_load(starlette, effort.requests),
                "bridge": under_load(bridge, effort.requests),
            }
            yield from compare("under load, a card's last report", effort.turns, blocks)
        with _card(browser, fresh=0) as (bridge, page):
            blocks = {
                "minimal server": _round_trips(page, effort.calls),
                "bridge": _round_trips(f"{bridge}placement.call", effort.calls, source="card"),
            }
            yield from compare("asking the browser", effort.turns, blocks)
        browser.close()


@contextmanager
def _card(browser: Browser, fresh: float) -> Iterator[tuple[str, str]]:
    """Run a bridge with a connected card; yield its webhook, and a URL that asks the page directly.

    The page acts as a portal's, with the bridge's script in a frame.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Portal("js-only")) as sandbox,
        process(_serve_page) as origin,
        installed(
            sandbox,
            Path(folder),
            random.randrange(20_000, 32_000),  # below the ports that systems assign # noqa: S311
            BRIDGE_FRESH=str(fresh),
            BRIDGE_ORIGINS=origin,
        ) as bridge,
    ):
        form = sandbox.widget_opening().form
        auth = json.dumps({"AUTH_ID": form["AUTH_ID"], "MEMBER_ID": form["member_id"]})
        frame = f"{urlsplit(origin).netloc}|0|{'0' * 32}"
        page = browser.new_page()
        page.goto(f"{origin}/")  # whatever it says, now the page has this origin
        page.set_content(
            PAGE.format(call=json.dumps(sandbox.call), auth=auth, frame=frame, bridge=bridge.url)
        )
        page.frame_locator("iframe").get_by_text("Connected.").wait_for()
        yield bridge.webhook, f"{origin}/ask"
        page.close()


def _round_trips(url: str, calls: int, source: str = "") -> Block:
    http = httpx.Client(trust_env=False, timeout=60)

    def block() -> Sample:
        began = time.perf_counter()
        for _ in range(calls):
            response = http.post(url, json=BODY)
            if response.headers.get("bridge-source", "") != source:
                raise RuntimeError(f"{url} answered {response.text!r}")
        return {"time, µs": (time.perf_counter() - began) / calls * 1e6}

    return block


# --- a minimal server that asks a page ------------------------------------------------------------

PAGE = """<!doctype html><title>Portal</title>
<script>
  const call = {call};
  const replies = {{ getStatus: call, getInitData: {auth} }};
  addEventListener("message", ({{ data, source }}) => {{
    const parts = data.split(":");
    if (parts[0] in replies) {{
      source.postMessage(parts.at(-2) + ":" + JSON.stringify(replies[parts[0]]), "*");
    }}
  }});
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/socket");
  socket.onmessage = () => socket.send(JSON.stringify(call));
</script>
<iframe name="{frame}"
        srcdoc="<p id=bitrix24-bridge></p><script src={bridge}/bridge.js></script>"></iframe>"""


def _serve_page() -> None:
    sockets: list[WebSocket] = []

    async def keep(socket: WebSocket) -> None:
        await socket.accept()
        sockets.append(socket)
        await asyncio.Event().wait()

    async def ask(request: Request) -> Response:
        await request.json()
        await sockets[-1].send_text("getStatus")
        return Response(await sockets[-1].receive_text())

    serve_routes(WebSocketRoute("/socket", keep), Route("/ask", ask, methods=["POST"]))
