"""Testing an application of the client with respx."""

import respx
from bitrix24_call_card import Client
from bitrix24_call_card.api.call_card import get_status

CALL = {
    "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556778",
    "CRM_ENTITY_TYPE": "CONTACT",
    "CRM_ENTITY_ID": 17,
    "CRM_BINDINGS": [{"ENTITY_TYPE": "CONTACT", "ENTITY_ID": 17}],
    "CALL_DIRECTION": "incoming",
    "CALL_STATE": "connected",
    "CALL_LIST_MODE": False,
}


@respx.mock
def test_who_calls() -> None:
    portal = respx.post("https://portal.example/rest/1/webhook/placement.call")
    portal.respond(json={"result": CALL, "time": {}})
    client = Client("https://portal.example/rest/1/webhook/")
    assert get_status.sync(client=client).result.crm_entity_id == 17
    assert portal.called
