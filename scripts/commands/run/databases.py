"""Create, open and drop databases on a Postgres server, by URL."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pg8000.native
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from scrapersky.database import ROLE_SETTINGS, address_of_url


class DatabaseError(RuntimeError):
    """A database URL is not valid, or its server does not answer; the message names the URL without its password."""


def create(server: str, name: str, template: str | None = None) -> str:
    """Create the database ``name`` on the server of the URL ``server``; return the new database's URL.

    The database is empty, or a copy of ``template``, made by file copy: for a small template twice as fast as through the
    log. Raises :class:`DatabaseError`.
    """
    copy = f" TEMPLATE {pg8000.native.identifier(template)} STRATEGY file_copy" if template else ""
    with _connection(server) as connection:
        connection.run(f"CREATE DATABASE {pg8000.native.identifier(name)}{copy}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def limit_role(url: str) -> None:
    """Give the role of ``url`` the :data:`~scrapersky.database.ROLE_SETTINGS` in the database of ``url``."""
    database = pg8000.native.identifier(make_url(url).database or "")
    with _connection(url) as connection:
        for name, value in ROLE_SETTINGS.items():
            connection.run(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{value}'")


def drop(server: str, name: str) -> None:
    """Drop the database ``name`` if it exists, and end its connections."""
    with _connection(server) as connection:
        connection.run(f"DROP DATABASE IF EXISTS {pg8000.native.identifier(name)} WITH (FORCE)")


def address(url: str) -> dict[str, Any]:
    """Return what the database secret holds for ``url``. ``?sslmode=disable`` is for a server in a private network."""
    try:
        parsed = make_url(url)
        mode = parsed.query.get("sslmode")
        return {**address_of_url(url), **({"sslmode": mode} if mode else {})}
    except (ArgumentError, ValueError):
        raise DatabaseError("the database URL is not valid: write postgresql://USER:PASSWORD@HOST:PORT/NAME") from None


def engine(url: str) -> Engine:
    """Return an engine on ``url``, with or without TLS as its secret would have it. Raises :class:`DatabaseError`."""
    plain = URL.create("postgresql+pg8000", **{key: value for key, value in _parts(url).items() if value is not None})
    return create_engine(plain, connect_args={"ssl_context": _tls(url)}, pool_size=1, max_overflow=2)


def psql_url(url: str, *, hide_password: bool = False) -> str:
    """Return ``url`` as psql takes it: without the name of a Python driver."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=hide_password)


def _parts(url: str) -> Mapping[str, Any]:
    found = address(url)
    return {
        **{key: found[key] for key in ("username", "password", "host", "port")},
        "database": found["dbname"],
    }


def _tls(url: str) -> ssl.SSLContext | bool:
    return False if address(url)["sslmode"] == "disable" else ssl.create_default_context()


@contextmanager
def _connection(url: str) -> Iterator[pg8000.native.Connection]:
    parts = {**_parts(url)}
    user = parts.pop("username") or ""
    try:
        connection = pg8000.native.Connection(user, timeout=10, ssl_context=_tls(url), **parts)
    except (OSError, pg8000.native.InterfaceError, pg8000.native.DatabaseError) as error:
        raise DatabaseError(f"no connection to the database {psql_url(url, hide_password=True)}: {error}") from None
    try:
        yield connection
    finally:
        connection.close()
