"""Generated mutants that may survive, with the reason: nothing that a caller could observe depends on the condition."""

from fnmatch import fnmatchcase

from tests.mutants.mutant import Mutant

REASONS: dict[str, str] = {
    "status/*: {status} = 'Processing' → true": "the guard keeps a record in Processing while its attempt is live",
    "status/claim.OLDEST: {due_at} <= now() → true": "what is not due ranks last, and is checked again under the lock",
    "status/claim.BY_TENANT: (SELECT tenants > 1 FROM tenant_count) → true": "one tenant's count changes no order",
    "status/claim.BY_HOST: {table}.tenant = tenants.tenant → true (2)": "where the walk begins is random",
    "status/claim.BY_HOST: {due_at} IS NOT NULL → true ([235])": "they choose where the walk begins and begins again",
    "status/claim.BY_HOST: {table}.tenant = hosts.tenant → true (2)": "the walk takes one step more",
    "status/claim.BY_HOST: own → true": "the hosts of other workers are left out later",
    "status/claim.BY_HOST: {table}.tenant = chosen.tenant → true": "a host is of one tenant",
    "status/claim.BY_HOST: {due_at} <= now() → true": "what is not due ranks last, and is checked again under the lock",
    "status/claim.BY_ID: {due_at} <= now() → true": "what is not due ranks last, and is checked again under the lock",
    "status/claim.LOCK_BEHIND: {table}.tenant = tenants.tenant → true": "behind what others hold, there are no turns",
    'status/explain._change: event?"from_status"? == "Processing" → True': "an event that names an attempt begins or ends it",
    "status/finish.ENDED: status_events.[rw]* = attempts.* → true": "the id of an attempt is that of its events, too",
    "status/gauges.GAUGES: {table}.tenant = tenants.tenant → true (2)": "the oldest of all tenants is the same",
    "status/pull.TAKE_OVER: started_at IS NULL → true": "it is checked again under the lock",
    "status/pull.TAKE_OVER: * IS NULL → true (2)": "it changes only between the snapshot and the lock",
    "status/pull.TAKE_OVER: outcome IS NULL → true": "it changes only between the snapshot and the lock",
    "status/records.CODES: {error_code} IS NOT NULL → true": "nulls come last, and are left out later",
    "status/refresh.REFRESH: {status} = 'Completed' → true (2)": "it changes only between the snapshot and the lock",
    "status/refresh.REFRESH: (refreshed_at, refreshed_id) IS DISTINCT*": "the same position is written again",
    "status/*: SET {due_at} = now()* removed": "the guard completes due_at with now()",
    "runtime/labels.WAITING: *": "the look that follows finds none",
    "runtime/labels.FINISH: *done_at IS NULL → true": "it is checked again where the row is changed",
    "runtime/labels.LATER: done_at IS NULL → true": "a label that is done is not looked at",
    "runtime/records._normal: key → False": "no record has such a url",
    "runtime/records._reason: state.due_in is not None → True": "a record that is Queued has a due time",
    "runtime/results.Results._save: alone → not (2)": "it changes how long one try waits for a lock",
    "runtime/results.save: lock_seconds is None → True": "it changes how long one try waits for a lock",
    "runtime/work.Worker.run_job: task is not None → True": "a job runs in a task",
    "migrations/changes.sql.changes: (OLD.title, OLD.final_url, OLD.tech_stack)*": "what does not differ is left out later",
    "migrations/protection.sql.protection: given ~*": "it only spares a look",
    "migrations/protection.sql.protection: contype = 'c' → true": "no other constraint has an optional column of text",
    "runtime/manual._requeue: payload.error_code not in count_by_code*": "none is queued only while others hold them all",
    "status/requeue.LOCK_HOSTS: {status} = 'New' → true": "locking the hosts of more records changes no result",
    "status/requeue.LOCK_HOSTS: (CONDITION) → true": "locking the hosts of more records changes no result",
}
"""Patterns of names, with ``*`` for any text, and the reason."""


def reason_of(mutant: Mutant) -> str | None:
    """Return why ``mutant`` may survive, None if it must not."""
    return next((reason for pattern, reason in REASONS.items() if fnmatchcase(mutant.guard, pattern)), None)
