"""Pages of other sites in the developer's browser, against a sandbox that runs meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bitrix24_sandbox.testing import Sandbox
from playwright.sync_api import Browser, Page

from tests.chromium import launch
from tests.sandbox.browser.conftest import PATIENCE, OpenCard, Serve

CHANGES = """async (origin) => {
  const outcomes = [];
  for (const [method, path] of [
    ["GET", "/sandbox/state"], ["POST", "/sandbox/reset"], ["DELETE", "/sandbox/call"],
    ["POST", "/sandbox/card/close"], ["GET", "/sandbox/requests"], ["POST", "/oauth/token/"],
  ]) {
    for (const mode of ["cors", "no-cors"]) {
      if (mode === "no-cors" && method === "DELETE") continue;
      const told = await fetch(origin + path, { method, mode }).then((r) => r.type, () => "error");
      outcomes.push(told);
    }
  }
  return outcomes;
}"""


@pytest.fixture
def foreign_page(browser: Browser, serve: Serve) -> Iterator[Callable[[str], Page]]:
    """Open a page of another origin, with this in it."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)

    def open_page(body: str) -> Page:
        page = context.new_page()
        # Another site, not only another port, is what `localhost` is to `127.0.0.1`.
        page.goto(serve(f"<!doctype html>{body}").replace("127.0.0.1", "localhost"))
        return page

    yield open_page
    context.close()


def test_it_reads_nothing_and_changes_nothing(
    foreign_page: Callable[[str], Page], sandbox: Sandbox
) -> None:
    sandbox.fail("slow", seconds=0)
    before = sandbox.state()
    outcomes = foreign_page("").evaluate(CHANGES, sandbox.origin)
    assert set(outcomes) <= {"error", "opaque"}
    assert "error" in outcomes
    assert sandbox.state() == before


def test_a_form_of_its_own_changes_nothing(
    foreign_page: Callable[[str], Page], sandbox: Sandbox
) -> None:
    before = sandbox.state()
    page = foreign_page(
        f'<form method="post" enctype="text/plain" action="{sandbox.origin}/sandbox/faults">'
        """<input name='{"fault":"slow","times":1,"x":"' value='"}'></form>"""
    )
    with page.expect_navigation() as navigation:
        page.evaluate("document.forms[0].submit()")
    assert navigation.value
    assert navigation.value.status == 403
    assert sandbox.state() == before


def test_it_hears_nothing_of_the_card(
    foreign_page: Callable[[str], Page], sandbox: Sandbox
) -> None:
    heard = foreign_page("").evaluate(
        """(url) => new Promise((resolve) => {
          const stream = new EventSource(url);
          stream.onmessage = () => resolve("message");
          stream.onerror = () => resolve("error");
        })""",
        f"{sandbox.origin}/sandbox/card/turns",
    )
    assert heard == "error"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_it_cannot_frame_a_page(
    path: str, foreign_page: Callable[[str], Page], sandbox: Sandbox
) -> None:
    page = foreign_page("")
    with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        page.evaluate(
            """(url) => {
              const frame = document.createElement("iframe");
              frame.src = url;
              document.body.append(frame);
            }""",
            sandbox.origin + path,
        )


def test_a_page_whose_name_has_come_to_lead_here_reads_nothing(
    browser: Browser, sandbox: Sandbox
) -> None:
    """DNS rebinding: the name resolves to this machine, the browser takes it for one origin."""
    port = sandbox.origin.rpartition(":")[2]
    rebound = launch(browser.browser_type, "--host-resolver-rules=MAP rebound.example 127.0.0.1")
    try:
        page = rebound.new_page()
        answer = page.goto(f"http://rebound.example:{port}/sandbox/state")
        assert answer
        assert answer.status == 421
        assert "CALL_ID" not in page.content()
    finally:
        rebound.close()


def test_the_pages_work_under_their_policies(open_card: OpenCard) -> None:
    card = open_card()
    card.widget.get_by_text("externalCall").first.wait_for()
    complaints = [text for text in card.heard if "Content Security Policy" in text]
    assert complaints == []
    page: Any = card.page.context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{card.sandbox.origin}/docs")
    page.get_by_text("The sandbox itself").wait_for()
    page.locator("#docs .opblock").first.wait_for()
    assert [text for text in complaints if "Content Security Policy" in text] == []
