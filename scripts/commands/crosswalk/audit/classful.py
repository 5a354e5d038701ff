"""Flask-Classful: ``View.register(app)`` makes a route of every public method of the class.

``index``, ``get``, ``post``, ``put``, ``patch`` and ``delete`` are what they say; ``@route("/rule", methods=[…])`` says it
itself; any other method is a GET under its own name (Flask-Classful's documentation, "Special method names").
"""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import routes
from scripts.commands.crosswalk.audit.atoms import UNKNOWN, ClassRef, Func, Instance, Registering, Values, one, text_of
from scripts.commands.crosswalk.audit.routes import RouterInfo
from scripts.commands.crosswalk.audit.scope import Class, Frame, Function

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

SPECIAL = {
    "index": ("GET", "/"),
    "get": ("GET", "/<id>"),
    "post": ("POST", "/"),
    "put": ("PUT", "/<id>"),
    "patch": ("PATCH", "/<id>"),
    "delete": ("DELETE", "/<id>"),
}
NOT_ROUTES = frozenset({"before_request", "after_request", "register", "property", "classmethod", "staticmethod"})


def registered(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """What ``View.register(…)`` registers; None when it is no such call."""
    views = [atom.cls for atom in call.owners if isinstance(atom, ClassRef) and "FlaskView" in atom.cls.outside_bases()]
    if call.name != "register" or not views:
        return None
    for cls in views:
        for key in routes.routers_in(call.arguments.get(0, "app")) or [_any_app(run)]:
            _of_class(run, key, cls, call, frame)
    return UNKNOWN


def _any_app(run: "Interpreter") -> str:
    """An app that is not known: a parameter of ``register_at(app)``."""
    key = f"{routes.IMPLIED}flask"
    run.routing.routers.setdefault(key, RouterInfo(key, "flask"))
    return key


def _of_class(run: "Interpreter", key: str, cls: Class, call: "Call", frame: Frame) -> None:
    base = text_of(call.arguments.get(-1, "route_base"))
    if base is None:
        base = text_of(cls.lookup("route_base"))
    if base is None:
        base = cls.name.lower().removesuffix("view")
    prefix = text_of(call.arguments.get(-1, "route_prefix")) or text_of(cls.lookup("route_prefix")) or ""
    seen: set[str] = set()
    for ancestor in cls.ancestry():
        for name, value in ancestor.frame.names.items():
            if name in seen or name.startswith(("_", "before_", "after_")):
                continue
            for atom in value:
                if isinstance(atom, Func) and not atom.function.decorators & NOT_ROUTES:
                    seen.add(name)
                    for methods, rule in _rules(atom.function):
                        path = "/".join(["", *(part.strip("/") for part in (prefix, base, rule) if part.strip("/"))])
                        to = Registering(key, path, methods, UNKNOWN)
                        run.routing.register(to, one(Func(atom.function, Instance(cls))), run.place(call.node, frame))


def _rules(function: Function) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(function.node, ast.Lambda):
        return []
    found = [_rule_of(decorator) for decorator in function.node.decorator_list]
    rules = [rule for rule in found if rule is not None]
    if rules:
        return rules
    if function.name in SPECIAL:
        method, rule = SPECIAL[function.name]
        return [((method,), rule)]
    return [(("GET",), f"/{function.name}")]


def _rule_of(decorator: ast.expr) -> tuple[tuple[str, ...], str] | None:
    """What ``@route("/rule", methods=["POST"])`` says."""
    match decorator:
        case ast.Call(
            func=ast.Name(id="route") | ast.Attribute(attr="route"), args=[ast.Constant(value=str(rule)), *_]
        ):
            listed = next((word.value for word in decorator.keywords if word.arg == "methods"), None)
            parts = listed.elts if isinstance(listed, ast.List | ast.Tuple | ast.Set) else []
            methods = tuple(str(part.value).upper() for part in parts if isinstance(part, ast.Constant))
            return methods or ("GET",), rule
        case _:
            return None
