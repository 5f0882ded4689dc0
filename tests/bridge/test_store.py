"""What any store of the bridge remembers of cards, calls and requests, and for how long."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from bitrix24_bridge.errors import BridgeError
from bitrix24_bridge.settings import Rate
from bitrix24_bridge.store import Card, TooManyCardsError, User, Word
from bitrix24_call_card.models import CallStatus

from tests.bridge.stores import Tried
from tests.data import CALL

pytestmark = pytest.mark.anyio

ANN = User("portal-a", "1")
BOB = User("portal-a", "2")
ZOE = User("portal-z", "1")

X, Y = "externalCall.x", "externalCall.y"


def word(call_id: str = X, state: str = "connected", **more: Any) -> Word:
    return Word.of(CallStatus.from_dict({**CALL, "CALL_ID": call_id, "CALL_STATE": state, **more}))


def owner_of(card: Card) -> str:
    """Give the owner's name, without where it is."""
    return card.owner.rpartition("/")[2]


async def cards(tried: Tried, user: User = ANN) -> dict[str, Card]:
    return {card.id: card for card in await tried.store.cards(user)}


# --- cards ----------------------------------------------------------------------------------------


async def test_of_nobody_nothing_is_known(tried: Tried) -> None:
    assert await cards(tried) == {}


async def test_a_card_that_has_not_spoken_counts_as_connected(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "socket")

    (card,) = (await cards(tried)).values()
    assert (card.id, owner_of(card), card.word) == ("tab", "socket", None)


async def test_the_word_is_the_last_one_and_its_age_is_in_seconds(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    assert await tried.store.say(ANN, "tab", "socket", word(state="connecting"))
    await tried.later(3)
    assert await tried.store.say(ANN, "tab", "socket", word(state="connected"))
    await tried.later(2)

    card = (await cards(tried))["tab"]
    assert card.word == word(state="connected")
    assert card.age == pytest.approx(2, abs=0.5)


async def test_the_form_makes_a_connected_card_for_its_time(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "form", word())
    await tried.later(tried.times.form * 0.8)
    assert (await cards(tried))["tab"].word == word()

    await tried.later(tried.times.form * 0.4)
    assert await cards(tried) == {}


async def test_the_socket_takes_the_card_over_from_the_form_with_its_word(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "form", word())
    await tried.store.claim(ANN, "tab", "socket")

    card = (await cards(tried))["tab"]
    assert (owner_of(card), card.word) == ("socket", word())


async def test_a_card_that_is_silent_for_the_lease_is_not_connected_until_it_speaks(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    await tried.later(tried.times.lease * 0.9)
    assert "tab" in await cards(tried)

    await tried.later(tried.times.lease * 0.2)
    assert await cards(tried) == {}

    assert await tried.store.say(ANN, "tab", "socket", word())
    assert "tab" in await cards(tried)


async def test_each_word_begins_the_lease_again(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    for _ in range(3):
        await tried.store.say(ANN, "tab", "socket", word())
        await tried.later(tried.times.lease * 0.8)
    assert "tab" in await cards(tried)


async def test_a_former_owner_says_nothing_for_the_card_and_closes_nothing(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "former")
    await tried.store.say(ANN, "tab", "former", word())
    await tried.store.claim(ANN, "tab", "latter")

    assert not await tried.store.say(ANN, "tab", "former", word(state="idle"))
    await tried.store.close(ANN, "tab", "former")

    card = (await cards(tried))["tab"]
    assert (owner_of(card), card.word) == ("latter", word())


async def test_a_closed_card_goes_at_once(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    await tried.store.close(ANN, "tab", "socket")
    assert await cards(tried) == {}


async def test_closing_what_is_not_there_does_nothing(tried: Tried) -> None:
    await tried.store.close(ANN, "tab", "socket")
    assert await cards(tried) == {}


async def test_cards_are_numbered_as_they_open_and_keep_the_number_when_they_connect_again(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "first", "1")
    await tried.store.claim(ANN, "second", "2")
    await tried.store.claim(ANN, "first", "3")

    found = await cards(tried)
    assert found["first"].opened < found["second"].opened


async def test_cards_are_of_one_user_of_one_portal(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    for other in (BOB, ZOE):
        assert await cards(tried, other) == {}
        await tried.store.close(other, "tab", "socket")
    assert "tab" in await cards(tried)


# --- ten cards ------------------------------------------------------------------------------------


async def ten_cards(tried: Tried) -> None:
    for number in range(10):
        await tried.store.claim(ANN, f"tab {number}", f"socket {number}")
        await tried.store.say(ANN, f"tab {number}", f"socket {number}", word())


async def test_an_eleventh_card_is_refused_but_only_to_this_user(tried: Tried) -> None:
    await ten_cards(tried)

    with pytest.raises(TooManyCardsError) as refused:
        await tried.store.claim(ANN, "one more", "socket")
    assert isinstance(refused.value, BridgeError)
    assert refused.value.envelope["error"] == "QUERY_LIMIT_EXCEEDED"
    with pytest.raises(TooManyCardsError):
        await tried.store.claim(ANN, "one more", "form", word())
    with pytest.raises(TooManyCardsError):
        await tried.store.say(ANN, "one more", "socket", word())

    assert len(await cards(tried)) == 10
    await tried.store.claim(BOB, "tab", "socket")


async def test_one_of_ten_cards_may_connect_again(tried: Tried) -> None:
    await ten_cards(tried)
    await tried.store.claim(ANN, "tab 3", "another socket")
    assert owner_of((await cards(tried))["tab 3"]) == "another socket"


async def test_a_card_that_closes_or_is_silent_makes_room(tried: Tried) -> None:
    await ten_cards(tried)
    await tried.store.close(ANN, "tab 3", "socket 3")
    await tried.store.claim(ANN, "one more", "socket")
    await tried.later(tried.times.lease + 1)
    await tried.store.claim(ANN, "another", "socket")
    assert set(await cards(tried)) == {"another"}


# --- calls that were heard of ---------------------------------------------------------------------


# --- events of the portal's server ----------------------------------------------------------------


# --- after a start --------------------------------------------------------------------------------


# --- requests -------------------------------------------------------------------------------------


async def test_a_bucket_takes_what_fits_at_once_and_then_what_drains(tried: Tried) -> None:
    rate = Rate(burst=3, a_second=2)

    async def take(times: int) -> list[bool]:
        return [await tried.store.take("192.0.2.1", rate, "token") for _ in range(times)]

    assert await take(5) == [True, True, True, False, False]
    await tried.later(1.2)  # what does not fit fills nothing
    assert await take(3) == [True, True, False]
    await tried.later(60)
    assert await take(4) == [True, True, True, False]


async def test_each_address_has_its_buckets_and_each_kind_of_request(tried: Tried) -> None:
    rate = Rate(burst=1, a_second=0.01)
    assert await tried.store.take("192.0.2.1", rate, "token")
    assert await tried.store.take("192.0.2.2", rate, "token")
    assert await tried.store.take("192.0.2.1", rate, "card")
    assert not await tried.store.take("192.0.2.1", rate, "token")


async def test_a_text_is_kept_under_its_key_for_its_time(tried: Tried) -> None:
    assert await tried.store.recall("key") is None
    await tried.store.keep("key", "text", 60)
    await tried.store.keep("another", "other", 600)
    assert await tried.store.recall("key") == "text"

    await tried.store.keep("key", "newer", 60)
    await tried.later(50)
    assert await tried.store.recall("key") == "newer"
    await tried.later(20)
    assert await tried.store.recall("key") is None
    assert await tried.store.recall("another") == "other"


# --- questions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("answered", [True, False])
async def test_a_question_reaches_the_connection_and_its_answer_comes_back(
    tried: Tried, answered: bool
) -> None:
    asked: list[str] = []

    async def ask_here(owner: str) -> bool:
        asked.append(owner)
        return answered

    at_work = asyncio.create_task(tried.store.run(ask_here))
    await asyncio.sleep(0)
    try:
        await tried.store.claim(ANN, "tab", "socket")
        assert await tried.store.ask(ANN, (await cards(tried))["tab"]) is answered
        assert asked == ["socket"]
    finally:
        at_work.cancel()
        with suppress(asyncio.CancelledError):
            await at_work
