"""What `widget.read` shows of a request: no secret, whichever way a framework has it."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from bitrix24_call_card import widget

QUERY = {"DOMAIN": "portal.example", "PROTOCOL": "1", "LANG": "en", "APP_SID": "madeupappsid"}
FORM = {
    "AUTH_ID": "madeupaccesstoken",
    "AUTH_EXPIRES": "3600",
    "REFRESH_ID": "madeuprefreshtoken",
    "member_id": "fedcba9876543210fedcba9876543210",
    "status": "L",
    "PLACEMENT": "CALL_CARD",
    "PLACEMENT_OPTIONS": '{"CALL_ID": "externalCall.1"}',
    "APPLICATION_TOKEN": "madeupapplicationtoken",
}
SECRETS = ("madeupappsid", "madeupaccesstoken", "madeuprefreshtoken", "madeupapplicationtoken")


@pytest.mark.parametrize(
    ("query", "body"),
    [(QUERY, list(FORM.items())), (list(QUERY.items()), FORM), (QUERY, None)],
    ids=["body", "query", "no body"],
)
def test_a_type_error_shows_no_secret_even_with_local_variables(query: Any, body: Any) -> None:
    with pytest.raises(TypeError, match=r"^(body|query): expected bytes or str or ") as caught:
        widget.read(query, body)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if "bitrix24_call_card" in frame.filename]
    assert frames
    text = str(shown) + "".join(f"{frame.line} {frame.locals}" for frame in frames)
    assert shown.__context__ is shown.__cause__ is None
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    ("query", "body"),
    [(QUERY, FORM), ({**QUERY, **FORM}, FORM), (QUERY, {**QUERY, **FORM})],
    ids=["apart", "merged in the query", "merged in the body"],
)
def test_repr_shows_no_secret_although_a_framework_merges_query_and_body(
    query: dict[str, str], body: dict[str, str]
) -> None:
    opening = widget.read({**query, "tenant": "acme"}, {**body, "more": "in the body"})
    for shown in (repr(opening), repr(opening.query), repr(opening.form)):
        assert not [secret for secret in SECRETS if secret in shown]
    assert opening.form.auth_id == "madeupaccesstoken"
    assert opening.query.app_sid == "madeupappsid"
    # What neither of the two lists is kept.
    assert (opening.query["tenant"], opening.form["more"]) == ("acme", "in the body")


def test_repr_shows_no_secret_if_both_are_the_same_mapping() -> None:
    merged = {**QUERY, **FORM}
    assert not [secret for secret in SECRETS if secret in repr(widget.read(merged, merged))]
