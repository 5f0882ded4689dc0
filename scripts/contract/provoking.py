"""What generated requests rarely cause: each error, each call of the contract, other encodings."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
from bitrix24_sandbox.testing import Sandbox

from contract.document import (
    Document,
    ErrorExample,
    call_examples,
    error_examples,
    faults_of_answer,
    paths,
)
from contract.properties import Finding, Tally, View, shown

CHECK = "documented_response"
COMMAND: dict[str, Any] = {"PLACEMENT": "getStatus", "PARAMS": {}}
_NAME = "placement.call"


def _send(method: str, url: str, **request: Any) -> httpx.Response:
    return httpx.request(method, url, trust_env=False, timeout=60, **request)


def with_webhook(sandbox: Sandbox, fields: Any = COMMAND) -> httpx.Response:
    """Call the operation with a webhook."""
    return _send("POST", f"{sandbox.webhook_url}{_NAME}", json=fields)


def with_oauth(sandbox: Sandbox, **query: str) -> httpx.Response:
    """Call the operation with OAuth."""
    return _send("POST", f"{sandbox.oauth_url}/{_NAME}", json=COMMAND, params=query)


# --- in the sandbox -------------------------------------------------------------------------------


def _at(path: str) -> Callable[[Sandbox], httpx.Response]:
    return lambda sandbox: _send("POST", f"{sandbox.origin}/rest/{path}", json=COMMAND)


def _command(name: str) -> Callable[[Sandbox], httpx.Response]:
    return lambda sandbox: with_webhook(sandbox, {"PLACEMENT": name})


def _with_an_expired_token(sandbox: Sandbox) -> httpx.Response:
    sandbox.expire_tokens()
    return with_oauth(sandbox, auth=sandbox.access_token)


def _twice(sandbox: Sandbox) -> httpx.Response:
    with_webhook(sandbox)
    return with_webhook(sandbox)


CAUSES: list[tuple[str, dict[str, Any], Callable[[Sandbox], httpx.Response]]] = [
    ("ERROR_ARGUMENT", {}, _command("")),
    ("ERROR_PLACEMENT_NOT_FOUND", {}, _command("getWeather")),
    ("ERROR_PLACEMENT_NOT_FOUND", {}, _command("GETSTATUS")),
    ("ERROR_CORE", {"call": None}, with_webhook),
    ("NO_AUTH_FOUND", {}, with_oauth),
    ("INVALID_CREDENTIALS", {}, _at(f"1/anotherwebhook/{_NAME}")),
    ("INVALID_CREDENTIALS", {}, _at(f"7/sandboxwebhook/{_NAME}")),
    ("invalid_token", {}, lambda sandbox: with_oauth(sandbox, auth="never-issued")),
    ("expired_token", {}, _with_an_expired_token),
    ("WRONG_AUTH_TYPE", {"profile": "app-only"}, with_webhook),
    ("ERROR_METHOD_NOT_FOUND", {}, _at("1/sandboxwebhook/placement.unknown")),
    ("QUERY_LIMIT_EXCEEDED", {"limits": {"burst": 1, "rate": 0.001}}, _twice),
]
"""The errors that a request causes in a state of the portal, by code."""


def caused(document: Document, sandbox: Sandbox, tally: Tally) -> Iterator[Finding]:
    """Cause errors, then put the contract's calls into the card; yield what differs from them."""
    errors = {error.code: error for error in reversed(error_examples(document))}
    for code, state, cause in CAUSES:
        sandbox.reset()
        sandbox.load(state)
        response = cause(sandbox)
        yield from _checked(
            tally, code, response, faults_of_error(document, response, errors[code])
        )
    sandbox.reset()
    for name, call in call_examples(document).items():
        sandbox.call = call
        response = with_webhook(sandbox)
        yield from _checked(tally, name, response, faults_of_call(document, response, call))
    sandbox.reset()


def injected(document: Document, sandbox: Sandbox, tally: Tally) -> Iterator[Finding]:
    """Let the sandbox fail with each documented error; yield what differs from the examples."""
    for path in paths(document):
        url = f"{sandbox.webhook_url.removesuffix('/')}{path}"
        for error in error_examples(document, path):
            if not error.is_from_a_bridge:
                sandbox.fail(error.code, status=error.status)
                response = _send("POST", url, json=COMMAND)
                faults = faults_of_error(document, response, error, path)
                yield from _checked(tally, error.code, response, faults)


def faults_of_error(
    document: Document, response: httpx.Response, expected: ErrorExample, path: str | None = None
) -> Iterator[str]:
    """Yield how a response differs from the example of an error, and from the contract."""
    if (response.status_code, _body(response)) != (expected.status, expected.body):
        yield f"expected {expected.status} {expected.body}, got {shown(response)}"
    yield from faults_of_answer(document, response, path)


def faults_of_call(document: Document, response: httpx.Response, call: Any) -> Iterator[str]:
    """Yield how a response differs from the call in the card, and from the contract."""
    match _body(response):
        case {"result": result, "time": dict(), **others} if result == call and not others:
            yield from faults_of_answer(document, response)
        case _:
            yield f"expected {call} and the time, got {shown(response)}"


# --- in any server --------------------------------------------------------------------------------


def asked(view: View, tally: Tally, pause: float = 0) -> Iterator[Finding]:
    """Ask in each encoding that portals accept, and with a prefix of the secret, after pauses."""
    if view.base_url.endswith("/rest") and not view.token:
        return  # no credentials to begin with

    def ask(method: str, encoding: str, base_url: str, token: str | None) -> httpx.Response:
        time.sleep(pause)
        bearer = {"Authorization": f"Bearer {token}"} if view.in_header else {}
        fields = {"PLACEMENT": "getStatus"} | ({"auth": token} if token and not bearer else {})
        request: dict[str, Any] = {encoding: fields, "headers": bearer}
        return _send(method, f"{base_url}/{_NAME}", **request)

    first = ask("POST", "json", view.base_url, view.token)
    for method, encoding in (("GET", "params"), ("POST", "data")):
        response = ask(method, encoding, view.base_url, view.token)
        faults = [f"not as to JSON: {shown(response)}"] * (_meaning(response) != _meaning(first))
        yield from _checked(tally, f"{method} with {encoding}", response, map(view.masked, faults))
    if view.valid != 404:  # where the method is unknown, nobody's credentials are checked
        token = view.token and view.token[:-1]
        response = ask("POST", "json", view.base_url[: None if token else -1], token)
        refused = _meaning(response) in ("invalid_token", "INVALID_CREDENTIALS")
        faults = [] if refused else [f"not refused: {shown(response)}"]
        yield from _checked(tally, "a prefix of a secret", response, map(view.masked, faults))


def _meaning(response: httpx.Response) -> Any:
    body = _body(response)
    return body.get("error", body.get("result")) if isinstance(body, dict) else response.text


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _checked(
    tally: Tally, title: str, response: httpx.Response, faults: Iterable[str]
) -> Iterator[Finding]:
    """Count a response; yield its faults."""
    tally.checks[CHECK] += 1
    tally.count("examples", response.status_code)
    return (Finding(CHECK, title, fault, "") for fault in faults)
