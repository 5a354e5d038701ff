"""The command ``search``: search a map, or show what that may cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from scripts.commands.scrapersky import options
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.verb import Answer

PATH = "/place-searches"


def search(
    remote: Remote,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to search, such as bakeries.")],
    area: Annotated[str, typer.Option("--in", metavar="AREA", help="A town, or south,west,north,east in degrees.")],
    label: Annotated[str | None, typer.Option(metavar="LABEL", help="Label what is found, up to its contacts.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Repeat a search that was made before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Add nothing; show what the search may cost.")] = False,
    reason: options.Reason = "searched by an operator",
    actor: options.Actor = None,
) -> Answer:
    """Search a map: queue a text and an area, such as bakeries in Riverside."""
    who = actor or options.user()
    body = {"text": text, "area": area, "label": label, "curation_status": "Selected", "dry_run": dry_run}
    answer: Answer = remote.call(PATH, {name: value for name, value in body.items() if value is not None}, who)
    [row] = answer["results"]
    if again and row["result"] == "exists" and not dry_run:
        moved = remote.call(f"{PATH}/requeue", {"ids": [row["id"]], "reason": reason}, who)
        if moved["count"]:
            row |= {"result": "queued", "why": "it is searched again"}
    return answer


def show_search(answer: Answer) -> Iterator[str]:
    """Yield what was queued, and what it may cost."""
    [row] = answer["results"]
    number = f" (place search {row['id']})" if "id" in row else ""
    why = f": {row['why']}" if "why" in row else ""
    would = "would be " if answer["dry_run"] and row["result"] == "queued" else ""
    yield f"{row['given']}: {would}{row['result']}{number}{why}"
    if answer["calls_at_most"]:
        yield f"At most {answer['calls_at_most']:,} calls of Google Places, {answer['dollars_at_most']:,.2f} dollars."
    if row["result"] == "exists":
        yield "To repeat it, add --again: it then calls only for the smallest tiles."
