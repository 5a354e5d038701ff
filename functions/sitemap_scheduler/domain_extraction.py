"""Domain extraction: create one Domain for the website of a business, which several businesses may share."""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, update

from scrapersky.errors import shorten
from scrapersky.models import Domain, LocalBusiness
from scrapersky.models.inserts import get_or_create
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome
from scrapersky.web.hosts import HostError, normalise_host, registrable_domain

_AUTHORITY = re.compile(r"^(?:[a-z]+://)?([^/?#]*).*", re.IGNORECASE | re.DOTALL)
NOT_OWN_HOSTS = Path(__file__).with_name("not_own_hosts.txt")


async def extract_domain(record: LocalBusiness, _ctx: JobContext) -> Outcome:
    """Link the business to the Domain of its ``website_url``, which is created if it does not exist.

    Done with ``linked``, ``no_website``, or ``not_own_website`` for a page on a shared site (a social network, a
    directory, a link shortener, a map). Fails with ``invalid_website`` if the URL does not name the host of a website.
    """
    business_id, common = record.id, {"tenant": record.tenant, "label": record.label}
    website = (record.website_url or "").strip()
    if not website:
        return Done("no_website")
    if "@" in _AUTHORITY.sub(r"\1", website, count=1):
        return Fail(
            "invalid_website", f"{shorten(website)!r} is an e-mail address or contains a login; expected a website"
        )
    try:
        host = normalise_host(website)
    except HostError as error:
        return Fail("invalid_website", str(error))
    if owner := owner_of(host):
        return Done("not_own_website", detail={"website": website[:500], "host": host, "belongs_to": owner})

    def save(connection: Connection) -> Made:
        domain_id = get_or_create(connection, Domain.domain, domain=host, **common)
        connection.execute(update(LocalBusiness).where(LocalBusiness.id == business_id).values(domain_id=domain_id))
        return {"domains": [domain_id]}

    return Done("linked", write=save, detail={"domain": host})


def owner_of(host: str) -> str | None:
    """Return the listed site that ``host`` (normalised) belongs to, or None: ``m.facebook.com`` → ``facebook.com``."""
    labels = host.split(".")
    suffixes = (".".join(labels[start:]) for start in range(len(labels) - 1))
    if owner := next((suffix for suffix in suffixes if suffix in not_own_hosts()), None):
        return owner
    registered = registrable_domain(host)
    return registered if f"{registered.partition('.')[0]}.*" in not_own_hosts() else None


@cache
def not_own_hosts() -> frozenset[str]:
    """Return the hosts in ``not_own_hosts.txt``."""
    lines = (line.partition("#")[0].strip() for line in NOT_OWN_HOSTS.read_text("utf-8").splitlines())
    return frozenset(line for line in lines if line)
