"""Questions about source alone: HTTP methods of a branch, and whether a function waits for what it starts."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from scripts.commands.crosswalk.audit.project import ROUTE_DECORATORS
from scripts.commands.crosswalk.audit.values import Frame, Func, last_name, statements_of, word_set

ALL = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SUBMITTING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Methods = frozenset[str] | None


def narrowed(test: ast.expr, outer: Methods) -> tuple[Methods, Methods]:
    """Return the methods of the branch taken and of the other one; None means all of them."""
    start = ALL if outer is None else outer
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            taken, other = narrowed(operand, outer)
            return other, taken
        case ast.BoolOp(op=ast.And(), values=values):
            return next((taken for value in values if (taken := narrowed(value, outer)[0]) != outer), outer), outer
        case ast.Await(value=inner):
            return narrowed(inner, outer)
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if _is_method(left) and _words(right):
            methods = _words(right)
            if isinstance(operator, ast.NotEq | ast.NotIn):
                return start - methods, start & methods
            return start & methods, start - methods
        case ast.Call(func=ast.Attribute(attr=verb)) if verb.startswith(("validate_on_submit", "is_submitted")):
            return start & SUBMITTING, outer
        case _:
            return outer, outer


@lru_cache(maxsize=65_536)
def parts_of(node: ast.AST) -> tuple[ast.AST, ...]:
    """Return ``ast.walk(node)``, which many questions about one function ask for."""
    return tuple(ast.walk(node))


def guarded(decorator: ast.AST) -> Methods:
    """Return the methods for which a decorator calls what it decorates; None for all: a form that asks for confirmation."""
    if not isinstance(decorator, ast.FunctionDef | ast.AsyncFunctionDef) or not decorator.args.args:
        return None
    name = decorator.args.args[0].arg
    called = _calls_of(name, decorator)
    for part in parts_of(decorator) if called else ():
        if isinstance(part, ast.If) and called == sum(_calls_of(name, statement) for statement in part.body):
            return narrowed(part.test, None)[0]
    return None


@lru_cache(maxsize=65_536)
def is_abstract(function: ast.AST) -> bool:
    """Return whether a method only stands for those of subclasses: it does nothing, or raises NotImplementedError."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    named = any(last_name(decorator) == "abstractmethod" for decorator in function.decorator_list)
    return named or all(
        isinstance(part, ast.Pass)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        or (isinstance(part, ast.Raise) and part.exc is not None and "NotImplemented" in ast.unparse(part.exc))
        for part in function.body
    )


STARTERS = word_set(
    "Thread Timer Process run_in_executor submit create_task ensure_future start_background_task add_task enqueue delay "
    "apply_async"
)


@lru_cache(maxsize=4_096)
def starts_work(decorator: ast.AST) -> bool:
    """Return whether a decorator starts work, for example runs what it decorates in a thread."""
    calls = (part for part in parts_of(decorator) if isinstance(part, ast.Call))
    return any(last_name(part.func) in STARTERS for part in calls)


@lru_cache(maxsize=4_096)
def keeps_handlers(decorator: ast.AST) -> bool:
    """Return whether a decorator keeps what it decorates, or makes it a route.

    ``HANDLERS[command] = function``, ``….append(function)``, ``app.route(path)(function)``.
    """
    if not isinstance(decorator, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    given = {argument.arg for argument in decorator.args.args}
    for part in parts_of(decorator):
        match part:
            case (
                ast.Assign(targets=[ast.Subscript()], value=kept)
                | ast.Call(func=ast.Attribute(attr="append" | "add"), args=[kept])
            ) if last_name(kept) in given:
                return True
            case ast.Call(func=registers, args=[kept, *_]) if _is_route(registers) and last_name(kept) in given:
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() if part is not decorator:
                if any(_is_route(wrapping) for wrapping in part.decorator_list):
                    return True
    return False


def _is_route(node: ast.expr) -> bool:
    """Return whether a router's method is called: ``app.route(path)``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ROUTE_DECORATORS


def _calls_of(name: str, node: ast.AST) -> int:
    return sum(isinstance(part, ast.Call) and last_name(part.func) == name for part in parts_of(node))


def _is_method(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr="method"):
            return "req" in owner.lower()
        case ast.Attribute(value=ast.Attribute(attr=owner), attr="method"):
            return "req" in owner.lower()
        case ast.Attribute(attr="http_method"):
            return True
        case ast.Call(func=ast.Attribute(value=inner, attr="upper")):
            return _is_method(inner)
        case _:
            return False


def _words(node: ast.expr) -> frozenset[str]:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return frozenset(
        part.value.upper() for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


SESSION_MAKER = re.compile(r"(?:^|[a-z])(?:Session|Session(?:Local|Maker|Factory)|session_?(?:maker|factory|scope))$")


@lru_cache(maxsize=65_536)
def opens_session(node: ast.AST) -> bool:
    """Return whether a function works in a session that it opens and closes itself, and that nothing else sees.

    A function that hands its session out (``yield session``), or that gets one, has none of its own.
    """
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    opened = {
        last_name(item.optional_vars)
        for part in statements_of(node)
        if isinstance(part, ast.With | ast.AsyncWith)
        for item in part.items
        if item.optional_vars is not None
        and isinstance(item.context_expr, ast.Call)
        and SESSION_MAKER.search(last_name(item.context_expr.func))
    }
    given = [argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]]
    if not opened or any("session" in name or name == "db" for name in given):
        return False
    out = [part.value for part in parts_of(node) if isinstance(part, ast.Yield | ast.Return) and part.value]
    return not any(last_name(value) in opened for value in out)


WAITS = frozenset({"gather", "wait", "wait_for", "as_completed", "shield"})


def is_awaited(node: ast.Call, frame: Frame) -> bool:
    """Return whether ``node``, or a name or list that holds it, is awaited in the same function."""
    body = _body(frame)
    if body is None or _is_handed_on(body, node):
        return False
    if any(isinstance(part, ast.Await) and _contains(part, node) for part in parts_of(body)):
        return True
    names = _holders(body, node)
    return (
        any(isinstance(part, ast.Await) and names & _names(part) for part in parts_of(body))
        or any(
            isinstance(part, ast.Call) and last_name(part.func) in WAITS and names & _names(part)
            for part in parts_of(body)
        )
        or _is_cancelled(body, names)
        or _ends_with_its_object(frame, names)
    )


def _ends_with_its_object(frame: Frame, names: set[str]) -> bool:
    """Return whether a method ends the task of an object used by ``async with``: a connection's reader."""
    cls = frame.function.cls if frame.function else None
    if cls is None or not cls.lookup("__aexit__"):
        return False
    ending = [atom for name in ("__aexit__", "close", "aclose", "stop") for atom in cls.lookup(name)]
    return any(
        isinstance(atom, Func) and names & _names(atom.function.node) and any(owners_of(atom.function.node, "cancel"))
        for atom in ending
    )


def owners_of(body: ast.AST, *verbs: str) -> Iterator[ast.expr]:
    """Yield what a function calls methods of these names on."""
    for part in parts_of(body):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in verbs:
            yield part.func.value


def _is_handed_on(body: ast.AST, node: ast.Call) -> bool:
    """Return whether the function gives the task itself to its caller: it only waited until the task had begun."""
    own = {
        target.id
        for part in parts_of(body)
        if isinstance(part, ast.Assign) and part.value is node
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    return any(
        isinstance(part, ast.Return) and isinstance(part.value, ast.Name) and part.value.id in own
        for part in parts_of(body)
    )


def _is_cancelled(body: ast.AST, names: set[str]) -> bool:
    """Return whether the task ends with the function, and not only after an exception: a heartbeat."""
    after_errors = [
        part for outer in parts_of(body) if isinstance(outer, ast.ExceptHandler) for part in parts_of(outer)
    ]
    cancelled = [owner for owner in owners_of(body, "cancel") if names & _names(owner)]
    return any(all(owner is not part for part in after_errors) for owner in cancelled)


def is_joined(node: ast.Call, frame: Frame, *verbs: str) -> bool:
    """Return whether a thread is joined, or a future's result asked for, in the same function; ``verbs`` ask for it, too."""
    body = _body(frame)
    if body is None:
        return False
    names = _holders(body, node)
    if _is_iterated(body, node, names) or _ends_by_an_event(body, node) or _is_shut_down(body, node):
        return True
    joined = owners_of(body, "join", "result", "communicate", "wait", *verbs)
    if any(names & _names(owner) or _contains(owner, node) for owner in joined):
        return True
    for part in parts_of(body):
        waits = isinstance(part, ast.Call) and last_name(part.func) in ("as_completed", "wait", "joinall", "waitall")
        if waits and (names & _names(part) or _contains(part, node)):
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


def is_joined_by_name(node: ast.Call, frame: Frame) -> bool:
    """Return whether the thread that ``node`` starts is joined by the name that it is started by."""
    body = _body(frame)
    if body is None or not isinstance(node.func, ast.Attribute):
        return False
    started = ast.unparse(node.func.value)
    return any(ast.unparse(owner) == started for owner in owners_of(body, "join"))


def is_read(node: ast.Call, frame: Frame) -> bool:
    """Return whether the function reads what the process that ``node`` starts prints, until the process ends.

    An object that keeps the process, to end it, counts too: a tunnel."""
    body = _body(frame)
    if body is None:
        return False
    names = _holders(body, node)
    for part in parts_of(body):
        match part:
            case ast.Attribute(value=owner, attr="stdout" | "stderr") if names & _names(owner):
                return True
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))], value=value):
                if _contains(value, node) or names & _names(value):
                    return True
    return False


def _is_iterated(body: ast.AST, node: ast.Call, names: set[str]) -> bool:
    """Return whether the results of ``pool.map(…)`` are taken one by one, which waits for them."""
    if last_name(node.func) != "map":
        return False
    taken = [part.iter for part in parts_of(body) if isinstance(part, ast.For | ast.comprehension)]
    taken += [part for part in parts_of(body) if isinstance(part, ast.Call) and last_name(part.func) in TAKING]
    return any(_contains(part, node) or names & _names(part) for part in taken)


TAKING = frozenset({"list", "tuple", "set", "dict", "sum", "any", "all", "max", "min", "sorted", "join"})


def _is_shut_down(body: ast.AST, node: ast.Call) -> bool:
    """Return whether the function shuts down the pool that ``node`` gives work to, which waits for all of it."""
    pool = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    ended = [part for part in parts_of(body) if isinstance(part, ast.Call) and last_name(part.func) == "shutdown"]
    return any(
        isinstance(part.func, ast.Attribute)
        and ast.unparse(part.func.value) == pool
        and not any(word.arg == "wait" and ast.unparse(word.value) == "False" for word in part.keywords)
        for part in ended
    )


def _ends_by_an_event(body: ast.AST, node: ast.Call) -> bool:
    """Return whether the thread's function, defined in place, looks at an event that the function sets: a heartbeat."""
    own = {part.name: part for part in parts_of(body) if isinstance(part, ast.FunctionDef) and part is not body}
    targets = [word.value for word in node.keywords if word.arg == "target"]
    looked = {
        name
        for target in targets
        if isinstance(target, ast.Name) and target.id in own
        for name in _names(own[target.id])
    }
    return any(ast.unparse(owner) in looked for owner in owners_of(body, "set"))


def is_begun_once(node: ast.Call, frame: Frame) -> bool:
    """Return whether it starts only while a name of a module or object is not set, and then sets that name.

    Such is a writer or a watchdog of the process, which the first request of all starts."""
    body = _body(frame)
    if body is None:
        return False
    shared = {name for part in parts_of(body) if isinstance(part, ast.Global) for name in part.names}
    tested = {name for part in parts_of(body) if isinstance(part, ast.If) for name in _names(part.test)}
    assigned = {
        name
        for part in parts_of(body)
        if isinstance(part, ast.Assign)
        for target in part.targets
        for name in _targets(target)
        if part.value is node or (isinstance(part.value, ast.Constant) and part.value.value is True)
    }
    return any(name in shared or name.startswith(("self.", "cls.")) for name in tested & assigned)


def _body(frame: Frame) -> ast.AST | None:
    return frame.function.node if frame.function else None


def _contains(outer: ast.AST, inner: ast.AST) -> bool:
    return any(part is inner for part in parts_of(outer))


GATHERED = (
    ast.Name
    | ast.Starred
    | ast.List
    | ast.Tuple
    | ast.Set
    | ast.Dict
    | ast.BinOp
    | ast.IfExp
    | ast.ListComp
    | ast.SetComp
)
HOLDING = word_set("set list tuple dict sorted keys values items copy wrap_future shield ensure_future")
"""Calls that give the tasks that they are given, collected or wrapped."""
COLLECTING = frozenset({"append", "add", "extend", "update", "insert", "appendleft"})


def _holders(body: ast.AST, node: ast.Call) -> set[str]:
    """Return names that hold what ``node`` gives: assigned, collected, or taken from such a one."""
    found: set[str] = set()
    parts = list(parts_of(body))
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
            if _contains(value, node) or (_holds(value) and found & _names(value)):
                return {name for target in targets for name in _targets(target)}
            keyed = [target for target in targets if isinstance(target, ast.Subscript)]
            return {name for target in keyed if found & _names(target.slice) for name in _targets(target)}
        case ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values):
            if found & _names(values):
                return set(_names(target))
        case ast.Call(func=ast.Attribute(value=owner, attr=verb), args=args) if verb in COLLECTING:
            if any(_contains(argument, node) or found & _names(argument) for argument in args):
                return _targets(owner)
    return set()


def _holds(value: ast.expr) -> bool:
    """Return whether a value made of tasks holds them still."""
    return isinstance(value, GATHERED) or (isinstance(value, ast.Call) and last_name(value.func) in HOLDING)


@lru_cache(maxsize=65_536)
def _names(node: ast.AST) -> frozenset[str]:
    """Return names and dotted names: ``await self.task`` waits for ``self.task``, and for no other of ``self``."""
    found = {part.id for part in parts_of(node) if isinstance(part, ast.Name)}
    return frozenset(found | {ast.unparse(part) for part in parts_of(node) if isinstance(part, ast.Attribute)})


def _targets(node: ast.expr) -> set[str]:
    """Return what an assignment to ``node`` gives a value: ``result.task`` is not ``result``."""
    match node:
        case ast.Attribute():
            return {ast.unparse(node)}
        case ast.Starred(value=inner):
            return _targets(inner)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return {name for part in parts for name in _targets(part)}
        case ast.Subscript(value=inner):
            return _targets(inner)
        case _:
            return set(_names(node))
