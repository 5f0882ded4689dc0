"""Shared by all tests: one running sandbox, or the one at `SANDBOX_URL`."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitrix24_sandbox.server import running
from bitrix24_sandbox.testing import Sandbox

# The folders whose files take longest. They start first, so that all workers end together.
LONGEST = ("bridge/browser", "sandbox/browser", "scripts", "contract")


def pytest_configure(config: pytest.Config) -> None:
    """Clean up after SIGTERM as after Ctrl-C, and name a path that does not exist."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for argument in config.args:  # with pytest-xdist, pytest's own message is lost
        path = config.invocation_params.dir / argument.partition("::")[0]
        if not path.exists():
            raise pytest.UsageError(f"{path} does not exist")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the folders that take longest, in the order of `LONGEST`."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        places = (n for n, folder in enumerate(LONGEST) if path.startswith(f"{folder}/"))
        return next(places, len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests of this process; use `sandbox`, which is reset for each test."""
    if origin := os.environ.get("SANDBOX_URL"):
        yield Sandbox(origin.rstrip("/"))
    else:
        with running() as sandbox:
            yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The running sandbox, reset for the test."""
    running_sandbox.reset()
    return running_sandbox


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
