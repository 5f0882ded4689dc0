"""Requests as clients of every kind send them, byte by byte where the kind is a matter of bytes."""

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL

ASKED = {"PLACEMENT": "getStatus", "PARAMS": {}}
TOKEN = "sandboxaccesstoken"

with_and_without_json = pytest.mark.parametrize("name", ["placement.call", "placement.call.json"])


def assert_answered(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["CALL_ID"] == CALL["CALL_ID"]


@with_and_without_json
class TestOnEitherName:
    def test_json_with_a_webhook(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        assert_answered(http.post(webhook_url + name, json=ASKED))

    def test_json_with_the_token_in_the_body(
        self, name: str, http: httpx.Client, oauth_url: str
    ) -> None:
        assert_answered(http.post(f"{oauth_url}/{name}", json={**ASKED, "auth": TOKEN}))

    def test_json_with_the_token_in_the_query(
        self, name: str, http: httpx.Client, oauth_url: str
    ) -> None:
        assert_answered(http.post(f"{oauth_url}/{name}?auth={TOKEN}", json=ASKED))

    def test_json_with_params_as_php_writes_them(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        content = b'{"PLACEMENT":"getStatus","PARAMS":[]}'
        headers = {"Content-Type": "application/json"}
        assert_answered(http.post(webhook_url + name, content=content, headers=headers))

    def test_json_beside_a_query_that_no_method_reads(
        self, name: str, http: httpx.Client, oauth_url: str
    ) -> None:
        query = "bx24_request_id=0191&bx24_sdk_ver=2.2.0&bx24_sdk_type=b24-js-sdk"
        body = {**ASKED, "auth": TOKEN}
        assert_answered(http.post(f"{oauth_url}/{name}?{query}", json=body))

    def test_a_form(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        assert_answered(http.post(webhook_url + name, data={"PLACEMENT": "getStatus"}))

    def test_a_form_with_the_token(self, name: str, http: httpx.Client, oauth_url: str) -> None:
        form = {"PLACEMENT": "getStatus", "auth": TOKEN}
        assert_answered(http.post(f"{oauth_url}/{name}", data=form))

    def test_a_form_with_an_empty_params(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        form = {"PLACEMENT": "getStatus", "PARAMS": ""}
        assert_answered(http.post(webhook_url + name, data=form))

    def test_a_multipart_form(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        parts = {"PLACEMENT": (None, "getStatus")}
        assert_answered(http.post(webhook_url + name, files=parts))

    @pytest.mark.parametrize("label", ["text/plain", "text/plain;charset=UTF-8"])
    def test_a_form_labelled_as_plain_text_with_doubled_ampersands(
        self, name: str, label: str, http: httpx.Client, oauth_url: str
    ) -> None:
        answer = http.post(
            f"{oauth_url}/{name}",
            content=f"PLACEMENT=getStatus&&PARAMS=&&auth={TOKEN}&",
            headers={"Content-Type": label},
        )
        assert_answered(answer)

    @pytest.mark.parametrize("label", [None, "application/octet-stream", "application/xml", ";"])
    def test_a_form_under_any_other_label_or_none(
        self, name: str, label: str | None, http: httpx.Client, webhook_url: str
    ) -> None:
        headers = {"Content-Type": label} if label else {}
        answer = http.post(webhook_url + name, content=b"PLACEMENT=getStatus", headers=headers)
        assert_answered(answer)

    def test_get_with_a_webhook(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        assert_answered(http.get(f"{webhook_url}{name}?PLACEMENT=getStatus&start=0&"))

    def test_get_with_the_token_in_the_query(
        self, name: str, http: httpx.Client, oauth_url: str
    ) -> None:
        assert_answered(http.get(f"{oauth_url}/{name}?auth={TOKEN}&PLACEMENT=getStatus"))

    def test_get_labelled_as_json_without_a_body(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        url = f"{webhook_url}{name}?PLACEMENT=getStatus"
        assert_answered(http.get(url, headers=headers))

    def test_post_with_everything_in_the_query_and_no_body(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        assert_answered(http.post(f"{webhook_url}{name}?PLACEMENT=getStatus"))

    def test_a_base_url_with_its_slash_and_a_method_with_another(
        self, name: str, http: httpx.Client, webhook_url: str, oauth_url: str
    ) -> None:
        assert_answered(http.post(f"{webhook_url}/{name}", json=ASKED))
        assert_answered(http.post(f"{oauth_url}//{name}?auth={TOKEN}", json=ASKED))

    def test_a_slash_behind_the_method(
        self, name: str, http: httpx.Client, webhook_url: str
    ) -> None:
        assert_answered(http.post(f"{webhook_url}{name}/", json=ASKED))


@pytest.mark.parametrize("name", ["batch", "batch.json"])
class TestBatch:
    COMMAND = "placement.call?__order=order0000000000&PLACEMENT=getStatus&"

    def assert_answered(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        (call,) = answer.json()["result"]["result"].values()
        assert call["CALL_ID"] == CALL["CALL_ID"]

    def test_json(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        body = {"halt": 0, "cmd": {"order0000000000": self.COMMAND}}
        self.assert_answered(http.post(webhook_url + name, json=body))

    def test_a_form_with_brackets(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        form = {"halt": "0", "cmd[order0000000000]": self.COMMAND}
        self.assert_answered(http.post(webhook_url + name, data=form))

    def test_get(self, name: str, http: httpx.Client, sandbox: Sandbox) -> None:
        query = {"auth": TOKEN, "cmd[a]": self.COMMAND}
        self.assert_answered(http.get(f"{sandbox.oauth_url}/{name}", params=query))

    def test_parameters_in_capitals(self, name: str, http: httpx.Client, webhook_url: str) -> None:
        body = {"HALT": 0, "CMD": {"a": self.COMMAND}}
        self.assert_answered(http.post(webhook_url + name, json=body))
