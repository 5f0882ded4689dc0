"""The installed Chromium, for browser tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from chromium import executable
from playwright.sync_api import Browser, BrowserType, sync_playwright

# No requests but those of the pages under test.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def require() -> str:
    """Return the path of Chromium; without one, skip the test, or fail it in CI."""
    if (path := executable()) is not None:
        return path
    missing = "Chromium is not installed."
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def launch(chromium: BrowserType, *arguments: str) -> Browser:
    """Start Chromium."""
    return chromium.launch(executable_path=require(), args=[*ARGUMENTS, *arguments])


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium while the context lasts."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()
