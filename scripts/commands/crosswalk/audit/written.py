"""How a name is written in code, before anybody knows what it means."""

import ast


def last_name(node: ast.expr) -> str:
    """``jobs`` of ``app.state.jobs`` and of ``jobs``; empty for what is no name."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""
