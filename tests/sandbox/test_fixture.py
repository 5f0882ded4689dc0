"""The pytest fixture beside libraries that stop the clock and mock HTTP, and without the client."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bitrix24_sandbox.process import started

SCRIPTS = Path(__file__).parents[2] / "scripts"

# The whole session is frozen, so the sandbox also starts and stops with a clock that stands still.
SUITE = """
import sys, threading, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import freezegun, httpx, pytest, respx

START = time.time()

@pytest.fixture(scope="session", autouse=True)
def _frozen():
    with freezegun.freeze_time("2020-01-01"):
        yield

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_): pass

@pytest.fixture
def handler():
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/install"
        server.shutdown()
        thread.join()

def use(sandbox, handler):
    assert time.time() < START - 1_000_000  # frozen, which the portal's own clock is not
    sandbox.fail("INTERNAL_SERVER_ERROR")
    asked = []

    def ask():
        try:
            urllib.request.urlopen(f"{sandbox.webhook_url}profile")
        except urllib.error.HTTPError as error:
            asked.append(error.code)
            error.close()

    thread = threading.Thread(target=ask)
    thread.start()
    (request,) = sandbox.wait_for_requests(1, status=500)
    thread.join()
    assert asked == [500]
    assert request.time > START - 1
    assert sandbox.install(handler).status == 200
    with pytest.raises(httpx.HTTPStatusError, match="fault must be "):
        sandbox.fail("no such fault")

@pytest.mark.parametrize("tick", [False, True])
def test_freezegun(tick, bitrix24_sandbox, handler):
    with freezegun.freeze_time("2021-01-01", tick=tick):
        use(bitrix24_sandbox, handler)

def test_pytest_httpx(httpx_mock, bitrix24_sandbox, handler):
    use(bitrix24_sandbox, handler)
    assert httpx_mock.get_requests() == []

@respx.mock
def test_respx(bitrix24_sandbox, handler):
    use(bitrix24_sandbox, handler)
    assert not respx.calls

def test_the_client_is_not_imported(bitrix24_sandbox):
    assert "bitrix24_call_card" not in sys.modules
"""


def test_a_frozen_clock_and_mocked_http_do_not_reach_it(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "test_suite.py").write_text(SUITE)
    plugins = ("-pbitrix24_sandbox.pytest_plugin", "-ppytest_httpx")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider", *plugins],
        cwd=tmp_path,
        # Without generated/, so that nothing can import the client.
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "5 passed" in done.stdout, done.stdout + done.stderr


PROGRAM = """
from bitrix24_sandbox.process import started
with started(tls=True) as sandbox:
    assert sandbox.state()["call"]
    print(sandbox.tls, flush=True)
    input()
"""


def test_it_ends_with_the_process_that_started_it_even_if_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        ca = Path(program.stdout.readline().strip())
        assert ca.is_file()
        program.kill()
        _, printed = program.communicate(timeout=60)  # until both processes have ended
    assert printed == ""
    assert not ca.exists()


def test_a_start_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    with pytest.raises(RuntimeError, match=r"^The sandbox could not start; "), started():
        pass
