"""Which certificates a client accepts."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme
from bitrix24_call_card import Client

if TYPE_CHECKING:
    from tests.client.conftest import Get, Recorder


@pytest.fixture
def webhook_url(
    recorders: Callable[..., Recorder],
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The webhook of a portal whose CA is not trusted by default."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "another.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "another.pem"))
    return recorders(tls).webhook_url


@pytest.mark.parametrize(
    "verify_ssl",
    [
        pytest.param(str, id="a CA bundle"),
        pytest.param(Path, id="the path of a CA bundle"),
        pytest.param(lambda file: ssl.create_default_context(cafile=file), id="an SSL context"),
        pytest.param(lambda _: False, id="no check"),
    ],
)
def test_verify_ssl_is_a_ca_bundle_or_an_ssl_context_or_false(
    verify_ssl: Callable[[Path], str | bool | ssl.SSLContext],
    get: Get,
    webhook_url: str,
    ca_file: Path,
) -> None:
    with Client(base_url=webhook_url, verify_ssl=verify_ssl(ca_file)) as client:
        assert get(client).result.crm_entity_id == 17


def test_by_default_an_unknown_ca_is_refused_and_the_error_says_why(
    get: Get, webhook_url: str
) -> None:
    with (
        Client(base_url=webhook_url) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED") as caught,
    ):
        get(client)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert caught.value.__cause__.verify_code > 0
