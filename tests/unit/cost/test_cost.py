"""``scrapersky cost``: its arithmetic, and the dates of its prices."""

import datetime
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from infra import ROOT
from infra.config import PROD
from infra.plan import plan
from infra.stage import Aurora, Network
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, SERVICES, WORKFLOWS
from scripts.commands.scrapersky.cost.command import FOLDER, STALE_DAYS, stale
from scripts.commands.scrapersky.cost.model import Work, billed_seconds, per_million, per_month

PRICES = json.loads((FOLDER / "prices.json").read_text())["prices"]
PRICE = {name: one["value"] for name, one in PRICES.items()}


PLAN = plan(replace(PROD, memory_mb=512), {})
OWN = PLAN.services[DOMAIN_SCHEDULER.name]
CAPACITY = (ROOT / "docs/benchmarks/capacity.md").read_text()


def test_a_million_records_of_three_seconds_cost_a_dollar() -> None:
    """Calculated on paper: 50 at once wait 60 ms a record, and 23.3 ms of a core are 80.5 ms at 512 MB, which decide."""
    cost = per_million(Work(seconds=3, processor_seconds=0.0233, log_bytes=800), OWN, PLAN, PRICE)
    assert cost == {
        "lambda time": pytest.approx(0.0805 * (1 + 1.5 / 139.5) * 0.5 * 13.3334, rel=1e-3),
        "lambda requests": pytest.approx(0.0001, abs=1e-4),
        "sqs": pytest.approx(3 * 6_780 * 0.4e-6, rel=1e-2),
        "logs": pytest.approx(0.40),
    }


@pytest.mark.parametrize(
    ("work", "records_at_once", "memory_mb", "seconds"),
    [
        (Work(20, 0, 0), 50, 512, 0.4 * (1 + 10 / 165)),
        (Work(20, 0, 0), 100, 512, 0.2 * (1 + 10 / 165)),
        (Work(0, 0.01, 0), 50, 1_769, 0.01),
        (Work(0, 0.01, 0), 50, 1_769 // 2, 0.02),
    ],
    ids=["slots", "more slots", "a whole core", "half a core"],
)
def test_a_record_is_billed_for_its_slot_or_for_its_processor_time(
    work: Work, records_at_once: int, memory_mb: int, seconds: float
) -> None:
    own = OWN.model_copy(update={"records_at_once": records_at_once})
    billed = billed_seconds(work, own, plan(replace(PROD, memory_mb=memory_mb), {}))
    assert billed == pytest.approx(seconds, rel=1e-3)


PULLING = re.findall(r"\| sites of (\d+) s: (\d+)(?: \(default\))? \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|", CAPACITY)


@pytest.mark.parametrize("row", PULLING, ids=lambda row: f"{row[0]} s, {row[1]} at once")
def test_the_page_on_capacity_has_the_costs_of_the_model(row: tuple[str, ...]) -> None:
    seconds, at_once, *published = (float(given.replace(",", "")) for given in row)
    work = Work(seconds, processor_seconds=0.0233, log_bytes=800)
    own = OWN.model_copy(update={"records_at_once": int(at_once)})
    cost = per_million(work, own, PLAN, PRICE)
    of_lambda = cost["lambda time"] + cost["lambda requests"]
    calculated = [1e6 * billed_seconds(work, own, PLAN) / 2, of_lambda, sum(cost.values())]
    assert published == pytest.approx(calculated, rel=0.005, abs=0.005)


def test_the_page_on_capacity_has_the_sums_of_the_stack() -> None:
    assert len(PULLING) == 5
    assert f"({sum(own.max_instances for own in PLAN.services.values())} with the defaults)" in CAPACITY
    assert f"| {PLAN.connections} connections |" in CAPACITY
    assert f"| sum | {sum(per_month(PLAN, PRICE).values()):.2f} |" in CAPACITY


def test_a_slower_schedule_costs_less_a_month() -> None:
    every_minute = per_month(plan(PROD, {}), PRICE)
    every_hour = per_month(plan(PROD, {"DOMAIN_SCHEDULER_INTERVAL_MINUTES": "60"}), PRICE)
    services = len(SERVICES)
    assert every_hour["ticks"] == pytest.approx(every_minute["ticks"] * (services - 1 + 1 / 60) / services)
    saved = every_minute["logs of ticks"] - every_hour["logs of ticks"]
    assert saved == pytest.approx(43_776 * 59 / 60 * (1_250 + 670) / 1e9 * PRICE["logs_gb"])


def test_a_network_and_a_database_cost_by_the_hour_for_each_zone_and_reader() -> None:
    network = Network(nat_gateways=2, zones=2, endpoints=("sqs", "secretsmanager"))
    larger = replace(PROD, network=network, database=Aurora(min_acu=1, readers=1))
    month = per_month(plan(larger, {}), PRICE)
    assert month["NAT, endpoints"] == pytest.approx(2 * 32.85 + 2 * 2 * 7.30)
    assert month["Aurora at its smallest"] == pytest.approx(2 * 2 * 43.80)
    without = per_month(plan(PROD, {}), PRICE)
    assert (without["NAT, endpoints"], without["Aurora at its smallest"]) == (0, 0)


def test_every_price_has_a_unit_a_source_and_a_date_and_an_old_one_is_listed() -> None:
    assert all(one["unit"] and one["source"] for one in PRICES.values())
    newest = max(datetime.date.fromisoformat(one["read_on"]) for one in PRICES.values())
    assert stale(PRICES, newest + datetime.timedelta(days=STALE_DAYS + 1)) == list(PRICES)


def test_durations_are_of_existing_workflows_and_name_their_source() -> None:
    durations = json.loads((FOLDER / "durations.json").read_text())
    assert durations["workflows"].keys() <= WORKFLOWS.keys()
    assert "measured" in durations["provenance"].lower()


def test_the_command_prints_a_line_for_every_workflow() -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "scripts.commands.scrapersky", "cost"],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}:{ROOT / 'layers/common/python'}", "COLUMNS": "140"},
    )  # fmt: skip
    for name in WORKFLOWS:
        assert f"\n{name} " in ran.stdout
    assert "Not included: the database" in ran.stdout
    assert "Text Search Pro (place_search, 1 to 3 calls a tile)    32.00" in ran.stdout
