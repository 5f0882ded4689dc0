"""`batch`: up to fifty calls in one request."""

import re
from itertools import count, islice
from typing import Any

from ..portal import json_text
from ..portal.call import CurrentCall
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .decoding import MAX_FIELDS, Fields, from_query
from .methods import call_method

MAX_COMMANDS = 50

_REFERENCE = re.compile(r"\$(result|error|next|total|time)(\S*)", re.IGNORECASE)
_KEYS = re.compile(r"\[([^\]]+)\]")


def batch(
    portal: Portal, fields: Fields, *, by_webhook: bool, nested: bool = False
) -> dict[str, Any]:
    """Run the commands in `cmd`, even if some fail; parameter names are case-insensitive.

    A command may refer to the result of an earlier one as `$result[LABEL][FIELD]`.
    """
    fields = {name.lower(): value for name, value in fields.items()}
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    times: dict[str, Any] = {}
    so_far = {"result": results, "error": errors, "time": times, "next": {}, "total": {}}
    for number, (label, command) in zip(count(1), _commands(fields.get("cmd")).items()):
        watch = Stopwatch()
        try:
            if number > MAX_COMMANDS:
                raise PortalError("ERROR_BATCH_LENGTH_EXCEEDED")
            if not isinstance(command, str):
                continue
            name, _, query = command.partition("?")
            method = name.lower()
            # A portal refuses these names in lower case only, and so runs a nested `BATCH`.
            if name in ("batch", "download", "upload") or (nested and method == "batch"):
                raise PortalError("ERROR_BATCH_METHOD_NOT_ALLOWED")
            arguments = _resolved(from_query(query), so_far)
            if method == "batch":
                result = batch(portal, arguments, by_webhook=by_webhook, nested=True)
            else:
                result = call_method(
                    portal, method, arguments, by_webhook=by_webhook, in_batch=True
                )
        except PortalError as error:
            errors[label] = error.envelope
            if fields.get("halt") not in (None, False, 0, "", "0"):
                break
        else:
            results[label] = result.fields if isinstance(result, CurrentCall) else result
            times[label] = portal.time_block(method, watch)
    return {
        "result": _php_array(results),
        "result_error": _php_array(errors),
        "result_total": [],
        "result_next": [],
        "result_time": _php_array(times),
    }


def _commands(cmd: Any) -> dict[str, Any]:
    """Return the commands by label."""
    if json_text.is_array(cmd):
        return {str(index): command for index, command in enumerate(cmd[:MAX_FIELDS])}
    return dict(islice(cmd.items(), MAX_FIELDS)) if json_text.is_object(cmd) else {}


def _resolved(value: Any, so_far: dict[str, Any]) -> Any:
    """Replace references by what they refer to.

    A reference extends to the next white space. A missing member ends the search, and what was
    found until then is used: as it is if the reference is the whole text. In other text, it has to
    be text or a number; otherwise the reference stays.
    """
    if json_text.is_object(value):
        return {name: _resolved(item, so_far) for name, item in value.items()}
    whole = _REFERENCE.fullmatch(value)
    if whole and _KEYS.search(whole[2]):
        return _found(whole, so_far)
    return _REFERENCE.sub(lambda reference: _as_text(reference, so_far), value)


def _as_text(reference: re.Match[str], so_far: dict[str, Any]) -> str:
    found = _found(reference, so_far)
    is_text = isinstance(found, str | int | float) and not isinstance(found, bool)
    return str(found) if is_text else reference[0]


def _found(reference: re.Match[str], so_far: dict[str, Any]) -> Any:
    """Follow the keys of a reference as far as they lead."""
    value: Any = so_far.get(reference[1])
    for key in _KEYS.findall(reference[2]):
        if json_text.is_array(value) and key.isdecimal() and int(key) < len(value):
            member = value[int(key)]
        else:
            member = value.get(key) if json_text.is_object(value) else None
        if member is None:
            break
        value = member
    return value


def _php_array(items: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """Return what PHP writes for a map: one whose keys count from 0, or an empty one, is a list."""
    return list(items.values()) if list(items) == [str(i) for i in range(len(items))] else items
