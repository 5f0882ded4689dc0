"""The events of a portal are read as web frameworks have them; an error names what is missing."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import starlette.datastructures
import werkzeug.datastructures
from bitrix24_call_card import events, widget
from bitrix24_call_card.errors import Bitrix24Error
from bitrix24_call_card.models import AppInstalled, AppUninstalled, CallEnded, CallStarted
from bitrix24_call_card.types import UNSET

from tests.client.opening import FORM, OLDER_FORM, QUERY
from tests.client.shown import with_locals_of_the_package

TOKEN = FORM["APPLICATION_TOKEN"]
SECRETS = (TOKEN, "madeupaccesstoken", "madeuprefreshtoken")
AUTH = {
    "auth[access_token]": "madeupaccesstoken",
    "auth[refresh_token]": "madeuprefreshtoken",
    "auth[domain]": "portal.example",
    "auth[member_id]": "fedcba9876543210fedcba9876543210",
    "auth[application_token]": TOKEN,
}
CALL_ID = "externalCall.c3ee67f1a63f6e6117c230ab59cc49ea.1723556778"
STARTED = {
    "event": "ONVOXIMPLANTCALLSTART",
    "data[CALL_ID]": CALL_ID,
    "data[USER_ID]": "1",
    "ts": "1723556779",
    **AUTH,
}


def encoded(form: dict[str, Any]) -> bytes:
    """Encode a form as PHP does."""
    return urlencode(form).encode()


# --- what is read ---------------------------------------------------------------------------------

WAYS: dict[str, Callable[[dict[str, str]], Any]] = {
    "bytes": encoded,
    "text": lambda form: encoded(form).decode(),
    "text, not escaped": lambda form: "&".join(f"{name}={form[name]}" for name in form),
    "dict": dict,
    "Starlette": lambda form: starlette.datastructures.FormData(list(form.items())),
    "Flask": werkzeug.datastructures.ImmutableMultiDict,
}


@pytest.mark.parametrize("way", WAYS)
def test_an_event_is_read_from_bytes_text_or_a_mapping(way: str) -> None:
    event = events.read(WAYS[way](STARTED))
    assert event.name == "ONVOXIMPLANTCALLSTART"
    assert event.data == CallStarted(call_id=CALL_ID, user_id="1")
    assert (event.auth.application_token, event.auth.domain) == (TOKEN, "portal.example")
    assert (event.auth.access_token, event.auth.refresh_token) == SECRETS[1:]
    assert event.auth.member_id == "fedcba9876543210fedcba9876543210"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("ONAPPINSTALL", {"VERSION": "1", "ACTIVE": "Y"}, AppInstalled(version="1", active="Y")),
        ("ONAPPUNINSTALL", {"LANGUAGE_ID": "en"}, AppUninstalled(language_id="en")),
        (
            "ONVOXIMPLANTCALLSTART",
            {"CALL_ID": CALL_ID, "USER_ID": "1"},
            CallStarted(call_id=CALL_ID, user_id="1"),
        ),
        (
            "ONVOXIMPLANTCALLEND",
            {"CALL_ID": CALL_ID, "PORTAL_USER_ID": "1"},
            CallEnded(call_id=CALL_ID, portal_user_id="1"),
        ),
    ],
)
def test_the_data_of_a_listed_event_is_a_model(
    name: str, data: dict[str, str], expected: object
) -> None:
    form = {"event": name, **{f"data[{member}]": data[member] for member in data}, **AUTH}
    assert events.read(encoded(form)).data == expected


def test_another_event_arrives_with_its_name_and_its_data_as_a_dictionary() -> None:
    form = {"event": "ONCRMLEADADD", "data[FIELDS][ID]": "17", "data[FIELDS][A][B]": "1", **AUTH}
    event = events.read(encoded(form))
    assert event.name == "ONCRMLEADADD"
    assert event.data == {"FIELDS": {"ID": "17", "A": {"B": "1"}}}
    assert event.is_from(TOKEN)
    assert events.read(encoded({"event": "ONCRMLEADADD", **AUTH})).data == {}


def test_an_event_cannot_be_changed() -> None:
    event = events.read(encoded(STARTED))
    with pytest.raises(AttributeError):
        event.name = "ONAPPINSTALL"  # type: ignore[misc]


# --- who sends it ---------------------------------------------------------------------------------


SOURCES = pytest.mark.parametrize(
    "source",
    [
        events.read(encoded(STARTED)),
        widget.read(QUERY, FORM),
    ],
    ids=["event", "opening"],
)


@SOURCES
def test_a_form_is_from_the_portal_whose_token_it_has(
    source: events.PortalEvent | widget.Opening,
) -> None:
    assert source.is_from(TOKEN)
    for other in ("another", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "ü", "\udcff", ""):
        assert not source.is_from(other)


@SOURCES
def test_the_token_is_compared_in_constant_time(
    source: events.PortalEvent | widget.Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*both: bytes) -> bool:
        compared.append(both)
        return False

    compared: list[tuple[bytes, ...]] = []
    monkeypatch.setattr(hmac, "compare_digest", compare)
    source.is_from("another")
    assert compared == [(b"another", TOKEN.encode())]


def test_an_opening_without_a_token_is_from_nobody() -> None:
    source = widget.read(QUERY, OLDER_FORM)
    assert source.form.application_token is UNSET
    for token in (TOKEN, "", "UNSET", str(UNSET)):
        assert not source.is_from(token)


# --- what is wrong --------------------------------------------------------------------------------


def without(name: str) -> dict[str, str]:
    """Return the form of an event without a member."""
    return {member: STARTED[member] for member in STARTED if not member.startswith(name)}


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (without("event"), "event: expected a value, found nothing"),
        ({**STARTED, "event": ""}, "event: expected a value, found ''"),
        (without("auth"), "auth: expected a value, found nothing"),
        (
            without("auth[application_token]"),
            "auth.application_token: expected a value, found nothing",
        ),
        (
            {**STARTED, "auth[application_token]": ""},
            "auth.application_token: expected a value, found ''",
        ),
        ({**STARTED, "data[CALL_ID][x]": "1"}, "data: expected an object, found str"),
        ({**without("data"), "data": "text"}, "data: expected an object, found 'text'"),
        (
            {**without("data"), "event": "ONX", "data": "text"},
            "data: expected an object, found 'text'",
        ),
    ],
)
def test_the_error_names_what_is_missing_or_wrong(form: dict[str, str], reason: str) -> None:
    with pytest.raises(events.InvalidEvent) as caught:
        events.read(encoded(form))
    assert str(caught.value) == reason
    assert isinstance(caught.value, Bitrix24Error)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"event": "ONAPPINSTALL"}', "body: expected a form, found JSON"),
        ('[{"event": "ONAPPINSTALL"}]', "body: expected a form, found JSON"),
        (b"event=\xff", "body: expected UTF-8"),
        (b"event=%FF", "body: expected UTF-8"),
        (b"event=ONAPPINSTALL", "auth: expected a value, found nothing"),
        (b"", "event: expected a value, found nothing"),
        ({}, "event: expected a value, found nothing"),
    ],
)
def test_the_error_says_what_the_body_is_instead(body: Any, reason: str) -> None:
    with pytest.raises(events.InvalidEvent) as caught:
        events.read(body)
    assert str(caught.value) == reason


@pytest.mark.parametrize("body", [None, 17, [("event", "ONAPPINSTALL")]], ids=repr)
def test_another_type_of_body_is_a_type_error(body: Any) -> None:
    with pytest.raises(TypeError, match=r"^body: expected bytes or str or Mapping, found "):
        events.read(body)


# --- secrets --------------------------------------------------------------------------------------


def test_repr_shows_no_secret() -> None:
    event = events.read(encoded(STARTED))
    for shown in (repr(event), str(event), repr(event.auth)):
        assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    "body",
    [
        without("event"),
        {**STARTED, "auth[application_token]": ""},
        {**STARTED, "auth[application_token][x]": "1"},
        {**without("auth[access_token]"), "auth[access_token][x]": "madeupaccesstoken"},
        {**STARTED, "event": "ONX", "data": "text"},
        list(STARTED.items()),
    ],
)
@pytest.mark.parametrize("encode", [lambda body: body, encoded], ids=["mapping", "bytes"])
def test_an_error_shows_no_secret_even_with_local_variables(
    encode: Callable[[Any], Any], body: Any
) -> None:
    source = encode(body) if isinstance(body, dict) else body
    with pytest.raises((events.InvalidEvent, TypeError)) as caught:
        events.read(source)
    text = with_locals_of_the_package(caught.value)
    assert not [secret for secret in SECRETS if secret in text]
