"""Records by natural key, by status and by error code, in the table of every workflow."""

import pytest
from sqlalchemy import Connection, UniqueConstraint, text

from scrapersky.runtime.records import resolve
from scrapersky.runtime.registry import IMPORT, METADATA, WORKFLOWS
from scrapersky.status.records import group_errors, list_records
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Status
from tests.records import make

SPELLINGS = {
    "domains": ("key.test", "http://www.KEY.test/"),
    "sitemaps": ("key.test", "https://key.test"),
    "sitemap_files": ("https://key.test/sitemap.xml", "https://KEY.test:443/sitemap.xml#top"),
    "pages": ("https://key.test/contact", "https://KEY.test:443/contact#top"),
    "place_searches": ("key in Town",),
    "places": ("key",),
    "local_businesses": ("key",),
    "contacts": ("info@key.test",),
    "exports": ("key",),
}
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=list(WORKFLOWS))


@each_workflow
def test_a_record_is_found_by_each_spelling_of_its_natural_key(workflow: Workflow, connection: Connection) -> None:
    make(connection, workflow, key="other")
    record_id = make(connection, workflow, key="key")
    for spelling in SPELLINGS[workflow.table]:
        assert resolve(connection, workflow, [spelling]).ids == {record_id: spelling}


@each_workflow
def test_a_list_shows_the_natural_key_by_which_a_record_is_found(workflow: Workflow, connection: Connection) -> None:
    make(connection, workflow, key="other")
    record_id = make(connection, workflow, key="key")
    listed, _ = list_records(connection, workflow, limit=5)["records"]
    assert (listed["id"], listed["record"]) == (record_id, SPELLINGS[workflow.table][0])


@each_workflow
def test_the_natural_key_ends_the_unique_constraint_of_the_table(workflow: Workflow) -> None:
    constraints = workflow.model.__table__.constraints  # type: ignore[attr-defined]
    (unique,) = (one for one in constraints if isinstance(one, UniqueConstraint))
    assert list(unique.columns)[-1].name == workflow.key


def test_a_url_that_two_domains_share_is_named_by_id(connection: Connection) -> None:
    statement = (
        "WITH d AS (INSERT INTO domains (domain) VALUES ('shop.test'), ('eu.shop.test') RETURNING id)"
        " INSERT INTO sitemap_files (domain_id, url, discovery_method)"
        " SELECT id, 'https://eu.shop.test/sitemap.xml', 'manual' FROM d"
    )
    connection.execute(text(statement))
    (missing,) = resolve(connection, IMPORT, ["https://eu.shop.test/sitemap.xml"]).missing
    assert missing["reason"].endswith("names 2 records; use one of the ids 1, 2")


def test_a_url_that_no_record_can_have_is_not_found(connection: Connection) -> None:
    make(connection, IMPORT, key="key")
    too_long = f"https://key.test/{'a' * 3_000}"
    (missing,) = resolve(connection, IMPORT, [too_long]).missing
    assert missing["reason"].startswith("sitemap_files has no record 'https://key.test/aaa")


def test_a_list_by_a_status_that_no_index_has_looks_at_a_bounded_number_of_records(connection: Connection) -> None:
    (queued, *_) = [make(connection, METADATA, "Queued" if n == 0 else "New", f"d{n}") for n in range(5)]
    first = list_records(connection, METADATA, status=Status.QUEUED, limit=10, searched=3)
    assert (first["records"], first["next_before"]) == ([], queued + 2)
    rest = list_records(connection, METADATA, status=Status.QUEUED, limit=10, searched=3, before=queued + 2)
    assert ([one["id"] for one in rest["records"]], rest["next_before"]) == ([queued], None)


def test_a_record_whose_history_was_deleted_is_still_listed(connection: Connection) -> None:
    make(connection, METADATA)
    connection.execute(text("SET session_replication_role = replica"))
    connection.execute(text("UPDATE domains SET status = 'Error', error_code = 'dns'"))
    connection.execute(text("DELETE FROM status_events"))
    (listed,) = list_records(connection, METADATA, error_code="dns", limit=5)["records"]
    assert listed["since"] is None
    (group,) = group_errors(connection, METADATA, limit=5)
    assert (group["error_code"], group["records"], group["last_seen"]) == ("dns", 1, None)
