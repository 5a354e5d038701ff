"""Definitions: functions with their decorators, classes with their fields, annotated names."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import routes
from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    ClassRef,
    Const,
    External,
    Func,
    Made,
    Registering,
    Values,
    one,
    text_of,
)  # fmt: skip
from scripts.commands.crosswalk.audit.expressions import evaluate
from scripts.commands.crosswalk.audit.scope import Class, FieldOf, Frame
from scripts.commands.crosswalk.audit.written import last_name

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

TASK_DECORATORS = frozenset({"task", "shared_task", "actor", "periodic_task", "db_task"})
JOB_DECORATORS = frozenset({"scheduled_job", "repeat_every", "repeat_at", "on_schedule", "cron", "crontab"})


def function(run: "Interpreter", node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
    """Makes the function, then applies its decorators from the inside out."""
    made = run.function_at(node, frame, node.name)
    if node.decorator_list and not made.decorators:
        made.decorators = frozenset(_last(decorator) for decorator in node.decorator_list)
        made.task = bool(made.decorators & TASK_DECORATORS)
        made.job = bool(made.decorators & JOB_DECORATORS)
    frame.names[node.name] = one(Func(made))
    for decorator in reversed(node.decorator_list):
        for atom in evaluate(run, decorator, frame):
            if isinstance(atom, Registering):
                run.routing.add(atom, one(Func(made)), run.place(node, frame))
            elif isinstance(atom, Made) and atom.name.startswith("huey."):
                made.sent = made.task


def klass(run: "Interpreter", node: ast.ClassDef, frame: Frame) -> None:
    """Executes a class body and keeps its fields."""
    bases = tuple(evaluate(run, _origin(base), frame) for base in node.bases)
    body = Frame(frame.module, {}, parent=frame, depth=frame.depth, function=frame.function)
    cls = run.classes.get(id(node)) or Class(node.name, frame.module, body)
    run.defined(node, cls)
    cls.frame, cls.bases, body.cls = body, bases, cls
    cls.parameters = tuple(
        evaluate(run, part, frame)
        for base in node.bases
        if isinstance(base, ast.Subscript)
        for part in (base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice])
    )
    cls.keywords = {word.arg: evaluate(run, word.value, frame) for word in node.keywords if word.arg}
    frame.names[node.name] = one(ClassRef(cls))
    from scripts.commands.crosswalk.audit.statements import block  # noqa: PLC0415

    block(run, node.body, body)
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                value = body.names.get(target.id, UNKNOWN)
                if routes.is_column(value):
                    cls.fields.setdefault(target.id, FieldOf(None, value, statement))
    cls.table = text_of(body.names.get("__tablename__", UNKNOWN)) or ""
    if cls.is_model:
        run.known.model(cls)
    for decorator in reversed(node.decorator_list):
        for atom in evaluate(run, decorator, frame):
            if isinstance(atom, Registering):
                run.routing.add_class(atom, cls, run.place(node, frame))


def annotated(run: "Interpreter", node: ast.AnnAssign, frame: Frame) -> None:
    """``name: type = value``: a name, and in a class body a field."""
    from scripts.commands.crosswalk.audit.statements import assign  # noqa: PLC0415

    value = evaluate(run, node.value, frame) if node.value is not None else UNKNOWN
    if isinstance(node.target, ast.Name) and frame.cls is not None:
        cls = frame.cls
        if any(isinstance(atom, Made) and atom.name.endswith("PrivateAttr") for atom in value):
            return  # no column: SQLModel keeps it in memory
        cls.fields[node.target.id] = FieldOf(node.annotation, value, node)
        if node.value is not None:
            frame.names[node.target.id] = value
        return
    if is_outside(value):
        from scripts.commands.crosswalk.audit.binding import promised  # noqa: PLC0415

        value = promised(run, node.annotation, frame, request=False) or value
    if node.value is not None or isinstance(node.target, ast.Name):
        assign(run, node.target, value, frame, node)


def is_outside(values: Values) -> bool:
    """Whether nothing of the tree is known of it, so that an annotation knows more; None stands for what comes later."""
    return all(isinstance(atom, External | Made) or atom == Const(None) for atom in values)


def _origin(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def _last(node: ast.expr) -> str:
    """The name of a decorator or base, called or not."""
    while isinstance(node, ast.Call):
        node = node.func
    return last_name(node)


def is_schema_base(values: Values) -> bool:
    """Whether a base is a schema's."""
    return any(isinstance(atom, External | Made) and atom.name.endswith("BaseModel") for atom in values)
