"""The schema's revision against the code's, and the schema against what its revision makes."""

from __future__ import annotations

from collections.abc import Iterator

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from scrapersky import migrations
from scrapersky.models import Base
from scripts.commands.scrapersky.doctor.catalog import read_catalog
from scripts.commands.scrapersky.doctor.differences import differences
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked, said
from scripts.commands.scrapersky.doctor.reference import read_reference

MIGRATE = (
    "aws lambda invoke --function-name scrapersky-STAGE-migrate --cli-binary-format raw-in-base64-out"
    " --payload '{}' /dev/stdout"
)


def check_schema(engine: Engine, stage: str | None) -> Iterator[Finding | Unchecked]:
    """Behind, ahead, or drifted; definitions by a reference made for a moment, else by Alembic's comparison alone."""
    mend = MIGRATE.replace("STAGE", stage or "STAGE")
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    known = ScriptDirectory.from_config(migrations.configuration())
    head = known.get_current_head()
    if current is None:
        yield Finding(
            check="never_migrated",
            what="no migration has ever run here",
            where="database",
            why="there are no tables to work on",
            mend=(mend,),
            how="shell",
        )
        return
    if current not in migrations.known_revisions():
        yield Finding(
            check="schema_ahead",
            what=f"the database is at revision {current}, which this code does not know (its newest is {head})",
            where="table alembic_version",
            why="this code is older than what is deployed: check out the deployed version to look closer",
        )
        yield Unchecked("definitions", f"the migrations up to {current} are not here")
        return
    if current != head:
        yield Finding(
            check="schema_behind",
            what=f"the database is at revision {current}, the code at {head}",
            where="table alembic_version",
            why="code that needs the newer schema fails; each deployment migrates first, so one of them did not end",
            mend=(mend,),
            how="shell",
        )
    yield from _definitions(engine, current, at_head=current == head)


def _definitions(engine: Engine, current: str, *, at_head: bool) -> Iterator[Finding | Unchecked]:
    with engine.connect() as connection:
        actual = read_catalog(connection)
    try:
        found = list(differences(actual, read_reference(engine, current)))
    except DBAPIError as error:
        yield Unchecked(
            "guards, triggers, indexes and storage",
            f"they are compared with what the migrations make in a schema of their own, which could not be made: {said(error)}",
        )
        found = []
    yield from found
    if at_head and not found:
        with engine.connect() as connection:
            yield from _models(connection)


def _models(connection: Connection) -> Iterator[Finding]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    ours = set(Base.metadata.tables)
    for difference in compare_metadata(context, Base.metadata):
        told = repr(difference)
        if any(name in told for name in ours):  # other tables of the same database are nobody's business here
            yield Finding(
                check="models_differ",
                what=f"the models and the database disagree: {told[:300]}",
                where="layers/common/python/scrapersky/models",
                why="statements made from the models fail or miss what is there; a migration is missing in the code",
            )
