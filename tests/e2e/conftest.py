"""The whole system, run once for all end-to-end tests: with the corpus if it is there, else with the shipped sites."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import Engine

from scripts.commands.run import databases
from scripts.commands.run.inputs import corpus_sites, queue_search, shipped_sites
from scripts.commands.run.internet import town
from scripts.commands.run.internet.website import Answer, Request
from scripts.commands.run.report import report
from scripts.commands.run.run import Options, drain
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
    """The running system after its pipeline has ended. ``report`` is what ``scripts/run --report`` writes."""

    system: System
    engine: Engine
    quiet: bool
    report: dict[str, Any]
    over_corpus: bool


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start everything and drain the pipeline."""
    over_corpus = (CORPUS / "sites.jsonl").is_file()
    inputs = corpus_sites(CORPUS) if over_corpus else shipped_sites()
    folder = tmp_path_factory.mktemp("system") / "in a path with spaces"
    websites = {**(inputs.websites or {}), **SHOPS}
    with System.start(folder, websites, without_https=inputs.without_https, mail=inputs.mail) as system:
        engine = databases.engine(system.database_url)
        inputs.queue(engine)
        if inputs.search is None:
            queue_search(engine, *SEARCH)
        console = Console(file=io.StringIO())
        quiet, _ = drain(system, engine, Options(timeout=DRAINED_WITHIN_SECONDS), console, title="end to end")
        with engine.connect() as connection:
            found = report(connection, inputs.names, 0)
        yield Running(system, engine, quiet, found, over_corpus)
        engine.dispose()


@pytest.fixture
def corpus(running: Running) -> Path:
    """Return the folder of the corpus; skip the test without one."""
    if not running.over_corpus:
        pytest.skip(f"the corpus of real websites is not at {CORPUS}")
    return CORPUS
