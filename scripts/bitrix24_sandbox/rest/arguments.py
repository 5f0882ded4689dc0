"""The arguments of a method: fields by their names in upper case, of whichever encoding."""

from typing import Any

from ..portal.errors import bad_argument
from .decoding import Fields

LONGEST_TEXT = 255
"""The characters that are kept of a text that somebody may read."""


def required_text(fields: Fields, name: str) -> str:
    """Give an argument that must be there. Raise `PortalError` if it is not, or not a text."""
    value = fields.get(name)
    if value is None or value == "":
        raise bad_argument(name, f"Argument '{name}' is null or empty")
    if not isinstance(value, str):
        raise bad_argument(name, f"The value of an argument '{name}' must be of type string")
    return value


def text(fields: Fields, name: str, default: str = "") -> str:
    """Give a text, as far as it is kept; a number counts as one."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return default
    return str(value)[:LONGEST_TEXT]


def whole_number(value: Any) -> int | None:
    """Read a whole number, 0 or more, which a form carries as text; None if it is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**15 else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 15:
        return int(value)
    return None


def is_set(value: Any) -> bool:
    """Tell whether a switch is on, which a form carries as text."""
    return value not in (None, False, 0, "", "0", "false", "N")
