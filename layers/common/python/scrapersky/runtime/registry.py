"""The registry: the one list of services, their workflows, and the hand-offs between them.

Read by the stack, the functions, the local run, the crosswalk and the tests. Adding a service touches this file, one
folder in ``functions/`` and one migration.
"""

from collections.abc import Callable
from dataclasses import dataclass

from scrapersky.settings import Policy, ServiceSettings, Settings
from scrapersky.status.workflow import Workflow

METADATA = Workflow.watching("metadata", "Domain.status", table="domains", key="domain")
SUBMISSION = Workflow.watching("submission", "Domain.sitemap_analysis_status", table="domains", key="domain")
DISCOVERY = Workflow.watching("discovery", "Sitemap.status", table="sitemaps", key="domain_id")
IMPORT = Workflow.watching(
    "import", "SitemapFile.sitemap_import_status", table="sitemap_files", key="url", host="domain_id"
)
DEEP_SCAN = Workflow.watching("deep_scan", "Place.deep_scan_status", table="places", key="place_id")
DOMAIN_EXTRACTION = Workflow.watching(
    "domain_extraction", "LocalBusiness.domain_extraction_status", table="local_businesses", key="place_id"
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
    """Records that ``source`` made or found are queued for ``target`` if ``policy`` says ``auto``.

    ``policy`` reads one setting; without it the hand-off always happens. ``again``: also queue records that the target
    has completed or failed before.
    """

    source: Workflow
    target: Workflow
    policy: Callable[[Settings], Policy] | None
    again: bool

    @property
    def setting(self) -> str | None:
        """Return the environment variable of the policy's setting, None without a policy."""
        return f"HANDOFF_{self.source.name}_TO_{self.target.name}".upper() if self.policy else None

    def is_automatic(self, settings: Settings) -> bool:
        """Return whether ``settings`` let this hand-off happen."""
        return self.policy is None or self.policy(settings) == "auto"


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
    HandOff(DEEP_SCAN, DOMAIN_EXTRACTION, lambda settings: settings.handoff_deep_scan_to_domain_extraction, again=True),
    # A chain's five hundred shops share one website: a domain that was read once is not read again for each.
    HandOff(DOMAIN_EXTRACTION, METADATA, lambda settings: settings.handoff_domain_extraction_to_metadata, again=False),
    HandOff(METADATA, SUBMISSION, lambda settings: settings.handoff_metadata_to_submission, again=True),
    # A Sitemap row is the queue entry of its scan, so submitting is asking for it.
    HandOff(SUBMISSION, DISCOVERY, None, again=True),
    HandOff(DISCOVERY, IMPORT, lambda settings: settings.handoff_discovery_to_import, again=True),
)

WORKFLOWS: dict[str, Workflow] = {workflow.name: workflow for service in SERVICES for workflow in service.workflows}
"""Every workflow by its name."""


def service_of(workflow: Workflow) -> Service:
    """The service that owns ``workflow``."""
    return next(service for service in SERVICES if workflow in service.workflows)


def hand_off_from(workflow: Workflow) -> HandOff | None:
    """Return the hand-off from ``workflow``, if there is one."""
    return next((hand_off for hand_off in HAND_OFFS if hand_off.source == workflow), None)
