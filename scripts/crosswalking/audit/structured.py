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
    return (
        any(isinstance(part, ast.Await) and names & _names(part) for part in ast.walk(body))
        or any(
            isinstance(part, ast.Call) and _last(part.func) in WAITS and names & _names(part) for part in ast.walk(body)
        )
        or _is_cancelled(body, names)
    )


def _is_cancelled(body: ast.AST, names: set[str]) -> bool:
    """Whether the task ends with the function, however that ends: a heartbeat, a watcher. Not only after an exception."""
    after_errors = {
        id(part) for outer in ast.walk(body) if isinstance(outer, ast.ExceptHandler) for part in ast.walk(outer)
    }
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == "cancel"
        and names & _names(part.func.value)
        and id(part) not in after_errors
        for part in ast.walk(body)
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


GATHERED = (
    ast.Name,
    ast.Starred,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Dict,
    ast.BinOp,
    ast.IfExp,
    ast.ListComp,
    ast.SetComp,
)
COLLECTING = frozenset({"append", "add", "extend", "update", "insert", "appendleft"})


def _holders(body: ast.AST, node: ast.Call) -> set[str]:
    """Names that hold what ``node`` gives: assigned, collected, filled by a comprehension, or taken from such a one."""
    found: set[str] = set()
    parts = list(ast.walk(body))
    while True:
        before = len(found)
        for part in parts:
            found |= _held_by(part, node, found)
        if len(found) == before:
            return found


def _held_by(part: ast.AST, node: ast.Call, found: set[str]) -> set[str]:
    match part:
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.AugAssign(value=value) if value is not None:
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            if _contains(value, node) or (isinstance(value, GATHERED) and found & _names(value)):
                return {name for target in targets for name in _names(target)}
        case ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values):
            if found & _names(values):
                return _names(target)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=verb), args=args) if verb in COLLECTING:
            if any(_contains(argument, node) or found & _names(argument) for argument in args):
                return {name}
        case _:
            pass
    return set()


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
