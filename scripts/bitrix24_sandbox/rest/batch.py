"""`batch`: up to fifty calls in one request."""

import re
from itertools import count, islice
from typing import Any

from ..portal import json_text
from ..portal.call import CurrentCall
from ..portal.errors import PortalError
from ..portal.state import Portal, Stopwatch
from .decoding import MAX_FIELDS, Fields, from_query
from .methods import call_method, check_exists

MAX_COMMANDS = 50

_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]*\])+)")


def batch(portal: Portal, fields: Fields, *, by_webhook: bool) -> dict[str, Any]:
    """Run the commands in `cmd`, even if some fail; parameter names are case-insensitive.

    A command may refer to the result of an earlier one as `$result[LABEL][FIELD]`.
    """
    fields = {name.lower(): value for name, value in fields.items()}
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for number, (label, command) in zip(count(1), _commands(fields.get("cmd")).items()):
        watch = Stopwatch()
        method, _, query = command.partition("?")
        method = method.lower()
        try:
            if number > MAX_COMMANDS:
                raise PortalError("ERROR_BATCH_LENGTH_EXCEEDED")
            if method == "batch":
                raise PortalError("ERROR_BATCH_METHOD_NOT_ALLOWED")
            check_exists(portal, method)
            arguments = _resolved(from_query(query), results)
            result = call_method(portal, method, arguments, by_webhook=by_webhook)
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


def _commands(cmd: Any) -> dict[str, str]:
    """Return the commands by label; anything but a string is skipped."""
    if json_text.is_array(cmd):
        cmd = {str(index): command for index, command in enumerate(cmd[:MAX_FIELDS])}
    if not json_text.is_object(cmd):
        return {}
    texts = ((label, command) for label, command in cmd.items() if isinstance(command, str))
    return dict(islice(texts, MAX_FIELDS))


def _resolved(value: Any, results: dict[str, Any]) -> Any:
    """Replace references by earlier results; one to a missing result becomes empty."""
    if json_text.is_object(value):
        return {name: _resolved(item, results) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _referred(whole[1], results)
    return _REFERENCE.sub(lambda found: _as_text(_referred(found[1], results)), value)


def _referred(path: str, results: dict[str, Any]) -> Any:
    value: Any = results
    for name in path[1:-1].split("]["):
        if json_text.is_array(value) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif json_text.is_object(value):
            value = value.get(name)
        else:
            return None
    return value


def _as_text(value: Any) -> str:
    """Convert a value to text as PHP does; a value without text becomes empty."""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, str | int | float) else ""


def _php_array(items: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """Return what PHP writes for a map: one whose keys count from 0, or an empty one, is a list."""
    return list(items.values()) if list(items) == [str(i) for i in range(len(items))] else items
