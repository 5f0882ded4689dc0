"""The proof can fail: each of these faults, in the sandbox or in the contract, is noticed.

Each fault is shown to that part of the proof which is there to notice it. A fault that survives
fails this test under its name.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from bitrix24_sandbox.server import Running, running
from contract.document import Document, faults_of_document
from contract.properties import Tally, View, findings, oauth, oauth_in_body, stranger, webhook

from tests.contract.mutation import Answer, Mutated, Mutation, Request
from tests.contract.scenario import faults_of_scenario, restore

# Hypothesis mixes in constants of the modules that happen to be imported, so that one seed does not
# always make the same requests: enough of them notice each fault anyway.
CASES = 60
SEED = 1

HTML = b"<html><body>It works!</body></html>"


class MutatedSandbox(NamedTuple):
    sandbox: Running
    middleware: Mutated


@pytest.fixture(scope="module")
def running_mutated() -> Iterator[MutatedSandbox]:
    middleware: list[Mutated] = []

    def wrap(app: Any) -> Mutated:
        middleware.append(Mutated(app))
        return middleware[0]

    with running(wrap=wrap) as sandbox:
        yield MutatedSandbox(sandbox, middleware[0])


@pytest.fixture
def mutated(running_mutated: MutatedSandbox) -> Iterator[MutatedSandbox]:
    restore(running_mutated.sandbox)
    yield running_mutated
    running_mutated.middleware.begin(lambda _, answer: answer)
    restore(running_mutated.sandbox)


# --- the three parts of the proof, each as the first thing that it finds --------------------------


def found_in_document(document: Document) -> str | None:
    return next(faults_of_document(document), None)


def found_in_scenario(document: Document, sandbox: Running) -> str | None:
    return next(faults_of_scenario(document, sandbox), None)


def found_by_generated_requests(document: Document, sandbox: Running) -> str | None:
    def views() -> Iterator[View]:
        restore(sandbox)
        yield webhook(document, sandbox.webhook_url)
        yield oauth(document, sandbox.oauth_url, sandbox.access_token)
        yield oauth_in_body(document, sandbox.oauth_url, sandbox.access_token)
        sandbox.expire_tokens()
        yield stranger(document, sandbox.oauth_url)

    # Examples and edge cases notice most faults, in whichever view, before many cases are needed.
    for cases in (1, CASES):
        for view in views():
            for finding in findings(view, Tally(), cases=cases, seed=SEED):
                return f"{view.name}: {finding.check}: {finding.title}"
    return None


def test_without_a_fault_no_part_of_the_proof_fails(
    document: Document, mutated: MutatedSandbox
) -> None:
    assert found_in_document(document) is None
    assert found_in_scenario(document, mutated.sandbox) is None
    assert found_by_generated_requests(document, mutated.sandbox) is None
    assert not mutated.middleware.changed


# --- faults of the sandbox ------------------------------------------------------------------------


def successes(edit: Callable[[Any], object]) -> Mutation:
    """Mutate the envelope of each success."""

    def mutation(_: Request, answer: Answer) -> Answer:
        if answer.status != 200:
            return answer
        envelope = answer.value()
        edit(envelope)
        return answer.with_value(envelope)

    return mutation


def errors(edit: Callable[[Any], object], status: int | None = None) -> Mutation:
    """Mutate the envelope of each error, or of those with one status."""

    def mutation(_: Request, answer: Answer) -> Answer:
        if answer.status in (200, 405) or status not in (None, answer.status):
            return answer
        envelope = answer.value()
        edit(envelope)
        return answer.with_value(envelope)

    return mutation


def result(**fields: Any) -> Mutation:
    return successes(lambda envelope: envelope["result"].update(fields))


def time(**members: Any) -> Mutation:
    return successes(lambda envelope: envelope["time"].update(members))


def without_field(name: str) -> Mutation:
    return successes(lambda envelope: envelope["result"].pop(name))


def without_time(member: str) -> Mutation:
    return successes(lambda envelope: envelope["time"].pop(member))


def status(was: int, becomes: int) -> Mutation:
    """Answer with another status, and leave all else."""
    return lambda _, answer: answer._replace(status=becomes) if answer.status == was else answer


def header(name: str, value: str) -> Mutation:
    return lambda _, answer: answer._replace(headers={**answer.headers, name: value})


def body(text: bytes, was: int) -> Mutation:
    return lambda _, answer: answer._replace(body=text) if answer.status == was else answer


def welcoming(refusal: int, welcome: Callable[[Request, Answer], bool]) -> Mutation:
    """Answer some of the refused requests with the call."""
    call = {
        "result": {
            "CALL_ID": "externalCall.1",
            "CRM_ENTITY_TYPE": "",
            "CRM_ENTITY_ID": 0,
            "CRM_BINDINGS": [],
            "CALL_DIRECTION": "incoming",
            "CALL_LIST_MODE": False,
        },
        "time": {
            "start": 1.0,
            "finish": 1.0,
            "duration": 0.0,
            "processing": 0.0,
            "date_start": "2024-08-13T15:46:30+02:00",
            "date_finish": "2024-08-13T15:46:30+02:00",
        },
    }

    def mutation(request: Request, answer: Answer) -> Answer:
        if answer.status == refusal and welcome(request, answer):
            return answer.with_value(call, status=200)
        return answer

    return mutation


def without_allow(_: Request, answer: Answer) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name != "allow"}
    return answer._replace(headers=headers)


MUTATED_ANSWERS: dict[str, Mutation] = {
    **{
        f"{name} is missing": without_field(name)
        for name in (
            "CALL_ID",
            "CRM_ENTITY_TYPE",
            "CRM_ENTITY_ID",
            "CRM_BINDINGS",
            "CALL_DIRECTION",
            "CALL_LIST_MODE",
        )
    },
    **{
        f"time.{name} is missing": without_time(name)
        for name in ("start", "finish", "duration", "processing", "date_start", "date_finish")
    },
    "result is missing": successes(lambda envelope: envelope.pop("result")),
    "an id is a string": result(CRM_ENTITY_ID="17"),
    "an id is a fraction": result(CRM_ENTITY_ID=17.5),
    "an id is negative": result(CRM_ENTITY_ID=-1),
    "an id is true": result(CRM_ENTITY_ID=True),
    "a type is true": result(CRM_ENTITY_TYPE=True),
    "an activity is null": result(CRM_ACTIVITY_ID=None),
    "an activity is a word": result(CRM_ACTIVITY_ID="undefined"),
    "an unknown number is null": result(PHONE_NUMBER=None),
    "the call's id is a number": result(CALL_ID=1723556778),
    "the direction is a number": result(CALL_DIRECTION=1),
    "CALL_LIST_MODE is a string": result(CALL_LIST_MODE="false"),
    "CALL_LIST_MODE is a number": result(CALL_LIST_MODE=0),
    "the bindings are a map": result(CRM_BINDINGS={"CONTACT": 17}),
    "the bindings are null": result(CRM_BINDINGS=None),
    "a bound id is a word": result(CRM_BINDINGS=[{"ENTITY_TYPE": "DEAL", "ENTITY_ID": "five"}]),
    "a binding has no type": result(CRM_BINDINGS=[{"ENTITY_ID": 5}]),
    "the result is a list": successes(
        lambda envelope: envelope.update(result=[envelope["result"]])
    ),
    "a date is not ISO 8601": time(date_start="13.08.2024 15:46:30"),
    "a date has no offset": time(date_finish="2024-08-13T15:46:30"),
    "a time is a string": time(start="1723556790.1123"),
    "an error has no code": errors(lambda envelope: envelope.pop("error")),
    "an error has an empty code": errors(lambda envelope: envelope.update(error="")),
    "an error's description is a list": errors(
        lambda envelope: envelope.update(error_description=[envelope["error_description"]])
    ),
    "an error's code is a number": errors(lambda envelope: envelope.update(error=400)),
    "an error is not in the envelope": errors(
        lambda envelope: envelope.update(error={"code": envelope.pop("error")})
    ),
    "an error is a success": status(400, 200),
    "a bad request is a teapot": status(400, 418),
    "a bad request is a wrong method": status(400, 405),
    "a bad request is an unprocessable one": status(400, 422),
    "a bad request is a fault of the portal": status(400, 500),
    "a good request is a bad one": lambda _, answer: (
        answer.with_value({"error": "ERROR_CORE", "error_description": "-"}, status=400)
        if answer.status == 200
        else answer
    ),
    "a success has another status": status(200, 201),
    "a stranger is a bad request": status(401, 400),
    "a stranger is a fault of the portal": status(401, 500),
    "a success is labelled as HTML": header("content-type", "text/html; charset=utf-8"),
    "an answer has no content type": header("content-type", ""),
    "a success is HTML": body(HTML, 200),
    "an error is HTML": body(HTML, 400),
    "a refusal is HTML": body(HTML, 401),
    "a success is empty": body(b"", 200),
    "a success is cut short": lambda _, answer: (
        answer._replace(body=answer.body[:-20]) if answer.status == 200 else answer
    ),
    "no token is needed": welcoming(401, lambda request, _: b"auth=" not in request.query),
    "an empty token will do": welcoming(401, lambda request, _: request.query == b"auth="),
    "any token will do": welcoming(401, lambda request, _: b"auth=" in request.query),
    "anybody may ask": welcoming(401, lambda *_: True),
    "anything may be asked": welcoming(400, lambda *_: True),
    "a token in the body is ignored": lambda request, answer: (
        answer.with_value({"error": "NO_AUTH_FOUND"}, status=401)
        if b'"auth"' in request.body and b"auth=" not in request.query and answer.status == 200
        else answer
    ),
    "every method will do": welcoming(405, lambda *_: True),
    "another method is not found": status(405, 404),
    "what is allowed instead is not said": without_allow,
}

MUTATED_ERRORS: dict[str, Mutation] = {
    "an expired token is an unknown one": errors(
        lambda envelope: envelope.update(
            error=envelope["error"].replace("expired_token", "invalid_token")
        )
    ),
    "the codes are in lower case": errors(
        lambda envelope: envelope.update(error=envelope["error"].lower())
    ),
    "a forbidden request is an unauthorized one": status(403, 401),
    "an unknown method is a bad request": status(404, 400),
    "a blocked method is an overloaded portal": status(429, 503),
    "a fault of the portal is an overloaded portal": status(500, 503),
    "an overloaded portal is too many requests": status(503, 429),
    "an overloaded portal answers HTML": body(HTML, 503),
    "a missing argument is not named as text": errors(
        lambda envelope: envelope.update(argument=["PLACEMENT"]), status=400
    ),
    "something else is allowed instead": lambda _, answer: (
        answer._replace(headers={**answer.headers, "allow": "GET, PUT"})
        if answer.status == 405
        else answer
    ),
    "a time is not a number": time(start=float("nan")),
    "a token in a header will do": welcoming(
        401, lambda request, _: "authorization" in request.headers
    ),
    "a number that JSON does not have will do": welcoming(
        400, lambda request, _: b"NaN" in request.body
    ),
    "a media type that no portal reads will do": welcoming(
        400, lambda request, _: request.headers["content-type"] == "application/xml"
    ),
    "any webhook will do": welcoming(401, lambda request, _: request.path.count("/") == 4),
    "a call is told where there is none": welcoming(
        400, lambda _, answer: b"ERROR_CORE" in answer.body
    ),
}


@pytest.mark.parametrize("mutation", MUTATED_ANSWERS.values(), ids=MUTATED_ANSWERS)
def test_generated_requests_notice_that(
    document: Document, mutated: MutatedSandbox, mutation: Mutation
) -> None:
    mutated.middleware.begin(mutation)

    assert found_by_generated_requests(document, mutated.sandbox), "the mutant survived"

    assert mutated.middleware.error is None
    assert mutated.middleware.changed


@pytest.mark.parametrize("mutation", MUTATED_ERRORS.values(), ids=MUTATED_ERRORS)
def test_the_scenario_notices_that(
    document: Document, mutated: MutatedSandbox, mutation: Mutation
) -> None:
    mutated.middleware.begin(mutation)

    assert found_in_scenario(document, mutated.sandbox), "the mutant survived"

    assert mutated.middleware.error is None
    assert mutated.middleware.changed


# --- faults of the contract -----------------------------------------------------------------------

Edit = Callable[[Any], object]


def schema(name: str, edit: Edit) -> Edit:
    return lambda document: edit(document["components"]["schemas"][name])


def field(name: str, **keywords: Any) -> Edit:
    """Describe a field of the call otherwise."""
    return schema("CallStatus", lambda call: call["properties"].update({name: keywords}))


def operation(edit: Edit) -> Edit:
    return lambda document: edit(document["paths"]["/placement.call"]["post"])


def without_response(status: str) -> Edit:
    return operation(lambda post: post["responses"].pop(status))


def content(edit: Edit) -> Edit:
    return operation(lambda post: edit(post["requestBody"]["content"]))


def examples(response: str, edit: Edit) -> Edit:
    def of(document: Any) -> object:
        return edit(
            document["components"]["responses"][response]["content"]["application/json"]["examples"]
        )

    return of


def shown_error(code: str, edit: Edit) -> Edit:
    return lambda document: edit(document["components"]["examples"][code])


def scheme(**keywords: Any) -> Edit:
    return lambda document: document["components"]["securitySchemes"]["accessToken"].update(
        keywords
    )


def close(error: Any) -> None:
    del error["properties"]["argument"]
    error["additionalProperties"] = False


def rename(mapping: Any, old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


REQUESTS_DISAGREE: dict[str, Edit] = {
    "the path is another": lambda document: rename(
        document["paths"], "/placement.call", "/placement.status"
    ),
    "the method is another": lambda document: rename(
        document["paths"]["/placement.call"], "post", "put"
    ),
    "400 is not documented": without_response("400"),
    "401 is not documented": without_response("401"),
    "200 is 201": operation(lambda post: rename(post["responses"], "200", "201")),
    "a success is not JSON": lambda document: rename(
        document["components"]["responses"]["CurrentCall"]["content"],
        "application/json",
        "application/xml",
    ),
    "CALL_ID is an integer": field("CALL_ID", type="integer"),
    "CALL_LIST_MODE is a string": field("CALL_LIST_MODE", type="string"),
    "CRM_BINDINGS is a map": field("CRM_BINDINGS", type="object"),
    "CRM_ENTITY_ID is a string": field("CRM_ENTITY_ID", type="string"),
    "a field is required that does not exist": schema(
        "CallStatus", lambda call: call["required"].append("CALL_COLOR")
    ),
    "a member of time is required that does not exist": schema(
        "Time", lambda time: time["required"].append("zone")
    ),
    "a field is called otherwise": schema(
        "ErrorResponse", lambda error: error.update(required=["error", "message"])
    ),
    "the time comes as text": schema(
        "Time", lambda time: time["properties"]["start"].update(type="string")
    ),
    "the dates are days": schema(
        "Time", lambda time: time["properties"]["date_start"].update(format="date")
    ),
    "the token is a header": scheme(**{"in": "header"}),
    "the token has another name": scheme(name="access_token"),
    "the token is a bearer's": lambda document: document["components"].update(
        securitySchemes={"accessToken": {"type": "http", "scheme": "bearer"}}
    ),
    "no token is needed": lambda document: document.update(security=[{}]),
    "nothing is said of authentication": lambda document: document.pop("security"),
    "PARAMS is required": schema(
        "GetStatusRequest", lambda request: request["required"].append("PARAMS")
    ),
    "PLACEMENT may be left out": schema(
        "GetStatusRequest", lambda request: request.pop("required")
    ),
    "PLACEMENT may be anything": schema(
        "GetStatusRequest", lambda request: request["properties"]["PLACEMENT"].pop("const")
    ),
    "PLACEMENT is another command": schema(
        "GetStatusRequest",
        lambda request: request["properties"]["PLACEMENT"].update(const="getState"),
    ),
    "PARAMS may hold something": schema(
        "NoParameters", lambda parameters: parameters.pop("additionalProperties")
    ),
    "PARAMS may list something": schema(
        "GetStatusRequest",
        lambda request: request["properties"]["PARAMS"]["oneOf"][1].pop("maxItems"),
    ),
    "the request is of a media type that no portal reads": content(
        lambda types: rename(types, "application/json", "application/xml")
    ),
    "the request may be of a media type that no portal reads": content(
        lambda types: types.update({"application/xml": types["application/json"]})
    ),
    "the body may be left out": operation(lambda post: post["requestBody"].pop("required")),
}

SCENARIO_DISAGREES: dict[str, Edit] = {
    "an error stands under another status": operation(
        lambda post: rename(post["responses"], "403", "402")
    ),
    "the types of CRM items are closed": field(
        "CRM_ENTITY_TYPE", **{"$ref": "#/components/schemas/CrmEntityType"}
    ),
    "the directions are closed": field(
        "CALL_DIRECTION", **{"$ref": "#/components/schemas/CallDirection"}
    ),
    "the states are closed": field("CALL_STATE", **{"$ref": "#/components/schemas/CallState"}),
    "there is always an activity": field("CRM_ACTIVITY_ID", type="integer"),
    "there is always a number": schema(
        "CallStatus", lambda call: call["required"].append("PHONE_NUMBER")
    ),
    "there is always a binding": schema(
        "CallStatus", lambda call: call["properties"]["CRM_BINDINGS"].update(minItems=1)
    ),
    "there are few bindings": schema(
        "CallStatus", lambda call: call["properties"]["CRM_BINDINGS"].update(maxItems=20)
    ),
    "ids are small": schema(
        "CallStatus", lambda call: call["properties"]["CRM_ENTITY_ID"].update(maximum=2**31)
    ),
    "a call has no other fields": schema(
        "CallStatus", lambda call: call.update(additionalProperties=False)
    ),
    "a binding has no other fields": schema(
        "CrmBinding", lambda binding: binding.update(additionalProperties=False)
    ),
    "an error has no other members": schema("ErrorResponse", close),
}

DOCUMENT_DISAGREES: dict[str, Edit] = {
    "an example of a call lacks a field": examples(
        "CurrentCall", lambda shown: shown["incoming"]["value"]["result"].pop("CALL_ID")
    ),
    "an example of a call has an id as a string": examples(
        "CurrentCall", lambda shown: shown["incoming"]["value"]["result"].update(CRM_ENTITY_ID="17")
    ),
    "an example of an error has an empty code": shown_error(
        "ACCESS_DENIED", lambda shown: shown["value"].update(error="")
    ),
    "an example of an error has another description than its code": shown_error(
        "ACCESS_DENIED", lambda shown: shown.update(summary="Try again.")
    ),
    "a code has no description": schema(
        "ErrorCode", lambda code: code["x-enum-descriptions"].pop()
    ),
    "a schema is used by nothing": lambda document: document["components"]["schemas"].update(
        Nothing={"type": "object"}
    ),
    "the call in an example of a form is none": schema(
        "OpenWidgetRequest",
        lambda form: form["properties"]["PLACEMENT_OPTIONS"]["examples"].append("{}"),
    ),
    "an example of a request asks for something else": content(
        lambda types: types["application/json"]["examples"]["outgoing"]["value"].update(
            PLACEMENT="getWeather"
        )
    ),
    "PARAMS is an object only": schema(
        "GetStatusRequest", lambda request: request["properties"]["PARAMS"]["oneOf"].pop()
    ),
    "an example of a field has another type": schema(
        "CallStatus", lambda call: call["properties"]["CRM_ENTITY_ID"]["examples"].append("17")
    ),
    "an example of a date is none": schema(
        "Time", lambda time: time["properties"]["date_start"].update(examples=["yesterday"])
    ),
    "a code is shown, but not named": schema(
        "ErrorCode", lambda code: code["enum"].remove("expired_token")
    ),
    "a code is named, but not shown": schema(
        "ErrorCode", lambda code: code["enum"].append("ERROR_UNKNOWN")
    ),
    "a code is not shown any more": examples(
        "ServiceUnavailable", lambda shown: shown.pop("QUERY_LIMIT_EXCEEDED")
    ),
    **{
        f"{number} is not documented": without_response(number)
        for number in ("403", "404", "429", "500", "503")
    },
    "the error codes are closed": schema(
        "ErrorResponse",
        lambda error: error["properties"].update(error={"$ref": "#/components/schemas/ErrorCode"}),
    ),
    "the types of bound items are closed": schema(
        "CrmBinding", lambda binding: binding["properties"]["ENTITY_TYPE"]["anyOf"].pop()
    ),
}


def edited(document: Document, edit: Edit) -> Document:
    mutant = copy.deepcopy(document)
    edit(mutant)
    assert mutant != document
    return mutant


@pytest.mark.parametrize("edit", REQUESTS_DISAGREE.values(), ids=REQUESTS_DISAGREE)
def test_generated_requests_disagree_if_the_contract_says_that(
    document: Document, mutated: MutatedSandbox, edit: Edit
) -> None:
    mutant = edited(document, edit)

    assert found_by_generated_requests(mutant, mutated.sandbox), "the mutant survived"


@pytest.mark.parametrize("edit", SCENARIO_DISAGREES.values(), ids=SCENARIO_DISAGREES)
def test_the_scenario_disagrees_if_the_contract_says_that(
    document: Document, mutated: MutatedSandbox, edit: Edit
) -> None:
    mutant = edited(document, edit)

    assert found_in_scenario(mutant, mutated.sandbox), "the mutant survived"


@pytest.mark.parametrize("edit", DOCUMENT_DISAGREES.values(), ids=DOCUMENT_DISAGREES)
def test_the_contract_disagrees_with_itself_if(document: Document, edit: Edit) -> None:
    assert found_in_document(edited(document, edit)), "the mutant survived"
