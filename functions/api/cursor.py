"""Cursors: where a listing goes on. Opaque to clients, so that what is in them may change."""

import base64
import binascii
import json

from api.problem import invalid


def cursor_after(table: str, record_id: int) -> str:
    """The cursor of the records of ``table`` that follow ``record_id``."""
    return base64.urlsafe_b64encode(json.dumps([table, record_id]).encode()).decode().rstrip("=")


def record_before(cursor: str, table: str) -> int:
    """The id after which ``cursor`` goes on. Raises a 422 for a cursor of another listing, or of nobody's making."""
    try:
        whose, record_id = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
        if whose == table and type(record_id) is int and 0 <= record_id < 2**63:
            return record_id
    except (ValueError, TypeError, binascii.Error):
        pass
    raise invalid("cursor", f"{cursor[:100]!r} is no cursor of this listing; pass on the 'next' of its last answer")
