"""The stream of turns that a portal page reads from the sandbox."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

Turn = dict[str, Any]


@contextmanager
def open_page(http: httpx.Client, origin: str) -> Iterator[Iterator[Turn]]:
    """Open a portal page while the context lasts; yield its turns."""
    with http.stream("GET", f"{origin}/sandbox/card/turns") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield (json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line)


def opening_of_widget(http: httpx.Client, origin: str) -> Turn:
    """Open a portal page, and return how it opens the widget."""
    with open_page(http, origin) as turns:
        opening: Turn = next(turn["open"] for turn in turns if turn.get("open"))
        return opening
