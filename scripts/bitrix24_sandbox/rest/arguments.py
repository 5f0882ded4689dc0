"""A method's arguments: its request's fields, whose names are in upper case here."""

from typing import Any

from ..portal.errors import bad_argument
from .decoding import Fields

LONGEST_TEXT = 255
"""The length to which a text argument is cut, in characters."""


def required_text(fields: Fields, name: str) -> str:
    """Return a required string. Raise `PortalError` if it is missing or of another type."""
    value = fields.get(name)
    if value is None or value == "":
        raise bad_argument(name, f"Argument '{name}' is null or empty")
    if not isinstance(value, str):
        raise bad_argument(name, f"The value of an argument '{name}' must be of type string")
    return value


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
    """Whether a flag is set, which forms send as text."""
    return value not in (None, False, 0, "", "0", "false", "N")
