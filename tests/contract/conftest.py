"""What the tests of the contract share: the document, and a sandbox in this process."""

from collections.abc import Iterator

import pytest
from bitrix24_sandbox.server import Running, running
from contract import document as contract


@pytest.fixture(scope="session")
def document() -> contract.Document:
    """The committed contract; not to be changed in place."""
    return contract.load()


@pytest.fixture(scope="session")
def running_portal() -> Iterator[Running]:
    """A running sandbox, in any state."""
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def portal(running_portal: Running) -> Iterator[Running]:
    """The running sandbox in its initial state, to which it returns after the test."""
    running_portal.reset()
    yield running_portal
    running_portal.reset()
