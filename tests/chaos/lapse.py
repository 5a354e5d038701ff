"""Lapse: the database's time passes with the virtual clock, by moving what it is compared with into the past.

Every comparison of the machine is of a stored time with ``now()``. To let an hour pass, the stored times of what is still
open move back an hour: leases of live attempts, due dates and pauses in the future. Rows locked by somebody else are skipped,
as nothing here may wait for the code under test; they age a little later.
"""

from sqlalchemy import Connection, text

LEASES = text("""
UPDATE attempts SET lease_until = lease_until - make_interval(secs => :seconds)
FROM (SELECT attempt_id FROM attempts WHERE finished_at IS NULL ORDER BY attempt_id FOR UPDATE SKIP LOCKED) AS live
WHERE attempts.attempt_id = live.attempt_id
""")

DUE = text("""
UPDATE domains SET due_at = domains.due_at - make_interval(secs => :seconds)
FROM (SELECT id FROM domains WHERE due_at > now() ORDER BY id FOR UPDATE SKIP LOCKED) AS waiting
WHERE domains.id = waiting.id
""")

PAUSES = text("""
UPDATE service_controls SET paused_until = paused_until - make_interval(secs => :seconds) WHERE paused_until IS NOT NULL
""")


def lapse(connection: Connection, seconds: float) -> None:
    """Lets ``seconds`` pass for the metadata workflow. Wants an AUTOCOMMIT connection."""
    for statement in (LEASES, DUE, PAUSES):
        connection.execute(statement, {"seconds": seconds})
