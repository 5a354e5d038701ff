"""Execution of statements: bindings, branches, loops, definitions and imports."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.commands.crosswalk.audit import registration, routes, writes
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Commit
from scripts.commands.crosswalk.audit.expressions import outcome
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.syntax import guarded, keeps_handlers, narrowed, starts_work
from scripts.commands.crosswalk.audit.vocabulary import is_periodic


def block(run: Machine, body: Sequence[ast.stmt], frame: v.Frame) -> bool:
    """Execute statements in order; False when the end is never reached (return, raise, break, continue)."""
    for node in body:
        try:
            if not statement(run, node, frame):
                return False
        except RecursionError:
            raise
        except Exception as error:  # a fault of the audit: it costs one statement, and the audit does not pass
            run.fault(node, frame, error)
    return True


def statement(run: Machine, node: ast.stmt, frame: v.Frame) -> bool:  # noqa: C901, PLR0912
    """Execute one; False when what follows it is never reached."""
    if not run.step():
        return False
    match node:
        case ast.Expr(value=value):
            run.evaluate(value, frame)
        case ast.Assign(targets=targets, value=value):
            given = run.evaluate(value, frame)
            for target in targets:
                assign(run, target, given, frame, node)
        case ast.AnnAssign():
            annotated(run, node, frame)
        case ast.AugAssign(target=target, value=value):
            assign(run, target, _extended(run.evaluate(target, frame), run.evaluate(value, frame)), frame, node)
        case ast.Return(value=value):
            if value is not None:
                frame.returned = v.join(frame.returned, run.evaluate(value, frame))
            return False
        case ast.Raise(exc=exc):
            if exc is not None:
                run.evaluate(exc, frame)
            return False
        case ast.Break() | ast.Continue():
            return False
        case ast.If():
            return _branch(run, node, frame)
        case ast.For() | ast.AsyncFor():
            _loop(run, node, frame)
        case ast.While(test=test, body=body, orelse=orelse):
            run.evaluate(test, frame)
            _either(run, [body], frame)
            block(run, orelse, frame)
        case ast.With() | ast.AsyncWith():
            return _with(run, node, frame)
        case ast.Try() | ast.TryStar():
            return _try(run, node, frame)
        case ast.Match(subject=subject, cases=cases):
            run.evaluate(subject, frame)
            _either(run, [case.body for case in cases], frame)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            function(run, node, frame)
        case ast.ClassDef():
            klass(run, node, frame)
        case ast.Import() | ast.ImportFrom():
            execute_import(run, node, frame)
        case ast.Assert(test=test):
            run.evaluate(test, frame)
        case ast.Delete(targets=targets):
            for target in targets:
                match target:
                    case ast.Subscript(value=ast.Name(id=name), slice=key):
                        given = run.evaluate(target.value, frame)
                        frame.names[name] = v.without(given, run.evaluate(key, frame))
    return True


def _extended(old: v.Values, more: v.Values) -> v.Values:
    """Return a list after ``old += more``; of anything else nothing is known."""
    lists = [next((atom for atom in values if isinstance(atom, v.Listing)), None) for values in (old, more)]
    first, second = lists
    return v.one(v.Listing((*first.items, *second.items))) if first and second else v.UNKNOWN


def assign(run: Machine, target: ast.expr, value: v.Values, frame: v.Frame, node: ast.stmt) -> None:
    """Bind ``value`` to a target: a name, names in a tuple, an attribute, an item."""
    match target:
        case ast.Name(id=name):
            frame.names[name] = value
            if frame.function and frame.module.frame and frame.function.sets_globally(name):
                shared = frame.module.frame.names
                shared[name] = v.join(shared.get(name, v.UNKNOWN), value)
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            for index, part in enumerate(elts):
                inner = part.value if isinstance(part, ast.Starred) else part
                assign(run, inner, v.item_of(value, index, exact=len(elts)), frame, node)
        case ast.Attribute(value=ast.Attribute(attr="state"), attr=name):
            run.state[name] = v.join(run.state.get(name, v.UNKNOWN), value)
        case ast.Attribute(value=owner, attr=name):
            writes.set_attribute(run, run.evaluate(owner, frame), owner, name, value, frame, node)
        case ast.Subscript(value=ast.Name(id=name), slice=key):
            outer = frame.module.frame if frame.function and name not in frame.names and _are_handlers(value) else None
            kept = outer.names if outer and name in outer.names else frame.names
            kept[name] = v.with_entry(run.evaluate(target.value, frame), run.evaluate(key, frame), value)
        case ast.Subscript(value=ast.Attribute(value=owner, attr=name), slice=key):
            _registered(run, run.evaluate(owner, frame), name, run.evaluate(key, frame), value)
        case ast.Subscript(value=owner):
            run.evaluate(owner, frame)


def _are_handlers(value: v.Values) -> bool:
    listed = [item for atom in value if isinstance(atom, v.Listing) for item in atom.items]
    return any(map(v.are_handlers, (value, *listed)))


def _registered(run: Machine, owners: v.Values, name: str, key: v.Values, value: v.Values) -> None:
    """Keep ``self.handlers[Command] = handle``: what a command bus or a registry calls later."""
    for atom in owners if _are_handlers(value) else ():
        if isinstance(atom, v.Instance):
            entries = [
                entry for found in run.attribute(atom, name) if isinstance(found, v.Mapping) for entry in found.items
            ]
            before = v.join(*(other for known, other in entries if known == key))
            kept = [entry for entry in entries if entry[0] != key]
            run.replace_attribute(atom, name, v.one(v.Mapping((*kept, (key, v.join(before, value))))))


def _branch(run: Machine, node: ast.If, frame: v.Frame) -> bool:
    run.evaluate(node.test, frame)
    if (known := outcome(run, node.test, frame)) is not None:
        return block(run, node.body if known else node.orelse, frame)
    outer = frame.methods
    inside, otherwise = narrowed(node.test, outer)
    before = dict(frame.names)
    frame.methods = inside
    first = block(run, node.body, frame)
    after_first = frame.names
    frame.names, frame.methods = dict(before), otherwise
    second = block(run, node.orelse, frame)
    frame.methods = outer
    if not first and second:
        frame.methods = otherwise
    elif first and not second:
        frame.methods = inside
    frame.names = _merged([names for names, alive in ((after_first, first), (frame.names, second)) if alive], before)
    return first or second


def _merged(alive: list[dict[str, v.Values]], before: dict[str, v.Values]) -> dict[str, v.Values]:
    if not alive:
        return before
    if len(alive) == 1:
        return alive[0]
    names = dict.fromkeys(name for one_of in alive for name in one_of)
    return {name: _either_of([one_of[name] for one_of in alive if name in one_of]) for name in names}


def _either_of(several: list[v.Values]) -> v.Values:
    """Return what a name may be after branches, most of which leave most names as they were."""
    return several[0] if all(values is several[0] for values in several) else v.join(*several)


def _either(run: Machine, bodies: list[list[ast.stmt]], frame: v.Frame) -> None:
    before = dict(frame.names)
    alive = [before]
    for body in bodies:
        frame.names = dict(before)
        block(run, body, frame)
        alive.append(frame.names)
    frame.names = _merged(alive, before)


def _loop(run: Machine, node: ast.For | ast.AsyncFor, frame: v.Frame) -> None:
    before = dict(frame.names)
    alive = [before]
    for value in v.items_of(run.evaluate(node.iter, frame)):
        assign(run, node.target, value, frame, node)
        block(run, node.body, frame)
        alive.append(dict(frame.names))
    frame.names = _merged(alive, before)
    block(run, node.orelse, frame)


def _with(run: Machine, node: ast.With | ast.AsyncWith, frame: v.Frame) -> bool:
    managers = []
    for item in node.items:
        value = run.evaluate(item.context_expr, frame)
        if writes.is_transaction(item.context_expr, value):
            frame.effects.append(Commit(run.place(item.context_expr, frame), methods=frame.methods, managed=True))
        entered = _own_methods(run, value, ("__aenter__", "__enter__"), v.Arguments(), frame)
        managers.append(value)
        if item.optional_vars is not None:
            assign(run, item.optional_vars, v.join(*entered) or value, frame, node)
    reached = block(run, node.body, frame)
    for value in reversed(managers):
        before = len(frame.effects)
        _own_methods(run, value, ("__aexit__", "__exit__"), NO_ERROR, frame)
        frame.effects[before:] = [
            replace(one, managed=True) if isinstance(one, Commit) else one for one in frame.effects[before:]
        ]
    return reached


NO_ERROR = v.Arguments([v.one(v.Const(None))] * 3)


def _own_methods(
    run: Machine, value: v.Values, names: Sequence[str], given: v.Arguments, frame: v.Frame
) -> list[v.Values]:
    """Call the methods of the tree's own context managers; return what they give."""
    returned = []
    for atom in value:
        methods = [one for name in names for one in atom.cls.lookup(name)] if isinstance(atom, v.Instance) else []
        for method in methods:
            if isinstance(method, v.Func):
                summary = run.call(method.function, v.one(atom), given)
                returned.append(run.absorb(summary, method.function.qualified, frame))
    return returned


def _try(run: Machine, node: ast.Try | ast.TryStar, frame: v.Frame) -> bool:
    before = dict(frame.names)
    alive = []
    if block(run, node.body, frame) and block(run, node.orelse, frame):
        alive.append(frame.names)
    tried = _merged([before, frame.names], before)
    for handler in node.handlers:
        frame.names = dict(tried)
        if handler.name:
            frame.names[handler.name] = v.one(v.Const(None)) if handler.type is None else v.UNKNOWN
        if block(run, handler.body, frame):
            alive.append(frame.names)
    frame.names = _merged(alive, tried)
    return block(run, node.finalbody, frame) and bool(alive)


TASK_DECORATORS = frozenset({"task", "shared_task", "actor", "periodic_task", "db_task"})
JOB_DECORATORS = frozenset({"scheduled_job", "repeat_every", "repeat_at", "on_schedule", "cron", "crontab"})


def function(run: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: v.Frame) -> None:
    """Make the function, then apply its decorators from the inside out."""
    made = run.function_at(node, frame, node.name)
    if node.decorator_list and not made.decorators:
        made.decorators = frozenset(_last(decorator) for decorator in node.decorator_list)
        made.task = bool(made.decorators & TASK_DECORATORS)
        made.job = any(name in JOB_DECORATORS or is_periodic(name) for name in made.decorators)
    frame.names[node.name] = v.one(v.Func(made))
    for decorator in reversed(node.decorator_list):
        given = run.evaluate(decorator, frame)
        for atom in [*given, *registration.by_helper(run, decorator, frame)]:
            if isinstance(atom, v.Registering):
                run.routing.add(atom, v.one(v.Func(made)), run.place(node, frame))
            elif isinstance(atom, v.Made) and atom.name.startswith("huey."):
                made.sent = made.task
            elif isinstance(atom, v.Func):
                if keeps_handlers(atom.function.node):
                    run.call(
                        atom.function,
                        v.one(atom.receiver) if atom.receiver else v.UNKNOWN,
                        v.Arguments([v.one(v.Func(made))]),
                    )
                made.guard = guarded(atom.function.node) or made.guard
                if starts_work(atom.function.node):
                    made.wrapper = run.call(atom.function, v.UNKNOWN, v.Arguments([v.one(v.Func(made))])).value
                    frame.names[node.name] = made.wrapper or frame.names[node.name]


def klass(run: Machine, node: ast.ClassDef, frame: v.Frame) -> None:
    """Execute a class body and keep its fields."""
    bases = tuple(run.evaluate(_origin(base), frame) for base in node.bases)
    body = v.Frame(frame.module, {}, parent=frame, depth=frame.depth, function=frame.function)
    cls = run.classes.get(id(node)) or v.Class(node.name, frame.module, body)
    run.defined(node, cls)
    cls.frame, cls.bases, body.cls = body, bases, cls
    cls.parameters = tuple(
        run.evaluate(part, frame)
        for base in node.bases
        if isinstance(base, ast.Subscript)
        for part in (base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice])
    )
    cls.words, cls.decorators = node.keywords, tuple(_last(decorator) for decorator in node.decorator_list)
    cls.keywords = {word.arg: run.evaluate(word.value, frame) for word in node.keywords if word.arg}
    frame.names[node.name] = v.one(v.ClassRef(cls))
    block(run, node.body, body)
    is_schema = "Schema" in cls.outside_bases()  # marshmallow's
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                value = body.names.get(target.id, v.UNKNOWN)
                if routes.is_column(value) or (is_schema and not _is_output(statement.value)):
                    cls.fields.setdefault(target.id, v.FieldOf(None, value, statement))
    cls.table = v.text_of(body.names.get("__tablename__", v.UNKNOWN)) or ""
    if cls.is_model:
        run.known.model(cls)
    for decorator in reversed(node.decorator_list):
        for atom in run.evaluate(decorator, frame):
            if isinstance(atom, v.Registering):
                run.routing.add_class(atom, cls)


def _is_output(field: ast.expr) -> bool:
    """Return whether a field of a schema is never read from a request: ``dump_only=True``."""
    return isinstance(field, ast.Call) and any(word.arg == "dump_only" for word in field.keywords)


def annotated(run: Machine, node: ast.AnnAssign, frame: v.Frame) -> None:
    """Evaluate ``name: type = value``: a name, and in a class body a field."""
    value = run.evaluate(node.value, frame) if node.value is not None else v.UNKNOWN
    if isinstance(node.target, ast.Name) and frame.cls is not None:
        cls = frame.cls
        if any(isinstance(atom, v.Made) and atom.name.endswith("PrivateAttr") for atom in value):
            return  # no column: SQLModel keeps it in memory
        cls.fields[node.target.id] = v.FieldOf(node.annotation, value, node)
        if node.value is not None:
            frame.names[node.target.id] = value
        return
    if is_outside(value):
        value = run.promised(node.annotation, frame, request=False) or value
    if node.value is not None or isinstance(node.target, ast.Name | ast.Attribute):
        assign(run, node.target, value, frame, node)


def is_outside(values: v.Values) -> bool:
    """Return whether only an annotation can say more; None stands for what comes later. A thread has a place of its own."""
    return all(
        isinstance(atom, v.External)
        or (isinstance(atom, v.Made) and atom.name not in v.STARTED)
        or atom == v.Const(None)
        for atom in values
    )


def _origin(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def _last(node: ast.expr) -> str:
    """Return the name of a decorator or base, called or not."""
    while isinstance(node, ast.Call):
        node = node.func
    return v.last_name(node)


def execute_import(run: Machine, node: ast.Import | ast.ImportFrom, frame: v.Frame) -> None:
    """Bind what an import statement binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            found = _module(run, alias.name, frame)
            if found == v.one(v.External(alias.name)) and run.project.lacks(alias.name, frame.module.path):
                run.notes.append((frame.module.path, node.lineno, f"imports {alias.name}, which the tree lacks"))
            if alias.asname:
                frame.names[alias.asname] = found
            else:
                first = alias.name.split(".", 1)[0]
                frame.names[first] = _module(run, first, frame)
        return
    source = node.module or ""
    path = (
        run.project.relative(frame.module.path, node.level, source)
        if node.level
        else run.project.find(source, frame.module.path)
    )
    if path is None and not node.level and run.project.lacks(source, frame.module.path):
        run.notes.append((frame.module.path, node.lineno, f"imports {source}, which the tree lacks"))
    for alias in node.names:
        if alias.name == "*":
            _star(run, path, frame)
        else:
            frame.names[alias.asname or alias.name] = _member(run, path, node, alias.name, frame)


def _module(run: Machine, dotted: str, frame: v.Frame) -> v.Values:
    path = run.project.find(dotted, frame.module.path)
    module = run.module(path) if path else None
    return v.one(v.ModuleRef(module)) if module else v.one(v.External(dotted))


def _member(run: Machine, path: Path | None, node: ast.ImportFrom, name: str, frame: v.Frame) -> v.Values:
    source = "." * node.level + (node.module or "")
    if path is not None:
        module = run.module(path)
        if module is None:
            return v.one(v.External(f"{source}.{name}"))
        return run.member_of(module, name) or v.one(v.External(f"{source}.{name}"))
    folder = run.project.folder(node.module or "", frame.module.path, node.level) if source else None
    inner = run.project.beside(folder, name) if folder else None
    module = run.module(inner) if inner else None
    return v.one(v.ModuleRef(module)) if module else run.known.named(source, name)


def _star(run: Machine, path: Path | None, frame: v.Frame) -> None:
    module = run.module(path) if path else None
    if module is None or module.frame is None:
        return
    frame.names.update({name: value for name, value in module.frame.names.items() if not name.startswith("_")})
