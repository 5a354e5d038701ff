"""The records that a run starts with."""

import pytest
from sqlalchemy import Connection, Engine, text

from scripts.commands.run.inputs import ACTOR, queue_domains, queue_places, shipped_sites


def test_queued_domains_are_normalised_and_distinct(engine: Engine, connection: Connection) -> None:
    queue_domains(engine, ["https://www.One.example/", "one.example", "two.example"])
    rows = connection.execute(text("SELECT domain, status, due_at IS NOT NULL FROM domains ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("one.example", "Queued", True), ("two.example", "Queued", True)]


def test_the_actor_who_queued_a_record_is_in_the_audit_trail(engine: Engine, connection: Connection) -> None:
    queue_places(engine, [{"id": "ChIJ1"}])
    assert connection.execute(text("SELECT actor FROM status_events")).scalars().all() == [ACTOR]
    assert connection.execute(text("SELECT name FROM places")).scalars().all() == [None]


def test_the_numbers_of_the_shipped_sites_are_explained() -> None:
    inputs = shipped_sites()
    assert inputs.explanation == (
        f"Riverside has 150 shops: {len(inputs.names)} businesses with a website, {149 - len(inputs.names)} without "
        "their own, and 1 that Google no longer knows."
    )


@pytest.mark.parametrize(
    ("given", "wanted", "area"),
    [
        ("bakeries", "bakeries", "Riverside"),
        ("bakeries in Riverside", "bakeries", "Riverside"),
        ("shops in town in Atlantis", "shops in town", "Atlantis"),
    ],
)
def test_a_search_names_its_town_or_means_the_one_that_exists(
    engine: Engine, connection: Connection, given: str, wanted: str, area: str
) -> None:
    inputs = shipped_sites(given)
    assert (inputs.title, inputs.queue(engine)) == (f"{wanted} in {area}", 1)
    row = connection.execute(text("SELECT text, area, status, label FROM place_searches")).one()
    assert tuple(row) == (wanted, area, "Queued", "local-run")
