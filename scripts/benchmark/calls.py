"""Calls: this client's, bare httpx's, the stock generated client's and a peer's."""

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from aiohttp import ClientSession, DummyCookieJar
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from httpx_aiohttp import AiohttpTransport
from pyreqwest.client import SyncClientBuilder
from pyreqwest.compatibility.httpx import SyncHttpxTransport

from benchmark.servers import BODY
from benchmark.turns import Effort, Row, compare, per_call

ROOT = Path(__file__).parents[2]

TIMEOUT = httpx.Timeout(60)
# Few connections, because httpx's pool looks at each one for each waiting call; they are kept
# while the other subjects have their turns.
LIMITS = httpx.Limits(max_connections=10, keepalive_expiry=60)


def generate_stock(folder: Path) -> None:
    """Generate `stock_client` from the contract with the generator's own templates."""
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "openapi_python_client", "generate"),
            *("--path", ROOT / "openapi" / "call-card.yaml"),
            *("--config", ROOT / "scripts" / "generator" / "config.yaml", "--meta", "none"),
            *("--output-path", folder / "stock_client"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def one_by_one(webhook: str, stock: Path, effort: Effort) -> Iterator[Row]:
    """Measure calls one after the other."""
    url = f"{webhook}placement.call"
    with (
        httpx.Client(timeout=TIMEOUT, limits=LIMITS) as bare,
        Client(base_url=webhook, timeout=TIMEOUT, httpx_args={"limits": LIMITS}) as ours,
        Client(base_url=webhook, timeout=TIMEOUT, transport=_pyreqwest_transport) as faster,
        asyncio.Runner() as loop,
    ):
        subjects = {
            "bare httpx": _one_by_one(lambda: bare.post(url, json=BODY).json()),
            "ours": _one_by_one(lambda: get_status.sync(client=ours)),
            "ours, pyreqwest": _one_by_one(lambda: get_status.sync(client=faster)),
            "stock generated client": _one_by_one(_stock(stock, webhook)),
            "fast_bitrix24": _at_once(loop, _fast_bitrix24(webhook)),
        }
        blocks = {name: per_call(effort.calls, run) for name, run in subjects.items()}
        yield from compare("calls one by one", effort.turns, blocks)


def at_once(webhook: str, effort: Effort) -> Iterator[Row]:
    """Measure asynchronous calls, many at once."""
    url = f"{webhook}placement.call"
    with asyncio.Runner() as loop:
        bare = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS)
        ours = Client(base_url=webhook, timeout=TIMEOUT, httpx_args={"limits": LIMITS})
        faster = Client(base_url=webhook, timeout=TIMEOUT, async_transport=_aiohttp_transport)

        async def ask_bare() -> object:
            return (await bare.post(url, json=BODY)).json()

        subjects: dict[str, Callable[[], Awaitable[object]]] = {
            "bare httpx": ask_bare,
            "ours": lambda: get_status.asyncio(client=ours),
            "ours, aiohttp": lambda: get_status.asyncio(client=faster),
        }
        for number in effort.at_once:
            blocks = {
                name: per_call(max(number, effort.calls), _at_once(loop, call, number))
                for name, call in subjects.items()
            }
            yield from compare(f"asyncio, {number} at once", effort.turns, blocks)
        for client in (ours, faster):
            loop.run(client.aclose())
        loop.run(bare.aclose())


def cold(webhook: str, effort: Effort) -> Iterator[Row]:
    """Measure asynchronous calls at once with a client that has no connection yet."""
    url = f"{webhook}placement.call"

    async def ask_bare(calls: int) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT) as bare:
            await asyncio.gather(*(bare.post(url, json=BODY) for _ in range(calls)))

    async def ask_ours(calls: int) -> None:
        client = Client(base_url=webhook, timeout=TIMEOUT, async_transport=_aiohttp_transport)
        async with client:
            await asyncio.gather(*(get_status.asyncio(client=client) for _ in range(calls)))

    blocks = {
        "bare httpx": per_call(effort.cold, lambda calls: asyncio.run(ask_bare(calls))),
        "ours, aiohttp": per_call(effort.cold, lambda calls: asyncio.run(ask_ours(calls))),
    }
    yield from compare("asyncio, all at once, cold", min(5, effort.turns), blocks)


# --- the other clients ----------------------------------------------------------------------------


def _aiohttp_transport() -> AiohttpTransport:
    return AiohttpTransport(client=lambda: ClientSession(cookie_jar=DummyCookieJar()))


def _pyreqwest_transport() -> SyncHttpxTransport:
    return SyncHttpxTransport(SyncClientBuilder().follow_redirects(False).build())


def _stock(folder: Path, webhook: str) -> Callable[[], object]:
    sys.path.append(str(folder))
    stock: Any = importlib.import_module("stock_client")
    stock_get_status: Any = importlib.import_module("stock_client.api.call_card.get_status")
    models: Any = importlib.import_module("stock_client.models")
    client = stock.Client(base_url=webhook, httpx_args={"limits": LIMITS})
    body = models.GetStatusRequest(params=models.NoParameters())
    return lambda: stock_get_status.sync(client=client, body=body)


def _fast_bitrix24(webhook: str) -> Callable[[], Awaitable[object]]:
    peer: Any = importlib.import_module("fast_bitrix24")
    # Without its own throttle, which would soon make it only wait.
    client = peer.BitrixAsync(
        webhook, verbose=False, request_pool_size=10**9, requests_per_second=1e9
    )
    return lambda: client.call("placement.call", BODY, raw=True)


# --- blocks of calls ------------------------------------------------------------------------------


def _one_by_one(call: Callable[[], object]) -> Callable[[int], object]:
    def run(calls: int) -> None:
        for _ in range(calls):
            call()

    return run


def _at_once(
    loop: asyncio.Runner, call: Callable[[], Awaitable[object]], number: int = 1
) -> Callable[[int], object]:
    async def run(calls: int) -> None:
        for _ in range(calls // number):
            if number == 1:
                await call()  # a task of its own costs more
            else:
                await asyncio.gather(*(call() for _ in range(number)))

    return lambda calls: loop.run(run(calls))
