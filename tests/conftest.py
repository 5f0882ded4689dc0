"""What the tests share: one running sandbox, or the one that `SANDBOX_URL` points at."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox

# The folders whose files take longest, which are begun with so that all workers end together.
LONGEST = ("bridge/browser", "sandbox/browser", "scripts", "contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take longest, in the order of `LONGEST`."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        places = (n for n, folder in enumerate(LONGEST) if path.startswith(f"{folder}/"))
        return next(places, len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """A sandbox for all tests of this process; ask for `sandbox`, which each test gets afresh."""
    if origin := os.environ.get("SANDBOX_URL"):
        yield Sandbox(origin.rstrip("/"))
    else:
        with running() as sandbox:
            yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The running sandbox in the state of its start, which it returns to after the test."""
    running_sandbox.reset()
    yield running_sandbox
    running_sandbox.reset()


@pytest.fixture
def webhook_url(sandbox: Sandbox) -> str:
    """The webhook's base URL, with its trailing slash, as portals show it."""
    return sandbox.webhook_url


@pytest.fixture
def oauth_url(sandbox: Sandbox) -> str:
    """The base URL of calls with an access token."""
    return sandbox.oauth_url


@pytest.fixture
def access_token(sandbox: Sandbox) -> str:
    """A valid access token."""
    return sandbox.access_token
