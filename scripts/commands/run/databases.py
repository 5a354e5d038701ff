"""Creates and drops databases on a server, and opens them, by url."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pg8000.native
from sqlalchemy import URL, Engine, create_engine, make_url

from scrapersky.database import address_of_url


def create(server: str, name: str, template: str | None = None) -> str:
    """Creates ``name`` on the server of the url ``server``, empty or as a copy of ``template``; returns its url.

    A small template is copied by file: twice as fast as through the log, where nothing is due at the checkpoints around it.
    """
    copy = f" TEMPLATE {pg8000.native.identifier(template)} STRATEGY file_copy" if template else ""
    with _connection(server) as connection:
        connection.run(f"CREATE DATABASE {pg8000.native.identifier(name)}{copy}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop(server: str, name: str) -> None:
    """Drops ``name`` if it is there, ending its connections."""
    with _connection(server) as connection:
        connection.run(f"DROP DATABASE IF EXISTS {pg8000.native.identifier(name)} WITH (FORCE)")


def address(url: str) -> dict[str, Any]:
    """What the database secret holds for ``url``. ``?sslmode=disable`` is for a server in a private network."""
    mode = make_url(url).query.get("sslmode")
    return {**address_of_url(url), **({"sslmode": mode} if mode else {})}


def engine(url: str) -> Engine:
    """An engine on ``url``, with or without TLS as its secret would say."""
    plain = URL.create("postgresql+pg8000", **{key: value for key, value in _parts(url).items() if value is not None})
    return create_engine(plain, connect_args={"ssl_context": _tls(url)}, pool_size=1, max_overflow=2)


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
    connection = pg8000.native.Connection(user, timeout=10, ssl_context=_tls(url), **parts)
    try:
        yield connection
    finally:
        connection.close()
