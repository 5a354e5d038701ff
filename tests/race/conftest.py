"""After every race the invariants hold."""

import pytest


@pytest.fixture(autouse=True)
def _after_every_race(invariants_hold: None) -> None:
    """Check them after each test."""
