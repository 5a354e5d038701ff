"""Times and whole numbers from outside: what is taken, and what is refused."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from scrapersky.runtime.input_model import InputModel, Instant, Integer


class Given(InputModel):
    at: Instant | None = None
    number: Integer | None = None


NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    ["2026-11-28T12:00:00Z", "2026-11-28T12:00:00", "2026-11-28T14:00:00+02:00", NOON, datetime(2026, 11, 28, 12)],
)
def test_a_time_is_taken_in_utc_with_or_without_an_offset(given: object) -> None:
    at = Given.model_validate({"at": given}).at
    assert at == NOON
    assert at is not None
    assert at.tzinfo is UTC


@pytest.mark.parametrize("given", ["20261128", "1764331200", 1764331200, 1764331200.5, True, ["2026-11-28"]])
def test_a_number_or_another_value_is_no_time(given: object) -> None:
    with pytest.raises(ValidationError, match="should be a time such as 2026-11-28T09:30:00Z"):
        Given.model_validate({"at": given})


@pytest.mark.parametrize("given", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:00:00-02:00"])
def test_a_time_outside_of_the_years_1_to_9999_in_utc_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="outside the years 1 to 9999"):
        Given.model_validate({"at": given})


@pytest.mark.parametrize(("given", "taken"), [(2, 2), (2.0, 2), (-3.0, -3)])
def test_a_whole_number_may_have_a_point(given: float, taken: int) -> None:
    assert Given.model_validate({"number": given}).number == taken


@pytest.mark.parametrize("given", [2.5, "2", True])
def test_what_is_no_whole_number_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        Given.model_validate({"number": given})
