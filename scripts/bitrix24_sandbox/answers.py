"""An answer of the portal, sent as plain ASGI messages: the shortest way there is."""

from dataclasses import dataclass, field
from typing import Any

from starlette.types import Send

from . import json_text

type_json = (b"content-type", b"application/json; charset=utf-8")
# Pages of any origin may read REST answers, errors included: without this header on an error a
# browser reports a broken network, and no SDK would ever renew its token.
allow_any_origin = (b"access-control-allow-origin", b"*")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and the headers beside its length."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=lambda: [type_json, allow_any_origin])

    async def send(self, send: Send) -> None:
        """Send the whole answer."""
        length = (b"content-length", b"%d" % len(self.body))
        headers = self.headers if self.status == 204 else [*self.headers, length]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(status: int, value: Any, *headers: tuple[bytes, bytes]) -> Answer:
    """Answer with a JSON value that pages of any origin may read."""
    return Answer(status, json_text.encode(value).encode(), [type_json, allow_any_origin, *headers])
