"""The messages between a widget and the portal page around it, as text.

A widget posts `command:JSON:callbackId:SID`; the page replies with `callbackId:JSON`, and sends
each event with the callback id with which the widget bound it.
"""

import re
from dataclasses import dataclass
from typing import Any

from ..portal import json_text


class DroppedError(ValueError):
    """A message that the portal ignores; says why."""


@dataclass(frozen=True)
class Message:
    """A parsed message of a widget. `params` is `None` if the widget left them out."""

    command: str
    params: Any
    callback_id: str
    sid: str


def parse(data: Any) -> Message:
    """Parse a message. Raise `DroppedError` if it is not one."""
    if isinstance(data, str):
        return _parse_text(data)
    if json_text.is_object(data):
        return _parse_object(data)
    raise DroppedError("neither text nor an object")


def _parse_text(text: str) -> Message:
    # JSON may contain colons, and empty JSON may be left out together with its colon.
    parts = text.split(":")
    if len(parts) < 3:
        raise DroppedError("not of the form command:JSON:callbackId:SID")
    command, *params, callback_id, sid = parts
    written = ":".join(params)
    try:
        value = json_text.decode(written.encode()) if written else None
    except ValueError:
        raise DroppedError("the parameters are not JSON") from None
    return Message(command, value, callback_id, sid)


def _parse_object(fields: dict[str, Any]) -> Message:
    texts = [fields.get(key) for key in ("method", "callback", "appSid")]
    if not all(isinstance(text, str) for text in texts):
        raise DroppedError("an object without the strings method, callback and appSid")
    command, callback_id, sid = map(str, texts)
    return Message(command, fields.get("params") or None, callback_id, sid)


def encode(callback_id: str, value: Any = None) -> str:
    """Write a message to a widget; `None` means no value, which is not the JSON `null`."""
    return f"{callback_id}:" + ("" if value is None else json_text.encode(value))


def event_name(message: Message) -> str:
    """Return the event that a `placementBindEvent` binds, or an empty string."""
    event = message.params.get("event") if json_text.is_object(message.params) else None
    return event if isinstance(event, str) else ""


PAGE_COMMANDS = frozenset({"resizeWindow", "reloadWindow"})
"""Commands that only the page carries out, and replies to."""


def page_effects(message: Message) -> dict[str, Any]:
    """Return what a message makes the page do, as members of a turn.

    `resize`: the frame's new size, as CSS; the page replies with the size that it then measures.
    """
    params = message.params if json_text.is_object(message.params) else {}
    if message.command == "resizeWindow":
        width, height = params.get("width"), _parse_int(params.get("height"))
        size = {
            "width": width if width == "100%" else f"{_parse_int(width) or 100}px",
            "height": f"{height}px" if height else None,
        }
        return {"resize": {**size, "callback": message.callback_id}}
    if message.command == "setScroll":
        scroll = _parse_int(params.get("scroll"))
        return {} if scroll is None or scroll < 0 else {"scroll": scroll}
    return {"reload": True} if message.command == "reloadWindow" else {}


def _parse_int(value: Any) -> int | None:
    """Read a number as JavaScript's `parseInt` does."""
    number = re.match(r"\s*([+-]?\d{1,9})", str(value), re.ASCII)
    return int(number[1]) if number else None
