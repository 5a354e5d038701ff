"""The result of a run, read from the database: a summary for a person, and a report as JSON for programs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from sqlalchemy import Connection, func, select, text

from scrapersky.errors import plural
from scrapersky.models import Attempt, Base, Contact, Domain, LocalBusiness, Page, Place, Sitemap, SitemapFile
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import Status
from scrapersky.web.hosts import HostError, normalise_host
from scripts.commands.run.progress import PIPELINE, Counts, count

EXAMPLES = 3

COUNTED: Mapping[str, tuple[type[Base], str, str]] = {
    "places": (Place, "place", "places"),
    "domains": (Domain, "domain", "domains"),
    "sitemaps": (Sitemap, "sitemap", "sitemaps"),
    "sitemap_files": (SitemapFile, "sitemap file", "sitemap files"),
    "pages": (Page, "page", "pages"),
    "contacts": (Contact, "contact", "contacts"),
    "local_businesses": (LocalBusiness, "local business", "local businesses"),
}
"""{table: (model, what one row is called, what several are called)}."""

NAMES = {
    "place_searches": "SELECT id, name FROM place_searches",
    "places": "SELECT id, coalesce(name, place_id) FROM places",
    "local_businesses": "SELECT id, coalesce(business_name, place_id) FROM local_businesses",
    "domains": "SELECT id, domain FROM domains",
    "sitemaps": "SELECT sitemaps.id, domain FROM sitemaps JOIN domains ON domains.id = domain_id",
    "sitemap_files": "SELECT id, url FROM sitemap_files",
    "pages": "SELECT id, url FROM pages",
    "contacts": "SELECT id, value FROM contacts",
    "exports": "SELECT id, object_key FROM exports",
}
"""{table: the query of each record's id and readable name}."""

LAST_CODES = """
SELECT workflow, code, count(*) FROM (
    -- the last finished attempt of each record
    SELECT DISTINCT ON (workflow, record_id) workflow, record_id, code FROM attempts
    WHERE finished_at IS NOT NULL ORDER BY workflow, record_id, attempt_id DESC
) AS last WHERE code IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""

FAILED = "SELECT id, {error_code}, {error} FROM {table} WHERE {status} = 'Error' ORDER BY id"

UNFINISHED = """
SELECT id, {status}, extract(epoch FROM {due_at} - now()), {failures} FROM {table}
WHERE {status} IN ('Queued', 'Processing') ORDER BY id
"""

OWN_RECORDS = {
    "place_searches": "id IN (SELECT search_id FROM places_found AS found JOIN places AS place ON place.id = found.place_id"
    " WHERE place.place_id = :place_id)",
    "places": "place_id = :place_id",
    "local_businesses": "place_id = :place_id",
    "domains": "domain = :host",
    "exports": "false",
}
"""{table: the condition for a site's records}; every other table has :data:`OF_DOMAIN`."""
OF_DOMAIN = "domain_id = (SELECT id FROM domains WHERE domain = :host)"

WORST = "SELECT {status}, {error_code}, {error} FROM {table} WHERE %s ORDER BY {status} DESC, id LIMIT 1"

FILES = """
SELECT url, sitemap_type AS type, discovery_method AS method, url_count, coalesce(
    sitemap_import_error_code,
    (SELECT code FROM attempts WHERE workflow = 'import' AND record_id = sitemap_files.id AND finished_at IS NOT NULL
     ORDER BY attempt_id DESC LIMIT 1),
    CASE WHEN sitemap_type = 'index' THEN 'index' END,
    invalid_reason,
    'not imported') AS outcome
FROM sitemap_files JOIN domains ON domains.id = domain_id WHERE domain = :host ORDER BY sitemap_files.id
"""

CONTACTS = """
SELECT kind, category, value, email_check_result AS check, email_check_reason AS check_reason, found_in, url AS source
FROM contacts
JOIN contact_sources ON contact_id = contacts.id JOIN domains ON domains.id = contacts.domain_id
WHERE domain = :host AND gone_at IS NULL ORDER BY contacts.id, contact_sources.id
"""

PAGES = "SELECT count(*) FROM pages JOIN domains ON domains.id = domain_id WHERE domain = :host"


@dataclass(frozen=True)
class Failure:
    """One record in Error."""

    workflow: str
    record_id: int
    name: str
    code: str
    reason: str


def totals(connection: Connection) -> dict[str, int]:
    """Return {table: rows}."""
    return {
        name: connection.execute(select(func.count()).select_from(model)).scalar_one()
        for name, (model, _, _) in COUNTED.items()
    }


def outcomes(connection: Connection) -> dict[str, dict[str, int]]:
    """Return {workflow: {code of a record's last attempt: records}}, most frequent first."""
    found: dict[str, dict[str, int]] = {name: {} for name in PIPELINE}
    for workflow, code, number in connection.execute(text(LAST_CODES)):
        found[workflow][code] = number
    return found


def failures(connection: Connection) -> list[Failure]:
    """Return every record in Error, in the order of the pipeline."""
    found = []
    for name in PIPELINE:
        names = _names(connection, name)
        rows = connection.execute(text(WORKFLOWS[name].sql(FAILED)))
        found += [Failure(name, id, names[id], code, reason or "") for id, code, reason in rows]
    return found


def unfinished(connection: Connection) -> list[str]:
    """Return a line for every record that is still Queued or Processing, with the end of its last attempt."""
    lines = []
    for name in PIPELINE:
        names = _names(connection, name)
        for id, status, due_in, failed in connection.execute(text(WORKFLOWS[name].sql(UNFINISHED))):
            last = connection.execute(
                select(Attempt.outcome, Attempt.code)
                .where(Attempt.workflow == name, Attempt.record_id == id)
                .order_by(Attempt.attempt_id.desc())
                .limit(1)
            ).one_or_none()
            due = f", due in {due_in:.0f} s" if due_in else ""
            ended = " ".join(filter(None, last)) if last else "none"
            lines.append(f"{name} {names[id]}: {status}{due}, {plural(failed, 'failure')}, last attempt: {ended}")
    return lines


def summarise(console: Console, connection: Connection, seconds: float) -> None:
    """Print what was found, how each workflow ended, and why records failed, with examples."""
    found = ", ".join(plural(number, *COUNTED[name][1:]) for name, number in totals(connection).items())
    console.print(f"\n[bold]Found in {seconds:.1f} s:[/] {found}.", highlight=False, soft_wrap=True)
    console.print("\n[bold]How the records ended[/]")
    for workflow, codes in outcomes(connection).items():
        if codes:
            ends = ", ".join(f"{number} {code}" for code, number in codes.items())
            console.print(f"  {workflow:<18}{escape(ends)}", highlight=False, soft_wrap=True)
    failed = failures(connection)
    if not failed:
        console.print("\nNo record is in Error.")
        return
    console.print(f"\n[bold]Why {plural(len(failed), 'record is', 'records are')} in Error[/]")
    for (workflow, code), group in _grouped(failed).items():
        console.print(f"  {workflow} · [red]{escape(code)}[/] × {len(group)}", highlight=False)
        for failure in group[:EXAMPLES]:
            console.print(f"      {escape(failure.name)}: {escape(failure.reason)}", highlight=False, soft_wrap=True)
        if len(group) > EXAMPLES:
            console.print(f"      … and {len(group) - EXAMPLES} more", highlight=False)


def report(connection: Connection, sites: Mapping[str, str | None], seconds: float) -> dict[str, Any]:
    """Return everything about the run. ``sites`` is {the site's name as its owner writes it: its place_id, if any}.

    ``{"workflows": {workflow: {status: n}}, "outcomes": {workflow: {code: n}}, "totals": {…}, "seconds", "domains":
    [{"domain", "statuses": {workflow: status}, "error", "sitemap_files": [{"url", "type", "method", "url_count",
    "outcome"}], "pages": n, "contacts": [{"kind", "category", "value",
    "check", "check_reason", "found_in", "source"}]}]}``, a row per source.

    The status of ``import`` is the worst of the site's files (New: none is to be imported).
    The outcome of a file that was never imported is its type, or the reason why it was not.
    """
    return {
        "workflows": _all_statuses(count(connection)),
        "outcomes": outcomes(connection),
        "totals": totals(connection),
        "seconds": round(seconds, 1),
        "domains": [_site(connection, name, place_id) for name, place_id in sites.items()],
    }


def _all_statuses(counts: Counts) -> dict[str, dict[str, int]]:
    return {name: {status.value: counts[name].get(status, 0) for status in Status} for name in PIPELINE}


def _site(connection: Connection, name: str, place_id: str | None) -> dict[str, Any]:
    keys = {"place_id": place_id, "host": _host(name)}
    states: dict[str, tuple[Status, str | None, str | None]] = {}
    for workflow in PIPELINE:
        condition = OWN_RECORDS.get(WORKFLOWS[workflow].table, OF_DOMAIN)
        found = connection.execute(text(WORKFLOWS[workflow].sql(WORST % condition)), keys).one_or_none()
        if found:
            states[workflow] = (Status(found[0]), found[1], found[2])
    errors = [f"{workflow}: {code}: {reason}" for workflow, (_, code, reason) in states.items() if code]
    return {
        "domain": name,
        "statuses": {workflow: status.value for workflow, (status, _, _) in states.items()},
        "error": errors[0] if errors else None,
        "sitemap_files": [dict(file) for file in connection.execute(text(FILES), keys).mappings()],
        "pages": connection.execute(text(PAGES), keys).scalar_one(),
        "contacts": [dict(row) for row in connection.execute(text(CONTACTS), keys).mappings()],
    }


def _host(name: str) -> str:
    """Return the key of a site's domain; an invalid host name is its own key, and matches no domain."""
    try:
        return normalise_host(name)
    except HostError:
        return name


def _grouped(failures: Sequence[Failure]) -> dict[tuple[str, str], list[Failure]]:
    """Return {(workflow, code): failures}, in the order given."""
    groups: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for failure in failures:
        groups[failure.workflow, failure.code].append(failure)
    return groups


def _names(connection: Connection, workflow: str) -> dict[int, str]:
    return {row[0]: row[1] for row in connection.execute(text(NAMES[WORKFLOWS[workflow].table]))}
