"""What generated requests rarely cause: every documented error, and unusual calls."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
from bitrix24_sandbox.server import Running
from contract import provoking
from contract.document import Document, ErrorExample, error_examples, faults_of_answer

COMMAND = {"PLACEMENT": "getStatus", "PARAMS": {}}
_NAME = "placement.call"

_http = httpx.Client(trust_env=False, timeout=60)


def with_webhook(sandbox: Running, **request: Any) -> httpx.Response:
    """Call the operation with a webhook; `request` replaces the body."""
    return _http.post(f"{sandbox.webhook_url}{_NAME}", **{"json": COMMAND, **request})


def with_oauth(sandbox: Running, **query: str) -> httpx.Response:
    """Call the operation with OAuth."""
    return _http.post(f"{sandbox.oauth_url}/{_NAME}", json=COMMAND, params=query)


# --- errors ---------------------------------------------------------------------------------------


def _with_another_webhook(sandbox: Running) -> httpx.Response:
    return _http.post(f"{sandbox.origin}/rest/1/anotherwebhook/{_NAME}", json=COMMAND)


def _with_an_expired_token(sandbox: Running) -> httpx.Response:
    sandbox.expire_tokens()
    return with_oauth(sandbox, auth=sandbox.access_token)


def _with_a_webhook_on_an_app_only_portal(sandbox: Running) -> httpx.Response:
    sandbox.profile = "app-only"
    return with_webhook(sandbox)


def _without_a_call(sandbox: Running) -> httpx.Response:
    sandbox.call = None
    return with_webhook(sandbox)


def _beyond_the_request_limit(sandbox: Running) -> httpx.Response:
    sandbox.load({"limits": {"burst": 1, "rate": 0.001}})
    with_webhook(sandbox)
    return with_webhook(sandbox)


CAUSES: dict[ErrorExample, Callable[[Running], httpx.Response]] = {
    ErrorExample(400, "ERROR_ARGUMENT"): lambda sandbox: with_webhook(sandbox, json={}),
    ErrorExample(400, "ERROR_PLACEMENT_NOT_FOUND"): lambda sandbox: with_webhook(
        sandbox, json={"PLACEMENT": "getWeather"}
    ),
    ErrorExample(400, "ERROR_CORE"): _without_a_call,
    ErrorExample(401, "NO_AUTH_FOUND"): with_oauth,
    ErrorExample(401, "INVALID_CREDENTIALS"): _with_another_webhook,
    ErrorExample(401, "invalid_token"): lambda sandbox: with_oauth(sandbox, auth="never-issued"),
    ErrorExample(401, "expired_token"): _with_an_expired_token,
    ErrorExample(403, "WRONG_AUTH_TYPE"): _with_a_webhook_on_an_app_only_portal,
    ErrorExample(404, "ERROR_METHOD_NOT_FOUND"): lambda sandbox: _http.post(
        f"{sandbox.webhook_url}placement.unknown", json=COMMAND
    ),
    ErrorExample(503, "QUERY_LIMIT_EXCEEDED"): _beyond_the_request_limit,
}
"""The errors that a request or the portal's state causes; others have to be injected as faults."""


def injected(sandbox: Running, error: ErrorExample) -> httpx.Response:
    """Call the operation while the sandbox fails with this error."""
    sandbox.fail(error.code, status=error.status)
    return with_webhook(sandbox)


def faults_of_error(
    document: Document, response: httpx.Response, expected: ErrorExample
) -> Iterator[str]:
    """Yield how a response differs from the contract and from its example of this error."""
    faults = list(provoking.faults_of_error(document, response, expected))
    yield from faults
    example = document["components"]["examples"][expected.code]["value"]
    if not faults and response.json() != example:
        yield f"expected {example}, got {response.text}"


# --- calls ----------------------------------------------------------------------------------------

_BARE = {
    "CALL_ID": "externalCall.1",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": 0,
    "CRM_BINDINGS": [],
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": True,
}
CALLS: dict[str, dict[str, Any]] = {
    "with an unknown client": _BARE,
    "without an activity yet": {**_BARE, "CRM_ACTIVITY_ID": ""},
    "with a hidden number": {**_BARE, "PHONE_NUMBER": "hidden", "LINE_NAME": ""},
    "with a name in other scripts": {**_BARE, "LINE_NAME": "Приёмная ☎"},
    "with a number unknown to the CRM": {
        **_BARE,
        "CALL_ID": "",
        "CRM_ENTITY_TYPE": False,
        "CRM_ENTITY_ID": False,
    },
    "with text as the id of a binding": {
        **_BARE,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "DYNAMIC_1032", "ENTITY_ID": "230"}],
    },
    "with fifty bindings": {
        **_BARE,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": number} for number in range(50)],
    },
    "with unlisted values": {
        **_BARE,
        "CRM_ENTITY_TYPE": "SMART_INVOICE",
        "CRM_ENTITY_ID": 2**63 - 1,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "QUOTE", "ENTITY_ID": 1}],
        "CALL_DIRECTION": "conference",
        "CALL_STATE": "on_hold",
    },
    "with unlisted fields": {
        **_BARE,
        "CALL_TAGS": ["vip"],
        "CRM_BINDINGS": [{"ENTITY_TYPE": "DEAL", "ENTITY_ID": 1, "TITLE": "Roof"}],
    },
}


def faults_of_call(document: Document, sandbox: Running, call: dict[str, Any]) -> Iterator[str]:
    """Put a call into the sandbox; yield how the response differs from it and from the contract."""
    sandbox.call = call
    response = with_webhook(sandbox)
    content_type = response.headers.get("content-type", "")
    faults = list(faults_of_answer(document, response.status_code, content_type, response.content))
    yield from faults
    if not faults and response.json().get("result") != call:
        yield f"expected {call}, got {response.text}"


# --- all of it ------------------------------------------------------------------------------------


def faults_of_scenario(document: Document, sandbox: Running) -> Iterator[str]:
    """Go through every error and every unusual call; yield what is not as documented."""
    sandbox.reset()
    for error in error_examples(document):
        if error.is_from_a_bridge:
            continue
        yield from faults_of_error(document, injected(sandbox, error), error)
    for error, cause in CAUSES.items():
        sandbox.reset()
        yield from faults_of_error(document, cause(sandbox), error)
    sandbox.reset()
    for call in CALLS.values():
        yield from faults_of_call(document, sandbox, call)
    sandbox.reset()
