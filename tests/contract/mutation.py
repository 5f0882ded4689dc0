"""A portal whose responses can be mutated, to see whether the tests notice."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Request(NamedTuple):
    """The parts of a request that mutations depend on."""

    method: str
    path: str
    query: bytes
    authorization: bytes
    body: bytes


class Answer(NamedTuple):
    """A response of the portal."""

    status: int
    headers: dict[str, str]
    body: bytes

    def value(self) -> dict[str, Any]:
        """Return the body, parsed as a JSON object."""
        value: dict[str, Any] = json.loads(self.body)
        return value

    def with_value(self, value: Any, status: int | None = None) -> "Answer":
        """Return this response with another JSON body, and perhaps another status."""
        return self._replace(body=json.dumps(value).encode(), status=status or self.status)


Mutation = Callable[[Request, Answer], Answer]


def unchanged(_: Request, answer: Answer) -> Answer:
    """Return the response as it is."""
    return answer


def success(edit: Callable[[Any], object]) -> Mutation:
    """Edit the JSON of each success."""

    def mutation(_: Request, answer: Answer) -> Answer:
        if answer.status != 200:
            return answer
        envelope = answer.value()
        edit(envelope)
        return answer.with_value(envelope)

    return mutation


class Mutated:
    """ASGI middleware that mutates the portal's responses, and records whether it did."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.begin(unchanged)

    def begin(self, mutation: Mutation) -> None:
        """Apply this mutation from now on."""
        self._mutation = mutation
        self.changed = False
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mutate the response if it is the portal's own, not one of the sandbox's control API."""
        if not scope["path"].startswith("/rest/"):
            await self._app(scope, receive, send)
            return
        body = b""
        messages: list[Message] = []

        async def receive_and_keep() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            return message

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive_and_keep, keep)
        start, *chunks = messages
        headers = {str(name, "latin-1"): str(value, "latin-1") for name, value in start["headers"]}
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        request = Request(
            scope["method"], scope["path"], scope["query_string"], authorization, body
        )
        answer = self._mutate(
            request,
            Answer(start["status"], headers, b"".join(chunk["body"] for chunk in chunks)),
        )
        length = {"content-length": str(len(answer.body))}
        raw = [(name.encode(), value.encode()) for name, value in (answer.headers | length).items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    def _mutate(self, request: Request, answer: Answer) -> Answer:
        # An exception would become a 500, which the tests would notice for the wrong reason.
        try:
            mutated = self._mutation(request, answer)
        except Exception as error:
            self.error = error
            return answer
        self.changed = self.changed or mutated != answer
        return mutated
