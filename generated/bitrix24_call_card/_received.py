# Copied from scripts/generator/project/bitrix24_call_card/_received.py by `make generate`: do not edit.
"""A response as it was received, before anybody makes models of it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import httpx

from .errors import InvalidResponse, UnexpectedStatus


class Received:
    """A whole response; its repr shows the status alone, because the rest may echo a secret."""

    __slots__ = ("content", "headers", "problem", "status_code")

    def __init__(
        self,
        status_code: int,
        headers: httpx.Headers,
        content: bytes,
        problem: str | None = None,  # why the body could not be read
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.problem = problem

    def __repr__(self) -> str:
        return f"<Received [{self.status_code}]>"

    def json_object(self) -> dict[str, Any]:
        """Return the JSON object that is the body, or raise InvalidResponse."""
        if self.problem is not None:
            raise InvalidResponse(f"the body: {self.problem}")
        try:
            text = self.content.decode().removeprefix("\ufeff")
            value: dict[str, Any] | list[Any] | str | float | None = _decode(text)
        except (ValueError, RecursionError):
            # Not chained: the decoder's own error carries the whole body.
            raise InvalidResponse("expected JSON") from None
        if not isinstance(value, dict):
            raise InvalidResponse(f"the body: expected an object, found {type(value).__name__}")
        return value

    def is_expired_token(self) -> bool:
        """Tell whether the portal refused an access token because its hour is over."""
        try:
            return self.status_code == 401 and self.json_object().get("error") == "expired_token"
        except InvalidResponse:
            return False

    def invalid(self, reason: str) -> InvalidResponse:
        """Make the exception for a body that is not as documented."""
        content = self.content if self.problem is None else None
        return InvalidResponse(reason, self.status_code, content)

    def unexpected(self) -> UnexpectedStatus:
        """Make the exception for a status that is not in the contract."""
        return UnexpectedStatus(self.status_code, self.content, self._new_host())

    def _new_host(self) -> str | None:
        if 300 <= self.status_code < 400:
            try:
                return httpx.URL(self.headers.get("location", "")).raw_host.decode() or None
            except httpx.InvalidURL:
                pass
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
