"""Access and erasure: everything about an address is found, and after an erasure nothing is."""

import json
import re
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from scrapersky.contacts import FoundContact
from scrapersky.models import Base
from scrapersky.protection.erasure import spellings_of
from scrapersky.protection.subjects import subject_of
from scrapersky.runtime.registry import DISCOVERY, IMPORT, METADATA, WORKFLOWS
from scrapersky.status.claim import claim
from scrapersky.status.finish import complete
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId, SubjectKind
from tests.integration.api import Api
from tests.integration.conftest import Harness
from tests.integration.test_suppression import ADDRESS, OTHER, domain
from tests.records import make, save_contacts, triggers_disabled

__all__ = ["domain"]

COLUMNS = text("""
SELECT relname, attname, format_type(atttypid, NULL) AS type FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND format_type(atttypid, NULL) IN ('text', 'text[]', 'jsonb', 'json', 'character varying', 'character varying[]')
ORDER BY relname, attnum
""")
OF_GIVEN_WORDS = text("""
SELECT conrelid::regclass || '.' || attname FROM pg_constraint
JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
WHERE contype = 'c' AND pg_get_constraintdef(pg_constraint.oid) ~ 'ARRAY\\[|\\^\\[0-9a-f\\]|\\^t\\?'
""")
"""Columns whose CHECK lists the allowed values, or allows certain letters and digits only."""

NEVER_A_PERSONS = {"workflow", "version_num"}
"""Columns of names that the program itself has: no writer puts anything else there."""

PLACE = {"contact_sources": "min"}
"""Which row of a table gets the address: not the source of the contact that is deleted with it."""

IN_ERROR = {
    (one.table, one.companion("error_code")): f"{one.field} = 'Error', {one.companion('due_at')} = NULL, "
    for one in WORKFLOWS.values()
}
"""What else an UPDATE must set, by table and column."""

ROWS = (
    "INSERT INTO host_leases (host, held_until) VALUES ('a.test', now())",
    "INSERT INTO idempotency_keys (caller, key, request_hash, answer, expires_at)"
    " VALUES ('ada', 'k', 'h', '{\"x\": 1}', now())",
    "INSERT INTO paid_calls (budget, day, key, calls) VALUES ('places', now(), '1', 1)",
    "INSERT INTO pauses (workflow, paused_by, pause_reason, resumed_at, resumed_by, resume_reason)"
    " VALUES ('metadata', 'ada', 'bill', now(), 'ada', 'paid')",
    "INSERT INTO suppressions VALUES (repeat('a', 64), 'email', 'letter', 'ada')",
    "INSERT INTO service_controls VALUES ('metadata', now())",
    "INSERT INTO labels (tenant, label, tables) VALUES ('default', 'a', '{domains}')",
    "INSERT INTO mail_domains (domain, result, reason) VALUES ('a.test', 'valid', 'mx')",
    "INSERT INTO erasures (workflow, record_ids, actor, reason) VALUES ('metadata', '{1}', 'ada', 'letter')",
)


def fill(connection: Connection, domain: RecordId) -> None:
    """Put a row into every table that has text."""
    for statement in ROWS:
        connection.execute(text(statement))
    for number, workflow in enumerate(WORKFLOWS.values()):
        make(connection, workflow, key=f"row-{number}")
    page = text(
        "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:domain, 'https://shop.test/', 'x', 0)"
    )
    connection.execute(page, {"domain": domain})
    change = text("INSERT INTO changes (domain_id, tenant, field, old) VALUES (:domain, 'default', 'title', 'Shop')")
    connection.execute(change, {"domain": domain})
    make(connection, METADATA, status="Queued", key="worked")
    (claimed,) = claim(connection, METADATA, batch=1, max_in_flight=10, dispatch_lease=60)
    complete(connection, METADATA, claimed.attempt_id, code="read", detail={"url": "x"})


def planted(type_: str, spelling: str) -> str:
    """Return the SQL value that holds ``spelling`` in a column of the type."""
    around = f"see \n{spelling}, {spelling.upper()} and mailto:%20{spelling.replace('@', '%40')}"
    value = json.dumps({"a": [around], spelling: 1}) if "json" in type_ else around
    return f"ARRAY['kept', '{spelling}']" if type_.endswith("[]") else f"'{value}'"


@pytest.mark.parametrize("address", [ADDRESS, "ann+news@xn--mller-kva.test"])
def test_an_address_in_any_column_is_reported_and_erased(
    connection: Connection, domain: RecordId, api: Api, address: str
) -> None:
    fill(connection, domain)
    spellings = spellings_of(subject_of(SubjectKind.EMAIL, address))
    found: set[str] = set()
    refused: set[str] = set()
    with triggers_disabled(connection):
        for table, column, type_ in connection.execute(COLUMNS).all():
            if column in NEVER_A_PERSONS:
                continue
            value, last = planted(type_, spellings[-1]), f"(SELECT {PLACE.get(table, 'max')}(ctid) FROM {table})"
            status = IN_ERROR.get((table, column), "")
            statement = f"UPDATE {table} SET {status}{column} = {value} WHERE ctid = {last}"
            try:
                changed = connection.execute(text(statement.replace(":", "\\:"))).rowcount
            except DBAPIError:  # a CHECK allows no such text
                refused.add(f"{table}.{column}")
            else:
                assert changed == 1, f"{table} has no row"
                found.add(f"{table}.{column}")
    assert refused == set(connection.execute(OF_GIVEN_WORDS).scalars())
    assert found <= set(api.post("/data-protection/report", {"email": address}).json["places"])
    receipt = api.post("/data-protection/erase", {"email": address, "reason": f"request of {address}"})
    assert receipt.status == 200, receipt.json
    assert set(receipt.json["rows"]) == {place.partition(".")[0] for place in found}
    assert all(one not in json.dumps(receipt.json) for one in spellings)
    assert api.post("/data-protection/report", {"email": address}).json == {
        "places": {},
        "contacts": [],
        "suppressed": True,
    }
    for table in Base.metadata.tables:
        for row in connection.execute(text(f"SELECT {table}::text FROM {table}")).scalars():
            left = row.lower().replace("joann.b", "")
            assert not any(one.split("@")[0] + end in left for one in spellings for end in ("@", "%40")), table
    assert connection.execute(text("SELECT 1 FROM domains WHERE 'kept' = ANY (email_addresses)")).first()
    assert api.post("/data-protection/erase", {"email": address, "reason": "again"}).json["rows"] == {}


@pytest.mark.parametrize("before", ["jo", "jo.", "jo-", "jo+"])
def test_a_longer_address_that_ends_alike_is_kept(
    connection: Connection, domain: RecordId, api: Api, before: str
) -> None:
    longer = f"{before}{ADDRESS}"
    found = [FoundContact(ContactKind.EMAIL, longer, FoundIn.TEXT, context=f"{ADDRESS} or {longer}")]
    save_contacts(connection, domain, found, url="https://shop.test/", page_id=None)
    api.post("/data-protection/erase", {"email": ADDRESS, "reason": "x"})
    rows = connection.execute(
        text("SELECT value, context FROM contacts JOIN contact_sources ON contact_id = contacts.id")
    )
    assert (longer, f"[suppressed] or {longer}") in [tuple(row) for row in rows]


def test_the_columns_that_are_searched_are_those_of_text_with_what_they_may_hold(connection: Connection) -> None:
    expected = set()
    for table in Base.metadata.tables.values():
        checks = " ".join(str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint))
        unique = {
            column
            for one in inspect(connection).get_indexes(table.name)
            if one["unique"]
            for column in one["column_names"]
        }
        unique |= {column.name for column in table.primary_key.columns}
        for column in table.columns:
            if (
                str(column.type.compile(dialect=connection.dialect)) in {"TEXT", "TEXT[]", "JSONB"}
                and not column.computed
            ):
                optional = bool(column.nullable) and not re.search(rf"\b{column.name}\b", checks)
                expected.add((table.name, column.name, optional, column.name in unique))
    listed = connection.execute(text("SELECT of_table, of_column, optional, is_key FROM text_columns()"))
    assert {tuple(one) for one in listed} == {one for one in expected if one[1] != "workflow"}


def test_what_holds_nothing_but_the_address_becomes_null_where_it_may(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    for statement in (
        "INSERT INTO domains (domain, email_addresses) VALUES ('agency.test', ARRAY[:one])",
        "INSERT INTO labels (tenant, label, tables) VALUES ('default', 'a', ARRAY[:one])",
        "INSERT INTO pauses (workflow, paused_by, pause_reason, resumed_at, resumed_by, resume_reason)"
        " VALUES ('metadata', :one, 'bill of ' || :one, now(), 'bob', :one)",
    ):
        connection.execute(text(statement), {"one": ADDRESS})
    assert api.post("/data-protection/erase", {"email": ADDRESS, "reason": "x"}).status == 200
    pause = connection.execute(text("SELECT paused_by, pause_reason, resume_reason FROM pauses")).one()
    assert tuple(pause) == ("[erased]", "bill of [erased]", None)
    lists = "SELECT email_addresses, tables FROM domains, labels WHERE domain = 'agency.test'"
    assert tuple(connection.execute(text(lists)).one()) == (None, [])


def test_keys_that_are_erased_stay_distinct(connection: Connection, domain: RecordId, api: Api) -> None:
    for address in (ADDRESS, ADDRESS.upper()):
        url = f"https://shop.test/?q={address}"
        page = text("INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:domain, :url, 'x', 0)")
        connection.execute(page, {"domain": domain, "url": url})
    assert api.post("/data-protection/erase", {"email": ADDRESS, "reason": "x"}).status == 200
    urls = connection.execute(text("SELECT url FROM pages")).scalars()
    assert [re.sub(r"\w{8}-[\w-]{27}", "…", url) for url in urls] == ["https://shop.test/?q=[erased …]"] * 2


def test_a_phone_number_is_found_in_national_form_too(connection: Connection, domain: RecordId, api: Api) -> None:
    for spelled in ("030 / 123 456 78", "+49 (0)30 12345678", "0049-30-12345678"):
        connection.execute(text("UPDATE domains SET description = :text"), {"text": f"Tel. {spelled}!"})
        connection.execute(text("UPDATE domains SET meta_json = '{\"telephone\": 493012345678}'"))
        assert "domains.description" in api.post("/data-protection/report", {"phone": "+49 30 12345678"}).json["places"]
        api.post("/data-protection/erase", {"phone": "+49 30 12345678", "reason": "x"})
        described, meta = connection.execute(text("SELECT description, meta_json FROM domains")).one()
        assert ("5678" in described, meta) == (False, {"telephone": None})


def test_a_report_says_where_a_contact_came_from(connection: Connection, domain: RecordId, api: Api) -> None:
    found = api.post("/data-protection/report", {"email": ADDRESS.upper()}).json
    (contact,) = found["contacts"]
    assert (contact["value"], contact["domain"], found["suppressed"]) == (ADDRESS, "shop.test", False)
    assert contact["sources"][0]["url"] == "https://shop.test/"
    assert contact["sources"][0]["found_in"] == "mailto"
    assert found["places"]["domains.meta_json"] == 1
    of_domain = api.post("/data-protection/report", {"domain": "shop.test"}).json
    assert {one["value"] for one in of_domain["contacts"]} >= {ADDRESS, OTHER}


def purge(api: Api, **more: Any) -> Any:
    return api.post("/data-protection/purge", {"domain": "https://shop.test/", "reason": "removal request", **more})


@pytest.fixture
def shop(harness: Harness, connection: Connection, domain: RecordId) -> RecordId:
    """A domain with a subdomain, all kinds of children, a business, history, and a neighbour."""
    for statement in (
        "INSERT INTO sitemaps (domain_id) VALUES (:id)",
        "INSERT INTO sitemap_files (domain_id, url, discovery_method) VALUES (:id, 'https://shop.test/s.xml', 'manual')",
        "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, 'https://shop.test/a', 'x', 0)",
        "INSERT INTO local_businesses (place_id, domain_id) VALUES ('p', :id)",
        "INSERT INTO domains (domain) VALUES ('eu.shop.test'), ('bigshop.test')",
    ):
        connection.execute(text(statement), {"id": domain})
    connection.execute(text("UPDATE domains SET status = 'Queued' WHERE id = :id"), {"id": domain})
    harness.drain()
    return domain


def test_a_purge_deletes_a_domain_with_all_that_belongs_to_it(connection: Connection, shop: RecordId, api: Api) -> None:
    answer = purge(api)
    assert answer.status == 200, answer.json
    assert answer.json["rows"] == {
        "contacts": 3, "pages": 1, "sitemap_files": 1, "sitemaps": 1, "local_businesses": 1, "domains": 2,
    }  # fmt: skip
    assert connection.execute(text("SELECT domain FROM domains")).scalars().all() == ["bigshop.test"]
    assert connection.execute(text("SELECT domain_id FROM local_businesses")).scalars().all() == [None]
    history = connection.execute(text("SELECT actor, reason FROM erasures WHERE :id = ANY(record_ids)"), {"id": shop})
    assert history.all()[0] == ("api:arn:aws:iam::000000000000:user/ada", "removal request")
    assert purge(api).json["rows"] == {}


@pytest.mark.parametrize("workflow", [METADATA, DISCOVERY, IMPORT], ids=lambda one: one.name)
def test_a_purge_is_refused_while_work_is_in_flight(
    connection: Connection, shop: RecordId, api: Api, workflow: Any
) -> None:
    connection.execute(text(f"UPDATE {workflow.table} SET {workflow.field} = 'Queued'"))
    claim(connection, workflow, batch=10, max_in_flight=10, dispatch_lease=60)
    answer = purge(api)
    assert (answer.status, f"of {workflow.name} are Processing" in answer.json["detail"]) == (409, True)
    assert connection.execute(text("SELECT count(*) FROM pages")).scalar_one() == 1


def test_an_erased_domain_is_nowhere_and_is_not_visited_again(connection: Connection, shop: RecordId, api: Api) -> None:
    other = text("INSERT INTO pages (domain_id, url, page_type, path_depth) SELECT id, :url, 'x', 0 FROM domains")
    connection.execute(other, {"url": "https://bigshop.test/?to=www.shop.test"})
    receipt = api.post("/data-protection/erase", {"domain": "shop.test", "reason": "shop.test asked for it"}).json
    assert receipt["rows"]["domains"] == 2
    assert api.post("/data-protection/report", {"domain": "shop.test"}).json == {
        "places": {},
        "contacts": [],
        "suppressed": True,
    }
    assert connection.execute(text("SELECT domain FROM domains")).scalars().all() == ["bigshop.test"]
    assert connection.execute(text("SELECT is_suppressed('eu.shop.test')")).scalar_one()


def test_the_functions_role_may_erase_a_subject_and_not_rewrite_history(
    connection: Connection, as_application: None
) -> None:
    for spellings in ("{}", "{done}", '{".*"}', "{a@b}", "{123}", "{null}"):
        with pytest.raises(DBAPIError, match="a subject is an e-mail address"):
            connection.execute(text("SELECT erase_subject(CAST(:one AS text[]), 'ada', 'x')"), {"one": spellings})
    with pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text("SELECT erase_everywhere('{a@b.test}')"))


def test_a_request_authorised_as_curation_may_neither_read_nor_erase(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    for path, body in (
        ("report", {"email": ADDRESS}),
        ("erase", {"email": ADDRESS, "reason": "x"}),
        ("purge", {"domain": "shop.test", "reason": "x"}),
    ):
        headers = {"content-type": "application/json"}
        sent = json.dumps(body)
        answer = api.send("POST", f"/data-protection/{path}", sent, headers=headers, route_key="POST /{proxy+}")
        assert answer.status == 403
    assert connection.execute(text("SELECT count(*) FROM contacts")).scalar_one() == 3
