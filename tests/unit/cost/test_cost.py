"""``scrapersky cost``: its arithmetic, and the dates of its prices."""

import datetime
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from infra import ROOT
from infra.config import PROD
from infra.plan import plan
from infra.stage import Aurora, Network
from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scripts.commands.scrapersky.cost.command import FOLDER, STALE_DAYS, stale
from scripts.commands.scrapersky.cost.model import Measured, per_million, per_month

PRICES = json.loads((FOLDER / "prices.json").read_text())["prices"]
PRICE = {name: one["value"] for name, one in PRICES.items()}


def test_a_million_records_of_half_a_second_each_cost_four_dollars() -> None:
    """Ten records of 0.5 s in 512 MB share an invocation and log 1,440 bytes each: calculated on paper."""
    cost = per_million(
        Measured(seconds=5, per_invocation=10, log_bytes=1_440), plan(replace(PROD, memory_mb=512), {}), PRICE
    )
    assert cost == {
        "lambda time": pytest.approx(3.333, abs=0.001),
        "lambda requests": pytest.approx(0.02),
        "sqs": pytest.approx(0.12),
        "logs": pytest.approx(0.72),
    }


def test_records_that_share_an_invocation_share_its_cost() -> None:
    alone, shared = (
        per_million(Measured(seconds=3, per_invocation=number, log_bytes=0), plan(PROD, {}), PRICE)
        for number in (1, 10)
    )
    assert alone["lambda time"] == pytest.approx(10 * shared["lambda time"])


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
