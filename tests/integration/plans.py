"""Query plans: what the statements of a verb read, by EXPLAIN ANALYZE of exactly what the verb sends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

Node = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The plan of one executed statement. ``milliseconds``: the execution without planning."""

    statement: str
    root: Node
    milliseconds: float

    @property
    def scans(self) -> list[Node]:
        """The nodes that read a table or an index."""
        return [node for node in walk(self.root) if "Relation Name" in node and node["Node Type"].endswith("Scan")]

    @property
    def indexes(self) -> set[str]:
        """The names of the indexes that were used."""
        return {node["Index Name"] for node in walk(self.root) if "Index Name" in node and node["Actual Loops"]}

    @property
    def rows_read(self) -> float:
        """The rows or index entries that all scans visited, filtered out or not."""
        return sum(read_by(node) for node in self.scans)

    @property
    def blocks(self) -> int:
        """The 8 KiB blocks visited, cached or not."""
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    def sequential_scans(self, tables: Sequence[str]) -> list[str]:
        """Return those of ``tables`` that were read completely."""
        return [
            node["Relation Name"]
            for node in self.scans
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables
        ]

    def summary(self) -> str:
        """Return the scans, one per line, for the message of a failing test."""
        return "\n".join(
            f"{node['Node Type']} {node.get('Index Name', '')} on {node['Relation Name']}: {read_by(node):.0f} rows"
            for node in self.scans
        )


def read_by(node: Node) -> float:
    """Return the rows that one scan visited in all its loops."""
    per_loop = (
        node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    )
    return float(per_loop * node["Actual Loops"])


def walk(node: Node) -> Iterator[Node]:
    """Yield ``node`` and all nodes below it, including initial plans and CTEs."""
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def plans_of(connection: Connection, verb: Callable[[Connection], object]) -> list[Plan]:
    """Run ``verb``, roll it back, and explain each statement that it sent. Changes nothing."""
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        sent.append((statement, parameters))

    with rolled_back(connection):
        event.listen(connection.engine, "before_cursor_execute", note)
        try:
            verb(connection)
        finally:
            event.remove(connection.engine, "before_cursor_execute", note)
    plans = []
    for statement, parameters in sent:
        with rolled_back(connection):
            (answer,) = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
            ).scalar_one()
            plans.append(Plan(statement, answer["Plan"], answer["Execution Time"]))
    return plans


@contextmanager
def rolled_back(connection: Connection) -> Iterator[None]:
    """Run a transaction that is always rolled back."""
    transaction = connection.begin()
    try:
        yield
    finally:
        transaction.rollback()
