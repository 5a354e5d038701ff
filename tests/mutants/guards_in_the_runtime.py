"""Guards in the Python of the service runtime and the functions."""

from tests.mutants.mutant import LAYER, Mutant

SERVICE = f"{LAYER}/runtime"
RUNTIME = "tests/integration/test_runtime.py"
ISOLATION = "tests/integration/test_isolation.py"
BROKEN = "tests/integration/test_broken_connections.py"


def without(guard: str, file: str, text: str, instead: str, test: str) -> Mutant:
    """One change in one module."""
    path = file if "/" in file else f"{SERVICE}/{file}.py"
    return Mutant(guard, ((path, text, instead),), (test,))


FENCE_FIRST = """        finished = _finish(runtime, connection, workflow, attempt.attempt_id, outcome)
        if write is not None:
            _hand_off(runtime, connection, workflow, write(connection))
"""
WRITE_FIRST = """        if write is not None:
            _hand_off(runtime, connection, workflow, write(connection))
        finished = _finish(runtime, connection, workflow, attempt.attempt_id, outcome)
"""
NO_DATABASE = """the database could not be asked; every message comes again")
        return _return_to_queue(runtime, """

IN_THE_RUNTIME = (
    without(
        "apply: writes and transition are one transaction",
        "apply",
        "with runtime.database.transaction() as connection:\n        # The fence",
        "with runtime.database.autocommit() as connection:\n        # The fence",
        RUNTIME,
    ),
    without(
        "apply: writes and transitions together are one transaction",
        "apply",
        "with runtime.database.transaction() as connection:\n        finished",
        "with runtime.database.autocommit() as connection:\n        finished",
        ISOLATION,
    ),
    without("apply: the fence stands before the writes", "apply", FENCE_FIRST, WRITE_FIRST, ISOLATION),
    without(
        "apply: a lost deadlock is tried again", "apply", "if sqlstate(error) not in AGAIN:", "if True:", ISOLATION
    ),
    without(
        "registry: hand-offs only by policy",
        "registry",
        'self.policy(settings) == "auto"',
        "self.policy(settings)",
        RUNTIME,
    ),
    without(
        "apply: a configuration error pauses the workflow",
        "apply",
        "        if isinstance(outcome, Snooze) and outcome.pause:\n            pause(",
        "        if False:\n            pause(",
        RUNTIME,
    ),
    without("apply: an unknown exception has fewer tries", "apply", 'if code != "unexpected":', "if True:", RUNTIME),
    without(
        "job: one record's exception touches no other",
        "job",
        "    except Exception as error:\n        runtime",
        "    except LookupError as error:\n        runtime",
        RUNTIME,
    ),
    without("job: a record's deadline", "job", "asyncio.timeout_at(deadline)", "asyncio.timeout_at(None)", ISOLATION),
    without(
        "saving: a result that cannot be saved is a failure",
        "saving",
        "            return await asyncio.to_thread(apply, self._runtime, attempt, failure)\n",
        "            return None\n",
        RUNTIME,
    ),
    without(
        "saving: results that fail together are saved one by one",
        "saving",
        "        except Exception as error:\n            self._runtime.observer.log.warning",
        "        except LookupError as error:\n            self._runtime.observer.log.warning",
        ISOLATION,
    ),
    without(
        "saving: of results saved together the late ones are not written",
        "apply",
        "for attempt_id, write in writes if attempt_id in finished for record_id",
        "for attempt_id, write in writes for record_id",
        ISOLATION,
    ),
    without(
        "batch: no start without time",
        "batch",
        "if remaining < runtime.settings.start_minimum_seconds:",
        "if False:",
        RUNTIME,
    ),
    without(
        "batch: a malformed message touches no other",
        "batch",
        "except (MalformedMessage, KeyError) as error:",
        "except ZeroDivisionError as error:",
        RUNTIME,
    ),
    without(
        "batch: messages come again when there is no database",
        "batch",
        f"{NO_DATABASE}deliveries)",
        f"{NO_DATABASE}again)",
        ISOLATION,
    ),
    without(
        "tick: a workflow that fails starves no other",
        "tick",
        '        except Exception:\n            runtime.observer.log.exception("workflow could not be served"',
        '        except LookupError:\n            runtime.observer.log.exception("workflow could not be served"',
        ISOLATION,
    ),
    without(
        "tick: a record that cannot be rescued keeps no other from being claimed",
        "tick",
        "        not_recovered = error",
        "        raise",
        ISOLATION,
    ),
    without(
        "tick: a workflow that fails is told to Lambda",
        "tick",
        "    if failed:\n        raise TickFailed",
        "    if not failed:\n        raise TickFailed",
        ISOLATION,
    ),
    without(
        "tick: the claim is committed before its messages are sent",
        "tick",
        "            with runtime.database.autocommit() as connection:\n                counts[",
        "            with runtime.database.transaction() as connection:\n                counts[",
        ISOLATION,
    ),
    without(
        "queue: entries that SQS refused are told",
        "queue",
        '            unsent |= {int(failed["Id"]) for failed in answer.get("Failed", [])}\n',
        "            unsent |= set()\n",
        ISOLATION,
    ),
    without(
        "queue: what an earlier call sent is not taken back",
        "queue",
        "claimed[claimed.index(held[0]) :]",
        "claimed",
        ISOLATION,
    ),
    without(
        "dead letter: one letter's trouble touches no other",
        "functions/dead_letter/handler.py",
        "            except Exception:\n",
        "            except LookupError:\n",
        "tests/integration/test_dead_letter.py",
    ),
    without(
        "dead letter: a broken body is attributed by its attribute",
        "functions/dead_letter/attribution.py",
        "for candidate in (attribute, told):",
        "for candidate in (told,):",
        "tests/integration/test_dead_letter.py",
    ),
    without(
        "database: the engine is in AUTOCOMMIT",
        f"{LAYER}/database.py",
        '            isolation_level="AUTOCOMMIT",\n',
        "",
        RUNTIME,
    ),
    without(
        "database: a connection is tried before use",
        f"{LAYER}/database.py",
        "pool_pre_ping=True",
        "pool_pre_ping=False",
        BROKEN,
    ),
    without(
        "database: a broken socket is a DBAPIError",
        f"{LAYER}/postgres.py",
        "        with _named():\n            super().handle_messages(context)",
        "        super().handle_messages(context)",
        BROKEN,
    ),
    without(
        "database: a failed transaction is rolled back",
        f"{LAYER}/database.py",
        'connection.exec_driver_sql("ROLLBACK")',
        'connection.exec_driver_sql("COMMIT")',
        ISOLATION,
    ),
)
