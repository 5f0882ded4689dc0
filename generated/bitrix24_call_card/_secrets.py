# Copied from scripts/generator/project/bitrix24_call_card/_secrets.py by `make generate`: do not edit.
"""Keeps webhooks and tokens out of reprs, tracebacks and logs."""

from __future__ import annotations

import logging
from typing import Final, Generic, TypeVar
from urllib.parse import unquote
from weakref import WeakValueDictionary

T = TypeVar("T")

MASK: Final = "***"

_SHORTEST: Final = 8
"""Characters below which a text, as in a test, may be an ordinary word, and is not masked in others."""

_texts: WeakValueDictionary[int, Secret[str]] = WeakValueDictionary()


class Secret(Generic[T]):
    """A value that no repr shows, so that a traceback with locals does not show it either.

    As long as a secret text exists, it is also masked in the logs of httpcore and hpack.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: T) -> None:
        self._value = value
        if isinstance(value, str) and len(value) >= _SHORTEST:
            _texts[id(self)] = self  # type: ignore[assignment]

    def reveal(self) -> T:
        """Return the value. Do not bind it to a local name: a traceback may show it."""
        return self._value

    def __repr__(self) -> str:
        return MASK


def masked(text: str) -> str:
    """Return the text with every secret in it replaced."""
    secrets = [secret for reference in _texts.valuerefs() if (secret := reference()) is not None]
    for secret in secrets:
        text = text.replace(secret.reveal(), MASK)
    decoded = unquote(text)
    # In another spelling, such as %2D for a hyphen, it cannot be cut out.
    return MASK if any(secret.reveal() in decoded for secret in secrets) else text


def _mask_record(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    shown = masked(message)
    if shown != message:
        record.msg, record.args = shown, ()
    return True


# At DEBUG these log response headers, which may echo a secret, and with HTTP/2 the request's path.
for _name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy", "hpack.hpack", "hpack.table"):
    logging.getLogger(_name).addFilter(_mask_record)
