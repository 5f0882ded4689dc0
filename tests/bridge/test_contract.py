"""The bridge keeps the contract, whatever is sent, as long as a card is connected.

`make contract BASE_URL=<the bridge>` sends more, and otherwise.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from anyio.from_thread import start_blocking_portal
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.errors import ApiError
from bitrix24_call_card.models import ErrorResponse, GetStatusResponse
from contract import document as contract
from contract.properties import View, stranger, webhook, with_token

from tests.bridge.bridges import Bridge, running_bridge
from tests.bridge.cards import card, status
from tests.bridge.conftest import PATIENT, PLENTY
from tests.bridge.portals import Cloud, FakePortal
from tests.contract.exploring import explore

SEED = 1
TIMES = replace(PATIENT, fresh=1)


@pytest.fixture(scope="module")
def portal(cloud: Cloud) -> FakePortal:
    """A portal whose user 1 has a call on the screen."""
    return cloud.portal()


@pytest.fixture(scope="module")
def bridge(
    cloud: Cloud, portal: FakePortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bridge]:
    """A bridge to which a card is connected, and stays so."""
    file = tmp_path_factory.mktemp("contract") / "bridge.sqlite3"
    with (
        running_bridge(file, cloud.oauth_server, times=TIMES, tokens=PLENTY) as bridge,
        start_blocking_portal() as thread,
    ):
        portal.known_to(bridge)
        with thread.wrap_async_context_manager(card(bridge, portal)):
            yield bridge


@pytest.fixture(scope="module")
def views(bridge: Bridge, portal: FakePortal) -> dict[str, View]:
    """How a backend may ask the bridge, by the committed contract."""
    document, base_url = contract.load(), f"{bridge.url}/rest"
    by_header, _, by_body = with_token(document, base_url, portal.token())
    return {
        "a webhook": webhook(document, bridge.webhook(portal.member_id, name="contract")),
        "OAuth": by_header,
        "OAuth in the body": by_body,
        "no valid token": stranger(document, base_url),
    }


@pytest.mark.parametrize(
    ("view", "cases", "at_least"),
    [
        ("a webhook", 100, {200: 15, 400: 15, 405: 3}),
        ("OAuth", 75, {200: 10, 400: 10, 401: 2, 405: 3}),
        ("OAuth in the body", 75, {200: 10, 400: 10, 401: 5, 405: 3}),
        ("no valid token", 50, {401: 50, 405: 3}),
    ],
)
def test_the_bridge_keeps_every_property_of_the_contract(
    views: dict[str, View], view: str, cases: int, at_least: dict[int, int]
) -> None:
    tally, failed = explore(views[view], cases=cases, seed=SEED)

    assert failed == []
    assert tally.cases >= cases
    assert set(tally.statuses) == set(at_least)
    assert all(tally.statuses[status] >= n for status, n in at_least.items()), tally.statuses
    assert {"ignored_auth", "response_schema_conformance", "unsupported_method"} <= set(
        tally.checks
    )


def test_the_generated_client_asks_the_bridge_with_a_webhook_and_with_oauth(
    bridge: Bridge, portal: FakePortal
) -> None:
    by_webhook = Client(base_url=bridge.webhook(portal.member_id, name="client"))
    by_oauth = AuthenticatedClient(base_url=f"{bridge.url}/rest", token=portal.token())
    for client in (by_webhook, by_oauth):
        with client:
            answer = get_status.sync(client=client)
        assert isinstance(answer, GetStatusResponse)
        assert answer.result.to_dict() == status()


def test_the_generated_client_gets_a_refusal_as_the_error_that_it_is(
    bridge: Bridge, portal: FakePortal
) -> None:
    with Client(base_url=bridge.webhook(portal.member_id, "2")) as nobody:
        refusal = get_status.sync_detailed(client=nobody)
        assert isinstance(refusal.parsed, ErrorResponse)
        assert (refusal.status_code, str(refusal.parsed.error)) == (400, "CARD_NOT_CONNECTED")
    with Client(base_url=f"{bridge.url}/rest/1/wrong/") as nobody:
        with pytest.raises(ApiError) as raised:
            get_status.sync(client=nobody)
        assert raised.value.error == "INVALID_CREDENTIALS"
