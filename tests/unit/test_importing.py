"""Imports without the garbage collector."""

import gc

import pytest

from scrapersky.importing import importing


def test_nothing_is_collected_while_modules_are_made_and_they_are_not_among_the_youngest_afterwards() -> None:
    with importing():
        assert not gc.isenabled()
        made: list[object] = [[]]
        assert any(one is made for one in gc.get_objects(generation=0))
    assert gc.isenabled()
    assert not any(one is made for one in gc.get_objects(generation=0))


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), importing():
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401
    assert gc.isenabled()
