"""A line to Redis that can break down without a word, or lead to another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Line:
    """What is sent on it arrives, or never does."""

    def __init__(self, target: str) -> None:
        self.down = False
        """Whether it swallows what is sent, as a network does that was cut."""
        self._target = target
        self._cuts = 0

    def cut(self) -> None:
        """Swallow everything until `down` is reset; what is connected now stays dead for good."""
        self.down = True
        self._cuts += 1

    def lead_to(self, url: str) -> str:
        """Lead to another Redis from the next connection on; return the URL of the former one."""
        former, self._target = self._target, url.removeprefix("unix://")
        return f"unix://{former}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client through."""
        there_reader, there_writer = await asyncio.open_unix_connection(self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, there_writer))
                group.create_task(self._carry(there_reader, writer))
        except asyncio.CancelledError:
            pass  # as the test ends; its streams would log it
        finally:
            writer.close()
            there_writer.close()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        cuts = self._cuts
        while data := await source.read(65536):
            if not self.down and cuts == self._cuts:
                target.write(data)
        target.close()


@asynccontextmanager
async def running_line(url: str, folder: Path) -> AsyncIterator[tuple[str, Line]]:
    """Run a line to the Redis at a `unix://` URL; yield the URL of its other end, and the line."""
    line, path = Line(url.removeprefix("unix://")), folder / "line.sock"
    async with await asyncio.start_unix_server(line.serve, path):
        yield f"unix://{path}", line
