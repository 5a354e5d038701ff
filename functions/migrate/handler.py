"""migrate: runs the database migrations, invoked by CloudFormation before new code may tick, or manually.

A failed migration fails the deployment: CloudFormation receives FAILED with the reason and rolls back.
Protocol: AWS CloudFormation User Guide, "Custom resource request and response reference".
"""

import base64
import hashlib
import hmac
import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import Database, sqlstate
from scrapersky.metrics import Observer
from scrapersky.migrations.retries import upgrade_with_retries
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load

NAME = "migrate"
REPORT_TIMEOUT_SECONDS = 30
ITERATIONS = 4_096
"""Postgres' own number of rounds."""
NOT_THE_OWNERS_ROLE = frozenset({"42501", "42704"})
"""SQLSTATEs: insufficient_privilege, and undefined_object where the owner may not create the role."""
OUT_OF_TIME = "57014"
"""SQLSTATE query_canceled: by the statement timeout."""

settings = load(Settings, os.environ)
observer = Observer(NAME, settings.stage)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Migrate on Create, on Update and on a manual invocation; on Delete keep the data."""
    observer.begin(context)
    seconds = context.get_remaining_time_in_millis() / 1000 - REPORT_TIMEOUT_SECONDS
    if "ResponseURL" not in event:
        return migrate(seconds)
    try:
        data = {} if event["RequestType"] == "Delete" else migrate(seconds)
    except Exception as error:
        observer.log.exception("migration failed")
        report_to_cloudformation(event, "FAILED", reason=f"migration failed: {type(error).__name__}: {error}"[:1000])
        return {"status": "FAILED"}
    report_to_cloudformation(event, "SUCCESS", data=data)
    return {"status": "SUCCESS", **data}


def migrate(seconds: float) -> dict[str, Any]:
    """Upgrade to the newest revision within ``seconds``; return ``{"revision"}``."""
    # A migration may rewrite a table, so a statement may take all the time that there is.
    with_timeout = settings.model_copy(update={"database_statement_timeout_seconds": max(seconds, 1.0)})
    database = Database(with_timeout, NAME, read_owner if settings.database_owner_secret else read_secret)
    # Alembic manages the transaction itself, so the connection must not be in AUTOCOMMIT.
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    try:
        revision = upgrade_with_retries(engine, seconds=seconds)
    except DBAPIError as error:
        if sqlstate(error) != OUT_OF_TIME:
            raise
        raise TimeoutError(
            f"a migration takes longer than {seconds:.0f} s: run it with scripts/migrate (docs/runbook.md, Run a long "
            "migration), then deploy again"
        ) from error
    if settings.database_owner_secret:
        set_password_of_functions(engine)
    observer.line("migrated", {"revision": revision})
    return {"revision": revision}


def read_owner(_: str, *, fresh: bool = False) -> str:
    """Return the address in the functions' secret with the owner's login; the secret that RDS makes has no address."""
    names = (settings.database_secret, settings.database_owner_secret)
    functions, owner = (json.loads(read_secret(name, fresh=fresh)) for name in names)
    return json.dumps({**functions, **owner})


def set_password_of_functions(engine: Engine) -> None:
    """Give the functions' role the password in their secret; log a warning where the owner may not."""
    functions = json.loads(read_secret(settings.database_secret, fresh=True))
    role, password = functions["username"], scram_verifier(functions["password"])
    try:
        with engine.begin() as connection:
            statement = text(
                "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', CAST(:role AS text), CAST(:password AS text))"
            )
            connection.exec_driver_sql(connection.execute(statement, {"role": role, "password": password}).scalar_one())
    except DBAPIError as error:
        if sqlstate(error) not in NOT_THE_OWNERS_ROLE:
            raise
        observer.log.warning("could not set the password of the functions' role", extra={"error": str(error.orig)})


def scram_verifier(password: str) -> str:
    """Return what Postgres stores of ``password`` (RFC 5803), so that no statement and no log contains the password."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client, server = (hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key"))
    parts = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *parts)


def report_to_cloudformation(
    event: Mapping[str, Any], status: str, *, reason: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Send the result to CloudFormation's presigned URL, the only place where it is expected."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason,
            "PhysicalResourceId": event.get("PhysicalResourceId", "scrapersky-schema"),
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": dict(data or {}),
        }
    ).encode()
    url = event["ResponseURL"]  # CloudFormation's own, always https
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=REPORT_TIMEOUT_SECONDS):  # noqa: S310
        pass
