"""The command ``cost``: dollars per million records by workflow, and an idle month's fixed cost by stage."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.config import DEPLOYED, STAGES
from infra.plan import plan
from infra.stage import Aurora, Network
from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scripts.commands.scrapersky.cost.model import Work, per_million, per_month
from scripts.commands.scrapersky.display import table

FOLDER = Path(__file__).parent
STALE_DAYS = 180
NOT_INCLUDED = (
    "Not included: the database of a stage that names one by its secret, Aurora's storage and what it needs beyond its "
    "smallest size, traffic through NAT and endpoints."
)


def show(durations: Path | None, prices: Path | None, *, as_json: bool) -> None:
    """Print the tables, their sources, and which prices are old."""
    dated = json.loads((prices or FOLDER / "prices.json").read_text())
    price = {name: float(one["value"]) for name, one in dated["prices"].items()}
    measured = json.loads((durations or FOLDER / "durations.json").read_text())
    answer = {
        "per_million_records": variable(measured["workflows"], price),
        "per_idle_month": fixed(price),
        "per_thousand_paid_calls": paid(),
        "durations": measured["provenance"],
        "prices": f"{dated['region']}, {dated['currency']}. {dated['note']}",
        "not_included": NOT_INCLUDED,
        "old_prices": stale(dated["prices"], datetime.datetime.now(datetime.UTC).date()),
    }
    print(json.dumps(answer, indent=2) if as_json else "\n".join(as_text(answer)))


def variable(workflows: Mapping[str, Mapping[str, float]], price: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the cost per million records of each workflow whose work is known."""
    planned, rows = plan(STAGES["prod"], {}), []
    for service in SERVICES:
        for name in (workflow.name for workflow in service.workflows if workflow.name in workflows):
            cost = per_million(Work(**workflows[name]), planned.services[service.name], planned, price)
            lambda_ = cost["lambda time"] + cost["lambda requests"]
            parts = {"lambda": lambda_, "sqs": cost["sqs"], "logs": cost["logs"], "sum": sum(cost.values())}
            rows.append({"workflow": name, "seconds": workflows[name]["seconds"], **parts})
    return rows


def fixed(price: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return the cost of a month without work by stage and item, and of a stage with its own network and database."""
    chosen = [STAGES[name] for name in DEPLOYED]
    chosen.append(replace(STAGES["prod"], name="prod + VPC, Aurora", network=Network(), database=Aurora()))
    months = {stage.name: per_month(plan(stage, {}), price) for stage in chosen}
    return {name: {**month, "sum": sum(month.values())} for name, month in months.items()}


def paid() -> dict[str, float]:
    """Return the price of a thousand calls of Google Places by SKU, as the settings state it."""
    settings = plan(STAGES["prod"], {}).settings
    return {
        "Text Search Pro (place_search, 1 to 3 calls a tile)": settings.places_search_dollars,
        "Place Details Enterprise (deep_scan, 1 call a place)": settings.places_details_dollars,
    }


def as_text(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield from ("Dollars per million records", "")
    parts = ("lambda", "sqs", "logs", "sum")
    rows = [
        [row["workflow"], f"{row['seconds']:g}", *(f"{row[part]:.2f}" for part in parts)]
        for row in answer["per_million_records"]
    ]
    missing = WORKFLOWS.keys() - {row[0] for row in rows}
    rows += [[name, "not measured yet", *([""] * len(parts))] for name in WORKFLOWS if name in missing]
    yield from table(["Workflow", "Seconds assumed", *parts], rows, right=parts)
    yield from ("", "Dollars per month when nothing is queued", "")
    months = answer["per_idle_month"]
    items = [[item, *(f"{month[item]:.2f}" for month in months.values())] for item in next(iter(months.values()))]
    yield from table(["Item", *months], items, right=months)
    yield from ("", "Dollars per thousand paid calls", "")
    calls = [[name, f"{dollars:.2f}"] for name, dollars in answer["per_thousand_paid_calls"].items()]
    yield from table(["Call of Google Places", "dollars"], calls, right=["dollars"])
    yield from ("", f"Durations: {answer['durations']}", f"Prices: {answer['prices']}", answer["not_included"])
    if answer["old_prices"]:
        yield f"Prices older than {STALE_DAYS} days: {', '.join(answer['old_prices'])}"


def stale(prices: Mapping[str, Mapping[str, str]], today: datetime.date) -> list[str]:
    """Return the prices that were read more than :data:`STALE_DAYS` ago."""
    return [
        name for name, one in prices.items() if (today - datetime.date.fromisoformat(one["read_on"])).days > STALE_DAYS
    ]
