"""``scripts/cost [--durations FILE]``: dollars per million records per workflow, and a month's fixed cost per stage."""

import argparse
import datetime
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.config import DEPLOYED, STAGES
from infra.plan import plan
from infra.stage import Aurora, Network
from scrapersky.runtime.registry import WORKFLOWS
from scripts.commands.scrapersky.cost.model import Measured, per_million, per_month

HERE = Path(__file__).parent
STALE_DAYS = 180


def main() -> None:
    """Prints the tables, what they rest on, and which prices are old."""
    parser = argparse.ArgumentParser(prog="scripts/cost", description=__doc__)
    parser.add_argument("--durations", type=Path, default=HERE / "durations.json", help="measured seconds per record")
    parser.add_argument("--prices", type=Path, default=HERE / "prices.json", help="dated prices with their sources")
    given = parser.parse_args()
    prices = json.loads(given.prices.read_text())
    price = {name: float(one["value"]) for name, one in prices["prices"].items()}
    durations = json.loads(given.durations.read_text())
    console = Console(highlight=False)
    console.print(variable(durations, price))
    console.print(fixed(price))
    console.print(f"Durations: {durations['provenance']}")
    console.print(f"Prices: {prices['region']}, {prices['currency']}. {prices['note']}")
    console.print(
        "Not in it: the database of a stage that names one by its secret, Aurora's storage and what it needs beyond its "
        "smallest size, traffic through NAT and endpoints, paid Google Places calls."
    )
    for name in stale(prices["prices"], datetime.datetime.now(datetime.UTC).date()):
        console.print(f"Older than {STALE_DAYS} days: the price of {name}", style="yellow")


def variable(durations: Mapping[str, object], price: Mapping[str, float]) -> Table:
    """Per million records, once as measured, once with what a real website makes us wait."""
    table = Table("workflow", "seconds", "lambda", "sqs", "logs", "sum", title="Dollars per million records", box=None)
    workflows = durations["workflows"]
    assert isinstance(workflows, dict)
    for name in WORKFLOWS:
        if (one := workflows.get(name)) is None:
            table.add_row(name, "not measured yet")
            continue
        for seconds, meaning in ((one["seconds"], "measured"), (one["assumed_seconds"], "assumed")):
            work = Measured(seconds, one["together"], one["log_bytes"])
            cost = per_million(work, plan(STAGES["prod"], {}), price)
            lambda_ = cost["lambda time"] + cost["lambda requests"]
            cells = (lambda_, cost["sqs"], cost["logs"], sum(cost.values()))
            table.add_row(name, f"{seconds:g} {meaning}", *(f"{cell:.2f}" for cell in cells))
    return table


def fixed(price: Mapping[str, float]) -> Table:
    """A month in which nothing is queued: the stages as they are, and what a network and a database of its own would add."""
    chosen = [STAGES[name] for name in DEPLOYED]
    chosen.append(replace(STAGES["prod"], name="prod with Network(), Aurora()", network=Network(), database=Aurora()))
    months = {stage.name: per_month(plan(stage, {}), price) for stage in chosen}
    table = Table("item", *months, title="Dollars a month when nothing is queued", box=None)
    for item in next(iter(months.values())):
        table.add_row(item, *(f"{month[item]:.2f}" for month in months.values()))
    table.add_row("sum", *(f"{sum(month.values()):.2f}" for month in months.values()), style="bold")
    return table


def stale(prices: Mapping[str, Mapping[str, str]], today: datetime.date) -> list[str]:
    """Prices that were read too long ago."""
    return [
        name for name, one in prices.items() if (today - datetime.date.fromisoformat(one["read_on"])).days > STALE_DAYS
    ]


if __name__ == "__main__":
    main()
