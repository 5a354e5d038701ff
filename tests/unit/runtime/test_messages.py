"""What a message of SQS says of itself."""

from typing import Any

import pytest

from scrapersky.runtime.messages import Delivery

RECORD = {"messageId": "m", "receiptHandle": "h", "body": "{}"}


@pytest.mark.parametrize(
    ("more", "correlation_id", "receive_count"),
    [
        ({}, "m", 1),
        ({"messageAttributes": None, "attributes": None}, "m", 1),
        ({"messageAttributes": {"correlation_id": {"stringValue": "c"}}}, "c", 1),
        ({"messageAttributes": {"correlation_id": {"stringValue": ""}}}, "m", 1),
        ({"messageAttributes": {"other": {"stringValue": "o"}}}, "m", 1),
        ({"attributes": {"ApproximateReceiveCount": "3"}}, "m", 3),
    ],
)
def test_a_delivery_has_the_correlation_id_of_its_sender_or_its_own(
    more: dict[str, Any], correlation_id: str, receive_count: int
) -> None:
    delivery = Delivery.of({**RECORD, **more})
    assert (delivery.correlation_id, delivery.receive_count) == (correlation_id, receive_count)
