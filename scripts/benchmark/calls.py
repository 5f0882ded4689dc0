"""Calls beside bare httpx: this client's, the stock generated client's, and the peers'."""

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from aiohttp import ClientSession, DummyCookieJar
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_sandbox.testing import Sandbox
from httpx_aiohttp import AiohttpTransport
from pyreqwest.client import SyncClientBuilder
from pyreqwest.compatibility.httpx import SyncHttpxTransport

from benchmark.servers import BODY
from benchmark.turns import Effort, Row, compare, per_call

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "openapi" / "call-card.yaml"
GENERATOR_CONFIG = ROOT / "scripts" / "generator" / "config.yaml"

TIMEOUT = httpx.Timeout(60)
# The same for both clients. Few connections: for each answer, httpx's pool looks at every one for
# every call that waits, so that with 100 of them 1000 calls at once take it a quarter minute. They
# are kept through the others' turns, or a first turn would cost more than a second; but not for
# as long as the server keeps them, or the two would race each other to close them.
LIMITS = httpx.Limits(max_connections=10, keepalive_expiry=60)


def _aiohttp_transport() -> AiohttpTransport:
    return AiohttpTransport(client=lambda: ClientSession(cookie_jar=DummyCookieJar()))


def _pyreqwest_transport() -> SyncHttpxTransport:
    return SyncHttpxTransport(SyncClientBuilder().follow_redirects(False).build())


def sequential(webhook: str, secure: Sandbox, stock: Path, effort: Effort) -> list[Row]:
    """Measure calls one after the other: ours, the stock generated client's, the peers'."""
    url = f"{webhook}placement.call"
    with (
        httpx.Client(timeout=TIMEOUT, limits=LIMITS) as bare,
        Client(base_url=webhook, timeout=TIMEOUT, httpx_args={"limits": LIMITS}) as ours,
        Client(base_url=webhook, timeout=TIMEOUT, transport=_pyreqwest_transport) as faster,
        asyncio.Runner() as loop,
    ):
        subjects = {
            "bare httpx": repeat(lambda: bare.post(url, json=BODY).json()),
            "ours": repeat(lambda: get_status.sync(client=ours)),
            "ours, pyreqwest": repeat(lambda: get_status.sync(client=faster)),
            "stock generated client": repeat(_ask_stock(stock, webhook)),
            "fast_bitrix24, raw": _concurrently(loop, _ask_fast_bitrix24(webhook)),
            "b24pysdk, over TLS": repeat(_ask_b24pysdk(secure)),
        }
        # The slow ones get fewer calls, so that all blocks last about as long.
        shares = {"fast_bitrix24, raw": 3, "b24pysdk, over TLS": 6}
        blocks = {
            subject: per_call(effort.calls // shares.get(subject, 1), run)
            for subject, run in subjects.items()
        }
        return compare("calls one by one", effort.rounds, blocks)


def _ask_stock(folder: Path, webhook: str) -> Callable[[], object]:
    sys.path.append(str(folder))
    stock: Any = importlib.import_module("stock_client")
    stock_get_status: Any = importlib.import_module("stock_client.api.call_card.get_status")
    models: Any = importlib.import_module("stock_client.models")
    client = stock.Client(base_url=webhook, httpx_args={"limits": LIMITS})
    body = models.GetStatusRequest(params=models.NoParameters())
    return lambda: stock_get_status.sync(client=client, body=body)


def _ask_fast_bitrix24(webhook: str) -> Callable[[], Awaitable[object]]:
    peer: Any = importlib.import_module("fast_bitrix24")
    # Its own throttle is off: a block would soon be nothing but waiting.
    client = peer.BitrixAsync(
        webhook, verbose=False, request_pool_size=10**9, requests_per_second=1e9
    )
    return lambda: client.call("placement.call", BODY, raw=True)


def _ask_b24pysdk(sandbox: Sandbox) -> Callable[[], object]:
    os.environ["REQUESTS_CA_BUNDLE"] = str(sandbox.tls)
    peer: Any = importlib.import_module("b24pysdk")
    parts = urlsplit(sandbox.webhook_url)
    secret = parts.path.removeprefix("/rest/")
    token = peer.BitrixWebhook(domain=parts.netloc, webhook_token=secret)
    return lambda: token.call_method("placement.call", BODY)


def concurrent(webhook: str, effort: Effort) -> list[Row]:
    """Measure asynchronous calls, so many at once."""
    url = f"{webhook}placement.call"
    rows = []
    with asyncio.Runner() as loop:
        bare = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS)
        ours = Client(base_url=webhook, timeout=TIMEOUT, httpx_args={"limits": LIMITS})
        faster = Client(base_url=webhook, timeout=TIMEOUT, async_transport=_aiohttp_transport)

        async def ask_bare() -> object:
            return (await bare.post(url, json=BODY)).json()

        async def ask_ours() -> object:
            return await get_status.asyncio(client=ours)

        async def ask_faster() -> object:
            return await get_status.asyncio(client=faster)

        for number in effort.concurrent:
            calls = max(effort.calls, number)
            blocks = {
                "bare httpx": per_call(calls, _concurrently(loop, ask_bare, number)),
                "ours": per_call(calls, _concurrently(loop, ask_ours, number)),
                "ours, aiohttp": per_call(calls, _concurrently(loop, ask_faster, number)),
            }
            rounds = effort.rounds if number < 1000 else min(10, effort.rounds)
            rows += compare(f"asyncio, {number} at once", rounds, blocks)
        loop.run(bare.aclose())
        loop.run(ours.aclose())
        loop.run(faster.aclose())
    return rows


def cold(webhook: str, effort: Effort) -> list[Row]:
    """Measure many asynchronous calls at once with a client that has no connection yet."""
    url = f"{webhook}placement.call"

    async def ask_bare(calls: int) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT) as bare:
            await asyncio.gather(*(bare.post(url, json=BODY) for _ in range(calls)))

    async def ask_faster(calls: int) -> None:
        client = Client(base_url=webhook, timeout=TIMEOUT, async_transport=_aiohttp_transport)
        async with client:
            await asyncio.gather(*(get_status.asyncio(client=client) for _ in range(calls)))

    blocks = {
        "bare httpx": per_call(effort.cold, lambda calls: asyncio.run(ask_bare(calls))),
        "ours, aiohttp": per_call(effort.cold, lambda calls: asyncio.run(ask_faster(calls))),
    }
    # Two rounds, because a turn of bare httpx takes some twenty seconds.
    return compare(f"asyncio, {effort.cold} at once, cold", 2, blocks)


def generate_stock(folder: Path) -> None:
    """Write the client that the generator gives without our templates."""
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--path", CONTRACT),
            *("--config", GENERATOR_CONFIG, "--meta", "none"),
            *("--output-path", folder / "stock_client"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def repeat(ask: Callable[[], object]) -> Callable[[int], None]:
    """Call one after the other, as often as is asked for."""

    def run(calls: int) -> None:
        for _ in range(calls):
            ask()

    return run


def _concurrently(
    loop: asyncio.Runner, ask: Callable[[], Awaitable[object]], concurrent: int = 1
) -> Callable[[int], None]:
    async def ask_one_by_one(calls: int) -> None:
        for _ in range(calls):
            await ask()

    async def ask_at_once(calls: int) -> None:
        for _ in range(calls // concurrent):
            await asyncio.gather(*(ask() for _ in range(concurrent)))

    run = ask_one_by_one if concurrent == 1 else ask_at_once
    return lambda calls: loop.run(run(calls))
