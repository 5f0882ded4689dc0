"""Widgets as the READMEs show them, which a portal installs and opens in its call card."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.server import running as sandbox_at
from bitrix24_sandbox.testing import Sandbox

from tests.chromium import launched
from tests.ports import unused_port
from tests.scripts.test_demo_bridge import asked, make_bridge

ROOT = Path(__file__).parents[2]
README = (ROOT / "generated" / "README.md").read_text("utf-8")
(PROGRAM,) = re.findall(r'```python\n("""A widget of your own, .*?)```', README, re.DOTALL)


class OwnWidget:
    """The program, running."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url, self.process = url, process

    def line(self, start: str) -> str:
        """Return the next line that it prints that starts so."""
        assert self.process.stdout
        while not (line := self.process.stdout.readline()).startswith(start):
            assert line, "it has ended"
        return line


@contextmanager
def running(program: str, sandbox: Sandbox, folder: Path, url: str) -> Iterator[OwnWidget]:
    """Run the program as the README starts it, while the context lasts."""
    settings = {
        "URL": url,
        "OAUTH_REST": sandbox.oauth_server_url,
        "LIBRARY": f"{sandbox.origin}/api/v1/",
        "PYTHONPATH": str(ROOT / "generated"),
    }
    (folder / "own_widget.py").write_text(program)
    with subprocess.Popen(
        [sys.executable, "-u", "own_widget.py"],
        cwd=folder,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        ended = threading.Timer(120, process.kill)  # a line that never comes fails the test
        ended.start()
        try:
            own_widget = OwnWidget(url, process)
            own_widget.line("Starting development server at ")
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as http:
                http.get(url)  # until it listens
            yield own_widget
        finally:
            ended.cancel()
            process.kill()


@pytest.fixture
def own_widget(sandbox: Sandbox, tmp_path: Path) -> Iterator[OwnWidget]:
    """The program, running beside a portal that answers only in the browser."""
    sandbox.profile = "js-only"
    url = f"http://127.0.0.1:{unused_port()}"
    with running(PROGRAM, sandbox, tmp_path, url) as own_widget:
        yield own_widget


def test_its_page_posts_the_call_to_the_backend(own_widget: OwnWidget, sandbox: Sandbox) -> None:
    assert sandbox.install(f"{own_widget.url}/events").status == 200
    opening = sandbox.widget_opening()
    page = httpx.post(f"{own_widget.url}/widget", params=opening.query, data=opening.form)
    assert page.headers["Content-Security-Policy"] == f"frame-ancestors {sandbox.origin}"
    assert "X-Frame-Options" not in page.headers
    with launched() as browser:
        browser.new_page().goto(f"{sandbox.origin}/")
        assert own_widget.line("externalCall.").endswith(" +12025550142 connected user 1\n")
        call = {**(sandbox.call or {}), "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": 52}
        sandbox.call = call
        assert own_widget.line("externalCall.").endswith(" connected user 1\n")
        sandbox.call = {**call, "CALL_STATE": "connecting"}
        assert own_widget.line("externalCall.").endswith(" connecting user 1\n")
        sandbox.call = None
        while not own_widget.line("externalCall.").endswith(" has ended\n"):
            pass


def test_it_tells_operators_apart_and_is_uninstalled(
    own_widget: OwnWidget, sandbox: Sandbox
) -> None:
    assert sandbox.install(f"{own_widget.url}/events").status == 200
    for user, number in (("administrator", 1), ("operator", 2)):
        sandbox.user = user
        opening = sandbox.widget_opening()
        page = httpx.post(f"{own_widget.url}/widget", params=opening.query, data=opening.form)
        (session,) = re.findall(r'"X-Session": "(.+?)"', page.text)
        headers = {"X-Session": session}
        httpx.post(f"{own_widget.url}/call", json=sandbox.call, headers=headers).raise_for_status()
        assert own_widget.line("externalCall.").endswith(f" user {number}\n")
    sandbox.uninstall()
    assert [made.status for made in sandbox.deliveries if made.event == "ONAPPUNINSTALL"] == [200]
    page = httpx.post(f"{own_widget.url}/widget", params=opening.query, data=opening.form)
    assert page.status_code == 403


def test_what_is_not_from_a_portal_is_refused(own_widget: OwnWidget, sandbox: Sandbox) -> None:
    opening = sandbox.widget_opening()

    def opened() -> httpx.Response:
        return httpx.post(f"{own_widget.url}/widget", params=opening.query, data=opening.form)

    assert opened().status_code == 403, "it is not installed"
    event = {"event": "ONAPPINSTALL", "auth[access_token]": "x", "auth[application_token]": "y"}
    assert httpx.post(f"{own_widget.url}/events", data=event).status_code == 403
    for path in ("events", "widget"):
        assert httpx.post(f"{own_widget.url}/{path}", data={"event": "X"}).status_code == 400
    assert sandbox.install(f"{own_widget.url}/events").status == 200
    assert opened().status_code == 200
    opening.form["APPLICATION_TOKEN"] = "guessed"
    assert opened().status_code == 403
    opening.form.update(APPLICATION_TOKEN="sandboxapplicationtoken", AUTH_ID="guessed")
    assert opened().status_code == 403
    event |= {"event": "ONAPPUNINSTALL", "auth[member_id]": opening.form["member_id"]}
    assert httpx.post(f"{own_widget.url}/events", data=event).status_code == 403
    posted = httpx.post(f"{own_widget.url}/call", json=sandbox.call, headers={"X-Session": "x"})
    assert posted.status_code == 403


def test_with_bridge_js_in_the_page_the_bridge_answers_with_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = f"http://127.0.0.1:{unused_port()}"
    monkeypatch.setenv("BRIDGE_ORIGINS", origin)
    (tag,) = re.findall(r"^With `(<script .*></script>)` after the library", README, re.MULTILINE)
    (steps,) = re.findall(r"```console\n(\$ curl .*?placement\.bind)\n", README, re.DOTALL)
    with make_bridge() as greeting:
        (portal,) = re.findall(r"Call card URL +(\S+)/\n", greeting)
        (bridge,) = re.findall(r"Webhook URL +(\S+)/rest/", greeting)

        def here(text: str) -> str:
            for shown, real in {"3000": origin, "8024": portal, "8025": bridge}.items():
                text = text.replace(f"http://127.0.0.1:{shown}", real)
            return text

        library = '<script src="{library}"></script>\n'
        program = PROGRAM.replace(library, library + here(tag))
        with running(program, Sandbox(portal), tmp_path, origin) as own_widget:
            shell = here(re.sub("^\\$ ", "", steps, flags=re.MULTILINE)).replace(
                "curl", "curl -sfS"
            )
            subprocess.run(["sh", "-ec", shell], check=True, capture_output=True, timeout=60)
            with launched() as browser:
                browser.new_page().goto(f"{portal}/")
                own_widget.line("externalCall.")
                answers = (asked(greeting) for _ in range(300))  # until the script has connected
                assert any('"CALL_STATE": "connected"' in answer for answer in answers)


def test_the_snippet_of_the_readme_posts_the_call() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (snippet,) = re.findall(r"```html\n(.*?)```", readme, re.DOTALL)
    assert "The sandbox serves the library, too: `http://127.0.0.1:8024/api/v1/`." in readme
    posted = queue.Queue[Any]()

    class Backend(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            if self.path == "/call":
                posted.put(json.loads(body))
            else:
                library = f"{sandbox.origin}/api/v1/"
                page = snippet.replace("https://api.bitrix24.com/api/v1/", library)
                self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server,
        sandbox_at(handler=f"http://127.0.0.1:{server.server_port}/widget") as sandbox,
        launched() as browser,
    ):
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            browser.new_page().goto(f"{sandbox.origin}/")
            assert posted.get(timeout=60) == sandbox.call
        finally:
            server.shutdown()
