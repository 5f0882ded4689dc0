"""One line at DEBUG for each request; no secret in it, nor in those of httpcore and hpack."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import trustme
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.client.mocked import answering
from tests.client.refreshing import NEW, OLD, Portal, Refreshes
from tests.client.shown import TOKEN, WEBHOOK

if TYPE_CHECKING:
    from tests.client.conftest import Get


@pytest.fixture(autouse=True)
def _debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bitrix24_call_card")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the package has logged, with N for numbers of milliseconds."""
    records = [record for record in caplog.records if record.name == "bitrix24_call_card"]
    assert all(record.levelno == logging.DEBUG for record in records)
    shown = " ".join(str(vars(record)) for record in records)
    assert not [secret for secret in ("made-up-secret", OLD, NEW) if secret in shown]
    return [re.sub(r"\d+ ms", "N ms", record.getMessage()) for record in records]


@pytest.mark.parametrize("status", [200, 502])
def test_a_response_is_logged_with_its_status(
    status: int,
    get: Get,
    answer: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with contextlib.suppress(errors.UnexpectedStatus):
        get(answering(answer, status))
    assert logged(caplog) == [f"POST portal.example: {status} in N ms (attempt 1)"]


def test_a_request_without_a_response_is_logged(get: Get, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(httpx.ConnectError):
        get(Client("http://portal.invalid:8080/rest/1/made-up-secret/"))
    assert logged(caplog) == ["POST portal.invalid:8080: no response in N ms (attempt 1)"]


def test_a_retry_after_a_refresh_is_another_line(
    get: Get, answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    get(Portal(answer).client(refresh=Refreshes()))
    assert logged(caplog) == [
        "POST portal.example: 401 in N ms (attempt 1)",
        "POST portal.example: 200 in N ms (attempt 2)",
    ]


def test_a_request_through_a_custom_httpx_client_is_logged(
    answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def use() -> None:
        async with httpx.AsyncClient(transport=transport) as custom:
            await get_status.asyncio(client=client.set_async_httpx_client(custom))

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    client = AuthenticatedClient("https://portal.example/rest", OLD)
    with httpx.Client(transport=transport) as custom:
        get_status.sync(client=client.set_httpx_client(custom))
    asyncio.run(use())
    assert logged(caplog) == ["POST portal.example: 200 in N ms (attempt 1)"] * 2


# --- httpcore and hpack ---------------------------------------------------------------------------

HTTPCORE = logging.getLogger("httpcore.http11")


async def echoing(scope: Any, receive: Any, send: Any) -> None:
    """Respond with the path and the body of the request in headers, as some servers do."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    headers = [(b"x-path", scope["raw_path"]), (b"x-body", body), (b"location", scope["raw_path"])]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def http2_origin(ca: trustme.CA, tmp_path: Path) -> Iterator[str]:
    """The origin of a server that speaks HTTP/2."""
    certificate = ca.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.certfile, config.keyfile = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    serving = serve(cast("Any", echoing), config, shutdown_trigger=over.wait)
    thread = threading.Thread(target=loop.run_until_complete, args=[serving])
    thread.start()
    yield f"https://127.0.0.1:{port}"
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


@pytest.mark.parametrize("kind", ["webhook", "token"])
def test_logs_of_http2_show_no_secret(
    kind: str, get: Get, http2_origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    arguments: dict[str, Any] = {"httpx_args": {"http2": True}}
    if kind == "webhook":
        client = Client(f"{http2_origin}/rest/1/{WEBHOOK}/", **arguments)
    else:
        client = AuthenticatedClient(f"{http2_origin}/rest", TOKEN, **arguments)
    with caplog.at_level(logging.DEBUG), client, pytest.raises(errors.Bitrix24Error):
        get(client)
    masked = {record.name for record in caplog.records if "***" in record.getMessage()}
    assert masked >= {"httpcore.http2", "hpack.hpack"}  # or nothing was logged that could show one
    ours = [r for r in caplog.records if not r.name.startswith("hypercorn")]
    text = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours).lower()
    assert WEBHOOK not in text
    assert TOKEN not in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *[
            (name, "another-secret at /rest/1/another-webhook/")
            for name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy", "hpack.hpack")
        ],
        ("httpx", f"POST /rest/1/{WEBHOOK}/"),
        ("application", f"POST /rest/1/{WEBHOOK}/"),
    ],
)
def test_logs_of_other_clients_and_of_other_libraries_are_not_changed(
    name: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(f"https://portal.example/rest/1/{WEBHOOK}/")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger(name).debug("%s, %d", message, 17)
    # A server of another test may still log something.
    (record,) = [record for record in caplog.records if record.name == name]
    assert (record.msg, record.args) == ("%s, %d", (message, 17))
    assert client.operating_reset_at is None  # the client, and so its secret, still exists


def test_only_the_current_token_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    client = AuthenticatedClient("https://portal.example/rest", "former-token")
    with caplog.at_level(logging.DEBUG):
        HTTPCORE.debug("a %s b /%s/ %d", "latter-token", "former-token", 17)
        client.token = "latter-token"
        HTTPCORE.debug("former-token latter-token")
    assert caplog.messages == ["a latter-token b /***/ 17", "former-token ***"]


def test_a_short_token_may_be_an_ordinary_word(caplog: pytest.LogCaptureFixture) -> None:
    client = AuthenticatedClient("https://portal.example/rest", "request")
    with caplog.at_level(logging.DEBUG):
        HTTPCORE.debug("a request")
        client.token = "response"
        HTTPCORE.debug("a response")
    assert caplog.messages == ["a request", "a ***"]
