"""Control: pause and resume a workflow, and record its ticks. The state is a row, so it survives deployments."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scrapersky.status.workflow import Workflow

PAUSE = text("""
INSERT INTO service_controls (workflow, paused_at, paused_until, paused_by, pause_reason)
VALUES (:workflow, now(), now() + make_interval(secs => :seconds), :actor, :reason)
ON CONFLICT (workflow) DO UPDATE SET paused_at = now(), paused_until = excluded.paused_until,
    paused_by = excluded.paused_by, pause_reason = excluded.pause_reason, updated_at = now()
""")

RESUME = text("""
UPDATE service_controls
SET paused_at = NULL, paused_until = NULL, paused_by = :actor, pause_reason = :reason, updated_at = now()
WHERE workflow = :workflow AND paused_at IS NOT NULL
RETURNING workflow
""")

RECORD_TICK = text("""
INSERT INTO service_controls (workflow, last_tick_at) VALUES (:workflow, now())
ON CONFLICT (workflow) DO UPDATE SET last_tick_at = now()
""")

READ = text(""" SELECT paused_at IS NOT NULL AND coalesce(paused_until > now(), true), paused_until, paused_by,
pause_reason, last_tick_at FROM service_controls WHERE workflow = :workflow
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
    """Stop claims of ``workflow``, for ``seconds`` or until it is resumed. Work in flight goes on."""
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
    row = connection.execute(READ, {"workflow": workflow.name}).one_or_none()
    return Control() if row is None else Control(*row)
