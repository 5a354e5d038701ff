"""The report of a run, as JSON for other programs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.models import Status
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.web.hosts import HostError, normalise_host
from scripts.commands.run import findings
from scripts.commands.run.progress import PIPELINE, Counts, count

OF_SITE = {
    "places": "place_id = :place_id",
    "local_businesses": "place_id = :place_id",
    "domains": "domain = :host",
}
OF_ITS_DOMAIN = "domain_id = (SELECT id FROM domains WHERE domain = :host)"
"""Which records of a watched table belong to a site: by the table, and for all others by their domain."""

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

PAGES = "SELECT count(*) FROM pages JOIN domains ON domains.id = domain_id WHERE domain = :host"


def report(connection: Connection, sites: Mapping[str, str | None], seconds: float) -> dict[str, Any]:
    """Everything about the run. ``sites`` is {the site's name as its owner writes it: its place_id, if it had one}.

    ``{"workflows": {workflow: {status: n}}, "outcomes": {workflow: {code: n}}, "totals": {…}, "seconds", "domains":
    [{"domain", "statuses": {workflow: status}, "error", "sitemap_files": [{"url", "type", "method", "url_count",
    "outcome"}], "pages": n}]}``. The status of ``import`` is the worst of the site's files (New: none is to be imported);
    the outcome of a file that was never imported is what it is instead.
    """
    return {
        "workflows": _plain(count(connection)),
        "outcomes": findings.outcomes(connection),
        "totals": findings.totals(connection),
        "seconds": round(seconds, 1),
        "domains": [_site(connection, name, place_id) for name, place_id in sites.items()],
    }


def _plain(counts: Counts) -> dict[str, dict[str, int]]:
    return {name: {status.value: counts[name].get(status, 0) for status in Status} for name in PIPELINE}


def _site(connection: Connection, name: str, place_id: str | None) -> dict[str, Any]:
    keys = {"place_id": place_id, "host": _host(name)}
    states: dict[str, tuple[Status, str | None, str | None]] = {}
    for workflow in PIPELINE:
        condition = OF_SITE.get(WORKFLOWS[workflow].table, OF_ITS_DOMAIN)
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
    }


def _host(name: str) -> str:
    """Under which a site's domain is kept; of a name that no website can have there is none."""
    try:
        return normalise_host(name)
    except HostError:
        return name
