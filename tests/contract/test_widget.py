"""What a widget gets in a browser is as documented, in every scenario that a sandbox plays."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from bitrix24_sandbox.server import Running
from contract.document import Document

from tests.contract.scenario import by_webhook
from tests.contract.widget import (
    COMMANDS,
    EVENTS,
    SCENARIOS,
    Heard,
    faults_of_heard,
    faults_of_kinds,
    faults_of_servers,
    heard_in,
    page_of,
)


@pytest.fixture(scope="module")
def heard(running_portal: Running) -> dict[str, Heard]:
    """What a widget got in each scenario that has one."""
    return {scenario: heard_in(running_portal, scenario) for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_form_query_and_messages_are_as_documented(
    document: Document, heard: dict[str, Heard], scenario: str
) -> None:
    got = heard[scenario]
    assert list(faults_of_heard(document, got)) == []
    assert {name for name, _ in got.payloads} >= COMMANDS.keys()


def test_every_event_is_heard_in_some_scenario(heard: dict[str, Heard]) -> None:
    names = {name for got in heard.values() for name, _ in got.payloads}
    assert names == {*COMMANDS, *EVENTS}


def test_without_a_widget_nothing_is_opened_and_the_call_is_there(portal: Running) -> None:
    portal.play("no-widget")
    with page_of(portal) as page:
        portal.call = {**portal.state()["call"], "CALL_STATE": "idle"}
        turns = [page.turn()]
        while turns[-1]["card"]["call"]["CALL_STATE"] != "idle":
            turns.append(page.turn())
    assert not any(turn.get("open") for turn in turns)
    assert by_webhook(portal).status_code == 200


def test_the_scenarios_differ_in_what_the_contract_allows(heard: dict[str, Heard]) -> None:
    calls = {scenario: got.of("getStatus")[0] for scenario, got in heard.items()}
    assert calls["outgoing-unbound"]["CRM_ENTITY_TYPE"] is False
    assert calls["outgoing-unbound"]["CALL_ID"] == ""
    assert calls["hidden-number"]["PHONE_NUMBER"] == "hidden"
    assert calls["call-list"]["CALL_LIST_MODE"] is True
    assert calls["transfer"]["CALL_DIRECTION"] == "incomingTransfer"
    assert any(
        changed["CRM_ENTITY_ID"] is False
        for changed in heard["outgoing-unbound"].of("EntityChanged")
    )


def test_the_servers_are_where_the_sandbox_answers(document: Document, portal: Running) -> None:
    assert list(faults_of_servers(document, portal)) == []


def test_the_contract_admits_nothing_in_a_call_that_no_portal_sends(
    document: Document, portal: Running
) -> None:
    assert list(faults_of_kinds(document, portal)) == []


# --- this proof can fail: each of these faults of the contract is noticed -------------------------

Edit = Callable[[Any], object]


def properties(schema: str, edit: Edit) -> Edit:
    return lambda document: edit(document["components"]["schemas"][schema]["properties"])


def described(schema: str, name: str, **keywords: Any) -> Edit:
    """Describe a member otherwise."""
    return properties(schema, lambda members: members.update({name: keywords}))


def required(schema: str, name: str) -> Edit:
    return lambda document: document["components"]["schemas"][schema]["required"].append(name)


def renamed(schema: str, name: str) -> Edit:
    return properties(schema, lambda members: members.update({f"{name}_": members.pop(name)}))


def listed(schema: str, edit: Edit) -> Edit:
    return lambda document: edit(document["components"]["schemas"][schema]["enum"])


def never_false(schema: str, name: str) -> Edit:
    return properties(
        schema,
        lambda members: members[name].update(
            anyOf=[each for each in members[name]["anyOf"] if each.get("type") != "boolean"]
        ),
    )


def without_rest(server: int) -> Edit:
    def edit(document: Any) -> None:
        document["servers"][server]["url"] = document["servers"][server]["url"].replace("/rest", "")

    return edit


WIDGETS_DISAGREE: dict[str, Edit] = {
    **{
        f"{name} in the query has another name": renamed("OpenWidgetQuery", name)
        for name in ("DOMAIN", "PROTOCOL", "LANG", "APP_SID")
    },
    "an APP_SID has 31 digits": described(
        "OpenWidgetQuery", "APP_SID", type="string", pattern="^[0-9a-f]{31}$"
    ),
    "PROTOCOL in the query is a number": described("OpenWidgetQuery", "PROTOCOL", type="integer"),
    "AUTH_EXPIRES in the form is a number": described(
        "OpenWidgetRequest", "AUTH_EXPIRES", type="integer"
    ),
    "the form's token of the application has another name": renamed(
        "OpenWidgetRequest", "APPLICATION_TOKEN"
    ),
    "a member of the form is required that does not exist": required(
        "OpenWidgetRequest", "APPLICATION_ID"
    ),
    "the widget is in another placement": described(
        "OpenWidgetRequest", "PLACEMENT", type="string", const="CALL_LIST"
    ),
    "an id in the options is a number": described(
        "PlacementOptions", "CRM_ENTITY_ID", type="integer"
    ),
    "the options have no bindings": described("PlacementOptions", "CRM_BINDINGS", type="string"),
    "a bound id in the options is a number": described(
        "PlacementBinding", "ENTITY_ID", type="integer"
    ),
    "the mode in the options is a boolean": described(
        "PlacementOptions", "CALL_LIST_MODE", type="boolean"
    ),
    "an id in the options is never false": described(
        "PlacementOptions", "CRM_ENTITY_ID", type="string", pattern="^[0-9]+$"
    ),
    "PROTOCOL in the init data is a text": described("InitData", "PROTOCOL", type="string"),
    "the init data has another member": required("InitData", "SERVER_ENDPOINT"),
    "a command has another name": listed("Command", lambda names: names.append("getState")),
    "a command is not documented": listed("Command", lambda names: names.remove("getStatus")),
    "an event has another name": listed(
        "Event", lambda names: names.__setitem__(0, "CallCard::EntityChange")
    ),
    "an event is not documented": listed("Event", lambda names: names.pop()),
    "EntityChanged has the id of the call": required("EntityChanged", "CALL_ID"),
    "the type in EntityChanged is never false": never_false("EntityChanged", "CRM_ENTITY_TYPE"),
    "the id in EntityChanged is never false": never_false("EntityChanged", "CRM_ENTITY_ID"),
    "the type of a call is never false": never_false("CallStatus", "CRM_ENTITY_TYPE"),
    "a call always has an id": described("CallStatus", "CALL_ID", type="string", minLength=1),
    "the states are closed": lambda document: document["components"]["schemas"].update(
        CallStateChanged={"$ref": "#/components/schemas/CallState"}
    ),
}
SERVERS_DISAGREE: dict[str, Edit] = {
    "the address with a webhook has no /rest": without_rest(0),
    "the address with OAuth has no /rest": without_rest(1),
}
CALLS_DISAGREE: dict[str, Edit] = {
    "the mode may be null": described("CallStatus", "CALL_LIST_MODE", type=["boolean", "null"]),
    "the mode may be a text": described("CallStatus", "CALL_LIST_MODE", type=["boolean", "string"]),
    "a number may be an integer": described(
        "CallStatus", "PHONE_NUMBER", type=["string", "integer"]
    ),
    "the id of a call may be anything": described("CallStatus", "CALL_ID"),
    "the direction may be anything": described("CallStatus", "CALL_DIRECTION"),
    "the id of an item may be true": described(
        "CallStatus", "CRM_ENTITY_ID", type=["integer", "boolean"]
    ),
    "the id of an item may be negative": described("CallStatus", "CRM_ENTITY_ID", type="integer"),
    "the bindings may be a map": described("CallStatus", "CRM_BINDINGS", type=["array", "object"]),
    "a bound id may be null": described("CrmBinding", "ENTITY_ID", type=["integer", "null"]),
    "a bound type may be false": described("CrmBinding", "ENTITY_TYPE", type=["string", "boolean"]),
    "the direction may be absent": lambda document: document["components"]["schemas"]["CallStatus"][
        "required"
    ].remove("CALL_DIRECTION"),
    "an example is one of another field": properties(
        "CallStatus",
        lambda members: members.update(LINE_NAME={"examples": [["Support"]]}),
    ),
}


def edited(document: Document, edit: Edit) -> Document:
    mutant = copy.deepcopy(document)
    edit(mutant)
    assert mutant != document
    return mutant


@pytest.mark.parametrize("edit", WIDGETS_DISAGREE.values(), ids=WIDGETS_DISAGREE)
def test_widgets_disagree_if_the_contract_says_that(
    document: Document, heard: dict[str, Heard], edit: Edit
) -> None:
    mutant = edited(document, edit)
    assert any(any(faults_of_heard(mutant, got)) for got in heard.values()), "the mutant survived"


@pytest.mark.parametrize("edit", SERVERS_DISAGREE.values(), ids=SERVERS_DISAGREE)
def test_the_sandbox_is_elsewhere_if_the_contract_says_that(
    document: Document, portal: Running, edit: Edit
) -> None:
    assert any(faults_of_servers(edited(document, edit), portal)), "the mutant survived"


@pytest.mark.parametrize("edit", CALLS_DISAGREE.values(), ids=CALLS_DISAGREE)
def test_calls_disagree_if_the_contract_says_that(
    document: Document, portal: Running, edit: Edit
) -> None:
    assert any(faults_of_kinds(edited(document, edit), portal)), "the mutant survived"
