"""Domains. ``Selected`` queues the metadata scan, or the submission for sitemap analysis."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from api.adding import Added, add_records
from api.csv_import import CsvQuery, import_records
from api.curation import Decision, Decisions, curate
from api.listing import Listing, RecordIdInPath, list_records, read_record
from api.moving import Move, Moved, Requeue, move
from api.resource import ORDER, Paging, Resource, View
from api.rows import Known, NewRecord, RowRefused
from scrapersky.lists.tables import DomainFilter
from scrapersky.models import Domain
from scrapersky.runtime.input_model import InputModel, Label, Tenant
from scrapersky.runtime.registry import METADATA, SUBMISSION
from scrapersky.vocabulary import Curation, Status
from scrapersky.web.hosts import HostError, normalise_host

router = Router()
TAGS = ["domains"]


class DomainView(View):
    """A domain with the metadata of its home page, without the large JSON columns."""

    domain: str
    final_url: str | None
    http_status: int | None
    last_scan: datetime | None
    title: str | None
    description: str | None
    language: str | None
    favicon_url: str | None
    logo_url: str | None
    generator: str | None
    is_wordpress: bool | None
    wordpress_version: str | None
    has_elementor: bool | None
    elementor_version: str | None
    email_addresses: list[str] | None
    phone_numbers: list[str] | None
    facebook_url: str | None
    twitter_url: str | None
    linkedin_url: str | None
    instagram_url: str | None
    youtube_url: str | None
    tiktok_url: str | None
    pinterest_url: str | None
    curation_status: Curation
    sitemap_curation_status: Curation
    status: Status
    due_at: datetime | None
    failures: int
    error_code: str | None
    error: str | None
    sitemap_analysis_status: Status
    sitemap_analysis_due_at: datetime | None
    sitemap_analysis_failures: int
    sitemap_analysis_error_code: str | None
    sitemap_analysis_error: str | None
    created_at: datetime
    updated_at: datetime


class DomainQuery(Paging, DomainFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id", "domain", "-domain", "last_scan", "-last_scan", "http_status", "-http_status"] = ORDER


class NewDomain(InputModel):
    """A domain to add."""

    domain: str = Field(min_length=1, max_length=2_048, description="a host name or a url")
    curation_status: Curation = Curation.NEW
    label: Label | None = Field(None, description="of the list; hand-offs carry it along")
    tenant: Tenant | None = Field(None, description="whose records they are; default, or the caller's own")
    reason: str = Field("added", min_length=1, max_length=500)


class NewDomains(InputModel):
    """Domains to add; ``Selected`` queues their metadata at once."""

    domains: list[str] = Field(min_length=1, description="host names or urls")
    curation_status: Curation = Curation.NEW
    label: Label | None = Field(None, description="of the list; hand-offs carry it along")
    tenant: Tenant | None = Field(None, description="whose records they are; default, or the caller's own")
    reason: str = Field("added", min_length=1, max_length=500)


class _Row(NewRecord):
    """One domain of any request; a text that is no host is a refused row, not an invalid request."""

    identifying = ("domain",)

    tenant: Tenant | None = None
    domain: str

    @classmethod
    def other_names(cls) -> dict[str, str]:
        """Return what such a column is often named; the first that a file has is read."""
        return dict.fromkeys(("website", "website_url", "url", "host"), "domain")

    def given(self) -> str:
        """Return the text as it was sent."""
        return self.domain

    def columns(self, known: Known) -> dict[str, Any]:
        """Return the normalised host and the tenant. Raises :class:`RowRefused`."""
        try:
            return {"domain": normalise_host(self.domain), "tenant": known.tenant_for(self.tenant)}
        except HostError as error:
            raise RowRefused(str(error)) from None


class DomainDecision(Decision[DomainFilter]):
    """A decision about domains, on one of their two curation fields."""

    field: Literal["curation_status", "sitemap_curation_status"] = Field(
        "curation_status", description="curation_status queues metadata, sitemap_curation_status queues submission"
    )


class DomainRequeue(Requeue[DomainFilter]):
    """Which domains to queue again, for one of their workflows."""

    workflow: Literal["metadata", "submission"]


class DomainCancel(Move[DomainFilter]):
    """Which domains to cancel, for one of their workflows."""

    workflow: Literal["metadata", "submission"]


DOMAINS = Resource(
    model=Domain,
    view=DomainView,
    filters=DomainFilter,
    key=("domain",),
    curation={"curation_status": METADATA, "sitemap_curation_status": SUBMISSION},
)


@router.get("/domains", tags=TAGS, summary="List domains")
def list_domains(query: Annotated[DomainQuery, Query()]) -> Listing[DomainView]:
    return list_records(router, DOMAINS, query)


@router.get("/domains/<record_id>", tags=TAGS, summary="Return one domain")
def read_domain(record_id: RecordIdInPath) -> DomainView:
    return read_record(router, DOMAINS, record_id)


@router.post("/domains", tags=TAGS, summary="Add a domain", status_code=HTTPStatus.CREATED)
def create_domain(body: NewDomain) -> Added:
    row = _Row(domain=body.domain, curation_status=body.curation_status, label=body.label, tenant=body.tenant)
    return add_records(router, DOMAINS, [row], reason=body.reason, alone=True)


@router.post("/domains/bulk", tags=TAGS, summary="Add domains")
def create_domains(body: NewDomains) -> Added:
    rows = [
        _Row(domain=one, curation_status=body.curation_status, label=body.label, tenant=body.tenant)
        for one in body.domains
    ]
    return add_records(router, DOMAINS, rows, reason=body.reason)


@router.post("/domains/csv", tags=TAGS, summary="Add the domains of a CSV file with a column named domain")
def import_domains(query: Annotated[CsvQuery, Query()]) -> Added:
    return import_records(router, DOMAINS, _Row, query)


@router.post("/domains/curation", tags=TAGS, summary="Curate domains; Selected queues a workflow")
def curate_domains(body: DomainDecision) -> Decisions:
    # Spelled out so that the audit of routers sees both fields.
    field = "curation_status" if body.field == "curation_status" else "sitemap_curation_status"
    return curate(router, DOMAINS, body, field)


@router.post("/domains/requeue", tags=TAGS, summary="Queue metadata scans or submissions again, without a decision")
def requeue_domains(body: DomainRequeue) -> Moved:
    # Spelled out so that the audit of routers sees both workflows.
    workflow = METADATA if body.workflow == "metadata" else SUBMISSION
    return move(router, DOMAINS, workflow, "requeue", body)


@router.post("/domains/cancel", tags=TAGS, summary="Cancel queued metadata scans or submissions")
def cancel_domains(body: DomainCancel) -> Moved:
    # Spelled out so that the audit of routers sees both workflows.
    workflow = METADATA if body.workflow == "metadata" else SUBMISSION
    return move(router, DOMAINS, workflow, "cancel", body)
