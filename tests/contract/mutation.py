"""A sandbox whose answers can be mutated, to see whether the proof notices."""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def value(self) -> dict[str, Any]:
        """Read the body as the JSON object that it is."""
        value: dict[str, Any] = json.loads(self.body)
        return value

    def with_value(self, value: Any, status: int | None = None) -> "Answer":
        """Make the same answer with another JSON body, and perhaps another status."""
        return self._replace(body=json.dumps(value).encode(), status=status or self.status)


Mutation = Callable[[Request, Answer], Answer]


class Mutated:
    """ASGI middleware that applies a mutation to the portal's answers, and tells if it did."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.begin(lambda _, answer: answer)

    def begin(self, mutation: Mutation) -> None:
        """Apply this mutation from now on."""
        self._mutation = mutation
        self.changed = False
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; only answers of the portal itself are mutated."""
        if not scope["path"].startswith("/rest/"):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []
        body = b""

        async def listen() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            return message

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, listen, keep)
        start, *chunks = messages
        answer = Answer(
            start["status"],
            _decoded(start["headers"]),
            b"".join(chunk["body"] for chunk in chunks),
        )
        request = Request(
            scope["method"], scope["path"], scope["query_string"], _decoded(scope["headers"]), body
        )
        mutated = self._mutate(request, answer)
        headers = {**mutated.headers, "content-length": str(len(mutated.body))}
        await send(
            {
                "type": "http.response.start",
                "status": mutated.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": mutated.body})

    def _mutate(self, request: Request, answer: Answer) -> Answer:
        # An exception here would be answered with 500, and the proof would fail for that.
        try:
            mutated = self._mutation(request, answer)
        except Exception as error:
            self.error = error
            return answer
        self.changed = self.changed or mutated != answer
        return mutated


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {str(name, "latin-1"): str(value, "latin-1") for name, value in headers}
