"""What a run found, read from the database: statuses, outcomes, errors, totals."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from scrapersky.models import Attempt, Base, Domain, LocalBusiness, Page, Sitemap, SitemapFile
from scrapersky.runtime.registry import WORKFLOWS
from scripts.commands.run.progress import PIPELINE

COUNTED: Mapping[str, type[Base]] = {
    "domains": Domain,
    "sitemaps": Sitemap,
    "sitemap_files": SitemapFile,
    "pages": Page,
    "local_businesses": LocalBusiness,
}

NAMED = {
    "places": "SELECT id, coalesce(name, place_id) FROM places",
    "local_businesses": "SELECT id, coalesce(business_name, place_id) FROM local_businesses",
    "domains": "SELECT id, domain FROM domains",
    "sitemaps": "SELECT sitemaps.id, domain FROM sitemaps JOIN domains ON domains.id = domain_id",
    "sitemap_files": "SELECT id, url FROM sitemap_files",
    "pages": "SELECT id, url FROM pages",
}
"""How a person calls a record of a watched table."""

LAST_CODES = """
SELECT workflow, code, count(*) FROM (
    SELECT DISTINCT ON (workflow, record_id) workflow, record_id, code FROM attempts
    WHERE finished_at IS NOT NULL ORDER BY workflow, record_id, attempt_id DESC
) AS last WHERE code IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""


@dataclass(frozen=True)
class Failure:
    """One record in Error."""

    workflow: str
    record_id: int
    name: str
    code: str
    reason: str


def totals(connection: Connection) -> dict[str, int]:
    """{table: rows}."""
    return {
        name: connection.execute(select(func.count()).select_from(model)).scalar_one()
        for name, model in COUNTED.items()
    }


def outcomes(connection: Connection) -> dict[str, dict[str, int]]:
    """{workflow: {code of a record's last attempt: records}}, most frequent first."""
    found: dict[str, dict[str, int]] = {name: {} for name in PIPELINE}
    for workflow, code, number in connection.execute(text(LAST_CODES)):
        found[workflow][code] = number
    return found


def failures(connection: Connection) -> list[Failure]:
    """Every record in Error, in the order of the pipeline."""
    found = []
    for name in PIPELINE:
        names = _names(connection, name)
        rows = connection.execute(
            text(
                WORKFLOWS[name].sql(
                    "SELECT id, {error_code}, {error} FROM {table} WHERE {status} = 'Error' ORDER BY id"
                )
            )
        )
        found += [Failure(name, id, names[id], code, reason or "") for id, code, reason in rows]
    return found


def stuck(connection: Connection) -> list[str]:
    """A line for every record that is still Queued or Processing: what it is, and what happened to it last."""
    lines = []
    for name in PIPELINE:
        names = _names(connection, name)
        rows = connection.execute(
            text(
                WORKFLOWS[name].sql(
                    "SELECT id, {status}, extract(epoch FROM {due_at} - now()), {failures} FROM {table} "
                    "WHERE {status} IN ('Queued', 'Processing') ORDER BY id"
                )
            )
        )
        for id, status, due_in, failed in rows:
            last = connection.execute(
                select(Attempt.outcome, Attempt.code)
                .where(Attempt.workflow == name, Attempt.record_id == id)
                .order_by(Attempt.attempt_id.desc())
                .limit(1)
            ).one_or_none()
            due = f", due in {due_in:.0f} s" if due_in else ""
            ended = " ".join(filter(None, last)) if last else "none"
            lines.append(f"{name} {names[id]}: {status}{due}, {failed} failures, last attempt: {ended}")
    return lines


def grouped(failures: Sequence[Failure]) -> dict[tuple[str, str], list[Failure]]:
    """{(workflow, code): failures}, in the order given."""
    groups: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for failure in failures:
        groups[failure.workflow, failure.code].append(failure)
    return groups


def _names(connection: Connection, workflow: str) -> dict[int, str]:
    return {row[0]: row[1] for row in connection.execute(text(NAMED[WORKFLOWS[workflow].table]))}
