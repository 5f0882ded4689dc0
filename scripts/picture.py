"""Make README's picture of the sandbox's call card with its messages.

Needs Chromium; run it as `PYTHONPATH=scripts .venv/bin/python scripts/picture.py`.
"""

import sys
from io import BytesIO
from pathlib import Path

import httpx
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox
from chromium import executable
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

PICTURE = Path(__file__).with_suffix(".png")


def act(page: Page, sandbox: Sandbox) -> None:
    """Let a call come in, and an application ask for it twice: the first request is refused."""
    page.get_by_role("button", name="Close card").click()
    expect(page.get_by_text("The card is closed")).to_be_visible()
    page.locator("#log-clear").click()
    page.get_by_role("button", name="Ring", exact=True).click()
    received = page.frame_locator("iframe").locator("#received strong")
    expect(received.filter(has_text="getStatus")).to_have_count(1)
    page.get_by_role("button", name="Answer").click()
    expect(received.filter(has_text="getStatus")).to_have_count(2)  # after the state has changed
    sandbox.fail("QUERY_LIMIT_EXCEEDED")
    for _ in range(2):
        url = f"{sandbox.webhook_url}placement.call"
        httpx.post(url, json={"PLACEMENT": "getStatus", "PARAMS": {}}, trust_env=False)
    expect(page.locator("#log-entries > li", has_text="placement.call")).to_have_count(2)
    page.mouse.move(0, 0)  # over no button


def main() -> None:
    """Make the picture."""
    if (chromium := executable()) is None:
        sys.exit("Chromium is not installed.")
    with running() as sandbox, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-lcd-text"]
        )
        page = browser.new_page(
            viewport={"width": 1280, "height": 1100}, color_scheme="light", bypass_csp=True
        )
        page.goto(sandbox.origin)
        act(page, sandbox)
        rest = ".scene, .connect { display: none }"
        shot = page.locator("main").screenshot(animations="disabled", style=rest)
        browser.close()
    # A palette makes the file a third of the size, without a visible difference.
    Image.open(BytesIO(shot)).quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
