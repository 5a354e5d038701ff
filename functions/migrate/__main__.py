"""Run the migrations of this checkout for as long as they take, from a host that reaches the database.

``scripts/migrate --stage prod`` uses the variables of the stage's function ``migrate``, so it migrates the same database
with the same secrets. Without a stage it uses its own environment (``DATABASE_URL``).
"""

import argparse
import json
import os
import sys

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from scrapersky import aws
from scrapersky.migrations import NeedsDirectConnection
from scrapersky.runtime.registry import LIVE
from scrapersky.settings import SettingsError

SECONDS = 7 * 86_400.0
"""The longest statement. A session that is lost before that ends by itself."""


def main() -> None:
    """Migrate, and print the revision. Exits with one line on an operator's error."""
    parser = argparse.ArgumentParser(prog="scripts/migrate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stage", help="the deployment, such as prod; else DATABASE_URL is migrated")
    stage = parser.parse_args().stage
    try:
        if stage:
            name = f"scrapersky-{stage}-migrate"
            found = aws.client("lambda").get_function_configuration(FunctionName=name, Qualifier=LIVE)
            os.environ |= found["Environment"]["Variables"]
        # Imported here: the handler reads its settings from the environment when it is imported.
        from migrate.handler import migrate  # noqa: PLC0415

        print(json.dumps(migrate(SECONDS)))
    except (BotoCoreError, ClientError, NeedsDirectConnection, SettingsError, SQLAlchemyError) as error:
        sys.exit(f"scripts/migrate: {error}")


if __name__ == "__main__":
    main()
