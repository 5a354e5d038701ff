"""The deep scan of a place, with a fake Places API on loopback."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scrapersky.models import Place
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, Snooze
from scrapersky.runtime.paid_calls import UnusableKey, key_of
from scrapersky.runtime.places_api import seconds_until_quota_resets
from scripts.commands.run.internet.places import FIELDS, PlacesApi
from scripts.commands.run.internet.website import Answer, Request
from sitemap_scheduler.deep_scan import FIELD_MASK, deep_scan_place
from tests.jobs import Answers, run_job

KEY = "AIzaTestKey-0123456789"
KNOWN = {"ChIJ1": {"displayName": {"text": "Smile Dental"}, "websiteUri": "https://smile.example/"}}


def scan(
    directory: Path,
    place_id: str,
    *,
    secret: str = KEY,
    answer: Callable[[Request], Answer] | None = None,
    **settings: Any,
) -> Outcome:
    """Return the outcome for ``place_id``; ``answer`` replaces the fake API."""
    api = Answers(answer) if answer else PlacesApi(KNOWN, KEY)
    return run_job(
        deep_scan_place,
        Place(id=1, place_id=place_id, tenant="default"),
        {"places.googleapis.com": api},
        directory,
        secrets={"places": secret},
        **({"places_secret": "places"} | settings),
    )


def error(status: int, word: str, message: str, reason: str | None = None) -> Callable[[Request], Answer]:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    body = json.dumps({"error": {"code": status, "message": message, "status": word, "details": details}})
    return lambda _: Answer(status, body.encode(), {"Content-Type": "application/json"})


def test_a_known_place_is_scanned(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJ1")
    assert isinstance(outcome, Done)
    assert outcome.code == "scanned"
    assert outcome.write is not None


def test_every_field_of_the_mask_is_a_field_of_the_api() -> None:
    assert set(FIELD_MASK.split(",")) <= FIELDS
    assert " " not in FIELD_MASK


@pytest.mark.parametrize(
    ("place_id", "code"), [("ChIJerror_not_found", "place_not_found"), ("ChIJunheard of", "no_such_place")]
)
def test_a_place_that_google_does_not_know_fails_without_a_retry(tmp_path: Path, place_id: str, code: str) -> None:
    outcome = scan(tmp_path, place_id)
    assert isinstance(outcome, Fail)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("place_id", "code"),
    [
        ("ChIJerror_quota_minute", "http_429"),
        ("ChIJerror_internal", "places_unavailable"),
        ("ChIJerror_unavailable", "places_unavailable"),
    ],
)
def test_a_transient_error_is_retried(tmp_path: Path, place_id: str, code: str) -> None:
    outcome = scan(tmp_path, place_id)
    assert isinstance(outcome, Retry)
    assert outcome.code == code


def test_a_denied_key_pauses_the_workflow(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJerror_denied")
    assert isinstance(outcome, Snooze)
    assert (outcome.code, outcome.pause, outcome.after) == ("places_denied", True, 900)


def test_a_wrong_key_pauses_the_workflow(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJ1", secret="AIzaWrong")
    assert isinstance(outcome, Snooze)
    assert (outcome.code, outcome.pause) == ("places_key_invalid", True)


def test_a_spent_daily_quota_pauses_until_it_is_reset(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJerror_quota_day")
    assert isinstance(outcome, Snooze)
    assert (outcome.code, outcome.pause) == ("places_quota_day", True)
    assert 0 < outcome.after <= 25 * 3600


def test_a_request_that_is_wrong_for_every_place_pauses_the_workflow(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJ1", answer=error(400, "INVALID_ARGUMENT", "Cannot find matching fields for path"))
    assert isinstance(outcome, Snooze)
    assert outcome.code == "places_denied"


@pytest.mark.parametrize(
    ("status", "body", "cut_at", "code"),
    [
        (200, b'{"id": "ChIJ1", "displayName": {"text": "Smi', None, "bad_response"),
        (200, b'{"id": "ChIJ1"}', 9, "bad_response"),
        (200, b"<!DOCTYPE html>", None, "bad_response"),
        (200, b"[" * 100_000, None, "bad_response"),
        (300, b'{"id": "ChIJ1"}', None, "bad_response"),
        (502, b"<!DOCTYPE html><title>Error 502</title>", None, "places_unavailable"),
    ],
)
def test_an_answer_without_a_json_object_is_retried(
    tmp_path: Path, status: int, body: bytes, cut_at: int | None, code: str
) -> None:
    outcome = scan(tmp_path, "ChIJ1", answer=lambda _: Answer(status, body, cut_at=cut_at))
    assert isinstance(outcome, Retry)
    assert outcome.code == code


def test_retry_after_is_respected(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJ1", answer=lambda _: Answer(503, b"", {"Retry-After": "77"}))
    assert isinstance(outcome, Retry)
    assert outcome.after == 77


def test_the_key_is_sent_in_a_header_and_is_in_no_url_or_reason(tmp_path: Path) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        return error(403, "PERMISSION_DENIED", f"The key {KEY} may not do this.")(request)

    outcome = scan(tmp_path, "ChIJ1", answer=answer)
    assert [request.headers["X-Goog-Api-Key"] for request in asked] == [KEY]
    assert KEY not in asked[0].target
    assert KEY not in repr(outcome)
    assert "(key)" in repr(outcome)


def test_robots_txt_of_the_api_is_not_requested(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.target)
        return Answer(200, b"{}")

    scan(tmp_path, "ChIJ_-1", answer=answer)
    assert asked == ["/v1/places/ChIJ_-1?languageCode=en"]


@pytest.mark.parametrize("name", ["", "another"])
def test_a_secret_that_cannot_be_read_pauses_the_workflow(tmp_path: Path, name: str) -> None:
    outcome = scan(tmp_path, "ChIJ1", places_secret=name)
    assert isinstance(outcome, Snooze)
    assert (outcome.code, outcome.pause) == ("places_key_invalid", True)


def test_a_moved_place_is_done_with_moved(tmp_path: Path) -> None:
    outcome = scan(tmp_path, "ChIJ1", answer=lambda _: Answer(200, b'{"id": "ChIJ1", "movedPlaceId": "ChIJ2"}'))
    assert isinstance(outcome, Done)
    assert (outcome.code, outcome.detail) == ("moved", {"moved_to": "ChIJ2"})


@pytest.mark.parametrize("secret", ["AIza1", " AIza1\n", '{"api_key": "AIza1"}', '{"api_key": " AIza1 "}'])
def test_the_secret_is_the_bare_key_or_json(secret: str) -> None:
    assert key_of(secret, "PLACES_SECRET") == "AIza1"


@pytest.mark.parametrize("secret", ["", "  ", "{}", '{"api_key": null}', "AIza\r\nX-Evil: 1", "Schlüssel", "{broken"])
def test_a_secret_without_a_usable_key_is_rejected_without_being_quoted(secret: str) -> None:
    with pytest.raises(UnusableKey) as refusal:
        key_of(secret, "PLACES_SECRET")
    assert not secret.strip() or secret.strip() not in str(refusal.value).replace('{"api_key": "…"}', "")


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize(("day", "hour"), [(1, 0), (8, 9), (1, 8), (15, 7), (2, 7)])
def test_quotas_are_reset_at_the_next_pacific_midnight(month: int, day: int, hour: int) -> None:
    now = datetime(2026, month, day, hour, 30, tzinfo=UTC)
    reset = datetime.fromtimestamp(now.timestamp() + seconds_until_quota_resets(now), ZoneInfo("America/Los_Angeles"))
    assert (reset.hour, reset.minute, reset.second) == (0, 0, 0)
    assert 0 < seconds_until_quota_resets(now) <= 25 * 3600


@pytest.mark.parametrize("place_id", ["", ".", "..", "%2e%2e", "a/b", "a b", "a?b", "\ud800", "x" * 501])
def test_an_unusable_place_id_fails_alone_and_is_never_requested(place_id: str, tmp_path: Path) -> None:
    outcome = scan(tmp_path, place_id, answer=lambda _: pytest.fail("was requested"))
    assert (type(outcome), outcome.code) == (Fail, "no_such_place")
