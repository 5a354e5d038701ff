"""After every race the invariants hold."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from scrapersky.service.registry import METADATA
from scrapersky.status.invariants import find_breaches


@pytest.fixture(autouse=True)
def invariants_hold(connection: Connection) -> Iterator[None]:
    """Checks them when the test has passed."""
    yield
    assert find_breaches(connection, METADATA) == []
