"""Rotation of the database password without a deployment, with real SCRAM and a cached secret as on Lambda."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from scrapersky.database import Database, address_of_url, sqlstate
from scrapersky.secret_store import cache, read_secret
from scrapersky.settings import Settings

SECRET = "scrapersky/test/database"


@dataclass(frozen=True)
class Rotating:
    """A function's database and the means to rotate the password of its role."""

    function: Database
    owner: Connection
    role: str
    address: dict[str, Any]

    def change_password(self, password: str) -> None:
        """Change the password in Postgres, end the open connections, and wait until they have ended."""
        self.owner.execute(text(f"ALTER ROLE {self.role} PASSWORD '{password}'"))
        self.owner.execute(
            text("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = :r"), {"r": self.role}
        )

    def change_secret(self, password: str) -> None:
        """Change the password in Secrets Manager."""
        value = json.dumps({**self.address, "password": password})
        boto3.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=value)

    def current_user(self) -> str:
        """Return the function's role, as the database reports it."""
        with self.function.autocommit() as connection:
            return str(connection.execute(text("SELECT current_user")).scalar_one())


@pytest.fixture
def rotating(environment: dict[str, str], database_url: str, connection: Connection) -> Iterator[Rotating]:
    """Yield a function whose role has the password ``first``, in Postgres and in the secret."""
    role = f"rotating_{make_url(database_url).database}"
    connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'first'"))
    address = {**address_of_url(database_url), "username": role, "password": "first"}
    cache.clear()
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(address))
        database = Database(Settings(database_secret=SECRET), "test", read_secret)
        yield Rotating(database, connection, role, address)
        database.engine.dispose()
    cache.clear()
    connection.execute(text(f"DROP ROLE {role}"))


def test_the_secret_is_read_again_when_the_cached_password_is_refused(rotating: Rotating) -> None:
    assert rotating.current_user() == rotating.role
    rotating.change_secret("second")
    rotating.change_password("second")
    assert rotating.current_user() == rotating.role


def test_an_open_connection_survives_the_rotation(rotating: Rotating) -> None:
    assert rotating.current_user() == rotating.role
    rotating.change_secret("second")
    rotating.owner.execute(text(f"ALTER ROLE {rotating.role} PASSWORD 'second'"))
    assert rotating.current_user() == rotating.role


def test_a_password_that_is_refused_twice_is_an_error_without_further_tries(rotating: Rotating) -> None:
    rotating.change_password("second")
    with pytest.raises(DBAPIError) as refused:
        rotating.current_user()
    assert sqlstate(refused.value) == "28P01"
    assert "first" not in str(refused.value)
    rotating.change_secret("second")
    assert rotating.current_user() == rotating.role
