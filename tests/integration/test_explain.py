"""``scripts/explain`` shows a record's timeline, from its database or from its stage."""

import json

import pytest

from scrapersky.runtime.outcomes import Fail
from scripts.commands.scrapersky.explain.__main__ import main
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.lambda_endpoint import serving


@pytest.fixture
def parked(harness: Harness, capsys: pytest.CaptureFixture[str]) -> str:
    """The id of a domain that ended in Error ``parked``."""
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "the domain is for sale")
    harness.drain()
    capsys.readouterr()
    return str(record_id)


def test_the_timeline_of_a_record_is_read_from_its_database(
    parked: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metadata", parked, "--database-url", database_url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"metadata {parked} is Error: parked, after 1 failure", "  the domain is for sale"]
    assert [line for line in lines if "Queued → Processing, by domain-scheduler; attempt 1 (schedule)" in line]
    assert [line for line in lines if "attempt 1 ended failed parked after" in line]
    assert [line for line in lines if "on scrapersky-test-domain-scheduler:$LATEST, request request-1" in line]


def test_the_timeline_of_a_record_is_read_from_its_stage_as_text_and_as_json(
    parked: str, harness: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    function = {"scrapersky-test-domain-scheduler": lambda event: harness.service.handler(event, LambdaContext())}
    with serving(function) as endpoint:
        arguments = ["metadata", parked, "--stage", "test", "--endpoint", endpoint]
        assert main(arguments) == 0
        assert f"metadata {parked} is Error: parked" in capsys.readouterr().out
        assert main([*arguments, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["now"]["error_code"] == "parked"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["metadata", "999"], "domains has no record 999"),
        (["import", "1"], "sitemap_files has no record 1"),
    ],
)
def test_a_missing_record_is_reported(
    arguments: list[str], message: str, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--database-url", database_url]) == 1
    assert message in capsys.readouterr().err


def test_without_stage_and_database_the_options_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["metadata", "1"]) == 1
    assert "--stage dev, or --database-url" in capsys.readouterr().err


def test_an_unavailable_database_is_reported_in_one_line_without_the_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["metadata", "1", "--database-url", "postgresql+pg8000://ada:secret@127.0.0.1:1/none"]) == 1
    message = capsys.readouterr().err
    assert "could not be asked" in message
    assert "secret" not in message
    assert message.count("\n") == 1
