"""Hostile input: the response is always the portal's envelope, and never an unrequested 5xx."""

import json
import socket
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

fuzz = settings(
    max_examples=100,
    derandomize=True,  # the same cases on each run; raise the number above to search for new ones
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

content_types = st.sampled_from([
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain;charset=UTF-8",
    "multipart/form-data; boundary=a",
    "multipart/form-data",
    "application/json; charset=utf-16",
    "",
]) | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(["PLACEMENT", "PARAMS", "auth", "cmd", "halt", "start", ""])


def assert_enveloped(answer: httpx.Response) -> None:
    assert answer.status_code in {200, 400, 401, 403, 404, 405}, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    if answer.status_code == 200:
        assert body.keys() == {"result", "time"}
    else:
        assert isinstance(body["error"], str)
        assert isinstance(body["error_description"], str)
        assert "Traceback" not in answer.text


def raw(sandbox: Sandbox, request: bytes) -> bytes:
    """Send bytes that no HTTP client would send; return the whole response."""
    url = httpx.URL(sandbox.origin)
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


@fuzz
@given(
    body=st.binary(max_size=200),
    content_type=content_types,
    name=st.sampled_from(["placement.call", "placement.call.json", "batch", "batch.json"]),
)
@example(
    body=b"--a\r\n\r\n\r\n--a--\r\n",
    content_type="multipart/form-data; boundary=a",
    name="batch.json",
)
@example(body=b"cmd=1&cmd[a]=2&cmd=3", content_type="text/plain", name="batch.json")
@example(body=b"[]=1&[=2&]=3&cmd[[]]=4&cmd[=5&%=6", content_type="text/plain", name="batch.json")
def test_any_bytes_of_any_content_type(
    body: bytes, content_type: str, name: str, http: httpx.Client, webhook_url: str
) -> None:
    headers = {"Content-Type": content_type.strip()}
    assert_enveloped(http.post(webhook_url + name, content=body, headers=headers))


@fuzz
@given(
    body=st.dictionaries(fields | st.text(max_size=5), json_values, max_size=5),
    name=st.sampled_from(["placement.call", "placement.call.json", "batch"]),
    by_oauth=st.booleans(),
)
def test_any_json_object(
    body: dict[str, Any], name: str, by_oauth: bool, http: httpx.Client, sandbox: Sandbox
) -> None:
    base = f"{sandbox.oauth_url}/" if by_oauth else sandbox.webhook_url
    headers = {"Content-Type": "application/json"}
    assert_enveloped(http.post(base + name, content=json.dumps(body), headers=headers))


@fuzz
@given(segments=st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=5))
@example(segments=["\x00"])
@example(segments=["1", "sandboxwebhook", "placement.call\n"])
@example(segments=["placement.call\n"])
def test_any_path(segments: list[str], http: httpx.Client, sandbox: Sandbox) -> None:
    path = "/".join(quote(segment, safe="") for segment in segments)
    assert_enveloped(http.post(f"{sandbox.origin}/rest/{path}", json={}))


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"POST /rest/placement.call HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /rest/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /rest/placement.call HTTP/1.1\r\n\r\n",
    ],
    ids=["no HTTP", "negative length", "bad chunk", "no host"],
)
def test_broken_http_is_refused_in_the_envelope(request_: bytes, sandbox: Sandbox) -> None:
    received = raw(sandbox, request_)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":"MALFORMED_HTTP","error_description":' in received
    assert b"content-type: application/json; charset=utf-8" in received.lower()


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/rest/" + "a" * 1_000_000, 404),
        ("/rest/placement.call.json?a=" + "a" * 1_000_000, 401),
        ("/rest/placement.call.json?" + "a[=&" * 200_000, 401),
        ("/rest/%zz/%/placement.call", 401),
        ("/rest/%c3%28", 404),
        ("/rest/scope?%zz=%&&==&auth=%ff", 401),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_address_that_is_huge_or_wrongly_encoded_is_answered(
    address: str, status: int, sandbox: Sandbox
) -> None:
    head = f"GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = raw(sandbox, head.encode())
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert b'{"error":"' in received


def test_a_body_that_ends_too_early_is_not_a_500(sandbox: Sandbox) -> None:
    path = b"/rest/1/sandboxwebhook/placement.call"
    received = raw(
        sandbox, b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{}"
    )
    assert not received.startswith(b"HTTP/1.1 5")


@pytest.mark.parametrize("key", ["a" * 5_000_000, "a[" * 1_000_000, "cmd[a]" * 500_000])
def test_megabytes_of_a_form(key: str, http: httpx.Client, webhook_url: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{webhook_url}placement.call.json"
    assert_enveloped(http.post(url, content=f"{key}=1", headers=headers, timeout=60))
