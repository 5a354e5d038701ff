"""Exports: files with all records that match filters. Adding one queues it; when it is written, its url is given."""

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import uuid4

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator
from sqlalchemy import Connection, insert, select, text

from api.dependencies import caller_of, dependencies_of, own, tenant_of
from api.idempotency import write_once
from api.listing import RecordIdInPath
from api.problem import Problem, refused
from scrapersky.database import after_commit
from scrapersky.lists.exports import is_stale
from scrapersky.lists.filters import Filter
from scrapersky.lists.tables import ContactFilter, DomainFilter, LocalBusinessFilter, PageFilter
from scrapersky.models import Export
from scrapersky.object_store import KEPT, url_of
from scrapersky.runtime.input_model import Flag, InputModel
from scrapersky.runtime.registry import EXPORT
from scrapersky.status.sql import SET_ACTOR
from scrapersky.vocabulary import Status

router = Router()
TAGS = ["exports"]
URL_SECONDS = 900
F = TypeVar("F", bound=Filter)


class NewExport(InputModel, Generic[F]):
    """A file to write, with all records that match ``filter``."""

    format: Literal["csv", "ndjson", "xlsx"] = Field(
        "csv", description="csv and ndjson are for programs, xlsx for people"
    )
    bom: Flag = Field(False, description="a csv starts with a byte order mark, for spreadsheets")
    filter: F | None = Field(None, description="all that are given must hold; without it, all records")

    @field_validator("filter")
    @classmethod
    def _states_a_condition(cls, value: F | None) -> F | None:
        if value is not None and not value.given():
            raise ValueError("is empty; leave it out for all records, or give a condition")
        return value


class ContactExport(NewExport[ContactFilter]):
    """A file of contacts."""

    resource: Literal["contacts"]


class DomainExport(NewExport[DomainFilter]):
    """A file of domains."""

    resource: Literal["domains"]


class LocalBusinessExport(NewExport[LocalBusinessFilter]):
    """A file of local businesses."""

    resource: Literal["local-businesses"]


class PageExport(NewExport[PageFilter]):
    """A file of pages."""

    resource: Literal["pages"]


AnyExport = ContactExport | DomainExport | LocalBusinessExport | PageExport


class ExportRequest(RootModel[Annotated[AnyExport, Field(discriminator="resource")]]):
    """A file to write."""


class ExportView(BaseModel):
    """An export. ``url`` is null until the file is written, and again when it is gone, which ``why`` explains."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    tenant: str
    resource: str
    format: str
    status: Status
    error_code: str | None
    error: str | None
    row_count: int | None
    size_bytes: int | None
    created_at: datetime
    written_at: datetime | None
    url: str | None = Field(None, description="to download the file, for 15 minutes")
    why: str | None = Field(None, description="why there is no url")


@router.post("/exports", tags=TAGS, summary="Write a file with all records that match", status_code=HTTPStatus.CREATED)
def create_export(body: ExportRequest) -> ExportView:
    wanted = body.root
    if wanted.bom and wanted.format != "csv":
        raise refused("bom", f"{wanted.format} has no byte order mark; valid with csv")
    actor = caller_of(router)
    given = wanted.filter.model_dump(mode="json", exclude_none=True) if wanted.filter else {}
    tenant = tenant_of(router)
    if tenant is not None and given.setdefault("tenant", tenant) != tenant:
        raise refused("filter", f"tenant {given['tenant']!r} is not the caller's tenant; leave it out")
    values = {
        "tenant": given.get("tenant", "default"),
        "object_key": f"{uuid4()}.{wanted.format}",
        "resource": wanted.resource.replace("-", "_"),
        "format": wanted.format,
        "filters": given,
        "bom": wanted.bom,
        "status": Status.QUEUED,
    }

    def work(connection: Connection) -> ExportView:
        connection.execute(text(SET_ACTOR), {"actor": actor, "reason": "requested"})
        row = connection.execute(insert(Export).values(values).returning(*_columns())).one()
        moved = partial(dependencies_of(router).observer.moved, EXPORT.name, {row.id: None}, Status.QUEUED)
        after_commit(connection, partial(moved, outcome="added", actor=actor))
        return _shown(connection, row)

    return write_once(router, ExportView, work)


@router.get("/exports/<record_id>", tags=TAGS, summary="Return one export, with the url of its file")
def read_export(record_id: RecordIdInPath) -> ExportView:
    with dependencies_of(router).database.autocommit() as connection:
        row = connection.execute(select(*_columns()).where(Export.id == record_id, *own(router, Export))).one_or_none()
        if row is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"exports has no record {record_id}")
        return _shown(connection, row)


def _columns() -> list[Any]:
    shown = [getattr(Export, name) for name in ExportView.model_fields if name not in ("url", "why")]
    return [*shown, Export.object_key, Export.read_from]


def _shown(connection: Connection, row: Any) -> ExportView:
    view = ExportView.model_validate(row)
    view.resource = view.resource.replace("_", "-")
    if row.status != Status.COMPLETED:
        view.why = f"the file is not written: the export is {row.status}"
    elif datetime.now(UTC) - row.written_at > KEPT:
        view.why = "the file was kept for a day; request another export"
    elif is_stale(connection, row.read_from):
        view.why = "something was suppressed or erased since the file was written; request another export"
    else:
        name = f"{view.resource}-{row.written_at:%Y-%m-%d}.{row.format}"
        bucket = dependencies_of(router).settings.export_bucket
        view.url = url_of(bucket, row.object_key, name, URL_SECONDS)
    return view
