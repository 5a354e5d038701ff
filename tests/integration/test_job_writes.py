"""The writes of the jobs on a real Postgres: new rows, known rows, and columns that they must not change."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.orm import Session

from domain_scheduler.metadata import read_metadata
from domain_sitemap_submission.submission import submit_domain
from scrapersky.models import Domain, LocalBusiness, Place, Sitemap
from scrapersky.models.base import Recorded
from scrapersky.runtime.outcomes import Done, Outcome
from scripts.commands.run.internet.places import PlacesApi
from scripts.commands.run.internet.website import Answer
from sitemap_scheduler.deep_scan import deep_scan_place
from sitemap_scheduler.domain_extraction import extract_domain
from tests.integration.conftest import Harness
from tests.jobs import Answers, page, run_job

pytestmark = pytest.mark.usefixtures("invariants_hold")

NO_CONTEXT: Any = None
KEY = "AIzaTestKey"


def add(connection: Connection, model: type[Recorded], **columns: Any) -> int:
    return connection.execute(insert(model).values(**columns).returning(model.id)).scalar_one()


def load(connection: Connection, model: type[Recorded], record_id: int) -> Any:
    """Return the record as a job gets it: detached."""
    with Session(connection) as session:
        record = session.get_one(model, record_id)
        session.expunge_all()
        return record


def save(connection: Connection, outcome: Outcome) -> list[int]:
    """Run the outcome's write; return the ids of all records that it made or found."""
    assert isinstance(outcome, Done)
    assert outcome.write is not None
    return [record_id for ids in outcome.write(connection).values() for record_id in ids]


def submit(connection: Connection, domain_id: int) -> list[int]:
    return save(connection, asyncio.run(submit_domain(load(connection, Domain, domain_id), NO_CONTEXT)))


def extract(connection: Connection, business_id: int) -> list[int]:
    return save(connection, asyncio.run(extract_domain(load(connection, LocalBusiness, business_id), NO_CONTEXT)))


def scan(connection: Connection, place: int, details: dict[str, Any], directory: Path) -> list[int]:
    record = load(connection, Place, place)
    outcome = run_job(
        deep_scan_place,
        record,
        {"places.googleapis.com": PlacesApi({record.place_id: details}, KEY)},
        directory,
        secrets={"places": KEY},
        places_secret="places",
    )
    return save(connection, outcome)


def read(connection: Connection, domain_id: int, html: str, directory: Path, **settings: Any) -> Any:
    """Return the domain's row after its home page was read as ``html``."""
    record = load(connection, Domain, domain_id)
    outcome = run_job(read_metadata, record, {record.domain: page(html)}, directory, **settings)
    assert save(connection, outcome)[0] == domain_id
    return connection.execute(select(Domain.__table__).where(Domain.id == domain_id)).mappings().one()


def count(connection: Connection, model: type[Recorded]) -> int:
    return connection.execute(select(func.count()).select_from(model)).scalar_one()


def test_repeated_submission_creates_one_sitemap(connection: Connection) -> None:
    domain = add(connection, Domain, domain="example.com", tenant="acme")
    [sitemap] = submit(connection, domain)
    assert submit(connection, domain) == [sitemap]
    row = load(connection, Sitemap, sitemap)
    assert (row.domain_id, row.tenant, row.status) == (domain, "acme", "New")
    assert count(connection, Sitemap) == 1


def test_submission_normalises_a_domain_that_was_stored_in_another_form(connection: Connection) -> None:
    domain = add(connection, Domain, domain="https://WWW.Example.com/")
    submit(connection, domain)
    assert load(connection, Domain, domain).domain == "example.com"


def test_submission_of_a_variant_uses_the_normalised_domain_if_it_exists(connection: Connection) -> None:
    canonical = add(connection, Domain, domain="example.com")
    variant = add(connection, Domain, domain="www.example.com")
    [sitemap] = submit(connection, variant)
    assert load(connection, Sitemap, sitemap).domain_id == canonical
    assert load(connection, Domain, variant).domain == "www.example.com"


def test_an_invalid_host_name_is_not_submitted(connection: Connection) -> None:
    domain = add(connection, Domain, domain="no host at all")
    outcome = asyncio.run(submit_domain(load(connection, Domain, domain), NO_CONTEXT))
    assert outcome.code == "invalid_domain"


def test_two_businesses_with_one_website_share_its_domain(connection: Connection) -> None:
    one = add(connection, LocalBusiness, place_id="a", website_url="https://www.example.com/one", tenant="acme")
    two = add(connection, LocalBusiness, place_id="b", website_url="http://EXAMPLE.com/two", tenant="other")
    [domain] = extract(connection, one)
    assert extract(connection, two) == [domain]
    assert {load(connection, LocalBusiness, business).domain_id for business in (one, two)} == {domain}
    row = load(connection, Domain, domain)
    assert (row.domain, row.tenant, row.status) == ("example.com", "acme", "New")


def test_two_workers_that_extract_one_domain_concurrently_create_one_row(
    engine: Engine, connection: Connection
) -> None:
    one = add(connection, LocalBusiness, place_id="a", website_url="https://example.com/")
    two = add(connection, LocalBusiness, place_id="b", website_url="https://example.com/")
    outcomes = [asyncio.run(extract_domain(load(connection, LocalBusiness, each), NO_CONTEXT)) for each in (one, two)]
    with engine.connect() as first, engine.connect() as second:
        second.execute(text("SET lock_timeout = '100ms'"))
        second.commit()
        [made] = save(first, outcomes[0])
        with pytest.raises(Exception, match="lock timeout"):  # it waits for the first transaction
            save(second, outcomes[1])
        second.rollback()
        first.commit()
        assert save(second, outcomes[1]) == [made]
        second.commit()
    assert count(connection, Domain) == 1


def test_a_deep_scan_creates_the_business_and_completes_the_place(connection: Connection, tmp_path: Path) -> None:
    place = add(connection, Place, place_id="ChIJ1", name="smile", tenant="acme")
    details = {
        "displayName": {"text": "Smile Dental"},
        "location": {"latitude": 30.25, "longitude": -97.75},
        "rating": 4.5,
        "types": ["dentist", "health"],
        "regularOpeningHours": {"periods": [{"open": {"day": 0}}]},
        "movedPlaceId": "ChIJ2",
    }
    [business] = scan(connection, place, details, tmp_path)
    row = load(connection, LocalBusiness, business)
    assert (row.place_id, row.tenant, row.business_name, row.rating) == ("ChIJ1", "acme", "Smile Dental", 4.5)
    assert row.extra_categories == ["health"]
    assert row.opening_hours["monday"] == [["00:00", "24:00"]]
    assert row.scanned_at is not None
    known = load(connection, Place, place)
    assert (known.name, known.latitude, known.moved_to_place_id) == ("Smile Dental", 30.25, "ChIJ2")


def test_a_second_scan_updates_present_fields_and_keeps_absent_ones(connection: Connection, tmp_path: Path) -> None:
    place = add(connection, Place, place_id="ChIJ1")
    domain = add(connection, Domain, domain="example.com")
    [business] = scan(connection, place, {"rating": 4.5, "nationalPhoneNumber": "555 0100"}, tmp_path / "1")
    connection.execute(
        text(
            "UPDATE local_businesses SET curation_status = 'Selected', domain_extraction_status = 'Queued', domain_id = :d"
        ),
        {"d": domain},
    )
    first = load(connection, LocalBusiness, business)
    assert scan(connection, place, {"rating": 3.5}, tmp_path / "2") == [business]
    second = load(connection, LocalBusiness, business)
    assert (second.rating, second.phone) == (3.5, "555 0100")
    assert (second.curation_status, second.domain_extraction_status, second.domain_id) == ("Selected", "Queued", domain)
    assert second.scanned_at > first.scanned_at
    assert second.updated_at > first.updated_at


RICH = """
<html lang=en-US><title>Smile Dental</title><meta name=description content="We make you smile">
<meta name=generator content="WordPress 6.5.2"><link rel=icon href=/i.png>
<link href="/wp-content/plugins/elementor/assets/css/frontend.min.css?ver=3.12.1">
<a href="mailto:info@smile.com">x</a><a href="tel:(251) 930-8621">x</a><a href="https://www.facebook.com/smile">x</a>
<script type=application/ld+json>
{"@type": "Dentist", "name": "Smile", "logo": "/l.png", "address": {"addressCountry": "US"}}</script>
"""


def test_a_home_page_fills_the_columns_of_its_domain(connection: Connection, tmp_path: Path) -> None:
    domain = add(connection, Domain, domain="smile.example", curation_status="Selected")
    row = read(connection, domain, RICH, tmp_path)
    expected = {
        "title": "Smile Dental",
        "description": "We make you smile",
        "language": "en-US",
        "final_url": "https://smile.example/",
        "http_status": 200,
        "favicon_url": "https://smile.example/i.png",
        "logo_url": "https://smile.example/l.png",
        "generator": "WordPress 6.5.2",
        "is_wordpress": True,
        "wordpress_version": "6.5.2",
        "has_elementor": True,
        "elementor_version": "3.12.1",
        "email_addresses": ["info@smile.com"],
        "phone_numbers": ["+12519308621"],
        "facebook_url": "https://www.facebook.com/smile",
        "twitter_url": None,
        "organisation": {"name": "Smile", "types": ["Dentist"], "address": {"country": "US"}},
        "curation_status": "Selected",
        "status": "New",
    }
    assert {name: row[name] for name in expected} == expected
    assert {
        "category": "cms",
        "name": "WordPress",
        "version": "6.5.2",
        "evidence": "generator: WordPress 6.5.2",
    } in row["tech_stack"]
    assert row["meta_json"]["json_ld"][0]["name"] == "Smile"
    assert row["last_scan"] is not None


def test_a_rescan_that_finds_nothing_erases_nothing(connection: Connection, tmp_path: Path) -> None:
    domain = add(connection, Domain, domain="smile.example")
    before = read(connection, domain, RICH, tmp_path / "1")
    after = read(connection, domain, "<p>Back soon, says the new page.", tmp_path / "2")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"last_scan", "updated_at"}


PERSONAL = """
<html lang=en><title>Ask ann.lee@smile.com</title><meta name=author content="Ann.Lee@smile.com">
<a href="mailto:info@smile.com">x</a><p>Tel. (251) 930-8621, info@smile.com or ann.lee [at] smile.com
<script type=application/ld+json>
{"@type": "Dentist", "email": "ann.lee@smile.com", "employee": {"@type": "Person", "email": "mailto:ann.lee@smile.com"}}
</script>
"""


def test_an_address_that_is_withheld_is_nowhere_in_what_a_page_leaves(connection: Connection, tmp_path: Path) -> None:
    domain = add(connection, Domain, domain="smile.example")
    everything = text("SELECT * FROM find_subject('{ann.lee@smile.com}')")
    row = read(connection, domain, PERSONAL, tmp_path / "1")
    assert (row["title"], row["email_addresses"]) == ("Ask [withheld]", ["info@smile.com"])
    assert connection.execute(everything).all() == []
    rows = connection.execute(text("SELECT context FROM contact_sources WHERE context IS NOT NULL")).scalars().all()
    assert set(rows) == {"Tel. (251) 930-8621, info@smile.com or [withheld]"}
    row = read(connection, domain, PERSONAL, tmp_path / "2", contacts_keep="personal")
    assert (row["title"], row["email_addresses"]) == ("Ask ann.lee@smile.com", ["info@smile.com", "ann.lee@smile.com"])


def test_a_rescan_replaces_values_that_it_finds(connection: Connection, tmp_path: Path) -> None:
    domain = add(connection, Domain, domain="smile.example")
    read(connection, domain, RICH, tmp_path / "1")
    other = (
        "<title>New</title><meta name=generator content='Wix.com Website Builder'><a href=mailto:new@smile.com>x</a>"
    )
    row = read(connection, domain, other, tmp_path / "2")
    assert (row["title"], row["generator"], row["email_addresses"]) == (
        "New",
        "Wix.com Website Builder",
        ["info@smile.com", "new@smile.com"],  # an address is gone after two readings without it
    )
    assert (row["is_wordpress"], row["has_elementor"]) == (False, False)
    assert [technology["name"] for technology in row["tech_stack"]] == ["Wix"]


def test_a_first_scan_without_wordpress_stores_false(connection: Connection, tmp_path: Path) -> None:
    row = read(connection, add(connection, Domain, domain="smile.example"), "<p>made manually", tmp_path)
    assert (row["is_wordpress"], row["has_elementor"], row["wordpress_version"]) == (False, False, None)


def test_a_page_with_characters_that_postgres_rejects_is_saved(connection: Connection, tmp_path: Path) -> None:
    evil = r"\u0000 \ud800 \udfff"
    html = (
        f"<title>a\0b&#0;&#xD800;c</title><meta name='x\0y' content='\0&#xDFFF;'><link rel=icon href='/\0&#xD800;.png'>"
        f"<a href='mailto:jo\0@smile.com'>x</a><script type=application/ld+json>"
        f'{{"@type": "Store", "name": "{evil}x", "telephone": "{evil}", "{evil}": 1e999, "address": {{"addressCountry": NaN}},'
        f' "geo": {{"latitude": "NaN", "longitude": "Infinity"}}, "openingHours": "{evil}", "sameAs": ["{evil}"]}}</script>'
    )
    row = read(connection, add(connection, Domain, domain="smile.example"), html, tmp_path)
    assert row["organisation"]["name"] == "x"
    assert "latitude" not in row["organisation"]


@pytest.mark.parametrize(
    ("home", "status", "following"),
    [
        (Answer(404), "Error", "Queued"),
        (Answer(403), "Error", "Queued"),
        (Answer(200, b"{}", {"Content-Type": "application/json"}), "Error", "Queued"),
        (Answer(500), "Queued", "New"),
        (Answer(200, b"<title>Shop</title><p>This domain is for sale.", {"Content-Type": "text/html"}), "Error", "New"),
    ],
    ids=["missing", "blocked", "no HTML", "retried", "parked"],
)
def test_a_domain_whose_home_page_fails_is_submitted_once_it_is_in_error(
    home: Answer,
    status: str,
    following: str,
    environment: dict[str, str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    environment["HANDOFF_METADATA_TO_SUBMISSION"] = "auto"
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("shop.example")
    site = Answers(lambda asked: Answer(404) if asked.path == "/robots.txt" else home)
    outcome = run_job(read_metadata, Domain(id=record_id, domain="shop.example"), {"shop.example": site}, tmp_path)
    harness.behaviour["shop.example"] = lambda _: outcome
    harness.drain()
    row = harness.row(record_id)
    assert (row["status"], row["sitemap_analysis_status"]) == (status, following)


def test_a_domain_whose_home_page_keeps_failing_is_submitted_after_the_last_try(
    environment: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environment |= {"HANDOFF_METADATA_TO_SUBMISSION": "auto", "RETRY_MAX_FAILURES": "1"}
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("shop.example")
    outcome = run_job(
        read_metadata, Domain(id=record_id, domain="shop.example"), {"shop.example": page("x", 500)}, tmp_path
    )
    harness.behaviour["shop.example"] = lambda _: outcome
    harness.drain()
    assert harness.row(record_id)["sitemap_analysis_status"] == "Queued"
