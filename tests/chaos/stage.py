"""The stage: a Postgres of the run's own with our schema, a proxy before it, and the run on both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scripts.commands.run.postgres import Postgres
from tests.chaos import effects
from tests.chaos.outcome import Outcome
from tests.chaos.plan import Plan
from tests.chaos.proxy import Proxy
from tests.chaos.run import Run


@contextmanager
def prepared(directory: Path) -> Iterator[tuple[Postgres, Proxy, str]]:
    """A Postgres with our schema and the tables of effects; commits are durable against a crash of the server."""
    with Postgres.start(directory) as postgres:
        url = postgres.create_database("chaos")
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
            effects.install(connection)
            # The launcher's server may forget the last commits in a crash. This one may not: attempt ids would come again.
            connection.execute(text("ALTER DATABASE chaos SET synchronous_commit = on"))
        with Proxy.before(postgres.port) as proxy:
            yield postgres, proxy, url


def wreak(plan: Plan, directory: Path, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """A whole run in ``directory``: starts Postgres, rages, drains, judges. ``tell`` hears how far it is."""
    with prepared(directory) as (postgres, proxy, url):
        return Run(plan, postgres, proxy, url, tell).carry_out()
