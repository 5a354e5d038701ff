"""Submission: create a domain's row in ``sitemaps``, which the discovery workflow scans.

``Completed`` means submitted; the status of the sitemap row shows the progress of the scan. Makes no requests.
"""

from sqlalchemy import Connection, select, update

from scrapersky.models import Domain, Sitemap
from scrapersky.models.inserts import get_or_create
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome
from scrapersky.web.hosts import HostError, normalise_host


async def submit_domain(record: Domain, _ctx: JobContext) -> Outcome:
    """Ensure that the domain has its one sitemap row, which the runtime then queues unless it is already queued.

    Fails with ``invalid_domain`` if the stored name is not a valid host.
    """
    domain_id, stored = record.id, record.domain
    common = {"tenant": record.tenant, "label": record.label}
    try:
        host = normalise_host(stored)
    except HostError as error:
        return Fail("invalid_domain", str(error))

    def save(connection: Connection) -> Made:
        canonical_id = _canonical_id(connection, domain_id, stored, host)
        return {"sitemaps": [get_or_create(connection, Sitemap.domain_id, domain_id=canonical_id, **common)]}

    return Done("submitted", write=save, detail={"domain": host})


def _canonical_id(connection: Connection, domain_id: int, stored: str, host: str) -> int:
    """Return the id of the row for ``host``: an existing duplicate, else this one with its name normalised."""
    if stored == host:
        return domain_id
    duplicate_id = connection.scalar(select(Domain.id).where(Domain.domain == host))
    if duplicate_id is not None:
        return duplicate_id
    connection.execute(update(Domain).where(Domain.id == domain_id).values(domain=host))
    return domain_id
