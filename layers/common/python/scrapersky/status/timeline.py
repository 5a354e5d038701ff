"""Timeline: what :func:`scrapersky.status.explain.explain` found, as a timeline that a person reads from top to bottom."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LONGEST_DETAIL = 300
"""Characters of an attempt's details on one line; the JSON has all."""


MOST_TRIED = 100
"""Rows of a report on what was tried; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened ``at`` an instant, and what else there is to say of it."""

    at: datetime
    what: str
    more: tuple[str, ...] = ()


def tell(timeline: Mapping[str, Any]) -> str:
    """``timeline`` as text: what the record is now, then every change and every attempt, with when, how long, who and why."""
    lines = [_headline(timeline), *(f"  {line}" for line in _now(timeline)), ""]
    before: datetime | None = None
    for moment in _moments(timeline):
        gap = "" if before is None else f"+{duration((moment.at - before).total_seconds())}"
        lines.append(f"{instant(moment.at)} {gap:>9}  {moment.what}")
        lines += [f"{'':31} {line}" for line in moment.more]
        before = moment.at
    if before is None:
        lines.append("Nothing has happened to it yet: nobody has asked for the work.")
    return "\n".join([*lines, *_report(timeline.get("report") or [])])


def duration(seconds: float) -> str:
    """``seconds`` in the unit that tells most in two or three digits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(seconds, 0) * 1000:.0f} ms"


def instant(moment: datetime) -> str:
    """``moment`` to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _headline(timeline: Mapping[str, Any]) -> str:
    now = timeline["now"]
    code = f": {now['error_code']}" if now["error_code"] else ""
    failures = f", after {_plural(now['failures'], 'failure')}" if now["failures"] else ""
    return f"{timeline['workflow']} {timeline['id']} is {now['status']}{code}{failures}"


def _now(timeline: Mapping[str, Any]) -> Iterator[str]:
    now, at = timeline["now"], datetime.fromisoformat(timeline["at"])
    if now["error"]:
        yield now["error"]
    if now["due_at"]:
        due = datetime.fromisoformat(now["due_at"])
        left = (due - at).total_seconds()
        yield f"due {'in' if left > 0 else 'since'} {duration(abs(left))} ({instant(due)})"
    for attempt in timeline["attempts"]:
        if attempt["finished_at"] is None:
            left = (datetime.fromisoformat(attempt["lease_until"]) - at).total_seconds()
            doing = "is at work" if attempt["started_at"] else "waits for its message to arrive"
            lease = f"ends in {duration(left)}" if left > 0 else f"ended {duration(-left)} ago"
            yield f"attempt {attempt['attempt_id']} holds it and {doing}; its lease {lease}"


def _moments(timeline: Mapping[str, Any]) -> Sequence[Moment]:
    attempts = {attempt["attempt_id"]: attempt for attempt in timeline["attempts"]}
    moments = [_change(event, attempts.get(event["attempt_id"])) for event in timeline["events"]]
    moments += [_start(attempt) for attempt in timeline["attempts"] if attempt["started_at"]]
    return sorted(moments, key=lambda moment: moment.at)


def _change(event: Mapping[str, Any], attempt: Mapping[str, Any] | None) -> Moment:
    what = f"{event['from_status'] or '(created)'} → {event['to_status']}, by {event['actor']}"
    more = [f"because: {event['reason']}"] if event["reason"] else []
    if attempt and event["to_status"] == "Processing":
        what += f"; attempt {attempt['attempt_id']} ({attempt['trigger']})"
    elif attempt and event["from_status"] == "Processing":
        code = f" {attempt['code']}" if attempt["code"] and attempt["code"] != attempt["outcome"] else ""
        worked = "" if attempt["seconds"] is None else f" after {duration(attempt['seconds'])} of work"
        what += f"; attempt {attempt['attempt_id']} ended {attempt['outcome']}{code}{worked}"
        more += _details(attempt["detail"] or {})
    return Moment(datetime.fromisoformat(event["at"]), what, tuple(more))


def _start(attempt: Mapping[str, Any]) -> Moment:
    started, sent = (datetime.fromisoformat(attempt[name]) for name in ("started_at", "dispatched_at"))
    waited = duration((started - sent).total_seconds())
    request = f", request {attempt['request_id']}" if attempt["request_id"] else ""
    return Moment(
        started,
        f"attempt {attempt['attempt_id']} starts, {waited} after it was sent",
        (f"on {attempt['worker']}{request}",) if attempt["worker"] else (),
    )


def _details(detail: Mapping[str, Any]) -> Iterator[str]:
    if detail.get("reason"):
        yield str(detail["reason"])
    rest = {key: value for key, value in detail.items() if key != "reason"}
    if rest:
        text = json.dumps(rest, ensure_ascii=False)
        yield text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def _report(tried: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the last attempt tried, a line each; rows as :class:`scrapersky.models.Sitemap` keeps them."""
    if tried:
        yield from ("", f"It tried {_plural(len(tried), 'url')}:")
    for row in tried[:MOST_TRIED]:
        named = "" if row["urls"] is None else f", {_plural(row['urls'], 'url')}"
        kind = "" if row["type"] is None else f", {row['type']}"
        yield f"  {row['result']:<18} {row['url']} ({row['method']}{kind}{named})"
    if len(tried) > MOST_TRIED:
        yield f"  … and {len(tried) - MOST_TRIED} more"


def _plural(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
