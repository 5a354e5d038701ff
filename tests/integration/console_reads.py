"""What the console's pages read, with the rows that the statements of each may read in total."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, TextClause

from api.console import queries
from scrapersky.runtime.registry import IMPORT, METADATA
from scrapersky.settings import Settings
from scrapersky.status.workflow import Workflow
from tests.integration.large import CODES, ERRORS, LIVE, QUEUED, TENANTS
from tests.integration.verbs import VERBS, Verb

PAGE = queries.ROWS + 1
READ_BY_VERBS = sum(VERBS[name][1] for name in ("gauges", "control state", "cheap invariants"))
CARD = READ_BY_VERBS - QUEUED + queries.QUEUED + ERRORS + 2 * CODES
MAX_ID = 2**63 - 1


def _card(workflow: Workflow) -> Verb:
    def read(connection: Connection) -> Any:
        activity = connection.execute(queries.ACTIVITY, {"most": queries.ATTEMPTS}).mappings().all()
        return queries.read_card(connection, workflow, Settings(), activity, datetime.now(UTC), 1)

    return read


def _executed(statement: TextClause, **values: Any) -> Verb:
    return lambda connection: connection.execute(statement, values).all()


def _queue(due: str, until: str) -> Verb:
    return lambda connection: queries.read_queue(connection, METADATA, due=due, until=until, after=0)


QUEUE = 2 * TENANTS + TENANTS * PAGE + 2 * PAGE
HOSTS: dict[str, Any] = {"codes": ["http_404", "http_410"], "most": queries.NEWEST}
READS: Mapping[str, tuple[Verb, int]] = {
    "a card of the overview": (_card(METADATA), CARD + queries.NEWEST),
    "a card of records with hosts": (_card(IMPORT), CARD + queries.NEWEST),
    "the waiting records": (_queue("-infinity", "now"), QUEUE),
    "the records to be retried": (_queue("now", "infinity"), QUEUE),
    "the live attempts": (lambda c: queries.read_working(c, METADATA, after=0), LIVE + PAGE),
    "the newest ended attempts": (
        lambda c: queries.read_ended(c, METADATA, before=MAX_ID), 2 * queries.ATTEMPTS + 2 * PAGE,
    ),
    "the hosts of errors": (_executed(IMPORT.statement(queries.HOSTS), **HOSTS), 2 * (queries.NEWEST + 3)),
    "what people requested": (_executed(queries.PEOPLE, before=MAX_ID, most=2_000), 4_000),
    "pauses": (_executed(queries.PAUSES, limit=50), 50),
    "suppressions": (_executed(queries.SUPPRESSIONS, limit=50, most=2_000), 4_000),
    "erasures": (_executed(queries.ERASURES, limit=50), 50),
    "the contacts of leads": (_executed(queries.CONTACTS, ids=list(range(1, 51)), limit=20), 2_100),
    "the lineage of the domain with most files": (
        lambda c: queries.read_lineage(c, {"id": 1}, "domains"), 8 * queries.LINES,
    ),
    "the lineage of a place": (
        lambda c: queries.read_lineage(c, {"id": 1, "place_id": "p1"}, "places"), 8 * queries.LINES,
    ),
}  # fmt: skip
