"""The e-mail check on a real Postgres and a real DNS server: results, what is known about domains, and the hand-off."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Connection, RowMapping, text

from scrapersky.contacts import FoundContact
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import CONTACT_SCHEDULER, EMAIL_CHECK, HAND_OFFS, METADATA
from scrapersky.status.requeue import hand_off
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId
from scripts.commands.run.internet.name_server import Zone, answering
from tests.integration.conftest import Harness
from tests.records import make, save_contacts

pytestmark = pytest.mark.usefixtures("invariants_hold")

DOMAINS: Any = {"shop.example": "mx", "closed.example": "null_mx", "busy.example": "busy", "silent.example": "silent"}
QUEUE = (
    "UPDATE contacts SET email_check_status = 'Queued', email_check_due_at = now() WHERE email_check_status <> 'Queued'"
)


@pytest.fixture
def zone() -> Zone:
    return Zone(DOMAINS)


@pytest.fixture
def checking(zone: Zone, environment: dict[str, str], connection: Connection) -> Iterator[Harness]:
    """contact-scheduler, with its real job and a DNS server."""
    with mock_aws(), answering(zone) as server:
        queue_url = boto3.client("sqs").create_queue(QueueName="messages")["QueueUrl"]
        own = {"QUEUE_URL": queue_url, "DNS_LOOPBACK_SERVER": server, "EMAIL_CHECK_DNS_SECONDS": "0.2"}
        retries = {"RETRY_BASE_SECONDS": "0.001", "RETRY_CAP_SECONDS": "0.001", "RETRY_MAX_FAILURES": "3"}
        service = BackgroundService(CONTACT_SCHEDULER, environment={**environment, **own, **retries})
        yield Harness(service, connection, queue_url)
        service.runtime.database.engine.dispose()


def add(connection: Connection, *values: str, kind: ContactKind = ContactKind.EMAIL) -> list[RecordId]:
    """Save contacts of one domain; return their ids."""
    domain = make(connection, METADATA, key=values[0].partition("@")[0])
    found = [FoundContact(kind, value, FoundIn.TEXT) for value in values]
    return save_contacts(connection, domain, found, url="https://a.test/", page_id=None)


def checked(connection: Connection) -> dict[str, tuple[str, str | None, str | None]]:
    """Return {address: (status, result, reason)}."""
    columns = "value, email_check_status, email_check_result, email_check_reason"
    rows = connection.execute(text(f"SELECT {columns} FROM contacts ORDER BY id"))
    return {value: (status, result, reason) for value, status, result, reason in rows}


def known(connection: Connection) -> dict[str, RowMapping]:
    return {row["domain"]: row for row in connection.execute(text("SELECT * FROM mail_domains")).mappings()}


def check(checking: Harness) -> None:
    """Queue every contact that is not, and work until none is left that is due."""
    checking.connection.execute(text(QUEUE))
    for _ in range(3):
        checking.drain()


def test_each_address_gets_its_result_reason_and_time(checking: Harness, connection: Connection) -> None:
    addresses = [f"x@{name}" for name in ("shop.example", "closed.example", "gone.example", "printer.local")]
    add(connection, *addresses)
    check(checking)
    assert checked(connection) == {
        "x@shop.example": ("Completed", "valid", "mx"),
        "x@closed.example": ("Completed", "invalid", "null_mx"),
        "x@gone.example": ("Completed", "invalid", "nxdomain"),
        "x@printer.local": ("Completed", "invalid", "invalid_address"),
    }
    recent = "SELECT bool_and(email_checked_at > now() - interval '1 minute') FROM contacts"
    assert connection.execute(text(recent)).scalar_one()
    assert {name: row["reason"] for name, row in known(connection).items()} == {
        "shop.example": "mx",
        "closed.example": "null_mx",
        "gone.example": "nxdomain",
    }


def test_a_failure_that_passes_costs_one_more_try(checking: Harness, connection: Connection, zone: Zone) -> None:
    add(connection, "x@busy.example")
    check(checking)
    assert checked(connection) == {"x@busy.example": ("Completed", "valid", "mx")}
    assert zone.asked == {"busy.example": 2}


def test_a_domain_that_never_answers_ends_unknown_in_error_and_is_not_kept(
    checking: Harness, connection: Connection, zone: Zone
) -> None:
    add(connection, "x@silent.example")
    check(checking)
    assert checked(connection) == {"x@silent.example": ("Error", "unknown", "dns_timeout")}
    codes = connection.execute(text("SELECT email_check_error_code, email_check_failures FROM contacts")).one()
    assert tuple(codes) == ("dns_timeout", 3)
    assert (known(connection), zone.asked) == ({}, {"silent.example": 3})


def test_a_domain_is_asked_for_once_for_all_of_its_addresses_and_again_when_it_is_old(
    checking: Harness, connection: Connection, zone: Zone
) -> None:
    add(connection, "a@shop.example", "b@shop.example")
    check(checking)
    add(connection, "c@shop.example")
    check(checking)
    assert zone.asked == {"shop.example": 1}
    assert set(checked(connection).values()) == {("Completed", "valid", "mx")}
    connection.execute(text("UPDATE mail_domains SET checked_at = now() - interval '8 days'"))
    check(checking)
    assert zone.asked == {"shop.example": 2}
    assert connection.execute(text("SELECT checked_at > now() - interval '1 minute' FROM mail_domains")).scalar_one()


def test_the_time_of_a_result_is_when_dns_was_asked(checking: Harness, connection: Connection) -> None:
    add(connection, "a@shop.example")
    check(checking)
    connection.execute(text("UPDATE mail_domains SET checked_at = now() - interval '3 days'"))
    check(checking)
    same = "SELECT email_checked_at = checked_at FROM contacts, mail_domains"
    assert connection.execute(text(same)).scalar_one()


def test_a_check_without_an_answer_keeps_the_result_of_an_earlier_one(
    checking: Harness, connection: Connection
) -> None:
    add(connection, "x@silent.example")
    connection.execute(text("UPDATE contacts SET email_check_result = 'valid', email_check_reason = 'mx'"))
    check(checking)
    assert checked(connection) == {"x@silent.example": ("Error", "valid", "mx")}


def test_a_phone_number_is_an_error_of_its_own_and_stays_as_it_is(checking: Harness, connection: Connection) -> None:
    add(connection, "+15125550112", kind=ContactKind.PHONE)
    check(checking)
    assert checked(connection) == {"+15125550112": ("Error", None, None)}


@pytest.mark.parametrize("hostile", ["x'; DROP TABLE contacts; --@shop.example", "\\@shop.example", "x@☃.example@"])
def test_a_hostile_address_touches_no_other_contact(checking: Harness, connection: Connection, hostile: str) -> None:
    add(connection, "x@shop.example", hostile)
    check(checking)
    assert checked(connection)["x@shop.example"] == ("Completed", "valid", "mx")
    assert checked(connection)[hostile][0] == "Completed"


def test_new_addresses_are_handed_off_and_nothing_else(connection: Connection) -> None:
    [declared] = [one for one in HAND_OFFS if (one.source, one.target) == (METADATA, EMAIL_CHECK)]
    new, done = add(connection, "new@shop.example", "done@shop.example")
    [phone] = add(connection, "+15125550112", kind=ContactKind.PHONE)
    connection.execute(text("UPDATE contacts SET email_checked_at = now() WHERE value LIKE 'done%'"))
    ids = [new, done, phone]
    queued = hand_off(
        connection, EMAIL_CHECK, ids, actor="test", reason="test", again=declared.again, condition=declared.condition
    )
    assert list(queued) == [new]
