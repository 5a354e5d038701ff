"""The job of contact-scheduler: which addresses are asked for, when, and how the outcome says what was found."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contact_scheduler.email_check import check_email
from scrapersky.models import Contact, MailDomain
from scrapersky.runtime.context import Job, JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry
from scripts.commands.run.internet.name_server import Respond, Zone, answering
from tests.jobs import run_job
from tests.name_server import Recording, zone

ADDRESS = "info@shop.example"
SOON = 0.2


def contact(value: str = ADDRESS, kind: str = "email", *, days: float | None = None, reason: str = "mx") -> Contact:
    """Return a contact; ``days``: the age of what is known about its domain."""
    made = Contact(id=1, kind=kind, value=value, email_check_failures=0)
    if days is not None:
        checked_at = datetime.now(UTC) - timedelta(days=days)
        made.mail_domain = MailDomain(domain="shop.example", result="valid", reason=reason, checked_at=checked_at)
    return made


def check(record: Any, server: Respond, directory: Path, job: Job = check_email, **settings: Any) -> Any:
    with answering(server) as address:
        return run_job(job, record, {}, directory, dns_loopback_server=address, **settings)


@pytest.mark.parametrize(
    ("records", "code", "reason"),
    [
        (["@ MX 10 mail.shop.example."], "valid", "mx"),
        (["@ A 192.0.2.1"], "valid", "address"),
        (["@ MX 0 ."], "invalid", "null_mx"),
        ([], "invalid", "no_mx"),
    ],
)
def test_an_answer_ends_the_check(records: list[str], code: str, reason: str, tmp_path: Path) -> None:
    outcome = check(contact(), zone(*records), tmp_path)
    assert isinstance(outcome, Done)
    assert (outcome.code, outcome.detail) == (code, {"domain": "shop.example", "cached": False, "reason": reason})


def test_a_domain_that_does_not_exist_is_invalid(tmp_path: Path) -> None:
    outcome = check(contact("info@gone.example"), Zone({}), tmp_path)
    assert (outcome.code, outcome.detail["reason"]) == ("invalid", "nxdomain")


@pytest.mark.parametrize("mail", ["busy", "silent"])
def test_without_an_answer_the_check_is_tried_again(mail: Any, tmp_path: Path) -> None:
    outcome = check(contact(), Zone({"shop.example": mail}), tmp_path, email_check_dns_seconds=SOON)
    assert isinstance(outcome, Retry)
    assert outcome.code == {"busy": "dns_servfail", "silent": "dns_timeout"}[mail]
    assert outcome.write is not None


@pytest.mark.parametrize("kind", ["phone", "social", "form"])
def test_only_e_mail_addresses_are_checked(kind: str, tmp_path: Path) -> None:
    server = Recording(zone())
    outcome = check(contact("+15125550112", kind), server, tmp_path)
    assert isinstance(outcome, Fail)
    assert outcome.code == "not_an_email"
    assert outcome.reason == f"contact 1 is of the kind '{kind}'; only email can be checked"
    assert server.asked == []


@pytest.mark.parametrize("value", ["info@printer.local", "info", "info@a..b", f"info@{'a' * 64}.com"])
def test_a_malformed_address_is_invalid_and_nothing_is_asked(value: str, tmp_path: Path) -> None:
    server = Recording(zone())
    outcome = check(contact(value), server, tmp_path)
    assert (outcome.code, outcome.detail) == ("invalid", {"reason": "invalid_address"})
    assert server.asked == []


def test_a_recent_answer_is_not_asked_for_again(tmp_path: Path) -> None:
    server = Recording(zone("@ MX 0 ."))
    outcome = check(contact(days=6.9), server, tmp_path)
    assert (outcome.code, outcome.detail) == ("valid", {"domain": "shop.example", "cached": True, "reason": "mx"})
    assert server.asked == []


@pytest.mark.parametrize(("days", "kept"), [(7.1, 7), (0.1, 0), (2.1, 2)])
def test_an_old_answer_is_asked_for_again(days: float, kept: float, tmp_path: Path) -> None:
    outcome = check(contact(days=days), zone("@ MX 0 ."), tmp_path, email_check_cache_days=kept)
    assert (outcome.code, outcome.detail["cached"]) == ("invalid", False)


def test_neither_the_detail_nor_the_reason_holds_the_address(tmp_path: Path) -> None:
    for server in (zone("@ MX 0 ."), Zone({"shop.example": "silent"})):
        outcome = check(contact(), server, tmp_path, email_check_dns_seconds=SOON)
        assert ADDRESS not in f"{outcome.code} {getattr(outcome, 'reason', '')} {outcome.detail}"


# --- several at once


async def check_all(records: Sequence[Contact], ctx: JobContext) -> Any:
    return await asyncio.gather(*(check_email(record, ctx) for record in records))


def test_contacts_of_one_domain_that_are_checked_at_once_share_one_look_up(tmp_path: Path) -> None:
    server = Recording(zone("@ MX 10 mail.shop.example."))
    records = [contact(f"{name}@shop.example") for name in ("info", "sales", "jobs")]
    outcomes = check(records, server, tmp_path, check_all)
    assert [outcome.code for outcome in outcomes] == ["valid"] * 3
    assert server.types == ["MX"]


def test_they_share_a_failure_too_and_the_next_check_asks_again(tmp_path: Path) -> None:
    async def twice(records: Sequence[Contact], ctx: JobContext) -> Any:
        return [*(await check_all(records, ctx)), *(await check_all(records, ctx))]

    server = Zone({"shop.example": "busy"})
    outcomes = check([contact(), contact()], server, tmp_path, twice)
    assert [outcome.code for outcome in outcomes] == ["dns_servfail"] * 2 + ["valid"] * 2
    assert server.asked == {"shop.example": 2}


def test_different_domains_are_asked_for_each(tmp_path: Path) -> None:
    server = Zone({"a.example": "mx", "b.example": "null_mx"})
    outcomes = check([contact("x@a.example"), contact("x@b.example")], server, tmp_path, check_all)
    assert [outcome.code for outcome in outcomes] == ["valid", "invalid"]


def test_a_record_that_is_cut_off_does_not_end_the_look_up_of_another(tmp_path: Path) -> None:
    asked, cut_off = threading.Event(), threading.Event()

    def respond(wire: bytes, by_tcp: bool) -> Sequence[bytes]:
        asked.set()
        assert cut_off.wait(10)
        return zone("@ MX 10 mail.shop.example.")(wire, by_tcp)

    async def one_is_cut_off(records: Sequence[Contact], ctx: JobContext) -> Outcome:
        first, second = (asyncio.create_task(check_email(record, ctx)) for record in records)
        await asyncio.to_thread(asked.wait, 10)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        cut_off.set()
        return await second

    server = Recording(respond)
    assert check([contact(), contact()], server, tmp_path, one_is_cut_off).code == "valid"
    assert server.types == ["MX"]
