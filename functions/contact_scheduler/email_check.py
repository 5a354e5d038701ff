"""E-mail check: find out by DNS whether the domain of an address takes mail. No mail server is ever connected to."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, text

from contact_scheduler.mail_dns import INVALID_ADDRESS, RESULTS, LookupFailed, find_reason, mail_domain_of, server_for
from scrapersky.models import Contact
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, Write
from scrapersky.vocabulary import ContactKind, EmailCheck, RecordId

SAVE = text("""
WITH cached AS (
    -- Keep an answer of DNS for the domain's other addresses. Where another worker is saving the same domain, its answer
    -- is as good: waiting for its lock could be a deadlock, as each worker saves many domains in its own order.
    INSERT INTO mail_domains (domain, result, reason)
    SELECT :domain, :result, :reason
    WHERE CAST(:domain AS text) IS NOT NULL AND pg_try_advisory_xact_lock(hashtextextended(:domain, 0))
    ON CONFLICT (domain) DO UPDATE SET result = excluded.result, reason = excluded.reason, checked_at = now()
)
-- A check without an answer never replaces one with an answer.
UPDATE contacts SET email_check_result = :result, email_check_reason = :reason, updated_at = now(),
    email_checked_at = coalesce(CAST(:checked_at AS timestamptz), now())
WHERE id = :id AND (:result <> 'unknown' OR coalesce(email_check_result, 'unknown') = 'unknown')
""")

_LOOKUPS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Task[str]]] = WeakKeyDictionary()
"""The look-ups of each invocation, which has its own event loop, by domain."""


async def check_email(record: Contact, ctx: JobContext) -> Outcome:
    """Check the domain of an e-mail address: ``valid`` or ``invalid``, with the reason in the contact and the detail.

    An answer that is younger than ``EMAIL_CHECK_CACHE_DAYS`` is not asked for again. Retries with ``dns_timeout``,
    ``dns_servfail`` or ``dns_failed`` while the result is ``unknown``. Fails with ``not_an_email``.
    """
    if record.kind != ContactKind.EMAIL:
        return Fail("not_an_email", f"contact {record.id} is of the kind {record.kind!r}; only email can be checked")
    try:
        domain = mail_domain_of(record.value, reserved=ctx.settings.dns_loopback_server is not None)
    except ValueError:
        return _done(record.id, INVALID_ADDRESS)
    known = record.mail_domain
    if known and datetime.now(UTC) - known.checked_at < timedelta(days=ctx.settings.email_check_cache_days):
        return _done(record.id, known.reason, checked_at=known.checked_at, detail={"domain": domain, "cached": True})
    try:
        reason = await _look_up_once(domain, record.email_check_failures or 0, ctx)
    except LookupFailed as error:
        return Retry(error.code, error.reason, write=_saving(record.id, EmailCheck.UNKNOWN, error.code))
    return _done(record.id, reason, asked=domain, detail={"domain": domain, "cached": False})


async def _look_up_once(domain: str, failures: int, ctx: JobContext) -> str:
    """Return the reason that DNS gives for ``domain``; records that are checked at the same time share one look-up.

    After a failure the next of several resolvers is asked.
    """
    server = server_for(ctx.settings, failures)
    running = _LOOKUPS.setdefault(asyncio.get_running_loop(), {})
    if domain not in running:
        running[domain] = asyncio.create_task(find_reason(domain, server, ctx.settings.email_check_dns_seconds))

        def ended(task: asyncio.Task[str]) -> None:
            del running[domain]
            _ = task.cancelled() or task.exception()  # also where no record waits any more

        running[domain].add_done_callback(ended)
    return await asyncio.shield(running[domain])  # the deadline of one record does not end the look-up of others


def _done(
    contact_id: RecordId,
    reason: str,
    *,
    asked: str | None = None,
    checked_at: datetime | None = None,
    detail: Mapping[str, object] | None = None,
) -> Done:
    result = RESULTS[reason]
    write = _saving(contact_id, result, reason, asked=asked, checked_at=checked_at)
    return Done(result.value, write=write, detail={"reason": reason, **(detail or {})})


def _saving(
    contact_id: RecordId,
    result: EmailCheck,
    reason: str,
    *,
    asked: str | None = None,
    checked_at: datetime | None = None,
) -> Write:
    """Return a write of the result, and for a domain that was ``asked`` of DNS's answer."""
    values = {"id": contact_id, "result": result.value, "reason": reason, "domain": asked, "checked_at": checked_at}

    def save(connection: Connection) -> Made:
        connection.execute(SAVE, values)
        return {}

    return save
