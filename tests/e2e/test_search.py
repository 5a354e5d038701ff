"""The chain begins with a map search."""

from sqlalchemy import text

from scripts.commands.run.internet import town
from tests.e2e.conftest import SEARCH, Running

CHAIN = """
SELECT count(*), count(*) FILTER (WHERE deep_scan_status = 'Completed'), count(DISTINCT local_businesses.id),
       count(*) FILTER (WHERE domain_extraction_status = 'Completed')
FROM places_found JOIN places ON places.id = places_found.place_id
LEFT JOIN local_businesses ON local_businesses.place_id = places.place_id
"""
UNKNOWN = "SELECT count(*) FROM places WHERE deep_scan_error_code = 'place_not_found'"


def test_what_a_search_finds_is_scanned_and_extracted(running: Running) -> None:
    with running.engine.connect() as connection:
        unknown = connection.execute(text(UNKNOWN)).scalar_one()
        found = tuple(connection.execute(text(CHAIN)).one())
    shops = len(town.OWNERS) if running.over_corpus else town.SHOPS
    assert found == (shops, *[shops - unknown] * 3), SEARCH
    assert running.report["workflows"]["place_search"]["Error"] == 0
