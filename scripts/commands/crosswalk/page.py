"""Fill in the page's generated parts, between ``<!-- crosswalk:NAME -->`` and ``<!-- /crosswalk:NAME -->``."""

import re
from typing import Any

from scrapersky.vocabulary import Curation

START, END = "<!-- crosswalk:{} -->", "<!-- /crosswalk:{} -->"
MARK = re.compile(r"<!-- (/?)crosswalk:([\w-]+) -->")


class PageError(ValueError):
    """A marker is missing, repeated or unknown; the message names it."""


def filled(text: str, found: dict[str, Any]) -> str:
    """Return ``text`` with every generated part replaced. Raises :class:`PageError`."""
    parts = tables(found)
    for name, part in parts.items():
        start, end = START.format(name), END.format(name)
        if text.count(start) != 1 or text.count(end) != 1:
            raise PageError(f"expected {start} and {end} once each")
        before, _, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not closed:
            raise PageError(f"{end} comes before {start}")
        text = f"{before}{start}\n{part.strip()}\n{end}{after}"
    if unknown := {name for _, name in MARK.findall(text)} - set(parts):
        raise PageError(f"unknown markers: {', '.join(sorted(unknown))}; valid markers: {', '.join(parts)}")
    return text


def tables(found: dict[str, Any]) -> dict[str, str]:
    """Return each generated part by its name."""
    return {
        "summary": _summary(found),
        "workflows": _workflows(found),
        "states": _states(found["transitions"]),
        "routers": _routers(found),
        "triggers": _triggers(found),
        "settings": _settings(found),
    }


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _summary(found: dict[str, Any]) -> str:
    trigger_routes = [route["route"] for route in found["routers"] if route["starts"]]
    listed = "by payload, and by `dev-tools` routes (listed below)" if trigger_routes else "by payload (listed below)"
    rows = []
    for service in found["services"]:
        models = ", ".join(dict.fromkeys(f"`{workflow['model']}`" for workflow in service["workflows"]))
        rows.append([service["service"], "No: by schedule only", models, listed])
    return _table(["Background service", "Triggered by a router?", "Shared models", "Manual trigger?"], rows)


def _workflows(found: dict[str, Any]) -> str:
    rows = []
    for service in found["services"]:
        for workflow in service["workflows"]:
            before = [f"{_condition(one)} after {one['workflow']}" for one in workflow["queued_by"]]
            routers = [f"`{route['route']}`" for route in workflow["routers"]]
            rows.append(
                [
                    service["service"],
                    workflow["workflow"],
                    f"`{workflow['model']}.{workflow['field']}`",
                    ", ".join(workflow["monitors"]),
                    ", ".join(workflow["sets"]),
                    "; ".join(before) or "none",
                    ", ".join(routers) or "none",
                ]
            )
    header = ["Service", "Workflow", "Field", "Monitors", "Sets", "Hand-off", "Routers that write it"]
    return _table(header, rows)


def _condition(hand_off: dict[str, Any]) -> str:
    return f"by `{hand_off['setting']}`" if hand_off["setting"] else "always"


def _states(transitions: dict[str, Any]) -> str:
    lines = ["```mermaid", "stateDiagram-v2", *(f"    [*] --> {word}" for word in transitions["created"])]
    lines += [f"    {word} --> {after}" for word, allowed in transitions["allowed"].items() for after in allowed]
    lines += ["```", "", "The same in words:", ""]
    lines.append(f"- A record is created {' or '.join(transitions['created'])}.")
    lines += [
        f"- From {word} it may become {' or '.join(allowed)}." for word, allowed in transitions["allowed"].items()
    ]
    return "\n".join(lines)


def _routers(found: dict[str, Any]) -> str:
    rows = [
        [
            f"`{route['route']}`",
            f"`{route['handler']}`",
            "<br>".join(f"`{write['field']}` to {_values(write['values'])}" for write in route["writes"]) or "none",
            "yes" if route["starts"] else "no",
        ]
        for route in found["routers"]
    ]
    if not rows:
        return "No router writes a status field."
    table = _table(["Route", "Handler", "Status fields it writes", "Manual trigger?"], rows)
    return f"`Curation` is {', '.join(Curation)}.\n\n{table}"


def _values(values: str) -> str:
    return "any `Curation`" if set(values.split(", ")) == set(Curation) else values


def _triggers(found: dict[str, Any]) -> str:
    return _table(["Action", "What it does"], [[f"`{one['action']}`", one["does"]] for one in found["actions"]])


def _settings(found: dict[str, Any]) -> str:
    shown = ("INTERVAL_MINUTES", "BATCH_SIZE", "MAX_INSTANCES", "RECORDS_AT_ONCE")
    rows = []
    for service in found["services"]:
        cells = [f"`{name}` = {value}" for name, value in service["settings"].items() if name.endswith(shown)]
        rows.append([service["service"], *cells])
    return _table(
        [
            "Service",
            "Every (minutes)",
            "Records per tick and workflow",
            "Invocations at once",
            "Records at once in one",
        ],
        rows,
    )
