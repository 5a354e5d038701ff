"""Guards of pulls: the statement (with what it shares with claims) and the loop around it."""

from tests.mutants.mutant import LAYER, Edit, Mutant
from tests.mutants.tests_of import PULL

LOOP = ("tests/integration/test_pulling.py",)
FOR_CLAIM = "FOR NO KEY UPDATE"


def without(guard: str, where: str, text: str, *, instead: str = "", tests: tuple[str, ...] = ()) -> Mutant:
    """Return the mutant whose ``where`` (``folder/module.SCOPE``) has ``instead`` for ``text``."""
    module, _, scope = where.partition(".")
    tests = tests or (PULL if module.startswith("status") else LOOP)
    return Mutant(guard, (Edit(f"{LAYER}/{module}.py", text, instead, scope or None),), tests)


BATCH = f"{LAYER}/runtime/batch.py"
CLAIM, STATEMENT, PULLER = "status/claim", "status/pull", "runtime/puller"

PULL_GUARDS = (
    # waiting attempts
    without("pull: SKIP LOCKED", f"{STATEMENT}.TAKE_OVER", "SKIP LOCKED"),
    without("pull: a pause holds for waiting attempts", f"{STATEMENT}.TAKE_OVER", "AND NOT {paused}"),
    without("pull: the work lease of waiting attempts", f"{STATEMENT}.TAKE_OVER", "now() + make_interval(secs => :lease)",
            instead="lease_until + make_interval(secs => 0 * :lease)"),
    without("pull: its message is known as pulled", f"{STATEMENT}.TAKE_OVER", "trigger = :trigger,"),
    without("pull: waiting attempts that ran out of time", f"{STATEMENT}.TAKE_OVER", "AND {enough_time}"),
    without("pull: no waiting attempts on hosts of other workers", STATEMENT,
            " AND {host} <> ALL(ARRAY(SELECT host FROM leases WHERE NOT own))"),
    without("pull: waiting attempts count", f"{CLAIM}.LOCK", "- (SELECT count(*) FROM taken_over)"),
    # new claims
    without("pull: new attempts are started", f"{CLAIM}.TAKE", "IS NOT NULL THEN now()", instead="IS NULL THEN now()"),
    without("pull: records that ran out of time", f"{CLAIM}.LOCK", "AND {enough_time}"),
    without("claim: a turn counts what is in flight", f"{CLAIM}.BY_TENANT", "+ coalesce(live, 0)"),
    without("claim: turns go on behind the last tenant", f"{CLAIM}.LOCK",
            "coalesce(tenant <= (SELECT tenant FROM served), false),"),
    without("claim: turns that lost their place begin anywhere", f"{CLAIM}.LOCK", "GROUP BY tenant ORDER BY random()",
            instead="GROUP BY tenant ORDER BY tenant"),
    without("claim: small claims have a window of fifty", CLAIM, "SMALLEST_WINDOW = 50", instead="SMALLEST_WINDOW = 1"),
    without("claim: looks behind locked records", f"{STATEMENT}.PULL_BY_TENANT", "LOCK_BEHIND", instead="LOCK_NO_MORE"),
    Mutant(
        "claim: a foreign key does not hide a record",
        tuple(
            Edit(f"{LAYER}/{CLAIM}.py", FOR_CLAIM, "FOR UPDATE", scope) for scope in ("LOCK", "LOCK_BEHIND")
        ),
        PULL,
    ),
    # hosts
    without("pull: no hosts of other workers", f"{CLAIM}.BY_HOST", "WHERE own IS NOT FALSE"),
    without("pull: own hosts first", f"{CLAIM}.BY_HOST", "own NULLS LAST,"),
    without("pull: own hosts behind the window", f"{CLAIM}.BY_HOST", "FROM leases WHERE own",
            instead="FROM leases WHERE false"),
    without("pull: a lease ends", f"{CLAIM}.BY_HOST", "held_until > now() AND"),
    # lost replies
    without("pull: only this request's attempts", f"{STATEMENT}.UNANSWERED", "request_id = :request_id AND"),
    without("pull: not the known attempts", f"{STATEMENT}.UNANSWERED",
            "AND attempt_id <> ALL(CAST(:known AS bigint[]))", instead="AND :known IS NOT NULL"),
    without("pull: a lost reply is looked for", f"{PULLER}.Puller._pull", "pulled = await self.take_up()",
            instead="pulled = []"),
    # the loop
    without("pull: stops in time", f"{PULLER}.Puller._has_time", "> settings.pull_minimum_seconds", instead="> 0"),
    without("pull: can be switched off", f"{PULLER}.Puller._has_time", "settings.pull and"),
    without("pull: a quarter of the slots", f"{PULLER}.Puller._room", "self._slots // 4", instead="0"),
    without("pull: slots stay free for other workflows", f"{PULLER}.Puller._room", "min(idle, self._slots - 1)",
            instead="0"),
    without("pull: free slots are shared", f"{PULLER}.Puller.pull", "math.ceil(room / (len(turns) - position))",
            instead="room"),
    without("pull: waits longer after each empty pull", f"{PULLER}.Puller._pull",
            "min(2 * turn.wait, LONGEST_WAIT_SECONDS)", instead="turn.wait"),
    without("pull: asks at once when no job runs", f"{PULLER}.Puller.pull", "if not self._work.tasks or", instead="if"),
    without("pull: leaves places for a tick", f"{PULLER}.Puller._ask", "- own.batch_size"),
    without("pull: time for a whole deadline", f"{PULLER}.Puller._ask",
            "left >= settings.record_deadline_seconds + settings.saving_seconds", instead="True"),
    without("pull: the lease outlasts the invocation", f"{PULLER}.Puller._ask",
            "left + settings.start_lease_margin_seconds", instead="1.0", tests=("tests/integration/test_runtime.py",)),
    without("pull: the cap of a host", f"{PULLER}.Puller._ask", "own.max_per_host", instead="1_000"),
    without("pull: the minimum is read after connecting", f"{PULLER}.Puller._pull", "if self._has_time():",
            instead="if True:"),
    without("pull: no return while one is under way", "runtime/batch._work_and_pull", "await puller.pull()",
            instead="asyncio.ensure_future(puller.pull())"),
    Mutant(
        "batch: messages to redeliver are made visible before the work",
        (
            Edit(BATCH, "answer = _return_to_queue(runtime, malformed)", "answer = []", "work_on_batch"),
            Edit(BATCH, '{"batchItemFailures": answer}',
                 '{"batchItemFailures": [*answer, *_return_to_queue(runtime, malformed)]}', "work_on_batch"),
        ),
        (f"{LOOP[0]}::test_messages_to_redeliver_are_made_visible_before_the_work_begins",),
    ),
    Mutant(
        "batch: sends no message",
        (
            Edit(BATCH, "answer = _return", "runtime.queue.send(runtime.service.workflows[0], "
                 "[Claimed(attempt_id=1, record_id=1)], 'self', lambda: True); answer = _return", "work_on_batch"),
            Edit(BATCH, "import asyncio", "import asyncio\nfrom scrapersky.status.claim import Claimed"),
        ),
        (f"{LOOP[0]}::test_a_batch_sends_no_message",),
    ),
    without("batch: a missed message is not always stale", "runtime/batch._sort_missed",
            "find_missed(connection, missed)", instead="{}"),
    without("batch: what was started without a reply is looked for", "runtime/batch.work_on_batch",
            "await puller.take_up()"),
)  # fmt: skip
