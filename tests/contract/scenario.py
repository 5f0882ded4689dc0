"""What generated requests do not bring about: every documented error, and unusual calls."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
from bitrix24_sandbox.server import Running
from contract.document import Document, ErrorExample, error_examples, faults_of_answer
from contract.provoking import faults_of_error

COMMAND = {"PLACEMENT": "getStatus", "PARAMS": {}}
_NAME = "placement.call"

_http = httpx.Client(trust_env=False, timeout=60)


def by_webhook(sandbox: Running, **request: Any) -> httpx.Response:
    """Ask with a webhook."""
    return _http.post(f"{sandbox.webhook_url}{_NAME}", **{"json": COMMAND, **request})


def by_oauth(sandbox: Running, **query: str) -> httpx.Response:
    """Ask with OAuth."""
    return _http.post(f"{sandbox.oauth_url}/{_NAME}", json=COMMAND, params=query)


def restore(sandbox: Running) -> None:
    """Bring a sandbox back to where every scenario starts."""
    sandbox.reset()


class Situation(NamedTuple):
    """A way into an error without asking for the error by its code."""

    expected: ErrorExample
    ask: Callable[[Running], httpx.Response]


def _without_a_call(sandbox: Running) -> httpx.Response:
    sandbox.call = None
    return by_webhook(sandbox)


def _with_an_expired_token(sandbox: Running) -> httpx.Response:
    sandbox.expire_tokens()
    return by_oauth(sandbox, auth=sandbox.access_token)


def _by_webhook_where_only_applications_may_ask(sandbox: Running) -> httpx.Response:
    sandbox.profile = "app-only"
    return by_webhook(sandbox)


def _over_rest_where_only_the_browser_may_ask(sandbox: Running) -> httpx.Response:
    sandbox.profile = "js-only"
    return by_oauth(sandbox, auth=sandbox.access_token)


def _more_often_than_the_bucket_holds(sandbox: Running) -> httpx.Response:
    sandbox.load({"limits": {"burst": 1, "rate": 0.001}})
    by_webhook(sandbox)
    return by_webhook(sandbox)


def _labelled(sandbox: Running, media_type: str, body: bytes) -> httpx.Response:
    headers = {"content-type": f"application/{media_type}"}
    return by_webhook(sandbox, json=None, content=body, headers=headers)


SITUATIONS = {
    "a webhook that does not exist": Situation(
        ErrorExample(401, "INVALID_CREDENTIALS"),
        lambda sandbox: _http.post(f"{sandbox.origin}/rest/1/anotherwebhook/{_NAME}", json=COMMAND),
    ),
    "no token": Situation(ErrorExample(401, "NO_AUTH_FOUND"), by_oauth),
    "a token in a header": Situation(
        ErrorExample(401, "NO_AUTH_FOUND"),
        lambda sandbox: _http.post(
            f"{sandbox.oauth_url}/{_NAME}",
            json=COMMAND,
            headers={"authorization": f"Bearer {sandbox.access_token}"},
        ),
    ),
    "a token that was never issued": Situation(
        ErrorExample(401, "invalid_token"), lambda sandbox: by_oauth(sandbox, auth="never-issued")
    ),
    "an expired token": Situation(ErrorExample(401, "expired_token"), _with_an_expired_token),
    "a webhook where only applications may ask": Situation(
        ErrorExample(403, "WRONG_AUTH_TYPE"), _by_webhook_where_only_applications_may_ask
    ),
    "REST where only the browser may ask": Situation(
        ErrorExample(404, "ERROR_METHOD_NOT_FOUND"), _over_rest_where_only_the_browser_may_ask
    ),
    "a method that does not exist": Situation(
        ErrorExample(404, "ERROR_METHOD_NOT_FOUND"),
        lambda sandbox: _http.post(f"{sandbox.webhook_url}placement.unknown", json=COMMAND),
    ),
    "no command": Situation(
        ErrorExample(400, "ERROR_ARGUMENT"), lambda sandbox: by_webhook(sandbox, json={})
    ),
    "an unknown command": Situation(
        ErrorExample(400, "ERROR_PLACEMENT_NOT_FOUND"),
        lambda sandbox: by_webhook(sandbox, json={"PLACEMENT": "getWeather"}),
    ),
    "parameters where there are none": Situation(
        ErrorExample(400, "ERROR_ARGUMENT"),
        lambda sandbox: by_webhook(sandbox, json={**COMMAND, "PARAMS": {"CALL_ID": "1"}}),
    ),
    "a body that is not JSON": Situation(
        ErrorExample(400, "ERROR_ARGUMENT"), lambda sandbox: _labelled(sandbox, "json", b"{")
    ),
    "a number that JSON does not have": Situation(
        ErrorExample(400, "ERROR_ARGUMENT"),
        lambda sandbox: _labelled(sandbox, "json", b'{"PLACEMENT": "getStatus", "a": NaN}'),
    ),
    "a media type that no portal reads": Situation(
        ErrorExample(400, "ERROR_ARGUMENT"),
        lambda sandbox: _labelled(sandbox, "xml", b"<PLACEMENT>getStatus</PLACEMENT>"),
    ),
    "no call": Situation(ErrorExample(400, "ERROR_CORE"), _without_a_call),
    "more requests than fit": Situation(
        ErrorExample(503, "QUERY_LIMIT_EXCEEDED"), _more_often_than_the_bucket_holds
    ),
}

_BARE = {
    "CALL_ID": "externalCall.1",
    "CRM_ENTITY_TYPE": "",
    "CRM_ENTITY_ID": 0,
    "CRM_BINDINGS": [],
    "CALL_DIRECTION": "outgoing",
    "CALL_LIST_MODE": True,
}
CALLS: dict[str, dict[str, Any]] = {
    "of an unknown client": _BARE,
    "before there is an activity": {**_BARE, "CRM_ACTIVITY_ID": ""},
    "with a hidden number": {**_BARE, "PHONE_NUMBER": "hidden", "LINE_NAME": ""},
    "to a number that the CRM does not know": {
        **_BARE,
        "CALL_ID": "",
        "CRM_ENTITY_TYPE": False,
        "CRM_ENTITY_ID": False,
    },
    "bound by ids as text": {
        **_BARE,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "DYNAMIC_1032", "ENTITY_ID": "230"}],
    },
    "bound to fifty items": {
        **_BARE,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": number} for number in range(50)],
    },
    "with values that nobody has listed yet": {
        **_BARE,
        "CRM_ENTITY_TYPE": "SMART_INVOICE",
        "CRM_ENTITY_ID": 2**53,
        "CRM_BINDINGS": [{"ENTITY_TYPE": "QUOTE", "ENTITY_ID": 1}],
        "CALL_DIRECTION": "conference",
        "CALL_STATE": "on_hold",
    },
    "with fields that nobody has listed yet": {
        **_BARE,
        "CALL_TAGS": ["vip"],
        "CRM_BINDINGS": [{"ENTITY_TYPE": "DEAL", "ENTITY_ID": 1, "TITLE": "Roof"}],
    },
}


def faults_of_fault(document: Document, sandbox: Running, expected: ErrorExample) -> Iterator[str]:
    """Provoke an error by its code; say in what the answer is not as documented."""
    sandbox.fail(expected.code, status=expected.status)
    yield from faults_of_error(document, by_webhook(sandbox), expected)


def faults_of_situation(
    document: Document, sandbox: Running, situation: Situation
) -> Iterator[str]:
    """Get into a situation; say in what the answer is not as documented."""
    yield from faults_of_error(document, situation.ask(sandbox), situation.expected)


def faults_of_call(document: Document, sandbox: Running, call: dict[str, Any]) -> Iterator[str]:
    """Make this the current call; say in what the answer is not as documented."""
    sandbox.call = call
    response = by_webhook(sandbox)
    if response.status_code != 200:
        yield f"expected 200, got {response.status_code}"
    yield from _faults(document, response)


def faults_of_methods(sandbox: Running) -> Iterator[str]:
    """Ask with other methods than GET and POST; say which is not refused, or not with these."""
    for method in ("DELETE", "PATCH", "PUT"):
        response = _http.request(method, f"{sandbox.webhook_url}{_NAME}", json=COMMAND)
        allowed = set(response.headers.get("allow", "").replace(" ", "").split(","))
        if (response.status_code, allowed) != (405, {"GET", "POST"}):
            yield f"{method}: got {response.status_code}, and {allowed} are allowed"


def faults_of_scenario(document: Document, sandbox: Running) -> Iterator[str]:
    """Play all of it, one after another; say what is not as documented."""
    for expected in error_examples(document):
        yield from faults_of_fault(document, sandbox, expected)
    for situation in SITUATIONS.values():
        restore(sandbox)
        yield from faults_of_situation(document, sandbox, situation)
    for call in CALLS.values():
        restore(sandbox)
        yield from faults_of_call(document, sandbox, call)
    restore(sandbox)
    yield from faults_of_methods(sandbox)


def _faults(document: Document, response: httpx.Response) -> Iterator[str]:
    content_type = response.headers.get("content-type", "")
    yield from faults_of_answer(document, response.status_code, content_type, response.content)
