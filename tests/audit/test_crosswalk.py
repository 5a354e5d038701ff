"""The architecture page agrees with the code."""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scripts.commands.crosswalk import command, rows
from scripts.commands.crosswalk.audit import command as audit
from scripts.commands.crosswalk.audit.analysis import Analysis, analyse
from scripts.commands.crosswalk.page import PageError, filled
from scripts.commands.crosswalk.rows import ROOT, ROUTERS, crosswalk


@pytest.fixture(scope="module", autouse=True)
def analysed_once() -> Iterator[None]:
    """Let the crosswalk and the audit share the analysis of our routers, which takes seconds."""
    of = cache(lambda path: analyse([path]))

    def shared(paths: Sequence[Path], *, tests: bool = False, vocabulary: None = None) -> Analysis:
        (path,) = paths
        assert not tests
        return of(path)

    with pytest.MonkeyPatch.context() as patched:
        for module in (rows, audit):
            patched.setattr(module, "analyse", shared)
        yield


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Return what the crosswalk finds in the code."""
    return crosswalk()


def test_the_page_agrees_with_the_registry_and_the_routers() -> None:
    assert command.main(["--check"]) == 0


def test_every_workflow_has_a_row_with_what_it_monitors_and_sets(found: dict[str, Any]) -> None:
    workflows = {one["workflow"]: one for service in found["services"] for one in service["workflows"]}
    assert set(workflows) == set(WORKFLOWS)
    assert workflows["import"]["field"] == "sitemap_import_status"
    assert workflows["discovery"]["queued_by"] == [{"workflow": "submission", "setting": None}]


def test_a_changed_cell_changes_the_page(found: dict[str, Any]) -> None:
    changed = deepcopy(found)
    text = command.PAGE.read_text(encoding="utf-8")
    assert filled(text, changed) == text
    changed["services"][0]["workflows"][0]["field"] = "another_status"
    assert filled(text, changed) != text


def test_the_error_for_a_missing_marker_names_it(found: dict[str, Any]) -> None:
    text = command.PAGE.read_text(encoding="utf-8").replace("<!-- /crosswalk:summary -->", "")
    with pytest.raises(PageError, match="crosswalk:summary"):
        filled(text, found)


def test_the_crosswalk_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["services"]) == len(SERVICES)


def test_our_routers_pass_the_audit_with_their_allowed_manual_triggers() -> None:
    allowed = ROOT / "scripts" / "commands" / "crosswalk" / "allowed.toml"
    assert audit.main([str(ROUTERS), "--allow", str(allowed)]) == 0


def test_the_routes_that_queue_a_workflow_are_found_through_the_resources_declarations(found: dict[str, Any]) -> None:
    routes = {
        one["workflow"]: {route["route"] for route in one["routers"]}
        for service in found["services"]
        for one in service["workflows"]
    }
    assert "POST /domains/curation" in routes["metadata"]
    assert "POST /domains/curation" in routes["submission"]
    assert "POST /sitemap-files/curation" in routes["import"]
    assert "POST /places/curation" in routes["deep_scan"]
    assert "POST /places/curation" not in routes["import"]


def test_the_routes_that_requeue_or_cancel_are_found_with_the_status_that_each_sets(found: dict[str, Any]) -> None:
    writes = {route["route"]: {write["values"] for write in route["writes"]} for route in found["routers"]}
    for resource in ("contacts", "domains", "local-businesses", "pages", "places", "sitemap-files", "sitemaps"):
        assert writes[f"POST /{resource}/requeue"] == {"Queued"}
        assert writes[f"POST /{resource}/cancel"] == {"New"}
