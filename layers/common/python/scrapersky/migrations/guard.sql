-- The guard: what the database enforces for every writer. This file is the whole of it.
--
-- Its parts: what exists once, what each workflow has, what all workflows have together, and how that is removed.
-- guard.py runs them; {name}, {workflow}, {table}, {status}, {due_at} … are filled in as in the verbs (Workflow.sql). All
-- but the last two may run again on a database that has them.
--
-- SQLSTATEs (status/transitions.py): SS001 this status may not follow that one; SS002 a record is Processing exactly
-- while it has a live attempt; SS003 a companion column contradicts the status, or a time is out of range; SS004
-- history and identifiers are immutable.
--
-- Trigger functions are SECURITY DEFINER, so that writers need no right on the guard's own tables. Their search_path
-- is fixed to the schema of the tables. enable_seqscan is off where a function reads a table: a plan that was made
-- while the table was small would otherwise read all of it, for each row, when it is large.

CREATE SEQUENCE IF NOT EXISTS attempt_numbers MINVALUE 0 MAXVALUE 999999 CYCLE;

-- The statuses that may follow a status; of NULL, those in which a record may be created. Written as constants, so that
-- Postgres inlines it.
CREATE OR REPLACE FUNCTION next_statuses(status work_status) RETURNS work_status[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN status IS NULL THEN '{New, Queued}'::work_status[]
        WHEN status = 'New' THEN '{Queued}'::work_status[]
        WHEN status = 'Queued' THEN '{New, Processing}'::work_status[]
        WHEN status = 'Processing' THEN '{Queued, Completed, Error}'::work_status[]
        WHEN status = 'Completed' THEN '{Queued}'::work_status[]
        WHEN status = 'Error' THEN '{Queued}'::work_status[]
    END
$$;

-- Who acts: the verb's actor, else the client's application_name, else its role.
CREATE OR REPLACE FUNCTION status_actor() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        nullif(current_setting('scrapersky.actor', true), ''),
        nullif(current_setting('application_name', true), ''),
        session_user::text)
$$;

-- Give each attempt an id that carries its second: unix seconds * 10^6 + a cycling number. A database that was restored
-- to an earlier time, where the sequence goes back as well, never gives the same id to another record.
CREATE OR REPLACE FUNCTION number_attempt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.attempt_id IS NOT NULL THEN
        RAISE EXCEPTION 'attempt %: the database chooses the ids of attempts; leave attempt_id out', NEW.attempt_id
            USING ERRCODE = 'SS004';
    END IF;
    NEW.attempt_id := floor(extract(epoch FROM clock_timestamp()))::bigint * 1000000 + nextval('attempt_numbers');
    RETURN NEW;
END
$$;

-- Refuse a lease that does not end, another id, workflow or record for an attempt, and another start: a pull would give an
-- attempt that lost its start to a second worker.
CREATE OR REPLACE FUNCTION guard_attempt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF (NEW.lease_until BETWEEN '2000-01-01' AND now() + interval '400 days') IS NOT TRUE THEN
        RAISE EXCEPTION 'attempt % of % %: its lease must end from the year 2000 to 400 days from now; % is refused',
            NEW.attempt_id, NEW.workflow, NEW.record_id, NEW.lease_until USING ERRCODE = 'SS003';
    ELSIF (OLD.attempt_id, OLD.workflow, OLD.record_id) = (NEW.attempt_id, NEW.workflow, NEW.record_id) THEN
        RAISE EXCEPTION 'attempt % of % %: it started at %; another started_at is refused',
            OLD.attempt_id, OLD.workflow, OLD.record_id, OLD.started_at USING ERRCODE = 'SS004';
    END IF;
    RAISE EXCEPTION 'attempt %: it always belongs to % %; another id, workflow or record is refused',
        OLD.attempt_id, OLD.workflow, OLD.record_id USING ERRCODE = 'SS004';
END
$$;

-- Refuse a change of history, except by a trigger of this guard (fulfil_erasure). It must not be SECURITY DEFINER: it
-- asks who writes.
CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF pg_trigger_depth() > 1
        AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE pg_class.oid = TG_RELID) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is history and immutable: % is refused', TG_ARGV[0], TG_OP USING ERRCODE = 'SS004';
END
$$;

-- Refuse a direct change of the guard's own table.
CREATE OR REPLACE FUNCTION refuse_direct_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is written by the guard only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'SS004';
END
$$;

-- Refuse TRUNCATE of a watched table (its workflow is the argument) while attempts are live, and of history always.
CREATE OR REPLACE FUNCTION refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    held attempts;
BEGIN
    SELECT * INTO held FROM attempts
    WHERE finished_at IS NULL AND (TG_NARGS = 0 OR workflow = TG_ARGV[0]) ORDER BY attempt_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%: TRUNCATE is refused while records are Processing; % % is held by live attempt %',
            TG_TABLE_NAME, held.workflow, held.record_id, held.attempt_id USING ERRCODE = 'SS002';
    ELSIF TG_NARGS = 0 THEN
        RAISE EXCEPTION '%: TRUNCATE of history is refused; delete_history deletes old rows', TG_TABLE_NAME
            USING ERRCODE = 'SS004';
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER attempts_number BEFORE INSERT ON attempts
    FOR EACH ROW EXECUTE FUNCTION number_attempt();
CREATE OR REPLACE TRIGGER attempts_end BEFORE INSERT OR UPDATE ON attempts
    FOR EACH ROW WHEN (NEW.lease_until NOT BETWEEN '2000-01-01' AND now() + interval '400 days')
    EXECUTE FUNCTION guard_attempt();
CREATE OR REPLACE TRIGGER attempts_stay BEFORE UPDATE ON attempts
    FOR EACH ROW WHEN (
        (OLD.attempt_id, OLD.workflow, OLD.record_id, coalesce(OLD.started_at, NEW.started_at)) IS DISTINCT FROM
        (NEW.attempt_id, NEW.workflow, NEW.record_id, NEW.started_at))
    EXECUTE FUNCTION guard_attempt();
CREATE OR REPLACE TRIGGER attempts_ended BEFORE UPDATE ON attempts
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION refuse_rewriting('an ended attempt');
CREATE OR REPLACE TRIGGER attempts_truncated BEFORE TRUNCATE ON attempts EXECUTE FUNCTION refuse_truncate();

CREATE OR REPLACE TRIGGER status_events_append_only BEFORE UPDATE ON status_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting('status_events');
CREATE OR REPLACE TRIGGER status_events_truncated BEFORE TRUNCATE ON status_events EXECUTE FUNCTION refuse_truncate();
CREATE OR REPLACE TRIGGER pauses_ended BEFORE UPDATE ON pauses
    FOR EACH ROW WHEN (OLD.resumed_at IS NOT NULL) EXECUTE FUNCTION refuse_rewriting('an ended pause');
CREATE OR REPLACE TRIGGER pauses_truncated BEFORE TRUNCATE ON pauses EXECUTE FUNCTION refuse_rewriting('pauses');
CREATE OR REPLACE TRIGGER erasures_append_only BEFORE UPDATE ON erasures
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting('erasures');
CREATE OR REPLACE TRIGGER erasures_truncated BEFORE TRUNCATE ON erasures EXECUTE FUNCTION refuse_rewriting('erasures');

CREATE OR REPLACE TRIGGER pending_attempt_checks_own BEFORE INSERT OR UPDATE OR DELETE ON pending_attempt_checks
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_write();
CREATE OR REPLACE TRIGGER pending_attempt_checks_truncated BEFORE TRUNCATE ON pending_attempt_checks
    EXECUTE FUNCTION refuse_direct_write();

-- Carry out an erasure: of a person or a domain in every table (protection.sql), or of the text in ended attempts and in
-- events of these records. Ids, times, outcomes and codes stay, so that the timeline still shows what happened.
CREATE OR REPLACE FUNCTION fulfil_erasure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
BEGIN
    IF btrim(NEW.actor) = '' OR btrim(NEW.reason) = '' THEN
        RAISE EXCEPTION 'an erasure needs an actor and a reason; they are % and %',
            quote_literal(NEW.actor), quote_literal(NEW.reason) USING ERRCODE = 'SS003';
    END IF;
    IF NEW.workflow = '*' THEN
        NEW.changed := erase_everywhere(
            ARRAY(SELECT jsonb_array_elements_text(current_setting('scrapersky.erased')::jsonb)));
        RETURN NEW;
    END IF;
    UPDATE attempts SET detail = NULL
    WHERE workflow = NEW.workflow AND record_id = ANY (NEW.record_ids) AND finished_at IS NOT NULL
      AND detail IS NOT NULL;
    GET DIAGNOSTICS NEW.attempts = ROW_COUNT;
    UPDATE status_events SET reason = NULL
    WHERE workflow = NEW.workflow AND record_id = ANY (NEW.record_ids) AND reason IS NOT NULL;
    GET DIAGNOSTICS NEW.events = ROW_COUNT;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER erasures_fulfilled BEFORE INSERT ON erasures
    FOR EACH ROW EXECUTE FUNCTION fulfil_erasure();

-- Remove the text (attempts.detail, status_events.reason) from the history of records, and store who asked for it and
-- why. Only this and erase_subject (protection.sql) change history. Returns how many attempts and events had text. May be repeated.
CREATE OR REPLACE FUNCTION erase_history(of_workflow text, of_records bigint[], by_actor text, for_reason text)
RETURNS TABLE (attempts bigint, events bigint)
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO erasures (workflow, record_ids, actor, reason)
    VALUES (of_workflow, of_records, by_actor, for_reason)
    RETURNING attempts, events
$$;

-- Delete at most `at_most` rows of each kind of history that ended before `before`, and return how many, and when the
-- oldest of the deleted events was. Rows that another transaction holds are left for a later call. Live attempts stay.
-- So do, for 30 days more, the attempts that recovery counts: those at the end of a record's history that were never
-- started. The last day always stays.
CREATE OR REPLACE FUNCTION delete_history(before timestamptz, at_most integer)
RETURNS TABLE (attempts bigint, events bigint, pauses bigint, paid_calls bigint, oldest_event timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off SET enable_bitmapscan = on AS $$
DECLARE
    pages bigint := pg_relation_size('status_events') / current_setting('block_size')::bigint;
    pages_read bigint := greatest(256, pages / 2000);
    first_page bigint := greatest(0, floor(random() * (pages + pages_read)) - pages_read);
BEGIN
    IF (before <= now() - interval '1 day' AND at_most BETWEEN 1 AND 50000) IS NOT TRUE THEN
        RAISE EXCEPTION 'delete_history(%, %): the time must be a day ago or more, the number 1 to 50000', before, at_most
            USING ERRCODE = 'SS003';
    END IF;

    -- An id carries its second, so the oldest attempts are at the start of the key.
    DELETE FROM attempts AS gone WHERE gone.attempt_id = ANY (ARRAY(
        SELECT ended.attempt_id FROM attempts AS ended
        WHERE ended.attempt_id < floor(extract(epoch FROM before))::bigint * 1000000 AND ended.finished_at < before
          AND (ended.outcome <> 'undelivered' OR ended.finished_at < before - interval '30 days' OR EXISTS (
              SELECT FROM attempts AS later
              WHERE later.workflow = ended.workflow AND later.record_id = ended.record_id
                AND later.attempt_id > ended.attempt_id AND later.outcome <> 'undelivered'))
        ORDER BY ended.attempt_id LIMIT at_most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS attempts = ROW_COUNT;

    -- Read a random part of the table, each page as likely as any other, and all of a small table. No index could find
    -- the oldest rows for less: new rows take the place of deleted ones, and a BRIN index does not forget the old ones.
    IF pages <= pages_read THEN
        first_page := 0;
    END IF;
    WITH deleted AS (
        DELETE FROM status_events AS gone WHERE gone.ctid = ANY (ARRAY(
            SELECT event.ctid FROM status_events AS event
            WHERE event.ctid >= format('(%s,0)', first_page)::tid
              AND event.ctid < format('(%s,0)', first_page + pages_read)::tid AND event.at < before
            LIMIT at_most FOR UPDATE SKIP LOCKED))
        RETURNING gone.at
    )
    SELECT count(*), min(deleted.at) INTO events, oldest_event FROM deleted;

    -- A pause that ran out without being resumed ended at that time.
    DELETE FROM pauses AS gone WHERE gone.pause_id = ANY (ARRAY(
        SELECT pause.pause_id FROM pauses AS pause
        WHERE coalesce(pause.resumed_at, pause.paused_until) < before
        ORDER BY pause.pause_id LIMIT at_most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS pauses = ROW_COUNT;

    DELETE FROM paid_calls AS gone WHERE gone.ctid = ANY (ARRAY(
        WITH RECURSIVE budgets AS (
            -- The budgets, each found by one step down the key.
            (SELECT calls.budget FROM paid_calls AS calls ORDER BY calls.budget LIMIT 1)
            UNION ALL
            SELECT (SELECT calls.budget FROM paid_calls AS calls WHERE calls.budget > budgets.budget
                    ORDER BY calls.budget LIMIT 1)
            FROM budgets WHERE budgets.budget IS NOT NULL
        )
        SELECT day.place FROM budgets CROSS JOIN LATERAL (
            SELECT calls.ctid AS place FROM paid_calls AS calls
            WHERE calls.budget = budgets.budget AND calls.day < (before AT TIME ZONE 'UTC')::date
            ORDER BY calls.day, calls.key LIMIT at_most
        ) AS day LIMIT at_most));
    GET DIAGNOSTICS paid_calls = ROW_COUNT;
    RETURN NEXT;
END
$$;

-- The only functions that a client calls. The others run as triggers, which needs no privilege; making a trigger of them
-- elsewhere would need it. role.py grants these two to the functions' role.
REVOKE EXECUTE ON FUNCTION number_attempt(), guard_attempt(), refuse_rewriting(), refuse_direct_write(),
    refuse_truncate(), fulfil_erasure(), erase_history(text, bigint[], text, text),
    delete_history(timestamptz, integer) FROM PUBLIC;

-- ==== A workflow: its field {status} of {table} ====

-- Before a record is written: refuse an illegal transition, complete the companion columns, refuse contradictions.
CREATE OR REPLACE FUNCTION guard_{name}_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before work_status; -- NULL when the record is created
    contradiction text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD.{status};
        IF NEW.id <> OLD.id THEN
            RAISE EXCEPTION '{table} %: its id is immutable, because attempts and history refer to it; % is refused',
                OLD.id, NEW.id USING ERRCODE = 'SS004';
        END IF;
    END IF;
    IF NEW.{status} IS DISTINCT FROM before THEN
        IF NEW.{status} <> ALL (next_statuses(before)) THEN
            RAISE EXCEPTION '{table} %: {status} may not go from % to %; allowed: %',
                NEW.id, coalesce(before::text, '(created)'), NEW.{status},
                array_to_string(next_statuses(before), ', ') USING ERRCODE = 'SS001';
        END IF;
        IF NEW.{status} = 'Queued' THEN
            NEW.{due_at} := coalesce(NEW.{due_at}, now());
        ELSIF NEW.{due_at} IS NOT NULL THEN
            NEW.{due_at} := NULL;
        END IF;
        -- The failures are those since a person or a hand-off queued the record.
        IF before IS DISTINCT FROM 'Processing' AND NEW.{status} <> 'Processing' THEN
            NEW.{failures} := 0;
        END IF;
        IF NEW.{status} <> 'Error' AND (NEW.{error_code} IS NOT NULL OR NEW.{error} IS NOT NULL) THEN
            NEW.{error_code} := NULL;
            NEW.{error} := NULL;
        END IF;
        NEW.updated_at := now();
    END IF;
    contradiction := CASE
        WHEN (NEW.{status} = 'Queued') <> (NEW.{due_at} IS NOT NULL) THEN
            '{due_at} must be set exactly when {status} is Queued, and it is ' || NEW.{status}
        WHEN NEW.{due_at} NOT BETWEEN '2000-01-01' AND now() + interval '400 days' THEN
            '{due_at} must be from the year 2000 to 400 days from now, and not ' || NEW.{due_at}
        WHEN NEW.{failures} NOT BETWEEN 0 AND 9999 THEN
            '{failures} must be 0 to 9999, and not ' || NEW.{failures} || '; {status} is ' || NEW.{status}
        WHEN (NEW.{status} = 'Error') <> (NEW.{error_code} IS NOT NULL) THEN
            '{error_code} must be set exactly when {status} is Error, and it is ' || NEW.{status}
        WHEN NEW.{error} IS NOT NULL AND NEW.{status} <> 'Error' THEN
            '{error} may be set only when {status} is Error, and it is ' || NEW.{status}
    END;
    IF contradiction IS NOT NULL THEN
        RAISE EXCEPTION '{table} %: %', NEW.id, contradiction USING ERRCODE = 'SS003';
    END IF;
    RETURN NEW;
END
$$;

-- Before a record in Processing is deleted: refuse, if an attempt holds it.
CREATE OR REPLACE FUNCTION keep_{name}_held() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    live bigint;
BEGIN
    SELECT attempt_id INTO live FROM attempts
    WHERE workflow = {workflow} AND record_id = OLD.id AND finished_at IS NULL;
    IF live IS NOT NULL THEN
        RAISE EXCEPTION '{table} %: {status} is Processing and held by live attempt %; abandon it before it is deleted',
            OLD.id, live USING ERRCODE = 'SS002';
    END IF;
    RETURN OLD;
END
$$;

-- After a record was created other than New: write the event. What triggers of others made of the record is checked too.
CREATE OR REPLACE FUNCTION audit_{name}_created() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.{status} <> ALL (next_statuses(NULL)) THEN
        RAISE EXCEPTION '{table} %: a trigger changed {status} from (created) to %; allowed: %',
            NEW.id, NEW.{status}, array_to_string(next_statuses(NULL), ', ') USING ERRCODE = 'SS001';
    END IF;
    INSERT INTO status_events (workflow, record_id, to_status, actor, reason, error_code)
    VALUES ({workflow}, NEW.id, NEW.{status}, status_actor(), nullif(current_setting('scrapersky.reason', true), ''),
        NEW.{error_code});
    RETURN NULL;
END
$$;

-- After a statement changed statuses: write the events, and refuse a record that enters Processing without a live
-- attempt or leaves it with one. It sees the attempts that a verb makes or ends in the same statement, and what triggers
-- of others made of the records. Once per statement, because a statement of its own for each row takes three times as long.
CREATE OR REPLACE FUNCTION audit_{name}_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    refused record;
BEGIN
    -- The records whose status changed, with the live attempt of those that enter or leave Processing.
    WITH moved AS MATERIALIZED (
        SELECT id, older.{status} AS before, newer.{status} AS after, newer.{error_code} AS error_code,
            CASE WHEN 'Processing' IN (older.{status}, newer.{status}) THEN (
                SELECT attempt_id FROM attempts WHERE workflow = {workflow} AND record_id = id AND finished_at IS NULL)
            END AS live
        FROM older JOIN newer USING (id) WHERE older.{status} <> newer.{status}
    ),
    -- An event of a record that leaves Processing names the attempt that this transaction has ended. That is not the one
    -- with the highest id, when the number began again within the second or the live attempt was deleted.
    events AS (
        INSERT INTO status_events (workflow, record_id, from_status, to_status, actor, attempt_id, reason, error_code)
        SELECT {workflow}, id, before, after, status_actor(),
            coalesce(live, CASE WHEN before = 'Processing' THEN (
                SELECT max(attempt_id) FROM attempts
                WHERE workflow = {workflow} AND record_id = id AND finished_at = now()) END),
            nullif(current_setting('scrapersky.reason', true), ''), error_code
        FROM moved
    )
    SELECT * INTO refused FROM moved
    WHERE after <> ALL (next_statuses(before)) OR (after = 'Processing') <> (live IS NOT NULL) LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF refused.after <> ALL (next_statuses(refused.before)) THEN
        RAISE EXCEPTION '{table} %: a trigger changed {status} from % to %; allowed: %',
            refused.id, refused.before, refused.after, array_to_string(next_statuses(refused.before), ', ')
            USING ERRCODE = 'SS001';
    ELSIF refused.live IS NULL THEN
        RAISE EXCEPTION '{table} %: only a claim may set {status} to Processing; set Queued and the next tick claims it',
            refused.id USING ERRCODE = 'SS002';
    END IF;
    RAISE EXCEPTION '{table} %: {status} is Processing and held by live attempt %; only its worker may set %, and abandoning it ends it in Error',
        refused.id, refused.live, refused.after USING ERRCODE = 'SS002';
END
$$;

-- At the commit: refuse, if the record is Processing without a live attempt, or has one without being Processing.
CREATE OR REPLACE FUNCTION settle_{name}_attempt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    live bigint := (SELECT attempt_id FROM attempts
        WHERE workflow = {workflow} AND record_id = NEW.record_id AND finished_at IS NULL);
    now_is work_status := (SELECT {status} FROM {table} WHERE id = NEW.record_id);
BEGIN
    IF now_is = 'Processing' AND live IS NULL THEN
        RAISE EXCEPTION '{table} %: {status} is Processing, and would stay so without live attempt %; abandon the record, or set {status} to Queued in the same transaction',
            NEW.record_id, NEW.attempt_id USING ERRCODE = 'SS002';
    ELSIF live IS NOT NULL AND now_is IS DISTINCT FROM 'Processing' THEN
        RAISE EXCEPTION '{table} %: {status} is %, and live attempt % needs Processing; set Queued and the next tick claims it',
            NEW.record_id, coalesce(now_is::text, 'missing'), live USING ERRCODE = 'SS002';
    END IF;
    DELETE FROM pending_attempt_checks AS pending
    WHERE pending.workflow = NEW.workflow AND pending.record_id = NEW.record_id
      AND pending.attempt_id = NEW.attempt_id;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION guard_{name}_status(), keep_{name}_held(), audit_{name}_created(),
    audit_{name}_status(), settle_{name}_attempt() FROM PUBLIC;

-- By what has changed, not by the columns that a statement names: another trigger may have changed them.
CREATE OR REPLACE TRIGGER guard_{name}_status BEFORE UPDATE ON {table}
    FOR EACH ROW WHEN (
        (OLD.id, OLD.{status}, OLD.{due_at}, OLD.{failures}, OLD.{error_code}, OLD.{error}) IS DISTINCT FROM
        (NEW.id, NEW.{status}, NEW.{due_at}, NEW.{failures}, NEW.{error_code}, NEW.{error}))
    EXECUTE FUNCTION guard_{name}_status();
-- An import inserts 50,000 pages, so ordinary New records are not checked. Those that other triggers change are, by the
-- audit and the CHECKs.
CREATE OR REPLACE TRIGGER guard_{name}_status_created BEFORE INSERT ON {table}
    FOR EACH ROW WHEN (
        (NEW.{status}, NEW.{due_at}, NEW.{failures}, NEW.{error_code}, NEW.{error}) IS DISTINCT FROM
        ('New', NULL, 0, NULL, NULL))
    EXECUTE FUNCTION guard_{name}_status();
CREATE OR REPLACE TRIGGER guard_{name}_status_truncated BEFORE TRUNCATE ON {table}
    EXECUTE FUNCTION refuse_truncate({workflow});
CREATE OR REPLACE TRIGGER keep_{name}_held BEFORE DELETE ON {table}
    FOR EACH ROW WHEN (OLD.{status} = 'Processing') EXECUTE FUNCTION keep_{name}_held();
CREATE OR REPLACE TRIGGER audit_{name}_status AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS older NEW TABLE AS newer EXECUTE FUNCTION audit_{name}_status();
CREATE OR REPLACE TRIGGER audit_{name}_status_created AFTER INSERT ON {table}
    FOR EACH ROW WHEN (NEW.{status} <> 'New') EXECUTE FUNCTION audit_{name}_created();

DROP TRIGGER IF EXISTS settle_{name}_attempt ON pending_attempt_checks;
CREATE CONSTRAINT TRIGGER settle_{name}_attempt AFTER INSERT ON pending_attempt_checks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.workflow = {workflow})
    EXECUTE FUNCTION settle_{name}_attempt();

-- ==== All workflows together ====

-- After an attempt was made, ended or deleted: it must be live exactly when its record is Processing. A verb moves both
-- in one statement. What does not fit is checked again at the commit, so that manual SQL may take two statements. One
-- function for all workflows, because Postgres reads the condition of each trigger in each statement.
CREATE OR REPLACE FUNCTION hold_attempt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
DECLARE
    of_workflow text := coalesce(NEW.workflow, OLD.workflow);
    of_record bigint := coalesce(NEW.record_id, OLD.record_id);
    is_live boolean := TG_OP <> 'DELETE' AND NEW.finished_at IS NULL;
    is_held boolean; -- NULL when there is no record
BEGIN
    CASE of_workflow {branches}
        ELSE RETURN NULL;
    END CASE;
    IF is_live <> coalesce(is_held, false) THEN
        INSERT INTO pending_attempt_checks (workflow, record_id, attempt_id)
        VALUES (of_workflow, of_record, coalesce(NEW.attempt_id, OLD.attempt_id)) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION hold_attempt() FROM PUBLIC;

CREATE OR REPLACE TRIGGER attempts_held_made AFTER INSERT ON attempts
    FOR EACH ROW WHEN (NEW.finished_at IS NULL) EXECUTE FUNCTION hold_attempt();
CREATE OR REPLACE TRIGGER attempts_held_ended AFTER UPDATE ON attempts
    FOR EACH ROW WHEN ((OLD.finished_at IS NULL) <> (NEW.finished_at IS NULL)) EXECUTE FUNCTION hold_attempt();
CREATE OR REPLACE TRIGGER attempts_held_deleted AFTER DELETE ON attempts
    FOR EACH ROW WHEN (OLD.finished_at IS NULL) EXECUTE FUNCTION hold_attempt();

-- ==== The branch of a workflow ====
        WHEN {workflow} THEN is_held := (SELECT {status} = 'Processing' FROM {table} WHERE id = of_record);
-- ==== Remove a workflow ====

-- CASCADE drops the triggers that run these functions.
DROP FUNCTION IF EXISTS guard_{name}_status(), keep_{name}_held(), audit_{name}_created(),
    audit_{name}_status(), settle_{name}_attempt() CASCADE;

-- ==== Remove the rest ====

DROP FUNCTION IF EXISTS number_attempt(), guard_attempt(), hold_attempt(), refuse_rewriting(), refuse_direct_write(),
    refuse_truncate(), fulfil_erasure(), erase_history(text, bigint[], text, text),
    delete_history(timestamptz, integer), status_actor(), next_statuses(work_status) CASCADE;
DROP SEQUENCE IF EXISTS attempt_numbers;
