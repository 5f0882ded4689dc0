"""The request that opens a widget, for tests of the backend that receives it."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox


def test_it_has_the_query_and_the_form_of_a_portal(sandbox: Sandbox) -> None:
    opening = sandbox.widget_opening()
    assert opening.method == "POST"
    assert opening.query.keys() == {"DOMAIN", "PROTOCOL", "LANG", "APP_SID"}
    assert opening.query["DOMAIN"] == urlsplit(sandbox.origin).netloc
    assert opening.form["PLACEMENT"] == "CALL_CARD"
    assert opening.form["AUTH_ID"] == sandbox.access_token
    options = json.loads(opening.form["PLACEMENT_OPTIONS"])
    assert sandbox.call
    assert options["CALL_ID"] == sandbox.call["CALL_ID"]
    assert options["CRM_ENTITY_ID"] == "17"


def test_each_is_another_and_none_opens_or_closes_anything(sandbox: Sandbox) -> None:
    before = sandbox.state()
    first, second = sandbox.widget_opening(), sandbox.widget_opening()
    assert first.query["APP_SID"] != second.query["APP_SID"]
    assert sandbox.state() == before


def test_the_form_is_that_of_the_portal_s_age(sandbox: Sandbox) -> None:
    assert "APPLICATION_TOKEN" in sandbox.widget_opening().form
    sandbox.load({"form": "old"})
    assert "APPLICATION_TOKEN" not in sandbox.widget_opening().form
    sandbox.load({"form": "static"})
    static = sandbox.widget_opening()
    assert (static.method, static.form) == ("GET", {})
    assert static.query["APP_SID"]


@pytest.mark.parametrize(
    ("state", "missing"), [({"call": None}, "call"), ({"widget": False}, "widget in the card")]
)
def test_there_is_none_without_a_widget(
    state: Any, missing: str, sandbox: Sandbox, http: httpx.Client
) -> None:
    sandbox.load(state)
    answer = http.get(f"{sandbox.origin}/sandbox/widget")
    assert answer.status_code == 409
    assert answer.json()["error_description"] == f"There is no {missing}."
    with pytest.raises(httpx.HTTPStatusError):
        sandbox.widget_opening()
