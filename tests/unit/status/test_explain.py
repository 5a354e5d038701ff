"""The timeline of a record as text."""

from typing import Any

import pytest

from scrapersky.status.explain import as_text, duration


def attempt(number: int, **changes: Any) -> dict[str, Any]:
    """Return a live attempt that was sent at 10:00, with ``changes``."""
    return {
        "attempt_id": number,
        "trigger": "schedule",
        "dispatched_at": "2026-11-23T10:00:00+00:00",
        "started_at": None,
        "finished_at": None,
        "lease_until": "2026-11-23T12:00:00+00:00",
        "outcome": None,
        "code": None,
        "detail": None,
        "worker": None,
        "request_id": None,
        "seconds": None,
        **changes,
    }


def event(time: str, before: str | None, after: str, **changes: Any) -> dict[str, Any]:
    """Return a status change at ``time`` o'clock by the schedule, with ``changes``."""
    at = f"2026-11-23T{time}+00:00"
    defaults = {"actor": "domain-scheduler", "attempt_id": None, "reason": None, "error_code": None}
    return {"at": at, "from_status": before, "to_status": after, **defaults, **changes}


def timeline(status: str, **changes: Any) -> dict[str, Any]:
    """Return the timeline of metadata 7 as of 10:30, with ``changes``."""
    now = {"status": status, "due_at": None, "failures": 0, "error_code": None, "error": None}
    return {
        "workflow": "metadata",
        "id": 7,
        "at": "2026-11-23T10:30:00+00:00",
        "now": {**now, **changes.pop("now", {})},
        "events": [],
        "attempts": [],
        **changes,
    }


def test_a_record_that_was_never_queued_has_a_short_timeline() -> None:
    assert as_text(timeline("New")).splitlines() == [
        "metadata 7 is New",
        "",
        "No history yet: the record was never queued.",
    ]


def test_the_timeline_shows_times_gaps_attempts_and_actors() -> None:
    rendered = as_text(
        timeline(
            "Error",
            now={"error_code": "parked", "error": "the domain is for sale", "failures": 1},
            events=[
                event("09:58:00", None, "Queued", actor="ada", reason="a new lead"),
                event("10:00:00", "Queued", "Processing", attempt_id=3),
                event("10:00:05.500", "Processing", "Error", attempt_id=3, error_code="parked"),
            ],
            attempts=[
                attempt(
                    3,
                    started_at="2026-11-23T10:00:02+00:00",
                    finished_at="2026-11-23T10:00:05.5+00:00",
                    outcome="failed",
                    code="parked",
                    seconds=3.5,
                    detail={"reason": "the domain is for sale", "url": "https://a.test/"},
                    worker="scrapersky-dev-domain-scheduler:12",
                    request_id="b6a3",
                )
            ],
        )
    )
    assert rendered.splitlines() == [
        "metadata 7 is Error: parked, after 1 failure",
        "  the domain is for sale",
        "",
        "2026-11-23 09:58:00Z            (created) → Queued, by ada",
        "                                reason: a new lead",
        "2026-11-23 10:00:00Z  +2.0 min  Queued → Processing, by domain-scheduler; attempt 3 (schedule)",
        "2026-11-23 10:00:02Z    +2.0 s  attempt 3 starts, 2.0 s after it was sent",
        "                                on scrapersky-dev-domain-scheduler:12, request b6a3",
        "2026-11-23 10:00:05Z    +3.5 s  Processing → Error, by domain-scheduler;"
        " attempt 3 ended failed parked after 3.5 s of work",
        "                                the domain is for sale",
        '                                {"url": "https://a.test/"}',
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            timeline("Queued", now={"due_at": "2026-11-23T11:00:00+00:00", "failures": 2}),
            "due in 30.0 min (2026-11-23 11:00:00Z)",
        ),
        (timeline("Queued", now={"due_at": "2026-11-23T10:29:00+00:00"}), "due since 1.0 min (2026-11-23 10:29:00Z)"),
        (
            timeline("Processing", attempts=[attempt(9)]),
            "attempt 9 holds it and waits for its message; its lease ends in 1.5 h",
        ),
        (
            timeline(
                "Processing",
                attempts=[attempt(9, started_at="2026-11-23T10:01:00+00:00", lease_until="2026-11-23T10:20:00+00:00")],
            ),
            "attempt 9 holds it and is at work; its lease ended 10.0 min ago",
        ),
    ],
)
def test_the_present_state_is_shown_above_the_history(data: dict[str, Any], line: str) -> None:
    assert as_text(data).splitlines()[1] == f"  {line}"


def test_long_details_are_truncated_to_one_line() -> None:
    ended = attempt(1, outcome="done", code="read", finished_at="2026-11-23T10:00:00+00:00", detail={"urls": "x" * 999})
    rendered = as_text(
        timeline("Completed", events=[event("10:00:01", "Processing", "Completed", attempt_id=1)], attempts=[ended])
    )
    assert max(map(len, rendered.splitlines())) < 340


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 ms"), (0.0042, "4 ms"), (1, "1.0 s"), (90, "1.5 min"), (5400, "1.5 h"), (1e6, "11.6 d")],
)
def test_a_duration_is_shown_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_report_is_shown_as_one_line_per_url_and_truncated_when_long() -> None:
    rows = [
        {
            "url": "https://a.test/",
            "method": "html_link",
            "result": "read",
            "http_status": 200,
            "type": None,
            "urls": 0,
        },
        {
            "url": "https://a.test/s.xml",
            "method": "common_path",
            "result": "sitemap",
            "http_status": 200,
            "type": "urlset",
            "urls": 12,
        },
        {
            "url": "https://a.test/t.xml",
            "method": "common_path",
            "result": "http_404",
            "http_status": 404,
            "type": None,
            "urls": None,
        },
    ]
    assert as_text(timeline("Completed", report=rows)).splitlines()[-5:] == [
        "",
        "It tried 3 urls:",
        "  read               https://a.test/ (html_link, 0 urls)",
        "  sitemap            https://a.test/s.xml (common_path, urlset, 12 urls)",
        "  http_404           https://a.test/t.xml (common_path)",
    ]
    assert as_text(timeline("Completed", report=rows * 50)).splitlines()[-1] == "  … and 50 more"
    assert as_text(timeline("Completed", report=None)) == as_text(timeline("Completed"))


def test_an_attempt_that_a_worker_pulled_was_not_sent() -> None:
    pulled = attempt(3, trigger="pull", started_at="2026-11-23T10:00:00+00:00")
    lines = as_text(timeline("Processing", attempts=[pulled])).splitlines()
    assert any(line.endswith("attempt 3 starts, pulled by a worker") for line in lines), lines


def test_a_record_whose_history_was_deleted_is_not_called_new() -> None:
    lines = as_text(timeline("Completed", history_deleted=True)).splitlines()
    assert lines == ["metadata 7 is Completed", "", "Older history was deleted: it is kept for HISTORY_DAYS."]


def test_a_change_whose_attempt_was_deleted_is_shown_without_it() -> None:
    events = [
        event("10:00:00", "Queued", "Processing", attempt_id=3),
        event("10:00:05", "Processing", "Completed", attempt_id=3),
    ]
    *_, began, ended = as_text(timeline("Completed", events=events)).splitlines()
    assert began.endswith("Queued → Processing, by domain-scheduler")
    assert ended.endswith("Processing → Completed, by domain-scheduler")


@pytest.mark.parametrize(("code", "shown"), [(None, "ended lost"), ("lost", "ended lost"), ("dns", "ended lost dns")])
def test_the_end_of_an_attempt_names_its_code_where_that_says_more(code: str | None, shown: str) -> None:
    ended = attempt(3, finished_at="2026-11-23T10:00:05+00:00", outcome="lost", code=code)
    events = [event("10:00:05", "Processing", "Queued", attempt_id=3)]
    assert as_text(timeline("Queued", events=events, attempts=[ended])).splitlines()[-1].endswith(shown)
