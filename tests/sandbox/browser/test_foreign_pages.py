"""A page of another site in the developer's browser, while the sandbox runs."""

from collections.abc import Iterator

import pytest
from bitrix24_sandbox.testing import Sandbox
from playwright.sync_api import Browser, Page

from tests.sandbox.browser.cards import PATIENCE, OpenCard, Serve

REQUESTS = """async (origin) => {
  const outcomes = [];
  for (const [method, path] of [
    ["GET", "/sandbox/state"], ["POST", "/sandbox/reset"], ["DELETE", "/sandbox/call"],
    ["POST", "/sandbox/card/close"], ["GET", "/sandbox/requests"], ["POST", "/oauth/token/"],
  ]) {
    for (const mode of ["cors", "no-cors"]) {
      if (mode === "no-cors" && method === "DELETE") continue;
      const response = fetch(origin + path, { method, mode });
      outcomes.push(await response.then(({ type }) => type, () => "error"));
    }
  }
  outcomes.push(await new Promise((resolve) => {
    const stream = new EventSource(`${origin}/sandbox/card/turns`);
    stream.onmessage = () => resolve("message");
    stream.onerror = () => resolve("error");
  }));
  return outcomes;
}"""


@pytest.fixture
def foreign_page(browser: Browser, serve: Serve, sandbox: Sandbox) -> Iterator[Page]:
    """A page of another site, with a form that posts a fault."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        form = (
            f'<form method="post" enctype="text/plain" action="{sandbox.origin}/sandbox/faults">'
            """<input name='{"fault":"slow","times":1,"x":"' value='"}'></form>"""
        )
        # `localhost` is another site than `127.0.0.1`, not only another port.
        page.goto(serve(f"<!doctype html>{form}").replace("127.0.0.1", "localhost"))
        yield page


def test_it_can_neither_read_nor_change_nor_frame_anything(
    foreign_page: Page, sandbox: Sandbox
) -> None:
    sandbox.fail("slow", seconds=0)
    before = sandbox.state()
    outcomes = foreign_page.evaluate(REQUESTS, sandbox.origin)
    assert set(outcomes) <= {"error", "opaque"}
    assert outcomes[-1] == "error"
    for path in ("/", "/docs"):
        with foreign_page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            foreign_page.evaluate(
                """(src) => document.body.append(
                    Object.assign(document.createElement("iframe"), { src }))""",
                sandbox.origin + path,
            )
    with foreign_page.expect_navigation() as navigation:
        foreign_page.evaluate("document.forms[0].submit()")
    assert navigation.value
    assert navigation.value.status == 403
    assert sandbox.state() == before


def test_the_sandbox_s_pages_work_with_their_policies(open_card: OpenCard) -> None:
    card = open_card()
    card.widget.get_by_text("externalCall").first.wait_for()
    complaints = list(card.console)
    page = card.page.context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{card.sandbox.origin}/docs")
    page.get_by_text("The sandbox itself").wait_for()
    page.locator("#docs .opblock").first.wait_for()
    assert [text for text in complaints if "Content Security Policy" in text] == []
