"""Calls a portal with fast_bitrix24, unmodified: reads a question and prints an answer per line.

It is a separate program, because the library reads the CA to trust from the environment.
"""

import asyncio
import json
import sys
from typing import Any

import aiohttp
from fast_bitrix24 import BitrixAsync  # type: ignore[import-untyped]

ORIGIN = f"https://{sys.argv[1]}"


class Tokens:
    """Returns the first access token, then a refreshed one at each further call."""

    def __init__(self) -> None:
        self._refresh_token = "sandboxrefreshtoken"
        self.given: list[str] = []

    async def __call__(self) -> str:
        self.given.append(await self._refreshed() if self.given else "sandboxaccesstoken")
        return self.given[-1]

    async def _refreshed(self) -> str:
        query = {
            "grant_type": "refresh_token",
            "client_id": "sandboxclientid",
            "client_secret": "sandboxclientsecret",
            "refresh_token": self._refresh_token,
        }
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{ORIGIN}/oauth/token/", params=query) as response,
        ):
            refreshed = await response.json()
        self._refresh_token = refreshed["refresh_token"]
        return str(refreshed["access_token"])


async def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Request the call status; return the response, or what was raised."""
    tokens = Tokens() if question["by"] == "oauth" else None
    bitrix = BitrixAsync(
        f"{ORIGIN}/rest/" if tokens else question["webhook_url"],
        token_func=tokens.__call__ if tokens else None,
        verbose=False,
    )
    try:
        returned = await bitrix.call(
            "placement.call", {"PLACEMENT": "getStatus", "PARAMS": {}}, raw=question["raw"]
        )
    except Exception as error:
        return {"raised": type(error).__name__, "text": str(error)}
    return {"returned": returned, "tokens": tokens.given if tokens else []}


for line in sys.stdin:
    print(json.dumps(asyncio.run(answer(json.loads(line)))), flush=True)
