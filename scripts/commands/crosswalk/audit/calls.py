"""Calls: of functions and classes of the tree, which are followed, and of what is outside, which is known by name."""

import ast
import re
import sys

from scripts.commands.crosswalk.audit import attributes, models, outside, registration, starts, writes
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import LeavesTree
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.project import FRAMEWORKS
from scripts.commands.crosswalk.audit.routes import is_router_class


def evaluate_call(run: Machine, node: ast.Call, frame: v.Frame) -> v.Values:
    """Return what a call gives; its effects go to ``frame``."""
    owners: v.Values = v.UNKNOWN
    guessed: v.Values = v.UNKNOWN
    if isinstance(node.func, ast.Attribute):
        inherited = _inherited(node.func, frame)
        owners = v.UNKNOWN if inherited else _super_router(node.func, frame) or run.evaluate(node.func.value, frame)
        callees = inherited or attributes.of(run, owners, node.func.attr, frame)
        name = node.func.attr
        if not inherited and _is_untold(owners):
            guessed = run.named_like(node.func.value, name)
            callees = guessed or callees
    else:
        callees = run.evaluate(node.func, frame)
        real = [atom.name.rsplit(".", 1)[-1] for atom in callees if isinstance(atom, v.External)]  # under an alias
        name = real[0] if real else node.func.id if isinstance(node.func, ast.Name) else ""
    if frame.function is not None:
        run.calls[id(node)] = run.calls.get(id(node), False) or bool(callees or owners)
    before = len(frame.effects)
    arguments = _arguments(run, node, frame)
    call = v.Call(node, name, owners, callees, arguments, before)
    routed = registration.call(run, call, frame)
    if routed is not None:
        return routed
    started = starts.call(run, call, frame)
    if started is not None:
        return started
    done = len(frame.effects)
    found = [_one(run, atom, call, frame) for atom in callees]
    if guessed:
        writes.mark_guessed(frame, done)
    if call.is_foreign:
        found.append(outside.method(run, call, frame))
    return v.join(*found)


def _is_untold(owners: v.Values) -> bool:
    """Return whether nothing says what object it is: it came without a type, or from an application's state."""
    return all(isinstance(atom, v.Made) and (".state." in atom.name or "current_app" in atom.name) for atom in owners)


def _arguments(run: Machine, node: ast.Call, frame: v.Frame) -> v.Arguments:
    arguments = v.Arguments(nodes=node.args)
    for part in node.args:
        value = run.evaluate(part, frame)
        if isinstance(part, ast.Starred):
            spread = [item for atom in value if isinstance(atom, v.Listing) for item in atom.items]
            arguments.positional.extend(spread)
            arguments.open = arguments.open or not spread
        else:
            arguments.positional.append(value)
    for word in node.keywords:
        value = run.evaluate(word.value, frame)
        if word.arg:
            arguments.keywords[word.arg] = value
            continue
        entries = [entry for atom in value if isinstance(atom, v.Mapping) for entry in atom.items]
        arguments.open = arguments.open or not entries
        for key, inner in entries:
            arguments.keywords.update(
                {atom.value: inner for atom in key if isinstance(atom, v.Const) and isinstance(atom.value, str)}
            )
    return arguments


def _inherited(func: ast.Attribute, frame: v.Frame) -> v.Values:
    """Evaluate ``super().method``."""
    match func.value:
        case ast.Call(func=ast.Name(id="super")):
            function, receiver = frame.function, None
            if function is None or function.cls is None:
                return v.UNKNOWN
            spec = function.node.args
            if named := [*spec.posonlyargs, *spec.args]:
                receiver = next(iter(frame.names.get(named[0].arg, v.UNKNOWN)), None)
            for cls in function.cls.ancestry()[1:]:
                if func.attr in cls.frame.names:
                    return v.Values(
                        v.Func(atom.function, receiver) if isinstance(atom, v.Func) else atom
                        for atom in cls.frame.names[func.attr]
                    )
    return v.UNKNOWN


def _super_router(func: ast.Attribute, frame: v.Frame) -> v.Values:
    """Evaluate ``super().add_resource`` in a subclass of a router: the router without that subclass."""
    function = frame.function
    match func.value:
        case ast.Call(func=ast.Name(id="super")) if function is not None and function.node.args.args:
            own = frame.names.get(function.node.args.args[0].arg, v.UNKNOWN)
            return v.Values(v.Router(atom.key) for atom in own if isinstance(atom, v.Router))
        case _:
            return v.UNKNOWN


def _one(run: Machine, atom: v.Atom, call: v.Call, frame: v.Frame) -> v.Values:
    match atom:
        case v.Func(function, receiver):
            return follow(run, function, receiver, call, frame)
        case v.Partial(inner):
            summary = run.call(*v.called(atom, call.arguments))
            return run.absorb(summary, inner.function.qualified, frame)
        case v.ClassRef(cls):
            return construct(run, cls, call, frame)
        case v.Instance(cls):
            for method in cls.lookup("__call__"):
                if isinstance(method, v.Func):
                    return follow(run, method.function, atom, call, frame)
            return v.one(atom)  # a container's provider gives its object
        case v.External(name):
            return _external(run, name, call, frame)
        case v.Made(name) if name.rsplit(".", 1)[-1] in outside.ALSO_ON_OBJECTS:
            return outside.function(run, name, call, frame)  # Flask-SQLAlchemy's db.Column, db.select
        case _:
            return v.UNKNOWN


def _external(run: Machine, name: str, call: v.Call, frame: v.Frame) -> v.Values:
    if run.known.vocabulary.is_job(name):
        starts.effect(run, frame, call.node, "job", f"{name}()")
        return v.UNKNOWN
    if _is_queue_like(name):
        frame.effects.append(LeavesTree(run.place(call.node, frame), methods=frame.methods, what=name))
    if name.startswith("dependency_injector.providers."):
        return _provided(run, call, frame)
    return outside.function(run, name, call, frame)


def _provided(run: Machine, call: v.Call, frame: v.Frame) -> v.Values:
    """Evaluate ``providers.Factory(Class, …)``: the object that the container will make, or a function."""
    given = v.Arguments(call.arguments.positional[1:], call.arguments.keywords)
    inner = v.Call(call.node, call.name, call.owners, call.callees, given, call.before)
    made = [
        construct(run, atom.cls, inner, frame) if isinstance(atom, v.ClassRef) else v.one(atom)
        for atom in call.arguments.get(0)
    ]
    return v.join(*made)


QUEUE_LIKE = re.compile(r"(^|_)(queue|enqueue|dispatch|publish|submit|schedule|defer|spawn|trigger)(_|$)")


def _is_queue_like(dotted: str) -> bool:
    """Return whether a function from outside may hand work to a queue that the audit does not know."""
    package, _, last = dotted.partition(".")
    known = package in FRAMEWORKS or package in sys.stdlib_module_names or package == "builtins"
    return not known and QUEUE_LIKE.search(last.rsplit(".", 1)[-1]) is not None


def follow(run: Machine, function: v.Function, receiver: v.Atom | None, call: v.Call, frame: v.Frame) -> v.Values:
    """Follow a call into the tree; a job is not followed as the router's own doing."""
    if function.job or run.known.is_job(function):
        starts.effect(run, frame, call.node, "job", f"{function.qualified}()")
        starts.defer(run, v.one(v.Func(function, receiver)), call.arguments, frame)
        return v.UNKNOWN
    summary = run.call(function, v.one(receiver) if receiver else v.UNKNOWN, call.arguments)
    return run.absorb(summary, function.qualified, frame)


def construct(run: Machine, cls: v.Class, call: v.Call, frame: v.Frame) -> v.Values:
    """Evaluate ``Class(…)``: an enum's member, a row, an object."""
    if cls.is_enum:
        return models.members_valued(cls, call.arguments.get(0))
    enums = [
        atom for value in call.arguments.all() for atom in value if isinstance(atom, v.ClassRef) and atom.cls.is_enum
    ]
    if enums and "TypeDecorator" in cls.outside_bases():
        return v.one(v.ColumnType(enum=enums[0].cls))
    if cls.is_model:
        writes.keywords(run, cls, call.arguments.keywords, frame, call.node, "constructor")
        return v.one(v.About(cls, new=True))
    if framework := is_router_class(cls):
        return registration.made(run, framework, call, frame, cls)
    # One object for what it was made with: routes make their services alike. One that is filled later has its place, too:
    # a table's rows are often made by one helper.
    passed = call.arguments.all()
    is_alike = passed and "__init__" in cls.frame.names and not cls.is_filled
    place = () if is_alike else (frame.module.path, call.node.lineno, call.node.col_offset)
    key = hash((*place, *passed, *call.arguments.keywords)) or 1
    made = run.made(cls, call.arguments, key, frame)
    given = {name: value for name, value in call.arguments.keywords.items() if name in cls.all_fields()}
    given |= {outside.UNNAMED: v.UNKNOWN} if call.arguments.open else {}
    for name, value in given.items():
        for atom in made:
            if isinstance(atom, v.Instance):
                run.set_attribute(atom, name, value)
    return made
