"""Create a record of any watched table, and write with triggers disabled."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

from scrapersky import contacts
from scrapersky.contacts import FoundContact, KeptContacts, Reading
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId

DOMAIN = "WITH d AS (INSERT INTO domains (domain) VALUES ('{key}.test') RETURNING id) "
MAKE = {
    "domains": "INSERT INTO domains (domain, {field}) VALUES ('{key}.test', '{status}') RETURNING id",
    "place_searches": "INSERT INTO place_searches (text, area, {field}) VALUES ('{key}', 'Town', '{status}') RETURNING id",
    "places": "INSERT INTO places (place_id, {field}) VALUES ('{key}', '{status}') RETURNING id",
    "local_businesses": "INSERT INTO local_businesses (place_id, {field}) VALUES ('{key}', '{status}') RETURNING id",
    "sitemaps": DOMAIN + "INSERT INTO sitemaps (domain_id, {field}) SELECT id, '{status}' FROM d RETURNING id",
    "sitemap_files": DOMAIN + "INSERT INTO sitemap_files (domain_id, url, discovery_method, {field})"
    " SELECT id, 'https://{key}.test/sitemap.xml', 'manual', '{status}' FROM d RETURNING id",
    "contacts": DOMAIN + "INSERT INTO contacts (domain_id, kind, value, {field})"
    " SELECT id, 'email', 'info@{key}.test', '{status}' FROM d RETURNING id",
    "exports": "INSERT INTO exports (object_key, resource, format, filters, bom, {field})"
    " VALUES ('{key}', 'contacts', 'csv', '{{}}', false, '{status}') RETURNING id",
    "pages": DOMAIN + "INSERT INTO pages (domain_id, url, page_type, path_depth, {field})"
    " SELECT id, 'https://{key}.test/contact', 'contact', 1, '{status}' FROM d RETURNING id",
}


def make(connection: Connection, workflow: Workflow, status: str = "New", key: str = "a") -> RecordId:
    """Insert a record into the workflow's table; return its id."""
    statement = MAKE[workflow.table].format(field=workflow.field, status=status, key=key)
    return RecordId(connection.execute(text(statement)).scalar_one())


def save_contacts(
    connection: Connection, domain_id: RecordId, found: Sequence[FoundContact], *, url: str, page_id: RecordId | None
) -> list[RecordId]:
    """Save what one reading of a page has found; return the contacts' ids."""
    return contacts.save_contacts(connection, [Reading(domain_id, KeptContacts(tuple(found), 0), url, page_id)])


@contextmanager
def triggers_disabled(connection: Connection) -> Iterator[None]:
    """Disable all triggers, which only a superuser can do."""
    role = connection.execute(text("SELECT current_user")).scalar_one()
    connection.exec_driver_sql("RESET ROLE; SET session_replication_role = replica")
    yield
    connection.exec_driver_sql(f"RESET session_replication_role; SET ROLE {role}")
