"""Guards of the status machine's verbs, most of them in SQL."""

from tests.mutants.mutant import LAYER, Edit, Mutant

BUDGET_RACES = "tests/race/test_budget.py"
VERBS = "tests/integration/test_verbs.py"
RUNTIME = "tests/integration/test_runtime.py"
ISOLATION = "tests/integration/test_isolation.py"
STATEMENTS = "tests/integration/test_statements.py"
MANUAL_SQL = "tests/integration/test_manual_sql.py"
CLAIMS = "tests/race/test_claims.py"
ENDS = "tests/race/test_ends.py"
LOCK_ORDER = "tests/race/test_lock_order.py"
BETWEEN = "tests/race/test_between_statements.py"

LIVE = "AND outcome IS NULL"
NOT_STARTED = "AND started_at IS NULL"
EXPIRED = "AND lease_until < now()"
SKIP = "SKIP LOCKED"
IN_ORDER = "ORDER BY attempt_id"


def without(guard: str, where: str, text: str, *tests: str, instead: str = "", times: int = 1) -> Mutant:
    """Return the mutant whose verb ``where`` (``module.SCOPE``) has ``instead`` for ``text``."""
    module, _, scope = where.partition(".")
    return Mutant(guard, (Edit(f"{LAYER}/status/{module}.py", text, instead, scope, times),), tests)


STATUS_GUARDS = (
    # claim
    without("claim: SKIP LOCKED", "claim.LOCK", SKIP, CLAIMS),
    without("claim: due is checked again under the lock", "claim.LOCK", "AND {due_at} <= now()", CLAIMS),
    without("claim: live attempts bound it", "claim.LOCK", "- (SELECT count(*) FROM live)", VERBS),
    without("claim: LIMIT", "claim.LOCK", "SELECT records", VERBS, instead="SELECT records * 1000"),
    without("claim: pause", "claim.LOCK", "THEN 0 ELSE", VERBS, instead="THEN 1000 ELSE"),
    without("claim: a pause ends", "sql.FRAGMENTS", "coalesce(paused_until > now(), true)", VERBS, instead="true"),
    without(
        "claim: the cap per host",
        "claim.BY_HOST",
        "host_rank <= :per_host",
        VERBS,
        instead="host_rank <= :per_host + 1000",
    ),
    without("claim: fair between tenants", "claim.BY_TENANT", "PARTITION BY tenant", VERBS),
    without("claim: a stray live attempt hides no other record", "claim.TAKE", "ON CONFLICT DO NOTHING", CLAIMS),
    # dispatch
    without(
        "dispatch: a failed send is released",
        "dispatch.dispatch",
        "[record.attempt_id for record in claimed]",
        RUNTIME,
        instead="[]",
    ),
    without(
        "dispatch: what was not sent is released", "dispatch.dispatch", "if unsent", ISOLATION, instead="if not unsent"
    ),
    # start
    without("start: once", "start.START", NOT_STARTED, VERBS),
    without("start: only a live attempt", "start.START", LIVE, ENDS),
    without(
        "start: the lease begins with the work",
        "start.START",
        "now() + make_interval(secs => :lease)",
        VERBS,
        instead="lease_until + make_interval(secs => 0 * :lease)",
    ),
    without("start: waits for no other transaction", "start.START", SKIP, CLAIMS),
    # finish
    without("finish: only a live attempt", "finish.FINISH", LIVE, ENDS),
    without(
        "finish: this attempt, not another of the record",
        "finish.FINISH",
        "attempt_id = :attempt_id",
        VERBS,
        instead="record_id = (SELECT record_id FROM attempts WHERE attempt_id = :attempt_id)",
    ),
    without("finish several: only live attempts", "finish.COMPLETE_ALL", LIVE, ENDS),
    without("finish several: attempts in order", "finish.COMPLETE_ALL", IN_ORDER, LOCK_ORDER),
    without(
        "finish several: records in order",
        "sql.FRAGMENTS",
        "ORDER BY id FOR NO",
        LOCK_ORDER,
        instead="ORDER BY id DESC FOR NO",
    ),
    without(
        "retry: the last failure is Error",
        "finish.RETRY",
        ":max_failures THEN 'Error'",
        VERBS,
        instead=":max_failures + 1000 THEN 'Error'",
    ),
    without("retry: backoff grows", "retry_policy.BACKOFF_SECONDS", "* 2.0 ^ {failures}", VERBS),
    without(
        "retry: the failure counts",
        "finish.RETRY",
        "{failures} = {failures} + 1",
        VERBS,
        instead="{failures} = {failures}",
    ),
    # recover
    without("recover: a finish in between is seen", "recover.RECOVER", LIVE, BETWEEN),
    without("recover: a start in between is seen", "recover.RECOVER", EXPIRED, BETWEEN),
    without(
        "recover: SKIP LOCKED",
        "recover.RECOVER",
        f"ORDER BY attempt_id FOR NO KEY UPDATE {SKIP}",
        ENDS,
        instead="ORDER BY attempt_id FOR NO KEY UPDATE",
    ),
    without(
        "recover: one bad row hides no other",
        "recover._recover",
        "len(attempt_ids) == 1",
        VERBS,
        instead="len(attempt_ids) > 0",
    ),
    without(
        "recover: a whole batch of bad rows hides no other",
        "recover.recover",
        "if recovered:",
        ISOLATION,
        instead="if True:",
    ),
    without("recover: a bad row is reported", "recover.recover", "if errors:", ISOLATION, instead="if False:"),
    without(
        "recover: a lost worker counts", "recover.RECOVER", "CASE WHEN started THEN 1 ELSE 0 END", VERBS, instead="0"
    ),
    without(
        "recover: an undelivered message does not count",
        "recover.RECOVER",
        "CASE WHEN started THEN 1 ELSE 0 END",
        VERBS,
        instead="1",
    ),
    without(
        "recover: undelivered too often is Error",
        "recover.RECOVER",
        ":undelivered_max <=",
        VERBS,
        instead="1000 * :undelivered_max <=",
    ),
    without(
        "recover: lost too often is Error", "recover.RECOVER", ":max_failures", VERBS, instead=":max_failures + 1000"
    ),
    # release
    without("release: only a live attempt", "release.RELEASE", LIVE, ENDS, VERBS),
    without("release: not after the start", "release.RELEASE", NOT_STARTED, ENDS),
    without("release: locks in order", "release.RELEASE", IN_ORDER, LOCK_ORDER),
    # dead letter
    without("dead letter: only a live attempt", "dead_letter.DEAD_LETTER", LIVE, VERBS),
    without(
        "dead letter: not while a worker is busy",
        "dead_letter.DEAD_LETTER",
        "AND (started_at IS NULL OR lease_until < now())",
        VERBS,
    ),
    # requeue and hand-off
    without(
        "requeue: never Queued or Processing records",
        "requeue.REQUEUE",
        "IN ('New', 'Completed', 'Error')",
        "tests/integration/test_manual.py",
        CLAIMS,
        instead="IS NOT NULL",
    ),
    without(
        "requeue: a filter is mandatory",
        "requeue.requeue",
        "ids is None and error_code is None",
        VERBS,
        instead="False",
    ),
    without("requeue: a reason is mandatory", "requeue.requeue", "not reason.strip()", VERBS, instead="False"),
    without("requeue: a cap", "requeue.requeue", "not 1 <= limit <= MAX_REQUEUED", VERBS, instead="False"),
    without(
        "hand-off: never Queued or Processing records",
        "requeue.HAND_OFF",
        "AND {status} IN ('Completed', 'Error')",
        VERBS,
    ),
    without("hand-off: locks in order", "requeue.HAND_OFF", "ORDER BY {table}.id", LOCK_ORDER),
    # cancel and abandon
    without("cancel: only Queued records", "cancel.CANCEL", "AND {status} = 'Queued'", VERBS),
    without("cancel: SKIP LOCKED", "cancel.CANCEL", SKIP, CLAIMS),
    without("abandon: only a live attempt", "abandon.ABANDON", "AND finished_at IS NULL", ENDS),
    without("abandon: locks in order", "abandon.ABANDON", IN_ORDER, LOCK_ORDER),
    without(
        "actor: forgotten with the statement", "sql.SET_ACTOR", ":actor, true", STATEMENTS, instead=":actor, false"
    ),
    # budget and invariants
    without("budget: the cap of the day", "budget.SPEND", "0) < :per_day", VERBS, instead="0) < 1000 + :per_day"),
    without(
        "budget: the cap of a day's first calls", "budget.SPEND", "WHERE paid_calls.calls < :per_day", BUDGET_RACES
    ),
    without("budget: later calls meet before they are charged", "budget.SPEND", "FOR UPDATE", BUDGET_RACES),
    without(
        "budget: the cap of the record",
        "budget.SPEND",
        "calls < :per_record",
        VERBS,
        instead="calls < 1000 + :per_record",
    ),
    without(
        "invariants: Processing without a live attempt is found",
        "invariants.BREACHES",
        "= {table}.id AND finished_at IS NULL",
        MANUAL_SQL,
        instead="= {table}.id",
    ),
)
