"""`make contract`: what it prints, writes and returns, and that no secret is among it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree

import pytest
from bitrix24_sandbox.server import listen, origin_of, running
from contract.document import Document
from contract.properties import Tally, findings, oauth, webhook
from contract.run import main
from schemathesis.engine.recorder import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.contract.mutation import Answer, Mutated

ROOT = Path(__file__).parents[2]

WEBHOOK_MARKER = "w3bh00kmarker"
TOKEN_MARKER = "t0ken+marker/=%"
SECRETS = ("w3bh00kmarker", "t0ken+marker", "t0ken%2Bmarker", "t0ken%2bmarker")


class Run(NamedTuple):
    status: int
    output: str
    report: str

    @property
    def failed_suites(self) -> list[str | None]:
        suites = ElementTree.fromstring(self.report)
        return [suite.get("name") for suite in suites if suite.get("failures") != "0"]


Runner = Callable[..., Run]

VIEWS = ["webhook", "OAuth, in the query", "OAuth, in the body", "no valid token", "errors"]


def rows(done: Run) -> dict[str, dict[str, int]]:
    """The table's rows by their view: each count by its column."""
    (columns,) = re.findall(r"^ +(requests .*)$", done.output, re.MULTILINE)
    found = re.findall(r"^(\w[\w, ]*?)  +([\d ]+)$", done.output, re.MULTILINE)
    return {
        view: dict(zip(columns.split(), map(int, counts.split()), strict=True))
        for view, counts in found
    }


@pytest.fixture
def run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Runner:
    report = tmp_path / "reports" / "contract.xml"

    def run(*arguments: str, token: str = "", base_url: str = "") -> Run:
        monkeypatch.setenv("TOKEN", token)
        monkeypatch.setenv("BASE_URL", base_url)
        status = main(["--report", str(report), *arguments])
        captured = capfd.readouterr()
        return Run(status, captured.out + captured.err, report.read_text("utf-8"))

    return run


# --- what it tells --------------------------------------------------------------------------------


def test_by_default_it_holds_a_sandbox_of_its_own_to_every_view(run: Runner) -> None:
    done = run("--cases", "60", "--seed", "7")

    assert done.status == 0
    assert "60 random requests, seed 7" in done.output
    assert list(rows(done)) == VIEWS
    for counts in rows(done).values():
        assert counts["requests"] == counts["examples"] + counts["edge"] + counts["random"]
        by_status = sum(count for name, count in counts.items() if name.isdecimal())
        assert counts["requests"] == by_status
    assert sum(counts["random"] for counts in rows(done).values()) == 60
    assert "response_schema_conformance" in done.output
    assert done.failed_suites == []


@pytest.mark.parametrize(
    ("profile", "webhook", "oauth", "no_token"),
    [("app-only", "403", "200", "401"), ("js-only", "404", "404", "404")],
)
def test_a_valid_request_gets_what_the_profile_promises(
    run: Runner, profile: str, webhook: str, oauth: str, no_token: str
) -> None:
    done = run("--cases", "20", "--seed", "7", "--profile", profile)

    assert done.status == 0
    found = rows(done)
    for view, status in zip(VIEWS, (webhook, oauth, oauth, no_token), strict=False):
        assert found[view][status] > 0
    assert ("200" in found["webhook"] and found["webhook"]["200"]) == (profile == "rest")


def test_what_of_the_contract_was_met_is_counted_and_the_rest_is_named(run: Runner) -> None:
    everything = run("--cases", "20", "--seed", "7").output
    assert "operations  1 of 1\n" in everything
    assert "statuses    8 of 8\n" in everything
    assert "codes       20 of 20\n" in everything

    with running() as sandbox:
        part = run("--cases", "20", "--seed", "7", base_url=sandbox.webhook_url).output
    assert "statuses    2 of 8; not met: 401, 403, 404, 429, 500, 503\n" in part
    assert re.search(r"codes +2 of 20; not met: ACCESS_DENIED, ERROR_CORE,", part)


def test_a_running_portal_is_held_to_the_view_that_its_base_url_is_of(run: Runner) -> None:
    with running() as sandbox:
        by_webhook = run("--cases", "20", base_url=sandbox.webhook_url)
        by_oauth = run("--cases", "20", base_url=sandbox.oauth_url, token="sandboxaccesstoken")

    assert (by_webhook.status, by_oauth.status) == (0, 0)
    assert list(rows(by_webhook)) == ["webhook"]
    assert list(rows(by_oauth)) == ["OAuth, in the query", "OAuth, in the body", "no valid token"]


def test_the_seed_is_another_each_time_and_printed(run: Runner) -> None:
    seeds = {
        re.search(r"seed (\d+)", run("--cases", "1").output)[1]  # type: ignore[index]
        for _ in range(2)
    }
    assert len(seeds) == 2


def without_bindings(_: object, answer: Answer) -> Answer:
    if answer.status != 200:
        return answer
    envelope = answer.value()
    del envelope["result"]["CRM_BINDINGS"]
    return answer.with_value(envelope)


def mutating(app: ASGIApp) -> ASGIApp:
    mutated = Mutated(app)
    mutated.begin(without_bindings)
    return mutated


def test_a_failure_is_told_once_with_how_often_and_a_line_that_repeats_it(run: Runner) -> None:
    with running(wrap=mutating) as sandbox:
        done = run("--cases", "20", "--seed", "1", base_url=sandbox.webhook_url)

        assert done.status == 1
        assert done.failed_suites == ["webhook"]
        assert done.output.count("FAILED  webhook: response_schema_conformance") == 1
        assert re.search(r"response_schema_conformance: .* \(\d\d times\)", done.output)
        (line,) = re.findall(r"^ +(.*curl .*)$", done.output, re.MULTILINE)
        assert line in ElementTree.fromstring(done.report).findtext(".//failure", "")
        if shutil.which("curl") is None:
            pytest.skip("no curl to repeat the request with")
        environment = {**os.environ, "BASE_URL": sandbox.webhook_url, "no_proxy": "*"}
        repeated = subprocess.run(
            ["sh", "-c", line], env=environment, capture_output=True, text=True, check=True
        )
    assert "200 OK" in repeated.stdout
    assert "CALL_ID" in repeated.stdout
    assert "CRM_BINDINGS" not in repeated.stdout


# --- how it ends when it cannot do its work -------------------------------------------------------


def test_a_portal_that_is_not_there_is_told_in_a_sentence(run: Runner) -> None:
    with listen() as listener:
        origin = origin_of(listener)

    done = run(base_url=f"{origin}/rest/1/{WEBHOOK_MARKER}/")

    assert done.status == 1
    assert f"{origin} does not answer (ConnectError): is the portal running" in done.output
    assert "Traceback" not in done.output
    assert done.failed_suites == ["run"]


def dropping(_: ASGIApp) -> ASGIApp:
    """Answer one request, and close the connection of every other."""
    answered = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal answered
        answered += 1
        if answered > 1:
            scope["state"]["abort"]()
            await receive()
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def test_a_run_without_an_answered_case_fails(run: Runner) -> None:
    with running(wrap=dropping) as sandbox:
        done = run("--cases", "5", base_url=f"{sandbox.origin}/rest/1/{WEBHOOK_MARKER}/")

    assert done.status == 1
    assert "Only 0 of 5 requests were answered." in done.output
    assert "run" in done.failed_suites


def test_ctrl_c_ends_it_with_a_summary_and_the_status_of_an_interrupt(tmp_path: Path) -> None:
    report = tmp_path / "contract.xml"
    process = subprocess.Popen(
        [sys.executable, "-m", "contract.run", "--cases", "90000", "--report", str(report)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts:generated", "BASE_URL": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        while not re.match(r"webhook: \d+ requests", process.stdout.readline()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Interrupted" in error
    assert "Traceback" not in error
    assert "seed" in output
    assert "Interrupted" in report.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "base_url", "reason"),
    [
        (["--cases", "0"], "", "--cases: expected a positive number"),
        (["--cases", "many"], "", "--cases: expected a positive number"),
        (["--rate", "-1"], "", "--rate: expected a positive number"),
        (["--profile", "php"], "", "--profile: invalid choice"),
        (["--profile", "rest"], "https://portal.example/rest", "--profile is the sandbox's"),
        ([], "https://portal.example/rest", "must have an access TOKEN"),
        ([], f"portal.example/rest/1/{WEBHOOK_MARKER}", "BASE_URL: expected https://"),
        ([], f"https://portal.example/{WEBHOOK_MARKER}", "BASE_URL: expected https://"),
        ([], f"https://[portal/rest/1/{WEBHOOK_MARKER}", "BASE_URL: expected https://"),
    ],
)
def test_an_invalid_setting_is_named_without_showing_it(
    run: Runner,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    base_url: str,
    reason: str,
) -> None:
    with pytest.raises(SystemExit) as exited:
        run(*arguments, base_url=base_url)

    error = capfd.readouterr().err
    assert exited.value.code == 2
    assert reason in error
    assert WEBHOOK_MARKER not in error


def test_help_tells_every_option(run: Runner, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        run("--help")

    assert exited.value.code == 0
    text = capfd.readouterr().out
    for option in ("--cases", "--seed", "--profile", "--rate", "--report", "BASE_URL", "TOKEN"):
        assert option in text


def test_make_passes_options_on_and_puts_no_secret_into_an_argument() -> None:
    base_url = f"https://portal.example/rest/1/{WEBHOOK_MARKER}/"
    settings = [f"BASE_URL={base_url}", f"TOKEN={TOKEN_MARKER}"]
    recipe = subprocess.run(
        ["make", "--dry-run", "contract", "CASES=7", "PROFILE=js-only", "ARGS=--help", *settings],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "contract.run --cases 7 --profile js-only" in " ".join(recipe.split())
    assert "--help" in recipe
    assert not any(secret in recipe for secret in SECRETS)


# --- secrets --------------------------------------------------------------------------------------


def echoing(_: ASGIApp) -> ASGIApp:
    """Fail every check, and show all of the request in the answer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        query = scope["query_string"].decode()
        shown = f"{scope['path']}?{query} {unquote_plus(query)} {body!r}"
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": f"<html>{shown}</html>".encode()})

    return app


@pytest.mark.parametrize("portal", [echoing, dropping])
@pytest.mark.parametrize("path", [f"/rest/1/{WEBHOOK_MARKER}/", "/rest"])
def test_neither_output_nor_report_holds_a_webhook_or_a_token(
    run: Runner, portal: Callable[[ASGIApp], ASGIApp], path: str
) -> None:
    with running(wrap=portal) as sandbox:
        done = run("--cases", "5", base_url=f"{sandbox.origin}{path}", token=TOKEN_MARKER)

    assert done.status == 1
    assert "FAILED" in done.output
    for secret in SECRETS:
        assert secret not in done.output
        assert secret not in done.report


def test_a_request_that_fails_on_the_way_is_told_without_its_secret(document: Document) -> None:
    with listen() as listener:
        origin = origin_of(listener)
    by_webhook = webhook(document, f"{origin}/rest/1/{WEBHOOK_MARKER}/")
    by_oauth = oauth(document, f"{origin}/rest", TOKEN_MARKER)

    for view in (by_webhook, by_oauth):
        found = repr(list(findings(view, Tally(), cases=1, seed=1))) + repr(view)

        assert "Max retries exceeded with url" in found
        assert not any(secret in found for secret in SECRETS)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl to repeat a request with")
@pytest.mark.parametrize("body", [b"\x00", b"\xa7'%s", b'it\'s "$HOME" `ls` \\n', None])
def test_a_line_that_repeats_a_request_sends_the_same_bytes(
    document: Document, body: bytes | None
) -> None:
    with running(wrap=echoing) as sandbox:
        view = webhook(document, f"{sandbox.origin}/rest/1/{WEBHOOK_MARKER}")
        uri = f"{view.base_url}/placement.call?auth=%24HOME%27`$HOME`"
        line = view.curl(Request("PUT", uri, body, None, {"Content-Type": ["application/json"]}))
        repeated = subprocess.run(
            ["sh", "-c", line],
            env={**os.environ, "BASE_URL": view.base_url, "no_proxy": "*"},
            capture_output=True,
            check=True,
        )

    assert WEBHOOK_MARKER not in line
    assert (
        f"?auth=%24HOME%27`$HOME` auth=$HOME'`$HOME` {body or b''!r}<".encode() in repeated.stdout
    )
