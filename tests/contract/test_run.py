"""`make contract`: what it prints, writes and returns, and that it reveals no secret."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree

import pytest
from bitrix24_sandbox.server import Running, listen, origin_of, running
from contract.document import Document
from contract.properties import Tally, findings, webhook, with_token
from contract.run import main
from schemathesis.engine.recorder import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.contract.mutation import Mutated, success

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

OAUTH = ["OAuth, in the header", "OAuth, in the query", "OAuth, in the body", "no valid token"]
VIEWS = ["webhook", *OAUTH, "sandbox"]


def assert_no_secret(done: Run) -> None:
    """Assert that neither output nor report shows a secret."""
    assert not any(secret in done.output + done.report for secret in SECRETS)


def in_a_shell(line: str, base_url: str) -> bytes:
    """Run a command that `make contract` printed; return what it prints."""
    environment = {**os.environ, "BASE_URL": base_url, "no_proxy": "*"}
    command = ["sh", "-c", line]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def rows(done: Run) -> dict[str, dict[str, int]]:
    """Return the table that it prints: by view, each count by its column."""
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


# --- what it reports ------------------------------------------------------------------------------


def test_by_default_it_checks_a_sandbox_of_its_own_in_every_view(run: Runner) -> None:
    done = run("--cases", "20", "--seed", "7")

    assert done.status == 0
    assert "20 random requests, seed 7" in done.output
    assert list(rows(done)) == VIEWS
    for counts in rows(done).values():
        assert counts["requests"] == counts["examples"] + counts["edge"] + counts["random"]
        by_status = sum(count for name, count in counts.items() if name.isdecimal())
        assert counts["requests"] == by_status
    assert sum(counts["random"] for counts in rows(done).values()) == 20
    assert "response_schema_conformance" in done.output
    assert done.failed_suites == []


@pytest.mark.parametrize(
    ("profile", "webhook", "oauth", "no_token"),
    [("app-only", "403", "200", "401"), ("js-only", "404", "404", "404")],
)
def test_a_valid_request_gets_what_the_profile_promises(
    run: Runner, profile: str, webhook: str, oauth: str, no_token: str
) -> None:
    done = run("--cases", "4", "--seed", "7", "--profile", profile)

    assert done.status == 0
    found = rows(done)
    for view, status in zip(VIEWS, (webhook, oauth, oauth, oauth, no_token), strict=False):
        assert found[view][status] > 0
    assert not found["webhook"].get("200")


def test_a_webhook_is_checked_in_its_view(run: Runner) -> None:
    with running() as sandbox:
        done = run("--cases", "5", "--seed", "7", base_url=sandbox.webhook_url)

    assert done.status == 0
    assert list(rows(done)) == ["webhook"]


def test_a_base_url_for_oauth_is_checked_in_the_views_with_a_token(run: Runner) -> None:
    with running() as sandbox:
        done = run("--cases", "5", base_url=sandbox.oauth_url, token="sandboxaccesstoken")

    assert done.status == 0
    assert list(rows(done)) == OAUTH


def without_bindings(app: ASGIApp) -> ASGIApp:
    mutated = Mutated(app)
    mutated.begin(success(lambda body: body["result"].pop("CRM_BINDINGS")))
    return mutated


def test_a_failure_is_shown_once_with_its_count_and_a_command_that_repeats_it(run: Runner) -> None:
    with running(wrap=without_bindings) as sandbox:
        done = run("--cases", "20", "--seed", "1", base_url=sandbox.webhook_url)

        assert done.status == 1
        assert done.failed_suites == ["webhook"]
        assert done.output.count("FAILED  webhook: response_schema_conformance") == 1
        assert re.search(r"response_schema_conformance: .* \(\d\d times\)", done.output)
        (line,) = re.findall(r"^ +(.*curl .*)$", done.output, re.MULTILINE)
        assert line in ElementTree.fromstring(done.report).findtext(".//failure", "")
        if shutil.which("curl") is None:
            pytest.skip("no curl to repeat the request with")
        repeated = in_a_shell(line, sandbox.webhook_url)
    assert b"200 OK" in repeated
    assert b"CALL_ID" in repeated
    assert b"CRM_BINDINGS" not in repeated


# --- how it ends without a result -----------------------------------------------------------------


@pytest.fixture
def nowhere() -> str:
    """An origin that refuses connections."""
    with listen() as listener:
        return origin_of(listener)


def test_a_portal_that_does_not_answer_is_one_sentence(run: Runner, nowhere: str) -> None:
    done = run(base_url=f"{nowhere}/rest/1/{WEBHOOK_MARKER}/")

    assert done.status == 1
    assert f"{nowhere} does not answer (ConnectError): is the portal running" in done.output
    assert "Traceback" not in done.output
    assert done.failed_suites == ["run"]


def test_each_run_has_a_seed_of_its_own(run: Runner, nowhere: str) -> None:
    outputs = [run(base_url=f"{nowhere}/rest", token="any").output for _ in range(2)]
    seeds = [set(re.findall(r"seed \d+", output)) for output in outputs]

    assert [len(seed) for seed in seeds] == [1, 1]
    assert seeds[0] != seeds[1]


def test_a_run_with_too_few_answers_fails(run: Runner) -> None:
    with running() as sandbox:
        faults = [{"fault": "ERROR_CORE"}, {"fault": "disconnect", "times": 1000}]
        sandbox.load({"faults": faults})
        done = run("--cases", "20", base_url=f"{sandbox.origin}/rest/1/{WEBHOOK_MARKER}/")

    assert done.status == 1
    assert re.search(r"Only \d of 20 requests were answered\.", done.output)
    assert "run" in done.failed_suites
    assert_no_secret(done)


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
        (["--cases", "0"], "", "make contract: CASES: expected a positive number"),
        (["--cases", "many"], "", "make contract: CASES: expected a positive number"),
        (["--rate", "-1"], "", "make contract: RATE: expected a positive number"),
        (["--profile", "php"], "", "make contract: PROFILE: invalid choice"),
        (["--profile", "rest"], "https://portal.example/rest", "--profile is for the sandbox"),
        (["--report", "/proc/none/x"], "", "make contract: cannot write the report /proc/none/x: "),
        ([], "https://portal.example/rest", "TOKEN must be set to an access token"),
        ([], f"portal.example/rest/1/{WEBHOOK_MARKER}", "BASE_URL: expected https://"),
        ([], f"https://portal.example/{WEBHOOK_MARKER}", "BASE_URL: expected https://"),
        ([], f"https://portal.example/rest/{WEBHOOK_MARKER}", "BASE_URL: expected https://"),
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
    assert error.count("\n") == 1
    assert WEBHOOK_MARKER not in error


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
    """A portal that fails every check, and repeats the whole request in its response."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        query = scope["query_string"].decode()
        shown = f"{scope['path']}?{query} {unquote_plus(query)} {body!r}"
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": f"<html>{shown}</html>".encode()})

    return app


@pytest.fixture(scope="module")
def echo() -> Iterator[Running]:
    with running(wrap=echoing) as sandbox:
        yield sandbox


@pytest.mark.parametrize("path", [f"/rest/1/{WEBHOOK_MARKER}/", "/rest"])
def test_neither_output_nor_report_shows_a_webhook_or_a_token(
    run: Runner, echo: Running, path: str
) -> None:
    done = run("--cases", "1", base_url=f"{echo.origin}{path}", token=TOKEN_MARKER)

    assert done.status == 1
    assert "FAILED" in done.output
    assert_no_secret(done)


def test_a_request_that_fails_on_the_way_is_reported_without_its_secret(
    document: Document, nowhere: str
) -> None:
    with_webhook = webhook(document, f"{nowhere}/rest/1/{WEBHOOK_MARKER}/")

    for view in (with_webhook, *with_token(document, f"{nowhere}/rest", TOKEN_MARKER)):
        found = repr(list(findings(view, Tally(), cases=1, seed=1))) + repr(view)

        assert "Max retries exceeded with url" in found
        assert not any(secret in found for secret in SECRETS)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl to repeat a request with")
@pytest.mark.parametrize("body", [b"\x00", b"\xa7'%s", b'it\'s "$HOME" `ls` \\n', None])
def test_a_command_that_repeats_a_request_sends_the_same_bytes(
    document: Document, echo: Running, body: bytes | None
) -> None:
    view = webhook(document, f"{echo.origin}/rest/1/{WEBHOOK_MARKER}")
    uri = f"{view.base_url}/placement.call?auth=%24HOME%27`$HOME`"
    line = view.curl(Request("PUT", uri, body, None, {"Content-Type": ["application/json"]}))

    assert WEBHOOK_MARKER not in line
    shown = f"?auth=%24HOME%27`$HOME` auth=$HOME'`$HOME` {body or b''!r}<"
    assert shown.encode() in in_a_shell(line, view.base_url)
