"""The registry's new lines: the workflow after the last one, the service after the last one, and its place in SERVICES."""

import ast

from scripts.scaffolding.change import inserted
from scripts.scaffolding.wish import Refused, Wish


def registered(text: str, wish: Wish) -> str:
    """``text`` of the registry with the wish in it. Raises :class:`Refused` when it is not as this tool knows it."""
    body = ast.parse(text).body
    assigned = [one for one in body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)]
    workflows = [one for one in assigned if ast.unparse(one.value).startswith("Workflow.watching(")]
    services = [one for one in assigned if ast.unparse(one.value).startswith("Service(")]
    listed = [
        one for one in body if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "SERVICES" and one.value
    ]
    models = [one for one in body if isinstance(one, ast.ImportFrom) and one.module == "scrapersky.models"]
    if not (workflows and services and listed and models):
        raise Refused("the registry lacks a workflow, a service, SERVICES, or its import of models")
    host = f", host={wish.model.__name__}.{wish.host}" if wish.host else ""
    watching = f'Workflow.watching("{wish.workflow}", {wish.model.__name__}.{wish.field}{host})'
    service = (
        f'Service("{wish.service}", "{wish.constant}", ({wish.workflow.upper()},), ServiceSettings(batch_size=50))'
    )
    text = inserted(
        text,
        [
            (_after(workflows[-1]), f"{wish.workflow.upper()} = {watching}\n"),
            (_after(services[-1]), f"{wish.constant} = {service}\n"),
            (_after(listed[0]) - 1, f"    {wish.constant},\n"),
        ],
    )
    names = {alias.name for alias in models[0].names}
    if wish.model.__name__ in names:
        return text
    wanted = ", ".join(sorted(names | {wish.model.__name__}))
    lines = text.splitlines(keepends=True)
    lines[models[0].lineno - 1 : _after(models[0]) - 1] = [f"from scrapersky.models import {wanted}\n"]
    return "".join(lines)


def _after(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) + 1
