"""Keeps webhooks and tokens out of reprs, tracebacks and logs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, Generic, TypeVar
from urllib.parse import unquote
from weakref import WeakValueDictionary

T = TypeVar("T")

MASK: Final = "***"

_SHORTEST: Final = 8
"""Shorter secrets may be ordinary words, as in a test, and are not masked in other texts."""

# By id, because a WeakSet cannot be iterated while another thread adds to it.
_texts: WeakValueDictionary[int, Secret[str]] = WeakValueDictionary()


class Secret(Generic[T]):
    """A value that no repr shows, so that a traceback with locals does not show it either.

    A function may be one: the repr of a partial shows its arguments. As long as a secret text exists,
    it is also masked in the logs of httpcore and hpack.
    """

    def __init__(self, value: T) -> None:
        self._value = value
        if isinstance(value, str) and len(value) >= _SHORTEST:
            _texts[id(self)] = self  # type: ignore[assignment]

    def reveal(self) -> T:
        """Return the value. Do not bind it to a local name: a traceback may show it."""
        return self._value

    def __repr__(self) -> str:
        return MASK


def masked(text: str, secrets: Iterable[Secret[str]]) -> str:
    """Return the text with each of the secrets in it replaced."""
    texts = [secret.reveal() for secret in secrets if len(secret.reveal()) >= _SHORTEST]
    for secret in texts:
        text = text.replace(secret, MASK)
    decoded = unquote(text)
    # Percent-encoded differently, such as %2D for a hyphen: mask everything.
    return MASK if any(secret in decoded for secret in texts) else text


def _mask_record(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    secrets = [secret for reference in _texts.valuerefs() if (secret := reference()) is not None]
    shown = masked(message, secrets)
    if shown != message:
        record.msg, record.args = shown, ()
    return True


# At DEBUG these log response headers, which may echo a secret, and with HTTP/2 the request's path.
for _name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy", "hpack.hpack", "hpack.table"):
    logging.getLogger(_name).addFilter(_mask_record)
