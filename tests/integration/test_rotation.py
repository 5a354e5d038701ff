"""A rotated database password is survived without a deployment: real SCRAM, the secret kept in memory as on Lambda."""

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
from scrapersky.secret_store import kept, read_secret
from scrapersky.settings import Settings

SECRET = "scrapersky/test/database"


@dataclass(frozen=True)
class Rotating:
    """A function's database, whose role's password can be rotated."""

    function: Database
    owner: Connection
    role: str
    address: dict[str, Any]

    def change_password(self, password: str) -> None:
        """As the rotation does in Postgres; connections that are open end, as they do in time."""
        self.owner.execute(text(f"ALTER ROLE {self.role} PASSWORD '{password}'"))
        self.owner.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :r"), {"r": self.role}
        )

    def change_secret(self, password: str) -> None:
        """As the rotation does in Secrets Manager."""
        value = json.dumps({**self.address, "password": password})
        boto3.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=value)

    def who(self) -> str:
        """Asks the database who the function is."""
        with self.function.autocommit() as connection:
            return str(connection.execute(text("SELECT current_user")).scalar_one())


@pytest.fixture
def rotating(environment: dict[str, str], database_url: str, connection: Connection) -> Iterator[Rotating]:
    """A role of its own with the password ``first``, which the secret holds."""
    role = f"rotating_{make_url(database_url).database}"
    connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'first'"))
    address = {**address_of_url(database_url), "username": role, "password": "first"}
    kept.clear()
    with mock_aws():
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(address))
        database = Database(Settings(database_secret=SECRET), "test", read_secret)
        yield Rotating(database, connection, role, address)
        database.engine.dispose()
    kept.clear()
    connection.execute(text(f"DROP ROLE {role}"))


def test_a_rotated_password_is_read_again_when_the_old_one_is_refused(rotating: Rotating) -> None:
    assert rotating.who() == rotating.role
    rotating.change_secret("second")
    rotating.change_password("second")
    assert rotating.who() == rotating.role


def test_a_connection_that_is_open_goes_on_while_the_password_is_rotated(rotating: Rotating) -> None:
    assert rotating.who() == rotating.role
    rotating.change_secret("second")
    rotating.owner.execute(text(f"ALTER ROLE {rotating.role} PASSWORD 'second'"))
    assert rotating.who() == rotating.role


def test_a_password_that_is_still_refused_when_read_again_is_an_error_and_no_loop(rotating: Rotating) -> None:
    rotating.change_password("second")
    with pytest.raises(DBAPIError) as refused:
        rotating.who()
    assert sqlstate(refused.value) == "28P01"
    assert "first" not in str(refused.value)
    rotating.change_secret("second")
    assert rotating.who() == rotating.role
