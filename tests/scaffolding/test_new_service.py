"""``scripts/new-service`` in a copy of the tree: what it writes runs in the real runtime, and lacks only the job's logic."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scrapersky.models import Base
from scripts.commands.new_service.__main__ import main
from scripts.commands.new_service.edits import REGISTRY, edits, resource_of
from scripts.commands.new_service.options import Rejected, parse
from scripts.commands.run.report import NAMES
from tests.records import MAKE

pytestmark = pytest.mark.timeout(900)  # it runs a suite itself, maybe on a busy machine

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("docs", "functions", "infra", "layers/common", "scripts", "tests", "pyproject.toml")
WANTED = ("contact-finder", "--model", "Domain", "--field", "contact_status", "--job", "find_contacts")
COLUMNS = ("--no-web", "--column", "contact_page:text", "--column", "found_at:time", "--column", "is_form:boolean")
CHANGED = (
    *("functions/contact_finder", "functions/api/resources", "tests/unit/contact_finder"),
    *(
        f"layers/common/python/scrapersky/{name}"
        for name in ("models", "migrations", "lists/tables.py", "runtime/registry.py")
    ),
)
SHARED = ("event_files", "guard", "migrations", "storage")
DRIVEN = '''
"""A queued record passes through the handler: tick, message, end."""

import importlib

from sqlalchemy import text

from scrapersky.runtime.registry import WORKFLOWS
from tests.integration.conftest import environment
from tests.integration.lambda_context import LambdaContext
from tests.integration.test_event_files import aws, batch, event
from tests.records import make

__all__ = ["aws", "environment"]


def test_a_queued_record_is_claimed_worked_on_and_completed(connection, aws):
    make(connection, WORKFLOWS["contact"], "Queued")
    function = importlib.import_module("contact_finder.handler")
    ticked = function.handler(event("contact_finder", "tick"), LambdaContext())
    assert ticked["workflows"]["contact"]["claimed"] == 1
    assert function.handler(batch("contact_finder", connection), LambdaContext()) == {"batchItemFailures": []}
    assert connection.execute(text("SELECT contact_status, contact_error_code FROM domains")).one() == ("Completed", None)
    steps = connection.execute(text("SELECT to_status FROM status_events WHERE workflow = 'contact' ORDER BY event_id"))
    assert steps.scalars().all() == ["Queued", "Processing", "Completed"]
    function.service.runtime.database.engine.dispose()
'''


@dataclass(frozen=True)
class Copy:
    """A copy of the tree, in which commands run as in the tree itself."""

    root: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy, with the copy's own packages."""
        paths = (self.root, self.root / "functions", self.root / "layers/common/python")
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            capture_output=True,
            text=True,
            check=False,
        )

    def failures(self, *arguments: str) -> set[str]:
        """Run pytest; return the names of the tests that fail. At least one test must run."""
        ran = self.run("-m", "pytest", "-p", "no:cacheprovider", *arguments)
        assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
        return set(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", ran.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """Yield a copy in which the service was written; remove it at the end."""
    root = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, root / name)
    if (ROOT / ".mypy_cache").is_dir():  # without it, mypy would check every module again
        shutil.copytree(ROOT / ".mypy_cache", root / ".mypy_cache")
    made = Copy(root)
    ran = made.run("-m", "scripts.commands.new_service", *WANTED, *COLUMNS)
    assert ran.returncode == 0, ran.stderr
    assert "contact-finder is written" in ran.stdout
    yield made
    shutil.rmtree(root)
    assert not (ROOT / "functions" / "contact_finder").exists()


def test_only_the_jobs_own_logic_is_missing_and_the_migration_matches_the_model(copy: Copy) -> None:
    driven = copy.root / "tests/unit/contact_finder/test_driven.py"
    driven.write_text(DRIVEN)
    written = {"test_a_record_is_done", "test_a_queued_record_is_claimed_worked_on_and_completed"}
    checks = ("conformance", "unit/contact_finder", *(f"integration/test_{name}.py" for name in SHARED))
    chosen = "contact or test_migrations or test_storage"
    assert copy.failures("-k", chosen, *(f"tests/{name}" for name in checks)) == written
    job = copy.root / "functions/contact_finder/contact.py"
    text = re.sub(r"return Fail\(.*\)", 'return Done("found", detail={"domain": record.domain})', job.read_text())
    job.write_text(text.replace("import Fail, Outcome", "import Done, Outcome"))
    assert copy.failures("tests/unit/contact_finder") == set()
    driven.unlink()


@pytest.mark.parametrize(
    "check",
    [
        ("-m", "mypy", *CHANGED),
        ("-m", "ruff", "check", *CHANGED),
        ("-m", "ruff", "format", "--check", *CHANGED),
        ("-m", "scripts.commands.crosswalk", "--check"),
        ("-m", "scripts.commands.settings_table", "--check"),
        ("-m", "scripts.commands.import_contracts", "--check"),
        ("-c", "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"),
    ],
    ids=["types", "lint", "format", "crosswalk", "settings", "contracts written", "contracts kept"],
)
def test_the_tree_still_passes_every_check(copy: Copy, check: tuple[str, ...]) -> None:
    ran = copy.run(*check)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_an_existing_file_is_not_overwritten(copy: Copy) -> None:
    before = (copy.root / "functions/contact_finder/handler.py").read_text()
    again = copy.run("-m", "scripts.commands.new_service", *WANTED)
    assert again.returncode == 1
    assert "service 'contact-finder' is already in the registry" in again.stderr
    (copy.root / "tests/unit/page_reader").mkdir()
    (copy.root / "tests/unit/page_reader/test_reading.py").write_text("# an existing test\n")
    other = ("page-reader", "--model", "Page", "--field", "reading_status", "--job", "read_page")
    refused = copy.run("-m", "scripts.commands.new_service", *other)
    assert "tests/unit/page_reader/test_reading.py already exists and is not overwritten" in refused.stderr
    assert not (copy.root / "functions/page_reader").exists()
    assert (copy.root / "functions/contact_finder/handler.py").read_text() == before


def test_a_dry_run_prints_a_summary_and_every_change_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WANTED, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "contact-finder: 8 new files, 5 changed\n  new     functions/contact_finder/__init__.py\n"
    )
    for part in (
        "+service = BackgroundService(",
        "+async def find_contacts(",
        'NEW = ("domains", "contact_status", "contact")',
        "guard.watch(connection, NEW, OTHERS)",
    ):
        assert part in printed
    assert not (ROOT / "functions" / "contact_finder").exists()
    assert "CONTACT_FINDER" not in (ROOT / "layers/common/python/scrapersky/runtime/registry.py").read_text()


@pytest.mark.parametrize(
    "model",
    sorted(mapper.class_.__name__ for mapper in Base.registry.mappers if hasattr(mapper.class_, "curation_status")),
)
def test_every_model_with_records_can_be_watched_and_its_records_can_be_made_and_named(model: str) -> None:
    options = parse("page-reader", model, "reading_status", "read_page", columns=["reading_title:text"])
    changed = {str(edit.path): edit.diff() for edit in edits(options, ROOT)}
    added = changed[str(options.model_file.relative_to(ROOT))]
    assert "+    reading_title: Mapped[str | None]\n" in added
    assert (
        'sa.Column("reading_title", sa.Text(), nullable=True)'
        in changed[next(one for one in changed if "versions" in one)]
    )
    resource = str(resource_of(options))
    assert (
        ("+    reading_title: str | None\n" in changed[resource])
        if (ROOT / resource).exists()
        else resource not in changed
    )
    assert options.table.name in MAKE
    assert options.table.name in NAMES


def test_a_job_without_websites_is_registered_so() -> None:
    for uses_web, number in ((True, 0), (False, 1)):
        [registry] = [edit for edit in edits(parse(**GOOD, uses_web=uses_web), ROOT) if edit.path == REGISTRY]
        assert registry.before
        assert registry.after.count("uses_web=False") == registry.before.count("uses_web=False") + number


GOOD: dict[str, Any] = {
    "service": "contact-finder",
    "model": "Domain",
    "field": "contact_status",
    "job": "find_contacts",
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"service": "Contact Finder"},
            r"service 'Contact Finder' is not valid: write lower-case words joined by hyphens",
        ),
        ({"service": "a" * 33}, r"at most 32 characters"),
        ({"service": "email"}, r"a Python module 'email' exists"),
        ({"service": "async"}, r"service 'async' is a Python keyword"),
        ({"service": "class"}, r"service 'class' is a Python keyword"),
        ({"service": "metadata"}, r"METADATA would have two meanings"),
        ({"key": "brand"}, r"--key 'brand' is no text of domains; valid columns: .*domain, .*title"),
        ({"model": "Website"}, r"--model 'Website' does not exist; valid models: Contact, Domain, LocalBusiness, Page"),
        ({"model": "Attempt"}, r"--model 'Attempt' has no records to watch"),
        ({"field": "contacts"}, r"--field 'contacts' is not valid: write status, or a name that ends in _status"),
        ({"field": "sitemap_analysis_status"}, r"belongs to the workflow submission"),
        ({"field": "curation_status"}, r"Domain.curation_status is not a work_status column"),
        ({"field": "http_status"}, r"Domain.http_status is not a work_status column"),
        ({"job": "class"}, r"--job 'class' is not valid: write a lower-case Python name"),
        ({"workflow": "import"}, r"workflow 'import' is already in the registry"),
        ({"workflow": "w" * 41}, r"is longer than 40 characters"),
        ({"host": "domain"}, r"--host 'domain' does not name the host of a row of domains; its records share no host"),
        (
            {"columns": ["title"]},
            r"--column 'title:' is not valid: write a name and a type \(text, integer, boolean, time\)",
        ),
        ({"columns": ["a:number"]}, r"--column 'a:number' is not valid"),
        ({"columns": ["class:text"]}, r"--column 'class:text' is not valid"),
        ({"columns": ["title:text"]}, r"--column title: domains has that column already"),
        ({"columns": ["contact_error:text"]}, r"--column contact_error: domains has that column already"),
        ({"columns": ["a:text", "a:time"]}, r"--column a: domains has that column already"),
        (
            {"model": "Page", "host": "url"},
            r"--host 'url' does not name the host of a row of pages; valid columns: domain_id",
        ),
    ],
)
def test_an_invalid_option_is_rejected_with_the_valid_ones(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(Rejected, match=message):
        parse(**{**GOOD, **wrong})


def test_the_workflow_is_named_after_the_field_or_else_the_job() -> None:
    assert parse(**GOOD).workflow == "contact"
    assert parse("page-reader", "Page", "status", "read_page").workflow == "read_page"
    assert parse(**GOOD, workflow="import_contacts").module == "import_contacts"


def test_a_service_may_make_paid_calls_and_name_its_records_by_another_column() -> None:
    written = edits(parse(**GOOD, uses_web=False, places=True, key="title"), ROOT)
    [registry] = [edit for edit in written if edit.path == REGISTRY]
    assert (
        'key="title", job="contact_finder.contact:find_contacts", uses_web=False, uses_places_api=True)'
        in registry.after
    )


def test_a_column_of_the_domain_is_a_valid_host() -> None:
    assert parse(**{**GOOD, "model": "Page"}, host="domain_id").host == "domain_id"
