"""Errors: the class of an error decides the outcome, and each code belongs to one kind."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from scrapersky import errors
from scrapersky.errors import (
    FetchFailed,
    FetchPostponed,
    FetchRefused,
    Misconfigured,
    Permanent,
    Transient,
    Unavailable,
    WorkError,
)
from scrapersky.runtime.outcomes import Fail, Outcome, Retry, Snooze, outcome_of
from scrapersky.settings import Settings
from scrapersky.web.fetched import http_error
from scrapersky.web.sitemaps import SitemapRefused

ROOT = Path(__file__).parents[2]
KINDS = (Transient, Permanent, Unavailable, Misconfigured)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Permanent),
        (404, Permanent),
        (408, Transient),
        (418, Permanent),
        (425, Transient),
        (429, Transient),
        (500, Transient),
        (599, Transient),
        (999, Permanent),
    ],
)
def test_the_kind_of_an_http_error_follows_from_its_status(status: int, kind: type[WorkError]) -> None:
    error = http_error(status, "because", 7)
    assert isinstance(error, kind)
    assert (error.code, error.reason, error.retry_after) == (f"http_{status}", "because", 7)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Transient, Retry("x", "because", after=7)),
        (FetchFailed, Retry("x", "because", after=7)),
        (Permanent, Fail("x", "because")),
        (FetchRefused, Fail("x", "because")),
        (SitemapRefused, Fail("x", "because")),
        (Unavailable, Snooze("x", "because", after=7)),
        (FetchPostponed, Snooze("x", "because", after=7)),
        (Misconfigured, Snooze("x", "because", after=7, pause=True)),
    ],
)
def test_each_kind_of_error_has_its_outcome(kind: type[WorkError], outcome: Outcome) -> None:
    assert outcome_of(kind("x", "because", retry_after=7), Settings()) == outcome


@pytest.mark.parametrize(("kind", "after"), [(Unavailable, 30), (Misconfigured, 900)])
def test_a_snooze_without_retry_after_takes_the_setting(kind: type[WorkError], after: float) -> None:
    outcome = outcome_of(kind("x", "because"), Settings())
    assert isinstance(outcome, Snooze)
    assert outcome.after == after


def test_an_error_of_no_kind_is_unexpected() -> None:
    outcome = outcome_of(WorkError("x", "because"), Settings())
    assert outcome == Retry("unexpected", "WorkError: x: because")


def test_another_reason_keeps_class_code_and_retry_after() -> None:
    error = FetchPostponed("host_busy", "why", 7).with_reason("because")
    assert (type(error), str(error), error.retry_after) == (FetchPostponed, "host_busy: because", 7)


def test_each_code_is_raised_with_one_kind_only_and_each_error_has_exactly_one_kind() -> None:
    kinds = defaultdict(set)
    for name, code in raised():
        error = SitemapRefused if name == "SitemapRefused" else getattr(errors, name)
        own = [kind for kind in KINDS if issubclass(error, kind)]
        assert len(own) == 1, f"{name}({code!r}) is of no single kind"
        kinds[code].add(own[0])
    assert len(kinds) > 15
    assert {code: kind for code, kind in kinds.items() if len(kind) > 1} == {}


def raised() -> Iterator[tuple[str, str]]:
    """Return (class, code) of each error that the product makes with a literal code."""
    names = {name for name, value in vars(errors).items() if isinstance(value, type)} | {"SitemapRefused"}
    for folder in ("functions", "layers/common/python/scrapersky"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                match node:
                    case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]) if name in names:
                        yield name, code
