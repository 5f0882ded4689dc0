"""The tests of the contract can fail: one mutant of each kind, in the portal or in the contract.

Each mutant is shown to the one check that should notice it, and must not survive.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bitrix24_sandbox.server import Running, running
from contract.document import Document, load
from contract.properties import Finding, Tally, findings, oauth, oauth_in_body, stranger, webhook

from tests.contract.consistency import faults_of_document
from tests.contract.evolution import GONE, edited
from tests.contract.mutation import Answer, Mutated, Mutation, Request, success, unchanged
from tests.contract.scenario import faults_of_scenario
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
        oauth(document, sandbox.oauth_url, sandbox.access_token),
        oauth_in_body(document, sandbox.oauth_url, sandbox.access_token),
    ):
        yield from findings(view, Tally(), cases=1, seed=1)
    sandbox.expire_tokens()  # so that no generated token is valid
    yield from findings(stranger(document, sandbox.oauth_url), Tally(), cases=1, seed=1)


def consistency(document: Document, _: Running) -> Iterator[str]:
    yield from faults_of_document(document)


def a_widget(document: Document, sandbox: Running) -> Iterator[str]:
    yield from faults_of_received(document, received_in(sandbox, "external"))


@pytest.fixture(scope="module")
def mutated() -> Iterator[tuple[Running, Mutated]]:
    with running(wrap=Mutated) as sandbox:
        assert isinstance(sandbox.app, Mutated)
        yield sandbox, sandbox.app


@pytest.mark.parametrize("check", [generated_requests, faults_of_scenario])
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


CALL = load()["components"]["responses"]["CurrentCall"]["content"]["application/json"]
CALL_RESPONSE = CALL["examples"]["incoming"]["value"]


def accepted(refusal: int, condition: Callable[[Request], bool] = lambda _: True) -> Mutation:
    """Answer some of the refused requests with a call."""

    def mutation(request: Request, answer: Answer) -> Answer:
        if answer.status == refusal and condition(request):
            return answer.with_value(CALL_RESPONSE, status=200)
        return answer

    return mutation


def without_allow(_: Request, answer: Answer) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name != "allow"}
    return answer._replace(headers=headers)


PORTAL: dict[Check, dict[str, Mutation]] = {
    generated_requests: {
        "a required member is missing": success(lambda body: body["result"].pop("CALL_ID")),
        "a type is wrong": success(lambda body: body["result"].update(CRM_ENTITY_ID="17")),
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
        "a token in the body is ignored": lambda request, answer: (
            answer.with_value({"error": "NO_AUTH_FOUND"}, status=401)
            if b'"auth"' in request.body and b"auth=" not in request.query
            else answer
        ),
        "any HTTP method is accepted": accepted(405),
        "the Allow header is missing": without_allow,
    },
    faults_of_scenario: {
        "a code is that of another error": error(
            lambda body: body.update(error=body["error"].replace("expired", "invalid"))
        ),
        "a code has another case": error(lambda body: body.update(error=body["error"].lower())),
        "a status is that of another error": status(503, 429),
        "a description is wrong": error(lambda body: body.update(error_description="Try again.")),
        "a number is not JSON": success(lambda body: body["time"].update(start=float("nan"))),
        "any webhook is accepted": accepted(401, lambda request: request.path.count("/") == 4),
        "a call is stale": success(lambda body: body.update(CALL_RESPONSE)),
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
OPERATION = "paths/~1placement.call/post"
POST = load()["paths"]["/placement.call"]["post"]
JSON = POST["requestBody"]["content"]["application/json"]

CONTRACT: dict[Check, dict[str, tuple[str, Any]]] = {
    generated_requests: {
        "the path is wrong": ("paths", {"/placement.status": {"post": POST}}),
        "a status is missing": (f"{OPERATION}/responses/401", GONE),
        "the token is elsewhere": ("components/securitySchemes/accessToken/in", "header"),
        "no token is required": ("security", [{}]),
        "the media type is wrong": (f"{OPERATION}/requestBody/content", {"application/xml": JSON}),
    },
    faults_of_scenario: {
        "an optional member is required": (f"{SCHEMAS}/CallStatus/required/-", "PHONE_NUMBER"),
        "a limit is too low": (f"{SCHEMAS}/CallStatus/properties/CRM_BINDINGS/maxItems", 20),
        "other members are forbidden": (f"{SCHEMAS}/CallStatus/additionalProperties", False),
    },
    consistency: {
        "an example does not fit its schema": (
            f"{SCHEMAS}/Time/properties/date_start/examples/-",
            "yesterday",
        ),
        "JSON in an example does not fit its schema": (
            f"{SCHEMAS}/OpenWidgetRequest/properties/PLACEMENT_OPTIONS/examples/-",
            "{}",
        ),
        "a code has no example": (f"{SCHEMAS}/ErrorCode/enum/-", "ERROR_UNKNOWN"),
        "an error is described in two ways": (
            "components/examples/ACCESS_DENIED/summary",
            "Try again.",
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
