"""Contacts: what the websites of domains give to reach their businesses by."""

from datetime import datetime
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from api.curation import Decision, Decisions, curate
from api.dependencies import dependencies_of
from api.listing import Listing, RecordIdInPath, list_records, read_record
from api.moving import Move, Moved, Requeue, move
from api.resource import ORDER, Paging, Resource, View
from scrapersky.lists.tables import ContactFilter
from scrapersky.models import Contact, ContactSource
from scrapersky.runtime.registry import EMAIL_CHECK
from scrapersky.vocabulary import ContactKind, Curation, EmailCheck, FoundIn, Status

router = Router()
TAGS = ["contacts"]
MAX_SOURCES = 100


class ContactView(View):
    """A contact."""

    domain_id: int
    kind: ContactKind
    value: str
    category: str | None
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None
    curation_status: Curation
    email_check_status: Status
    email_check_due_at: datetime | None
    email_check_failures: int
    email_check_error_code: str | None
    email_check_error: str | None
    email_check_result: EmailCheck | None
    email_check_reason: str | None
    email_checked_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ContactSourceView(BaseModel):
    """A page that gives the contact; ``page_id`` is null for the home page."""

    model_config = ConfigDict(from_attributes=True)

    page_id: int | None
    url: str
    found_in: FoundIn
    context: str | None
    first_seen: datetime
    last_seen: datetime


class ContactWithSources(ContactView):
    """A contact with the pages that give it, those seen last first."""

    sources: list[ContactSourceView] = Field(max_length=MAX_SOURCES)


class ContactQuery(Paging, ContactFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id", "last_seen", "-last_seen", "value", "-value"] = ORDER


CONTACTS = Resource(
    model=Contact,
    view=ContactView,
    filters=ContactFilter,
    key=("domain_id", "kind", "value"),
    curation={"curation_status": None},
)


@router.get("/contacts", tags=TAGS, summary="List contacts")
def list_contacts(query: Annotated[ContactQuery, Query()]) -> Listing[ContactView]:
    return list_records(router, CONTACTS, query)


@router.get("/contacts/<record_id>", tags=TAGS, summary="Return one contact with its sources")
def read_contact(record_id: RecordIdInPath) -> ContactWithSources:
    contact = read_record(router, CONTACTS, record_id)
    columns = [getattr(ContactSource, name) for name in ContactSourceView.model_fields]
    newest = select(*columns).where(ContactSource.contact_id == record_id).order_by(ContactSource.last_seen.desc())
    with dependencies_of(router).database.autocommit() as connection:
        rows = connection.execute(newest.limit(MAX_SOURCES)).all()
    sources = [ContactSourceView.model_validate(row) for row in rows]
    return ContactWithSources(**contact.model_dump(), sources=sources)


@router.post("/contacts/curation", tags=TAGS, summary="Curate contacts")
def curate_contacts(body: Decision[ContactFilter]) -> Decisions:
    return curate(router, CONTACTS, body)


@router.post("/contacts/requeue", tags=TAGS, summary="Queue e-mail checks again, without a decision")
def requeue_contacts(body: Requeue[ContactFilter]) -> Moved:
    return move(router, CONTACTS, EMAIL_CHECK, "requeue", body)


@router.post("/contacts/cancel", tags=TAGS, summary="Cancel queued e-mail checks")
def cancel_contacts(body: Move[ContactFilter]) -> Moved:
    return move(router, CONTACTS, EMAIL_CHECK, "cancel", body)
