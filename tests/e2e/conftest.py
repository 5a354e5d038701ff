"""The whole system, run once for all end-to-end tests: with the corpus if it is there, else with the shipped sites."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import Engine

from scripts.commands.run import databases
from scripts.commands.run.inputs import Inputs, corpus_sites, queue_search, shipped_sites
from scripts.commands.run.internet import town
from scripts.commands.run.internet.website import Answer, Request
from scripts.commands.run.run import Options, work
from scripts.commands.run.system import System

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus"
DRAINED_WITHIN_SECONDS = 600
SEARCH = ("bakeries", town.NAME)
"""The map search beside the places of the corpus."""


@dataclass
class Shop:
    """A website that refuses every visitor with ``status`` until it is mended."""

    status: int
    mended: bool = False

    def answer(self, request: Request) -> Answer:
        """Return the home page, or the refusal."""
        if request.path == "/robots.txt":
            return Answer(404)
        page = f"<!doctype html><title>{request.host}</title><a href='mailto:hello@{request.host}'>Write to us</a>"
        return Answer(200, page.encode(), {"Content-Type": "text/html"}) if self.mended else Answer(self.status)


SHOPS = {"scripted-shop.example": Shop(402), "plain-shop.example": Shop(410)}
"""Websites of the console's tests, which nothing visits before."""


@dataclass(frozen=True)
class Running:
    """The running system after its pipeline has ended, and what ``scripts/run`` prints and writes then."""

    system: System
    engine: Engine
    quiet: bool
    printed: str
    report: dict[str, Any]
    leads: str
    over_corpus: bool


@contextmanager
def run_over(inputs: Inputs, folder: Path, *, over_corpus: bool) -> Iterator[Running]:
    """Start everything and drain the pipeline, as ``scripts/run`` does."""
    websites = {**(inputs.websites or {}), **SHOPS}
    files = Options(report=folder / "report.json", leads=folder / "leads.csv", timeout=DRAINED_WITHIN_SECONDS)
    printed = io.StringIO()
    with System.start(
        folder / "in a path with spaces", websites, without_https=inputs.without_https, mail=inputs.mail
    ) as system:
        engine = databases.engine(system.database_url)
        if inputs.search is None:
            queue_search(engine, *SEARCH)
        quiet = work(system, engine, inputs, files, Console(file=printed, width=80)) == 0
        report, leads = ((folder / name).read_text(encoding="utf-8") for name in ("report.json", "leads.csv"))
        yield Running(system, engine, quiet, printed.getvalue(), json.loads(report), leads, over_corpus)
        engine.dispose()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run over the corpus if it is there, else over the shipped sites."""
    over_corpus = (CORPUS / "sites.jsonl").is_file()
    inputs = corpus_sites(CORPUS) if over_corpus else shipped_sites()
    with run_over(inputs, tmp_path_factory.mktemp("system"), over_corpus=over_corpus) as started:
        yield started


@pytest.fixture(scope="session")
def running_shipped(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The run over the shipped sites: the same, unless that is over the corpus."""
    if not running.over_corpus:
        yield running
        return
    with run_over(shipped_sites(), tmp_path_factory.mktemp("shipped"), over_corpus=False) as started:
        yield started


@pytest.fixture
def corpus(running: Running) -> Path:
    """Return the folder of the corpus; skip the test without one."""
    if not running.over_corpus:
        pytest.skip(f"the corpus of real websites is not at {CORPUS}")
    return CORPUS
