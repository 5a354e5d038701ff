"""The guard also watches what it stood on: attempts ended by hand, records deleted or emptied, triggers of others.

What a hand could still do, and cannot any more: end, delete or empty live attempts beside their records, which then were
Processing for ever; give a record another id; delete or empty records that a worker holds; make live attempts for records
that nobody claimed, or with a lease that never ends; set an error without Error, or a due_at that never comes. And what
a trigger of somebody else's does to a watched field is guarded and audited like any other change.

``watch_status(table, field, workflow)`` is as before what a new service's migration calls, and ``unwatch_status`` takes it
back. Locks: each watched table and attempts as a whole, for as long as it takes to change their triggers (30 ms).

The danger first: a transaction that holds one of these tables and waits for another would be chosen as the victim of a
deadlock after a second. So all six are asked for at once, before that second is over, or let go of and tried again.

Revision: 0005, after 0004.
"""

import runpy
from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

WATCHED = (
    ("domains", "status", "metadata"),
    ("domains", "sitemap_analysis_status", "submission"),
    ("sitemaps", "status", "discovery"),
    ("sitemap_files", "sitemap_import_status", "import"),
    ("places", "deep_scan_status", "deep_scan"),
    ("local_businesses", "domain_extraction_status", "domain_extraction"),
)

WATCH_STATUS = """
CREATE OR REPLACE PROCEDURE watch_status(watched regclass, field text, workflow text) LANGUAGE plpgsql AS $watch$
DECLARE
    prefix text := regexp_replace(field, 'status$', '');
    due_at text := prefix || 'due_at';
    failures text := prefix || 'failures';
    error_code text := prefix || 'error_code';
    error text := prefix || 'error';
    guard text := 'guard_' || workflow || '_status';
    audit text := 'audit_' || workflow || '_status';
    holds text := 'guard_' || workflow || '_attempts';
    guard_body text := $guard$
    DECLARE
        before work_status := CASE WHEN TG_OP <> 'INSERT' THEN OLD.%1$I END;
        live bigint;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            SELECT attempt_id INTO live FROM attempts
            WHERE workflow = %7$L AND record_id = OLD.id AND finished_at IS NULL;
            IF live IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'SS002', MESSAGE = format(
                    '%6$s %%s: %1$s is Processing and held by live attempt %%s; abandon it before it is deleted',
                    OLD.id, live);
            END IF;
            RETURN OLD;
        END IF;
        IF TG_OP = 'UPDATE' AND NEW.id <> OLD.id THEN
            RAISE EXCEPTION USING ERRCODE = 'SS004', MESSAGE = format(
                '%6$s %%s: its id is for ever, for its attempts and its history go by it; %%s is refused', OLD.id, NEW.id);
        END IF;
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
                        '%6$s %%s: %1$s is Processing and held by live attempt %%s; only its worker may set %%s, and'
                        ' abandoning it ends it in Error',
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
        IF NEW.%2$I NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN
            RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
                '%6$s %%s: %2$s is when %1$s Queued falls due, an instant of the years 1 to 9999, and not %%s',
                NEW.id, NEW.%2$I);
        END IF;
        IF NEW.%3$I NOT BETWEEN 0 AND 9999 THEN
            RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
                '%6$s %%s: %3$s must be 0 to 9999, and not %%s; %1$s is %%s', NEW.id, NEW.%3$I, NEW.%1$I);
        END IF;
        IF (NEW.%1$I = 'Error') <> (NEW.%4$I IS NOT NULL) THEN
            RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
                '%6$s %%s: %4$s must be set exactly when %1$s is Error, and it is %%s', NEW.id, NEW.%1$I);
        END IF;
        IF NEW.%5$I IS NOT NULL AND NEW.%1$I <> 'Error' THEN
            RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
                '%6$s %%s: %5$s may be set only when %1$s is Error, and it is %%s', NEW.id, NEW.%1$I);
        END IF;
        RETURN NEW;
    END
    $guard$;
    audit_body text := $audit$
    DECLARE
        before work_status := CASE WHEN TG_OP = 'UPDATE' THEN OLD.%1$I END;
    BEGIN
        -- What a trigger that fires after the guard made of it.
        IF NEW.%1$I <> ALL (next_statuses(before)) THEN
            RAISE EXCEPTION USING ERRCODE = 'SS001', MESSAGE = format(
                '%4$s %%s: a trigger changed %1$s from %%s to %%s; allowed: %%s',
                NEW.id, coalesce(before::text, '(created)'), NEW.%1$I, array_to_string(next_statuses(before), ', '));
        END IF;
        INSERT INTO status_events (workflow, record_id, from_status, to_status, actor, attempt_id, reason, error_code)
        VALUES (
            %2$L, NEW.id, before, NEW.%1$I, status_actor(),
            CASE WHEN NEW.%1$I = 'Processing' OR before = 'Processing' THEN (
                SELECT max(attempt_id) FROM attempts WHERE workflow = %2$L AND record_id = NEW.id) END,
            nullif(current_setting('scrapersky.reason', true), ''), NEW.%3$I);
        RETURN NULL;
    END
    $audit$;
    holds_body text := $holds$
    DECLARE
        changed attempts;
        live boolean;
        now_is work_status;
    BEGIN
        IF TG_OP = 'DELETE' THEN changed := OLD; ELSE changed := NEW; END IF;
        live := EXISTS (
            SELECT FROM attempts WHERE workflow = %3$L AND record_id = changed.record_id AND finished_at IS NULL);
        SELECT %1$I INTO now_is FROM %2$s WHERE id = changed.record_id;
        IF now_is = 'Processing' AND NOT live THEN
            RAISE EXCEPTION USING ERRCODE = 'SS002', MESSAGE = format(
                '%2$s %%s: %1$s is Processing, and nobody would end that without live attempt %%s; abandon the record, or set'
                ' %1$s to Queued in the same transaction', changed.record_id, changed.attempt_id);
        ELSIF live AND now_is IS DISTINCT FROM 'Processing' THEN
            RAISE EXCEPTION USING ERRCODE = 'SS002', MESSAGE = format(
                '%2$s %%s: %1$s is %%s, and a live attempt wants Processing; set Queued and the next tick claims it',
                changed.record_id, coalesce(now_is::text, 'not there'));
        END IF;
        RETURN NULL;
    END
    $holds$;
BEGIN
    CALL unwatch_status(watched, field, workflow);
    -- A plan kept since the attempts were few would read all of them, for each row, when they are many.
    EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS %L', guard, format(
        guard_body, field, due_at, failures, error_code, error, watched::text, workflow));
    EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS %L', audit, format(
        audit_body, field, workflow, error_code, watched::text));
    EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS %L', holds, format(
        holds_body, field, watched::text, workflow));
    -- By what has changed, not by what a statement names: a trigger of somebody else's may have changed it.
    EXECUTE format('CREATE TRIGGER %1$I BEFORE UPDATE ON %2$s FOR EACH ROW WHEN (
            (OLD.id, OLD.%3$I, OLD.%4$I, OLD.%5$I, OLD.%6$I, OLD.%7$I)
            IS DISTINCT FROM (NEW.id, NEW.%3$I, NEW.%4$I, NEW.%5$I, NEW.%6$I, NEW.%7$I)
        ) EXECUTE FUNCTION %1$I()', guard, watched, field, due_at, failures, error_code, error);
    EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION %I()',
        guard || '_created', watched, guard);
    EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %s FOR EACH ROW WHEN (OLD.%I = ''Processing'')
        EXECUTE FUNCTION %I()', guard || '_deleted', watched, field, guard);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %s EXECUTE FUNCTION refuse_emptying_what_is_held(%L)',
        guard || '_emptied', watched, workflow);
    EXECUTE format('CREATE TRIGGER %1$I AFTER UPDATE ON %2$s
        FOR EACH ROW WHEN (NEW.%3$I IS DISTINCT FROM OLD.%3$I) EXECUTE FUNCTION %1$I()', audit, watched, field);
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %s
        FOR EACH ROW WHEN (NEW.%I <> ''New'') EXECUTE FUNCTION %I()', audit || '_created', watched, field, audit);
    -- At the commit, so that a hand may do in two statements what a verb does in one.
    EXECUTE format('CREATE CONSTRAINT TRIGGER %1$I AFTER INSERT OR UPDATE OF finished_at ON attempts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.workflow = %2$L) EXECUTE FUNCTION %1$I()', holds, workflow);
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER DELETE ON attempts DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.workflow = %L AND OLD.finished_at IS NULL) EXECUTE FUNCTION %I()',
        holds || '_gone', workflow, holds);
END
$watch$
"""

UNWATCH_STATUS = """
CREATE PROCEDURE unwatch_status(watched regclass, field text, workflow text) LANGUAGE plpgsql AS $$
DECLARE
    kind text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['guard_%s_status', 'audit_%s_status', 'guard_%s_attempts'] LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %I() CASCADE', format(kind, workflow));  -- with the triggers that call it
    END LOOP;
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'guard_' || workflow || '_status_emptied', watched);
END
$$
"""

REFUSE_EMPTYING = """
CREATE FUNCTION refuse_emptying_what_is_held() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    held attempts;
BEGIN
    SELECT * INTO held FROM attempts
    WHERE finished_at IS NULL AND (TG_NARGS = 0 OR workflow = TG_ARGV[0]) ORDER BY attempt_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'SS002', MESSAGE = format(
            '%s: TRUNCATE is refused while records are Processing; %s %s is held by live attempt %s',
            TG_TABLE_NAME, held.workflow, held.record_id, held.attempt_id);
    END IF;
    RETURN NULL;
END
$$
"""

GUARD_ATTEMPT = """
CREATE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT isfinite(NEW.lease_until) THEN
        RAISE EXCEPTION USING ERRCODE = 'SS003', MESSAGE = format(
            'attempt %s of %s %s: its lease must end, or nobody could take the record back; lease_until %s is refused',
            NEW.attempt_id, NEW.workflow, NEW.record_id, NEW.lease_until);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'SS004', MESSAGE = format(
        'attempt %s: it belongs to %s %s for ever; another id, workflow or record is refused',
        OLD.attempt_id, OLD.workflow, OLD.record_id);
END
$$
"""

ON_ATTEMPTS = (
    "CREATE TRIGGER attempts_end BEFORE INSERT OR UPDATE ON attempts FOR EACH ROW WHEN (NOT isfinite(NEW.lease_until))"
    " EXECUTE FUNCTION guard_attempt()",
    "CREATE TRIGGER attempts_stay BEFORE UPDATE ON attempts FOR EACH ROW"
    " WHEN ((OLD.attempt_id, OLD.workflow, OLD.record_id) IS DISTINCT FROM (NEW.attempt_id, NEW.workflow, NEW.record_id))"
    " EXECUTE FUNCTION guard_attempt()",
    "CREATE TRIGGER attempts_emptied BEFORE TRUNCATE ON attempts EXECUTE FUNCTION refuse_emptying_what_is_held()",
)


def upgrade() -> None:
    connection = op.get_bind()
    lock_all()
    for statement in (UNWATCH_STATUS, REFUSE_EMPTYING, GUARD_ATTEMPT, WATCH_STATUS, *ON_ATTEMPTS):
        connection.exec_driver_sql(statement)
    watch_all()


def downgrade() -> None:
    connection = op.get_bind()
    lock_all()
    for table, field, workflow in WATCHED:
        connection.exec_driver_sql(f"CALL unwatch_status('{table}', '{field}', '{workflow}')")
    for function in ("guard_attempt", "refuse_emptying_what_is_held"):
        connection.exec_driver_sql(f"DROP FUNCTION {function}() CASCADE")
    for procedure in ("watch_status", "unwatch_status"):
        connection.exec_driver_sql(f"DROP PROCEDURE {procedure}(regclass, text, text)")
    earlier = runpy.run_path(str(Path(__file__).with_name("0002_status_guard.py")))
    connection.exec_driver_sql(earlier["WATCH_STATUS"])
    watch_all()


def lock_all() -> None:
    """Takes every table whose triggers change, or fails within 0.6 s (of Postgres' ``deadlock_timeout``, which is 1 s)."""
    tables = dict.fromkeys(table for table, _, _ in WATCHED)
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
    connection.exec_driver_sql(f"LOCK TABLE {', '.join([*tables, 'attempts'])} IN ACCESS EXCLUSIVE MODE")


def watch_all() -> None:
    """Gives every watched field the triggers that ``watch_status`` makes now."""
    for table, field, workflow in WATCHED:
        op.get_bind().exec_driver_sql(f"CALL watch_status('{table}', '{field}', '{workflow}')")
