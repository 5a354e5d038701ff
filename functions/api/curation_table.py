"""Which curation field queues which workflow: the dual-status rule in one table."""

from dataclasses import dataclass
from typing import cast

from sqlalchemy.orm import InstrumentedAttribute

from scrapersky.models import Domain, LocalBusiness, Page, Place, Sitemap, SitemapFile
from scrapersky.models.base import Recorded
from scrapersky.models.vocabulary import Curation
from scrapersky.runtime.registry import DEEP_SCAN, DISCOVERY, DOMAIN_EXTRACTION, IMPORT, METADATA, SUBMISSION
from scrapersky.status.workflow import Workflow


@dataclass(frozen=True)
class CurationField:
    """A field for people's decisions; ``Selected`` in it queues ``workflow``, None means nothing."""

    model: type[Recorded]
    name: str
    workflow: Workflow | None
    refused: tuple[str, frozenset[str], str] | None = None
    """(column, values, why): records that can be decided about, but never be queued."""


def _field(
    attribute: InstrumentedAttribute[Curation],
    workflow: Workflow | None,
    refused: tuple[str, frozenset[str], str] | None = None,
) -> CurationField:
    return CurationField(cast(type[Recorded], attribute.class_), attribute.key, workflow, refused)


CURATION_FIELDS: tuple[CurationField, ...] = (
    _field(Place.curation_status, DEEP_SCAN),
    _field(LocalBusiness.curation_status, DOMAIN_EXTRACTION),
    _field(Domain.curation_status, METADATA),
    _field(Domain.sitemap_curation_status, SUBMISSION),
    _field(Sitemap.curation_status, DISCOVERY),
    _field(
        SitemapFile.curation_status,
        IMPORT,
        ("sitemap_type", frozenset({"index"}), "a sitemap index holds no pages; select the files it lists"),
    ),
    _field(Page.curation_status, None),
)


def curation_field(attribute: InstrumentedAttribute[Curation]) -> CurationField:
    """The row of the table for ``attribute``."""
    return next(one for one in CURATION_FIELDS if (one.model, one.name) == (attribute.class_, attribute.key))
