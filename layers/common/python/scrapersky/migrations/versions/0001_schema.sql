-- The tables of revision 0001, their natural keys, and the CHECKs and indexes of every watched field.
-- The triggers are in guard.sql, next to the folder of this file. A later change is a migration of its own.

CREATE TYPE work_status AS ENUM ('New', 'Queued', 'Processing', 'Completed', 'Error');
CREATE TYPE curation_status AS ENUM ('New', 'Selected', 'Maybe', 'Not a Fit', 'Archived');

-- Columns whose number of rows changes a thousandfold between two ANALYZEs have no statistics, so that plans do not
-- depend on the last one (SET STATISTICS 0).
-- What the status machine reads stands first, because Postgres reads a row from its start: a twentieth of a claim's cost.

CREATE TABLE attempts (
    attempt_id bigint NOT NULL,
    workflow text NOT NULL,
    record_id bigint NOT NULL,
    trigger text NOT NULL,
    dispatched_at timestamptz DEFAULT now() NOT NULL,
    started_at timestamptz,
    lease_until timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    code text,
    detail jsonb,
    worker text,
    request_id text,
    CONSTRAINT pk_attempts PRIMARY KEY (attempt_id),
    CONSTRAINT ck_attempts_outcome_exactly_when_finished CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT ck_attempts_lease_until_in_range CHECK (lease_until BETWEEN '2000-01-01' AND now() + interval '400 days')
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_attempts_history ON attempts (workflow, record_id, attempt_id);
CREATE UNIQUE INDEX uq_attempts_one_live ON attempts (workflow, record_id) WHERE finished_at IS NULL;
COMMENT ON COLUMN attempts.attempt_id IS 'unix seconds * 10^6 + a cycling number';
COMMENT ON COLUMN attempts.trigger IS 'schedule | manual | pull';
ALTER TABLE attempts ALTER COLUMN finished_at SET STATISTICS 0;
COMMENT ON COLUMN attempts.outcome IS 'AttemptOutcome';
COMMENT ON COLUMN attempts.code IS 'what exactly: imported, empty, http_404, timeout, …';
COMMENT ON COLUMN attempts.worker IS 'function name and version';
COMMENT ON COLUMN attempts.request_id IS 'Lambda request that started it';

CREATE TABLE domains (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    sitemap_curation_status curation_status DEFAULT 'New' NOT NULL,
    status work_status DEFAULT 'New' NOT NULL,
    due_at timestamptz,
    failures smallint DEFAULT '0' NOT NULL,
    error_code text,
    error text,
    sitemap_analysis_status work_status DEFAULT 'New' NOT NULL,
    sitemap_analysis_due_at timestamptz,
    sitemap_analysis_failures smallint DEFAULT '0' NOT NULL,
    sitemap_analysis_error_code text,
    sitemap_analysis_error text,
    domain text NOT NULL,
    final_url text,
    http_status smallint,
    last_scan timestamptz,
    title text,
    description text,
    language text,
    favicon_url text,
    logo_url text,
    generator text,
    is_wordpress boolean,
    wordpress_version text,
    has_elementor boolean,
    elementor_version text,
    tech_stack jsonb,
    email_addresses text[],
    phone_numbers text[],
    facebook_url text,
    twitter_url text,
    linkedin_url text,
    instagram_url text,
    youtube_url text,
    tiktok_url text,
    pinterest_url text,
    organisation jsonb,
    meta_json jsonb,
    mentions bigint[],
    CONSTRAINT pk_domains PRIMARY KEY (id),
    CONSTRAINT uq_domains_domain UNIQUE (domain),
    CONSTRAINT ck_domains_due_at_exactly_when_queued CHECK ((status = 'Queued') = (due_at IS NOT NULL)),
    CONSTRAINT ck_domains_due_at_in_range CHECK (due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_domains_error_code_exactly_when_error CHECK ((status = 'Error') = (error_code IS NOT NULL)),
    CONSTRAINT ck_domains_error_is_short CHECK (length(error) <= 1024),
    CONSTRAINT ck_domains_failures_not_negative CHECK (failures >= 0),
    CONSTRAINT ck_domains_sitemap_analysis_due_at_exactly_when_queued CHECK ((sitemap_analysis_status = 'Queued') = (sitemap_analysis_due_at IS NOT NULL)),
    CONSTRAINT ck_domains_sitemap_analysis_due_at_in_range CHECK (sitemap_analysis_due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_domains_sitemap_analysis_error_code_exactly_when_error CHECK ((sitemap_analysis_status = 'Error') = (sitemap_analysis_error_code IS NOT NULL)),
    CONSTRAINT ck_domains_sitemap_analysis_error_is_short CHECK (length(sitemap_analysis_error) <= 1024),
    CONSTRAINT ck_domains_sitemap_analysis_failures_not_negative CHECK (sitemap_analysis_failures >= 0)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_domains_tenant_id ON domains (tenant, id);
CREATE INDEX ix_domains_label ON domains (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_domains_curated ON domains (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_domains_http_status ON domains (http_status, id);
CREATE INDEX ix_domains_with_email ON domains (id) WHERE email_addresses IS NOT NULL;
CREATE INDEX ix_domains_with_phone ON domains (id) WHERE phone_numbers IS NOT NULL;
CREATE INDEX ix_domains_last_scan ON domains (last_scan, id);
CREATE INDEX ix_domains_mentions ON domains USING gin (mentions) WHERE mentions IS NOT NULL;
CREATE INDEX ix_domains_due ON domains (tenant, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX ix_domains_error_code ON domains (error_code, id) WHERE error_code IS NOT NULL;
CREATE INDEX ix_domains_sitemap_analysis_due ON domains (tenant, sitemap_analysis_due_at, id) WHERE sitemap_analysis_due_at IS NOT NULL;
CREATE INDEX ix_domains_sitemap_analysis_error_code ON domains (sitemap_analysis_error_code, id) WHERE sitemap_analysis_error_code IS NOT NULL;
COMMENT ON COLUMN domains.domain IS 'lower case, punycode, no scheme, port, path or leading www.';
COMMENT ON COLUMN domains.final_url IS 'where the redirects of the home page ended';
COMMENT ON COLUMN domains.language IS 'BCP 47, as the page declares it';
COMMENT ON COLUMN domains.tech_stack IS '[{"category", "name", "version", "evidence"}]';
COMMENT ON COLUMN domains.organisation IS 'from JSON-LD: {"name", "address", "opening_hours", …}';
ALTER TABLE domains ALTER COLUMN due_at SET STATISTICS 0;
ALTER TABLE domains ALTER COLUMN sitemap_analysis_due_at SET STATISTICS 0;
COMMENT ON COLUMN domains.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN domains.label IS 'of the list that brought it in; hand-offs carry it along';
COMMENT ON COLUMN domains.mentions IS 'mention() of each address and number in the facts';

CREATE TABLE erasures (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY,
    workflow text NOT NULL,
    record_ids bigint[] NOT NULL,
    at timestamptz DEFAULT now() NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    attempts bigint DEFAULT '0' NOT NULL,
    events bigint DEFAULT '0' NOT NULL,
    changed jsonb,
    CONSTRAINT pk_erasures PRIMARY KEY (erasure_id)
);
COMMENT ON COLUMN erasures.attempts IS 'attempts whose detail was removed';
COMMENT ON COLUMN erasures.workflow IS '* for an erasure in every table';
COMMENT ON COLUMN erasures.events IS 'events whose reason was removed';
COMMENT ON COLUMN erasures.changed IS 'rows changed by table, for an erasure in every table';

CREATE TABLE exports (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    status work_status DEFAULT 'New' NOT NULL,
    due_at timestamptz,
    failures smallint DEFAULT '0' NOT NULL,
    error_code text,
    error text,
    object_key text NOT NULL,
    resource text NOT NULL,
    format text NOT NULL,
    filters jsonb NOT NULL,
    bom boolean NOT NULL,
    row_count bigint,
    size_bytes bigint,
    read_from timestamptz,
    written_at timestamptz,
    CONSTRAINT pk_exports PRIMARY KEY (id),
    CONSTRAINT uq_exports_object_key UNIQUE (object_key),
    CONSTRAINT ck_exports_due_at_exactly_when_queued CHECK ((status = 'Queued') = (due_at IS NOT NULL)),
    CONSTRAINT ck_exports_due_at_in_range CHECK (due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_exports_error_code_exactly_when_error CHECK ((status = 'Error') = (error_code IS NOT NULL)),
    CONSTRAINT ck_exports_error_is_short CHECK (length(error) <= 1024),
    CONSTRAINT ck_exports_failures_not_negative CHECK (failures >= 0)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_exports_tenant_id ON exports (tenant, id);
CREATE INDEX ix_exports_due ON exports (tenant, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX ix_exports_error_code ON exports (error_code, id) WHERE error_code IS NOT NULL;
COMMENT ON COLUMN exports.object_key IS 'of the file in the bucket';
COMMENT ON COLUMN exports.resource IS 'the table whose records it has';
COMMENT ON COLUMN exports.format IS 'csv | ndjson | xlsx';
COMMENT ON COLUMN exports.bom IS 'a csv starts with a byte order mark';
COMMENT ON COLUMN exports.read_from IS 'when reading its rows began';
ALTER TABLE exports ALTER COLUMN due_at SET STATISTICS 0;
COMMENT ON COLUMN exports.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN exports.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE host_leases (
    host text NOT NULL,
    holder text,
    held_until timestamptz NOT NULL,
    CONSTRAINT pk_host_leases PRIMARY KEY (host)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_host_leases_held_until ON host_leases (held_until);
COMMENT ON COLUMN host_leases.host IS 'without a leading www.';
COMMENT ON COLUMN host_leases.holder IS 'the invocation that leases it; null: it cools down';

CREATE TABLE idempotency_keys (
    caller text NOT NULL,
    key text NOT NULL,
    request_hash text NOT NULL,
    answer jsonb,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (caller, key)
);
CREATE INDEX ix_idempotency_keys_expires_at ON idempotency_keys (expires_at);
COMMENT ON COLUMN idempotency_keys.request_hash IS 'SHA-256 of method, path and body';
COMMENT ON COLUMN idempotency_keys.answer IS 'null only within the transaction of the write';

CREATE TABLE labels (
    tenant text NOT NULL,
    label text NOT NULL,
    tables text[] NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    look_after timestamptz DEFAULT now() NOT NULL,
    done_at timestamptz,
    CONSTRAINT pk_labels PRIMARY KEY (tenant, label)
);
CREATE INDEX ix_labels_not_done ON labels (opened_at) WHERE done_at IS NULL;
COMMENT ON COLUMN labels.tables IS 'through which records came in';
COMMENT ON COLUMN labels.opened_at IS 'when records came in last';
COMMENT ON COLUMN labels.look_after IS 'no tick looks for its end before';
COMMENT ON COLUMN labels.done_at IS 'when all of them had ended; null again when more come in';

CREATE TABLE paid_calls (
    budget text NOT NULL,
    day date NOT NULL,
    key text NOT NULL,
    calls integer NOT NULL,
    CONSTRAINT pk_paid_calls PRIMARY KEY (budget, day, key)
) WITH (fillfactor = 50);

CREATE TABLE pauses (
    pause_id bigint GENERATED ALWAYS AS IDENTITY,
    workflow text NOT NULL,
    paused_at timestamptz DEFAULT now() NOT NULL,
    paused_until timestamptz,
    paused_by text NOT NULL,
    pause_reason text NOT NULL,
    resumed_at timestamptz,
    resumed_by text,
    resume_reason text,
    CONSTRAINT pk_pauses PRIMARY KEY (pause_id),
    CONSTRAINT ck_pauses_resumed_by_exactly_when_resumed CHECK ((resumed_at IS NULL) = (resumed_by IS NULL))
);
CREATE UNIQUE INDEX uq_pauses_one_open ON pauses (workflow) WHERE resumed_at IS NULL;
COMMENT ON COLUMN pauses.paused_until IS 'null: until it is resumed';

CREATE TABLE pending_attempt_checks (
    workflow text NOT NULL,
    record_id bigint NOT NULL,
    attempt_id bigint NOT NULL,
    CONSTRAINT pk_pending_attempt_checks PRIMARY KEY (workflow, record_id, attempt_id)
);

CREATE TABLE places (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    deep_scan_status work_status DEFAULT 'New' NOT NULL,
    deep_scan_due_at timestamptz,
    deep_scan_failures smallint DEFAULT '0' NOT NULL,
    deep_scan_error_code text,
    deep_scan_error text,
    place_id text NOT NULL,
    name text,
    formatted_address text,
    search_query text,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    moved_to_place_id text,
    CONSTRAINT pk_places PRIMARY KEY (id),
    CONSTRAINT uq_places_place_id UNIQUE (place_id),
    CONSTRAINT ck_places_deep_scan_due_at_exactly_when_queued CHECK ((deep_scan_status = 'Queued') = (deep_scan_due_at IS NOT NULL)),
    CONSTRAINT ck_places_deep_scan_due_at_in_range CHECK (deep_scan_due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_places_deep_scan_error_code_exactly_when_error CHECK ((deep_scan_status = 'Error') = (deep_scan_error_code IS NOT NULL)),
    CONSTRAINT ck_places_deep_scan_error_is_short CHECK (length(deep_scan_error) <= 1024),
    CONSTRAINT ck_places_deep_scan_failures_not_negative CHECK (deep_scan_failures >= 0)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_places_tenant_id ON places (tenant, id);
CREATE INDEX ix_places_label ON places (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_places_curated ON places (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_places_search_query ON places (search_query, id);
CREATE INDEX ix_places_deep_scan_due ON places (tenant, deep_scan_due_at, id) WHERE deep_scan_due_at IS NOT NULL;
CREATE INDEX ix_places_deep_scan_error_code ON places (deep_scan_error_code, id) WHERE deep_scan_error_code IS NOT NULL;
CREATE INDEX ix_places_content ON places (created_at) WHERE name IS NOT NULL OR formatted_address IS NOT NULL OR latitude IS NOT NULL;
COMMENT ON COLUMN places.moved_to_place_id IS 'Google''s id for the same place after a move';
ALTER TABLE places ALTER COLUMN deep_scan_due_at SET STATISTICS 0;
COMMENT ON COLUMN places.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN places.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE place_searches (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    status work_status DEFAULT 'New' NOT NULL,
    due_at timestamptz,
    failures smallint DEFAULT '0' NOT NULL,
    error_code text,
    error text,
    text text NOT NULL,
    area text NOT NULL,
    tile text DEFAULT '' NOT NULL,
    name text GENERATED ALWAYS AS (text || ' in ' || area || CASE WHEN tile = '' THEN '' ELSE ', tile ' || tile END) STORED NOT NULL,
    parent_id bigint,
    root_id bigint,
    rectangle DOUBLE PRECISION[],
    located_at timestamptz,
    is_split boolean DEFAULT 'false' NOT NULL,
    places_found bigint,
    searched_at timestamptz,
    CONSTRAINT pk_place_searches PRIMARY KEY (id),
    CONSTRAINT uq_place_searches_name UNIQUE (name),
    CONSTRAINT ck_place_searches_tile_has_a_root CHECK ((tile = '') = (root_id IS NULL) AND (tile = '') = (parent_id IS NULL)),
    CONSTRAINT ck_place_searches_tile_is_a_part CHECK (tile ~ '^t?[a-d]*$'),
    CONSTRAINT ck_place_searches_rectangle_has_four_sides CHECK (cardinality(rectangle) = 4),
    CONSTRAINT ck_place_searches_due_at_exactly_when_queued CHECK ((status = 'Queued') = (due_at IS NOT NULL)),
    CONSTRAINT ck_place_searches_due_at_in_range CHECK (due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_place_searches_error_code_exactly_when_error CHECK ((status = 'Error') = (error_code IS NOT NULL)),
    CONSTRAINT ck_place_searches_error_is_short CHECK (length(error) <= 1024),
    CONSTRAINT ck_place_searches_failures_not_negative CHECK (failures >= 0),
    CONSTRAINT fk_place_searches_parent_id FOREIGN KEY(parent_id) REFERENCES place_searches (id),
    CONSTRAINT fk_place_searches_root_id FOREIGN KEY(root_id) REFERENCES place_searches (id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_place_searches_tenant_id ON place_searches (tenant, id);
CREATE INDEX ix_place_searches_label ON place_searches (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_place_searches_curated ON place_searches (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_place_searches_searches ON place_searches (id) WHERE root_id IS NULL;
CREATE INDEX ix_place_searches_root_id ON place_searches (root_id, id);
CREATE INDEX ix_place_searches_parent_id ON place_searches (parent_id);
CREATE INDEX ix_place_searches_content ON place_searches (located_at) WHERE rectangle IS NOT NULL;
CREATE INDEX ix_place_searches_due ON place_searches (tenant, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX ix_place_searches_error_code ON place_searches (error_code, id) WHERE error_code IS NOT NULL;
COMMENT ON COLUMN place_searches.text IS 'what is searched: bakeries';
COMMENT ON COLUMN place_searches.area IS 'the name of a town, or south,west,north,east';
COMMENT ON COLUMN place_searches.tile IS 'which part of the area: t the town, a to d its quarters';
COMMENT ON COLUMN place_searches.root_id IS 'the search of a tile; it pays the tile''s calls';
COMMENT ON COLUMN place_searches.rectangle IS 'of a tile: {south, west, north, east} in degrees';
COMMENT ON COLUMN place_searches.located_at IS 'when Google gave the rectangle of the town';
COMMENT ON COLUMN place_searches.is_split IS 'its tiles are searched, not itself';
COMMENT ON COLUMN place_searches.places_found IS 'by the last run of this record';
ALTER TABLE place_searches ALTER COLUMN due_at SET STATISTICS 0;
COMMENT ON COLUMN place_searches.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN place_searches.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE places_found (
    search_id bigint NOT NULL,
    place_id bigint NOT NULL,
    first_found timestamptz DEFAULT now() NOT NULL,
    last_found timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_places_found PRIMARY KEY (search_id, place_id),
    CONSTRAINT fk_places_found_search_id FOREIGN KEY(search_id) REFERENCES place_searches (id) ON DELETE CASCADE,
    CONSTRAINT fk_places_found_place_id FOREIGN KEY(place_id) REFERENCES places (id) ON DELETE CASCADE
);
CREATE INDEX ix_places_found_place_id ON places_found (place_id);
COMMENT ON COLUMN places_found.search_id IS 'the search, not its tile';

CREATE TABLE service_controls (
    workflow text NOT NULL,
    last_tick_at timestamptz NOT NULL,
    refreshed_at timestamptz,
    refreshed_id bigint,
    CONSTRAINT pk_service_controls PRIMARY KEY (workflow)
);

COMMENT ON COLUMN service_controls.refreshed_at IS 'where the last refresh stopped, with refreshed_id';

CREATE TABLE status_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY,
    workflow text NOT NULL,
    record_id bigint NOT NULL,
    from_status work_status,
    to_status work_status NOT NULL,
    at timestamptz DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    attempt_id bigint,
    reason text,
    error_code text,
    CONSTRAINT pk_status_events PRIMARY KEY (workflow, record_id, event_id)
);
CREATE INDEX ix_status_events_at ON status_events USING brin (at) WITH (autosummarize = on);
CREATE INDEX ix_status_events_people ON status_events (event_id) WHERE reason NOT LIKE 'handed off by %' AND reason NOT LIKE 'last read more than %';
COMMENT ON COLUMN status_events.actor IS 'scrapersky.actor, else application_name, else the role';

CREATE TABLE suppressions (
    hash text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_suppressions PRIMARY KEY (hash),
    CONSTRAINT ck_suppressions_kind_is_known CHECK (kind IN ('email', 'phone', 'domain')),
    CONSTRAINT ck_suppressions_hash_is_sha256 CHECK (hash ~ '^[0-9a-f]{64}$')
);
CREATE INDEX ix_suppressions_at ON suppressions (at);
COMMENT ON COLUMN suppressions.hash IS 'SHA-256 of the normalised value';

CREATE TABLE local_businesses (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    business_status text,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    domain_extraction_status work_status DEFAULT 'New' NOT NULL,
    domain_extraction_due_at timestamptz,
    domain_extraction_failures smallint DEFAULT '0' NOT NULL,
    domain_extraction_error_code text,
    domain_extraction_error text,
    place_id text NOT NULL,
    business_name text,
    full_address text,
    street text,
    city text,
    state text,
    zip text,
    country text,
    phone text,
    website_url text,
    maps_url text,
    rating DOUBLE PRECISION,
    reviews_count bigint,
    price_level smallint,
    main_category text,
    extra_categories text[],
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    utc_offset_minutes smallint,
    time_zone text,
    opening_hours jsonb,
    scanned_at timestamptz,
    domain_id bigint,
    CONSTRAINT pk_local_businesses PRIMARY KEY (id),
    CONSTRAINT uq_local_businesses_place_id UNIQUE (place_id),
    CONSTRAINT ck_local_businesses_domain_extraction_due_at_exactly_wh_3e55 CHECK ((domain_extraction_status = 'Queued') = (domain_extraction_due_at IS NOT NULL)),
    CONSTRAINT ck_local_businesses_domain_extraction_due_at_in_range CHECK (domain_extraction_due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_local_businesses_domain_extraction_error_code_exactl_6dbf CHECK ((domain_extraction_status = 'Error') = (domain_extraction_error_code IS NOT NULL)),
    CONSTRAINT ck_local_businesses_domain_extraction_error_is_short CHECK (length(domain_extraction_error) <= 1024),
    CONSTRAINT ck_local_businesses_domain_extraction_failures_not_negative CHECK (domain_extraction_failures >= 0),
    CONSTRAINT fk_local_businesses_domain_id FOREIGN KEY(domain_id) REFERENCES domains (id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_local_businesses_tenant_id ON local_businesses (tenant, id);
CREATE INDEX ix_local_businesses_label ON local_businesses (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_local_businesses_curated ON local_businesses (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_local_businesses_city ON local_businesses (city, id);
CREATE INDEX ix_local_businesses_main_category ON local_businesses (main_category, id);
CREATE INDEX ix_local_businesses_with_phone ON local_businesses (id) WHERE phone IS NOT NULL;
CREATE INDEX ix_local_businesses_reviews_count ON local_businesses (reviews_count, id);
CREATE INDEX ix_local_businesses_domain_extraction_due ON local_businesses (tenant, domain_extraction_due_at, id) WHERE domain_extraction_due_at IS NOT NULL;
CREATE INDEX ix_local_businesses_domain_extraction_error_code ON local_businesses (domain_extraction_error_code, id) WHERE domain_extraction_error_code IS NOT NULL;
CREATE INDEX ix_local_businesses_domain_id ON local_businesses (domain_id, place_id);
CREATE INDEX ix_local_businesses_scanned_at ON local_businesses (scanned_at) WHERE scanned_at IS NOT NULL;
COMMENT ON COLUMN local_businesses.country IS 'ISO 3166-1 alpha-2';
COMMENT ON COLUMN local_businesses.phone IS 'E.164 where Google knows the country, else as given';
COMMENT ON COLUMN local_businesses.price_level IS '0 free … 4 very expensive';
COMMENT ON COLUMN local_businesses.time_zone IS 'IANA name';
COMMENT ON COLUMN local_businesses.opening_hours IS 'per day: {"monday": [["09:00", "17:00"]], …}; an empty list is closed';
ALTER TABLE local_businesses ALTER COLUMN domain_extraction_due_at SET STATISTICS 0;
COMMENT ON COLUMN local_businesses.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN local_businesses.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE sitemaps (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    status work_status DEFAULT 'New' NOT NULL,
    due_at timestamptz,
    failures smallint DEFAULT '0' NOT NULL,
    error_code text,
    error text,
    domain_id bigint NOT NULL,
    files_found integer,
    requests_made integer,
    scanned_at timestamptz,
    report jsonb,
    CONSTRAINT pk_sitemaps PRIMARY KEY (id),
    CONSTRAINT uq_sitemaps_domain_id UNIQUE (domain_id),
    CONSTRAINT ck_sitemaps_due_at_exactly_when_queued CHECK ((status = 'Queued') = (due_at IS NOT NULL)),
    CONSTRAINT ck_sitemaps_due_at_in_range CHECK (due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_sitemaps_error_code_exactly_when_error CHECK ((status = 'Error') = (error_code IS NOT NULL)),
    CONSTRAINT ck_sitemaps_error_is_short CHECK (length(error) <= 1024),
    CONSTRAINT ck_sitemaps_failures_not_negative CHECK (failures >= 0),
    CONSTRAINT fk_sitemaps_domain_id FOREIGN KEY(domain_id) REFERENCES domains (id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_sitemaps_tenant_id ON sitemaps (tenant, id);
CREATE INDEX ix_sitemaps_label ON sitemaps (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_sitemaps_curated ON sitemaps (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_sitemaps_scanned_at ON sitemaps (scanned_at, id) WHERE scanned_at IS NOT NULL;
CREATE INDEX ix_sitemaps_due ON sitemaps (tenant, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX ix_sitemaps_error_code ON sitemaps (error_code, id) WHERE error_code IS NOT NULL;
COMMENT ON COLUMN sitemaps.files_found IS 'valid sitemap files of the last scan';
COMMENT ON COLUMN sitemaps.report IS 'everything tried: [{"url", "method", "result", "http_status", "type", "urls"}]';
ALTER TABLE sitemaps ALTER COLUMN due_at SET STATISTICS 0;
COMMENT ON COLUMN sitemaps.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN sitemaps.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE sitemap_files (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    sitemap_import_status work_status DEFAULT 'New' NOT NULL,
    sitemap_import_due_at timestamptz,
    sitemap_import_failures smallint DEFAULT '0' NOT NULL,
    sitemap_import_error_code text,
    sitemap_import_error text,
    domain_id bigint NOT NULL,
    sitemap_id bigint,
    url text NOT NULL,
    parent_url text,
    sitemap_type text,
    discovery_method text NOT NULL,
    http_status smallint,
    size_bytes bigint,
    url_count integer,
    has_lastmod boolean,
    is_gzip boolean,
    is_valid boolean,
    invalid_reason text,
    broken_at text,
    etag text,
    last_modified text,
    imported_at timestamptz,
    pages_found integer,
    CONSTRAINT pk_sitemap_files PRIMARY KEY (id),
    CONSTRAINT uq_sitemap_files_domain_id_url UNIQUE (domain_id, url),
    CONSTRAINT ck_sitemap_files_sitemap_import_due_at_exactly_when_queued CHECK ((sitemap_import_status = 'Queued') = (sitemap_import_due_at IS NOT NULL)),
    CONSTRAINT ck_sitemap_files_sitemap_import_due_at_in_range CHECK (sitemap_import_due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_sitemap_files_sitemap_import_error_code_exactly_when_error CHECK ((sitemap_import_status = 'Error') = (sitemap_import_error_code IS NOT NULL)),
    CONSTRAINT ck_sitemap_files_sitemap_import_error_is_short CHECK (length(sitemap_import_error) <= 1024),
    CONSTRAINT ck_sitemap_files_sitemap_import_failures_not_negative CHECK (sitemap_import_failures >= 0),
    CONSTRAINT fk_sitemap_files_domain_id FOREIGN KEY(domain_id) REFERENCES domains (id),
    CONSTRAINT fk_sitemap_files_sitemap_id FOREIGN KEY(sitemap_id) REFERENCES sitemaps (id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_sitemap_files_tenant_id ON sitemap_files (tenant, id);
CREATE INDEX ix_sitemap_files_label ON sitemap_files (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_sitemap_files_curated ON sitemap_files (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_sitemap_files_http_status ON sitemap_files (http_status, id);
CREATE INDEX ix_sitemap_files_sitemap_id ON sitemap_files (sitemap_id);
CREATE INDEX ix_sitemap_files_sitemap_import_due ON sitemap_files (tenant, sitemap_import_due_at, id) WHERE sitemap_import_due_at IS NOT NULL;
CREATE INDEX ix_sitemap_files_sitemap_import_due_by_host ON sitemap_files (tenant, domain_id, sitemap_import_due_at, id) WHERE sitemap_import_due_at IS NOT NULL;
CREATE INDEX ix_sitemap_files_sitemap_import_error_code ON sitemap_files (sitemap_import_error_code, id) WHERE sitemap_import_error_code IS NOT NULL;
COMMENT ON COLUMN sitemap_files.parent_url IS 'the index or page that named it';
COMMENT ON COLUMN sitemap_files.sitemap_type IS 'SitemapType';
COMMENT ON COLUMN sitemap_files.discovery_method IS 'DiscoveryMethod';
COMMENT ON COLUMN sitemap_files.size_bytes IS 'as sent, before unpacking';
COMMENT ON COLUMN sitemap_files.broken_at IS 'where the body broke, when only a part could be read';
COMMENT ON COLUMN sitemap_files.etag IS 'of the last import, for a conditional GET';
COMMENT ON COLUMN sitemap_files.last_modified IS 'the Last-Modified header of the last import';
COMMENT ON COLUMN sitemap_files.pages_found IS 'distinct pages of the last import';
ALTER TABLE sitemap_files ALTER COLUMN sitemap_import_due_at SET STATISTICS 0;
COMMENT ON COLUMN sitemap_files.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN sitemap_files.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE pages (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    page_reading_status work_status DEFAULT 'New' NOT NULL,
    page_reading_due_at timestamptz,
    page_reading_failures smallint DEFAULT '0' NOT NULL,
    page_reading_error_code text,
    page_reading_error text,
    domain_id bigint NOT NULL,
    sitemap_file_id bigint,
    url text NOT NULL,
    last_modified timestamptz,
    changefreq text,
    priority numeric(2, 1),
    image_count smallint DEFAULT '0' NOT NULL,
    video_count smallint DEFAULT '0' NOT NULL,
    news_count smallint DEFAULT '0' NOT NULL,
    hreflang jsonb,
    page_type text NOT NULL,
    path_depth smallint NOT NULL,
    other_host boolean DEFAULT 'false' NOT NULL,
    lead_source text DEFAULT 'sitemap_import' NOT NULL,
    title text,
    h1 text,
    canonical_url text,
    meta_robots text,
    imprint jsonb,
    last_read timestamptz,
    mentions bigint[],
    CONSTRAINT pk_pages PRIMARY KEY (id),
    CONSTRAINT uq_pages_domain_id_url UNIQUE (domain_id, url),
    CONSTRAINT ck_pages_page_reading_due_at_exactly_when_queued CHECK ((page_reading_status = 'Queued') = (page_reading_due_at IS NOT NULL)),
    CONSTRAINT ck_pages_page_reading_due_at_in_range CHECK (page_reading_due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_pages_page_reading_error_code_exactly_when_error CHECK ((page_reading_status = 'Error') = (page_reading_error_code IS NOT NULL)),
    CONSTRAINT ck_pages_page_reading_error_is_short CHECK (length(page_reading_error) <= 1024),
    CONSTRAINT ck_pages_page_reading_failures_not_negative CHECK (page_reading_failures >= 0),
    CONSTRAINT fk_pages_domain_id FOREIGN KEY(domain_id) REFERENCES domains (id),
    CONSTRAINT fk_pages_sitemap_file_id FOREIGN KEY(sitemap_file_id) REFERENCES sitemap_files (id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_pages_tenant_id ON pages (tenant, id);
CREATE INDEX ix_pages_label ON pages (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_pages_curated ON pages (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_pages_page_type ON pages (page_type, id);
CREATE INDEX ix_pages_sitemap_file_id ON pages (sitemap_file_id);
CREATE INDEX ix_pages_contact_pages ON pages (domain_id, url) WHERE page_type IN ('contact', 'legal', 'about');
CREATE INDEX ix_pages_last_read ON pages (last_read, id) WHERE last_read IS NOT NULL;
CREATE INDEX ix_pages_mentions ON pages USING gin (mentions) WHERE mentions IS NOT NULL;
CREATE INDEX ix_pages_page_reading_due ON pages (tenant, page_reading_due_at, id) WHERE page_reading_due_at IS NOT NULL;
CREATE INDEX ix_pages_page_reading_due_by_host ON pages (tenant, domain_id, page_reading_due_at, id) WHERE page_reading_due_at IS NOT NULL;
CREATE INDEX ix_pages_page_reading_error_code ON pages (page_reading_error_code, id) WHERE page_reading_error_code IS NOT NULL;
ALTER TABLE pages ALTER COLUMN page_reading_due_at SET STATISTICS 0;
COMMENT ON COLUMN pages.url IS 'WHATWG-serialised, without fragment, at most 2,048 characters';
COMMENT ON COLUMN pages.hreflang IS '{"en-GB": "https://…"}';
COMMENT ON COLUMN pages.other_host IS 'listed by the domain, hosted elsewhere';
COMMENT ON COLUMN pages.meta_robots IS 'of the meta elements and of X-Robots-Tag';
COMMENT ON COLUMN pages.imprint IS '{"legal_name", "vat_id", "register", "address"}';
COMMENT ON COLUMN pages.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN pages.label IS 'of the list that brought it in; hand-offs carry it along';
COMMENT ON COLUMN pages.mentions IS 'mention() of each address and number in the facts';

CREATE TABLE contacts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text DEFAULT 'default' NOT NULL,
    label text,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    curation_status curation_status DEFAULT 'New' NOT NULL,
    email_check_status work_status DEFAULT 'New' NOT NULL,
    email_check_due_at timestamptz,
    email_check_failures smallint DEFAULT '0' NOT NULL,
    email_check_error_code text,
    email_check_error text,
    domain_id bigint NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    category text,
    first_seen timestamptz DEFAULT now() NOT NULL,
    last_seen timestamptz DEFAULT now() NOT NULL,
    gone_at timestamptz,
    email_check_result text,
    email_check_reason text,
    email_checked_at timestamptz,
    CONSTRAINT pk_contacts PRIMARY KEY (id),
    CONSTRAINT uq_contacts_domain_id_kind_value UNIQUE (domain_id, kind, value),
    CONSTRAINT ck_contacts_kind_is_known CHECK (kind IN ('email', 'phone', 'social', 'form')),
    CONSTRAINT ck_contacts_email_check_result_is_known CHECK (email_check_result IN ('valid', 'invalid', 'unknown')),
    CONSTRAINT ck_contacts_email_check_due_at_exactly_when_queued CHECK ((email_check_status = 'Queued') = (email_check_due_at IS NOT NULL)),
    CONSTRAINT ck_contacts_email_check_due_at_in_range CHECK (email_check_due_at BETWEEN '2000-01-01' AND now() + interval '400 days'),
    CONSTRAINT ck_contacts_email_check_error_code_exactly_when_error CHECK ((email_check_status = 'Error') = (email_check_error_code IS NOT NULL)),
    CONSTRAINT ck_contacts_email_check_error_is_short CHECK (length(email_check_error) <= 1024),
    CONSTRAINT ck_contacts_email_check_failures_not_negative CHECK (email_check_failures >= 0),
    CONSTRAINT fk_contacts_domain_id FOREIGN KEY(domain_id) REFERENCES domains (id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX ix_contacts_email_check_due ON contacts (tenant, email_check_due_at, id) WHERE email_check_due_at IS NOT NULL;
CREATE INDEX ix_contacts_email_check_error_code ON contacts (email_check_error_code, id) WHERE email_check_error_code IS NOT NULL;
CREATE INDEX ix_contacts_tenant_id ON contacts (tenant, id);
CREATE INDEX ix_contacts_label ON contacts (label, id) WHERE label IS NOT NULL;
CREATE INDEX ix_contacts_curated ON contacts (curation_status, id) WHERE curation_status <> 'New';
CREATE INDEX ix_contacts_value ON contacts (value, id);
CREATE INDEX ix_contacts_last_seen ON contacts (last_seen, id);
CREATE INDEX ix_contacts_gone_at ON contacts (gone_at) WHERE gone_at IS NOT NULL;
COMMENT ON COLUMN contacts.kind IS 'ContactKind';
COMMENT ON COLUMN contacts.value IS 'an address in lower case, E.164 or bare digits, or a URL';
COMMENT ON COLUMN contacts.category IS 'EmailCategory; of a profile: the network';
COMMENT ON COLUMN contacts.gone_at IS 'when all of its sources lacked it for the second time';
COMMENT ON COLUMN contacts.email_check_result IS 'EmailCheck of an e-mail address; null until its first check';
COMMENT ON COLUMN contacts.email_check_reason IS 'what decided the result: mx, null_mx, dns_timeout, …';
COMMENT ON COLUMN contacts.email_checked_at IS 'when DNS was asked';
ALTER TABLE contacts ALTER COLUMN email_check_due_at SET STATISTICS 0;
COMMENT ON COLUMN contacts.tenant IS 'whose record it is; claims are fair between them';
COMMENT ON COLUMN contacts.label IS 'of the list that brought it in; hand-offs carry it along';

CREATE TABLE mail_domains (
    domain text NOT NULL,
    result text NOT NULL,
    reason text NOT NULL,
    checked_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_mail_domains PRIMARY KEY (domain),
    CONSTRAINT ck_mail_domains_result_is_known CHECK (result IN ('valid', 'invalid'))
);
COMMENT ON COLUMN mail_domains.domain IS 'the part of addresses after the @: lower case, punycode';

CREATE TABLE contact_sources (
    id bigint GENERATED ALWAYS AS IDENTITY,
    contact_id bigint NOT NULL,
    page_id bigint,
    url text NOT NULL,
    found_in text NOT NULL,
    context text,
    mentions bigint[],
    first_seen timestamptz DEFAULT now() NOT NULL,
    last_seen timestamptz DEFAULT now() NOT NULL,
    missed smallint DEFAULT '0' NOT NULL,
    CONSTRAINT pk_contact_sources PRIMARY KEY (id),
    CONSTRAINT fk_contact_sources_contact_id FOREIGN KEY(contact_id) REFERENCES contacts (id) ON DELETE CASCADE,
    CONSTRAINT fk_contact_sources_page_id FOREIGN KEY(page_id) REFERENCES pages (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_contact_sources_contact_page ON contact_sources (contact_id, coalesce(page_id, 0));
CREATE INDEX ix_contact_sources_page_id ON contact_sources (page_id);
CREATE INDEX ix_contact_sources_mentions ON contact_sources USING gin (mentions) WHERE mentions IS NOT NULL;
COMMENT ON COLUMN contact_sources.page_id IS 'null for the home page';
COMMENT ON COLUMN contact_sources.url IS 'of the page, after redirects';
COMMENT ON COLUMN contact_sources.found_in IS 'FoundIn: how the page gives it';
COMMENT ON COLUMN contact_sources.context IS 'the text around it, at most 200 characters';
COMMENT ON COLUMN contact_sources.missed IS 'readings in a row that lacked it';
COMMENT ON COLUMN contact_sources.mentions IS 'mention() of each address and number in the facts';

CREATE TABLE changes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant text NOT NULL,
    domain_id bigint NOT NULL,
    field text NOT NULL,
    old text,
    new text,
    mentions bigint[],
    at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_changes PRIMARY KEY (id),
    CONSTRAINT ck_changes_field_is_known CHECK (field IN ('title', 'final_url', 'technology', 'email', 'phone', 'social', 'form')),
    CONSTRAINT fk_changes_domain_id FOREIGN KEY(domain_id) REFERENCES domains (id)
);
CREATE INDEX ix_changes_domain_id ON changes (domain_id, id);
CREATE INDEX ix_changes_at ON changes (at);
CREATE INDEX ix_changes_mentions ON changes USING gin (mentions) WHERE mentions IS NOT NULL;
COMMENT ON COLUMN changes.field IS 'ChangedField';
COMMENT ON COLUMN changes.old IS 'null: there was none';
COMMENT ON COLUMN changes.new IS 'null: it is gone';
COMMENT ON COLUMN changes.mentions IS 'mention() of each address and number in the facts';
