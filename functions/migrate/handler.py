"""migrate: runs the migrations, called by CloudFormation before anything new may tick, or by hand.

A failed migration fails the deployment: CloudFormation hears FAILED with the reason, and rolls back.
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
ANSWER_TIMEOUT_SECONDS = 30

settings = load(Settings, os.environ)
observer = Observer(NAME, settings.stage)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Migrates on Create and Update (and when invoked by hand); Delete leaves the data alone."""
    if "ResponseURL" not in event:
        return migrate(context)
    try:
        data = {} if event["RequestType"] == "Delete" else migrate(context)
    except Exception as error:
        observer.log.exception("migration failed")
        tell_cloudformation(event, "FAILED", reason=f"migration failed: {type(error).__name__}: {error}"[:1000])
        return {"status": "FAILED"}
    tell_cloudformation(event, "SUCCESS", data=data)
    return {"status": "SUCCESS", **data}


def migrate(context: Any) -> dict[str, Any]:
    """Upgrades to the newest revision, in one transaction; answers which that is."""
    # A migration may rewrite a table: it gets all the time this function has left, and not a service's minute.
    seconds = context.get_remaining_time_in_millis() / 1000 - ANSWER_TIMEOUT_SECONDS
    with_timeout = settings.model_copy(update={"database_statement_timeout_seconds": max(seconds, 1.0)})
    database = Database(with_timeout, NAME, read_secret)
    # Alembic begins and commits by itself, so it needs a connection that is not in AUTOCOMMIT.
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")
    revision = upgrade_with_retries(engine, seconds=seconds)
    observer.line("migrated", {"revision": revision})
    return {"revision": revision}


def tell_cloudformation(
    event: Mapping[str, Any], status: str, *, reason: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Puts the answer where CloudFormation waits for it: a presigned url, the only thing it listens to."""
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
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - CloudFormation's own url
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_SECONDS):  # noqa: S310
        pass
