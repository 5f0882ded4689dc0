"""JSON as the portal reads and writes it."""

import json
from typing import Any, NoReturn, TypeGuard


class NotJsonError(ValueError):
    """The bytes are not a JSON text; the message says why, in the portal's words."""


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonError(f"{name} is not part of JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_utf8 = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def decode(body: bytes) -> Any:
    """Read a JSON text in UTF-8. Raise `NotJsonError` for anything else, however hostile."""
    try:
        return _decoder.decode(body.decode())
    except RecursionError:
        raise NotJsonError("The JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise NotJsonError("The body is not valid UTF-8") from None
    except NotJsonError:
        raise
    except ValueError:
        # Also an integer of more digits than Python converts: out of any portal's range as well.
        raise NotJsonError("The body is not valid JSON") from None


def encode(value: Any) -> str:
    """Write compact JSON with its characters as they are.

    A string with half of a surrogate pair cannot be written in UTF-8; the text then uses escapes,
    which keep it. Raise `ValueError` for what JSON cannot hold, such as an infinite number.
    """
    text = _utf8(value)
    return text if text.isascii() or _is_unicode(text) else _ascii(value)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value that was read from JSON is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Tell whether a value that was read from JSON is an array."""
    return isinstance(value, list)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
