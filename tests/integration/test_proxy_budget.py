"""Calls of the proxy API are charged to a budget in the database before they are made."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.models import Domain
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scrapersky.status.claim import claim
from scrapersky.status.control import read_control
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Website
from tests.integration.conftest import message
from tests.integration.lambda_context import LambdaContext
from tests.jobs import page
from tests.proxy_api import HOST, KEY, SETTINGS, ProxyApi

DOMAINS = ("a.test", "b.test", "c.test", "d.test")


async def visit(record: Domain, ctx: JobContext) -> Outcome:
    """Fetch the home page of the domain."""
    (await ctx.web.get(f"http://{record.domain}/")).raise_for_status()
    return Done("read")


def read_secret(name: str, **_: Any) -> str:
    """Return the proxy's key."""
    return {"the-proxy": KEY}[name]


@pytest.fixture
def proxy() -> ProxyApi:
    """A proxy API that can read sites which block everyone else."""
    return ProxyApi(dict.fromkeys(DOMAINS, page("<p>Welcome</p>")))


@pytest.fixture
def environment_with_blocked_sites(
    environment: dict[str, str], proxy: ProxyApi, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Yield a function's environment in an internet of blocked sites and the proxy."""
    websites: dict[str, Website] = {**dict.fromkeys(DOMAINS, page("<p>No</p>", status=403)), HOST: proxy}
    with Internet.start(websites, tmp_path) as internet:
        settings = {name.upper(): value for name, value in SETTINGS.items()}
        yield {**environment, **settings, "WEB_LOOPBACK_INTERNET": str(internet.file), "PROXY_CALLS_PER_DAY": "3"}


@pytest.mark.parametrize(("mode", "code"), [("blocked", "proxy_budget_of_the_day"), ("always", "budget_of_the_day")])
def test_no_call_is_made_beyond_the_budget_of_the_day(
    environment_with_blocked_sites: dict[str, str], connection: Connection, proxy: ProxyApi, mode: str, code: str
) -> None:
    service = BackgroundService(
        DOMAIN_SCHEDULER, {METADATA: visit}, {**environment_with_blocked_sites, "WEB_PROXY": mode}, read_secret
    )
    for domain in DOMAINS:
        connection.execute(text("INSERT INTO domains (domain, status) VALUES (:domain, 'Queued')"), {"domain": domain})
        for held in claim(connection, METADATA, batch=1, max_in_flight=9, dispatch_lease=60):
            service.handler({"Records": [message(held.attempt_id)]}, LambdaContext())
    service.runtime.database.engine.dispose()
    assert len(proxy.calls) == 3
    spent = connection.execute(text("SELECT calls FROM paid_calls WHERE budget = 'proxy' AND key = ''")).scalar_one()
    assert spent == 3
    codes = list(connection.execute(text("SELECT code FROM attempts ORDER BY attempt_id")).scalars())
    assert codes[-1] == code
    assert read_control(connection, METADATA).paused is (mode == "always")
    due = text("SELECT max(extract(epoch FROM due_at - now())) BETWEEN 1 AND 86400 FROM domains WHERE domain = :last")
    assert connection.execute(due, {"last": "d.test" if mode == "blocked" else "b.test"}).scalar_one()
