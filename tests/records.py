"""How a record of each watched table comes to be, in any status that a router may give it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from scrapersky.status.workflow import Workflow

DOMAIN = "WITH d AS (INSERT INTO domains (domain) VALUES ('{key}.test') RETURNING id) "
MAKE = {
    "domains": "INSERT INTO domains (domain, {field}) VALUES ('{key}.test', '{status}') RETURNING id",
    "places": "INSERT INTO places (place_id, {field}) VALUES ('{key}', '{status}') RETURNING id",
    "local_businesses": "INSERT INTO local_businesses (place_id, {field}) VALUES ('{key}', '{status}') RETURNING id",
    "sitemaps": DOMAIN + "INSERT INTO sitemaps (domain_id, {field}) SELECT id, '{status}' FROM d RETURNING id",
    "sitemap_files": DOMAIN + "INSERT INTO sitemap_files (domain_id, url, discovery_method, {field})"
    " SELECT id, 'https://{key}.test/sitemap.xml', 'manual', '{status}' FROM d RETURNING id",
    "pages": DOMAIN + "INSERT INTO pages (domain_id, url, page_type, path_depth, {field})"
    " SELECT id, 'https://{key}.test/', 'page', 0, '{status}' FROM d RETURNING id",
}


def make(connection: Connection, workflow: Workflow, status: str = "New", key: str = "a") -> int:
    """Adds one record of the workflow's table; returns its id."""
    statement = MAKE[workflow.table].format(field=workflow.field, status=status, key=key)
    return int(connection.execute(text(statement)).scalar_one())


@contextmanager
def beneath_the_guards(connection: Connection) -> Iterator[None]:
    """What only a superuser can do: writes that no trigger sees."""
    connection.execute(text("SET session_replication_role = replica"))
    yield
    connection.execute(text("RESET session_replication_role"))
