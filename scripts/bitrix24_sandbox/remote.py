"""A running sandbox, wherever it runs: its addresses, and its control endpoints as methods."""

import json
import ssl
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from .portal import addresses
from .portal.authentication import ACCESS_TOKEN


@cache  # reading the authorities takes longer than a request
def _trusting(authority: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


@dataclass(frozen=True)
class Sandbox:
    """The sandbox at an origin such as `http://127.0.0.1:8024`.

    `authority` is the PEM file of its test authority, if it speaks HTTPS. A method raises
    `httpx.HTTPStatusError` if the sandbox refuses, and nothing has changed then.
    """

    origin: str
    authority: Path | None = field(default=None, kw_only=True)

    @property
    def webhook_url(self) -> str:
        """The base URL of the webhook, with its trailing slash, as portals show it."""
        return addresses.webhook_url(self.origin)

    @property
    def oauth_url(self) -> str:
        """The base URL of calls with an access token."""
        return addresses.oauth_url(self.origin)

    @property
    def access_token(self) -> str:
        """The access token of a sandbox that was just started or reset."""
        return ACCESS_TOKEN

    def state(self) -> dict[str, Any]:
        """Give the call, how a widget is opened, the profile, the limits and the faults to come."""
        return self._ask("GET", "state")

    def set_call(self, call: Any) -> dict[str, Any]:
        """Make this the current call."""
        return self._ask("PUT", "call", call)

    def end_call(self) -> dict[str, Any]:
        """Leave the sandbox without a call."""
        return self._ask("DELETE", "call")

    def play(self, scenario: str) -> dict[str, Any]:
        """Go into the scenario of this name, such as `outgoing-unbound`."""
        return self._ask("PUT", "scenario", {"scenario": scenario})

    def set_profile(self, profile: str) -> dict[str, Any]:
        """Follow another profile until the next reset."""
        return self._ask("PUT", "profile", {"profile": profile})

    def set_form(self, form: str) -> dict[str, Any]:
        """Open widgets by the `new` form, by the `old` one, or as a `static` application."""
        return self._ask("PUT", "form", {"form": form})

    def fault(self, name: str, times: int = 1, **members: Any) -> dict[str, Any]:
        """Let the next requests meet a fault."""
        return self._ask("POST", "faults", {"fault": name, "times": times, **members})

    def expire_tokens(self) -> dict[str, Any]:
        """Let an hour pass for every access token."""
        return self._ask("POST", "tokens/expire")

    def reset(self) -> dict[str, Any]:
        """Return to the state at the start."""
        return self._ask("POST", "reset")

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        url = f"{self.origin}/sandbox/{path}"
        # Not httpx's own encoder: it cannot write half a surrogate pair, which a call may hold.
        content = None if body is None else json.dumps(body)
        response = httpx.request(
            method,
            url,
            content=content,
            timeout=30,
            verify=_trusting(self.authority),
            trust_env=False,
        )
        response.raise_for_status()
        state: dict[str, Any] = response.json()
        return state
