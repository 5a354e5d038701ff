"""The registry: the list of services, their workflows with their jobs, and the hand-offs between workflows.

The stack, the functions, the local run, the crosswalk and the tests read it. A new service adds an entry here, a folder
in ``functions/`` and a migration.
"""

from collections.abc import Callable
from dataclasses import dataclass

from scrapersky.settings import Policy, ServiceSettings, Settings
from scrapersky.status.requeue import PerHost
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import CONTACT_PAGES

LIVE = "live"
"""The alias of the deployed version of each function: rules, mappings, the API and operators invoke it."""

METADATA = Workflow.watching(
    "metadata",
    "Domain.status",
    table="domains",
    key="domain",
    job="domain_scheduler.metadata:read_metadata",
    page_function="domain_scheduler.home_page:read_home_page",
    makes=("domains", "pages", "contacts"),
    read_at="last_scan",
)
SUBMISSION = Workflow.watching(
    "submission",
    "Domain.sitemap_analysis_status",
    table="domains",
    key="domain",
    job="domain_sitemap_submission.submission:submit_domain",
    uses_web=False,
    makes=("sitemaps",),
)
DISCOVERY = Workflow.watching(
    "discovery",
    "Sitemap.status",
    table="sitemaps",
    key="domain_id",
    job="sitemap_scheduler.discovery:discover_sitemaps",
    page_function="sitemap_scheduler.home_page_links:read_links",
    makes=("sitemap_files",),
    read_at="scanned_at",
)
IMPORT = Workflow.watching(
    "import",
    "SitemapFile.sitemap_import_status",
    table="sitemap_files",
    key="url",
    host="domain_id",
    job="sitemap_import_scheduler.sitemap_import:import_sitemap",
    makes=("pages",),
)
DEEP_SCAN = Workflow.watching(
    "deep_scan",
    "Place.deep_scan_status",
    table="places",
    key="place_id",
    job="sitemap_scheduler.deep_scan:deep_scan_place",
    uses_web=False,
    uses_places_api=True,
    makes=("local_businesses",),
)
DOMAIN_EXTRACTION = Workflow.watching(
    "domain_extraction",
    "LocalBusiness.domain_extraction_status",
    table="local_businesses",
    key="place_id",
    job="sitemap_scheduler.domain_extraction:extract_domain",
    uses_web=False,
    makes=("domains",),
)
PAGE_READING = Workflow.watching(
    "page_reading",
    "Page.page_reading_status",
    table="pages",
    key="url",
    host="domain_id",
    job="page_scheduler.page_reading:read_contact_page",
    page_function="page_scheduler.contact_page:read_contact_page",
    makes=("contacts",),
    read_at="last_read",
)
EMAIL_CHECK = Workflow.watching(
    "email_check",
    "Contact.email_check_status",
    table="contacts",
    key="value",
    job="contact_scheduler.email_check:check_email",
    uses_web=False,
)
PLACE_SEARCH = Workflow.watching(
    "place_search",
    "PlaceSearch.status",
    table="place_searches",
    key="name",
    job="place_search_scheduler.place_search:search_places",
    uses_web=False,
    uses_places_api=True,
    makes=("place_searches", "places"),
)
EXPORT = Workflow.watching(
    "export",
    "Export.status",
    table="exports",
    key="object_key",
    job="export_scheduler.export:write_export",
    uses_web=False,
)


@dataclass(frozen=True)
class Service:
    """A background service: one Lambda function that owns ``workflows``."""

    name: str
    env_prefix: str
    workflows: tuple[Workflow, ...]
    defaults: ServiceSettings

    @property
    def folder(self) -> str:
        """The service's package in ``functions/``."""
        return self.name.replace("-", "_")

    @property
    def uses_web(self) -> bool:
        """Whether a job reads websites; then the function needs the proxy's key, if a proxy is configured."""
        return any(workflow.uses_web for workflow in self.workflows)

    @property
    def uses_places_api(self) -> bool:
        """Whether a job calls the Google Places API; then the function needs the API's key."""
        return any(workflow.uses_places_api for workflow in self.workflows)


@dataclass(frozen=True)
class HandOff:
    """Records of the target's table that ``source`` made or found are queued for ``target`` if ``policy`` says ``auto``.

    ``policy`` reads one setting; without it the hand-off always happens. ``again``: also queue records that the target
    has completed or failed before. ``condition``: SQL over the columns of the target's table; queue only records for
    which it is true. ``per_host``: how many records of one host, by a setting; not together with ``again``.
    """

    source: Workflow
    target: Workflow
    policy: Callable[[Settings], Policy] | None
    again: bool
    condition: str = "TRUE"
    per_host: Callable[[Settings], PerHost] | None = None

    @property
    def setting(self) -> str | None:
        """The environment variable of the policy's setting, None without a policy."""
        return f"HANDOFF_{self.source.name}_TO_{self.target.name}".upper() if self.policy else None

    def is_automatic(self, settings: Settings) -> bool:
        """Return whether ``settings`` let this hand-off happen."""
        return self.policy is None or self.policy(settings) == "auto"


def contact_pages(settings: Settings) -> PerHost:
    """Return how many pages of a domain are read: contact pages first, then imprints, about pages, other legal pages."""
    imprint = "url ~* '(impressum|imprint|mentions-?legales|aviso-?legal|note-?legali|legal-?notice|colofon)'"
    kind = f"CASE page_type WHEN 'contact' THEN 1 WHEN 'about' THEN 3 ELSE CASE WHEN {imprint} THEN 2 ELSE 4 END END"
    return PerHost(settings.page_reading_max_pages, counted=CONTACT_PAGES, kind=kind, order="path_depth, length(url)")


DOMAIN_SCHEDULER = Service("domain-scheduler", "DOMAIN_SCHEDULER", (METADATA,), ServiceSettings(batch_size=50))
SITEMAP_SCHEDULER = Service(
    "sitemap-scheduler",
    "SITEMAP_SCHEDULER",
    (DISCOVERY, DEEP_SCAN, DOMAIN_EXTRACTION),
    ServiceSettings(batch_size=25, pull_minimum_seconds=70),
)
# Jobs that make no request, or few short ones, need no more than two functions at once: each holds a connection.
DOMAIN_SITEMAP_SUBMISSION = Service(
    "domain-sitemap-submission",
    "DOMAIN_SITEMAP_SCHEDULER",
    (SUBMISSION,),
    ServiceSettings(batch_size=50, max_instances=2),
)
SITEMAP_IMPORT_SCHEDULER = Service(
    "sitemap-import-scheduler", "SITEMAP_IMPORT_SCHEDULER", (IMPORT,), ServiceSettings(batch_size=20)
)
PAGE_SCHEDULER = Service("page-scheduler", "PAGE_SCHEDULER", (PAGE_READING,), ServiceSettings(batch_size=50))
CONTACT_SCHEDULER = Service(
    "contact-scheduler", "CONTACT_SCHEDULER", (EMAIL_CHECK,), ServiceSettings(batch_size=50, max_instances=2)
)
PLACE_SEARCH_SCHEDULER = Service(
    "place-search-scheduler", "PLACE_SEARCH_SCHEDULER", (PLACE_SEARCH,), ServiceSettings(batch_size=50, max_instances=2)
)
EXPORT_SCHEDULER = Service(
    "export-scheduler", "EXPORT_SCHEDULER", (EXPORT,), ServiceSettings(batch_size=10, max_instances=2)
)

SERVICES: tuple[Service, ...] = (
    DOMAIN_SCHEDULER,
    SITEMAP_SCHEDULER,
    DOMAIN_SITEMAP_SUBMISSION,
    SITEMAP_IMPORT_SCHEDULER,
    PAGE_SCHEDULER,
    CONTACT_SCHEDULER,
    PLACE_SEARCH_SCHEDULER,
    EXPORT_SCHEDULER,
)

UNCHECKED_EMAIL = "kind = 'email' AND email_checked_at IS NULL"
"""The condition of hand-offs of contacts to email_check."""

HAND_OFFS: tuple[HandOff, ...] = (
    # Always: a search that is divided is searched tile by tile, also when it is repeated.
    HandOff(PLACE_SEARCH, PLACE_SEARCH, None, again=True),
    # Not again: a repeated search costs a deep scan only where it finds something new.
    HandOff(PLACE_SEARCH, DEEP_SCAN, lambda settings: settings.handoff_place_search_to_deep_scan, again=False),
    HandOff(DEEP_SCAN, DOMAIN_EXTRACTION, lambda settings: settings.handoff_deep_scan_to_domain_extraction, again=True),
    # Not again: the five hundred shops of a chain share one website, whose metadata is read once and not for each shop.
    HandOff(DOMAIN_EXTRACTION, METADATA, lambda settings: settings.handoff_domain_extraction_to_metadata, again=False),
    HandOff(METADATA, SUBMISSION, lambda settings: settings.handoff_metadata_to_submission, again=True),
    HandOff(
        METADATA,
        EMAIL_CHECK,
        lambda settings: settings.handoff_metadata_to_email_check,
        again=False,
        condition=UNCHECKED_EMAIL,
    ),
    HandOff(
        PAGE_READING,
        EMAIL_CHECK,
        lambda settings: settings.handoff_page_reading_to_email_check,
        again=False,
        condition=UNCHECKED_EMAIL,
    ),
    # Always: submission creates the Sitemap row in order to have it scanned.
    HandOff(SUBMISSION, DISCOVERY, None, again=True),
    HandOff(DISCOVERY, IMPORT, lambda settings: settings.handoff_discovery_to_import, again=True),
    # The home page links these pages itself, so depth and host of their URLs say nothing.
    HandOff(
        METADATA,
        PAGE_READING,
        lambda settings: settings.handoff_metadata_to_page_reading,
        again=False,
        condition=CONTACT_PAGES,
        per_host=contact_pages,
    ),
    HandOff(
        IMPORT,
        PAGE_READING,
        lambda settings: settings.handoff_import_to_page_reading,
        again=False,
        condition=f"{CONTACT_PAGES} AND path_depth <= 2 AND NOT other_host",
        per_host=contact_pages,
    ),
)

REFRESH_DAYS: dict[str, Callable[[Settings], int]] = {
    METADATA.name: lambda settings: settings.metadata_refresh_days,
    DISCOVERY.name: lambda settings: settings.sitemap_refresh_days,
    PAGE_READING.name: lambda settings: settings.page_refresh_days,
}
"""By workflow, the age in days at which its records are queued again; 0 for never."""

WORKFLOWS: dict[str, Workflow] = {workflow.name: workflow for service in SERVICES for workflow in service.workflows}
"""Every workflow by its name."""


def service_of(workflow: Workflow) -> Service:
    """Return the service that owns ``workflow``."""
    return next(service for service in SERVICES if workflow in service.workflows)


def hand_offs_from(workflow: Workflow) -> list[HandOff]:
    """Return the hand-offs from ``workflow``."""
    return [hand_off for hand_off in HAND_OFFS if hand_off.source == workflow]
