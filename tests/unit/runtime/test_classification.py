"""Classification: one table, and nothing falls through it by accident."""

import pytest

from scrapersky.errors import FetchError
from scrapersky.runtime.classification import KINDS, Kind, kind_of, outcome_of
from scrapersky.runtime.outcomes import Fail, Retry, Snooze
from scrapersky.settings import Settings


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("http_404", Kind.PERMANENT),
        ("http_418", Kind.PERMANENT),
        ("http_429", Kind.TRANSIENT),
        ("http_500", Kind.TRANSIENT),
        ("http_599", Kind.TRANSIENT),
    ],
)
def test_an_http_status_goes_by_its_number_unless_it_is_named(code: str, kind: Kind) -> None:
    assert kind_of(code) is kind


@pytest.mark.parametrize("code", ["", "nonsense", "http_", "http_40"])
def test_a_code_nobody_listed_is_not_guessed(code: str) -> None:
    with pytest.raises(KeyError):
        kind_of(code)


@pytest.mark.parametrize("code", sorted(KINDS))
def test_each_kind_has_its_outcome(code: str) -> None:
    outcome = outcome_of(FetchError(code, "because", retry_after=7), Settings())
    expected = {Kind.TRANSIENT: Retry, Kind.PERMANENT: Fail, Kind.LATER: Snooze, Kind.CONFIGURATION: Snooze}[
        KINDS[code]
    ]
    assert type(outcome) is expected
    assert isinstance(outcome, Retry | Fail | Snooze)
    assert (outcome.code, outcome.reason) == (code, "because")
    if isinstance(outcome, Snooze):
        assert (outcome.after, outcome.pause) == (7, KINDS[code] is Kind.CONFIGURATION)
