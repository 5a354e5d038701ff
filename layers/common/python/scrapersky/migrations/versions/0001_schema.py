"""The schema: the tables (0001_schema.sql), protection.sql, changes.sql, and the guard of every watched field.

Revision: 0001, the first.
"""

from pathlib import Path

from alembic import op

from scrapersky.migrations import guard

revision = "0001"
down_revision = None

WATCHED = (
    ("domains", "status", "metadata"),
    ("domains", "sitemap_analysis_status", "submission"),
    ("sitemaps", "status", "discovery"),
    ("sitemap_files", "sitemap_import_status", "import"),
    ("place_searches", "status", "place_search"),
    ("places", "deep_scan_status", "deep_scan"),
    ("pages", "page_reading_status", "page_reading"),
    ("local_businesses", "domain_extraction_status", "domain_extraction"),
    ("contacts", "email_check_status", "email_check"),
    ("exports", "status", "export"),
)
TABLES = """attempts, changes, contact_sources, contacts, domains, erasures, exports, host_leases, idempotency_keys, labels,
    local_businesses, mail_domains, pages, paid_calls, pauses, pending_attempt_checks, place_searches, places,
    places_found, service_controls, sitemap_files, sitemaps, status_events, suppressions"""
PROTECTION = Path(guard.FILE).with_name("protection.sql")
CHANGES = PROTECTION.with_name("changes.sql")
FUNCTIONS = """keep_change(), change_facts(), change_contacts(), change_contact(), erase_subject(text[], text, text),
    erase_everywhere(text[]), find_subject(text[]), subject_pattern(text[]),
    text_columns(), keep_suppressed_out(), mask_facts(), mask_phone(), read_suppressions(),
    suppressible(text, text), without_suppressed(text), mentioned(text), mention(text),
    spelling_of(text), is_suppressed(text), suppression_hashes(text),
    suppression_names(text), suppression_hash(text)"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    connection.exec_driver_sql(PROTECTION.read_text(encoding="utf-8"))
    connection.exec_driver_sql(CHANGES.read_text(encoding="utf-8"))
    guard.install(connection, WATCHED)


def downgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(f"DROP TABLE {TABLES}")
    connection.exec_driver_sql(f"DROP FUNCTION {FUNCTIONS}")
    guard.remove(connection, WATCHED)
    connection.exec_driver_sql("DROP TYPE work_status, curation_status")
