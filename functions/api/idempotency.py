"""Carry out a write in one short transaction; with an ``Idempotency-Key``, at most once.

The key, a hash of the request and the answer are stored in the transaction of the write itself. So a request that
failed leaves no key behind, and of two concurrent requests the second waits for the first to commit and returns its
answer. Follows the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import re
from collections.abc import Callable
from typing import TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel
from sqlalchemy import Connection, text

from api.dependencies import caller_of, dependencies_of, event_of
from api.problem import invalid, refused

HEADER = "Idempotency-Key"
KEY_PATTERN = "^[!-~]([ -~]{0,198}[!-~])?$"
MAX_EXPIRED_DELETED = 100
"""Expired keys that one write deletes."""

DELETE_EXPIRED = text("""
DELETE FROM idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM idempotency_keys WHERE expires_at <= now() ORDER BY expires_at LIMIT :limit
    FOR UPDATE SKIP LOCKED)
""")

RESERVE = text("""
INSERT INTO idempotency_keys (caller, key, request_hash, expires_at)
VALUES (:caller, :key, :request_hash, now() + make_interval(secs => :seconds))
ON CONFLICT (caller, key) DO UPDATE
    SET request_hash = EXCLUDED.request_hash, answer = NULL, expires_at = EXCLUDED.expires_at
    WHERE idempotency_keys.expires_at <= now()
RETURNING key
""")

READ = text("SELECT request_hash, answer FROM idempotency_keys WHERE caller = :caller AND key = :key")

SAVE = text("UPDATE idempotency_keys SET answer = CAST(:answer AS jsonb) WHERE caller = :caller AND key = :key")

M = TypeVar("M", bound=BaseModel)


def key_of(router: Router) -> str | None:
    """Return the request's key. Raises a 422 for an invalid one, also where a dry run needs none."""
    key: str | None = event_of(router).headers.get(HEADER.lower())
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        valid = "1 to 200 printable characters of ASCII are valid, such as a UUID"
        raise invalid(HEADER, f"{key[:50]!r} is no valid key; {valid}")
    return key


def write_once(router: Router, answers: type[M], work: Callable[[Connection], M]) -> M:
    """Run ``work`` in a transaction and return its answer, or the stored answer when the key was used before.

    ``work`` is run again when its transaction loses a race for locks, and must not keep state between the tries.
    Raises a 409 for a key that was used for another request.
    """
    dependencies, event, key = dependencies_of(router), event_of(router), key_of(router)
    if key is None:
        return dependencies.database.run(work)
    own = {"caller": caller_of(router), "key": key}
    request_hash = hashlib.sha256(f"{event.http_method} {event.path}\0{event.body or ''}".encode()).hexdigest()
    reservation = {**own, "request_hash": request_hash, "seconds": dependencies.settings.api_idempotency_seconds}

    def write(connection: Connection) -> M:
        connection.execute(DELETE_EXPIRED, {"limit": MAX_EXPIRED_DELETED})
        if connection.execute(RESERVE, reservation).one_or_none() is None:
            used_for, answer = connection.execute(READ, own).one()
            if used_for != request_hash:
                raise refused(HEADER, f"{key!r} was used for another request; send a new key with each request")
            return answers.model_validate(answer)
        answer = work(connection)
        connection.execute(SAVE, {**own, "answer": answer.model_dump_json()})
        return answer

    return dependencies.database.run(write)
