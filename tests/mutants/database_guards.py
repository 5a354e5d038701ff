"""Guards in the schema: triggers and indexes, which bind every writer."""

from tests.mutants.mutant import LAYER, Edit, Mutant

GUARD = "tests/integration/test_guard.py"
VERBS = "tests/integration/test_verbs.py"
MANUAL_SQL = "tests/integration/test_manual_sql.py"
CLAIMS = "tests/race/test_claims.py"
NEVER = "WHEN false THEN"
FILE = f"{LAYER}/migrations/guard.sql"


def without(guard: str, text: str, test: str, *, instead: str = "", times: int = 1, file: str = "guard.sql") -> Mutant:
    """Return the mutant whose ``guard.sql`` (or another file of the migrations) has ``instead`` for ``text``."""
    return Mutant(guard, (Edit(f"{LAYER}/migrations/{file}", text, instead, times=times),), (test,))


DATABASE_GUARDS = (
    # records
    Mutant(
        "schema: illegal transitions",
        (
            Edit(FILE, "<> ALL (next_statuses(before)) THEN", "IS NULL THEN"),
            Edit(FILE, "after <> ALL (next_statuses(before)) OR", ""),
        ),
        (GUARD,),
    ),
    without("schema: illegal transitions by a later trigger", "after <> ALL (next_statuses(before)) OR", MANUAL_SQL),
    without(
        "schema: records created by a later trigger",
        "<> ALL (next_statuses(NULL)) THEN",
        MANUAL_SQL,
        instead="IS NULL THEN",
    ),
    without(
        "schema: triggers fire by what changed, not by the columns named",
        "guard_{name}_status BEFORE UPDATE ON {table}",
        MANUAL_SQL,
        instead="guard_{name}_status BEFORE UPDATE OF {status} ON {table}",
    ),
    without(
        "schema: only the holder of the attempt leaves Processing",
        "(after = 'Processing') <> (live IS NOT NULL)",
        GUARD,
        instead="(after = 'Processing' AND live IS NULL)",
    ),
    without(
        "schema: no record enters Processing without an attempt",
        "(after = 'Processing') <> (live IS NOT NULL)",
        GUARD,
        instead="(after <> 'Processing' AND live IS NOT NULL)",
    ),
    without(
        "schema: due_at exactly when Queued",
        "WHEN (NEW.{status} = 'Queued') <> (NEW.{due_at} IS NOT NULL) THEN",
        GUARD,
        instead=NEVER,
    ),
    without(
        "schema: error_code exactly when Error",
        "WHEN (NEW.{status} = 'Error') <> (NEW.{error_code} IS NOT NULL) THEN",
        GUARD,
        instead=NEVER,
    ),
    without(
        "schema: error only when Error",
        "WHEN NEW.{error} IS NOT NULL AND NEW.{status} <> 'Error' THEN",
        GUARD,
        instead=NEVER,
    ),
    without(
        "schema: due_at within range",
        "WHEN NEW.{due_at} NOT BETWEEN '2000-01-01' AND now() + interval '400 days' THEN",
        MANUAL_SQL,
        instead=NEVER,
    ),
    without("schema: failures within range", "WHEN NEW.{failures} NOT BETWEEN 0 AND 9999 THEN", GUARD, instead=NEVER),
    without("schema: a held record is not deleted", "IF live IS NOT NULL THEN", MANUAL_SQL, instead="IF false THEN"),
    without("schema: a table with held records is not truncated", "IF FOUND THEN", MANUAL_SQL, instead="IF false THEN"),
    without("schema: history is not truncated", "ELSIF TG_NARGS = 0 THEN", MANUAL_SQL, instead="ELSIF false THEN"),
    without("schema: a record's id is immutable", "IF NEW.id <> OLD.id THEN", MANUAL_SQL, instead="IF false THEN"),
    without("schema: queueing sets due_at", "coalesce(NEW.{due_at}, now())", GUARD, instead="NEW.{due_at}"),
    without("schema: queueing resets failures", "NEW.{failures} := 0;", MANUAL_SQL, instead="NULL;"),
    without("schema: queueing clears the error", "NEW.{error_code} := NULL;", GUARD),
    # attempts
    without(
        "schema: one live attempt",
        "CREATE UNIQUE INDEX uq_attempts_one_live",
        CLAIMS,
        instead="CREATE INDEX uq_attempts_one_live",
        file="versions/0001_schema.sql",
    ),
    without(
        "schema: an attempt keeps its record",
        "(OLD.attempt_id, OLD.workflow, OLD.record_id, coalesce",
        MANUAL_SQL,
        instead="(NEW.attempt_id, NEW.workflow, NEW.record_id, coalesce",
    ),
    without(
        "schema: an attempt starts once",
        "coalesce(OLD.started_at, NEW.started_at)",
        MANUAL_SQL,
        instead="NEW.started_at",
    ),
    without(
        "schema: ids of attempts are not chosen",
        "IF NEW.attempt_id IS NOT NULL THEN",
        MANUAL_SQL,
        instead="IF false THEN",
    ),
    without(
        "schema: a lease ends",
        "WHEN (NEW.lease_until NOT BETWEEN '2000-01-01' AND now() + interval '400 days')",
        MANUAL_SQL,
        instead="WHEN (false)",
    ),
    without(
        "schema: an ended attempt is not rewritten",
        "WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION refuse_rewriting",
        MANUAL_SQL,
        instead="WHEN (false) EXECUTE FUNCTION refuse_rewriting",
    ),
    without(
        "schema: an ended pause is not rewritten",
        "WHEN (OLD.resumed_at IS NOT NULL)",
        MANUAL_SQL,
        instead="WHEN (false)",
    ),
    without(
        "schema: no live attempt ends without its record",
        "IF now_is = 'Processing' AND live IS NULL THEN",
        MANUAL_SQL,
        instead="IF false THEN",
    ),
    without(
        "schema: no live attempt without a record in Processing",
        "ELSIF live IS NOT NULL AND now_is IS DISTINCT FROM 'Processing' THEN",
        MANUAL_SQL,
        instead="ELSIF false THEN",
    ),
    without(
        "schema: attempts made or ended are compared with their records",
        "IF is_live <> coalesce(",
        MANUAL_SQL,
        instead="IF false AND is_live <> coalesce(",
    ),
    without(
        "schema: no live attempt is deleted without its record",
        "WHEN (OLD.finished_at IS NULL)",
        MANUAL_SQL,
        instead="WHEN (false)",
    ),
    without(
        "schema: manual SQL may take two statements until the commit",
        "DEFERRABLE INITIALLY DEFERRED",
        MANUAL_SQL,
        instead="DEFERRABLE INITIALLY IMMEDIATE",
    ),
    without(
        "schema: checks that were made are deleted",
        "DELETE FROM pending_attempt_checks AS pending WHERE pending.workflow = NEW.workflow"
        " AND pending.record_id = NEW.record_id AND pending.attempt_id = NEW.attempt_id;",
        MANUAL_SQL,
    ),
    without(
        "schema: checks are written by the guard only",
        "WHEN (pg_trigger_depth() = 0)",
        MANUAL_SQL,
        instead="WHEN (false)",
    ),
    # audit
    without(
        "schema: every change is audited",
        "WHERE older.{status} <> newer.{status}",
        GUARD,
        instead="WHERE false",
    ),
    without(
        "schema: an event names the attempt that ended",
        "CASE WHEN before = 'Processing' THEN (",
        VERBS,
        instead="CASE WHEN false THEN (",
    ),
    without("schema: the actor is audited", "nullif(current_setting('application_name', true), ''),", GUARD),
    without(
        "schema: history is append-only",
        "status_events_append_only BEFORE UPDATE",
        GUARD,
        instead="status_events_append_only AFTER DELETE",
    ),
)
