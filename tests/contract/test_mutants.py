"""The checks of the contract can fail: one mutant of each kind, in the portal or the contract.

Each mutant is shown to the one check that should notice it, and must not survive. The first two
checks are those of `make contract`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from bitrix24_sandbox.server import Running, running
from contract.document import Document, load
from contract.properties import Finding, Tally, findings, stranger, webhook, with_token
from contract.provoking import asked, caused, injected

from tests.contract.consistency import faults_of_document
from tests.contract.evolution import GONE, edited
from tests.contract.mutation import Answer, Mutated, Mutation, Request, success, unchanged
from tests.contract.widget import (
    faults_of_received,
    faults_of_servers,
    faults_of_values,
    received_in,
)

Check = Callable[[Document, Running], Iterator[object]]
"""Yields what is wrong with a portal, with the contract, or between the two."""


def generated_requests(document: Document, sandbox: Running) -> Iterator[Finding]:
    """Send the contract's examples and the edge cases of its schemas, in every view."""
    sandbox.reset()
    for view in (
        webhook(document, sandbox.webhook_url),
        *with_token(document, sandbox.oauth_url, sandbox.access_token),
    ):
        yield from findings(replace(view, cross_origin=True), Tally(), cases=1, seed=1)
        yield from asked(view, Tally())
    sandbox.expire_tokens()  # so that no generated token is valid
    yield from findings(stranger(document, sandbox.oauth_url), Tally(), cases=1, seed=1)


def the_scenario(document: Document, sandbox: Running) -> Iterator[Finding]:
    """Go through every error and the contract's calls."""
    sandbox.reset()
    yield from injected(document, sandbox, Tally())
    yield from caused(document, sandbox, Tally())


def consistency(document: Document, _: Running) -> Iterator[str]:
    yield from faults_of_document(document)


def a_widget(document: Document, sandbox: Running) -> Iterator[str]:
    yield from faults_of_received(document, received_in(sandbox, "external"))


@pytest.fixture(scope="module")
def mutated() -> Iterator[tuple[Running, Mutated]]:
    with running(wrap=Mutated) as sandbox:
        assert isinstance(sandbox.app, Mutated)
        yield sandbox, sandbox.app


@pytest.mark.parametrize("check", [generated_requests, the_scenario])
def test_without_a_mutation_nothing_is_wrong(
    document: Document, mutated: tuple[Running, Mutated], check: Check
) -> None:
    sandbox, middleware = mutated
    middleware.begin(unchanged)

    assert list(check(document, sandbox)) == []


# --- mutants of the portal ------------------------------------------------------------------------


def error(edit: Callable[[Any], object]) -> Mutation:
    """Edit the JSON of each error; a 405 has none."""

    def mutation(_: Request, answer: Answer) -> Answer:
        if answer.status in (200, 405):
            return answer
        envelope = answer.value()
        edit(envelope)
        return answer.with_value(envelope)

    return mutation


def status(was: int, becomes: int) -> Mutation:
    return lambda _, answer: answer._replace(status=becomes) if answer.status == was else answer


def content_type(value: str) -> Mutation:
    return lambda _, answer: answer._replace(headers={**answer.headers, "content-type": value})


POST = load()["paths"]["/placement.call"]["post"]
SUCCESS = POST["responses"]["200"]["content"]["application/json"]
CALL_RESPONSE = SUCCESS["examples"]["incomingCall"]["value"]


def accepted(refusal: int, condition: Callable[[Request], bool] = lambda _: True) -> Mutation:
    """Answer some of the refused requests with a call."""

    def mutation(request: Request, answer: Answer) -> Answer:
        if answer.status == refusal and condition(request):
            return answer.with_value(CALL_RESPONSE, status=200)
        return answer

    return mutation


def without(header: str, only: Callable[[int], bool] = lambda _: True) -> Mutation:
    def mutation(_: Request, answer: Answer) -> Answer:
        headers = {name: value for name, value in answer.headers.items() if name != header}
        return answer._replace(headers=headers) if only(answer.status) else answer

    return mutation


def refused(condition: Callable[[Request], bool]) -> Mutation:
    """Answer some of the accepted requests as if there were no credentials."""

    def mutation(request: Request, answer: Answer) -> Answer:
        if answer.status == 200 and condition(request):
            return answer.with_value({"error": "NO_AUTH_FOUND"}, status=401)
        return answer

    return mutation


PORTAL: dict[Check, dict[str, Mutation]] = {
    generated_requests: {
        "a required member is missing": success(lambda body: body["result"].pop("CALL_ID")),
        "a type is wrong": success(lambda body: body["result"].update(CRM_ENTITY_ID=[17])),
        "a number is out of range": success(lambda body: body["result"].update(CRM_ENTITY_ID=-1)),
        "a format is wrong": success(lambda body: body["time"].update(date_start="13.08.2024")),
        "an error has no code": error(lambda body: body.pop("error")),
        "a status is unknown": status(400, 418),
        "an error has the status of a success": status(400, 200),
        "an error has the status of a server error": status(400, 500),
        "a valid request is refused": lambda _, answer: (
            answer.with_value({"error": "ERROR_CORE"}, status=400)
            if answer.status == 200
            else answer
        ),
        "an invalid request is accepted": accepted(400),
        "the content type is wrong": content_type("text/html; charset=utf-8"),
        "the content type is missing": content_type(""),
        "the body is not JSON": lambda _, answer: answer._replace(body=b"<html></html>"),
        "no token is required": accepted(401, lambda request: b"auth=" not in request.query),
        "any token is accepted": accepted(401, lambda request: b"auth=" in request.query),
        "a token in the body is ignored": refused(
            lambda request: b'"auth"' in request.body and b"auth=" not in request.query
        ),
        "a token in the header is ignored": refused(lambda request: request.authorization != b""),
        "a prefix of the token is accepted": accepted(
            401, lambda request: b'"auth":"sandboxaccesstoke"' in request.body
        ),
        "a prefix of a bearer token is accepted": accepted(
            401, lambda request: request.authorization == b"Bearer sandboxaccesstoke"
        ),
        "a prefix of the webhook is accepted": accepted(
            401, lambda request: "/sandboxwebhoo/" in request.path
        ),
        "GET is refused": refused(lambda request: request.method == "GET"),
        "a form is refused": refused(lambda request: request.body.startswith(b"PLACEMENT=")),
        "any HTTP method is accepted": accepted(405),
        "the Allow header is missing": without("allow"),
        "the charset is another one": content_type("application/json; charset=windows-1251"),
        "other origins may not read errors": without(
            "access-control-allow-origin", lambda status: status >= 400
        ),
    },
    the_scenario: {
        "a code is that of another error": error(
            lambda body: body.update(error=body["error"].replace("expired", "invalid"))
        ),
        "a code has another case": error(lambda body: body.update(error=body["error"].lower())),
        "a status is that of another error": status(503, 429),
        "a description is wrong": error(lambda body: body.update(error_description="Try again.")),
        "a number is not JSON": success(lambda body: body["time"].update(start=float("nan"))),
        "any webhook is accepted": accepted(401, lambda request: "/1/another" in request.path),
        "a webhook is accepted for any user": accepted(401, lambda request: "/7/" in request.path),
        "a command is accepted in any case": accepted(
            400, lambda request: b"GETSTATUS" in request.body
        ),
        "a description has another name": error(
            lambda body: body.update(error_message=body.pop("error_description"))
        ),
        "a further member is missing": error(lambda body: body.pop("argument", None)),
        "a missing call is another error": error(
            lambda body: body.update(error=body["error"].replace("CORE", "ARGUMENT"))
        ),
        "a call is stale": success(lambda body: body.update(CALL_RESPONSE)),
        "a value is that of another field": success(
            lambda body: body["result"].update(CALL_DIRECTION="connected")
        ),
        "optional members are missing": success(
            lambda body: body["result"].pop("PHONE_NUMBER", None)
        ),
        "the time is missing": success(lambda body: body.pop("time")),
        "a success has a further member": success(lambda body: body.update(error="")),
    },
}


@pytest.mark.parametrize(
    ("check", "mutation"),
    [
        pytest.param(check, mutation, id=kind)
        for check, mutations in PORTAL.items()
        for kind, mutation in mutations.items()
    ],
)
def test_a_mutant_of_the_portal_is_noticed(
    document: Document, mutated: tuple[Running, Mutated], check: Check, mutation: Mutation
) -> None:
    sandbox, middleware = mutated
    middleware.begin(mutation)

    assert next(check(document, sandbox), None), "the mutant survived"

    assert middleware.error is None
    assert middleware.changed


# --- mutants of the contract ----------------------------------------------------------------------

SCHEMAS = "components/schemas"
RESPONSES = "components/responses"
OPERATION = "paths/~1placement.call/post"
JSON = POST["requestBody"]["content"]["application/json"]

CONTRACT: dict[Check, dict[str, tuple[str, Any]]] = {
    generated_requests: {
        "the path is wrong": ("paths", {"/placement.status": {"post": POST}}),
        "a status is missing": (f"{OPERATION}/responses/401", GONE),
        "the token is elsewhere": ("components/securitySchemes/accessToken/in", "header"),
        "no token is required": ("security", [{}]),
        "the media type is wrong": (f"{OPERATION}/requestBody/content", {"application/xml": JSON}),
    },
    the_scenario: {
        "an optional member is required": (f"{SCHEMAS}/CallStatus/required/-", "PHONE_NUMBER"),
        "a limit is too low": (f"{SCHEMAS}/CallStatus/properties/CRM_BINDINGS/maxItems", 2),
        "an error has another text": (
            f"{RESPONSES}/NotFound/content/application~1json/examples/ERROR_METHOD_NOT_FOUND"
            "/value/error_description",
            "Method not found",
        ),
    },
    consistency: {
        "an example does not fit its schema": (
            f"{SCHEMAS}/Timing/properties/date_start/examples/-",
            "yesterday",
        ),
        "JSON in an example does not fit its schema": (
            f"{SCHEMAS}/OpenWidgetRequest/properties/PLACEMENT_OPTIONS/examples/-",
            "{}",
        ),
        "a code has no example": (f"{SCHEMAS}/ErrorCode/enum/-", "ERROR_UNKNOWN"),
        "an example is that of another error": (
            f"{RESPONSES}/NotFound/content/application~1json/examples/ERROR_METHOD_NOT_FOUND"
            "/value/error",
            "NO_AUTH_FOUND",
        ),
        "a schema is unused": (f"{SCHEMAS}/Unused", {"type": "object"}),
        "a set of values is closed": (
            f"{SCHEMAS}/ErrorResponse/properties/error",
            {"$ref": "#/components/schemas/ErrorCode"},
        ),
    },
    a_widget: {
        "a member is not documented": (f"{SCHEMAS}/OpenWidgetQuery/properties/LANG", GONE),
        "JSON in a text has the wrong type": (
            f"{SCHEMAS}/PlacementOptions/properties/CALL_LIST_MODE",
            {"type": "boolean"},
        ),
        "a payload lacks a member": (f"{SCHEMAS}/EntityChanged/required/-", "CALL_ID"),
        "a command does not exist": (f"{SCHEMAS}/Command/enum/-", "getState"),
    },
    faults_of_servers: {
        "the base URL is wrong": ("servers/1/url", "https://{portal}/api"),
    },
    faults_of_values: {
        "a type is too wide": (
            f"{SCHEMAS}/CallStatus/properties/CALL_LIST_MODE",
            {"type": ["boolean", "null"]},
        ),
        "a required member is optional": (f"{SCHEMAS}/CallStatus/required", []),
    },
}


@pytest.mark.parametrize(
    ("check", "pointer", "value"),
    [
        pytest.param(check, *edit, id=kind)
        for check, edits in CONTRACT.items()
        for kind, edit in edits.items()
    ],
)
def test_a_mutant_of_the_contract_is_noticed(
    document: Document, mutated: tuple[Running, Mutated], check: Check, pointer: str, value: Any
) -> None:
    sandbox, middleware = mutated
    middleware.begin(unchanged)
    mutant = edited(document, pointer, value)
    assert mutant != document

    assert next(check(mutant, sandbox), None), "the mutant survived"
