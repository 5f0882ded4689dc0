"""The sandbox keeps the contract, whatever is sent; `make contract` sends more, at random."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from bitrix24_sandbox.server import Running
from contract.document import Document
from contract.properties import Tally, View, findings, stranger, webhook, with_token
from schemathesis import Response

from tests.contract.exploring import explore

SEED = 1


def with_webhook(document: Document, portal: Running) -> View:
    return webhook(document, portal.webhook_url)


def with_oauth(document: Document, portal: Running, place: int) -> View:
    return with_token(document, portal.oauth_url, portal.access_token)[place]


def without_a_valid_token(document: Document, portal: Running) -> View:
    portal.expire_tokens()  # so that no generated token is valid
    return stranger(document, portal.oauth_url)


@pytest.mark.parametrize(
    ("view_of", "cases", "at_least"),
    [
        (with_webhook, 200, {200: 80, 400: 60, 405: 3}),
        (partial(with_oauth, place=0), 150, {200: 60, 400: 50, 401: 2, 405: 3}),
        (partial(with_oauth, place=1), 150, {200: 60, 400: 50, 401: 2, 405: 3}),
        (partial(with_oauth, place=2), 150, {200: 60, 400: 40, 401: 20, 405: 3}),
        (without_a_valid_token, 100, {401: 100, 405: 3}),
    ],
    ids=["webhook", "header", "query", "body", "stranger"],
)
def test_the_sandbox_keeps_every_property_of_the_contract(
    document: Document,
    portal: Running,
    view_of: Callable[[Document, Running], View],
    cases: int,
    at_least: dict[int, int],
) -> None:
    view = replace(view_of(document, portal), cross_origin=True)
    tally, failed = explore(view, cases=cases, seed=SEED)

    assert failed == []
    assert tally.cases >= cases
    assert set(tally.statuses) == set(at_least)
    assert tally.statuses >= Counter(at_least)


def test_the_same_seed_sends_the_same_requests_and_another_seed_others(
    document: Document, portal: Running
) -> None:
    def sent(seed: int) -> list[object]:
        bodies: list[object] = []
        view = webhook(document, portal.webhook_url)

        def keep(response: Response) -> None:
            bodies.append(response.request.body)

        list(findings(view, Tally(), cases=10, seed=seed, on_answer=keep))
        return bodies

    first = sent(1)
    assert len(first) > 10
    assert sent(1) == first
    assert sent(2) != first
