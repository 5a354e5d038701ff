"""export-scheduler: POST /exports queues a file, the service writes it to the bucket, GET /exports/<id> gives its url."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Connection, text

from api.application import Application
from export_scheduler import export as job
from scrapersky import object_store
from scrapersky.lists import exports as lists
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import EXPORT_SCHEDULER
from tests.integration.api import Api, domains
from tests.integration.conftest import Harness

pytestmark = pytest.mark.usefixtures("invariants_hold")

BUCKET = "exports"
CONTACTS = """
INSERT INTO contacts (domain_id, kind, value, label)
SELECT 1, 'email', 'n' || n || '@shop.test', CASE WHEN n % 2 = 0 THEN 'even' END FROM generate_series(1, 30) AS n
"""


class Exporting:
    """The API and the service on one database and one bucket."""

    def __init__(self, api: Api, service: Harness) -> None:
        self.api, self.service = api, service

    def post(self, **body: Any) -> dict[str, Any]:
        """Request an export; return the answer."""
        answer = self.api.post("/exports", {"resource": "contacts", **body})
        assert answer.status == 201, answer.json
        return dict(answer.json)

    def get(self, record_id: int) -> dict[str, Any]:
        """Return one export."""
        return dict(self.api.get(f"/exports/{record_id}").json)

    def file(self, **body: Any) -> bytes:
        """Request an export, have it written, and return the file."""
        record_id = self.post(**body)["id"]
        self.service.drain()
        return self.fetch(record_id)

    def fetch(self, record_id: int) -> bytes:
        """Return the file that the url of an export names."""
        host, path = urlsplit(self.get(record_id)["url"])[1:3]
        assert host == f"{BUCKET}.s3.eu-west-1.amazonaws.com"
        return bytes(boto3.client("s3").get_object(Bucket=BUCKET, Key=path.lstrip("/"))["Body"].read())

    def keys(self) -> list[str]:
        """Return the files in the bucket."""
        return [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def unfinished(self) -> int:
        """Return the number of uploads that were neither completed nor aborted."""
        return len(boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


@pytest.fixture
def exporting(environment: dict[str, str], connection: Connection) -> Iterator[Exporting]:
    """The API and the service, with thirty contacts."""
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        queue_url = boto3.client("sqs").create_queue(QueueName="messages")["QueueUrl"]
        own = {**environment, "EXPORT_BUCKET": BUCKET, "QUEUE_URL": queue_url}
        service = BackgroundService(EXPORT_SCHEDULER, environment=own)
        application = Application(own)
        domains(connection, "shop.test")
        connection.execute(text(CONTACTS))
        yield Exporting(Api(application), Harness(service, connection, queue_url))
        application.dependencies.database.engine.dispose()
        service.runtime.database.engine.dispose()


def suppress(api: Api, address: str) -> None:
    assert api.send(
        "POST", "/data-protection/suppress", json.dumps({"email": address, "reason": "letter"}),
        headers={"content-type": "application/json"}, route_key="POST /data-protection/{proxy+}",
    ).status == 200  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx"])
def test_a_file_has_the_records_that_match_the_filter(exporting: Exporting, form: str) -> None:
    file = exporting.file(format=form, filter={"label": "even"})
    if form == "xlsx":
        with ZipFile(io.BytesIO(file)) as book:
            file = book.read("xl/worksheets/sheet1.xml")
    assert file.count(b"@shop.test") == 15
    assert b"n2@shop.test" in file


def test_an_export_is_a_record_with_a_history_and_a_url_that_expires(
    exporting: Exporting, connection: Connection
) -> None:
    added = exporting.post(format="ndjson")
    assert (added["status"], added["url"], added["why"]) == (
        "Queued",
        None,
        "the file is not written: the export is Queued",
    )
    exporting.service.drain()
    found = exporting.get(added["id"])
    assert (found["status"], found["row_count"], found["why"]) == ("Completed", 30, None)
    query = parse_qs(urlsplit(found["url"]).query)
    assert query["X-Amz-Expires"] == ["900"]
    assert re.fullmatch(r'attachment; filename="contacts-[0-9-]{10}.ndjson"', query["response-content-disposition"][0])
    events = connection.execute(text("SELECT to_status, reason FROM status_events WHERE workflow = 'export'")).all()
    assert next(tuple(one) for one in events) == ("Queued", "requested")
    connection.execute(text("UPDATE exports SET written_at = now() - interval '25 hours'"))
    assert exporting.get(added["id"])["why"] == "the file was kept for a day; request another export"


def test_a_large_file_is_sent_in_parts(exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "PART_BYTES", 5 * 2**20)
    exporting.service.connection.execute(text("UPDATE contacts SET category = repeat('x', 400000) WHERE id <= 28"))
    file = exporting.file(format="ndjson")
    assert len(file) > 2 * 5 * 2**20
    assert len(file.splitlines()) == 30


def test_what_is_suppressed_does_not_appear_and_takes_the_url_of_earlier_files(exporting: Exporting) -> None:
    earlier = exporting.post()["id"]
    exporting.service.drain()
    assert exporting.get(earlier)["url"]
    suppress(exporting.api, "n1@shop.test")
    found = exporting.get(earlier)
    assert (found["url"], found["why"]) == (
        None, "something was suppressed or erased since the file was written; request another export",
    )  # fmt: skip
    later = exporting.post()["id"]
    exporting.service.drain()
    assert exporting.get(later)["status"] == "Queued"  # it waits until no such transaction can be open
    exporting.service.connection.execute(text("UPDATE suppressions SET at = at - interval '2 minutes'"))
    exporting.service.connection.execute(text("UPDATE exports SET due_at = now() WHERE status = 'Queued'"))
    exporting.service.drain()
    assert b"n1@shop.test" not in exporting.fetch(later)


def test_a_suppression_while_a_file_is_written_discards_it(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "CHUNK", 10)
    read_rows = lists.read_rows

    def suppressing(*given: Any) -> Iterator[Any]:
        for number, chunk in enumerate(read_rows(*given)):
            if number == 1:
                suppress(exporting.api, "n1@shop.test")
            yield chunk

    monkeypatch.setattr(job, "read_rows", suppressing)
    exporting.post()
    exporting.service.drain()
    row = exporting.service.connection.execute(text("SELECT status, written_at FROM exports")).one()
    assert tuple(row) == ("Queued", None)
    assert (exporting.keys(), exporting.unfinished()) == ([], 0)


@pytest.mark.parametrize("verb", ["erase", "suppress", "purge"])
def test_an_erasure_deletes_the_files_that_are_not_fetched_yet(exporting: Exporting, verb: str) -> None:
    exporting.file()
    assert len(exporting.keys()) == 1
    about = {"domain": "shop.test"} if verb == "purge" else {"email": "n1@shop.test"}
    answer = exporting.api.send(
        "POST", f"/data-protection/{verb}", json.dumps({**about, "reason": "letter"}),
        headers={"content-type": "application/json"}, route_key="POST /data-protection/{proxy+}",
    )  # fmt: skip
    assert answer.status == 200, answer.json
    assert exporting.keys() == []


def test_a_bucket_that_may_not_be_written_pauses_the_workflow(exporting: Exporting) -> None:
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    exporting.post()
    exporting.service.drain()
    pauses = exporting.service.connection.execute(text("SELECT workflow, pause_reason FROM pauses")).one()
    assert pauses.workflow == "export"
    assert "the bucket 'exports' answered NoSuchBucket" in pauses.pause_reason


def test_rows_that_need_more_than_the_time_fail_with_what_to_do(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MARGIN_SECONDS", 1_000)
    record_id = exporting.post()["id"]
    exporting.service.drain()
    found = exporting.get(record_id)
    assert (found["status"], found["error_code"]) == ("Error", "too_large")
    assert "choose fewer records by filters" in found["error"]
    assert exporting.unfinished() == 0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"resource": "sitemaps"}, 422, "body"),
        ({"format": "xls"}, 422, "contacts.format"),
        ({"filter": {}}, 422, "contacts.filter"),
        ({"filter": {"city": "Berlin"}}, 422, "contacts.filter.city"),
        ({"format": "xlsx", "bom": True}, 409, "bom"),
    ],
)
def test_an_invalid_request_names_the_field(
    exporting: Exporting, body: dict[str, Any], status: int, field: str
) -> None:
    answer = exporting.api.post("/exports", {"resource": "contacts", **body})
    assert (answer.status, answer.json["errors"][0]["field"]) == (status, field)
