"""Fixtures of the cases: those of the integration tests, which a case that needs no database never makes."""

from tests.integration.conftest import api, environment, harness

__all__ = ["api", "environment", "harness"]
