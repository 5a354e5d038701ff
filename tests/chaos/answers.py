"""Lambda's documented table of answers to a batch of two messages, ``a`` and ``b``.

Source: AWS Lambda Developer Guide, "Handling errors for an SQS event source", success and failure conditions.
"""

from typing import Any, Final

BOTH: Final = frozenset({"a", "b"})
NEITHER: Final[frozenset[str]] = frozenset()

ANSWERS: Final[tuple[tuple[Any, frozenset[str]], ...]] = (
    # complete success
    (None, NEITHER),
    ({}, NEITHER),
    ({"batchItemFailures": []}, NEITHER),
    ({"batchItemFailures": None}, NEITHER),
    ({"something": "else"}, NEITHER),
    # partial
    ({"batchItemFailures": [{"itemIdentifier": "a"}]}, frozenset({"a"})),
    ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "a"}]}, frozenset({"a"})),
    ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, BOTH),
    # complete failure
    ({"batchItemFailures": [{"itemIdentifier": ""}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": None}]}, BOTH),
    ({"batchItemFailures": [{"messageId": "a"}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": "a"}, {}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": "stranger"}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": 7}]}, BOTH),
    ({"batchItemFailures": ["a"]}, BOTH),
    ({"batchItemFailures": "a"}, BOTH),
    ("done", BOTH),
    (["a"], BOTH),
)
"""(answer, which of the two come again)."""


def told(value: Any) -> str:
    """``value`` as the name of a test tells it: a set's words in the same order in every process."""
    return repr(sorted(value)) if isinstance(value, frozenset) else repr(value)
