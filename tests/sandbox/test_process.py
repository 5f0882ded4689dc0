"""The sandbox as a process: how it starts, what it prints, and how it ends."""

import json
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
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from bitrix24_sandbox.__main__ import parser
from bitrix24_sandbox.portal.limits import Limits
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running
from bitrix24_sandbox.web.access_log import masked

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE = 60  # seconds, for a busy machine; no test that passes takes them


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bitrix24_sandbox", *arguments],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the sandbox; give the process, and what it printed up to the line to try."""
    with start(*arguments) as process:
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


def origin_in(printed: str) -> str:
    found = re.search(r"http://[^/\s]+", printed)
    assert found
    return found[0]


def trusting(authority: Path | None) -> ssl.SSLContext:
    assert authority
    return ssl.create_default_context(cafile=authority)


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_with_success(signal_: signal.Signals) -> None:
    with (
        started("--port", "0") as (process, printed),
        httpx.Client(trust_env=False, timeout=60) as client,
    ):
        origin = origin_in(printed)
        client.get(f"{origin}/sandbox/state")  # and the connection stays open
        client.post(f"{origin}/sandbox/faults", json={"fault": "slow", "seconds": 3600})
        url = httpx.URL(origin)
        with socket.create_connection((url.host, url.port or 80)) as waiting:
            waiting.sendall(b"GET /rest/placement.call.json HTTP/1.1\r\nHost: x\r\n\r\n")
            while client.get(f"{origin}/sandbox/state").json()["faults"]:
                time.sleep(0.01)
            process.send_signal(signal_)
            _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert errors == ""  # uvicorn would log that it has waited for who is connected


def test_it_prints_every_address_and_a_command_that_works() -> None:
    with started("--port", "0", "--quiet") as (_, printed):
        origin = origin_in(printed)
        for text in (
            f"{origin}/rest/1/sandboxwebhook/",
            f"{origin}/rest\n",
            "sandboxaccesstoken",
            f"{origin}/\n",
            f"{origin}/docs",
            f"{origin}/openapi.yaml",
        ):
            assert text in printed
        command = shlex.split(printed.splitlines()[-1])
        answer = run(command)
    assert '"CALL_ID":"externalCall.' in answer.stdout


def test_a_taken_port_is_one_sentence_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with start("--port", port) as process:
            printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert printed == ""
    assert errors == (
        f"Cannot listen on 127.0.0.1, port {port}: address already in use. "
        "Choose another with --port (make sandbox PORT=…), or --port 0 for any free one.\n"
    )


def test_listening_to_everyone_is_said() -> None:
    with started("--port", "0", "--host", "0.0.0.0") as (process, printed):
        assert "127.0.0.1" in origin_in(printed)
        assert process.stdout
        note = process.stdout.readline() + process.stdout.readline()
    assert "every machine that reaches this one" in note


class TestTls:
    def test_it_prints_the_authority_to_trust_and_a_command_that_works(self) -> None:
        with started("--port", "0", "--quiet", "--tls") as (process, printed):
            assert "http://" not in printed
            assert re.search(r"OAuth base +https://127.0.0.1:\d+/rest\n", printed)
            authority = re.search(r"Test authority +(\S+)\n", printed)
            assert authority
            file = Path(authority[1])
            for trust in (
                f"SSL_CERT_FILE={file} REQUESTS_CA_BUNDLE={file}\n",
                f"NODE_EXTRA_CA_CERTS={file}\n",
                f"php -d curl.cainfo={file} ",
            ):
                assert trust in printed
            command = shlex.split(printed.splitlines()[-1])
            answer = run(command)
            assert '"CALL_ID":"externalCall.' in answer.stdout
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors) == (0, "")
        assert not file.exists()

    def test_who_does_not_trust_the_authority_does_not_talk_to_it(self) -> None:
        with running(tls=True) as sandbox:
            assert sandbox.state()["call"]
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                httpx.get(f"{sandbox.origin}/sandbox/state", trust_env=False, timeout=60)

    def test_each_start_has_an_authority_of_its_own_which_ends_with_it(self) -> None:
        with running(tls=True) as one, running(tls=True) as other:
            files = [one.tls, other.tls]
            assert all(file and file.exists() for file in files)
            assert files[0] != files[1]
        assert not any(file and file.exists() for file in files)

    def test_an_authority_can_be_kept_in_a_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "folder"
        trusted = None
        for _ in range(2):
            with started("--port", "0", "--tls-dir", str(folder)) as (process, printed):
                found = re.search(r"Test authority +(\S+)\n +kept there", printed)
                assert found
                file = Path(found[1])
                assert file.parent == folder
                trusted = trusted or trusting(file)  # as of the first start
                origin = re.search(r"https://127.0.0.1:\d+", printed)
                assert origin
                state = httpx.get(
                    f"{origin[0]}/sandbox/state", verify=trusted, trust_env=False, timeout=60
                )
                assert state.json()["call"]
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=PATIENCE)
        assert {path.stat().st_mode & 0o077 for path in folder.glob("*key*")} == {0}

    @pytest.mark.parametrize("kind", ["a file", "another PEM"])
    def test_a_folder_that_cannot_be_used_is_one_sentence_and_status_2(
        self, tmp_path: Path, kind: str
    ) -> None:
        folder = tmp_path / "folder"
        if kind == "a file":
            folder.touch()
        else:
            folder.mkdir()
            for name in ("sandbox-ca.pem", "sandbox-ca-key.pem"):
                (folder / name).write_text("nothing of the kind")
        with start("--port", "0", "--tls-dir", str(folder)) as process:
            try:
                printed, errors = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        assert (process.returncode, printed) == (2, "")
        assert f"argument --tls-dir: {folder}: " in errors.splitlines()[-1]
        assert "Traceback" not in errors

    @pytest.mark.parametrize(
        "name", ["api.bitrix24.com", "oauth.bitrix.info", "oauth.bitrix24.tech", "localhost"]
    )
    def test_its_certificate_has_the_names_that_sdks_and_widgets_have_built_in(
        self, name: str
    ) -> None:
        with running(tls=True) as sandbox:
            url = httpx.URL(sandbox.origin)
            with (
                socket.create_connection((url.host, url.port or 443)) as plain,
                trusting(sandbox.tls).wrap_socket(plain, server_hostname=name) as secure,
            ):
                path = "/api/v1/" if name.startswith("api.") else "/oauth/token/"
                request = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
                secure.sendall(request.encode())
                answer = secure.makefile("rb").read()
        assert (b"BX24" if name.startswith("api.") else b"invalid_request") in answer

    def test_the_widget_is_opened_over_https_too(self) -> None:
        with (
            running(tls=True) as sandbox,
            httpx.Client(verify=trusting(sandbox.tls), trust_env=False, timeout=60) as client,
        ):
            with client.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as turns:
                told = (json.loads(line[len("data: ") :]) for line in turns.iter_lines() if line)
                opening = next(turn["open"] for turn in told if turn.get("open"))
            assert opening["name"].split("|")[1] == "1"
            assert opening["fields"]["SERVER_ENDPOINT"] == f"{sandbox.origin}/oauth/rest/"
            assert opening["origin"].startswith("https://127.0.0.1:")
            assert opening["origin"] != sandbox.origin
            widget = client.post(opening["action"], data=opening["fields"])
            assert f'src="{sandbox.origin}/api/v1/"' in widget.text


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
    ],
    ids=" ".join,
)
def test_an_invalid_argument_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(arguments)
    errors = capsys.readouterr().err
    assert f"argument {arguments[0]}: " in errors
    assert arguments[1] in errors


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [([], None), (["--limits"], Limits(50, 2)), (["--limits", "250:0.5"], Limits(250, 0.5))],
)
def test_limits_are_those_of_most_portals_unless_told_otherwise(
    arguments: list[str], limits: Limits | None
) -> None:
    assert parser().parse_args(arguments).limits == limits


def test_profile_and_limits_are_taken() -> None:
    with started("--port", "0", "--profile", "app-only", "--limits") as (_, printed):
        state = httpx.get(f"{origin_in(printed)}/sandbox/state", trust_env=False, timeout=60).json()
    assert state["profile"] == "app-only"
    assert state["limits"] == {"burst": 50, "rate": 2.0}
    assert "app-only: it answers to applications alone, as documentation promised" in printed


def test_a_scenario_to_start_in_is_taken() -> None:
    with started("--port", "0", "--scenario", "outgoing-unbound") as (_, printed):
        state = httpx.get(f"{origin_in(printed)}/sandbox/state", trust_env=False, timeout=60).json()
    assert state["call"]["CRM_ENTITY_ID"] is False


def test_the_log_has_a_line_for_each_request_and_no_secret_in_it() -> None:
    with (
        started("--port", "0") as (process, printed),
        httpx.Client(trust_env=False, timeout=60) as client,
    ):
        origin = origin_in(printed)
        client.post(f"{origin}/rest/1/sandboxwebhook/placement.call", json={})
        client.post(f"{origin}/rest/placement.call?auth=s3cret-token", json={})
        client.post(f"{origin}/s3cret/1/s3cret-token/placement.call?s3cret", json={})
        client.get(f"{origin}/oauth/token/?client_secret=s3cret&refresh_token=s3cret")
        process.send_signal(signal.SIGINT)
        logged, errors = process.communicate(timeout=PATIENCE)
    lines = [re.sub(r"[\d.]+ ms$", "N ms", line) for line in logged.splitlines() if line]
    assert lines == [
        "POST /rest/1/***/placement.call 400 N ms",
        "POST /rest/placement.call 401 N ms",
        "POST /***/1/***/placement.call 404 N ms",
        "GET /oauth/token/ 400 N ms",
    ]
    assert "s3cret" not in printed + logged + errors


def test_quiet_means_no_line() -> None:
    with started("--port", "0", "--quiet") as (process, printed):
        httpx.get(f"{origin_in(printed)}/sandbox/state", trust_env=False, timeout=60)
        process.send_signal(signal.SIGINT)
        logged, _ = process.communicate(timeout=PATIENCE)
    assert logged.strip() == ""


def test_only_the_words_of_the_sandbox_and_numbers_are_shown_of_a_path() -> None:
    words = frozenset({"", "rest", "placement.call"})
    assert masked("/rest/1/abc/placement.call", words) == "/rest/1/***/placement.call"
    assert masked("/REST/²/\n/Placement.Call", words) == "/REST/***/***/Placement.Call"
    assert masked("abc", words) == "***"


class TestInThisProcess:
    def test_it_ends_at_once_whoever_is_still_connected(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client, waiting = httpx.Client(trust_env=False, timeout=60), socket.socket()
        with client, waiting, running() as sandbox:
            client.get(f"{sandbox.origin}/sandbox/state")
            sandbox.fail("slow", seconds=3600)
            url = httpx.URL(sandbox.origin)
            waiting.connect((url.host, url.port))
            waiting.sendall(b"GET /rest/placement.call.json HTTP/1.1\r\nHost: x\r\n\r\n")
            while sandbox.state()["faults"]:
                time.sleep(0.01)
        assert "timeout graceful shutdown exceeded" not in caplog.text

    def test_it_runs_many_times_and_side_by_side(self) -> None:
        with running(Portal("js-only")) as one, running() as other:
            assert one.origin != other.origin
            assert one.state()["profile"] == "js-only"
            assert other.state()["profile"] == "rest"
        with pytest.raises(httpx.ConnectError):
            one.state()

    def test_its_portal_is_the_one_that_answers(self) -> None:
        with running() as sandbox:
            sandbox.portal.end_call()
            assert sandbox.state()["call"] is None

    def test_a_bug_in_it_is_an_enveloped_500_and_logged(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with running() as sandbox:
            monkeypatch.setattr(sandbox.portal.authentication, "check_webhook", broken)
            answer = httpx.post(
                f"{sandbox.webhook_url}placement.call", json={}, trust_env=False, timeout=60
            )
        assert answer.status_code == 500
        assert answer.json()["error"] == "INTERNAL_SERVER_ERROR"
        assert "ZeroDivisionError" in caplog.text

    def test_a_form_that_cannot_be_read_is_not_logged(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with running() as sandbox:
            httpx.post(
                f"{sandbox.webhook_url}placement.call",
                content=b"--a",
                headers={"Content-Type": "multipart/form-data"},
                trust_env=False,
                timeout=60,
            )
        assert [record for record in caplog.records if record.name.startswith("python_m")] == []

    def test_a_disconnect_on_request_is_no_bug(self, caplog: pytest.LogCaptureFixture) -> None:
        with running() as sandbox:
            sandbox.fail("disconnect")
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.post(
                    f"{sandbox.webhook_url}placement.call", json={}, trust_env=False, timeout=60
                )
        assert [record for record in caplog.records if record.name == "uvicorn.error"] == []

    def test_answers_on_a_kept_connection_are_not_held_back(self) -> None:
        with running() as sandbox, httpx.Client(trust_env=False, timeout=60) as client:
            seconds = [
                client.post(f"{sandbox.webhook_url}placement.call", json={}).elapsed.total_seconds()
                for _ in range(100)
            ]
            # With Nagle's algorithm, all but the first 16 or so would take 40 ms or more.
            assert sorted(seconds)[30] < 0.04
