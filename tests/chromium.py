"""The Chromium of this machine, for tests in a browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserType, sync_playwright

# Chromium shall ask nobody but the pages under test.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def launch(chromium: BrowserType) -> Browser:
    """Start Chromium. Without it on this machine tests are skipped, but in CI they fail."""
    path = shutil.which("chromium")
    if path is None:
        missing = "There is no chromium on this machine, so nothing was tested in a browser."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return chromium.launch(executable_path=path, args=ARGUMENTS)


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium while the context lasts."""
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()
