"""The tables, their natural keys, the two vocabularies and the checks of every watched field.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

WORK_STATUS = postgresql.ENUM(
    "New", "Queued", "Processing", "Completed", "Error", name="work_status", create_type=False
)
CURATION_STATUS = postgresql.ENUM(
    "New", "Selected", "Maybe", "Not a Fit", "Archived", name="curation_status", create_type=False
)
AUTOVACUUM = {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"}
WATCHED_STORAGE = {"fillfactor": "85", **AUTOVACUUM}
# What is queued or live changes a thousandfold between two ANALYZEs: the planner is to assume the same always.
UNCOUNTED = (
    ("attempts", "finished_at"),
    ("domains", "due_at"),
    ("domains", "sitemap_analysis_due_at"),
    ("places", "deep_scan_due_at"),
    ("local_businesses", "domain_extraction_due_at"),
    ("sitemaps", "due_at"),
    ("sitemap_files", "sitemap_import_due_at"),
)


def upgrade() -> None:
    for vocabulary in (WORK_STATUS, CURATION_STATUS):
        vocabulary.create(op.get_bind())
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False, comment="schedule | manual"),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="AttemptOutcome"),
        sa.Column("code", sa.Text(), nullable=True, comment="what exactly: imported, empty, http_404, timeout, …"),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True, comment="function name and version"),
        sa.Column("request_id", sa.Text(), nullable=True, comment="Lambda request that started it"),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (outcome IS NULL)", name=op.f("ck_attempts_outcome_exactly_when_finished")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempts")),
        postgresql_with={"fillfactor": "80", **AUTOVACUUM},
    )
    op.create_index("ix_attempts_history", "attempts", ["workflow", "record_id", "attempt_id"], unique=False)
    op.create_index(
        "uq_attempts_one_live",
        "attempts",
        ["workflow", "record_id"],
        unique=True,
        postgresql_where="finished_at IS NULL",
    )
    op.create_table(
        "domains",
        sa.Column(
            "domain", sa.Text(), nullable=False, comment="lower case, punycode, no scheme, port, path or leading www."
        ),
        sa.Column("final_url", sa.Text(), nullable=True, comment="where the redirects of the home page ended"),
        sa.Column("http_status", sa.SmallInteger(), nullable=True),
        sa.Column("last_scan", sa.DateTime(timezone=True), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True, comment="BCP 47, as the page declares it"),
        sa.Column("favicon_url", sa.Text(), nullable=True),
        sa.Column("logo_url", sa.Text(), nullable=True),
        sa.Column("generator", sa.Text(), nullable=True),
        sa.Column("is_wordpress", sa.Boolean(), nullable=True),
        sa.Column("wordpress_version", sa.Text(), nullable=True),
        sa.Column("has_elementor", sa.Boolean(), nullable=True),
        sa.Column("elementor_version", sa.Text(), nullable=True),
        sa.Column(
            "tech_stack",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment='[{"category", "name", "version", "evidence"}]',
        ),
        sa.Column("email_addresses", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("phone_numbers", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("facebook_url", sa.Text(), nullable=True),
        sa.Column("twitter_url", sa.Text(), nullable=True),
        sa.Column("linkedin_url", sa.Text(), nullable=True),
        sa.Column("instagram_url", sa.Text(), nullable=True),
        sa.Column("youtube_url", sa.Text(), nullable=True),
        sa.Column("tiktok_url", sa.Text(), nullable=True),
        sa.Column("pinterest_url", sa.Text(), nullable=True),
        sa.Column(
            "organisation",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment='from JSON-LD: {"name", "address", "opening_hours", …}',
        ),
        sa.Column("meta_json", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("sitemap_curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("status", WORK_STATUS, server_default="New", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sitemap_analysis_status", WORK_STATUS, server_default="New", nullable=False),
        sa.Column("sitemap_analysis_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sitemap_analysis_failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("sitemap_analysis_error_code", sa.Text(), nullable=True),
        sa.Column("sitemap_analysis_error", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tenant",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="whose record it is; claims are fair between them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(sitemap_analysis_status = 'Error') = (sitemap_analysis_error_code IS NOT NULL)",
            name=op.f("ck_domains_sitemap_analysis_error_code_exactly_when_error"),
        ),
        sa.CheckConstraint(
            "(sitemap_analysis_status = 'Queued') = (sitemap_analysis_due_at IS NOT NULL)",
            name=op.f("ck_domains_sitemap_analysis_due_at_exactly_when_queued"),
        ),
        sa.CheckConstraint(
            "(status = 'Error') = (error_code IS NOT NULL)", name=op.f("ck_domains_error_code_exactly_when_error")
        ),
        sa.CheckConstraint(
            "(status = 'Queued') = (due_at IS NOT NULL)", name=op.f("ck_domains_due_at_exactly_when_queued")
        ),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_domains_failures_not_negative")),
        sa.CheckConstraint("length(error) <= 1024", name=op.f("ck_domains_error_is_short")),
        sa.CheckConstraint(
            "length(sitemap_analysis_error) <= 1024", name=op.f("ck_domains_sitemap_analysis_error_is_short")
        ),
        sa.CheckConstraint(
            "sitemap_analysis_failures >= 0", name=op.f("ck_domains_sitemap_analysis_failures_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("domain", name=op.f("uq_domains_domain")),
        postgresql_with=WATCHED_STORAGE,
    )
    op.create_index(
        "ix_domains_error_code",
        "domains",
        ["error_code", "id"],
        unique=False,
        postgresql_where="error_code IS NOT NULL",
    )
    op.create_index(
        "ix_domains_sitemap_analysis_error_code",
        "domains",
        ["sitemap_analysis_error_code", "id"],
        unique=False,
        postgresql_where="sitemap_analysis_error_code IS NOT NULL",
    )
    op.create_index(
        "ix_domains_due", "domains", ["tenant", "due_at", "id"], unique=False, postgresql_where="due_at IS NOT NULL"
    )
    op.create_index(
        "ix_domains_sitemap_analysis_due",
        "domains",
        ["tenant", "sitemap_analysis_due_at", "id"],
        unique=False,
        postgresql_where="sitemap_analysis_due_at IS NOT NULL",
    )
    op.create_table(
        "paid_calls",
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("budget", "day", "key", name=op.f("pk_paid_calls")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "places",
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("formatted_address", sa.Text(), nullable=True),
        sa.Column("search_query", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("moved_to_place_id", sa.Text(), nullable=True, comment="Google's id for the same place after a move"),
        sa.Column("curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("deep_scan_status", WORK_STATUS, server_default="New", nullable=False),
        sa.Column("deep_scan_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deep_scan_failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("deep_scan_error_code", sa.Text(), nullable=True),
        sa.Column("deep_scan_error", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tenant",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="whose record it is; claims are fair between them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(deep_scan_status = 'Error') = (deep_scan_error_code IS NOT NULL)",
            name=op.f("ck_places_deep_scan_error_code_exactly_when_error"),
        ),
        sa.CheckConstraint(
            "(deep_scan_status = 'Queued') = (deep_scan_due_at IS NOT NULL)",
            name=op.f("ck_places_deep_scan_due_at_exactly_when_queued"),
        ),
        sa.CheckConstraint("deep_scan_failures >= 0", name=op.f("ck_places_deep_scan_failures_not_negative")),
        sa.CheckConstraint("length(deep_scan_error) <= 1024", name=op.f("ck_places_deep_scan_error_is_short")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
        sa.UniqueConstraint("place_id", name=op.f("uq_places_place_id")),
        postgresql_with=WATCHED_STORAGE,
    )
    op.create_index(
        "ix_places_deep_scan_error_code",
        "places",
        ["deep_scan_error_code", "id"],
        unique=False,
        postgresql_where="deep_scan_error_code IS NOT NULL",
    )
    op.create_index(
        "ix_places_deep_scan_due",
        "places",
        ["tenant", "deep_scan_due_at", "id"],
        unique=False,
        postgresql_where="deep_scan_due_at IS NOT NULL",
    )
    op.create_table(
        "service_controls",
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "paused_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null while paused: paused until resumed",
        ),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("last_tick_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("workflow", name=op.f("pk_service_controls")),
    )
    op.create_table(
        "status_events",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", WORK_STATUS, nullable=True),
        sa.Column("to_status", WORK_STATUS, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "actor",
            sa.Text(),
            nullable=False,
            comment="scrapersky.actor, else application_name, else the role",
        ),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_status_events")),
    )
    op.create_index("ix_status_events_record", "status_events", ["workflow", "record_id", "event_id"], unique=False)
    op.create_table(
        "local_businesses",
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("business_name", sa.Text(), nullable=True),
        sa.Column("full_address", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("zip", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True, comment="ISO 3166-1 alpha-2"),
        sa.Column("phone", sa.Text(), nullable=True, comment="E.164 where Google knows the country, else as given"),
        sa.Column("website_url", sa.Text(), nullable=True),
        sa.Column("maps_url", sa.Text(), nullable=True),
        sa.Column("rating", sa.Double(), nullable=True),
        sa.Column("reviews_count", sa.BigInteger(), nullable=True),
        sa.Column("price_level", sa.SmallInteger(), nullable=True, comment="0 free … 4 very expensive"),
        sa.Column("main_category", sa.Text(), nullable=True),
        sa.Column("extra_categories", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("utc_offset_minutes", sa.SmallInteger(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True, comment="IANA name"),
        sa.Column("business_status", sa.Text(), nullable=True),
        sa.Column(
            "opening_hours",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment='per day: {"monday": [["09:00", "17:00"]], …}; an empty list is closed',
        ),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("domain_id", sa.BigInteger(), nullable=True),
        sa.Column("curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("domain_extraction_status", WORK_STATUS, server_default="New", nullable=False),
        sa.Column("domain_extraction_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("domain_extraction_failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("domain_extraction_error_code", sa.Text(), nullable=True),
        sa.Column("domain_extraction_error", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tenant",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="whose record it is; claims are fair between them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(domain_extraction_status = 'Error') = (domain_extraction_error_code IS NOT NULL)",
            name=op.f("ck_local_businesses_domain_extraction_error_code_exactly_when_error"),
        ),
        sa.CheckConstraint(
            "(domain_extraction_status = 'Queued') = (domain_extraction_due_at IS NOT NULL)",
            name=op.f("ck_local_businesses_domain_extraction_due_at_exactly_when_queued"),
        ),
        sa.CheckConstraint(
            "domain_extraction_failures >= 0", name=op.f("ck_local_businesses_domain_extraction_failures_not_negative")
        ),
        sa.CheckConstraint(
            "length(domain_extraction_error) <= 1024", name=op.f("ck_local_businesses_domain_extraction_error_is_short")
        ),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_local_businesses_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_businesses")),
        sa.UniqueConstraint("place_id", name=op.f("uq_local_businesses_place_id")),
        postgresql_with=WATCHED_STORAGE,
    )
    op.create_index(
        "ix_local_businesses_domain_extraction_error_code",
        "local_businesses",
        ["domain_extraction_error_code", "id"],
        unique=False,
        postgresql_where="domain_extraction_error_code IS NOT NULL",
    )
    op.create_index(
        "ix_local_businesses_domain_extraction_due",
        "local_businesses",
        ["tenant", "domain_extraction_due_at", "id"],
        unique=False,
        postgresql_where="domain_extraction_due_at IS NOT NULL",
    )
    op.create_index(op.f("ix_local_businesses_domain_id"), "local_businesses", ["domain_id"], unique=False)
    op.create_table(
        "sitemaps",
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("files_found", sa.Integer(), nullable=True, comment="valid sitemap files of the last scan"),
        sa.Column("requests_made", sa.Integer(), nullable=True),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "report",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment='everything tried: [{"url", "method", "result", "http_status", "type", "urls"}]',
        ),
        sa.Column("curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("status", WORK_STATUS, server_default="New", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tenant",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="whose record it is; claims are fair between them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'Error') = (error_code IS NOT NULL)", name=op.f("ck_sitemaps_error_code_exactly_when_error")
        ),
        sa.CheckConstraint(
            "(status = 'Queued') = (due_at IS NOT NULL)", name=op.f("ck_sitemaps_due_at_exactly_when_queued")
        ),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_sitemaps_failures_not_negative")),
        sa.CheckConstraint("length(error) <= 1024", name=op.f("ck_sitemaps_error_is_short")),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_sitemaps_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitemaps")),
        sa.UniqueConstraint("domain_id", name=op.f("uq_sitemaps_domain_id")),
        postgresql_with=WATCHED_STORAGE,
    )
    op.create_index(
        "ix_sitemaps_error_code",
        "sitemaps",
        ["error_code", "id"],
        unique=False,
        postgresql_where="error_code IS NOT NULL",
    )
    op.create_index(
        "ix_sitemaps_due", "sitemaps", ["tenant", "due_at", "id"], unique=False, postgresql_where="due_at IS NOT NULL"
    )
    op.create_table(
        "sitemap_files",
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("sitemap_id", sa.BigInteger(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("parent_url", sa.Text(), nullable=True, comment="the index or page that named it"),
        sa.Column("sitemap_type", sa.Text(), nullable=True, comment="SitemapType"),
        sa.Column("discovery_method", sa.Text(), nullable=False, comment="DiscoveryMethod"),
        sa.Column("http_status", sa.SmallInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True, comment="as sent, before unpacking"),
        sa.Column("url_count", sa.Integer(), nullable=True),
        sa.Column("has_lastmod", sa.Boolean(), nullable=True),
        sa.Column("is_gzip", sa.Boolean(), nullable=True),
        sa.Column("is_valid", sa.Boolean(), nullable=True),
        sa.Column("invalid_reason", sa.Text(), nullable=True),
        sa.Column(
            "broken_at", sa.Text(), nullable=True, comment="where the body broke, when only a part could be read"
        ),
        sa.Column("etag", sa.Text(), nullable=True, comment="of the last import, for a conditional GET"),
        sa.Column("last_modified", sa.Text(), nullable=True, comment="the Last-Modified header of the last import"),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pages_found", sa.Integer(), nullable=True, comment="distinct pages of the last import"),
        sa.Column("curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("sitemap_import_status", WORK_STATUS, server_default="New", nullable=False),
        sa.Column("sitemap_import_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sitemap_import_failures", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("sitemap_import_error_code", sa.Text(), nullable=True),
        sa.Column("sitemap_import_error", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tenant",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="whose record it is; claims are fair between them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(sitemap_import_status = 'Error') = (sitemap_import_error_code IS NOT NULL)",
            name=op.f("ck_sitemap_files_sitemap_import_error_code_exactly_when_error"),
        ),
        sa.CheckConstraint(
            "(sitemap_import_status = 'Queued') = (sitemap_import_due_at IS NOT NULL)",
            name=op.f("ck_sitemap_files_sitemap_import_due_at_exactly_when_queued"),
        ),
        sa.CheckConstraint(
            "length(sitemap_import_error) <= 1024", name=op.f("ck_sitemap_files_sitemap_import_error_is_short")
        ),
        sa.CheckConstraint(
            "sitemap_import_failures >= 0", name=op.f("ck_sitemap_files_sitemap_import_failures_not_negative")
        ),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_sitemap_files_domain_id")),
        sa.ForeignKeyConstraint(["sitemap_id"], ["sitemaps.id"], name=op.f("fk_sitemap_files_sitemap_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitemap_files")),
        sa.UniqueConstraint("domain_id", "url", name=op.f("uq_sitemap_files_domain_id_url")),
        postgresql_with=WATCHED_STORAGE,
    )
    op.create_index(
        "ix_sitemap_files_sitemap_import_error_code",
        "sitemap_files",
        ["sitemap_import_error_code", "id"],
        unique=False,
        postgresql_where="sitemap_import_error_code IS NOT NULL",
    )
    op.create_index(op.f("ix_sitemap_files_sitemap_id"), "sitemap_files", ["sitemap_id"], unique=False)
    op.create_index(
        "ix_sitemap_files_sitemap_import_due",
        "sitemap_files",
        ["tenant", "sitemap_import_due_at", "id"],
        unique=False,
        postgresql_where="sitemap_import_due_at IS NOT NULL",
    )
    op.create_index(
        "ix_sitemap_files_sitemap_import_due_by_host",
        "sitemap_files",
        ["tenant", "domain_id", "sitemap_import_due_at", "id"],
        unique=False,
        postgresql_where="sitemap_import_due_at IS NOT NULL",
    )
    op.create_table(
        "pages",
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("sitemap_file_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "url", sa.Text(), nullable=False, comment="WHATWG-serialised, without fragment, at most 2,048 characters"
        ),
        sa.Column("last_modified", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changefreq", sa.Text(), nullable=True),
        sa.Column("priority", sa.Numeric(precision=2, scale=1, asdecimal=False), nullable=True),
        sa.Column("image_count", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("video_count", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("news_count", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("hreflang", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment='{"en-GB": "https://…"}'),
        sa.Column("page_type", sa.Text(), nullable=False),
        sa.Column("path_depth", sa.SmallInteger(), nullable=False),
        sa.Column(
            "other_host",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="listed by the domain, hosted elsewhere",
        ),
        sa.Column("lead_source", sa.Text(), server_default="sitemap_import", nullable=False),
        sa.Column("curation_status", CURATION_STATUS, server_default="New", nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "tenant",
            sa.Text(),
            server_default="default",
            nullable=False,
            comment="whose record it is; claims are fair between them",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_pages_domain_id")),
        sa.ForeignKeyConstraint(["sitemap_file_id"], ["sitemap_files.id"], name=op.f("fk_pages_sitemap_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sa.UniqueConstraint("domain_id", "url", name=op.f("uq_pages_domain_id_url")),
    )
    op.create_index(op.f("ix_pages_sitemap_file_id"), "pages", ["sitemap_file_id"], unique=False)
    for table, column in UNCOUNTED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")


def downgrade() -> None:
    op.drop_index(op.f("ix_pages_sitemap_file_id"), table_name="pages")
    op.drop_table("pages")
    op.drop_index(
        "ix_sitemap_files_sitemap_import_due_by_host",
        table_name="sitemap_files",
        postgresql_where="sitemap_import_due_at IS NOT NULL",
    )
    op.drop_index(
        "ix_sitemap_files_sitemap_import_due",
        table_name="sitemap_files",
        postgresql_where="sitemap_import_due_at IS NOT NULL",
    )
    op.drop_index(op.f("ix_sitemap_files_sitemap_id"), table_name="sitemap_files")
    op.drop_index(
        "ix_sitemap_files_sitemap_import_error_code",
        table_name="sitemap_files",
        postgresql_where="sitemap_import_error_code IS NOT NULL",
    )
    op.drop_table("sitemap_files")
    op.drop_index("ix_sitemaps_due", table_name="sitemaps", postgresql_where="due_at IS NOT NULL")
    op.drop_index("ix_sitemaps_error_code", table_name="sitemaps", postgresql_where="error_code IS NOT NULL")
    op.drop_table("sitemaps")
    op.drop_index(op.f("ix_local_businesses_domain_id"), table_name="local_businesses")
    op.drop_index(
        "ix_local_businesses_domain_extraction_due",
        table_name="local_businesses",
        postgresql_where="domain_extraction_due_at IS NOT NULL",
    )
    op.drop_index(
        "ix_local_businesses_domain_extraction_error_code",
        table_name="local_businesses",
        postgresql_where="domain_extraction_error_code IS NOT NULL",
    )
    op.drop_table("local_businesses")
    op.drop_index("ix_status_events_record", table_name="status_events")
    op.drop_table("status_events")
    op.drop_table("service_controls")
    op.drop_index("ix_places_deep_scan_due", table_name="places", postgresql_where="deep_scan_due_at IS NOT NULL")
    op.drop_index(
        "ix_places_deep_scan_error_code", table_name="places", postgresql_where="deep_scan_error_code IS NOT NULL"
    )
    op.drop_table("places")
    op.drop_table("paid_calls")
    op.drop_index(
        "ix_domains_sitemap_analysis_due", table_name="domains", postgresql_where="sitemap_analysis_due_at IS NOT NULL"
    )
    op.drop_index("ix_domains_due", table_name="domains", postgresql_where="due_at IS NOT NULL")
    op.drop_index("ix_domains_error_code", table_name="domains", postgresql_where="error_code IS NOT NULL")
    op.drop_index(
        "ix_domains_sitemap_analysis_error_code",
        table_name="domains",
        postgresql_where="sitemap_analysis_error_code IS NOT NULL",
    )
    op.drop_table("domains")
    op.drop_index("uq_attempts_one_live", table_name="attempts", postgresql_where="finished_at IS NULL")
    op.drop_index("ix_attempts_history", table_name="attempts")
    op.drop_table("attempts")
    for vocabulary in (WORK_STATUS, CURATION_STATUS):
        vocabulary.drop(op.get_bind())
