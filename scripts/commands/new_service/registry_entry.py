"""The registry's new lines: the workflow after the last one, the service after the last one, and its place in SERVICES."""

import ast

from sqlalchemy import FromClause, Table, UniqueConstraint

from scripts.commands.new_service.change import inserted
from scripts.commands.new_service.wish import Refused, Wish

LINE = 121
"""Characters of the longest line that needs no break, its end included (pyproject.toml)."""


def registered(text: str, wish: Wish) -> str:
    """``text`` of the registry with the wish in it. Raises :class:`Refused` when it is not as this tool knows it."""
    body = ast.parse(text).body
    assigned = [one for one in body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)]
    workflows = [one for one in assigned if ast.unparse(one.value).startswith("Workflow.watching(")]
    services = [one for one in assigned if ast.unparse(one.value).startswith("Service(")]
    listed = [
        one for one in body if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "SERVICES" and one.value
    ]
    if not (workflows and services and listed):
        raise Refused("the registry lacks a workflow, a service, or SERVICES")
    service = (
        f'Service("{wish.service}", "{wish.constant}", ({wish.workflow_constant},), ServiceSettings(batch_size=50))'
    )
    return inserted(
        text,
        [
            (_after(workflows[-1]), _watching(wish)),
            (_after(services[-1]), f"{wish.constant} = {service}\n"),
            (_after(listed[0]) - 1, f"    {wish.constant},\n"),
        ],
    )


def _watching(wish: Wish) -> str:
    arguments = [
        f'"{wish.workflow}"',
        f'"{wish.model.__name__}.{wish.field}"',
        f'table="{wish.model.__tablename__}"',
        f'key="{natural_key(wish.model.__table__)}"',
        *([f'host="{wish.host}"'] if wish.host else []),
        f'job="{wish.folder}.{wish.module}:{wish.job}"',
    ]
    line = f"{wish.workflow_constant} = Workflow.watching({', '.join(arguments)})\n"
    if len(line) > LINE:
        lines = "".join(f"    {argument},\n" for argument in arguments)
        line = f"{wish.workflow_constant} = Workflow.watching(\n{lines})\n"
    return line


def natural_key(table: FromClause) -> str:
    """Return the column that names a record for people: the last one of the table's unique constraint."""
    assert isinstance(table, Table)
    (unique,) = (one for one in table.constraints if isinstance(one, UniqueConstraint))
    return str(list(unique.columns)[-1].name)


def _after(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) + 1
