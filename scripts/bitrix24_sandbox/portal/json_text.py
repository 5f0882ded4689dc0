"""JSON as the portal reads and writes it."""

import json
from typing import Any, NoReturn, TypeGuard


class NotJsonError(ValueError):
    """The bytes are not JSON; the message says why."""


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonError(f"{name} is not part of JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_utf8 = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def decode(body: bytes) -> Any:
    """Read JSON in UTF-8. Raise `NotJsonError` for anything else, hostile input included."""
    try:
        return _decoder.decode(body.decode())
    except RecursionError:
        raise NotJsonError("The JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise NotJsonError("The body is not valid UTF-8") from None
    except NotJsonError:
        raise
    except ValueError:
        # This includes an integer with more digits than Python converts; no portal reads it.
        raise NotJsonError("The body is not valid JSON") from None


def encode(value: Any) -> str:
    """Write compact JSON, without escapes for non-ASCII characters.

    UTF-8 cannot represent a lone surrogate; text with one is written with escapes, which can.
    Raise `ValueError` for what JSON cannot represent, such as an infinite number.
    """
    text = _utf8(value)
    return text if text.isascii() or _is_unicode(text) else _ascii(value)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value read from JSON is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value read from JSON is an array."""
    return isinstance(value, list)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
