"""The event of a tick."""

from scripts.commands.run.ticks import scheduled_event


def test_a_tick_is_the_event_of_a_rate_rule() -> None:
    event = scheduled_event("arn:aws:events:us-east-1:000000000000:rule/tick")
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/tick"]
    assert event["detail"] == {}
