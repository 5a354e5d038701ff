"""The jobs of a service: named by the handler, imported when a record needs one."""

import sys
from pathlib import Path
from typing import Any

import pytest

from scrapersky.runtime.jobs import Jobs
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import (
    DEEP_SCAN,
    DISCOVERY,
    DOMAIN_EXTRACTION,
    DOMAIN_SCHEDULER,
    METADATA,
    SITEMAP_SCHEDULER,
)
from scrapersky.status.workflow import Workflow


def test_a_named_job_is_imported_when_it_is_asked_for_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far_away.py").write_text("async def job(record, ctx): ...")
    monkeypatch.syspath_prepend(tmp_path)
    jobs = Jobs(DOMAIN_SCHEDULER, {METADATA: "far_away:job"})
    assert list(jobs) == ["metadata"]
    assert "far_away" not in sys.modules
    assert jobs["metadata"] is sys.modules["far_away"].job


def test_a_job_may_be_given_itself() -> None:
    async def job(record: Any, ctx: Any) -> Outcome:
        return Done()

    assert Jobs(DOMAIN_SCHEDULER, {METADATA: job})["metadata"] is job


@pytest.mark.parametrize(
    "named",
    [
        {DISCOVERY: "a:a", DEEP_SCAN: "a:b"},
        {
            DISCOVERY: "a:a",
            DEEP_SCAN: "a:b",
            DOMAIN_EXTRACTION: "a:c",
            METADATA: "a:d",
        },
    ],
    ids=["one too few", "one too many"],
)
def test_a_service_without_exactly_one_job_for_each_workflow_does_not_start(named: dict[Workflow, str]) -> None:
    with pytest.raises(
        ValueError, match=r"sitemap-scheduler needs exactly one job for each of: discovery \(Sitemap\.status\), "
    ):
        Jobs(SITEMAP_SCHEDULER, named)


@pytest.mark.parametrize(("name", "error"), [("no_such_module:job", ImportError), ("json:no_such_job", AttributeError)])
def test_a_name_that_leads_nowhere_says_so_when_it_is_asked_for(name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="no_such"):
        Jobs(DOMAIN_SCHEDULER, {METADATA: name})["metadata"]
