"""A table, for a terminal and for a page alike: Markdown with its columns aligned."""

from collections.abc import Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, all others to the right."""
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        aligned = [cell.ljust(widths[n]) if n == 0 else cell.rjust(widths[n]) for n, cell in enumerate(cells)]
        return f"| {' | '.join(aligned)} |"

    rule = "|".join(("-" * (width + 2)) if n == 0 else "-" * (width + 1) + ":" for n, width in enumerate(widths))
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])
