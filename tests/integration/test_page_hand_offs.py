"""Which pages of a domain are handed off to page reading, and that metadata and import hand them off."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from domain_scheduler.saving import save_links
from page_scheduler.page_reading import read_contact_page
from scrapersky.models import Page
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import IMPORT, METADATA, PAGE_READING, contact_pages, hand_offs_from
from scrapersky.settings import Settings
from scrapersky.status.requeue import hand_off
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId
from scrapersky.web.page_type import page_type_of
from scrapersky.web.urls import path_depth
from tests.jobs import page, run_job
from tests.race.race import race
from tests.records import make

SETTINGS = Settings()


@pytest.fixture
def domain(connection: Connection) -> RecordId:
    return make(connection, METADATA)


def pages(connection: Connection, domain: RecordId, *paths: str, host: str = "a.test") -> list[RecordId]:
    """Add pages, as an import does; return their ids."""
    insert = text(
        "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:domain, :url, :kind, :depth) RETURNING id"
    )
    rows = [
        {"domain": domain, "url": f"https://{host}{path}", "kind": page_type_of(path).value, "depth": path_depth(path)}
        for path in paths
    ]
    return [RecordId(connection.execute(insert, row).scalar_one()) for row in rows]


def hand_off_from(source: Workflow, ids: Sequence[RecordId], connection: Connection) -> list[RecordId]:
    """Hand ``ids`` off to page reading as a result of ``source`` does; return those that were queued."""
    [declared] = [one for one in hand_offs_from(source) if one.target == PAGE_READING]
    assert declared.per_host
    moved = hand_off(
        connection,
        PAGE_READING,
        ids,
        actor="test",
        reason="test",
        again=declared.again,
        condition=declared.condition,
        per_host=declared.per_host(SETTINGS),
    )
    return list(moved)


def queued(connection: Connection) -> list[str]:
    """Return the paths of the queued pages."""
    rows = connection.execute(text("SELECT url FROM pages WHERE page_reading_status = 'Queued' ORDER BY id"))
    return [url.removeprefix("https://a.test") for url in rows.scalars()]


def test_five_pages_of_a_domain_are_read_one_of_each_kind_first(connection: Connection, domain: RecordId) -> None:
    paths = [
        *("/en/contact", "/contact", "/fr/contact", "/de/kontakt", "/es/contacto"),
        *("/agb", "/impressum", "/datenschutz", "/about", "/about/team", "/products/saw", "/news"),
    ]
    hand_off_from(IMPORT, pages(connection, domain, *paths), connection)
    assert sorted(queued(connection)) == ["/about", "/agb", "/contact", "/en/contact", "/impressum"]


def test_pages_that_were_queued_before_take_their_places(connection: Connection, domain: RecordId) -> None:
    first = pages(connection, domain, "/contact", "/impressum", "/about")
    assert len(hand_off_from(METADATA, first, connection)) == 3
    connection.execute(text("UPDATE pages SET page_reading_status = 'New' WHERE url LIKE '%about'"))
    more = pages(connection, domain, *(f"/contact/{number}" for number in range(9)))
    assert len(hand_off_from(IMPORT, [*first, *more], connection)) == 3
    assert hand_off_from(IMPORT, [*first, *more], connection) == []


def test_each_domain_has_its_own_places(connection: Connection, domain: RecordId) -> None:
    other = make(connection, METADATA, key="b")
    ids = [page for one in (domain, other) for page in pages(connection, one, *(f"/contact/{n}" for n in range(7)))]
    assert len(hand_off_from(IMPORT, ids, connection)) == 10


def test_pages_of_another_domain_or_kind_take_no_places(connection: Connection, domain: RecordId) -> None:
    other = make(connection, METADATA, key="b")
    assert len(hand_off_from(IMPORT, pages(connection, other, *(f"/contact/{n}" for n in range(5))), connection)) == 5
    [product] = pages(connection, domain, "/products/saw")
    connection.execute(text(f"UPDATE pages SET page_reading_status = 'Queued' WHERE id = {product}"))
    assert len(hand_off_from(IMPORT, pages(connection, domain, *(f"/contact/{n}" for n in range(7))), connection)) == 5


def test_pages_that_are_not_handed_off_take_no_places(connection: Connection, domain: RecordId) -> None:
    other = make(connection, METADATA, key="b")
    for one, on_other_host in ((domain, False), (other, True)):
        first = pages(connection, one, *(f"/contact/{n}" for n in range(5)))
        connection.execute(text(f"UPDATE pages SET other_host = {on_other_host} WHERE domain_id = {one}"))
        mine = pages(connection, one, *(f"/contact/page-{n}" for n in range(3)))
        assert hand_off_from(IMPORT, [*(first if on_other_host else ()), *mine], connection) == mine


def test_an_import_hands_off_only_pages_near_the_root_of_the_domain_itself(
    connection: Connection, domain: RecordId
) -> None:
    ids = pages(connection, domain, "/a/b/contact", "/about")
    connection.execute(text("UPDATE pages SET other_host = true WHERE url LIKE '%about'"))
    assert hand_off_from(IMPORT, ids, connection) == []
    assert len(hand_off_from(METADATA, ids, connection)) == 2


@pytest.mark.parametrize("status", ["Completed", "Error"])
def test_a_page_that_was_read_is_not_read_again(connection: Connection, domain: RecordId, status: str) -> None:
    ids = pages(connection, domain, "/contact")
    connection.exec_driver_sql("RESET ROLE; SET session_replication_role = replica")
    code = "'http_404'" if status == "Error" else "NULL"
    connection.exec_driver_sql(f"UPDATE pages SET page_reading_status = '{status}', page_reading_error_code = {code}")
    connection.exec_driver_sql("RESET session_replication_role")
    assert hand_off_from(METADATA, ids, connection) == []


def test_two_hand_offs_of_one_domain_share_its_places(engine: Engine, connection: Connection) -> None:
    domain = make(connection, METADATA)
    parts = [pages(connection, domain, *(f"/contact/{part}-{n}" for n in range(4))) for part in range(2)]

    def in_a_transaction(holder: Connection) -> list[RecordId]:
        holder.exec_driver_sql("BEGIN")
        moved = hand_off_from(IMPORT, parts[1], holder)
        holder.exec_driver_sql("COMMIT")
        return moved

    ended = race(engine, partial(hand_off_from, IMPORT, parts[0]), in_a_transaction)
    assert (len(ended.first), len(ended.second), ended.waited) == (4, 1, True)
    assert len(queued(connection)) == SETTINGS.page_reading_max_pages


def test_hand_offs_of_two_domains_do_not_wait_for_each_other(engine: Engine, connection: Connection) -> None:
    parts = [pages(connection, make(connection, METADATA, key=key), "/contact") for key in "ab"]
    ended = race(engine, *(partial(hand_off_from, IMPORT, part) for part in parts))
    assert (ended.first, ended.second, ended.waited) == (*parts, False)


def test_links_of_a_home_page_become_pages_once(connection: Connection, domain: RecordId) -> None:
    (known,) = pages(connection, domain, "/about")
    links = [
        {"url": f"https://a.test{path}", "page_type": "contact", "path_depth": 1, "other_host": False}
        for path in ("/contact", "/about")
    ]
    first = save_links(connection, {domain: links})
    assert known in first
    assert len(first) == 2
    assert sorted(save_links(connection, {domain: links})) == sorted(first)
    rows = connection.execute(text("SELECT url, page_type, lead_source FROM pages ORDER BY url"))
    assert [tuple(row) for row in rows] == [
        ("https://a.test/about", "about", "sitemap_import"),
        ("https://a.test/contact", "contact", "home_page_link"),
    ]


def test_the_limit_is_the_setting() -> None:
    assert contact_pages(Settings(page_reading_max_pages=2)).most == 2


def read_page(engine: Engine, page_id: RecordId, html: str, directory: Path) -> Outcome:
    """Read the page while it is ``html``, and save what it gives, as the runtime does."""
    with Session(engine) as session:
        record = session.get_one(Page, page_id)
        session.expunge_all()
    outcome = run_job(read_contact_page, record, {record.domain.domain: page(html)}, directory)
    if isinstance(outcome, Done) and outcome.write:
        with engine.begin() as connection:
            outcome.write(connection)
    return outcome


def contacts(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.execute(
        text(
            "SELECT contacts.domain_id, kind, value, category, page_id, contact_sources.url, found_in FROM contacts"
            " JOIN contact_sources ON contact_id = contacts.id ORDER BY contacts.id"
        )
    )
    return [tuple(row) for row in rows]


def test_a_page_is_the_source_of_its_contacts_and_reading_it_again_adds_nothing(
    engine: Engine, connection: Connection, tmp_path: Path
) -> None:
    domain = make(connection, METADATA, key="shop")
    [page_id] = pages(connection, domain, "/contact", host="shop.test")
    html = "<h1>Contact</h1><a href='mailto:info@shop.com'>mail</a><form><input type=email><textarea></textarea></form>"
    assert read_page(engine, page_id, html, tmp_path / "1").code == "contacts_found"
    url = "https://shop.test/contact"
    expected = [
        (domain, "email", "info@shop.com", "role", page_id, url, "mailto"),
        (domain, "form", url, None, page_id, url, "form"),
    ]
    assert contacts(connection) == expected
    read_page(engine, page_id, html, tmp_path / "2")
    assert contacts(connection) == expected
    row = connection.execute(text("SELECT h1, last_read IS NOT NULL FROM pages")).one()
    assert tuple(row) == ("Contact", True)


def test_a_hostile_page_touches_no_other_record(engine: Engine, connection: Connection, tmp_path: Path) -> None:
    mine, other = (make(connection, METADATA, key=key) for key in ("shop", "other"))
    [good] = pages(connection, other, "/contact", host="other.test")
    read_page(engine, good, "<a href='mailto:info@other.com'>mail</a>", tmp_path / "1")
    before = contacts(connection)
    ids = pages(connection, mine, "/contact", "/about", "/impressum", host="shop.test")
    nul = "<a href='mailto:a\0b@shop.com'>x</a><h1>\ud800'; DROP TABLE contacts; --</h1>".encode(
        "utf-8", "surrogatepass"
    )
    for number, html in enumerate(
        (
            nul.decode("latin-1"),
            "<div>" * 50_000,
            f"{'<a href=mailto:info@other.com>x</a>' * 10_000}<title>{'x' * 99_999}",
        )
    ):
        read_page(engine, ids[number], html, tmp_path / f"hostile {number}")
    assert [row for row in contacts(connection) if row[0] == other] == before
    assert {row[0] for row in contacts(connection)} <= {mine, other}
    unread = connection.execute(
        text("SELECT count(*) FROM pages WHERE domain_id = :other AND last_read IS NULL"), {"other": other}
    )
    assert unread.scalar_one() == 0
