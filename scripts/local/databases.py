"""Creates and drops databases on a server, by its url."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pg8000.native
from sqlalchemy import URL, make_url


def create(server: str, name: str, template: str | None = None) -> None:
    """Creates ``name`` on the server of the url ``server``, empty or as a copy of the database ``template``."""
    copy = f" TEMPLATE {pg8000.native.identifier(template)}" if template else ""
    with _connection(make_url(server)) as connection:
        connection.run(f"CREATE DATABASE {pg8000.native.identifier(name)}{copy}")


def drop(server: str, name: str) -> None:
    """Drops ``name`` if it is there, ending its connections."""
    with _connection(make_url(server)) as connection:
        connection.run(f"DROP DATABASE IF EXISTS {pg8000.native.identifier(name)} WITH (FORCE)")


@contextmanager
def _connection(url: URL) -> Iterator[pg8000.native.Connection]:
    local = url.host in {"127.0.0.1", "localhost", "::1"}
    connection = pg8000.native.Connection(
        user=url.username or "",
        password=url.password,
        host=url.host or "localhost",
        port=url.port or 5432,
        database=url.database,
        timeout=10,
        ssl_context=False if local else ssl.create_default_context(),
    )
    try:
        yield connection
    finally:
        connection.close()
