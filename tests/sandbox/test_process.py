"""The sandbox as a process: how it starts, what it prints, and how it stops."""

import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from bitrix24_sandbox.__main__ import parser
from bitrix24_sandbox.portal.limits import Limits
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from bitrix24_sandbox.tls import UnusableFolderError, transport
from bitrix24_sandbox.web.access_log import masked

from tests.sandbox.turns import open_page, opening_of_widget

SCRIPTS = Path(__file__).parents[2] / "scripts"
SCOPES = ["crm", "placement", "telephony", "user"]
PATIENCE = 60  # seconds, for a busy machine; a passing test does not take as long


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bitrix24_sandbox", *arguments],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the sandbox on a free port; yield the process, and what it prints at the start."""
    with start("--port", "0", *arguments) as process:
        try:
            assert process.stdout
            printed = ""
            for line in process.stdout:
                printed += line
                if line.strip().startswith("curl"):
                    break
            yield process, printed
        finally:
            process.kill()


def stop(process: subprocess.Popen[str], signal_: signal.Signals = signal.SIGINT) -> str:
    """Stop the sandbox; return the rest of its output. It must succeed, and report no error."""
    process.send_signal(signal_)
    printed, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
    return printed


def refused(*arguments: str) -> tuple[int, str]:
    """Start a sandbox that refuses to; return its status, and the last line of its errors."""
    with start(*arguments) as process:
        try:
            printed, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()  # if it was not refused
    assert printed == ""
    assert "Traceback" not in errors
    return process.returncode, errors.splitlines()[-1]


def origin_in(printed: str) -> str:
    found = re.search(r"https?://[^/\s]+", printed)
    assert found
    return found[0]


def run_last_line(printed: str) -> str:
    """Run the curl command at the end of the greeting; return what it prints."""
    command = shlex.split(printed.splitlines()[-1])
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    return done.stdout


@contextmanager
def waiting_for_slow_response(sandbox: Sandbox) -> Iterator[None]:
    """Keep a connection open whose request gets no response for an hour."""
    sandbox.fail("slow", seconds=3600)
    url = httpx.URL(sandbox.origin)
    with socket.create_connection((url.host, url.port or 80)) as waiting:
        waiting.sendall(b"GET /rest/placement.call.json HTTP/1.1\r\nHost: x\r\n\r\n")
        while sandbox.state()["faults"]:
            time.sleep(0.01)
        yield


class TestStart:
    def test_it_prints_every_address_and_a_command_that_works(self) -> None:
        with started("--quiet") as (process, printed):
            origin = origin_in(printed)
            for text in (
                f"{origin}/rest/1/sandboxwebhook/",
                f"{origin}/rest\n",
                f"{Sandbox(origin).oauth_server_url}app.info\n",
                "sandboxaccesstoken",
                f"{origin}/\n",
                f"{origin}/docs",
                f"{origin}/openapi.yaml",
            ):
                assert text in printed
            assert '"CALL_ID":"externalCall.' in run_last_line(printed)
            assert stop(process).strip() == "", "--quiet means no log of requests"

    def test_it_logs_each_request_without_secrets(self) -> None:
        with (
            started() as (process, printed),
            httpx.Client(trust_env=False, timeout=60) as client,
        ):
            origin = origin_in(printed)
            client.post(f"{origin}/rest/1/sandboxwebhook/placement.call", json={})
            client.post(f"{origin}/rest/placement.call?auth=s3cret-token", json={})
            client.post(f"{origin}/s3cret/1/s3cret-token/placement.call?s3cret", json={})
            client.get(f"{origin}/oauth/token/?client_secret=s3cret&refresh_token=s3cret")
            logged = stop(process)
        lines = [re.sub(r"[\d.]+ ms$", "N ms", line) for line in logged.splitlines() if line]
        assert lines == [
            "POST /rest/1/***/placement.call 400 N ms",
            "POST /rest/placement.call 401 N ms",
            "POST /***/1/***/placement.call 404 N ms",
            "GET /oauth/token/ 400 N ms",
        ]
        assert "s3cret" not in printed + logged

    def test_its_options_are_used(self, tmp_path: Path, http: httpx.Client) -> None:
        file = tmp_path / "state.json"
        file.write_text('{"widget": false}')
        with started(
            *("--host", "0.0.0.0", "--allow-host", "Sandbox.test", "--profile", "app-only"),
            *("--scenario", "outgoing-unbound", "--limits", "--state", str(file)),
        ) as (process, printed):
            origin = origin_in(printed)
            assert "127.0.0.1" in origin
            assert process.stdout
            note = process.stdout.readline() + process.stdout.readline()
            assert "every machine that reaches this one" in note
            assert "app-only: placement.call answers only to applications" in printed
            state = http.get(f"{origin}/sandbox/state", headers={"host": "sandbox.test:8024"})
            assert state.json() | {"call": None} == {
                "call": None,
                "widget": False,
                "form": "new",
                "profile": "app-only",
                "user": "administrator",
                "scopes": {"webhook": SCOPES, "application": SCOPES},
                "limits": {"burst": 50, "rate": 2.0},
                "faults": [],
            }
            assert state.json()["call"]["CRM_ENTITY_ID"] is False
            other = http.get(f"{origin}/sandbox/state", headers={"host": "other.test:8024"})
            assert other.status_code == 421
            stop(process)

    @pytest.mark.parametrize("option", ["--port", "--oauth-port"])
    def test_a_port_that_is_in_use_is_one_message_and_status_1(self, option: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            assert refused("--port", "0", option, port) == (
                1,
                f"Cannot listen on 127.0.0.1, port {port}: address already in use. Choose another "
                f"with {option}; {option} 0 takes any free one.",
            )

    def test_an_invalid_state_is_one_sentence_and_status_2(self, tmp_path: Path) -> None:
        file = tmp_path / "state.json"
        file.write_text('{"profile": "cloud"}')
        status, error = refused("--port", "0", "--state", str(file))
        assert status == 2
        expected = f"{file}: profile must be one of: rest, app-only, js-only"
        assert error.endswith(f"argument --state: {expected}")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--port", "-1"],
            ["--port", "65536"],
            ["--port", "x"],
            ["--limits", "50"],
            ["--limits", "0:2"],
            ["--limits", "50:0"],
            ["--limits", "50:nan"],
            ["--limits", "50:inf"],
            ["--profile", "other"],
            ["--scenario", "other"],
            ["--handler", "http://127.0.0.1:99999/"],
            ["--handler", "http://127.0.0.1:port/"],
            ["--handler", "http://127.0.0.1:0/"],
            ["--handler", "ftp://x"],
            ["--state", "/nowhere.json"],
            ["--state", __file__],
        ],
        ids=" ".join,
    )
    def test_an_invalid_argument_is_refused(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit, match="2"):
            parser().parse_args(arguments)
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"bitrix24-sandbox: error: argument {arguments[0]}: ")
        assert arguments[1] in error

    @pytest.mark.parametrize(
        ("arguments", "limits"),
        [([], None), (["--limits"], Limits(50, 2)), (["--limits", "250:0.5"], Limits(250, 0.5))],
    )
    def test_limits_are_those_of_most_portals_by_default(
        self, arguments: list[str], limits: Limits | None
    ) -> None:
        assert parser().parse_args(arguments).limits == limits


class TestStop:
    def test_it_stops_at_once_with_open_connections(self) -> None:
        with (
            started() as (process, printed),
            waiting_for_slow_response(Sandbox(origin_in(printed))),
        ):
            stop(process, signal.SIGTERM)

    def test_in_this_process_too(
        self, http: httpx.Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        with ExitStack() as connections, running() as sandbox:  # which stops first
            connections.enter_context(waiting_for_slow_response(sandbox))
            next(connections.enter_context(open_page(http, sandbox.origin)))
        assert "timeout graceful shutdown exceeded" not in caplog.text


class TestTls:
    def test_it_prints_the_ca_and_a_command_that_works(self) -> None:
        with started("--quiet", "--tls") as (process, printed):
            assert "http://" not in printed
            assert re.search(r"OAuth base +https://127.0.0.1:\d+/rest\n", printed)
            found = re.search(r"Test CA +(\S+)\n +made for this run", printed)
            assert found
            file = Path(found[1])
            for trust in (
                f"SSL_CERT_FILE={file} REQUESTS_CA_BUNDLE={file}\n",
                f"NODE_EXTRA_CA_CERTS={file}\n",
                f"php -d curl.cainfo={file} ",
            ):
                assert trust in printed
            assert '"CALL_ID":"externalCall.' in run_last_line(printed)
            stop(process)
        assert not file.exists()

    def test_its_certificate_has_the_names_that_it_answers_to(self) -> None:
        with started("--quiet", "--tls", "--allow-host", "sandbox.test") as (process, printed):
            ca = re.search(r"Test CA +(\S+)", printed)
            assert ca
            context = ssl.create_default_context(cafile=ca[1])
            with httpx.Client(verify=context, trust_env=False, timeout=PATIENCE) as client:
                url, name = f"{origin_in(printed)}/sandbox/state", "sandbox.test"
                answer = client.get(url, headers={"Host": name}, extensions={"sni_hostname": name})
                assert answer.status_code == 200
            stop(process)
        status, error = refused("--port", "0", "--tls", "--allow-host", "my_sandbox")
        assert status == 2
        assert "argument --allow-host: a certificate cannot have this name" in error

    def test_a_folder_keeps_the_ca(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "folder"
        file = folder / "sandbox-ca.pem"
        with transport(True, folder=folder):
            certificate = file.read_bytes()
        with started("--quiet", "--tls-dir", str(folder)) as (process, printed):
            assert re.search(rf"Test CA +{file}\n +kept there", printed)
            assert file.read_bytes() == certificate
            assert '"CALL_ID":"externalCall.' in run_last_line(printed)
            stop(process)
        assert {path.stat().st_mode & 0o077 for path in folder.glob("*key*")} == {0}

    def test_a_folder_that_cannot_keep_it_is_one_sentence_and_status_2(
        self, tmp_path: Path
    ) -> None:
        file, folder = tmp_path / "file", tmp_path / "folder"
        file.touch()
        status, error = refused("--port", "0", "--tls-dir", str(file))
        assert status == 2
        assert f"argument --tls-dir: {file}: " in error
        folder.mkdir()
        for name in ("sandbox-ca.pem", "sandbox-ca-key.pem"):
            (folder / name).write_text("not PEM")
        with (
            pytest.raises(UnusableFolderError, match=f"^{folder}: no certificate and key in PEM"),
            transport(True, folder=folder),
        ):
            pass

    @pytest.mark.parametrize(
        "name", ["api.bitrix24.com", "oauth.bitrix.info", "oauth.bitrix24.tech", "localhost"]
    )
    def test_its_certificate_has_the_names_that_are_built_into_sdks_and_widgets(
        self, name: str, tls_sandbox: Sandbox
    ) -> None:
        path, text = (
            ("api/v1/", "BX24") if name.startswith("api.") else ("oauth/token/", "invalid_")
        )
        url, headers = f"{tls_sandbox.origin}/{path}", {"Host": name}
        context = ssl.create_default_context(cafile=tls_sandbox.tls)
        with httpx.Client(verify=context, trust_env=False, timeout=PATIENCE) as client:
            answer = client.get(url, headers=headers, extensions={"sni_hostname": name})
        assert text in answer.text

    def test_the_widget_is_opened_over_https_too(
        self, tls_sandbox: Sandbox, trusting_http: httpx.Client
    ) -> None:
        opening = opening_of_widget(trusting_http, tls_sandbox.origin)
        assert opening["name"].split("|")[1] == "1"
        assert opening["fields"]["SERVER_ENDPOINT"] == tls_sandbox.oauth_server_url
        assert opening["origin"].startswith("https://127.0.0.1:")
        assert opening["origin"] != tls_sandbox.origin
        widget = trusting_http.post(opening["action"], data=opening["fields"])
        assert f'src="{tls_sandbox.origin}/api/v1/"' in widget.text


def test_of_a_path_only_the_sandbox_s_words_and_numbers_are_logged() -> None:
    words = frozenset({"", "rest", "placement.call"})
    assert masked("/rest/1/abc/placement.call", words) == "/rest/1/***/placement.call"
    assert masked("/REST/²/\n/Placement.Call", words) == "/REST/***/***/Placement.Call"
    assert masked("abc", words) == "***"


class TestInThisProcess:
    def test_several_run_side_by_side(self) -> None:
        with running(Portal("js-only")) as one, running() as other:
            assert one.origin != other.origin
            assert one.state()["profile"] == "js-only"
            one.portal.end_call()
            assert one.state()["call"] is None
            assert other.state()["profile"] == "rest"
        with pytest.raises(ConnectionRefusedError):
            one.state()

    def test_a_bug_in_it_is_an_enveloped_500_and_logged(
        self, http: httpx.Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with running() as sandbox:
            monkeypatch.setattr(sandbox.portal.authentication, "check_webhook", broken)
            answer = http.post(f"{sandbox.webhook_url}placement.call", json={})
        assert answer.status_code == 500
        assert answer.json()["error"] == "INTERNAL_SERVER_ERROR"
        assert "ZeroDivisionError" in caplog.text

    def test_a_malformed_form_and_a_disconnect_on_request_are_not_logged(
        self, http: httpx.Client, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = f"{sandbox.webhook_url}placement.call"
        http.post(url, content=b"--a", headers={"Content-Type": "multipart/form-data"})
        sandbox.fail("disconnect")
        with pytest.raises(httpx.RemoteProtocolError):
            http.post(url, json={})
        assert [r for r in caplog.records if r.name.startswith(("python_m", "uvicorn"))] == []
