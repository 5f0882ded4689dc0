"""Whatever call is put into the sandbox, the client returns it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.models import (
    CallDirection,
    CallState,
    CallStatus,
    CrmEntityType,
    GetStatusResponse,
)
from bitrix24_call_card.types import UNSET, Response
from bitrix24_sandbox.server import Running
from contract.document import Document, faults_of_answer, load
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.calls import CALLS

SCHEMAS = load()["components"]["schemas"]
LISTED: dict[type, set[str]] = {
    kind: set(SCHEMAS[kind.__name__]["enum"]) for kind in (CrmEntityType, CallDirection, CallState)
}
FIELDS = set(SCHEMAS["CallStatus"]["properties"])
BINDING_FIELDS = set(SCHEMAS["CrmBinding"]["properties"])

# With lone surrogates, which JSON can carry; without the words that mean "no value".
text = st.text(st.characters(), max_size=20).filter(
    lambda value: value not in {"undefined", "false", "null"}
)
ids = st.integers(0, 2**63 - 1) | st.sampled_from([0, 2**53 + 1, 2**63 - 1])
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=4,
)


def known_or_not(values: set[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(values)) | text


def and_more(known: set[str], fields: dict[str, Any], **optional: Any) -> st.SearchStrategy[Any]:
    """Make objects with these fields, and with others that the contract does not list."""
    others = st.dictionaries(text.filter(lambda name: name not in known), anything, max_size=2)
    return st.tuples(st.fixed_dictionaries(fields, optional=optional), others).map(
        lambda parts: {**parts[0], **parts[1]}
    )


bindings = and_more(
    BINDING_FIELDS,
    {"ENTITY_TYPE": known_or_not(LISTED[CrmEntityType]), "ENTITY_ID": ids | ids.map(str)},
) | st.fixed_dictionaries({"OWNER_TYPE_ID": ids, "OWNER_ID": ids | ids.map(str)})
calls = and_more(
    FIELDS,
    {
        "CALL_ID": text,
        "CRM_ENTITY_TYPE": known_or_not(LISTED[CrmEntityType] | {""}) | st.just(False),
        "CRM_ENTITY_ID": ids | ids.map(str) | st.just(False),
        "CRM_BINDINGS": st.lists(bindings, max_size=50),
        "CALL_DIRECTION": known_or_not(LISTED[CallDirection]),
        "CALL_LIST_MODE": st.booleans(),
    },
    PHONE_NUMBER=known_or_not({"hidden", "+15550100"}),
    LINE_NUMBER=text,
    LINE_NAME=text,
    CRM_ACTIVITY_ID=st.just("") | ids | ids.map(str),
    CALL_STATE=known_or_not(LISTED[CallState]),
)

Ask = Callable[[], tuple[Response[Any], Response[Any]]]


@pytest.fixture(scope="module")
def ask(running_portal: Running) -> Iterator[Ask]:
    """Call with the client, once synchronously and once asynchronously."""
    client = Client(base_url=running_portal.webhook_url)
    with client, asyncio.Runner() as runner:
        yield lambda: (
            get_status.sync_detailed(client=client),
            runner.run(get_status.asyncio_detailed(client=client)),
        )
        runner.run(client.__aexit__())


def same(value: object, expected: object) -> bool:
    """Compare as JSON, where true is not 1."""
    return json.dumps(value, sort_keys=True) == json.dumps(expected, sort_keys=True)


def assert_is(status: CallStatus, call: dict[str, Any]) -> None:
    assert status.call_id == call["CALL_ID"]
    assert status.crm_entity_type == (call["CRM_ENTITY_TYPE"] or "")
    assert status.crm_entity_id == int(call["CRM_ENTITY_ID"])
    assert type(status.crm_entity_id) is int
    assert status.call_direction == call["CALL_DIRECTION"]
    assert status.call_list_mode is call["CALL_LIST_MODE"]
    assert status.phone_number == call.get("PHONE_NUMBER", UNSET)
    assert status.line_number == call.get("LINE_NUMBER", UNSET)
    assert status.line_name == call.get("LINE_NAME", UNSET)
    assert status.call_state == call.get("CALL_STATE", UNSET)
    activity = call.get("CRM_ACTIVITY_ID", "")
    assert status.crm_activity_id == (UNSET if activity == "" else int(activity))
    assert same(status.additional_properties, {k: v for k, v in call.items() if k not in FIELDS})

    assert len(status.crm_bindings) == len(call["CRM_BINDINGS"])
    for binding, expected in zip(status.crm_bindings, call["CRM_BINDINGS"], strict=True):
        assert binding.entity_type == expected.get("ENTITY_TYPE", UNSET)
        for name in ("ENTITY_ID", "OWNER_TYPE_ID", "OWNER_ID"):
            number = int(expected[name]) if name in expected else UNSET
            assert getattr(binding, name.lower()) == number
            assert type(getattr(binding, name.lower())) is type(number)
        others = {k: v for k, v in expected.items() if k not in BINDING_FIELDS}
        assert same(binding.additional_properties, others)

    for value, kind in (
        (status.crm_entity_type, CrmEntityType),
        (status.call_direction, CallDirection),
        (status.call_state, CallState),
        *((binding.entity_type, CrmEntityType) for binding in status.crm_bindings),
    ):
        if value is not UNSET:
            assert type(value) is (kind if value in LISTED[kind] else str)

    plain = {**call, "CRM_ENTITY_TYPE": call["CRM_ENTITY_TYPE"] or ""}
    plain["CRM_ENTITY_ID"] = int(call["CRM_ENTITY_ID"])
    plain |= {"CRM_ACTIVITY_ID": int(activity)} if activity != "" else {}
    plain = {k: v for k, v in plain.items() if v != "" or k != "CRM_ACTIVITY_ID"}
    plain["CRM_BINDINGS"] = [
        {k: int(v) if k.endswith("_ID") and k in BINDING_FIELDS else v for k, v in each.items()}
        for each in call["CRM_BINDINGS"]
    ]
    assert same(status.to_dict(), plain)


def assert_returned(document: Document, sandbox: Running, ask: Ask, call: dict[str, Any]) -> None:
    sandbox.call = call

    for response in ask():
        received = httpx.Response(200, headers=response.headers, content=response.content)
        assert list(faults_of_answer(document, received)) == []
        assert isinstance(response.parsed, GetStatusResponse)
        assert_is(response.parsed.result, call)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(call=calls)
def test_the_client_returns_any_call(
    document: Document, running_portal: Running, ask: Ask, call: dict[str, Any]
) -> None:
    assert_returned(document, running_portal, ask, call)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_client_returns_an_unusual_call(
    document: Document, portal: Running, ask: Ask, call: dict[str, Any]
) -> None:
    assert_returned(document, portal, ask, call)
