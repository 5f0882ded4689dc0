"""Whose an access token is: an OAuth server says so, and nothing else in a form proves anything."""

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import httpx

from .cards import User
from .data import Data, hashed
from .errors import BridgeError
from .limits import Limiter, network_of
from .posting import NoAnswerError, post
from .settings import Settings, domain_of, is_safe, rest_address

log = logging.getLogger("bitrix24_bridge")

Verdict = dict[str, Any]
"""An `Identity`, or `refusal` with the code."""
LONGEST = 3600.0
"""Seconds for which an answer is believed at most: as long as a token is valid."""


@dataclass(frozen=True)
class Identity:
    """What an OAuth server says of a token."""

    server: str
    """The REST address of the OAuth server that says so."""
    client_id: str
    """The application whose token it is."""
    member_id: str
    user_id: str
    domain: str
    """The portal's host."""
    endpoint: str
    """The portal's REST address, with a trailing slash."""
    expires: float
    """Unix time."""

    @property
    def user(self) -> User:
        """The user who showed the token."""
        return User(self.member_id, self.user_id)


@dataclass(frozen=True)
class Identities:
    """Asks the OAuth servers, and remembers what they said; tokens are never kept."""

    settings: Settings
    data: Data
    limiter: Limiter
    http: httpx.AsyncClient
    asking: dict[str, asyncio.Task[Verdict]] = field(
        default_factory=dict[str, asyncio.Task[Verdict]]
    )
    """The questions under way, by the hash of their token."""
    keeping: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def check(
        self, token: str, address: str, *, server: str = "", card: bool = False
    ) -> Identity:
        """Return whose this access token is. Raise `BridgeError`.

        `address`: where it comes from; `server`: the OAuth server to ask first, if it is one of
        those that are believed; `card`: whether it comes with a card.
        """
        key = hashed(token)
        if kept := self.data.verdict(key):
            return self._identity(json.loads(kept))
        if key not in self.asking:
            settings, network = self.settings, network_of(address)
            kind, rate = ("card", settings.cards) if card else ("token", settings.tokens)
            if not await self.limiter.take(network, rate, kind):
                raise BridgeError("QUERY_LIMIT_EXCEEDED", "Too many access tokens. Retry later.")
        if key not in self.asking:  # somebody else may have begun meanwhile
            asked = self.asking[key] = asyncio.create_task(self._ask(token, server))
            keeping = asyncio.create_task(self._keep(key, asked))
            self.keeping.add(keeping)
            keeping.add_done_callback(self.keeping.discard)
        return self._identity(await asyncio.shield(self.asking[key]))

    async def _ask(self, token: str, first: str) -> Verdict:
        """Ask one server after the other until one knows the token."""
        with contextlib.suppress(ValueError):  # then it is none of these
            first = rest_address(first)
        verdict: Verdict = {"refusal": "invalid_token"}
        failed = None
        for server in sorted(self.settings.oauth_servers, key=lambda each: each != first):
            try:
                verdict = await self._ask_server(server, token)
            except NoAnswerError as error:
                failed = error
                continue
            if verdict.get("refusal") != "invalid_token":
                break
        else:
            if failed:  # which may be the one that knows it
                raise failed
        return verdict

    async def _keep(self, key: str, asked: asyncio.Task[Verdict]) -> None:
        """Keep a verdict; until it is written, it is the one of the question."""
        try:
            verdict, seconds = await asked, self.settings.times.refusal
            if "refusal" not in verdict:
                seconds = min(verdict["expires"] - time.time(), LONGEST)
            await self.data.in_thread(self.data.keep_verdict, key, json.dumps(verdict), seconds)
        except NoAnswerError:
            pass
        except sqlite3.Error as error:  # a full disk, say
            log.warning("An answer of the OAuth server was not kept: %s.", error)
        finally:
            del self.asking[key]

    async def _ask_server(self, server: str, token: str) -> Verdict:
        status, answer = await post(
            self.http,
            f"{server}app.info",
            {"auth": token},
            whose="The OAuth server",
            seconds=self.settings.times.oauth,
        )
        code = answer.get("error")
        if code == "expired_token":
            return {"refusal": "expired_token"}
        if code == "invalid_token" or (code and 400 <= status <= 403):
            return {"refusal": "invalid_token"}
        try:
            result = answer["result"]
            install = result["install"]
            identity = Identity(
                server=server,
                client_id=_text(result["client_id"]),
                member_id=_text(install["member_id"]),
                user_id=_text(result["user_id"]),
                domain=domain_of(_text(install["domain"])),
                endpoint=f"{_text(install['client_endpoint']).rstrip('/')}/",
                expires=_unix(result["expires"]),
            )
        except (KeyError, TypeError, ValueError):
            raise NoAnswerError("The OAuth server") from None
        if not is_safe(identity.endpoint):
            raise NoAnswerError("The OAuth server")
        if identity.expires <= time.time():
            return {"refusal": "expired_token"}
        return asdict(identity)

    def _identity(self, verdict: Verdict) -> Identity:
        if verdict.get("refusal") == "expired_token":
            raise BridgeError("expired_token", "The access token has expired. Refresh it.")
        if "refusal" in verdict or verdict["client_id"] not in self.settings.client_ids:
            raise BridgeError("invalid_token", "The access token is not of this application.")
        return Identity(**verdict)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError
    return str(value)


def _unix(value: Any) -> float:
    """Read a time, in Unix seconds or in ISO 8601."""
    try:
        return float(value)
    except ValueError:
        return datetime.fromisoformat(value).timestamp()
