"""An operation becomes a function, or is refused with its place in the contract and the reason."""

from pathlib import Path
from typing import Any

import pytest

from tests.scripts.contracts import DOCUMENT, GONE, edited, generated, printed, refusal

POST = "paths /portal.ask post"
REQUEST = f"{POST} requestBody content application/json"
ANSWER = f"{POST} responses 200"
OTHER = {"application/json": {"schema": {"$ref": "#/components/schemas/Other"}}}
LIST = {"application/json": {"schema": {"type": "array", "items": {"type": "string"}}}}
TEXT = {"text/plain": {"schema": {"type": "string"}}}
PARAMETER = {"name": "q", "in": "query", "schema": {"type": "string"}}
TWO_BODIES = {"oneOf": [{"$ref": "#/components/schemas/Request"}, {"type": "object"}]}


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (f"{POST} parameters", [PARAMETER], "paths./portal.ask.post.parameters: no parameters"),
        ("paths /portal.ask parameters", [PARAMETER], "paths./portal.ask.parameters: only post"),
        ("paths /portal.ask get", {"responses": {}}, "paths./portal.ask.get: only post"),
        (f"{POST} requestBody", GONE, "paths./portal.ask.post: an operation without requestBody"),
        (f"{POST} operationId", GONE, "paths./portal.ask.post: an operation without operationId"),
        (
            f"{POST} requestBody content text/plain",
            {},
            "paths./portal.ask.post.requestBody: expected application/json with a schema, "
            "found application/json and text/plain",
        ),
        (f"{POST} requestBody content", TEXT, "paths./portal.ask.post.requestBody: expected"),
        (f"{REQUEST} schema", GONE, "paths./portal.ask.post.requestBody: expected"),
        (
            f"{REQUEST} schema",
            TWO_BODIES,
            "paths./portal.ask.post.requestBody.content.application/json.schema: several bodies",
        ),
        (f"{REQUEST} schema", {"type": "string"}, "paths./portal.ask.post.requestBody.content"),
        (
            "components schemas Request properties COMMAND",
            {"type": "string"},
            "components.schemas.Request.properties.COMMAND: a required member that is not constant",
        ),
        (
            f"{POST} responses default",
            {"description": ""},
            "paths./portal.ask.post.responses.default: only single",
        ),
        (
            f"{POST} responses 4XX",
            {"description": ""},
            "paths./portal.ask.post.responses.4XX: only single",
        ),
        (f"{ANSWER} content", TEXT, "paths./portal.ask.post.responses.200: expected"),
        (f"{ANSWER} content", GONE, "paths./portal.ask.post.responses.200: expected"),
        (
            f"{ANSWER} content",
            LIST,
            "paths./portal.ask.post.responses.200.content.application/json.schema: only objects",
        ),
        (
            f"{POST} responses 201",
            {"description": "", "content": OTHER},
            "paths./portal.ask.post.responses: successes have one model, and not Answer, Other",
        ),
        (f"{POST} responses 400", GONE, "paths./portal.ask.post.responses: errors have one model"),
        (
            "paths /portal.tell",
            DOCUMENT["paths"]["/portal.ask"],
            "paths./portal.tell.post: another operation is named ask",
        ),
    ],
)
def test_an_operation_that_cannot_be_called_is_refused_by_its_place_and_the_reason(
    tmp_path: Path, path: str, value: Any, reason: str
) -> None:
    assert refusal(edited(path, value), tmp_path).startswith(reason)


PROGRAM = """
import httpx, json
from bitrix24_call_card import Client
from bitrix24_call_card.api.portal import {name}

sent = []

def portal(request):
    sent[:] = [request.url.path, json.loads(request.content)]
    return httpx.Response(200, json={{"value": "yes"}})

client = Client(base_url="https://portal.example/rest/1/webhook/")
client.set_httpx_client(httpx.Client(transport=httpx.MockTransport(portal)))
print(json.dumps([{name}.sync(client=client).value, *sent]))
"""


def test_a_second_operation_of_the_same_shape_has_a_function_of_its_own(tmp_path: Path) -> None:
    second = edited("operationId", "ask_again", DOCUMENT["paths"]["/portal.ask"]["post"])
    client = generated(edited("paths /portal.ask.again post", second), tmp_path)
    for name, path in (("ask", "portal.ask"), ("ask_again", "portal.ask.again")):
        called = printed(client, PROGRAM.format(name=name))
        assert called == ["yes", f"/rest/1/webhook/{path}", {"COMMAND": "ask"}]


def test_the_text_of_a_path_is_sent_as_it_is(tmp_path: Path) -> None:
    document = edited("paths", {"/a'b\"c\\d": DOCUMENT["paths"]["/portal.ask"]})
    called = printed(generated(document, tmp_path), PROGRAM.format(name="ask"))
    assert called[1] == "/rest/1/webhook/a'b\"c\\d"


def test_members_that_vary_are_not_sent_if_they_may_be_absent(tmp_path: Path) -> None:
    empty = {"type": "array", "maxItems": 0, "items": {}}
    members = {
        "COMMAND": {"const": "ask"},
        "token": {"type": "string", "writeOnly": True},
        "limit": {"type": "integer"},
        "PARAMS": {"oneOf": [{"$ref": "#/components/schemas/Empty"}, empty]},
    }
    document = edited("components schemas Request properties", members)
    document = edited("components schemas Empty", {"type": "object"}, document)
    called = printed(generated(document, tmp_path), PROGRAM.format(name="ask"))
    assert called[2] == {"COMMAND": "ask", "PARAMS": {}}


def test_a_response_may_be_written_in_place(tmp_path: Path) -> None:
    answer = {"type": "object", "properties": {"value": {"type": "string"}}}
    document = edited(f"{ANSWER} content application/json schema", answer)
    assert printed(generated(document, tmp_path), PROGRAM.format(name="ask"))[0] == "yes"


def test_a_second_security_scheme_changes_nothing(tmp_path: Path) -> None:
    schemes = {"token": {"type": "apiKey", "in": "query", "name": "auth"}}
    document = edited("components securitySchemes", schemes)
    document = edited("security", [{}, {"token": []}], document)
    more = edited(
        "components securitySchemes other", {"type": "http", "scheme": "bearer"}, document
    )
    more = edited("security", [{}, {"token": []}, {"other": []}], more)
    for name, each in (("one", document), ("more", more)):
        (tmp_path / name).mkdir()
        generated(each, tmp_path / name)
    assert content(tmp_path / "one" / "client") == content(tmp_path / "more" / "client")


def content(client: Path) -> dict[str, bytes]:
    files = [path for path in client.rglob("*") if path.is_file()]
    return {path.relative_to(client).as_posix(): path.read_bytes() for path in files}
