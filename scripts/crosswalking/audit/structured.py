"""Whether the function that starts a task also waits for it: then it is concurrency, not background work."""

import ast

from scripts.crosswalking.audit.scope import Frame

WAITS = frozenset({"gather", "wait", "wait_for", "as_completed", "shield"})


def is_awaited(node: ast.Call, frame: Frame) -> bool:
    """Whether ``node`` is awaited in place, or the name (or list) that holds it is awaited in the same function."""
    body = _body(frame)
    if body is None:
        return False
    if any(isinstance(part, ast.Await) and _contains(part, node) for part in ast.walk(body)):
        return True
    names = _holders(body, node)
    return any(isinstance(part, ast.Await) and names & _names(part) for part in ast.walk(body)) or any(
        isinstance(part, ast.Call) and _last(part.func) in WAITS and names & _names(part) for part in ast.walk(body)
    )


def is_joined(node: ast.Call, frame: Frame) -> bool:
    """Whether a thread is joined, or a future's result asked for, in the same function."""
    body = _body(frame)
    if body is None:
        return False
    names = _holders(body, node)
    for part in ast.walk(body):
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in ("join", "result", "communicate", "wait")
            and (names & _names(part.func.value) or _contains(part.func, node))
        ):
            return True
        if isinstance(part, ast.Call) and _last(part.func) in ("as_completed", "wait") and names & _names(part):
            return True
        if (
            isinstance(part, ast.With)
            and _contains(part, node)
            and "Executor" in ast.unparse(part.items[0].context_expr)
        ):
            return True
        if isinstance(part, ast.For) and names & _names(part.iter) and ".join()" in ast.unparse(part):
            return True
    return False


def _body(frame: Frame) -> ast.AST | None:
    return frame.function.node if frame.function else None


def _contains(outer: ast.AST, inner: ast.AST) -> bool:
    return any(part is inner for part in ast.walk(outer))


def _holders(body: ast.AST, node: ast.Call) -> set[str]:
    """Names that hold what ``node`` gives: assigned, appended to, or filled by a comprehension."""
    found: set[str] = set()
    for part in ast.walk(body):
        match part:
            case ast.Assign(targets=targets, value=value) if _contains(value, node):
                found |= {name for target in targets for name in _names(target)}
            case ast.AnnAssign(target=target, value=value) if value is not None and _contains(value, node):
                found |= _names(target)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "add"), args=args):
                if any(_contains(argument, node) or found & _names(argument) for argument in args):
                    found.add(name)
            case _:
                pass
    return found


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
