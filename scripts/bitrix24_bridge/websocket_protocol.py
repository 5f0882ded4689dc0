"""uvicorn's WebSocket protocol, for peers that do not read what they are sent."""

import asyncio

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSING = 2.0
"""Seconds that a peer has to close as well, once the application has ended."""


class BoundedProtocol(WebSocketsSansIOProtocol):
    """Reads nothing while writing is paused: pongs to pings, say, would pile up in memory.

    It does not wait for a peer that does not read, nor for one that does not close.
    """

    def pause_writing(self) -> None:
        """Stop to read, as the peer has stopped to."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again, unless the application has messages to read."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next event for the application."""
        message = await super().receive()
        if not self.writable.is_set():  # or this would have made it read again
            self.transport.pause_reading()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says, unless it closes to a peer that does not read."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.transport.abort()
            raise ClientDisconnected
        await super().send(message)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Abort the connection if the peer has not closed it after a moment."""
        super().on_task_complete(task)
        self.loop.call_later(CLOSING, self.transport.abort)
