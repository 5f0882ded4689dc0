"""`batch`: up to fifty calls in one request."""

from typing import Any

from ..portal.errors import PortalError, bad_argument
from ..portal.state import Portal, Stopwatch
from .decoding import Fields, from_query
from .methods import check_profile, placement_call

MAX_COMMANDS = 50


def batch(portal: Portal, fields: Fields, *, by_webhook: bool) -> dict[str, Any]:
    """Run the commands in `cmd`. Raise `PortalError` if the batch itself cannot be run."""
    commands = _commands(fields.get("cmd"))
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for label, command in commands.items():
        watch = Stopwatch()
        method, _, query = command.partition("?")
        try:
            if method.lower() != "placement.call":
                raise PortalError("ERROR_METHOD_NOT_FOUND")
            check_profile(portal, by_webhook=by_webhook)
            call = placement_call(portal, from_query(query))
        except PortalError as error:
            errors[label] = error.envelope
            if fields.get("halt") not in (None, False, 0, "", "0"):
                break
        else:
            results[label] = call.fields
            times[label] = portal.time_block("placement.call", watch)
    return {
        "result": _php_array(results),
        "result_error": _php_array(errors),
        "result_total": [],
        "result_next": [],
        "result_time": _php_array(times),
    }


def _commands(cmd: Any) -> dict[str, str]:
    if isinstance(cmd, list):
        cmd = {str(index): command for index, command in enumerate(cmd)}
    if not isinstance(cmd, dict) or not all(isinstance(command, str) for command in cmd.values()):
        raise bad_argument("cmd", "Argument 'cmd' must hold strings such as 'method?query'")
    if len(cmd) > MAX_COMMANDS:
        raise PortalError("ERROR_BATCH_LENGTH_EXCEEDED")
    if any(command.partition("?")[0].lower() == "batch" for command in cmd.values()):
        raise PortalError("ERROR_BATCH_METHOD_NOT_ALLOWED")
    return cmd


def _php_array(items: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """PHP writes a map whose keys count from 0 as a list, and so an empty one too."""
    return list(items.values()) if list(items) == [str(i) for i in range(len(items))] else items
