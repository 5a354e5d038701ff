"""The pages to look at. Their addresses carry all of their state."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.console import queries
from api.console.answers import ROUTE, id_in, page, parameters_of, static_file
from api.console.codes import advice
from api.console.lists import BY_TABLE, Listed, fields_of, read_list, validated, workflow_named
from api.dependencies import dependencies_of
from api.problem import Problem, invalid
from api.resources.changes import ChangeQuery, list_changes
from scrapersky.runtime.input_model import MAX_ID
from scrapersky.runtime.registry import HAND_OFFS, SERVICES, WORKFLOWS, Service, service_of
from scrapersky.status.control import read_control
from scrapersky.status.gauges import read_gauges
from scrapersky.status.records import MAX_COUNTED, count_by_code, group_errors, list_records
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import ChangedField, Status

router = Router()

TABS: Mapping[str, Status] = {
    "waiting": Status.QUEUED,
    "working": Status.PROCESSING,
    "retrying": Status.QUEUED,
    "error": Status.ERROR,
    "ended": Status.COMPLETED,
}
"""The tabs of a workflow, with the status of their records."""
WITH_DOMAIN = frozenset({"sitemap_files", "pages", "contacts"})
"""Tables of which many records may belong to one host."""
EVENTS = 2_000
"""Status changes that one page of the audit reads."""
OWN = frozenset({"tab", "due", "after", "before"})
"""Parameters of a workflow's page that are no filters."""


def _depth(workflow: Workflow, behind: tuple[Workflow, ...] = ()) -> int:
    """Return how many hand-offs lead to ``workflow`` at most; more than any for one without hand-offs."""
    if not any(workflow in (one.source, one.target) for one in HAND_OFFS):
        return len(HAND_OFFS)
    sources = {one.source for one in HAND_OFFS if one.target == workflow} - {workflow, *behind}
    return max((1 + _depth(source, (workflow, *behind)) for source in sources), default=0)


PIPELINE = sorted(WORKFLOWS.values(), key=_depth)
"""The workflows in the order in which records pass them."""


@router.get("/console", **{**ROUTE, "middlewares": []})
def without_slash() -> Response[str]:
    return Response(HTTPStatus.SEE_OTHER, body="", headers={"Location": "console/overview"})


@router.get("/console/", **{**ROUTE, "middlewares": []})
def with_slash() -> Response[str]:
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": "overview"})


@router.get("/console/static/<name>", **ROUTE)
def static(name: str) -> Response[str]:
    return static_file(name)


@router.get("/console/overview", **ROUTE)
def overview() -> Response[str]:
    dependencies = dependencies_of(router)
    settings, now = dependencies.settings, datetime.now(UTC)
    with dependencies.database.autocommit() as connection:
        activity = connection.execute(queries.ACTIVITY, {"most": queries.ATTEMPTS}).mappings().all()
        cards = [
            queries.read_card(connection, one, settings, activity, now, service_of(one).defaults.interval_minutes)
            for one in PIPELINE
        ]
        spent = {row.budget: row.calls for row in connection.execute(queries.BUDGETS)}
    caps = {"places": settings.places_calls_per_day, "proxy": settings.proxy_calls_per_day}
    return page(
        router,
        "overview.html",
        "Overview",
        cards=cards,
        budgets={name: (spent.get(name, 0), cap) for name, cap in caps.items()},
        breaches=sum(card.breaches for card in cards),
        counted=queries.COUNTED,
        newest=queries.NEWEST,
        queued_cap=queries.QUEUED,
        partial=sum(row["attempts"] for row in activity) >= queries.ATTEMPTS,
    )


@router.get("/console/workflow/<name>", **ROUTE)
def workflow_page(name: str) -> Response[str]:
    workflow, given = workflow_named(name), parameters_of(router)
    tab = given.get("tab", "waiting")
    if tab not in TABS:
        raise invalid("tab", f"tab: {tab!r} is no tab; valid tabs: {', '.join(TABS)}")
    with dependencies_of(router).database.autocommit() as connection:
        control, gauges = read_control(connection, workflow), read_gauges(connection, workflow, most=queries.QUEUED)
        codes = count_by_code(connection, workflow, counted=queries.COUNTED) if tab == "error" else {}
    listed, following = _tab(workflow, tab, given)
    return page(
        router,
        "workflow.html",
        workflow.name,
        workflow=workflow,
        service=service_of(workflow),
        control=control,
        gauges=gauges,
        codes=codes,
        counted=queries.COUNTED,
        queued_cap=queries.QUEUED,
        tabs=TABS,
        tab=tab,
        listed=listed,
        following=following,
        fields=fields_of(workflow.table) if workflow.table in BY_TABLE else (),
    )


def _tab(workflow: Workflow, tab: str, given: Mapping[str, str]) -> tuple[Listed, Mapping[str, Any]]:
    """Return the records of a tab, and the parameters of its next page. With filters, the API's listing returns them."""
    filters = {name: value for name, value in given.items() if name not in OWN}
    fixed = {workflow.field: TABS[tab].value}
    if workflow.table in BY_TABLE and (filters or tab == "error"):
        listed = read_list(router, BY_TABLE[workflow.table], filters, fixed)
        shown = [_row(workflow, row) for row in listed.rows]
        more = {**filters, "cursor": listed.next} if listed.next else {}
        return Listed(shown, listed.filters, listed.next, listed.count), more
    column = workflow.companion("error_code")
    if unknown := min(filters.keys() - ({column} if tab == "error" else set()), default=None):
        raise invalid(unknown, f"{workflow.table} has no filter {unknown[:50]!r}")
    after, before = (_number(given, name, default) for name, default in (("after", 0), ("before", MAX_ID)))
    with dependencies_of(router).database.autocommit() as connection:
        match tab:
            case "working":
                rows, following = queries.read_working(connection, workflow, after=after)
            case "ended":
                rows, following = queries.read_ended(connection, workflow, before=before)
            case "error":  # of a table that the API does not list
                code, limit = filters.pop(column, None), queries.ROWS
                found = list_records(
                    connection, workflow, limit=limit, status=Status.ERROR, error_code=code, before=before
                )
                last = found["next_before"]
                rows, following = found["records"], {"before": last, column: code} if last else {}
            case "retrying":
                due = _moment(given, "now")
                rows, following = queries.read_queue(connection, workflow, due=due, until="infinity", after=after)
            case _:
                due = _moment(given, "-infinity")
                rows, following = queries.read_queue(connection, workflow, due=due, until="now", after=after)
    return Listed([dict(row) for row in rows], fixed, None, None), following


def _row(workflow: Workflow, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a workflow's page shows of a record."""
    key = "domain" if workflow.key == "domain_id" else workflow.key
    names = {name: workflow.companion(name) for name in ("due_at", "failures", "error_code", "error")}
    companions = {name: row[column] for name, column in names.items()}
    return {"id": row["id"], "record": row[key], **companions, "updated_at": row["updated_at"]}


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if (found := id_in(text)) is None:
        raise invalid(name, f"{name}: {text[:50]!r} is no id; follow the link to the next page")
    return found


def _moment(given: Mapping[str, str], default: str) -> str:
    text = given.get("due", default)
    try:
        return text if text == default else datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise invalid("due", f"due: {text[:50]!r} is no moment; follow the link to the next page") from None


@router.get("/console/errors", **ROUTE)
def errors() -> Response[str]:
    groups = []
    with dependencies_of(router).database.autocommit() as connection:
        for workflow in PIPELINE:
            found = group_errors(connection, workflow, limit=20)
            hosts: dict[str, list[Any]] = {}
            if found and workflow.table in WITH_DOMAIN:
                values = {"codes": [one["error_code"] for one in found], "most": queries.NEWEST}
                for row in connection.execute(workflow.statement(queries.HOSTS), values):
                    hosts.setdefault(row.code, []).append(row)
            groups += [{**one, "workflow": workflow, "hosts": hosts.get(one["error_code"], ())} for one in found]
    return page(router, "errors.html", "Errors", groups=groups, advice=advice(), cap=MAX_COUNTED, lists=BY_TABLE)


@router.get("/console/audit", **ROUTE)
def audit() -> Response[str]:
    before = _number(parameters_of(router, "before"), "before", MAX_ID)
    limit = {"limit": queries.ROWS}
    with dependencies_of(router).database.autocommit() as connection:
        people = connection.execute(queries.PEOPLE, {"before": before, "most": EVENTS}).mappings().all()
        pauses = connection.execute(queries.PAUSES, limit).mappings().all()
        erasures = connection.execute(queries.ERASURES, limit).mappings().all()
        suppressions = connection.execute(queries.SUPPRESSIONS, {**limit, "most": EVENTS}).mappings().all()
    full = sum(row["records"] for row in people) == EVENTS
    following = min(row["event_id"] for row in people) if full else None
    return page(
        router,
        "audit.html",
        "Audit",
        people=people,
        pauses=pauses,
        erasures=erasures,
        suppressions=suppressions,
        following=following,
    )


@router.get("/console/changes", **ROUTE)
def changes() -> Response[str]:
    found = list_changes(validated(ChangeQuery, parameters_of(router)))
    return page(router, "changes.html", "Changes", changes=found, fields=list(ChangedField))


@router.get("/console/settings", **ROUTE)
def settings() -> Response[str]:
    """Ask all services at once: each answer may be a cold start."""
    triggers = dependencies_of(router).triggers

    def ask(service: Service) -> dict[str, Any]:
        try:
            return triggers.ask(service, {"action": "status", "counts": False})
        except Problem as problem:
            return {"problem": problem.detail}

    with ThreadPoolExecutor(len(SERVICES)) as threads:
        answers = dict(zip((one.name for one in SERVICES), threads.map(ask, SERVICES), strict=True))
    found: dict[str, set[str]] = {}
    for answer in answers.values():
        for name, value in answer.get("settings", {}).items():
            found.setdefault(name, set()).add(str(value))
    return page(
        router,
        "settings.html",
        "Settings",
        rows=sorted(found.items()),
        policies=[(one, one.is_automatic(dependencies_of(router).settings)) for one in HAND_OFFS],
        problems={name: answer["problem"] for name, answer in answers.items() if "problem" in answer},
    )
