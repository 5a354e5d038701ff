"""Submission: a domain gets its row in ``sitemaps``, which is the queue entry of discovery. No web, no waiting.

``Completed`` means submitted. How the scan goes is told by the sitemap's own status.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from scrapersky.models import Domain, Sitemap
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scrapersky.web.hosts import HostError, normalise_host


async def submit_domain(record: Domain, _ctx: JobContext) -> Outcome:
    """Makes sure that the domain has its one sitemap row; the runtime then queues it, unless it is already at work.

    Fails with ``invalid_domain`` where the stored name is no website's host.
    """
    domain_id, tenant, stored = record.id, record.tenant, record.domain
    try:
        host = normalise_host(stored)
    except HostError as error:
        return Fail("invalid_domain", str(error))

    def save(connection: Connection) -> Sequence[int]:
        return [_sitemap_of(connection, _canonical_id(connection, domain_id, stored, host), tenant)]

    return Done("submitted", write=save, detail={"domain": host})


def _canonical_id(connection: Connection, domain_id: int, stored: str, host: str) -> int:
    """The id of the row that holds ``host``: this one, respelt where a router wrote it otherwise, or its twin."""
    if stored == host:
        return domain_id
    twin = connection.scalar(select(Domain.id).where(Domain.domain == host))
    if twin is not None:
        return twin
    connection.execute(update(Domain).where(Domain.id == domain_id).values(domain=host))
    return domain_id


def _sitemap_of(connection: Connection, domain_id: int, tenant: str) -> int:
    made = connection.scalar(
        insert(Sitemap)
        .values(domain_id=domain_id, tenant=tenant)
        .on_conflict_do_nothing(index_elements=[Sitemap.domain_id])
        .returning(Sitemap.id)
    )
    return made or connection.execute(select(Sitemap.id).where(Sitemap.domain_id == domain_id)).scalar_one()
