"""Labels: each way in takes one, hand-offs carry it along, and its progress says when all records have ended."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.contacts import FoundContact
from scrapersky.models import Domain
from scrapersky.models.inserts import get_or_create
from scrapersky.runtime import labels
from scrapersky.runtime.labels import finish_labels, open_labels, progress
from scrapersky.runtime.outcomes import Fail, Snooze
from scrapersky.runtime.registry import IMPORT, METADATA, PAGE_READING, SUBMISSION, hand_offs_from
from scrapersky.settings import Settings
from scrapersky.status.claim import claim
from scrapersky.status.finish import complete
from scrapersky.status.requeue import hand_off
from scrapersky.vocabulary import ContactKind, FoundIn
from tests.integration.api import Api, domains, results, row
from tests.integration.conftest import Harness
from tests.integration.test_api_adding import RESOURCES, SHOP
from tests.records import make, save_contacts

pytestmark = pytest.mark.usefixtures("invariants_hold")


@pytest.fixture(autouse=True)
def _no_look_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a look for the end of a label would take long enough to be put off."""
    monkeypatch.setattr(labels, "QUICK_SECONDS", 3_600)


LABEL = "Bäckereien 2026"
CSV = {"content-type": "text/csv"}


def add_page(connection: Connection, domain: int) -> Any:
    sql = "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, 'u', 'contact', 1) RETURNING id"
    return connection.execute(text(sql), {"id": domain}).scalar_one()


@RESOURCES
def test_single_and_bulk_requests_take_a_label_by_which_the_records_are_listed(
    api: Api, connection: Connection, path: str, table: str, given: dict[str, Any], status: str
) -> None:
    domains(connection, SHOP)
    (added,) = api.post(f"/{path}", {**given, "label": LABEL}).json["results"]
    assert [one["id"] for one in api.get(f"/{path}", label=LABEL).json["items"]] == [added["id"]]
    assert api.get(f"/{path}", label="another").json["items"] == []
    connection.execute(text(f"DELETE FROM {table}"))
    answer = api.post(f"/{path}/bulk", {table: [{**given, "label": LABEL, "curation_status": "Selected"}]})
    assert results(answer) == ["queued"]
    assert row(connection, table, answer.json["results"][0]["id"])["label"] == LABEL


def test_domains_take_one_label_for_a_whole_list(api: Api) -> None:
    api.post("/domains", {"domain": "one.example", "label": LABEL})
    api.post("/domains/bulk", {"domains": ["two.example", "three.example"], "label": LABEL})
    assert len(api.get("/domains", label=LABEL).json["items"]) == 3


@RESOURCES
def test_an_existing_record_takes_a_label_if_it_has_none(
    api: Api, connection: Connection, path: str, table: str, given: dict[str, Any], status: str
) -> None:
    domains(connection, SHOP)
    api.post(f"/{path}", given)
    results = [api.post(f"/{path}", {**given, "label": label}).json["results"][0] for label in ("a", "b", "a")]
    assert [one["result"] for one in results] == ["exists"] * 3
    assert [one["why"] for one in results] == [
        "it already exists and was not changed, but has the label now",
        "it already exists with the label 'a' and was not changed",
        "it already exists and was not changed",
    ]
    assert row(connection, table, results[0]["id"])["label"] == "a"


@pytest.mark.parametrize("label", ["", " a", "a ", "a/b", "a\n", "?", "x" * 101])
def test_a_label_that_fits_no_url_is_refused(api: Api, label: str) -> None:
    answer = api.post("/domains", {"domain": SHOP, "label": label})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "label")


def test_a_record_that_a_job_finds_takes_the_label_only_if_it_has_none(connection: Connection) -> None:
    for label, stays in (None, None), ("a", "a"), ("b", "a"), (None, "a"):
        found = get_or_create(connection, Domain.domain, domain=SHOP, label=label)
        assert row(connection, "domains", found)["label"] == stays


def test_a_contact_has_the_label_of_its_page_before_that_of_its_domain(connection: Connection) -> None:
    (domain,) = domains(connection, SHOP)
    connection.execute(text("UPDATE domains SET label = 'of domain'"))
    page = add_page(connection, domain)
    connection.execute(text("UPDATE pages SET label = 'of page'"))
    for number, page_id in enumerate((None, page)):
        found = [FoundContact(ContactKind.EMAIL, f"{number}@{SHOP}", FoundIn.TEXT)]
        save_contacts(connection, domain, found, url="u", page_id=page_id)
    labels = connection.execute(text("SELECT label FROM contacts ORDER BY value")).scalars().all()
    assert labels == ["of domain", "of page"]


def test_a_page_that_was_known_before_its_domain_had_a_label_takes_it_when_it_is_handed_off(
    connection: Connection,
) -> None:
    (domain,) = domains(connection, SHOP)
    page = add_page(connection, domain)
    connection.execute(text("UPDATE domains SET label = 'a'"))
    [declared] = [one for one in hand_offs_from(IMPORT) if one.target == PAGE_READING]
    per_host = declared.per_host and declared.per_host(Settings())
    values: Any = {"actor": "", "reason": "", "again": False, "condition": declared.condition, "per_host": per_host}
    assert list(hand_off(connection, PAGE_READING, [page], **values)) == [page]
    assert row(connection, "pages", page)["label"] == "a"


def counted(api: Api, label: str = LABEL) -> dict[str, int]:
    """Return the numbers of the domains of a label by status, without zeros."""
    workflows = api.get(f"/labels/{quote(label)}").json["workflows"]
    return {status: count for status, count in workflows["metadata"].items() if count}


def test_at_every_moment_the_sum_over_the_states_is_the_number_that_came_in(api: Api, harness: Harness) -> None:
    names = [f"d{number}.example" for number in range(30)]
    harness.behaviour = {"d0.example": lambda _: Fail("http_403", "no"), "d1.example": lambda _: Snooze("s", "s", 60)}
    harness.add("other.example")
    assert results(api.post("/domains/bulk", {"domains": names, "label": LABEL})) == ["created"] * 30
    assert counted(api) == {"New": 30}
    decision = {"curation_status": "Selected", "filter": {"label": LABEL}}
    assert api.post("/domains/curation", decision).json["counts"] == {"queued": 30}
    assert counted(api) == {"Queued": 30}
    harness.tick()
    assert counted(api) == {"Processing": 30}
    while records := harness.receive():
        for record in records:
            harness.deliver([record])
            assert sum(counted(api).values()) == 30
    assert counted(api) == {"Completed": 28, "Error": 1, "Queued": 1}
    assert not api.get(f"/labels/{quote(LABEL)}").json["done"]


def test_a_label_is_done_once_when_every_record_has_ended(api: Api, harness: Harness) -> None:
    api.post("/domains/bulk", {"domains": ["a.example", "b.example"], "label": LABEL, "curation_status": "Selected"})
    for ended in (False, True):
        assert api.get(f"/labels/{quote(LABEL)}").json["done"] is ended
        harness.drain()
    found = api.get(f"/labels/{quote(LABEL)}").json
    assert (found["done"], found["done_at"] is not None) == (True, True)
    harness.drain()
    assert api.get(f"/labels/{quote(LABEL)}").json == found


def test_records_that_a_hand_off_queues_keep_a_label_open(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain, label) VALUES ('a.example', 'a')"))
    open_labels(connection, "domains", [("default", "a")])
    assert finish_labels(connection) == []  # not decided
    connection.execute(text("UPDATE domains SET curation_status = 'Archived'"))
    connection.execute(text("UPDATE domains SET sitemap_analysis_status = 'Queued', sitemap_analysis_due_at = now()"))
    assert finish_labels(connection) == []
    claim(connection, SUBMISSION, batch=1, max_in_flight=1, dispatch_lease=60, trigger="manual")
    assert finish_labels(connection) == []
    connection.execute(text("UPDATE attempts SET started_at = now()"))
    (attempt,) = connection.execute(text("SELECT attempt_id FROM attempts")).scalars()
    complete(connection, SUBMISSION, attempt, code="done", detail={})
    assert finish_labels(connection) == [("default", "a")]
    assert finish_labels(connection) == []


def test_a_slow_look_for_the_end_is_repeated_only_after_twenty_times_its_duration(
    connection: Connection, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "QUICK_SECONDS", 0.05)
    open_labels(connection, "domains", [("default", "a"), ("default", "b")])
    connection.execute(text("INSERT INTO domains (domain, label) VALUES ('a.example', 'a')"))
    with engine.begin() as holding, ThreadPoolExecutor(1) as pool:
        holding.execute(text("SELECT FROM labels WHERE label = 'b' FOR UPDATE"))
        looking = pool.submit(finish_labels, connection)
        held_for = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%labels%'"
            " AND now() - query_start > interval '0.1 s'"
        )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            while not watching.execute(text(held_for)).scalar_one():
                pass
        holding.commit()
        assert looking.result() == [("default", "b")]
    connection.execute(text("UPDATE domains SET curation_status = 'Archived'"))
    assert finish_labels(connection) == []
    waits = "SELECT look_after > now() + interval '1.5 s' FROM labels WHERE label = 'a'"
    assert connection.execute(text(waits)).scalar_one()
    connection.execute(text("UPDATE labels SET look_after = now()"))
    assert finish_labels(connection) == [("default", "a")]


def test_a_label_that_is_opened_while_a_tick_finishes_it_stays_open(connection: Connection, engine: Engine) -> None:
    open_labels(connection, "domains", [("default", "a")])
    with engine.begin() as adding:
        open_labels(adding, "domains", [("default", "a")])
        adding.execute(text("INSERT INTO domains (domain, label) VALUES ('a.example', 'a')"))
        with ThreadPoolExecutor(1) as pool:
            finishing = pool.submit(finish_labels, connection)
            waiting = text(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%labels%'"
            )
            with engine.connect() as watching:
                while not watching.execute(waiting).scalar_one():
                    watching.rollback()
            adding.commit()
            assert finishing.result() == []


def test_two_ticks_at_once_note_one_end(connection: Connection, engine: Engine) -> None:
    open_labels(connection, "domains", [("default", "a")])
    with ThreadPoolExecutor(2) as pool, engine.begin() as one, engine.begin() as two:
        first = finish_labels(one)
        second = pool.submit(finish_labels, two)
        one.commit()
        assert (first, second.result()) == ([("default", "a")], [])


@pytest.mark.parametrize("label", ["nowhere", "a%00", "a/b", "%252e"])
def test_a_label_that_no_record_has_is_a_404(api: Api, label: str) -> None:
    assert api.get(f"/labels/{label}").status in (404, 422)


FILES = [
    ("places", "place_id,name,latitude,label\nChIJ1,A,52.5,own\nChIJ2,B,,\n,C,,\nChIJ3,D,north,\n", ["place_id", "latitude"]),
    ("local-businesses", "Place ID;Website URL\nChIJ1;https://a.example\nChIJ2;\n;https://b.example\nChIJ3;nothing\n",
     ["place_id", "website_url"]),
    ("sitemap-files", f"url,domain\nhttps://{SHOP}/a.xml,{SHOP}\nhttps://{SHOP}/b.xml,{SHOP}\nhttps://{SHOP}/c.xml,\n"
     f"https://other.example/,{SHOP}\n", ["domain_id, domain", "url"]),
    ("pages", f"url,domain_id\nhttps://{SHOP}/a,1\nhttps://{SHOP}/b,1\nhttps://{SHOP}/c,one\nhttps://other.example/,1\n",
     ["domain_id", "url"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "file", "refused"), FILES, ids=[one[0] for one in FILES])
def test_a_csv_file_adds_records_with_label_and_decision(
    api: Api, connection: Connection, path: str, file: str, refused: list[str]
) -> None:
    domains(connection, SHOP)
    answer = api.send("POST", f"/{path}/csv", file, query={"label": LABEL, "curation_status": "Selected"}, headers=CSV)
    assert results(answer) == ["queued", "queued", "refused", "refused"]
    assert [one["why"].split(":")[0] for one in answer.json["results"][2:]] == refused
    labels = [one["label"] for one in api.get(f"/{path}").json["items"]]
    assert labels == ["own" if path == "places" else LABEL, LABEL]


def test_a_row_of_a_csv_file_may_have_its_own_decision(api: Api) -> None:
    file = "domain,curation_status,label\na.example,Selected,a\nb.example,,\nc.example,Chosen,\n"
    answer = api.send("POST", "/domains/csv", file, query={"curation_status": "Maybe"}, headers=CSV)
    assert results(answer) == ["queued", "created", "refused"]
    assert [one["curation_status"] for one in api.get("/domains").json["items"]] == ["Selected", "Maybe"]


@pytest.mark.parametrize("query", [{"lable": "a"}, {"label": "a/b"}, {"curation_status": "Chosen"}])
def test_a_csv_file_with_an_invalid_parameter_is_refused(api: Api, query: dict[str, str]) -> None:
    answer = api.send("POST", "/domains/csv", "domain\na.example\n", query=query, headers=CSV)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, next(iter(query)))


def test_a_csv_file_without_a_column_that_identifies_records_is_refused(api: Api) -> None:
    answer = api.send("POST", "/places/csv", "name,city\nA,B\n", headers=CSV)
    assert (answer.status, "no column named place_id" in answer.json["detail"]) == (409, True)


def test_a_label_is_kept_open_by_its_own_records_only(connection: Connection) -> None:
    domain = "INSERT INTO domains (domain, label, tenant, status, curation_status) VALUES "
    connection.execute(text(f"{domain} ('a.example', 'a', 'default', 'New', 'Archived')"))
    for name, label, tenant in (
        ("b", "b", "default"),
        ("c", "b", "default"),
        ("d", "a", "other"),
        ("e", None, "default"),
    ):
        one = {"name": f"{name}.example", "label": label, "tenant": tenant}
        connection.execute(text(f"{domain} (:name, :label, :tenant, 'Queued', 'New')"), one)
        open_labels(connection, "domains", [(tenant, label or "a")])
    claim(connection, METADATA, batch=1, max_in_flight=9, dispatch_lease=60)
    same_id = make(connection, IMPORT, "Queued", key="f")
    assert same_id == connection.execute(text("SELECT id FROM domains WHERE domain = 'a.example'")).scalar_one()
    claim(connection, IMPORT, batch=1, max_in_flight=9, dispatch_lease=60)
    connection.execute(text("UPDATE labels SET opened_at = now()"))
    assert finish_labels(connection) == [("default", "a")]
    of_a = progress(connection, "a", "default")
    of_b = progress(connection, "b", "default")
    assert of_a is not None
    assert of_b is not None
    assert (of_a.done, of_b.done, of_b.done_at) == (True, False, None)
    assert of_a.created_at != of_b.created_at


def test_records_that_come_in_through_another_table_open_a_label_again(connection: Connection) -> None:
    for _ in range(2):
        open_labels(connection, "domains", [("default", "a")])
    assert finish_labels(connection) == [("default", "a")]
    open_labels(connection, "places", [("default", "a")])
    connection.execute(text("INSERT INTO places (place_id, label) VALUES ('p', 'a')"))
    assert finish_labels(connection) == []
    undecided = progress(connection, "a", None)
    assert undecided is not None
    assert (undecided.done, undecided.done_at) == (False, None)
    assert connection.execute(text("SELECT tables FROM labels")).scalar_one() == ["domains", "places"]
    connection.execute(text("UPDATE places SET curation_status = 'Archived'"))
    assert finish_labels(connection) == [("default", "a")]


def test_a_label_that_waits_for_its_next_look_goes_on_waiting(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "QUICK_SECONDS", -1)
    open_labels(connection, "domains", [("default", "a"), ("default", "later")])
    connection.execute(text("UPDATE labels SET look_after = now() + interval '1 h' WHERE label = 'later'"))
    assert finish_labels(connection) == [("default", "a")]
    waits = "SELECT look_after > now() + interval '50 min' FROM labels WHERE label = 'later'"
    assert connection.execute(text(waits)).scalar_one()
