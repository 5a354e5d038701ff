"""The summary of a run, for a person."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from sqlalchemy import Connection

from scripts.commands.run import findings

EXAMPLES = 3


def summarise(console: Console, connection: Connection, seconds: float) -> None:
    """Prints what was found, how each workflow ended, and why records failed, with examples."""
    totals = findings.totals(connection)
    console.print(
        f"\n[bold]Found in {seconds:.1f} s:[/] {', '.join(_counted(totals))}.", highlight=False, soft_wrap=True
    )
    console.print("\n[bold]How the records ended[/]")
    for workflow, codes in findings.outcomes(connection).items():
        if codes:
            ends = ", ".join(f"{number} {code}" for code, number in codes.items())
            console.print(f"  {workflow.replace('_', ' '):<18}{escape(ends)}", highlight=False, soft_wrap=True)
    failures = findings.failures(connection)
    if not failures:
        console.print("\nNo record is in Error.")
        return
    console.print(f"\n[bold]Why {len(failures)} records are in Error[/]")
    for (workflow, code), group in findings.grouped(failures).items():
        console.print(f"  {workflow.replace('_', ' ')} · [red]{escape(code)}[/] × {len(group)}", highlight=False)
        for failure in group[:EXAMPLES]:
            console.print(f"      {escape(failure.name)}: {escape(failure.reason)}", highlight=False, soft_wrap=True)
        if len(group) > EXAMPLES:
            console.print(f"      … and {len(group) - EXAMPLES} more", highlight=False)


def _counted(totals: Mapping[str, int]) -> list[str]:
    return [f"{number:,} {name.replace('_', ' ')}" for name, number in totals.items()]
