"""A method's arguments: its request's fields, whose names are in upper case here."""

from typing import Any

from ..portal.errors import PortalError, bad_argument
from .decoding import Fields

LONGEST_TEXT = 255
"""The length to which a text argument is cut, in characters."""


def required_text(fields: Fields, name: str) -> str:
    """Return a required string. Raise `PortalError` if it is missing or of another type."""
    value = fields.get(name)
    if value is None or value == "":
        raise empty_argument(name)
    if not isinstance(value, str):
        raise wrong_type(name)
    return value


def empty_argument(name: str) -> PortalError:
    """Make the error for a missing argument; some methods pass a sentence instead of its name."""
    return bad_argument(name, f"Argument '{name}' is null or empty")


def wrong_type(name: str) -> PortalError:
    """Make the error for an argument that is not a string."""
    return bad_argument(name, f"The value of an argument '{name}' must be of type string")


def text(fields: Fields, name: str, default: str = "") -> str:
    """Return a string, cut to its longest length; numbers are accepted, too."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return default
    return str(value)[:LONGEST_TEXT]


def whole_number(value: Any) -> int | None:
    """Read an integer of 0 or more, which forms send as text; return None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**15 else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 15:
        return int(value)
    return None


def is_set(value: Any) -> bool:
    """Whether PHP takes a value for true, as it does the texts `false` and `N`."""
    return value not in (None, False, 0, "", "0", [], {})
