"""Writes: one short transaction each, and with an ``Idempotency-Key`` at most one, however often the request comes.

The key, a hash of the request and the answer stand in the transaction of the write itself. So a request that failed
leaves no key behind, and of two at once the second waits for the first one's commit, and gets its answer.
After the IETF's draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel
from sqlalchemy import Connection, text

from api.problem import Problem, invalid
from api.wiring import caller_of, event_of, wiring_of

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
EXPIRED_AT_ONCE = 100
"""Expired keys that one write clears away."""

CLEAR = text("""
DELETE FROM idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM idempotency_keys WHERE expires_at <= now() ORDER BY expires_at LIMIT :limit
    FOR UPDATE SKIP LOCKED)
""")

TAKE = text("""
INSERT INTO idempotency_keys (caller, key, request_hash, expires_at)
VALUES (:caller, :key, :request_hash, now() + make_interval(secs => :seconds))
ON CONFLICT (caller, key) DO UPDATE
    SET request_hash = EXCLUDED.request_hash, answer = NULL, expires_at = EXCLUDED.expires_at
    WHERE idempotency_keys.expires_at <= now()
RETURNING key
""")

LOOK = text("SELECT request_hash, answer FROM idempotency_keys WHERE caller = :caller AND key = :key")

KEEP = text("UPDATE idempotency_keys SET answer = CAST(:answer AS jsonb) WHERE caller = :caller AND key = :key")

M = TypeVar("M", bound=BaseModel)


def write(router: Router, answers: type[M], work: Callable[[Connection], M]) -> M:
    """Runs ``work`` in a transaction and returns its answer; the first one's when the request's key was used before.

    Raises a 422 for a key that another request was made with.
    """
    wiring, event = wiring_of(router), event_of(router)
    key = event.headers.get(HEADER.lower())
    if key is None:
        with wiring.database.transaction() as connection:
            return work(connection)
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise invalid(HEADER, f"{key[:50]!r}: 1 to {LONGEST_KEY} printable characters are right, such as a UUID")
    mine = {"caller": caller_of(router), "key": key}
    request_hash = hashlib.sha256(f"{event.http_method} {event.path}\0{event.body or ''}".encode()).hexdigest()
    seconds = wiring.settings.api_idempotency_seconds
    with wiring.database.transaction() as connection:
        connection.execute(CLEAR, {"limit": EXPIRED_AT_ONCE})
        if connection.execute(TAKE, {**mine, "request_hash": request_hash, "seconds": seconds}).one_or_none() is None:
            used_for, answer = connection.execute(LOOK, mine).one()
            if used_for != request_hash:
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"{HEADER} {key!r} was used for another request; a new one for each request is right",
                    field=HEADER,
                )
            return answers.model_validate(answer)
        made = work(connection)
        connection.execute(KEEP, {**mine, "answer": made.model_dump_json()})
        return made
