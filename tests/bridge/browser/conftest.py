"""What the tests share: a browser and a portal for one file, a bridge for one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import Running, running
from playwright.sync_api import Browser

from tests.bridge.browser.scenes import Scene, playing
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
def start(browser: Browser, sandbox: Running, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Run a bridge with these settings, on the portal in the state of its start."""
    sandbox.reset()
    scenes: list[Scene] = []
    with ExitStack() as stack:

        def start(**settings: Any) -> Scene:
            scenes.append(stack.enter_context(playing(browser, sandbox, tmp_path, **settings)))
            return scenes[-1]

        yield start
    for scene in scenes:
        assert scene.faults == []


@pytest.fixture
def scene(start: Callable[..., Scene]) -> Scene:
    """A bridge that asks the card each time."""
    return start()
