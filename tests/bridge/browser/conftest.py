"""What the tests share: a browser and a portal for one file, a bridge for one test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import Running, running
from playwright.sync_api import Browser

from tests.bridge.browser.scenes import Playing, Scene, playing
from tests.bridge.browser.sites import Site, serving
from tests.chromium import launched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file: other tests must not meet the event loop that Playwright runs."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    """A current portal."""
    with running(Portal("js-only")) as sandbox:
        yield sandbox


@pytest.fixture
def start(browser: Browser, sandbox: Running, tmp_path: Path) -> Iterator[Playing]:
    """Run a bridge with these settings, on the portal in the state of its start."""
    sandbox.reset()
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            playing(browser, sandbox, tmp_path, **settings)
        )


@pytest.fixture
def scene(start: Playing) -> Scene:
    """A bridge that asks the card each time."""
    return start()


@pytest.fixture
def site() -> Iterator[Site]:
    """A server at another origin than the portal's and the bridge's."""
    with serving({}) as site:
        yield site
