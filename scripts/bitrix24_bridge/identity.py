"""Whose an access token is: an OAuth server says so, and nothing else in a form proves anything."""

import asyncio
import json
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import httpx

from .data import hashed
from .errors import BridgeError
from .posting import NoAnswerError, post
from .settings import Settings, is_safe
from .store import Store, User

LONGEST = 3600.0
"""Seconds for which an answer is believed at most: as long as a token is valid."""


@dataclass(frozen=True)
class Identity:
    """What an OAuth server says of a token."""

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


class Identities:
    """Asks, and remembers what a server answered under a SHA-256; tokens are never kept."""

    def __init__(self, settings: Settings, store: Store, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._store = store
        self._http = http
        self._asking: dict[str, asyncio.Task[Identity]] = {}

    async def check(
        self, token: str, address: str, *, server: str | None = None, card: bool = False
    ) -> Identity:
        """Tell whose this access token is.

        `address`: where it comes from; `server`: the OAuth server that a form names, which counts
        if it is one of those that are believed; where none is named, each of these is asked until
        one knows the token; `card`: it comes with a card. Raise `BridgeError`.
        """
        *others, last = [self.server(server)] if server else self._settings.oauth_servers
        for other in others:
            try:
                return await self._check(other, token, address, card)
            except BridgeError as error:
                if error.code != "invalid_token":
                    raise
        return await self._check(last, token, address, card)

    async def _check(self, server: str, token: str, address: str, card: bool) -> Identity:
        key = hashed(f"{server} {token}")
        if kept := await self._store.recall(key):
            return _recalled(json.loads(kept))
        if key not in self._asking:
            kind, rate = (
                ("card", self._settings.cards) if card else ("token", self._settings.tokens)
            )
            if not await self._store.take(address, rate, kind):
                raise BridgeError("QUERY_LIMIT_EXCEEDED", "Too many access tokens. Retry later.")
        if key not in self._asking:  # somebody else may have begun meanwhile
            task = asyncio.create_task(self._ask(key, token, server))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key))
        return await asyncio.shield(self._asking[key])

    def server(self, named: str | None) -> str:
        """Give the OAuth server of a form: the named one if it is believed, or else the first."""
        servers = self._settings.oauth_servers
        named = f"{(named or '').rstrip('/')}/"
        return named if named in servers else servers[0]

    async def _ask(self, key: str, token: str, server: str) -> Identity:
        status, answer = await post(
            self._http,
            f"{server}app.info",
            {"auth": token},
            whose="The OAuth server",
            seconds=self._settings.times.oauth,
        )
        verdict = self._verdict(status, answer)
        seconds = min(verdict.get("expires", 0) - time.time(), LONGEST)
        if "refusal" not in verdict and seconds <= 0:
            verdict = {"refusal": "expired_token"}
        await self._store.keep(
            key,
            json.dumps(verdict),
            self._settings.times.refusal if "refusal" in verdict else seconds,
        )
        return _recalled(verdict)

    def _verdict(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        code = answer.get("error")
        if code == "expired_token":
            return {"refusal": "expired_token"}
        if code == "invalid_token" or (code and 400 <= status <= 403):
            return {"refusal": "invalid_token"}
        try:
            result = answer["result"]
            if result["client_id"] not in self._settings.client_ids:
                return {"refusal": "invalid_token"}
            install = result["install"]
            identity = Identity(
                member_id=_text(install["member_id"]),
                user_id=_text(result["user_id"]),
                domain=_text(install["domain"]).lower(),
                endpoint=f"{_text(install['client_endpoint']).rstrip('/')}/",
                expires=_unix(result["expires"]),
            )
        except (KeyError, TypeError, ValueError):
            raise NoAnswerError("The OAuth server") from None
        if not is_safe(identity.endpoint):
            raise NoAnswerError("The OAuth server")
        return asdict(identity)


def _recalled(verdict: dict[str, Any]) -> Identity:
    match verdict.get("refusal"):
        case None:
            return Identity(**verdict)
        case "expired_token":
            raise BridgeError("expired_token", "The access token has expired. Refresh it.")
        case _:
            raise BridgeError("invalid_token", "The access token is not of this application.")


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
