"""REST calls of a backend, as they stand in Messages beside those of the widget."""

from collections.abc import Callable
from typing import Any

import httpx
from bitrix24_sandbox.portal.authentication import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from playwright.sync_api import expect

OpenCard = Callable[..., Any]


def test_a_call_with_its_answer_and_a_refusal(open_card: OpenCard, http: httpx.Client) -> None:
    card = open_card()
    card.widget.get_by_text("externalCall").first.wait_for()
    url = f"{card.sandbox.webhook_url}user.get"
    card.sandbox.fail("QUERY_LIMIT_EXCEEDED")
    call = f"{card.sandbox.webhook_url}placement.call.json"
    for _ in range(2):
        http.post(call, json={"PLACEMENT": "getStatus", "PARAMS": {"x": "<b>"}})
    http.post(url, json={})
    shown = card.messages("placement.call.json")
    expect(shown).to_have_count(2)
    expect(shown.first).to_contain_text("webhook: 503 QUERY_LIMIT_EXCEEDED, ")
    expect(shown.first).to_contain_text("POST /rest/1/***/placement.call.json")
    expect(shown.first).to_contain_text('"x": "<b>"')
    expect(shown.last).to_contain_text('"argument": "PARAMS"')
    expect(card.messages("user.get")).to_contain_text("webhook: 404 ERROR_METHOD_NOT_FOUND")


def test_a_refresh_without_its_secrets(open_card: OpenCard, http: httpx.Client) -> None:
    card = open_card()
    fields = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    }
    expect(card.messages("open")).to_have_count(1)
    tokens = http.post(f"{card.sandbox.origin}/oauth/token/", data=fields).json()
    expect(card.messages("token")).to_contain_text("application: 200, ")
    everything = card.page.locator("#log-entries").text_content()
    for secret in (*(tokens[name] for name in ("access_token", "refresh_token")), CLIENT_SECRET):
        assert secret not in everything
