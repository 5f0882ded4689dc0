"""The application in the call card, in a browser."""

import shutil
from collections.abc import Iterator

import pytest
from bitrix24_sandbox.testing import Sandbox
from playwright.sync_api import Browser, Page, expect, sync_playwright
from serving import Application

PATIENCE = 60_000  # milliseconds, for a busy machine
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def card(browser: Browser, application: Application, bitrix24_sandbox: Sandbox) -> Iterator[Page]:
    assert application.installation.status == 200
    problems: list[str] = []
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{bitrix24_sandbox.origin}/")
        yield page
    assert problems == []


@pytest.mark.parametrize("profile", ["rest", "js-only"])
def test_the_operator_sees_the_client_and_keeps_a_note(
    card: Page, bitrix24_sandbox: Sandbox
) -> None:
    widget = card.frame_locator("iframe")
    expect(widget.get_by_role("heading")).to_have_text("Nora Whitfield")
    widget.get_by_label("Note", exact=True).fill("calls back on Friday")
    widget.get_by_role("button", name="Keep").click()
    expect(widget.get_by_role("listitem")).to_have_text("calls back on Friday")

    bitrix24_sandbox.play("outgoing-unbound")
    expect(widget.get_by_role("heading")).to_have_text("+12025550199")
    bitrix24_sandbox.play("incoming-bound")
    expect(widget.get_by_role("heading")).to_have_text("Nora Whitfield")
    expect(widget.get_by_role("listitem")).to_contain_text("calls back on Friday (")


def test_another_client_in_the_same_card_is_shown(card: Page, bitrix24_sandbox: Sandbox) -> None:
    widget = card.frame_locator("iframe")
    expect(widget.get_by_role("heading")).to_have_text("Nora Whitfield")
    assert bitrix24_sandbox.call
    bitrix24_sandbox.call = {**bitrix24_sandbox.call, "CRM_ENTITY_ID": 23}
    expect(widget.get_by_role("heading")).to_have_text("Tomasz Zieliński")
