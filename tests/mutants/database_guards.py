"""Guards in the schema: triggers and indexes, which bind every writer."""

from tests.mutants.mutant import LAYER, Edit, Mutant

GUARD = "tests/integration/test_guard.py"
MANUAL_SQL = "tests/integration/test_manual_sql.py"
CLAIMS = "tests/race/test_claims.py"
MIGRATIONS = {
    "0001": "0001_schema.py",
    "0002": "0002_status_guard.py",
    "0005": "0005_guard_of_attempts.py",
    "0006": "0006_guard_by_statement.py",
}
WATCH = "0006.WATCH_STATUS"
ON_ATTEMPTS = "0006.ON_ATTEMPTS"
ILLEGAL = "IF NEW.%1$I <> ALL (next_statuses(before)) THEN"
MISMATCH = "IF passes AND (live IS NOT NULL) <> (NEW.%1$I = 'Processing') THEN"
NEVER = "WHEN false THEN"


def without(guard: str, where: str, text: str, test: str, *, instead: str = "", times: int = 1) -> Mutant:
    """Return the mutant whose migration ``where`` (``number.SCOPE``) has ``instead`` for ``text``."""
    number, _, scope = where.partition(".")
    file = f"{LAYER}/migrations/versions/{MIGRATIONS[number]}"
    return Mutant(guard, (Edit(file, text, instead, scope, times),), (test,))


DATABASE_GUARDS = (
    # records
    without("schema: illegal transitions", WATCH, ILLEGAL, GUARD, instead="IF false THEN", times=2),
    without(
        "schema: illegal transitions by a later trigger",
        WATCH,
        f"{ILLEGAL} RAISE EXCEPTION USING ERRCODE = 'SS001', MESSAGE = format( '%4$s",
        MANUAL_SQL,
        instead="IF false THEN RAISE EXCEPTION USING ERRCODE = 'SS001', MESSAGE = format('%4$s",
    ),
    without(
        "schema: triggers fire by what changed, not by the columns named",
        WATCH,
        "BEFORE UPDATE ON %2$s FOR EACH ROW WHEN (",
        MANUAL_SQL,
        instead="BEFORE UPDATE OF %3$I ON %2$s FOR EACH ROW WHEN (",
    ),
    without(
        "schema: only the holder of the attempt leaves Processing",
        WATCH,
        MISMATCH,
        GUARD,
        instead="IF passes AND live IS NULL AND NEW.%1$I = 'Processing' THEN",
    ),
    without(
        "schema: no record enters Processing without an attempt",
        WATCH,
        MISMATCH,
        GUARD,
        instead="IF passes AND live IS NOT NULL AND NEW.%1$I <> 'Processing' THEN",
    ),
    without(
        "schema: due_at exactly when Queued",
        WATCH,
        "WHEN (NEW.%1$I = 'Queued') <> (NEW.%2$I IS NOT NULL) THEN",
        GUARD,
        instead=NEVER,
    ),
    without(
        "schema: error_code exactly when Error",
        WATCH,
        "WHEN (NEW.%1$I = 'Error') <> (NEW.%4$I IS NOT NULL) THEN",
        GUARD,
        instead=NEVER,
    ),
    without(
        "schema: error only when Error",
        WATCH,
        "WHEN NEW.%5$I IS NOT NULL AND NEW.%1$I <> 'Error' THEN",
        GUARD,
        instead=NEVER,
    ),
    without(
        "schema: due_at within range",
        WATCH,
        "WHEN NEW.%2$I NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN",
        MANUAL_SQL,
        instead=NEVER,
    ),
    without("schema: failures within range", WATCH, "WHEN NEW.%3$I NOT BETWEEN 0 AND 9999 THEN", GUARD, instead=NEVER),
    without(
        "schema: a held record is not deleted", WATCH, "IF live IS NOT NULL THEN", MANUAL_SQL, instead="IF false THEN"
    ),
    without(
        "schema: a table with held records is not truncated",
        "0005.REFUSE_EMPTYING",
        "IF FOUND THEN",
        MANUAL_SQL,
        instead="IF false THEN",
    ),
    without(
        "schema: a record's id is immutable", WATCH, "IF NEW.id <> OLD.id THEN", MANUAL_SQL, instead="IF false THEN"
    ),
    without("schema: queueing sets due_at", WATCH, "coalesce(NEW.%2$I, now())", GUARD, instead="NEW.%2$I"),
    without("schema: queueing resets failures", WATCH, "NEW.%3$I := 0;", MANUAL_SQL, instead="NEW.%3$I := NEW.%3$I;"),
    without("schema: queueing clears the error", WATCH, "NEW.%4$I := NULL;", GUARD),
    # attempts
    without(
        "schema: one live attempt",
        "0001.upgrade",
        '["workflow", "record_id"], unique=True',
        CLAIMS,
        instead='["workflow", "record_id"], unique=False',
    ),
    without(
        "schema: an attempt keeps its record",
        "0005.ON_ATTEMPTS",
        "(OLD.attempt_id, OLD.workflow, OLD.record_id) IS DISTINCT FROM (NEW.attempt_id, NEW.workflow, NEW.record_id)",
        MANUAL_SQL,
        instead="false",
    ),
    without("schema: a lease ends", "0005.ON_ATTEMPTS", "NOT isfinite(NEW.lease_until)", MANUAL_SQL, instead="false"),
    without(
        "schema: no live attempt ends without its record",
        "0006.SETTLE_ATTEMPT",
        "IF now_is = 'Processing' AND NOT live THEN",
        MANUAL_SQL,
        instead="IF false THEN",
    ),
    without(
        "schema: no live attempt without a record in Processing",
        "0006.SETTLE_ATTEMPT",
        "ELSIF live AND now_is IS DISTINCT FROM 'Processing' THEN",
        MANUAL_SQL,
        instead="ELSIF false THEN",
    ),
    without(
        "schema: attempts made or ended are compared with their records",
        "0006.WATCH_ATTEMPTS",
        "AND (finished_at IS NULL) <> coalesce(",
        MANUAL_SQL,
        instead="AND false AND (finished_at IS NULL) <> coalesce(",
    ),
    without(
        "schema: attempts of every workflow are compared",
        "0006.WATCH_ATTEMPTS",
        "TG_OP = 'INSERT' OR finished_at IS NOT NULL);",
        MANUAL_SQL,
        instead="TG_OP = 'INSERT' OR finished_at IS NOT NULL LIMIT 1);",
    ),
    without(
        "schema: no ended attempt is revived without its record",
        ON_ATTEMPTS,
        "OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL",
        MANUAL_SQL,
        instead="false",
    ),
    without(
        "schema: no live attempt is deleted without its record",
        ON_ATTEMPTS,
        "(OLD.finished_at IS NULL)",
        MANUAL_SQL,
        instead="(false)",
    ),
    without(
        "schema: manual SQL may take two statements until the commit",
        WATCH,
        "DEFERRABLE INITIALLY DEFERRED",
        MANUAL_SQL,
        instead="DEFERRABLE INITIALLY IMMEDIATE",
    ),
    without(
        "schema: checks that were made are deleted",
        "0006.SETTLE_ATTEMPT",
        "DELETE FROM unsettled WHERE attempt_id = NEW.attempt_id;",
        MANUAL_SQL,
    ),
    # audit
    without(
        "schema: every change is audited",
        WATCH,
        "WHEN (NEW.%3$I IS DISTINCT FROM OLD.%3$I)",
        GUARD,
        instead="WHEN (false)",
    ),
    without(
        "schema: the actor is audited", "0002.ACTOR", "nullif(current_setting('application_name', true), ''),", GUARD
    ),
    without(
        "schema: history is append-only",
        "0002.APPEND_ONLY_TRIGGER",
        "BEFORE UPDATE",
        GUARD,
        instead="AFTER DELETE",
    ),
)
