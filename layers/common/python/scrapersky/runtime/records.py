"""Resolve the records that a manual payload names, by id or natural key, and state why one was not moved."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from scrapersky.status.records import State, find_by_key, read_states
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId, Status
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.urls import normalise_url


@dataclass
class Named:
    """The records of a payload: what each found id was called, and the reasons for those that were not found."""

    ids: dict[RecordId, int | str] = field(default_factory=dict)
    missing: list[dict[str, Any]] = field(default_factory=list)


def resolve(connection: Connection, workflow: Workflow, records: Sequence[int | str]) -> Named:
    """Look up ``records``. An id is taken as it is; :func:`not_moved` reports it when it does not exist."""
    named = Named()
    for record in records:
        try:
            record_id = resolve_one(connection, workflow, record)
        except LookupError as error:
            named.missing.append({"record": record, "reason": str(error)})
        else:
            named.ids.setdefault(record_id, record)
    return named


def resolve_one(connection: Connection, workflow: Workflow, record: int | str) -> RecordId:
    """Return the id of ``record``; an id is taken as it is. Raises LookupError with the reason when there is none."""
    return RecordId(record) if isinstance(record, int) else _find(connection, workflow, record)


def find(connection: Connection, workflow: Workflow, key: str) -> list[RecordId]:
    """Return the ids of the records with the natural key ``key``. Raises LookupError for a text that can be no such key."""
    return find_by_key(connection, workflow, *_normal(workflow, key))


def not_moved(
    connection: Connection,
    workflow: Workflow,
    named: Named,
    moved: Collection[RecordId],
    *,
    verb: str,
    needs: Sequence[Status],
    otherwise: str = "is locked by another transaction, or beyond the limit",
) -> list[dict[str, Any]]:
    """Return why each named record was not moved by ``verb``, which moves records in the statuses ``needs``."""
    left = {record_id: record for record_id, record in named.ids.items() if record_id not in moved}
    if not left:
        return named.missing
    states = read_states(connection, workflow, list(left))
    reasons: list[dict[str, Any]] = []
    for record_id, record in left.items():
        if (state := states.get(record_id)) is None:
            reasons.append({"record": record, "reason": f"{workflow.table} has no record {record_id}"})
        else:
            reason = _reason(state, verb, needs) or otherwise
            reasons.append({"record": record, "id": record_id, "status": state.status, "reason": reason})
    return named.missing + reasons


def _reason(state: State, verb: str, needs: Sequence[Status]) -> str | None:
    if state.status not in needs:
        *others, last = needs
        return f"is {state.status}; {verb} needs {', '.join(others)}{' or ' if others else ''}{last}"
    if verb in ("run", "process") and state.due_in is not None and state.due_in > 0:
        return f"is due in {state.due_in:.0f} s"
    return None


def _find(connection: Connection, workflow: Workflow, key: str) -> RecordId:
    found = find(connection, workflow, key)
    if not found:
        hint = "; name a file on another host than its domain's by id" if workflow.key == "url" else ""
        raise LookupError(f"{workflow.table} has no record {key!r}{hint}")
    if len(found) > 1:
        raise LookupError(f"{key!r} names {len(found)} records; use one of the ids {', '.join(map(str, found))}")
    return found[0]


def _normal(workflow: Workflow, key: str) -> tuple[str, Sequence[str]]:
    """Return the key as it is stored and, for a url, the domains to which it may belong."""
    if workflow.key not in ("domain", "domain_id", "url"):
        return key, ()
    try:
        host = normalise_host(key)
    except HostError as error:
        raise LookupError(str(error)) from None
    if workflow.key != "url":
        return host, ()
    labels = host.split(".")
    return normalise_url(key) or key, [".".join(labels[start:]) for start in range(len(labels) - 1)]
