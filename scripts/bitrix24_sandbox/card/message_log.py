"""The message log, which a real portal does not have; its secrets are masked."""

import json
import time
from typing import Any, Literal
from urllib.parse import urlencode

from ..portal import json_text
from .events import Event
from .frame import Frame
from .messages import DroppedError, Message, encode, parse

Entry = dict[str, Any]


def opened(frame: Frame, form: dict[str, Any]) -> Entry:
    """Return the entry of the request that opened the widget."""
    wire = f"{form['method']} {form['action']}\n\n{urlencode(form['fields'])}"
    return _entry("widget", "open", wire, form["fields"], frame)


def from_widget(data: Any, frame: Frame | None, *, dropped: str | None = None) -> Entry:
    """Return the entry of a widget's message; `dropped`: why the portal ignores it."""
    try:
        message = parse(data)
    except DroppedError:
        message = Message("?", None, "", "")
    wire = data if isinstance(data, str) else json_text.encode(data)
    return _entry("portal", message.command, wire, message.params, frame, dropped=dropped)


def to_widget(name: str, wire: str, frame: Frame, *, note: str | None = None) -> Entry:
    """Return the entry of a reply to the command `name`, or of the event of that name."""
    written = wire.partition(":")[2]
    value: Any = json.loads(written) if written else None
    return _entry("widget", name, wire, value, frame, note=note)


def events(event: Event, posts: list[str], frame: Frame, *, closed: bool) -> list[Entry]:
    """Return an entry for each post of an event; its note says why a widget does not receive it."""
    if not posts:
        note = "not sent: the widget has not bound this event"
        return [to_widget(event.name, encode("", event.payload), frame, note=note)]
    lost = "does not arrive: the portal removes the frame in the same turn" if closed else None
    return [to_widget(event.name, post, frame, note=lost) for post in posts]


def _entry(
    to: Literal["portal", "widget"],
    name: str,
    wire: str,
    value: Any,
    frame: Frame | None,
    *,
    note: str | None = None,
    dropped: str | None = None,
) -> Entry:
    def masked(text: str) -> str:
        return frame.mask(text) if frame else text

    return {
        "time": time.time(),
        "to": to,
        "name": masked(name),
        "size": len(wire.encode(errors="surrogatepass")),
        "wire": masked(wire),
        "json": masked(_pretty(value)),
        "note": note,
        "dropped": dropped,
    }


def _pretty(value: Any) -> str:
    try:
        return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    except RecursionError:
        return ""  # nested too deeply to be read
