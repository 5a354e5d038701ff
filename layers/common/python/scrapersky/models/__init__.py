"""The tables, one per file, and the vocabularies.

A table is mapped when somebody first asks for it here, with those it needs: the mapper is a third of what a function
imports, and a tick speaks SQL. Whoever asks for ``Base`` wants the metadata of the whole schema, and gets every table.
"""

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from scrapersky.models.vocabulary import AttemptOutcome as AttemptOutcome
from scrapersky.models.vocabulary import Curation as Curation
from scrapersky.models.vocabulary import DiscoveryMethod as DiscoveryMethod
from scrapersky.models.vocabulary import SitemapType as SitemapType
from scrapersky.models.vocabulary import Status as Status

if TYPE_CHECKING:
    from scrapersky.models.attempt import Attempt as Attempt
    from scrapersky.models.base import Base as Base
    from scrapersky.models.domain import Domain as Domain
    from scrapersky.models.host_lease import HostLease as HostLease
    from scrapersky.models.idempotency_key import IdempotencyKey as IdempotencyKey
    from scrapersky.models.local_business import LocalBusiness as LocalBusiness
    from scrapersky.models.page import Page as Page
    from scrapersky.models.paid_calls import PaidCalls as PaidCalls
    from scrapersky.models.place import Place as Place
    from scrapersky.models.service_control import ServiceControl as ServiceControl
    from scrapersky.models.sitemap import Sitemap as Sitemap
    from scrapersky.models.sitemap_file import SitemapFile as SitemapFile
    from scrapersky.models.status_event import StatusEvent as StatusEvent
    from scrapersky.models.unsettled import Unsettled as Unsettled

TABLES = (
    "Attempt",
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
    "StatusEvent",
    "Unsettled",
)
"""Every mapped class; ``LocalBusiness`` stands in ``local_business.py``."""


def __getattr__(name: str) -> Any:
    if name == "Base":
        for table in TABLES:
            _mapped(table)
        return import_module("scrapersky.models.base").Base
    if name in TABLES:
        return _mapped(name)
    raise AttributeError(f"{__name__} has no {name!r}; its tables are {', '.join(TABLES)}")


def _mapped(table: str) -> Any:
    file = re.sub(r"\B[A-Z]", r"_\g<0>", table).lower()
    return getattr(import_module(f"{__name__}.{file}"), table)
