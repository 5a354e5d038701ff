"""migrate: runs the database migrations, invoked by CloudFormation before new code may tick, or manually.

A failed migration fails the deployment: CloudFormation receives FAILED with the reason and rolls back.
Protocol: AWS CloudFormation User Guide, "Custom resource request and response reference".
"""

import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any

from scrapersky.database import Database
from scrapersky.metrics import Observer
from scrapersky.migrations.retries import upgrade_with_retries
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load

NAME = "migrate"
REPORT_TIMEOUT_SECONDS = 30

settings = load(Settings, os.environ)
observer = Observer(NAME, settings.stage)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Migrate on Create, on Update and on a manual invocation; on Delete keep the data."""
    observer.begin(context)
    if "ResponseURL" not in event:
        return migrate(context)
    try:
        data = {} if event["RequestType"] == "Delete" else migrate(context)
    except Exception as error:
        observer.log.exception("migration failed")
        report_to_cloudformation(event, "FAILED", reason=f"migration failed: {type(error).__name__}: {error}"[:1000])
        return {"status": "FAILED"}
    report_to_cloudformation(event, "SUCCESS", data=data)
    return {"status": "SUCCESS", **data}


def migrate(context: Any) -> dict[str, Any]:
    """Upgrade to the newest revision in one transaction; return ``{"revision"}``."""
    # A migration may rewrite a table, so a statement may take all the time that this function has left.
    seconds = context.get_remaining_time_in_millis() / 1000 - REPORT_TIMEOUT_SECONDS
    with_timeout = settings.model_copy(update={"database_statement_timeout_seconds": max(seconds, 1.0)})
    database = Database(with_timeout, NAME, read_secret)
    # Alembic manages the transaction itself, so the connection must not be in AUTOCOMMIT.
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    revision = upgrade_with_retries(engine, seconds=seconds)
    observer.line("migrated", {"revision": revision})
    return {"revision": revision}


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
