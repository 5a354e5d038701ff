"""What each read returns of records that are in the same state in two workflows: what is its own, and no neighbour's."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import DISCOVERY, IMPORT, METADATA, SUBMISSION
from scrapersky.status import finish
from scrapersky.status.claim import claim
from scrapersky.status.explain import explain
from scrapersky.status.finish import Stale, complete, fail, find_ended, retry, snooze
from scrapersky.status.gauges import read_gauges
from scrapersky.status.pull import find_missed, pull
from scrapersky.status.records import find_by_key, list_records, read_states
from scrapersky.status.release import release
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, Status
from tests.integration.test_effects import PULLING, WAITING, WORKING, World
from tests.records import make, triggers_disabled

BACKOFF = Backoff(base=30, cap=600, max_failures=3)
ERRORS = ("failed", "failed too")


@pytest.fixture
def world(connection: Connection) -> World:
    return World(connection)


def attempts_of(connection: Connection, workflow: Workflow, name: str) -> list[AttemptId]:
    """Return the attempts on a domain, oldest first."""
    found = text(
        "SELECT attempt_id FROM attempts JOIN domains ON domains.id = record_id"
        " WHERE workflow = :workflow AND domain = :name ORDER BY attempt_id"
    )
    return list(connection.execute(found, {"workflow": workflow.name, "name": name}).scalars())


def test_a_timeline_is_that_of_its_record_in_its_workflow(connection: Connection, world: World) -> None:
    for workflow in (METADATA, SUBMISSION):
        timeline = explain(connection, workflow, world.ids["failed too"])
        assert timeline is not None
        assert timeline["now"]["status"] == "Error"
        changes = [(event["from_status"], event["to_status"]) for event in timeline["events"]]
        assert changes == [("New", "Queued"), ("Queued", "Processing"), ("Processing", "Error")]
        assert [one["attempt_id"] for one in timeline["attempts"]] == attempts_of(connection, workflow, "failed too")


def test_a_timeline_has_the_report_of_its_own_record(connection: Connection) -> None:
    for key in ("a", "b"):
        record_id = make(connection, DISCOVERY, key=key)
        reported = text("UPDATE sitemaps SET report = jsonb_build_array(CAST(:key AS text)) WHERE id = :id")
        connection.execute(reported, {"key": key, "id": record_id})
    timeline = explain(connection, DISCOVERY, record_id)
    assert timeline is not None
    assert timeline["report"] == ["b"]


def test_the_end_of_each_attempt_of_a_record_is_its_own(connection: Connection, world: World) -> None:
    failed = world.ids["failed"]
    connection.execute(text("UPDATE domains SET status = 'Queued' WHERE domain = 'failed'"))
    (again,) = claim(connection, METADATA, batch=1, max_in_flight=99, dispatch_lease=60, ids=[failed])
    complete(connection, METADATA, again.attempt_id, code="read", detail={})
    first, last = attempts_of(connection, METADATA, "failed")
    (other,) = attempts_of(connection, SUBMISSION, "failed")
    ended = find_ended(connection, METADATA, [first, last, other, world.metadata["working"]])
    found = {one: (outcome, code, end.record_id, end.status) for one, (outcome, code, end) in ended.items()}
    assert found == {
        first: ("failed", "broken", failed, Status.ERROR),
        last: ("done", "read", failed, Status.COMPLETED),
    }
    assert len(connection.execute(METADATA.statement(finish.ENDED), {"attempt_ids": [first]}).all()) == 1


def test_an_attempt_of_another_workflow_is_stale(connection: Connection, world: World) -> None:
    other = world.submission["working"]
    end: dict[str, Any] = {"code": "x", "detail": {}}
    with pytest.raises(Stale):
        complete(connection, METADATA, other, **end)
    with pytest.raises(Stale):
        fail(connection, METADATA, other, reason="", **end)
    with pytest.raises(Stale):
        retry(connection, METADATA, other, reason="", after=None, backoff=BACKOFF, **end)
    with pytest.raises(Stale):
        snooze(connection, METADATA, other, reason="", after=1, **end)


def test_the_gauges_are_those_of_the_workflow(connection: Connection, world: World) -> None:
    connection.execute(text("UPDATE domains SET due_at = now() - interval '1 min' WHERE domain = 'due'"))
    with triggers_disabled(connection):
        for condition, hours in (("finished_at IS NOT NULL", 2), ("workflow = 'submission'", 3)):
            connection.execute(
                text(f"UPDATE attempts SET started_at = started_at - interval '{hours} h' WHERE {condition}")
            )
    gauges = read_gauges(connection, METADATA)
    assert (gauges.queued, gauges.processing) == (2, len(WAITING) + len(WORKING))
    assert 60 <= gauges.oldest_queued_seconds < 3_600
    assert gauges.oldest_processing_seconds < 3_600
    connection.execute(text("UPDATE domains SET due_at = now() + interval '1 h' WHERE status = 'Queued'"))
    assert read_gauges(connection, METADATA).oldest_queued_seconds == 0
    assert world.metadata


def test_missed_are_only_those_of_the_given_attempts_that_were_pulled_or_wait(
    connection: Connection, world: World
) -> None:
    pulled = [one.attempt.attempt_id for one in pull(connection, METADATA, batch=2, **PULLING)]
    ended = world.metadata["overdue"]
    release(connection, METADATA, [ended], code="send_failed")
    waiting = world.metadata["overdue too"]
    assert find_missed(connection, [pulled[0], world.metadata["working"], ended, waiting]) == {
        pulled[0]: True,
        waiting: False,
    }


def test_the_states_are_those_of_the_given_records(connection: Connection, world: World) -> None:
    states = read_states(connection, METADATA, [world.ids["new"], world.ids["failed"]])
    assert {record_id: state.status for record_id, state in states.items()} == {
        world.ids["new"]: Status.NEW,
        world.ids["failed"]: Status.ERROR,
    }


def test_a_url_is_looked_up_among_the_given_domains(connection: Connection) -> None:
    rows = connection.execute(
        text(
            "WITH d AS (INSERT INTO domains (domain) VALUES ('shop.test'), ('eu.shop.test') RETURNING id, domain)"
            " INSERT INTO sitemap_files (domain_id, url, discovery_method) SELECT id, url, 'manual'"
            " FROM d, unnest('{https://eu.shop.test/a.xml,https://eu.shop.test/b.xml}'::text[]) AS url"
            " RETURNING (SELECT domain FROM d WHERE d.id = domain_id), url, id"
        )
    )
    ids = {(domain, url): record_id for domain, url, record_id in rows}
    url = "https://eu.shop.test/a.xml"
    assert find_by_key(connection, IMPORT, url, ["eu.shop.test"]) == [ids["eu.shop.test", url]]
    assert sorted(find_by_key(connection, IMPORT, url, ["eu.shop.test", "shop.test"])) == sorted(
        [ids["eu.shop.test", url], ids["shop.test", url]]
    )


def test_a_list_says_since_when_a_record_has_its_status_in_its_workflow(connection: Connection, world: World) -> None:
    listed = {one["id"]: one["since"] for one in list_records(connection, METADATA, limit=50)["records"]}
    for name in ("completed", "failed", "due"):
        timeline = explain(connection, METADATA, world.ids[name])
        assert timeline is not None
        assert listed[world.ids[name]] == timeline["events"][-1]["at"]


@pytest.mark.parametrize(("status", "names"), [(Status.PROCESSING, (*WAITING, *WORKING[1:])), (Status.ERROR, ERRORS)])
def test_a_list_by_status_goes_on_behind_the_last_record_and_is_of_its_workflow(
    connection: Connection, world: World, status: Status, names: tuple[str, ...]
) -> None:
    complete(connection, METADATA, world.metadata["working"], code="read", detail={})
    found: list[int] = []
    before: int | None = None
    while len(found) <= len(names):
        page = list_records(connection, METADATA, status=status, limit=2, before=before)
        found += [one["id"] for one in page["records"]]
        before = page["next_before"]
        if before is None:
            break
    assert found == sorted((world.ids[name] for name in names), reverse=True)
