"""Housekeeping: remove once a day what is kept for a limited time only, a bounded batch at a time.

Content of Google Places is emptied after ``PLACES_CONTENT_DAYS``; place ids, decisions and what the website says stay.
Contacts that are gone are deleted after ``CONTACTS_GONE_DAYS``. The history of attempts and events is the ticks' matter
(:mod:`scrapersky.status.retention`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from scrapersky.settings import Settings

BATCH = 5_000
"""Rows that one statement changes."""

CONTENT = {
    "local_businesses": (
        "business_name", "full_address", "street", "city", "state", "zip", "country", "phone", "website_url", "maps_url",
        "rating", "reviews_count", "price_level", "main_category", "extra_categories", "latitude", "longitude",
        "utc_offset_minutes", "time_zone", "business_status", "opening_hours", "scanned_at",
    ),
    "places": ("name", "formatted_address", "latitude", "longitude"),
    "place_searches": ("rectangle",),
}  # fmt: skip
"""The columns of each table that only Google fills."""

PLACE_HAS_CONTENT = "(name IS NOT NULL OR formatted_address IS NOT NULL OR latitude IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of ``table`` that are ``old`` (SQL, true from ``since`` plus ``days`` on) are changed by ``change``."""

    name: str
    table: str
    change: str
    since: str
    old: str
    days: int

    def statement(self, head: str) -> str:
        """Return ``head`` for the rows that are old."""
        return f"{head} FROM {self.table} WHERE {self.old} AND {self.since} < now() - make_interval(days => :days)"


def rules(settings: Settings) -> Iterator[Rule]:
    """Yield the rules that ``settings`` switch on. A record that a workflow holds or is about to read is left alone."""
    if days := settings.places_content_days:
        for table, held, since, old in (
            ("local_businesses", "domain_extraction_status", "scanned_at", "scanned_at IS NOT NULL"),
            ("places", "deep_scan_status", "created_at", PLACE_HAS_CONTENT),
            ("place_searches", "status", "located_at", "rectangle IS NOT NULL"),
        ):
            empty = ", ".join(f"{column} = NULL" for column in CONTENT[table])
            idle = f"{old} AND {held} NOT IN ('Queued', 'Processing')"
            yield Rule(table, table, f"UPDATE {table} SET {empty}, updated_at = now()", since, idle, days)
    if days := settings.history_days:
        yield Rule("changes", "changes", "DELETE FROM changes", "at", "true", days)
    if days := settings.contacts_gone_days:
        old = "gone_at IS NOT NULL AND email_check_status <> 'Processing'"
        yield Rule("contacts", "contacts", "DELETE FROM contacts", "gone_at", old, days)


def count(connection: Connection, rule: Rule) -> int:
    """Return how many rows ``rule`` would change now."""
    return int(connection.execute(text(rule.statement("SELECT count(*)")), {"days": rule.days}).scalar_one())


def apply(connection: Connection, rule: Rule, has_time: Callable[[], bool], batch: int = BATCH) -> int:
    """Apply ``rule`` in statements of ``batch`` rows while there ``has_time``; return the rows. Needs AUTOCOMMIT.

    Rows that another transaction holds are left for the next day.
    """
    chosen = rule.statement(f"SELECT {rule.table}.id") + f" ORDER BY {rule.since} LIMIT :batch FOR UPDATE SKIP LOCKED"
    statement = text(f"{rule.change} WHERE id = ANY(ARRAY({chosen}))")
    changed = 0
    while has_time():
        done = connection.execute(statement, {"days": rule.days, "batch": batch}).rowcount
        changed += done
        if done < batch:
            break
    return changed


def overdue_days(connection: Connection, rule: Rule) -> float:
    """Return by how many days the oldest row that ``rule`` has left is overdue; 0 for none."""
    head = f"SELECT coalesce(extract(epoch FROM now() - min({rule.since}))::float8 / 86400 - :days, 0)"
    return float(connection.execute(text(rule.statement(head)), {"days": rule.days}).scalar_one())
