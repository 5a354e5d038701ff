"""A record's timeline as text, from what explain answers."""

from typing import Any

import pytest

from scrapersky.status.timeline import duration, tell


def attempt(number: int, **told: Any) -> dict[str, Any]:
    """An attempt that was sent at 10:00 and is live, but for what is told."""
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
        **told,
    }


def event(time: str, before: str | None, after: str, **told: Any) -> dict[str, Any]:
    """A status change at ``time`` o'clock, by the schedule."""
    at = f"2026-11-23T{time}+00:00"
    said = {"actor": "domain-scheduler", "attempt_id": None, "reason": None, "error_code": None}
    return {"at": at, "from_status": before, "to_status": after, **said, **told}


def timeline(status: str, **told: Any) -> dict[str, Any]:
    """The timeline of metadata 7, asked at 10:30."""
    now = {"status": status, "due_at": None, "failures": 0, "error_code": None, "error": None}
    return {
        "workflow": "metadata",
        "id": 7,
        "at": "2026-11-23T10:30:00+00:00",
        "now": {**now, **told.pop("now", {})},
        "events": [],
        "attempts": [],
        **told,
    }


def test_a_record_nobody_asked_for_has_a_short_timeline() -> None:
    assert tell(timeline("New")).splitlines() == [
        "metadata 7 is New",
        "",
        "Nothing has happened to it yet: nobody has asked for the work.",
    ]


def test_the_timeline_has_times_gaps_attempts_and_who() -> None:
    told = tell(
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
    assert told.splitlines() == [
        "metadata 7 is Error: parked, after 1 failure",
        "  the domain is for sale",
        "",
        "2026-11-23 09:58:00Z            (created) → Queued, by ada",
        "                                because: a new lead",
        "2026-11-23 10:00:00Z  +2.0 min  Queued → Processing, by domain-scheduler; attempt 3 (schedule)",
        "2026-11-23 10:00:02Z    +2.0 s  attempt 3 starts, 2.0 s after it was sent",
        "                                on scrapersky-dev-domain-scheduler:12, request b6a3",
        "2026-11-23 10:00:05Z    +3.5 s  Processing → Error, by domain-scheduler;"
        " attempt 3 ended failed parked after 3.5 s of work",
        "                                the domain is for sale",
        '                                {"url": "https://a.test/"}',
    ]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            timeline("Queued", now={"due_at": "2026-11-23T11:00:00+00:00", "failures": 2}),
            "due in 30.0 min (2026-11-23 11:00:00Z)",
        ),
        (timeline("Queued", now={"due_at": "2026-11-23T10:29:00+00:00"}), "due since 1.0 min (2026-11-23 10:29:00Z)"),
        (
            timeline("Processing", attempts=[attempt(9)]),
            "attempt 9 holds it and waits for its message to arrive; its lease ends in 1.5 h",
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
def test_what_it_waits_for_stands_above_the_timeline(told: dict[str, Any], line: str) -> None:
    assert tell(told).splitlines()[1] == f"  {line}"


def test_long_details_are_cut_to_one_line() -> None:
    ended = attempt(1, outcome="done", code="read", finished_at="2026-11-23T10:00:00+00:00", detail={"urls": "x" * 999})
    told = tell(
        timeline("Completed", events=[event("10:00:01", "Processing", "Completed", attempt_id=1)], attempts=[ended])
    )
    assert max(map(len, told.splitlines())) < 340


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 ms"), (0.0042, "4 ms"), (1, "1.0 s"), (90, "1.5 min"), (5400, "1.5 h"), (1e6, "11.6 d")],
)
def test_a_duration_is_told_in_the_unit_that_says_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_report_is_told_a_line_a_url_and_cut_where_it_gets_long() -> None:
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
    assert tell(timeline("Completed", report=rows)).splitlines()[-5:] == [
        "",
        "It tried 3 urls:",
        "  read               https://a.test/ (html_link, 0 urls)",
        "  sitemap            https://a.test/s.xml (common_path, urlset, 12 urls)",
        "  http_404           https://a.test/t.xml (common_path)",
    ]
    assert tell(timeline("Completed", report=rows * 50)).splitlines()[-1] == "  … and 50 more"
    assert tell(timeline("Completed", report=None)) == tell(timeline("Completed"))
