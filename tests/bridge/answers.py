"""What a bridge answers over REST, as the tests in a browser compare it."""

from typing import Any, NamedTuple

import httpx

from tests.bridge.cards import NOT_CONNECTED


class Answer(NamedTuple):
    """An answer, without what differs from one to the next."""

    status: int
    says: Any
    """The call, or the code of an error."""
    source: str | None = None
    """The header `Bridge-Source`; without a call there is none, nor the following one."""
    cards: str | None = None


NO_CARD = Answer(*NOT_CONNECTED)


def read(response: httpx.Response) -> Answer:
    """Read an answer."""
    body, headers = response.json(), response.headers
    says = body.get("error") or body["result"]
    return Answer(response.status_code, says, *map(headers.get, ("Bridge-Source", "Bridge-Cards")))


def shown(call: dict[str, Any] | None) -> Answer:
    """Return the answer while a card shows this call, as the page of a portal holds it."""
    assert call is not None
    # The page holds `false` where the call is bound to nothing; over REST the types are fixed.
    unbound = {"CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": 0}
    fixed = {name: none for name, none in unbound.items() if call[name] is False}
    return Answer(200, {**call, **fixed}, "card", "1")


def remembered(answer: Answer) -> Answer:
    """Return the same answer, given without asking the card, or as it did not answer in time."""
    return answer._replace(source="memory")
