"""Queues in memory: what a route puts into one, a worker of the same process takes out, later or never.

A queue is one that lives longer than a call: a module's name, or an attribute. Its worker is a function that takes from it
and is started somewhere as a task or thread. A stream to a browser has no such worker: its generator takes."""

import ast
import re
from collections.abc import Iterator

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.machine import Machine

MAKERS = frozenset({"Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "JoinableQueue", "deque"})
PUTS = frozenset({"put", "put_nowait"})
COLLECTS = frozenset({"append", "appendleft", "extend"})
TAKES = frozenset({"get", "get_nowait"})
POPS = frozenset({"pop", "popleft"})
RECORDS = re.compile(r"log|metric|stat|trace|span|histor|buffer|cache|error|message", re.IGNORECASE)
"""Names of lists that are kept for later reading: what they hold is no work."""
MADE = re.compile(r"Queue\s*[(\[]|deque\(|=\s*\[\]")
TAKEN = re.compile(
    r"\.get(_nowait)?\(\s*(\)|True|False|timeout|block|[0-9])|\.pop(left)?\(0?\)|,\s*\[\]$", re.MULTILINE
)
"""Of the text of a module: what a queue's ``get`` looks like, and a dict's does not; what takes from a list."""
STARTER = re.compile(r"task|thread|worker|background|spawn", re.IGNORECASE)
STARTERS = v.word_set(
    "Thread Process Timer create_task ensure_future gather run run_coroutine_threadsafe run_in_executor "
    "run_until_complete start_soon start_background_task submit to_thread"
)
WAITS = frozenset({"wait_for", "wait", "gather", "shield"})
TO_BROWSERS = frozenset({"send_text", "send_json", "send_bytes"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def put(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Return the workers that a ``put`` hands work to; None without any, or when the function awaits the answer."""
    if call.name not in PUTS | COLLECTS or not call.is_foreign or not isinstance(call.node.func, ast.Attribute):
        return None
    if call.name in COLLECTS and (frame.function is None or _is_local(call.node.func.value, frame)):
        return None
    made = [
        atom.name.rsplit(".", 1)[-1] for atom in call.owners if isinstance(atom, v.Made) and ".state." not in atom.name
    ]
    if made and not MAKERS.intersection(made):
        return None
    queue = call.node.func.value
    nodes = _workers(run).get(v.last_name(queue), [])
    workers = [
        function for node in nodes if (function := run.functions.get(id(node))) and _is_theirs(queue, function, frame)
    ]
    if not workers or _is_answered(call.node, queue, frame):
        return None
    return v.Values(v.Func(function) for function in workers)


def _is_local(queue: ast.expr, frame: v.Frame) -> bool:
    """Return whether a list is a name of the function itself, or one that keeps records."""
    return RECORDS.search(v.last_name(queue)) is not None or (isinstance(queue, ast.Name) and queue.id in frame.names)


def _is_theirs(queue: ast.expr, worker: v.Function, frame: v.Frame) -> bool:
    """Return whether the ``self.jobs`` of a method may be the worker's: methods of one class."""
    ours = frame.function.cls if frame.function else None
    if _root(queue) != "self" or ours is None or worker.cls is None:
        return True
    return worker.cls in ours.ancestry() or ours in worker.cls.ancestry()


def _workers(run: Machine) -> v.Workers:
    """Found once, when all modules were executed: the first ``put`` of a route asks for it."""
    if run.workers is None:
        run.workers = _found_in(run.project.executed())
    return run.workers


def _found_in(modules: list[v.Module]) -> v.Workers:
    """Look only where the text of a module holds the words that matter: walking all trees takes as long as all else."""
    queues = {name for module in modules if MADE.search(module.source) for name in _queues(module.tree)}
    near = [module for module in modules if TAKEN.search(module.source)] if queues else []
    takers = [
        (node, taken)
        for module in near
        for node in _functions(module.tree)
        if (taken := queues.intersection(_taken(node, modules))) and not _sends_to_browsers(node)
    ]
    names = {node.name for node, _ in takers} - {"run"} - TAKES - POPS  # a method that is called "get" is no worker
    started = _started(names, modules)
    found: v.Workers = {}
    for node, taken in takers:
        if node.name in started or node.name == "run":
            for name in taken:
                found.setdefault(name, []).append(node)
    return found


def _queues(tree: ast.AST) -> Iterator[str]:
    """Return names of queues that outlive the call that makes them: attributes, and names of a module."""
    waiting: list[tuple[ast.AST, Definition | None]] = [(tree, None)]
    while waiting:
        node, function = waiting.pop()
        if isinstance(node, ast.Assign | ast.AnnAssign) and _makes_queue(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute) or function is None or _is_global(v.last_name(target), function):
                    yield v.last_name(target)
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.Module):
            inside = node if isinstance(node, Definition) else function
            waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _is_global(name: str, function: Definition) -> bool:
    return any(isinstance(part, ast.Global) and name in part.names for part in function.body)


def _makes_queue(value: ast.expr | None) -> bool:
    match value:
        case ast.Call(func=ast.Subscript(value=maker)) | ast.Call(func=maker):
            return v.last_name(maker) == "deque" or v.last_name(maker).endswith("Queue")
        case ast.List(elts=[]):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return _makes_queue(body) or _makes_queue(orelse)
        case _:
            return False


def _started(names: set[str], modules: list[v.Module]) -> set[str]:
    """Return those of ``names`` that are handed to what starts them, or called in a loop of a function that is."""
    loops = {
        node.name: called & names
        for module in _mentioning(names, modules)
        for node in _functions(module.tree)
        for loop in ast.walk(node)
        if isinstance(loop, ast.While)
        and (called := {v.last_name(part.func) for part in ast.walk(loop) if isinstance(part, ast.Call)}) & names
    }
    handed = {
        v.last_name(argument.func if isinstance(argument, ast.Call) else argument)
        for module in _mentioning(names | set(loops), modules)
        for part in ast.walk(module.tree)
        if isinstance(part, ast.Call) and (v.last_name(part.func) in STARTERS or STARTER.search(v.last_name(part.func)))
        for argument in [*part.args, *(word.value for word in part.keywords)]
    } - TAKES
    return handed.union(*(called for name, called in loops.items() if name in handed))


def _mentioning(names: set[str], modules: list[v.Module]) -> list[v.Module]:
    pattern = re.compile(rf"\b(?:{'|'.join(names)})\b")
    return [module for module in modules if names and pattern.search(module.source)]


def _functions(tree: ast.AST) -> list[Definition]:
    return [node for node in v.statements_of(tree) if isinstance(node, Definition)]


def _sends_to_browsers(node: Definition) -> bool:
    """Return whether it hands on to a WebSocket or yields to a stream: what it takes is an answer, not work."""
    return any(
        isinstance(part, ast.Yield | ast.YieldFrom)
        or (isinstance(part, ast.Call) and v.last_name(part.func) in TO_BROWSERS)
        for part in ast.walk(node)
    )


def _taken(node: Definition, modules: list[v.Module]) -> Iterator[str]:
    """Return the queues that a function takes from; one that is its parameter goes by what it is called with."""
    assigned = {
        target.id: part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Assign)
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    parameters = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
    dropped = {id(part.value) for part in ast.walk(node) if isinstance(part, ast.Expr)}
    for part in ast.walk(node):
        match part:
            case ast.Call(func=ast.Attribute(attr=verb)) if verb in POPS and id(part) in dropped:
                pass  # a list that is kept short
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                swapped = zip(targets, values, strict=False)
                yield from (v.last_name(target) for target, value in swapped if _makes_queue(value))
            case ast.Call(func=ast.Attribute(value=owner, attr=verb), args=[] | [ast.Constant(value=0)]) if (
                verb in POPS and not (isinstance(owner, ast.Name) and owner.id in assigned)
            ):
                yield v.last_name(owner)
            case ast.Call(func=ast.Attribute(value=owner, attr=verb), args=given) if verb in TAKES and all(
                isinstance(argument, ast.Constant) and not isinstance(argument.value, str) for argument in given
            ):
                if isinstance(owner, ast.Name) and owner.id in parameters:
                    yield from _called_with(node, parameters.index(owner.id), modules)
                elif isinstance(owner, ast.Name) and owner.id in assigned:
                    yield v.last_name(assigned[owner.id])
                else:
                    yield v.last_name(owner)


def _called_with(function: Definition, position: int, modules: list[v.Module]) -> Iterator[str]:
    """Return what a function gets at ``position``: by a call, ``Thread(target=…, args=…)``, ``submit(…)``."""
    trees = [module.tree for module in modules if function.name in module.source]
    for part in (part for tree in trees for part in ast.walk(tree) if isinstance(part, ast.Call)):
        words = {word.arg: word.value for word in part.keywords}
        names = [v.last_name(argument) for argument in part.args]
        given: list[ast.expr] = []
        if v.last_name(part.func) == function.name:
            given = part.args
        elif function.name in names:
            given = part.args[names.index(function.name) + 1 :]
        elif "target" in words and v.last_name(words["target"]) == function.name:
            listed = words.get("args")
            given = listed.elts if isinstance(listed, ast.Tuple | ast.List) else []
        if position < len(given):
            yield v.last_name(given[position])


def _is_answered(node: ast.Call, queue: ast.expr, frame: v.Frame) -> bool:
    """Return whether the function waits for what it put: for a future or an event, or an empty queue."""
    if frame.function is None:
        return False
    body = list(ast.walk(frame.function.node))
    names = {part.id for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Name)}
    for part in body:
        if isinstance(part, ast.Assign) and any(isinstance(t, ast.Name) and t.id in names for t in part.targets):
            names |= {inner.id for inner in ast.walk(part.value) if isinstance(inner, ast.Name)}
    for part in body:
        match part:
            case ast.Await(value=ast.Name() | ast.Attribute() as awaited) if _root(awaited) in names:
                return True
            case ast.Call(func=func, args=given) if v.last_name(func) in WAITS and any(
                _root(one) in names for one in given
            ):
                return True
            case ast.Call(func=ast.Attribute(value=owner, attr="wait" | "result" | "get"), args=[]):
                if _root(owner) in names:
                    return True
            case ast.Call(func=ast.Attribute(value=owner, attr="join")) if ast.unparse(owner) == ast.unparse(queue):
                return True
    return False


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
