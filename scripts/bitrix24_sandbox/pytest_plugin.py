"""The pytest plugin: the fixture `bitrix24_sandbox`, with one sandbox for each pytest process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .testing import Sandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's setting."""
    parser.addini(
        "bitrix24_sandbox_tls",
        "whether the sandbox of the fixture bitrix24_sandbox speaks HTTPS",
        type="bool",
        default=False,
    )


@pytest.fixture(scope="session")
def _running_bitrix24_sandbox(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    # Imported here, or every run of pytest would wait for it, even without the fixture.
    from .process import started

    with started(tls=pytestconfig.getini("bitrix24_sandbox_tls")) as sandbox:
        yield sandbox


@pytest.fixture
def bitrix24_sandbox(_running_bitrix24_sandbox: Sandbox) -> Sandbox:
    """A Bitrix24 portal on this machine, reset for each test: a `Sandbox`.

    It runs in a process of its own, which a test's frozen clock and mocked httpx do not reach.
    """
    _running_bitrix24_sandbox.reset()
    return _running_bitrix24_sandbox
