"""Control: pause and resume a workflow, and record its ticks. Pauses are rows: they survive deployments and remain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.status.records import json_ready
from scrapersky.status.workflow import Workflow

PAUSE = text("""
-- End the open pause, unless it lasts longer than the new one. A pause that ran out ended at that time.
WITH replaced AS (
    UPDATE pauses
    SET resumed_at = least(now(), paused_until), resumed_by = :actor, resume_reason = 'replaced by the next pause'
    WHERE workflow = :workflow AND resumed_at IS NULL
      AND coalesce(paused_until, 'infinity') <= coalesce(now() + make_interval(secs => :seconds), 'infinity')
    RETURNING pause_id
)
INSERT INTO pauses (workflow, paused_until, paused_by, pause_reason)
SELECT :workflow, now() + make_interval(secs => :seconds), :actor, :reason FROM (SELECT count(*) FROM replaced) AS done
-- Another transaction paused the workflow at the same time, or the open pause lasts longer.
ON CONFLICT (workflow) WHERE resumed_at IS NULL DO UPDATE SET paused_until = excluded.paused_until,
    paused_by = excluded.paused_by, pause_reason = excluded.pause_reason
WHERE pauses.paused_until < coalesce(excluded.paused_until, 'infinity')
""")

RESUME = text("""
UPDATE pauses SET resumed_at = now(), resumed_by = :actor, resume_reason = :reason
WHERE workflow = :workflow AND resumed_at IS NULL
RETURNING workflow
""")

RECORD_TICK = text("""
INSERT INTO service_controls (workflow, last_tick_at) VALUES (:workflow, now())
ON CONFLICT (workflow) DO UPDATE SET last_tick_at = now()
""")

READ = text("""
SELECT pause_id IS NOT NULL AND coalesce(paused_until > now(), true), paused_until, paused_by, pause_reason,
    (SELECT last_tick_at FROM service_controls WHERE service_controls.workflow = named.workflow)
FROM (SELECT CAST(:workflow AS text) AS workflow) AS named
LEFT JOIN pauses ON pauses.workflow = named.workflow AND resumed_at IS NULL
""")


READ_PAUSES = text("""
SELECT paused_at, paused_until, paused_by, pause_reason, resumed_at, resumed_by, resume_reason FROM pauses
WHERE workflow = :workflow ORDER BY pause_id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Control:
    """The control state of a workflow. A pause without ``paused_until`` lasts until it is resumed."""

    paused: bool = False
    paused_until: datetime | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    last_tick_at: datetime | None = None


def pause(connection: Connection, workflow: Workflow, *, actor: str, reason: str, seconds: float | None = None) -> None:
    """Stop claims of ``workflow``, for ``seconds`` or until it is resumed. Work in flight goes on.

    A pause never shortens the one before: resume first.
    """
    connection.execute(PAUSE, {"workflow": workflow.name, "actor": actor, "reason": reason, "seconds": seconds})


def resume(connection: Connection, workflow: Workflow, *, actor: str, reason: str) -> bool:
    """Allow claims of ``workflow`` again. Return False when it was not paused."""
    row = connection.execute(RESUME, {"workflow": workflow.name, "actor": actor, "reason": reason}).one_or_none()
    return row is not None


def record_tick(connection: Connection, workflow: Workflow) -> None:
    """Record the heartbeat: a tick has visited ``workflow``."""
    connection.execute(RECORD_TICK, {"workflow": workflow.name})


def read_control(connection: Connection, workflow: Workflow) -> Control:
    """Return the control state of ``workflow``."""
    return Control(*connection.execute(READ, {"workflow": workflow.name}).one())


def list_pauses(connection: Connection, workflow: Workflow, *, limit: int = 10) -> list[dict[str, Any]]:
    """Return the last ``limit`` pauses of ``workflow``, JSON-ready, the newest first; an open one is not resumed yet."""
    rows = connection.execute(READ_PAUSES, {"workflow": workflow.name, "limit": limit})
    return [json_ready(row) for row in rows.mappings()]
