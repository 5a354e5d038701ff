"""Pages about records: one record's timeline and lineage, the search for it, and the lists that people curate."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from sqlalchemy import Connection

from api.console import queries
from api.console.answers import ROUTE, id_in, page, parameters_of
from api.console.lists import BY_TABLE, Listed, fields_of, read_list, resource_named, workflow_named
from api.dependencies import dependencies_of
from api.listing import read_record
from api.problem import Problem, invalid
from api.resources.exports import read_export
from scrapersky.lists.exports import EXPORTS
from scrapersky.runtime.records import find
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.explain import entries, explain
from scrapersky.status.records import read_states
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Curation, RecordId

router = Router()

COLUMNS: Mapping[str, str] = {
    "place_searches": "name is_split places_found searched_at curation_status status error_code",
    "places": "place_id name formatted_address search_query curation_status deep_scan_status",
    "local_businesses": "business_name city country phone website_url main_category curation_status"
    " domain_extraction_status",
    "domains": "domain title final_url http_status email_addresses phone_numbers last_scan curation_status status",
    "sitemaps": "domain files_found scanned_at curation_status status",
    "sitemap_files": "url domain sitemap_type url_count pages_found imported_at curation_status sitemap_import_status",
    "pages": "url domain page_type title last_read curation_status page_reading_status",
    "contacts": "value kind category domain email_check_result last_seen gone_at curation_status",
}
"""The columns that the lists of people show."""
OF_TABLE: Mapping[str, Workflow] = {workflow.table: workflow for workflow in reversed(WORKFLOWS.values())}
"""The workflow whose page shows a record of a table."""


@router.get("/console/record/<name>/<number>", **ROUTE)
def record(name: str, number: str) -> Response[str]:
    workflow, record_id = workflow_named(name), _id(number)
    facts: Mapping[str, Any] = {}
    if workflow.table in BY_TABLE:
        facts = dict(read_record(router, BY_TABLE[workflow.table], record_id))
    with dependencies_of(router).database.autocommit() as connection:
        timeline = explain(connection, workflow, RecordId(record_id))
        if timeline is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"{workflow.table} has no record {record_id}")
        [row] = connection.execute(workflow.statement(queries.ITSELF), {"id": record_id}).mappings()
        related = queries.read_lineage(connection, {"id": record_id, **facts}, workflow.table)
    history = entries(timeline)
    gaps = [
        None,
        *((after.at - before.at).total_seconds() for before, after in pairwise(history)),
    ]
    return page(
        router,
        "record.html",
        f"{workflow.name} {record_id}",
        workflow=workflow,
        record_id=record_id,
        record=row["record"],
        timeline=timeline,
        history=list(zip(gaps, history, strict=False)),
        facts={name: value for name, value in facts.items() if value is not None},
        related=related,
        days=_days(timeline["attempts"]),
        siblings=[one.name for one in WORKFLOWS.values() if one.table == workflow.table],
    )


def _days(attempts: Sequence[Mapping[str, Any]]) -> int:
    """Return how many days back the log lines of a record begin."""
    return (datetime.now(UTC) - datetime.fromisoformat(attempts[0]["dispatched_at"])).days + 1 if attempts else 1


@router.get("/console/find", **ROUTE)
def found() -> Response[str]:
    wanted = parameters_of(router, "text").get("text", "").strip()[:2_048]
    with dependencies_of(router).database.autocommit() as connection:
        hits = [(workflow, one) for workflow in OF_TABLE.values() for one in _hits(connection, workflow, wanted)]
    if len(hits) == 1:
        [(workflow, record_id)] = hits
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": f"record/{workflow.name}/{record_id}"})
    return page(router, "find.html", "Find", text=wanted, hits=hits)


def _hits(connection: Connection, workflow: Workflow, wanted: str) -> list[RecordId]:
    """Return the records of the workflow's table with the id or the natural key ``wanted``."""
    if (record_id := id_in(wanted)) is not None:
        return list(read_states(connection, workflow, [RecordId(record_id)]))
    try:
        return find(connection, workflow, wanted)[: queries.LINES] if wanted and "\0" not in wanted else []
    except LookupError:
        return []


@router.get("/console/curation/<table>", **ROUTE)
def curation(table: str) -> Response[str]:
    resource = resource_named(table)
    listed = read_list(router, resource, parameters_of(router), {})
    names = COLUMNS[table].split()
    rows = [{"id": row["id"], **{name: row[name] for name in names}} for row in listed.rows]
    return page(
        router,
        "curation.html",
        table.replace("_", " ").capitalize(),
        table=table,
        tables=COLUMNS,
        listed=Listed(rows, listed.filters, listed.next, listed.count),
        decisions=resource.curation,
        choices=list(Curation),
        fields=fields_of(table),
        exportable=table in EXPORTS,
        workflow=OF_TABLE[table],
    )


@router.get("/console/leads", **ROUTE)
def leads() -> Response[str]:
    listed = read_list(router, BY_TABLE["local_businesses"], parameters_of(router), {})
    domains = [row["domain_id"] for row in listed.rows if row["domain_id"]]
    contacts: dict[int, list[Any]] = {}
    with dependencies_of(router).database.autocommit() as connection:
        for one in connection.execute(queries.CONTACTS, {"ids": domains, "limit": queries.LINES}).mappings():
            contacts.setdefault(one["domain_id"], []).append(one)
    return page(
        router,
        "leads.html",
        "Leads",
        listed=listed,
        contacts=contacts,
        fields=fields_of("local_businesses"),
        choices=list(Curation),
    )


@router.get("/console/export/<number>", **ROUTE)
def export(number: str) -> Response[str]:
    return page(router, "export.html", "Export", export=read_export(_id(number)))


def _id(text: str) -> int:
    if found := id_in(text):
        return found
    raise invalid("id", f"id: {text[:50]!r} is no id of a record")
