"""Guards in the Python of the runtime, the database connection and the dead-letter function."""

from tests.mutants.mutant import LAYER, Edit, Mutant

RUNTIME = "tests/integration/test_runtime.py"
ISOLATION = "tests/integration/test_isolation.py"
CONNECTIONS = "tests/integration/test_broken_connections.py"
API_WRITING = "tests/integration/test_api_writing.py"
CONNECTION = "tests/integration/test_connection.py"
DEADLINES = "tests/integration/test_deadlines.py"
DEAD_LETTER = "tests/integration/test_dead_letter.py"


def without(
    guard: str, where: str, text: str, test: str, *, instead: str = "", folder: str = f"{LAYER}/runtime"
) -> Mutant:
    """Return the mutant whose ``where`` (``module.SCOPE``) has ``instead`` for ``text``."""
    module, _, scope = where.partition(".")
    return Mutant(guard, (Edit(f"{folder}/{module}.py", text, instead, scope),), (test,))


RESULTS = "tests/integration/test_results.py"
PULLING = "tests/integration/test_pulling.py"

RUNTIME_GUARDS = (
    # results
    without(
        "results: writes and transitions are one transaction",
        "results.save",
        "runtime.database.transaction()",
        ISOLATION,
        instead="runtime.database.autocommit()",
    ),
    without("results: stale results are not written", "results.save", "if attempt in saved", ISOLATION),
    without(
        "results: wait for others",
        "results.Results._gather",
        "not self._running()",
        PULLING,
        instead="True",
    ),
    without(
        "results: wait no longer than the work took",
        "results.Results._gather",
        "min(worked, TOGETHER_SECONDS)",
        PULLING,
        instead="TOGETHER_SECONDS",
    ),
    without(
        "results: do not wait when no other job runs",
        "results.Results._gather",
        "not self._running()",
        PULLING,
        instead="False",
    ),
    without(
        "results: shared writes get the values of all",
        "results._write_all",
        "setdefault(outcome.write.save, []).extend(outcome.write.values)",
        ISOLATION,
        instead="update({outcome.write.save: [*outcome.write.values]})",
    ),
    without(
        "results: their slots are free meanwhile",
        "work.Work._ended",
        "attempt = self.jobs.pop(job)",
        PULLING,
        instead="attempt = self.jobs[job]; asyncio.get_running_loop().call_later(1, self.jobs.pop, job)",
    ),
    without(
        "contacts: one reading of a domain in a statement",
        "contacts.save_contacts",
        "if once[reading.domain_id] is not reading",
        "tests/integration/test_contacts.py",
        instead="if False",
        folder=LAYER,
    ),
    without(
        "leases: released together",
        "lease_manager.LeaseManager._run",
        "first and first + RELEASE_SECONDS",
        "tests/integration/test_politeness.py",
        instead="first",
        folder=f"{LAYER}/politeness",
    ),
    without(
        "results: a lost connection counts as nothing",
        "database.Database.may_pass",
        "error.connection_invalidated or ",
        RESULTS,
        folder=LAYER,
    ),
    without("results: a lost deadlock counts as nothing", "database.PASSING", '"40", ', ISOLATION, folder=LAYER),
    without(
        "results: a locked record counts as nothing",
        "database.PASSING",
        '"58", LOCKED',
        RESULTS,
        instead='"58"',
        folder=LAYER,
    ),
    without(
        "results: a locked record is saved alone",
        "results.Results._fail",
        "and not (others and (again or state in {LOCKED, *ONCE_MORE}))",
        RESULTS,
    ),
    without(
        "results: a commit without a reply is found",
        "results.save",
        "_find_in_doubt(connection, by_workflow, in_doubt or {}) | saved",
        RESULTS,
        instead="saved",
    ),
    without(
        "results: what another has ended is not found as a commit without a reply",
        "results._find_in_doubt",
        "if (outcome, code) == (ATTEMPT_OUTCOMES[type(in_doubt[attempt])], in_doubt[attempt].code):",
        RESULTS,
        instead="if True:",
    ),
    without(
        "results: nothing is tried after the invocation's end",
        "results.Results._fail",
        "self._runtime.database.time_left() <= SHORTEST_PAUSE",
        RESULTS,
        instead="False",
    ),
    without(
        "results: hand-offs only by policy",
        "registry.HandOff",
        'self.policy(settings) == "auto"',
        RUNTIME,
        instead="True",
    ),
    without(
        "results: a configuration error pauses the workflow",
        "results._write_all",
        "if pauses:",
        RUNTIME,
        instead="if False:",
    ),
    without(
        "results: an unknown exception has fewer tries",
        "results._backoff",
        'code != "unexpected"',
        RUNTIME,
        instead="True",
    ),
    without(
        "results: a result that cannot be saved is a failure",
        "results.Results._fail",
        "self._waiting[attempt] = unexpected(error)",
        RUNTIME,
        instead="self._end(attempt, outcomes[attempt], UNSAVED)",
    ),
    without(
        "results: results that cannot be saved together are saved one by one",
        "results.Results._fail",
        "self._alone.update(outcomes)",
        ISOLATION,
        instead="self._replaced.update(outcomes)",
    ),
    without(
        "results: a write that raises what is no exception touches no other",
        "results.Results._save",
        "except BaseException as error:",
        RESULTS,
        instead="except Exception as error:",
    ),
    # job
    without(
        "job: one record's exception touches no other",
        "work.Worker.run_job",
        "except BaseException as error:",
        RESULTS,
        instead="except Exception as error:",
    ),
    without(
        "job: a record's deadline",
        "context.Deadline.__init__",
        "+ seconds, end",
        ISOLATION,
        instead="+ 1000 * seconds, end",
    ),
    # batch
    without(
        "batch: no start without time",
        "batch.work_on_batch",
        "remaining < runtime.settings.start_minimum_seconds",
        RUNTIME,
        instead="False",
    ),
    without(
        "batch: a malformed message touches no other",
        "batch._parse",
        "(MalformedMessage, KeyError)",
        RUNTIME,
        instead="ZeroDivisionError",
    ),
    without(
        "batch: messages return to the queue when there is no database",
        "batch._return_to_queue",
        "for delivery in deliveries]",
        ISOLATION,
        instead="for delivery in deliveries[:0]]",
    ),
    # tick
    without(
        "tick: a workflow that fails starves no other",
        "tick.tick",
        'except Exception: runtime.observer.log.exception("could not serve the workflow"',
        ISOLATION,
        instead='except LookupError:\n            runtime.observer.log.exception("could not serve the workflow"',
    ),
    without(
        "tick: a record that cannot be recovered keeps no other from being claimed",
        "tick._serve",
        "not_recovered = error",
        ISOLATION,
        instead="raise",
    ),
    without("tick: a failed workflow fails the tick", "tick.tick", "if failed:", ISOLATION, instead="if not failed:"),
    without(
        "tick: the claim is committed before its messages are sent",
        "tick.tick",
        "runtime.database.autocommit()",
        ISOLATION,
        instead="runtime.database.transaction()",
    ),
    # queue
    without(
        "queue: entries that SQS refused are reported",
        "messages.MessageQueue.send",
        'answer.get("Failed", [])',
        ISOLATION,
        instead="[]",
    ),
    without(
        "queue: what an earlier call sent is not taken back",
        "messages.MessageQueue.send",
        "claimed[claimed.index(batch[0]) :]",
        ISOLATION,
        instead="claimed",
    ),
    without(
        "queue: sending stops in time",
        "messages.MessageQueue.send",
        "if not has_time():",
        DEADLINES,
        instead="if False:",
    ),
    without(
        "job: a thread that hangs does not hold the invocation",
        "work.Work.__aenter__",
        "asyncio.get_running_loop().set_default_executor(JobThreads())",
        RESULTS,
        instead="pass",
    ),
    without("tick: a database out of reach ends it", "tick.tick", "if not connected:", DEADLINES, instead="if False:"),
    without(
        "tick: metrics are written per workflow", "tick.tick", "runtime.observer.flush()", DEADLINES, instead="pass"
    ),
    without(
        "aws: calls that hang end early",
        "aws.client",
        "READ_SECONDS if read_seconds is None else read_seconds",
        DEADLINES,
        instead="60",
        folder=LAYER,
    ),
    without(
        "api: a request that hangs is given up",
        "in_time.InTime.handler",
        "serving.result(seconds)",
        DEADLINES,
        instead="serving.result()",
        folder="functions/api",
    ),
    without(
        "api: what hangs is not used again",
        "in_time.InTime.handler",
        "self._start()",
        DEADLINES,
        instead="pass",
        folder="functions/api",
    ),
    # dead letters
    without(
        "dead letter: an error with one touches no other",
        "handler.handler",
        "except Exception as error:",
        DEAD_LETTER,
        instead="except LookupError as error:",
        folder="functions/dead_letter",
    ),
    without(
        "dead letter: one whose record the database refuses to change is reported once",
        "handler.is_refusal",
        "in REFUSALS",
        DEAD_LETTER,
        instead="in ()",
        folder="functions/dead_letter",
    ),
    without(
        "dead letter: a broken body is attributed by its attribute",
        "handler.attempt_of",
        "in (attribute, in_body):",
        DEAD_LETTER,
        instead="in (in_body,):",
        folder="functions/dead_letter",
    ),
    # API
    without(
        "api: a request that loses a race for locks is tried again",
        "database.Database.run",
        "range(TRIES - 1)",
        API_WRITING,
        instead="range(0)",
        folder=LAYER,
    ),
    without(
        "api: a request that loses every race is a 503",
        "application.Application._database_error",
        "state in UNAVAILABLE",
        API_WRITING,
        instead="False",
        folder="functions/api",
    ),
    without(
        "api: decisions do not wait for rows that refer to their records",
        "curation._read",
        ", key_share=True",
        API_WRITING,
        folder="functions/api",
    ),
    # database
    without(
        "database: the engine is in AUTOCOMMIT",
        "database.Database.engine",
        'isolation_level="AUTOCOMMIT",',
        RUNTIME,
        folder=LAYER,
    ),
    without(
        "database: a connection is checked before use",
        "database.Database.engine",
        'event.listen(engine, "checkout", _check)',
        CONNECTIONS,
        instead="pass",
        folder=LAYER,
    ),
    without(
        "database: connecting has its own limit",
        "postgres.PostgresConnection._socket_to",
        "self._limited(self._connect_seconds)",
        DEADLINES,
        instead="self._answer_seconds",
        folder=LAYER,
    ),
    without(
        "database: an idle connection is asked for the time to connect",
        "postgres.PostgresConnection.is_usable",
        "usual, self._answer_seconds = self._answer_seconds, self._connect_seconds",
        DEADLINES,
        instead="usual = self._answer_seconds",
        folder=LAYER,
    ),
    without(
        "database: no wait outlasts the invocation",
        "postgres.PostgresConnection._limited",
        "min(seconds, self._time_left())",
        DEADLINES,
        instead="seconds",
        folder=LAYER,
    ),
    without(
        "database: one Sync a statement",
        "postgres.PostgresConnection.execute_unnamed",
        "if stream is not None:",
        "tests/integration/test_pooler.py",
        instead="if True:",
        folder=LAYER,
    ),
    without(
        "database: a statement that failed is parsed again",
        "postgres.PostgresConnection.execute_unnamed",
        "self._kept.discard(statement)",
        CONNECTION,
        folder=LAYER,
    ),
    without(
        "database: a name that is not known there is given up",
        "postgres.PostgresConnection.execute_unnamed",
        'self._keeps_plans &= error.args[0].get("C") != NO_SUCH_STATEMENT',
        CONNECTION,
        folder=LAYER,
    ),
    without(
        "database: a plan that is kept reads no whole table",
        "database.ROLE_SETTINGS",
        '"enable_seqscan": "off",',
        "tests/integration/test_plans.py",
        folder=LAYER,
    ),
    without(
        "database: no names behind a pooler",
        "postgres.PostgresConnection._name_of",
        "if not self._keeps_plans:",
        "tests/integration/test_pooler.py",
        instead="if False:",
        folder=LAYER,
    ),
    without(
        "database: a broken socket is a DBAPIError",
        "postgres.PostgresConnection.handle_messages",
        "with _as_interface_error():",
        CONNECTIONS,
        instead="if True:",
        folder=LAYER,
    ),
    without(
        "database: a failed transaction is rolled back",
        "database.Database.transaction",
        '"ROLLBACK"',
        ISOLATION,
        instead='"COMMIT"',
        folder=LAYER,
    ),
)

SAVED_ALONE = without(
    "results: saved together",
    "results.Results._save",
    "alone = attempt in self._alone",
    "tests/chaos/test_chaos.py",
    instead="alone = True",
)
"""Not a guard. Chaos needs every result to be saved by the statement whose fence it removes."""
