"""The generated client asks the bridge, as it would ask a portal, while the card is open."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from bitrix24_call_card import AuthenticatedClient, Client
from bitrix24_call_card.api.call_card import get_status
from bitrix24_call_card.errors import ApiError
from bitrix24_call_card.models import CallStatus, ErrorCode

from tests.bridge.answers import NO_CARD
from tests.bridge.browser.scenes import Scene

_T = TypeVar("_T")


@pytest.fixture(params=["webhook", "OAuth"])
def client(request: pytest.FixtureRequest, scene: Scene) -> Client:
    """A client of the bridge."""
    if request.param == "webhook":
        return Client(base_url=scene.webhook)
    token = scene.sandbox.portal.authentication.tokens.access_token
    return AuthenticatedClient(base_url=f"{scene.bridge.url}/rest", token=token)


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in a thread: in this one, Playwright's loop is running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def ask(client: Client) -> CallStatus:
    async with client:
        return (await get_status.asyncio(client=client)).result


def test_a_client_gets_the_call_and_what_becomes_of_it(scene: Scene, client: Client) -> None:
    with client:
        with pytest.raises(ApiError) as none:
            get_status.sync(client=client)
        assert none.value.error == ErrorCode.CARD_NOT_CONNECTED
        assert not none.value.retryable

        tab = scene.open_card()
        shown = CallStatus.from_dict(scene.sandbox.call or {})
        assert get_status.sync(client=client).result == shown
        assert run(ask(client)) == shown

        tab.click("Fold")
        scene.until(NO_CARD, scene.on_screen)
        with pytest.raises(ApiError) as unknown:
            get_status.sync(client=client)
        assert unknown.value.error == ErrorCode.CARD_NOT_CONNECTED
        with pytest.raises(ApiError) as again:
            run(ask(client))
        assert str(again.value) == str(unknown.value)
