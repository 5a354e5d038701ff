"""Plans: what a verb's statements really read, by EXPLAIN ANALYZE of exactly what the verb sends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

Node = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """One statement's plan, as it ran. ``milliseconds`` is the execution alone."""

    statement: str
    root: Node
    milliseconds: float

    @property
    def scans(self) -> list[Node]:
        """Every node that reads a table or an index of one."""
        return [node for node in walk(self.root) if "Relation Name" in node and node["Node Type"].endswith("Scan")]

    @property
    def indexes(self) -> set[str]:
        """The indexes that were used."""
        return {node["Index Name"] for node in walk(self.root) if "Index Name" in node and node["Actual Loops"]}

    @property
    def rows_read(self) -> float:
        """Rows (or index entries) looked at by all scans, whether they passed their filter or not."""
        return sum(read_by(node) for node in self.scans)

    @property
    def blocks(self) -> int:
        """8 KiB blocks visited, cached or not."""
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    def read_whole(self, tables: Sequence[str]) -> list[str]:
        """Those of ``tables`` that were read from end to end."""
        return [
            node["Relation Name"]
            for node in self.scans
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in tables
        ]

    def told(self) -> str:
        """The scans, one a line, for a failing test's message."""
        return "\n".join(
            f"{node['Node Type']} {node.get('Index Name', '')} on {node['Relation Name']}: {read_by(node):.0f} rows"
            for node in self.scans
        )


def read_by(node: Node) -> float:
    """Rows that one scan looked at, over all its loops."""
    a_loop = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(a_loop * node["Actual Loops"])


def walk(node: Node) -> Iterator[Node]:
    """``node`` and everything below it, initial plans and CTEs too."""
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def plans_of(connection: Connection, verb: Callable[[Connection], object]) -> list[Plan]:
    """Runs ``verb``, takes it back, and explains each statement it sent as it would run again. Changes nothing."""
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        sent.append((statement, parameters))

    with taken_back(connection):
        event.listen(connection.engine, "before_cursor_execute", note)
        try:
            verb(connection)
        finally:
            event.remove(connection.engine, "before_cursor_execute", note)
    plans = []
    for statement, parameters in sent:
        with taken_back(connection):
            (answer,) = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
            ).scalar_one()
            plans.append(Plan(statement, answer["Plan"], answer["Execution Time"]))
    return plans


@contextmanager
def taken_back(connection: Connection) -> Iterator[None]:
    """A transaction that is rolled back whatever happens."""
    transaction = connection.begin()
    try:
        yield
    finally:
        transaction.rollback()
