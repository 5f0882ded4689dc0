"""The form that opens a widget is read from web frameworks; an error says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from bitrix24_call_card import widget
from bitrix24_call_card.errors import Bitrix24Error
from bitrix24_call_card.models import CallDirection, CallState, CrmEntityType
from bitrix24_call_card.types import UNSET
from django.conf import settings  # type: ignore[import-untyped]
from django.http import QueryDict  # type: ignore[import-untyped]
from starlette.datastructures import FormData, QueryParams
from werkzeug.datastructures import ImmutableMultiDict

from tests.client.opening import FORM, OLDER_FORM, OPTIONS, QUERY
from tests.client.shown import with_locals_of_the_package
from tests.data import CALL

SECRETS = ("madeupaccesstoken", "madeuprefreshtoken", "madeupapplicationtoken", QUERY["APP_SID"])


def form(**options: Any) -> dict[str, str]:
    """Return the form with these changes to the call in it."""
    return {**FORM, "PLACEMENT_OPTIONS": json.dumps({**OPTIONS, **options})}


# --- how frameworks represent a request ---------------------------------------------------------


def text(query: bytes, body: bytes) -> widget.Opening:
    return widget.read(query=f"?{query.decode()}", body=body.decode())


def starlette(query: bytes, body: bytes) -> widget.Opening:
    fields = FormData([*parse_qsl(body.decode(), keep_blank_values=True)])
    return widget.read(query=QueryParams(query), body=fields)


def flask(query: bytes, body: bytes) -> widget.Opening:
    fields = (parse_qsl(source.decode(), keep_blank_values=True) for source in (query, body))
    return widget.read(*map(ImmutableMultiDict, fields))


@pytest.fixture(scope="module", autouse=True)
def _django_settings() -> None:
    settings.configure()


def django(query: bytes, body: bytes) -> widget.Opening:
    return widget.read(query=QueryDict(query), body=QueryDict(body))


Way = Callable[[bytes, bytes], widget.Opening]
WAYS: list[Way] = [widget.read, text, starlette, flask, django]


def opened(
    query: Mapping[str, str] = QUERY, form: Mapping[str, str] = FORM, way: Way = widget.read
) -> widget.Opening:
    return way(urlencode(query).encode(), urlencode(form).encode())


# --- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_call_query_and_form_are_read(way: Way) -> None:
    uri = "/crm/contact/details/17/"
    changes = {"LINE_NAME": "Büro & Lager", "CRM_ACTIVITY_ID": "undefined", "URI": uri}
    opening = opened({"tenant": "acme", **QUERY}, form(**changes), way)

    call = opening.call
    assert call.call_id == CALL["CALL_ID"]
    assert (call.phone_number, call.line_name) == ("+12025550142", "Büro & Lager")
    assert (call.crm_entity_type, call.crm_entity_id) == (CrmEntityType.CONTACT, 17)
    assert [binding.entity_id for binding in call.crm_bindings] == [17, 5, 83]
    assert call.crm_activity_id is UNSET
    assert call.call_direction is CallDirection.INCOMING
    assert call.call_state is CallState.CONNECTED
    assert call.call_list_mode is False
    assert call["URI"] == uri

    assert opening.query.domain == "portal.example:8443"
    assert (opening.query.lang, opening.query.app_sid) == ("en", QUERY["APP_SID"])
    assert opening.query["tenant"] == "acme"
    assert opening.form.auth_id == "madeupaccesstoken"
    assert opening.form.refresh_id == "madeuprefreshtoken"
    assert opening.form.member_id == "fedcba9876543210fedcba9876543210"
    assert opening.form.application_token == "madeupapplicationtoken"
    assert opening.form.server_endpoint == "https://oauth.bitrix.info/rest/"
    assert opening.form.auth_expires == "3600"


def test_fields_that_older_portals_do_not_send_are_unset() -> None:
    form = opened(form=OLDER_FORM).form
    assert form.server_endpoint is form.application_token is form.application_scope is UNSET


@pytest.mark.parametrize(
    ("protocol", "url"),
    [
        ("1", "https://portal.example:8443/rest"),
        ("0", "http://portal.example:8443/rest"),
        ("", "https://portal.example:8443/rest"),
    ],
)
def test_the_portal_s_rest_url_follows_from_the_query(protocol: str, url: str) -> None:
    assert opened({**QUERY, "PROTOCOL": protocol}).rest_url == url


def test_an_opening_cannot_be_changed() -> None:
    opening = opened()
    with pytest.raises(AttributeError):
        opening.call = opening.call  # type: ignore[misc]


# --- what is wrong ------------------------------------------------------------------------------


def without(source: Mapping[str, str], member: str) -> dict[str, str]:
    return {name: value for name, value in source.items() if name != member}


@pytest.mark.parametrize(
    ("query", "form", "reason"),
    [
        ({}, FORM, "query.DOMAIN: expected a value, found nothing"),
        (QUERY, without(FORM, "AUTH_ID"), "body.AUTH_ID: expected a value, found nothing"),
        (QUERY, {**FORM, "AUTH_ID": ""}, "body.AUTH_ID: expected a value, found ''"),
        (QUERY, without(FORM, "member_id"), "body.member_id: expected a value, found nothing"),
        (
            QUERY,
            {**FORM, "PLACEMENT": "CRM_DEAL_DETAIL_TAB"},
            "body.PLACEMENT: expected 'CALL_CARD', found 'CRM_DEAL_DETAIL_TAB'",
        ),
        *[
            (QUERY, {**FORM, "PLACEMENT_OPTIONS": text}, "body.PLACEMENT_OPTIONS: expected JSON")
            for text in ("", '{"CALL_ID":', "[" * 100_000)
        ],
        (QUERY, without(FORM, "PLACEMENT_OPTIONS"), "body.PLACEMENT_OPTIONS: expected JSON"),
        (
            QUERY,
            {**FORM, "PLACEMENT_OPTIONS": "[]"},
            "body.PLACEMENT_OPTIONS: expected a value, found an array",
        ),
        (
            QUERY,
            form(CRM_ENTITY_ID="seventeen"),
            "body.PLACEMENT_OPTIONS.CRM_ENTITY_ID: expected an integer, found 'seventeen'",
        ),
    ],
)
def test_the_error_says_what_is_wrong(
    query: dict[str, str], form: dict[str, str], reason: str
) -> None:
    with pytest.raises(widget.InvalidOpening) as caught:
        opened(query, form)
    assert str(caught.value) == reason
    assert isinstance(caught.value, Bitrix24Error)


@pytest.mark.parametrize("body", [b"", "", {}], ids=repr)
def test_an_empty_body_is_explained(body: widget.Source) -> None:
    with pytest.raises(widget.InvalidOpening, match=r"^the body is empty: .* static application"):
        widget.read(QUERY, body)


@pytest.mark.parametrize("body", [b"AUTH_ID=\xff", b"AUTH_ID=%FF"])
def test_a_body_that_is_not_utf_8_is_named(body: bytes) -> None:
    with pytest.raises(widget.InvalidOpening, match=r"^body: expected UTF-8$"):
        widget.read(QUERY, body)


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"PLACEMENT": "DEFAULT"}, {"AUTH_ID": ""}, {"status": 1.5}])
def test_an_error_shows_no_secret_even_with_local_variables(wrong: dict[str, Any]) -> None:
    with pytest.raises(widget.InvalidOpening) as caught:
        widget.read(QUERY, {**FORM, **wrong})
    text = with_locals_of_the_package(caught.value)
    assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize(
    ("query", "body"),
    [(QUERY, list(FORM.items())), (list(QUERY.items()), FORM), (QUERY, None)],
    ids=["body", "query", "no body"],
)
def test_a_type_error_shows_no_secret_even_with_local_variables(query: Any, body: Any) -> None:
    with pytest.raises(TypeError, match=r"^(body|query): expected bytes or str or ") as caught:
        widget.read(query, body)
    text = with_locals_of_the_package(caught.value)
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (QUERY, FORM),
        ({**QUERY, **FORM}, FORM),
        (QUERY, {**QUERY, **FORM}),
        ({**QUERY, **FORM}, {**QUERY, **FORM}),
    ],
    ids=["apart", "merged in the query", "merged in the body", "merged in both"],
)
def test_repr_shows_no_secret_although_a_framework_merges_query_and_body(
    query: dict[str, str], body: dict[str, str]
) -> None:
    opening = widget.read({**query, "tenant": "acme"}, {**body, "more": "in the body"})
    assert "portal.example" in repr(opening)
    for shown in (repr(opening), repr(opening.query), repr(opening.form)):
        assert not [secret for secret in SECRETS if secret in shown]
    assert opening.form.auth_id == FORM["AUTH_ID"]
    assert opening.query.app_sid == QUERY["APP_SID"]
    # What neither of the two lists is kept.
    assert (opening.query["tenant"], opening.form["more"]) == ("acme", "in the body")
