"""The guard: the database refuses illegal transitions and audits legal ones, whoever writes them.

``watch_status(table, field, workflow)`` gives one watched field its two triggers; a new service's migration calls it.
The functions are written out per field, so that no row has to be turned into JSON to be checked.

Revision: 0002, after 0001.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

NEXT_STATUSES = """
CREATE FUNCTION next_statuses(status work_status) RETURNS work_status[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN status IS NULL THEN ARRAY['New', 'Queued']
        WHEN status = 'New' THEN ARRAY['Queued']
        WHEN status = 'Queued' THEN ARRAY['New', 'Processing']
        WHEN status = 'Processing' THEN ARRAY['Queued', 'Completed', 'Error']
        WHEN status = 'Completed' THEN ARRAY['Queued']
        WHEN status = 'Error' THEN ARRAY['Queued']
    END::work_status[]
$$
"""

ACTOR = """
CREATE FUNCTION status_actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        nullif(current_setting('scrapersky.actor', true), ''),
        nullif(current_setting('application_name', true), ''),
        session_user::text)
$$
"""

WATCH_STATUS = """
CREATE PROCEDURE watch_status(watched regclass, field text, workflow text) LANGUAGE plpgsql AS $watch$
DECLARE
    prefix text := regexp_replace(field, 'status$', '');
    guard text := 'guard_' || workflow || '_status';
    audit text := 'audit_' || workflow || '_status';
    guard_body text := $guard$
    DECLARE
        before work_status := CASE WHEN TG_OP = 'UPDATE' THEN OLD.%1$I END;
        live bigint;
    BEGIN
        IF NEW.%1$I IS DISTINCT FROM before THEN
            IF NEW.%1$I <> ALL (next_statuses(before)) THEN
                RAISE EXCEPTION USING ERRCODE = 'SS001', MESSAGE = format(
                    '%6$s %%s: %1$s may not go from %%s to %%s; allowed: %%s',
                    NEW.id, coalesce(before::text, '(created)'), NEW.%1$I, array_to_string(next_statuses(before), ', '));
            END IF;
            IF before = 'Processing' OR NEW.%1$I = 'Processing' THEN
                SELECT attempt_id INTO live FROM attempts
                WHERE workflow = %7$L AND record_id = NEW.id AND finished_at IS NULL;
                IF before = 'Processing' AND live IS NOT NULL THEN
                    RAISE EXCEPTION USING ERRCODE = 'SS002', MESSAGE = format(
                        '%6$s %%s: %1$s is Processing and held by live attempt %%s; only its worker may set %%s',
                        NEW.id, live, NEW.%1$I);
                ELSIF NEW.%1$I = 'Processing' AND live IS NULL THEN
                    RAISE EXCEPTION USING ERRCODE = 'SS002', MESSAGE = format(
                        '%6$s %%s: only a claim may set %1$s to Processing; set Queued and the next tick claims it', NEW.id);
                END IF;
            END IF;
            IF NEW.%1$I = 'Queued' THEN
                NEW.%2$I := coalesce(NEW.%2$I, now());
            ELSE
                NEW.%2$I := NULL;
            END IF;
            IF before IS DISTINCT FROM 'Processing' AND NEW.%1$I <> 'Processing' THEN
                NEW.%3$I := 0;
            END IF;
            IF NEW.%1$I <> 'Error' THEN
                NEW.%4$I := NULL;
                NEW.%5$I := NULL;
            END IF;
            NEW.updated_at := now();
        END IF;
        IF (NEW.%1$I = 'Queued') <> (NEW.%2$I IS NOT NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
                '%6$s %%s: %2$s must be set exactly when %1$s is Queued, and it is %%s', NEW.id, NEW.%1$I);
        END IF;
        IF (NEW.%1$I = 'Error') <> (NEW.%4$I IS NOT NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
                '%6$s %%s: %4$s must be set exactly when %1$s is Error, and it is %%s', NEW.id, NEW.%1$I);
        END IF;
        RETURN NEW;
    END
    $guard$;
    audit_body text := $audit$
    BEGIN
        INSERT INTO status_events (workflow, record_id, from_status, to_status, actor, attempt_id, reason, error_code)
        VALUES (
            %2$L, NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.%1$I END, NEW.%1$I, status_actor(),
            CASE WHEN NEW.%1$I = 'Processing' OR TG_OP = 'UPDATE' AND OLD.%1$I = 'Processing' THEN (
                SELECT max(attempt_id) FROM attempts WHERE workflow = %2$L AND record_id = NEW.id) END,
            nullif(current_setting('scrapersky.reason', true), ''), NEW.%3$I);
        RETURN NULL;
    END
    $audit$;
BEGIN
    -- A plan kept since the attempts were few would read all of them, for each row, when they are many.
    EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS %L', guard, format(
        guard_body, field, prefix || 'due_at', prefix || 'failures', prefix || 'error_code', prefix || 'error',
        watched::text, workflow));
    EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS %L', audit, format(
        audit_body, field, workflow, prefix || 'error_code'));
    EXECUTE format('CREATE TRIGGER %1$I BEFORE INSERT OR UPDATE OF %2$I, %3$I, %4$I ON %5$s
        FOR EACH ROW EXECUTE FUNCTION %1$I()', guard, field, prefix || 'due_at', prefix || 'error_code', watched);
    EXECUTE format('CREATE TRIGGER %1$I AFTER UPDATE OF %3$I ON %2$s
        FOR EACH ROW WHEN (NEW.%3$I IS DISTINCT FROM OLD.%3$I) EXECUTE FUNCTION %1$I()', audit, watched, field);
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s
        FOR EACH ROW WHEN (NEW.%I <> ''New'') EXECUTE FUNCTION %I()', audit || '_created', watched, field, audit);
END
$watch$
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SS004', MESSAGE = format('status_events is append-only: %s is refused', TG_OP);
END
$$
"""

APPEND_ONLY_TRIGGER = """
CREATE TRIGGER status_events_append_only BEFORE UPDATE ON status_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history()
"""

WATCHED = (
    ("domains", "status", "metadata"),
    ("domains", "sitemap_analysis_status", "submission"),
    ("sitemaps", "status", "discovery"),
    ("sitemap_files", "sitemap_import_status", "import"),
    ("places", "deep_scan_status", "deep_scan"),
    ("local_businesses", "domain_extraction_status", "domain_extraction"),
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in (NEXT_STATUSES, ACTOR, WATCH_STATUS, APPEND_ONLY, APPEND_ONLY_TRIGGER):
        connection.exec_driver_sql(statement)
    for table, field, workflow in WATCHED:
        connection.exec_driver_sql(f"CALL watch_status('{table}', '{field}', '{workflow}')")


def downgrade() -> None:
    connection = op.get_bind()
    for table, _, workflow in WATCHED:
        for trigger in (f"guard_{workflow}_status", f"audit_{workflow}_status", f"audit_{workflow}_status_created"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger} ON {table}")
        for function in (f"guard_{workflow}_status", f"audit_{workflow}_status"):
            connection.exec_driver_sql(f"DROP FUNCTION {function}()")
    connection.exec_driver_sql("DROP TRIGGER status_events_append_only ON status_events")
    connection.exec_driver_sql("DROP FUNCTION refuse_rewriting_history()")
    connection.exec_driver_sql("DROP PROCEDURE watch_status(regclass, text, text)")
    connection.exec_driver_sql("DROP FUNCTION status_actor()")
    connection.exec_driver_sql("DROP FUNCTION next_statuses(work_status)")
