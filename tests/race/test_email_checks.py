"""Two workers save the check of one mail domain at the same time: neither waits, and both addresses have their result."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, text

from contact_scheduler.email_check import SAVE
from scrapersky.runtime.registry import EMAIL_CHECK
from scrapersky.vocabulary import RecordId
from tests.race.race import race
from tests.records import make


def saving(contact_id: RecordId, reason: str, *domains: str) -> Callable[[Connection], None]:
    """Return what saves the reason for one contact and each of ``domains``, in their order."""

    def save(connection: Connection) -> None:
        for domain in domains:
            values = {"id": contact_id, "result": "valid", "reason": reason, "domain": domain, "checked_at": None}
            connection.execute(SAVE, values)

    return save


def reasons(connection: Connection) -> tuple[set[str], dict[str, str]]:
    """Return the contacts' reasons, and {domain: reason}."""
    contacts = connection.execute(text("SELECT email_check_reason FROM contacts")).scalars()
    domains = connection.execute(text("SELECT domain, reason FROM mail_domains"))
    return set(contacts), {row.domain: row.reason for row in domains}


def test_two_checks_of_one_domain_do_not_wait_for_each_other(engine: Engine, connection: Connection) -> None:
    one, two = (make(connection, EMAIL_CHECK, key=key) for key in "ab")
    ended = race(engine, saving(one, "mx", "shop.example"), saving(two, "address", "shop.example"))
    assert not ended.waited
    assert reasons(connection) == ({"mx", "address"}, {"shop.example": "mx"})


def test_a_check_that_is_rolled_back_leaves_the_domain_unknown(engine: Engine, connection: Connection) -> None:
    one, two = (make(connection, EMAIL_CHECK, key=key) for key in "ab")
    race(engine, saving(one, "mx", "shop.example"), saving(two, "address", "shop.example"), commit=False)
    assert reasons(connection)[1] == {}
    saving(one, "mx", "shop.example")(connection)
    assert reasons(connection)[1] == {"shop.example": "mx"}


def test_many_domains_in_opposite_orders_are_no_deadlock(engine: Engine, connection: Connection) -> None:
    one, two = (make(connection, EMAIL_CHECK, key=key) for key in "ab")
    for _ in range(2):  # new rows, then known ones
        first = saving(one, "mx", "a.example", "b.example")
        assert not race(engine, first, saving(two, "address", "b.example", "a.example")).waited
        assert reasons(connection)[1] == {"a.example": "mx", "b.example": "mx"}
