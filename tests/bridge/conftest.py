"""What the tests of the bridge share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run `async` tests on asyncio, as the bridge runs."""
    return "asyncio"
