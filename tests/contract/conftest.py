"""What the tests of the contract share: the document, and a sandbox in this process."""

from collections.abc import Iterator

import pytest
from bitrix24_sandbox.server import Running, running
from contract import document as contract

from tests.contract.scenario import restore


@pytest.fixture(scope="session")
def document() -> contract.Document:
    """The committed contract; not to be changed in place."""
    return contract.load()


@pytest.fixture(scope="session")
def running_portal() -> Iterator[Running]:
    """A sandbox whose portal the tests can reach into; ask for `portal`, which is fresh."""
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def portal(running_portal: Running) -> Iterator[Running]:
    """A sandbox in the state of its start, which it returns to after the test."""
    restore(running_portal)
    yield running_portal
    restore(running_portal)
