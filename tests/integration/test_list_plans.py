"""Query plans of the lists at half a million rows: every filter and every order reads a bounded part of its table.

And of the hand-off that counts the pages of each domain.
"""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from sqlalchemy import Connection, text

from api.listing import LOOKED_AT, Reader
from api.resource import Paging, Resource
from api.resources.contacts import CONTACTS, ContactQuery
from api.resources.domains import DOMAINS, DomainQuery
from api.resources.local_businesses import LOCAL_BUSINESSES, LocalBusinessQuery
from api.resources.pages import PAGES, PageQuery
from api.resources.place_searches import PLACE_SEARCHES, PlaceSearchQuery
from api.resources.places import PLACES, PlaceQuery
from api.resources.sitemap_files import SITEMAP_FILES, SitemapFileQuery
from api.resources.sitemaps import SITEMAPS, SitemapQuery
from scrapersky.database import Database
from scrapersky.lists.filters import INDEX_ONLY, MOST_FOUND, PAGING, SEARCHED, conditions, set_planner
from scrapersky.runtime.labels import progress
from scrapersky.runtime.registry import IMPORT, PAGE_READING, WORKFLOWS, hand_offs_from
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.control import record_tick
from scrapersky.status.refresh import WINDOW, refresh
from scrapersky.status.requeue import hand_off
from scrapersky.vocabulary import RecordId
from scripts.commands.run.postgres import Postgres
from tests.conftest import TEMPLATE
from tests.integration.large import fill
from tests.integration.plans import Plan, plans_of, rolled_back, walk

ROWS = 500_000
OTHERS = 20_000
RARE = 10_000
"""One record of so many has a rare value, another one for each column."""
UNREAD = 200
"""One page of so many was never queued."""
LIMIT = 20

QUERIES: dict[str, tuple[Resource[Any], type[Paging]]] = {
    "domains": (DOMAINS, DomainQuery),
    "contacts": (CONTACTS, ContactQuery),
    "place_searches": (PLACE_SEARCHES, PlaceSearchQuery),
    "places": (PLACES, PlaceQuery),
    "local_businesses": (LOCAL_BUSINESSES, LocalBusinessQuery),
    "sitemaps": (SITEMAPS, SitemapQuery),
    "sitemap_files": (SITEMAP_FILES, SitemapFileQuery),
    "pages": (PAGES, PageQuery),
}


def rarely(place: int, rare: str, often: str = "NULL") -> str:
    """Return SQL for ``rare`` in one of :data:`RARE` records, else ``often``."""
    return f"CASE WHEN n % {RARE} = {place} THEN {rare} ELSE {often} END"


COMMON = {
    "tenant": rarely(1, "'rare'", "'default'"),
    "label": rarely(8, "'rare'", "'often'"),
    "curation_status": rarely(2, "'Maybe'", "'New'") + "::curation_status",
}
OLD = "now() - make_interval(days => 40, secs => n)"
PAGE = {"domain_id": "n / 2 + 1", "url": "'https://d' || n / 2 + 1 || '.example/' || n"}


def watched(prefix: str = "") -> dict[str, str]:
    """Return the values of a watched field and its companions."""
    status = rarely(3, "'Error'", "'Completed'") + "::work_status"
    values = {"status": status, "error_code": rarely(3, "'rare'"), "error": rarely(3, "'rare words'")}
    return {f"{prefix}{name}": value for name, value in values.items()}


FILLED = {
    "domains": watched()
    | {
        "domain": "'d' || n || '.example'",
        "http_status": rarely(4, "418", "200"),
        "email_addresses": rarely(5, "ARRAY['x']"),
        "phone_numbers": rarely(6, "ARRAY['x']"),
        "last_scan": "now() - make_interval(secs => n)",
    },
    "contacts": watched("email_check_")
    | {
        "domain_id": "n / 2 + 1",
        "kind": "'email'",
        "value": "n || '@x.example'",
        "last_seen": "now() - make_interval(secs => n)",
    },
    "place_searches": watched()
    | {
        "text": "'text ' || n",
        "area": rarely(4, "'rare'", "'often'"),
        "tile": rarely(5, "'a'", "''"),
        "parent_id": rarely(5, "77"),
        "root_id": rarely(5, "77"),
    },
    "places": watched("deep_scan_")
    | {"place_id": "'p' || n", "name": "'name ' || n", "search_query": rarely(4, "'rare'", "'often'")},
    "local_businesses": watched("domain_extraction_")
    | {
        "place_id": "'p' || n",
        "city": rarely(4, "'rare'", "'often'"),
        "main_category": rarely(5, "'rare'", "'often'"),
        "phone": rarely(6, "'+1'"),
        "reviews_count": "n",
        "domain_id": "n",
    },
    "sitemaps": watched() | {"domain_id": "n", "scanned_at": OLD},
    "sitemap_files": watched("sitemap_import_")
    | PAGE
    | {"sitemap_id": "n / 2 + 1", "discovery_method": "'manual'", "http_status": rarely(4, "418", "200")},
    "pages": watched("page_reading_")
    | {"page_reading_status": f"CASE WHEN n % {UNREAD} = 7 THEN 'New' ELSE {watched()['status']} END"}
    | PAGE
    | {
        "last_read": OLD,
        "sitemap_file_id": "n / 2 + 1",
        "path_depth": "1",
        "page_type": rarely(4, "'rare'", "'often'"),
    },
}

RARE_VALUES: dict[str, str] = {
    "tenant": "rare", "label": "rare", "curation_status": "Maybe", "sitemap_curation_status": "Maybe", "domain": "d77.example",
    "domain_id": "77", "url": "https://d77.example/152", "place_id": "p77", "value": "77@x.example",
    "http_status": "418", "has_email": "true", "has_phone": "true", "search_query": "rare", "city": "rare",
    "main_category": "rare", "page_type": "rare", "sitemap_id": "77", "sitemap_file_id": "77",
    "created_after": "2090-01-01T00:00:00Z", "created_before": "1990-01-01T00:00:00Z", "last_scan_before":
    "1990-01-01T00:00:00Z", "is_wordpress": "true", "country": "XX", "host": "d77.example", "sitemap_type":
    "index", "discovery_method": "robots_txt", "is_valid": "true", "lead_source": "manual", "kind": "form",
    "text": "text 77", "area": "rare", "root_id": "77", "is_tile": "true",
    "category": "x", "seen_since": "2090-01-01T00:00:00Z", "gone": "true", "checked": "valid",
}  # fmt: skip
"""A value for each filter that few records have, or none."""


def rare_value(name: str) -> str:
    """Return the value for a filter, also of a watched field."""
    if name.endswith(("error_code", "error")):
        return "rare"
    return RARE_VALUES.get(name, "Error")


# Search has its own tests.
CASES = [
    (table, name)
    for table, (_, query) in QUERIES.items()
    for name in query.model_fields
    if name not in {*PAGING, "search"}
]
ORDERS = [
    (table, order)
    for table, (_, query) in QUERIES.items()
    for order in get_args(query.model_fields["order"].annotation)
]


@pytest.fixture(scope="module")
def large(postgres: Postgres) -> Iterator[Connection]:
    """A connection of the API's kind to the large database, in transactions that are rolled back."""
    url = postgres.create_database("large_lists", template=TEMPLATE)
    fill(
        url,
        *(
            f"DROP INDEX ix_{table}_search"
            for table in ("contacts", "place_searches", "places", "local_businesses", "domains")
        ),
        *(
            f"INSERT INTO {table} ({', '.join(values | COMMON)}) SELECT {', '.join((values | COMMON).values())}"
            f" FROM generate_series(1, {ROWS if table == 'domains' else OTHERS}) AS n"
            for table, values in FILLED.items()
        ),
        "CREATE INDEX ix_domains_search ON domains USING gin (lower(domain) gin_trgm_ops)",
        "ANALYZE",
    )
    database = Database(load(Settings, {"DATABASE_URL": url}), "plans", read_secret)
    with database.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        with connection.begin():
            for workflow in WORKFLOWS.values():
                record_tick(connection, workflow)
        yield connection
    database.engine.dispose()
    postgres.drop_database("large_lists")


def plans(connection: Connection, table: str, **given: str) -> list[Plan]:
    """Return the plans of the first page of a listing, without the look for open transactions."""
    resource, kind = QUERIES[table]
    query = kind.model_validate({"limit": str(LIMIT), **given})

    def verb(connection: Connection) -> None:
        Reader(connection, resource, query, conditions(connection, resource.model, query)).read(None, 0)

    return [plan for plan in plans_of(connection, verb) if "pg_locks" not in plan.statement]


@pytest.mark.parametrize(("table", "name"), CASES)
def test_a_filter_reads_no_more_than_its_bound(large: Connection, table: str, name: str) -> None:
    resource, kind = QUERIES[table]
    with large.begin():
        wanted = conditions(large, resource.model, kind.model_validate({name: rare_value(name)}))
    found = plans(large, table, **{name: rare_value(name)})
    summary = "\n".join(plan.summary() for plan in found)
    bound = 2 * LOOKED_AT if wanted.others else 3 * ROWS // RARE
    assert sum(plan.rows_read for plan in found) <= bound + 10, summary


@pytest.mark.parametrize(("table", "order"), ORDERS)
def test_an_order_reads_only_its_page(large: Connection, table: str, order: str) -> None:
    found = plans(large, table, order=order)
    assert sum(plan.rows_read for plan in found) <= 2 * LIMIT + 10, "\n".join(plan.summary() for plan in found)


@pytest.mark.parametrize("order", get_args(DomainQuery.model_fields["order"].annotation))
def test_a_search_reads_what_it_finds_in_every_order(large: Connection, order: str) -> None:
    found = plans(large, "domains", search="d499", order=order)  # 1,111 records, most of them the last in some order
    read = [plan.rows_read for plan in found if not plan.statement.lstrip().startswith("SELECT id")]
    assert sum(read) <= 2 * 1_111 + LIMIT, "\n".join(plan.summary() for plan in found)


@pytest.mark.parametrize("given", ["d49", "EXAMPLE", "d4", "%__"])
def test_a_search_that_finds_many_or_has_no_index_reads_a_page_of_the_order(large: Connection, given: str) -> None:
    found = plans(large, "domains", search=given)
    read = [plan.rows_read for plan in found if not plan.statement.lstrip().startswith("SELECT id")]
    assert sum(read) <= 2 * LOOKED_AT + 10, "\n".join(plan.summary() for plan in found)


def test_the_ids_of_a_search_are_read_from_its_index(large: Connection) -> None:
    with rolled_back(large):
        set_planner(large, INDEX_ONLY)
        searched = text(f"EXPLAIN (FORMAT JSON) {SEARCHED.format(table='domains', column='domain')}")
        (plan,) = large.execute(searched, {"given": "d499", "most": MOST_FOUND}).scalar_one()
    assert [node["Index Name"] for node in walk(plan["Plan"]) if "Index Name" in node] == ["ix_domains_search"]


def test_the_progress_of_a_label_reads_only_its_records(large: Connection) -> None:
    found = plans_of(large, lambda connection: progress(connection, "rare", None))
    assert sum(plan.rows_read for plan in found) <= 3 * ROWS // RARE, "\n".join(plan.summary() for plan in found)


@pytest.mark.parametrize("name", [name for name, one in WORKFLOWS.items() if one.read_at])
def test_a_refresh_reads_the_oldest_records_only(large: Connection, name: str) -> None:
    most = 3

    def verb(connection: Connection) -> None:
        assert len(refresh(connection, WORKFLOWS[name], days=1, most=most)) == most

    *_, plan = plans_of(large, verb)
    looked_at = WINDOW * most
    assert plan.sequential_scans(["domains", "sitemaps", "pages"]) == [], plan.summary()
    assert looked_at <= plan.rows_read <= 5 * looked_at, plan.summary()


def test_a_count_ends_at_its_cap(large: Connection) -> None:
    query = DomainQuery()

    def verb(connection: Connection) -> None:
        assert Reader(connection, DOMAINS, query, conditions(connection, DOMAINS.model, query)).count() == 10_000

    (plan,) = plans_of(large, verb)
    assert plan.rows_read <= 10_010, plan.summary()


def test_a_hand_off_with_places_per_domain_reads_only_the_pages_of_its_domains(large: Connection) -> None:
    ids = [RecordId(number) for number in range(7, OTHERS, UNREAD)]
    [declared] = [one for one in hand_offs_from(IMPORT) if one.target == PAGE_READING]
    per_host = declared.per_host and declared.per_host(Settings())

    def verb(connection: Connection) -> None:
        condition = declared.condition
        hand_off(
            connection, PAGE_READING, ids, actor="", reason="", again=False, condition=condition, per_host=per_host
        )

    found = plans_of(large, verb)
    summary = "\n".join(plan.summary() for plan in found)
    assert [plan.sequential_scans(["pages"]) for plan in found if plan.sequential_scans(["pages"])] == [], summary
    assert sum(plan.rows_read for plan in found) <= 8 * len(ids), summary
