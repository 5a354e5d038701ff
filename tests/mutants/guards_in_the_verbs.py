"""Guards in the SQL of the verbs."""

from tests.mutants.mutant import LAYER, Mutant

STATUS = f"{LAYER}/status"
VERBS = "tests/integration/test_verbs.py"
ENDS = "tests/race/test_ends.py"
CLAIMS = "tests/race/test_claims.py"
LOCK_ORDER = "tests/race/test_lock_order.py"
BETWEEN = "tests/race/test_between_statements.py"
ISOLATION = "tests/integration/test_isolation.py"
BY_HAND = "tests/integration/test_by_hand.py"
RUNTIME = "tests/integration/test_runtime.py"


def without(guard: str, verb: str, text: str, instead: str, *tests: str) -> Mutant:
    """One change in one verb."""
    return Mutant(guard, ((f"{STATUS}/{verb}.py", text, instead),), tests)


def without_both(guard: str, verb: str, first: tuple[str, str], second: tuple[str, str], *tests: str) -> Mutant:
    """A guard that stands twice: where rows are locked, and where they are changed."""
    file = f"{STATUS}/{verb}.py"
    return Mutant(guard, ((file, *first), (file, *second)), tests)


START_LOCKS = "AND outcome IS NULL AND started_at IS NULL\n    ORDER"
START_CHANGES = "AND outcome IS NULL AND started_at IS NULL\nRETURNING"
RECOVER_LOCKS = "AND outcome IS NULL AND lease_until < now()\n    ORDER"
RECOVER_CHANGES = "AND outcome IS NULL AND lease_until < now()\n    RETURNING"

ALL_LOCK = "(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL\n    ORDER BY attempt_id"
ALL_CHANGE = "AND workflow = {workflow} AND outcome IS NULL\n    RETURNING attempts.attempt_id"

ACTOR_OF_THE_STATEMENT = "set_config('scrapersky.actor', :actor, true)"

IN_THE_VERBS = (
    without_both(
        "finish together: only live attempts",
        "finish_together",
        (ALL_LOCK, ALL_LOCK.replace(" AND outcome IS NULL", "")),
        (ALL_CHANGE, ALL_CHANGE.replace(" AND outcome IS NULL", "")),
        ENDS,
    ),
    without(
        "finish together: attempts in order",
        "finish_together",
        "    ORDER BY attempt_id FOR UPDATE\n),\nfinished AS",
        "    FOR UPDATE\n),\nfinished AS",
        LOCK_ORDER,
    ),
    without(
        "finish together: records in order",
        "finish_together",
        "(SELECT record_id FROM finished)) ORDER BY id FOR UPDATE",
        "(SELECT record_id FROM finished)) FOR UPDATE",
        LOCK_ORDER,
    ),
    without(
        "finish: only a live attempt",
        "finish",
        "AND workflow = {workflow} AND outcome IS NULL\n",
        "AND workflow = {workflow}\n",
        ENDS,
    ),
    without(
        "finish: this attempt, not whichever is live",
        "finish",
        "WHERE attempt_id = :attempt_id AND workflow = {workflow} AND outcome IS NULL",
        "WHERE record_id = (SELECT record_id FROM attempts WHERE attempt_id = :attempt_id) AND workflow = {workflow}"
        " AND outcome IS NULL",
        VERBS,
    ),
    without(
        "retry: an end to tries",
        "finish",
        "CASE WHEN {failures} + 1 >= :max_failures THEN 'Error' ELSE 'Queued' END",
        "CASE WHEN {failures} + 1 >= :max_failures + 1000 THEN 'Error' ELSE 'Queued' END",
        VERBS,
    ),
    without("retry: backoff grows", "finish", ":base * 2.0 ^ {failures}", ":base", VERBS),
    without(
        "retry: the failure counts",
        "finish",
        "    {failures} = {failures} + 1,\n",
        "    {failures} = {failures},\n",
        VERBS,
    ),
    without_both(
        "start: once",
        "start",
        (START_LOCKS, "AND outcome IS NULL\n    ORDER"),
        (START_CHANGES, "AND outcome IS NULL\nRETURNING"),
        VERBS,
    ),
    without_both(
        "start: only a live attempt",
        "start",
        (START_LOCKS, "AND started_at IS NULL\n    ORDER"),
        (START_CHANGES, "AND started_at IS NULL\nRETURNING"),
        ENDS,
    ),
    without(
        "start: the lease begins with the work",
        "start",
        "lease_until = now() + make_interval(secs => :lease),",
        "lease_until = lease_until + make_interval(secs => 0 * :lease),",
        VERBS,
    ),
    without("start: locks in order", "start", "ORDER BY attempt_id FOR UPDATE", "FOR UPDATE", LOCK_ORDER),
    without("claim: SKIP LOCKED", "claim", "FOR UPDATE SKIP LOCKED", "FOR UPDATE", CLAIMS),
    without(
        "claim: due is checked again under the lock",
        "claim",
        "= in_turn.id AND {due_at} <= now() FOR",
        "= in_turn.id FOR",
        CLAIMS,
    ),
    without(
        "claim: no more than there is room for",
        "claim",
        ":max_in_flight - count(*)",
        ":max_in_flight - 0 * count(*)",
        VERBS,
    ),
    without(
        "claim: LIMIT", "claim", "LIMIT (SELECT records FROM room)", "LIMIT (SELECT records * 1000 FROM room)", VERBS
    ),
    without("claim: pause", "claim", "THEN 0 ELSE (", "THEN 1000 ELSE (", VERBS),
    without("claim: a pause ends", "claim", "coalesce(paused_until > now(), true)", "true", VERBS),
    without(
        "claim: the cap per host",
        "claim",
        "FROM queues WHERE turn_of_host <= :per_host",
        "FROM queues WHERE turn_of_host <= :per_host + 1000",
        VERBS,
    ),
    without(
        "claim: tenants take turns",
        "claim",
        "(PARTITION BY tenant ORDER BY due, id) AS turn, due FROM oldest",
        "(ORDER BY due, id) AS turn, due FROM oldest",
        VERBS,
    ),
    without("claim: a stray live attempt hides no other record", "claim", "    ON CONFLICT DO NOTHING\n", "", CLAIMS),
    without_both(
        "recover: a finish in between is seen",
        "recover",
        (RECOVER_LOCKS, "AND lease_until < now()\n    ORDER"),
        (RECOVER_CHANGES, "AND lease_until < now()\n    RETURNING"),
        BETWEEN,
    ),
    without_both(
        "recover: a start in between is seen",
        "recover",
        (RECOVER_LOCKS, "AND outcome IS NULL\n    ORDER"),
        (RECOVER_CHANGES, "AND outcome IS NULL\n    RETURNING"),
        BETWEEN,
    ),
    without("recover: SKIP LOCKED", "recover", "FOR UPDATE SKIP LOCKED", "FOR UPDATE", ENDS),
    without(
        "recover: one bad row hides no other",
        "recover",
        "        if len(attempt_ids) == 1:\n            refused",
        "        if len(attempt_ids) > 0:\n            refused",
        VERBS,
    ),
    without(
        "recover: a whole batch of bad rows hides no other",
        "recover",
        "        if recovered:\n            return recovered\n",
        "        return recovered\n",
        ISOLATION,
    ),
    without("recover: a bad row is told", "recover", "    if refused:\n        raise refused[0]\n", "", ISOLATION),
    without(
        "recover: a lost worker counts",
        "recover",
        "{failures} + CASE WHEN started THEN 1 ELSE 0 END",
        "{failures} + 0",
        VERBS,
    ),
    without(
        "recover: an undelivered message does not",
        "recover",
        "{failures} + CASE WHEN started THEN 1 ELSE 0 END",
        "{failures} + 1",
        VERBS,
    ),
    without(
        "recover: an end to undelivered messages",
        "recover",
        "NOT started AND :undelivered_max <= (",
        "NOT started AND 1000 * :undelivered_max <= (",
        VERBS,
    ),
    without(
        "recover: an end to lost workers",
        "recover",
        "failed >= :max_failures THEN 'lost_repeatedly'",
        "failed >= :max_failures + 1000 THEN 'lost_repeatedly'",
        VERBS,
    ),
    without(
        "release: only a live attempt",
        "release",
        "AND outcome IS NULL AND started_at IS NULL",
        "AND started_at IS NULL",
        ENDS,
        VERBS,
    ),
    without(
        "release: not what has been started",
        "release",
        "AND outcome IS NULL AND started_at IS NULL",
        "AND outcome IS NULL",
        ENDS,
    ),
    without("release: locks in order", "release", "ORDER BY attempt_id FOR UPDATE", "FOR UPDATE", LOCK_ORDER),
    without(
        "dispatch: a failed send is released",
        "dispatch",
        '        release(connection, workflow, [held.attempt_id for held in claimed], code="send_failed")\n',
        "",
        RUNTIME,
    ),
    without(
        "dispatch: what was not sent is released",
        "dispatch",
        "if unsent else []",
        "if not unsent else []",
        ISOLATION,
    ),
    without(
        "dead letter: only a live attempt",
        "dead_letter",
        "AND workflow = {workflow} AND outcome IS NULL\n",
        "AND workflow = {workflow}\n",
        VERBS,
    ),
    without(
        "dead letter: not while a worker is busy",
        "dead_letter",
        "      AND (started_at IS NULL OR lease_until < now())\n",
        "",
        VERBS,
    ),
    without(
        "requeue: never what is Queued or Processing",
        "requeue",
        "WHERE {status} IN ('New', 'Completed', 'Error')",
        "WHERE {status} IS NOT NULL",
        "tests/integration/test_manual.py",
        CLAIMS,
    ),
    without("requeue: a filter is mandatory", "requeue", "if ids is None and error_code is None:", "if False:", VERBS),
    without("requeue: a reason is mandatory", "requeue", "if not reason.strip():", "if False:", VERBS),
    without("requeue: a cap", "requeue", "if not 1 <= limit <= MAX_REQUEUED:", "if False:", VERBS),
    without(
        "hand-off: never what is Queued or Processing",
        "requeue",
        "AND ({status} = 'New' OR :again AND {status} IN ('Completed', 'Error'))",
        "AND ({status} = 'New' OR :again)",
        VERBS,
    ),
    without(
        "hand-off: locks in order",
        "requeue",
        "    ORDER BY {table}.id FOR UPDATE OF {table}\n",
        "    FOR UPDATE OF {table}\n",
        LOCK_ORDER,
    ),
    without_both(
        "abandon: only a live attempt",
        "abandon",
        (
            "AND record_id = ANY(CAST(:ids AS bigint[])) AND finished_at IS NULL",
            "AND record_id = ANY(CAST(:ids AS bigint[]))",
        ),
        ("= mine.attempt_id AND finished_at IS NULL", "= mine.attempt_id"),
        ENDS,
    ),
    without(
        "abandon: locks in order",
        "abandon",
        "ORDER BY attempt_id FOR UPDATE OF attempts",
        "FOR UPDATE OF attempts",
        LOCK_ORDER,
    ),
    *(
        without(
            f"{verb}: who acted is forgotten with the statement",
            verb,
            told,
            told.replace(", true)", ", false)"),
            "tests/integration/test_statements.py",
        )
        for verb, told in (("cancel", ACTOR_OF_THE_STATEMENT), ("abandon", ACTOR_OF_THE_STATEMENT))
    ),
    without("cancel: only what is Queued", "cancel", "AND {status} = 'Queued'\n", "\n", VERBS),
    without("cancel: SKIP LOCKED", "cancel", "FOR UPDATE OF {table} SKIP LOCKED", "FOR UPDATE OF {table}", CLAIMS),
    without(
        "budget: the day's cap",
        "budget",
        "WHERE paid_calls.calls < :per_day",
        "WHERE paid_calls.calls < 1000 + :per_day",
        VERBS,
    ),
    without(
        "budget: the record's cap",
        "budget",
        "WHERE paid_calls.calls < :per_record",
        "WHERE paid_calls.calls < 1000 + :per_record",
        VERBS,
    ),
    without(
        "invariants: Processing without a live attempt is found",
        "invariants",
        "record_id = {table}.id AND finished_at IS NULL)\n",
        "record_id = {table}.id)\n",
        BY_HAND,
    ),
)
