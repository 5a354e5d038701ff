"""Every verb of the status machine as the runtime calls it, with the rows that its statements may read in total."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from scrapersky.runtime.registry import IMPORT, METADATA
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.control import read_control, record_tick
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.explain import explain
from scrapersky.status.finish import complete, complete_all, fail, retry, snooze
from scrapersky.status.gauges import read_gauges
from scrapersky.status.invariants import SAMPLE_SIZE, count_cheap_breaches
from scrapersky.status.pull import find_missed, find_unanswered, pull
from scrapersky.status.records import MAX_DATED, find_by_key, group_errors, list_records, read_states
from scrapersky.status.recover import recover
from scrapersky.status.refresh import WINDOW, refresh
from scrapersky.status.release import release
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId, RecordId, Status
from tests.integration.large import CODES, ERRORS, LIVE, NEWEST, QUEUED, TENANTS

BACKOFF = Backoff(base=30, cap=600, max_failures=3)
IDS = [RecordId(n) for n in range(1_001, 200_000, 401)][:100]
"""A hundred domains, some of them queued."""
STARTABLE = [AttemptId(NEWEST + n) for n in (1, 3, 5, 7, 9)]
"""Attempts within their lease that were not started."""
PROCESSING = [RecordId(n) for n in (1, 3, 5, 7, 9)]
NEWEST_ATTEMPTS = 20 + 1
"""Read by a claim in order to find the tenant that was served last."""
PULL: Mapping[str, Any] = {
    "per_host": 10, "lease": 60, "worker": "w", "request_id": "r", "enough_time": False
}  # fmt: skip
PULLED = LIVE // 2 + 12
"""More than the attempts that wait for their message."""
Verb = Callable[[Connection], object]

VERBS: Mapping[str, tuple[Verb, int]] = {
    # name: (verb, rows that its statements may read in total)
    "claim 50": (
        lambda c: claim(c, METADATA, batch=50, max_in_flight=LIVE + 50, dispatch_lease=60),
        2 * LIVE + 3 * TENANTS + (16 + 2) * 50 + NEWEST_ATTEMPTS,
    ),
    "claim 1000": (
        lambda c: claim(c, METADATA, batch=1_000, max_in_flight=LIVE + 1_000, dispatch_lease=60),
        2 * LIVE + 3 * TENANTS + (16 + 2) * 1_000 + NEWEST_ATTEMPTS,
    ),
    "claim 20, fair between hosts": (
        lambda c: claim(c, IMPORT, batch=20, max_in_flight=LIVE + 20, dispatch_lease=60, per_host=10),
        3 * LIVE + 6 * TENANTS + (16 + 8) * 50 + 2 * 20 + NEWEST_ATTEMPTS,
    ),
    "claim of chosen records": (
        lambda c: claim(c, METADATA, batch=100, max_in_flight=LIVE + 100, dispatch_lease=60, ids=IDS),
        LIVE + 4 * len(IDS) + NEWEST_ATTEMPTS,
    ),
    "pull": (
        lambda c: pull(c, METADATA, batch=PULLED, max_in_flight=LIVE + 12, **PULL),
        6 * LIVE + 3 * TENANTS + 16 * PULLED + 4 * 12 + NEWEST_ATTEMPTS,
    ),
    "pull, fair between hosts": (
        lambda c: pull(c, IMPORT, batch=PULLED, max_in_flight=LIVE + 12, **PULL),
        7 * LIVE + 6 * TENANTS + (16 + 8) * PULLED + 4 * 12 + NEWEST_ATTEMPTS,
    ),
    "unanswered pulls": (lambda c: find_unanswered(c, [METADATA], request_id="r", known=STARTABLE), LIVE),
    "missed": (lambda c: find_missed(c, STARTABLE), len(STARTABLE)),
    "recover": (lambda c: recover(c, METADATA, limit=500, backoff=BACKOFF, undelivered_max=5), 3 * LIVE),
    # The smaller the limit, the cheaper the planner rates a walk through all of history by its key.
    "recover one": (lambda c: recover(c, METADATA, limit=1, backoff=BACKOFF, undelivered_max=5), LIVE + 4),
    "gauges": (lambda c: read_gauges(c, METADATA), QUEUED + 2 * LIVE + 4 * TENANTS),
    "cheap invariants": (lambda c: count_cheap_breaches(c, METADATA), 2 * LIVE + SAMPLE_SIZE + 1),
    "start": (lambda c: start(c, STARTABLE, lease=60, worker="w", request_id="r"), 3 * len(STARTABLE)),
    "complete": (lambda c: complete(c, METADATA, STARTABLE[1], code="read", detail={}), 2),
    "complete several": (
        lambda c: complete_all(c, METADATA, {one: ("read", {}) for one in STARTABLE}),
        (16 + 2) * len(STARTABLE),
    ),
    "fail": (lambda c: fail(c, METADATA, STARTABLE[1], code="parked", reason="for sale", detail={}), 2),
    "retry": (
        lambda c: retry(c, METADATA, STARTABLE[1], code="dns", reason="none", after=None, backoff=BACKOFF, detail={}),
        2,
    ),
    "snooze": (lambda c: snooze(c, METADATA, STARTABLE[1], code="later", reason="busy", after=60, detail={}), 2),
    "release": (lambda c: release(c, METADATA, STARTABLE, code="send_failed"), 3 * len(STARTABLE)),
    "dead letter": (lambda c: dead_letter(c, METADATA, STARTABLE[0], reason="gave up"), 2),
    "requeue by ids": (lambda c: requeue(c, METADATA, ids=IDS, limit=100, actor="a", reason="r"), 2 * len(IDS)),
    "requeue by error code": (
        lambda c: requeue(c, METADATA, error_code="http_404", limit=100, actor="a", reason="r"),
        2 * 100,
    ),
    "refresh": (
        lambda c: refresh(c, METADATA, days=1, most=12),
        3 * WINDOW * 12 + 3 * 12 + 2 * 2,
    ),
    "hand-off": (lambda c: hand_off(c, METADATA, IDS, actor="a", reason="r", again=True), 2 * len(IDS)),
    "cancel": (lambda c: cancel(c, METADATA, IDS, actor="a", reason="r"), 2 * len(IDS)),
    "abandon": (
        lambda c: abandon(c, METADATA, [RecordId(n) for n in (1, 3, 5, 7, 9)], actor="a", reason="r"),
        3 * len(STARTABLE),
    ),
    "explain": (lambda c: explain(c, METADATA, RecordId(777)), 4),
    "find by domain": (lambda c: find_by_key(c, METADATA, "d777.test"), 1),
    "find by url": (
        lambda c: find_by_key(c, IMPORT, "https://d1.test/sitemap.xml", ["www.d1.test", "d1.test"]),
        4,
    ),
    "states": (lambda c: read_states(c, METADATA, IDS), len(IDS)),
    "list queued": (
        lambda c: list_records(c, METADATA, status=Status.QUEUED, limit=50, searched=5_000),
        5_000 + 2 * 50,
    ),
    "list processing": (lambda c: list_records(c, METADATA, status=Status.PROCESSING, limit=50), LIVE + 2 * 50),
    "list errors": (
        lambda c: list_records(c, METADATA, status=Status.ERROR, limit=50),
        CODES * 50 + 2 * CODES + 2 * 50,
    ),
    "list by error code": (
        lambda c: list_records(c, METADATA, error_code="http_404", limit=50),
        CODES * 50 + 2 * CODES + 2 * 50,
    ),
    "errors by code": (lambda c: group_errors(c, METADATA, limit=5), ERRORS + 2 * CODES + 5 * 2 * MAX_DATED),
    "heartbeat": (lambda c: record_tick(c, METADATA), 2),
    "control state": (lambda c: read_control(c, METADATA), 2),
}
