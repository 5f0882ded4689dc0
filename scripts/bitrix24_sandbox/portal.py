"""The state of one portal, all of it in one place."""

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from .calls import Call, CurrentCall, default_call
from .errors import PortalError
from .faults import FaultQueue
from .limits import LeakyBucket, Limits, OperatingTime

Profile = Literal["rest", "app-only", "js-only"]

USER_ID = "1"
WEBHOOK = "sandbox-webhook"
ACCESS_TOKEN = "sandbox-access-token"  # noqa: S105 - a made-up secret, and a public one
REFRESH_TOKEN = "sandbox-refresh-token"  # noqa: S105
CLIENT_ID = "sandbox-client-id"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105
MEMBER_ID = "5a1d5b0dc4f04a6fb8a0e3f3c24e93d1"
SCOPES = ("placement", "telephony")
TOKEN_LIFETIME = 3600  # seconds


class Tokens(NamedTuple):
    """The newest pair of tokens."""

    access_token: str
    refresh_token: str

    def __repr__(self) -> str:
        return "Tokens(…)"  # secrets, after a renewal


class Stopwatch:
    """Measures one request, by a clock that is never set back."""

    __slots__ = ("_begun", "started")

    def __init__(self) -> None:
        self.started = time.time()
        self._begun = time.perf_counter()

    def seconds(self) -> float:
        """Give the time since the request came."""
        return time.perf_counter() - self._begun


class Portal:
    """A portal: its call, tokens, faults, limits and counters.

    Any thread may use it; subscribers are called in the thread that made the change.
    """

    def __init__(self, profile: Profile = "rest", limits: Limits | None = None) -> None:
        self.profile = profile
        self.limits = limits
        self.faults = FaultQueue()
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.current: CurrentCall | None = CurrentCall(default_call())
        self.tokens = Tokens(ACCESS_TOKEN, REFRESH_TOKEN)
        self._expiry = {ACCESS_TOKEN: time.time() + TOKEN_LIFETIME}
        self.bucket = LeakyBucket(self.limits) if self.limits else None
        self._operating = OperatingTime()
        self.faults.clear()

    def reset(self) -> None:
        """Return to the state of a new portal. The profile and the limits stay."""
        self.end_call()  # its card closes, even if the next call has the same identifier
        with self._lock:
            self._start_afresh()
        self._changed()

    # --- the call ---------------------------------------------------------------------------------

    @property
    def call(self) -> Call | None:
        """The status of the current call, not to be changed in place; None without a call."""
        return self.current.fields if self.current else None

    def set_call(self, call: Any) -> None:
        """Make this the current call. Raise `InvalidCallError` if it is none: nothing changes."""
        self.current = CurrentCall(call)
        self._changed()

    def end_call(self) -> None:
        """Leave the portal without a call."""
        self.current = None
        self._changed()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called after each change of the call; return what ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def _changed(self) -> None:
        for callback in tuple(self._subscribers):
            callback()

    # --- who may ask ------------------------------------------------------------------------------

    def check_webhook(self, user: str, secret: str) -> None:
        """Raise `PortalError` unless this is the portal's webhook."""
        if (user, secret) != (USER_ID, WEBHOOK):
            raise PortalError("NO_AUTH_FOUND")

    def check_token(self, token: Any) -> None:
        """Raise `PortalError` unless this is an access token that is still valid."""
        if not isinstance(token, str) or not token:
            raise PortalError("NO_AUTH_FOUND")
        expiry = self._expiry.get(token)
        if expiry is None:
            raise PortalError("invalid_token")
        if expiry <= time.time():
            raise PortalError("expired_token")

    def expire_tokens(self) -> None:
        """Let an hour pass for every access token."""
        with self._lock:
            self._expiry = dict.fromkeys(self._expiry, 0.0)

    def renew(self, refresh_token: str) -> Tokens:
        """Spend the refresh token on a new pair of tokens. Raise `PortalError` if it is not it."""
        with self._lock:
            if refresh_token != self.tokens.refresh_token:
                raise PortalError("invalid_grant")
            self.tokens = Tokens(secrets.token_hex(32), secrets.token_hex(32))
            self._expiry[self.tokens.access_token] = time.time() + TOKEN_LIFETIME
            return self.tokens

    # --- what an answer says of its own making ----------------------------------------------------

    def time_block(self, method: str, watch: Stopwatch) -> dict[str, float | int | str]:
        """Count the request that took so long, and describe it as the envelope's `time`."""
        duration = watch.seconds()
        finish = watch.started + duration
        with self._lock:
            operating, reset_at = self._operating.add(method, finish, duration)
        return {
            "start": watch.started,
            "finish": finish,
            "duration": duration,
            "processing": duration,
            "date_start": _iso(int(watch.started)),
            "date_finish": _iso(int(finish)),
            "operating_reset_at": reset_at,
            "operating": operating,
        }


@lru_cache(maxsize=8)
def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
