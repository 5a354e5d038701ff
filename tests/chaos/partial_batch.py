"""What Lambda makes of a function's answer when its mapping reports batch item failures.

The danger first: an answer that Lambda cannot read is a failure of the whole batch, and an answer that says nothing is its
success: every message is deleted. Source: the Lambda developer guide, "Handling errors for an SQS event source", success and
failure conditions. An identifier that is of no message of the batch is not in that table; here it fails the whole batch,
which is the stricter reading.
"""

import json
from collections.abc import Collection


def failed_items(answer: object, message_ids: Collection[str]) -> frozenset[str] | None:
    """The messages of the batch that come again, or None when the whole batch does.

    Complete success: no answer, an empty one, a null or empty ``batchItemFailures``. Complete failure: not JSON, not an
    object, a ``batchItemFailures`` that is no list of objects, an ``itemIdentifier`` that is absent, null, empty, not a
    string, or unknown.
    """
    try:
        told = json.loads(json.dumps(answer))
    except (TypeError, ValueError):
        return None
    if told is None:
        return frozenset()
    if not isinstance(told, dict):
        return None
    items = told.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return None
    failed = set()
    for item in items:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str) or not identifier or identifier not in message_ids:
            return None
        failed.add(identifier)
    return frozenset(failed)
