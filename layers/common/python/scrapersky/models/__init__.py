"""The tables, one per file, and the two vocabularies."""

from scrapersky.models.attempt import Attempt, AttemptOutcome
from scrapersky.models.base import Base
from scrapersky.models.domain import Domain
from scrapersky.models.host_lease import HostLease
from scrapersky.models.idempotency_key import IdempotencyKey
from scrapersky.models.local_business import LocalBusiness
from scrapersky.models.page import Page
from scrapersky.models.paid_calls import PaidCalls
from scrapersky.models.place import Place
from scrapersky.models.service_control import ServiceControl
from scrapersky.models.sitemap import Sitemap
from scrapersky.models.sitemap_file import DiscoveryMethod, SitemapFile, SitemapType
from scrapersky.models.status_event import StatusEvent
from scrapersky.models.vocabulary import Curation, Status

__all__ = [
    "Attempt",
    "AttemptOutcome",
    "Base",
    "Curation",
    "DiscoveryMethod",
    "Domain",
    "HostLease",
    "IdempotencyKey",
    "LocalBusiness",
    "Page",
    "PaidCalls",
    "Place",
    "ServiceControl",
    "Sitemap",
    "SitemapFile",
    "SitemapType",
    "Status",
    "StatusEvent",
]
