"""Runtime: a job is imported when its first record needs it, and a test may bring its own."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA, SUBMISSION, WORKFLOWS


def test_a_job_is_imported_when_it_is_requested_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "far_away.py").write_text("async def job(record, ctx): ...")
    monkeypatch.syspath_prepend(tmp_path)
    runtime = BackgroundService(DOMAIN_SCHEDULER, environment={}).runtime
    assert "far_away" not in sys.modules
    assert runtime.job_of(replace(METADATA, job="far_away:job")) is sys.modules["far_away"].job


def test_a_service_can_be_given_other_jobs_than_the_registrys() -> None:
    async def job(record: Any, ctx: Any) -> Outcome:
        return Done()

    assert BackgroundService(DOMAIN_SCHEDULER, {METADATA: job}, {}).runtime.job_of(METADATA) is job


@pytest.mark.parametrize("job", ["no_such_module:job", "json:no_such_job"])
def test_a_job_that_does_not_exist_is_reported_by_name(job: str) -> None:
    runtime = BackgroundService(DOMAIN_SCHEDULER, environment={}).runtime
    with pytest.raises((ImportError, AttributeError), match="no_such"):
        runtime.job_of(replace(METADATA, job=job))


def test_an_unknown_workflow_is_refused_with_the_valid_names() -> None:
    runtime = BackgroundService(DOMAIN_SCHEDULER, environment={}).runtime
    with pytest.raises(KeyError, match=r"domain-scheduler has no workflow 'submission'; it has: metadata"):
        runtime.workflow(SUBMISSION.name)


def test_every_workflow_has_a_job_of_its_own() -> None:
    assert len({workflow.job for workflow in WORKFLOWS.values()}) == len(WORKFLOWS)
