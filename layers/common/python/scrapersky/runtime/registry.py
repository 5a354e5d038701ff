"""The registry: the one list of services, their workflows, and the hand-offs between them.

Read by the stack, the functions, the local run, the crosswalk and the tests. Adding a service touches this file, one
folder in ``functions/`` and one migration.
"""

from dataclasses import dataclass

from scrapersky.settings import ServiceSettings
from scrapersky.status.workflow import Workflow

METADATA = Workflow.watching("metadata", "Domain.status", table="domains")
SUBMISSION = Workflow.watching("submission", "Domain.sitemap_analysis_status", table="domains")
DISCOVERY = Workflow.watching("discovery", "Sitemap.status", table="sitemaps")
IMPORT = Workflow.watching("import", "SitemapFile.sitemap_import_status", table="sitemap_files", host="domain_id")
DEEP_SCAN = Workflow.watching("deep_scan", "Place.deep_scan_status", table="places")
DOMAIN_EXTRACTION = Workflow.watching(
    "domain_extraction", "LocalBusiness.domain_extraction_status", table="local_businesses"
)


@dataclass(frozen=True)
class Service:
    """A background service: one Lambda function that owns ``workflows``. ``folder`` is its package in ``functions/``.

    Of its workflows, ``asks_places`` make paid calls of Google Places, and ``visits_no_website`` never go to the web.
    """

    name: str
    env_prefix: str
    workflows: tuple[Workflow, ...]
    defaults: ServiceSettings
    asks_places: tuple[Workflow, ...] = ()
    visits_no_website: tuple[Workflow, ...] = ()

    @property
    def folder(self) -> str:
        """The service's package in ``functions/``."""
        return self.name.replace("-", "_")

    @property
    def uses_places(self) -> bool:
        """Whether it needs the key of Google Places."""
        return bool(self.asks_places)

    @property
    def visits_websites(self) -> bool:
        """Whether it needs the proxy's key, where there is a proxy."""
        return any(map(self.visits, self.workflows))

    def visits(self, workflow: Workflow) -> bool:
        """Whether the job of ``workflow`` reads websites."""
        return workflow not in self.visits_no_website

    def needs_web_client(self, workflow: Workflow) -> bool:
        """Whether the job of ``workflow`` asks anybody anything: websites, or Google Places."""
        return self.visits(workflow) or workflow in self.asks_places


@dataclass(frozen=True)
class HandOff:
    """An arrow: records that ``source`` made or found are queued for ``target``, by policy.

    ``setting`` names the policy's setting (``manual`` or ``auto``), None means always. ``again``: also records that the
    target completed or failed before.
    """

    source: Workflow
    target: Workflow
    setting: str | None
    again: bool


DOMAIN_SCHEDULER = Service("domain-scheduler", "DOMAIN_SCHEDULER", (METADATA,), ServiceSettings(batch_size=50))
SITEMAP_SCHEDULER = Service(
    "sitemap-scheduler",
    "SITEMAP_SCHEDULER",
    (DISCOVERY, DEEP_SCAN, DOMAIN_EXTRACTION),
    ServiceSettings(batch_size=25),
    asks_places=(DEEP_SCAN,),
    visits_no_website=(DEEP_SCAN, DOMAIN_EXTRACTION),
)
DOMAIN_SITEMAP_SUBMISSION = Service(
    "domain-sitemap-submission",
    "DOMAIN_SITEMAP_SCHEDULER",
    (SUBMISSION,),
    ServiceSettings(batch_size=50),
    visits_no_website=(SUBMISSION,),
)
SITEMAP_IMPORT_SCHEDULER = Service(
    "sitemap-import-scheduler", "SITEMAP_IMPORT_SCHEDULER", (IMPORT,), ServiceSettings(batch_size=20)
)

SERVICES: tuple[Service, ...] = (
    DOMAIN_SCHEDULER,
    SITEMAP_SCHEDULER,
    DOMAIN_SITEMAP_SUBMISSION,
    SITEMAP_IMPORT_SCHEDULER,
)

HAND_OFFS: tuple[HandOff, ...] = (
    HandOff(DEEP_SCAN, DOMAIN_EXTRACTION, "handoff_deep_scan_to_domain_extraction", again=True),
    # A chain's five hundred shops share one website: a domain that was read once is not read again for each.
    HandOff(DOMAIN_EXTRACTION, METADATA, "handoff_domain_extraction_to_metadata", again=False),
    HandOff(METADATA, SUBMISSION, "handoff_metadata_to_submission", again=True),
    # A Sitemap row is the queue entry of its scan, so submitting is asking for it.
    HandOff(SUBMISSION, DISCOVERY, None, again=True),
    HandOff(DISCOVERY, IMPORT, "handoff_discovery_to_import", again=True),
)

WORKFLOWS: dict[str, Workflow] = {workflow.name: workflow for service in SERVICES for workflow in service.workflows}
"""Every workflow by its name."""


def service_of(workflow: Workflow) -> Service:
    """The service that owns ``workflow``."""
    return next(service for service in SERVICES if workflow in service.workflows)


def hand_off_from(workflow: Workflow) -> HandOff | None:
    """The arrow that leaves ``workflow``, if any."""
    return next((arrow for arrow in HAND_OFFS if arrow.source == workflow), None)
