"""Making routers and registering routes: FastAPI, Starlette, Flask (and its extensions), Powertools."""

import ast

from scripts.commands.crosswalk.audit import routes
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.routes import Include, RouterInfo, framework_of
from scripts.commands.crosswalk.audit.values import (
    METHODS,
    UNKNOWN,
    Call,
    Class,
    ClassRef,
    Dependency,
    External,
    Frame,
    Func,
    Function,
    Listing,
    Made,
    Registering,
    Router,
    RouterMethod,
    Values,
    join,
    one,
    text_of,
)

LIKELY = ("router", "app", "api", "blueprint", "bp", "blp", "ns", "namespace")
REGISTERING = frozenset({"add_url_rule", "add_api_route", "include_router", "register_blueprint"})
DECORATORS = frozenset({*METHODS, "route", "api_route"})


def call(run: Machine, call: Call, frame: Frame) -> Values | None:  # noqa: C901
    """Return what a call gives when it makes a router, registers something, or names a dependency; None for any
    other call.
    """
    for dotted in call.externals:
        if isinstance(call.node.func, ast.Attribute) and any(isinstance(o, Made) for o in call.owners):
            continue
        if framework := framework_of(dotted):
            return made(run, framework, call, frame)
        last = dotted.rsplit(".", 1)[-1]
        if last in ("Depends", "Security"):
            return one(Dependency(call.arguments.get(0, "dependency", "use_cache")))
        if last in ("Route", "Mount") and dotted.startswith("starlette"):
            return _starlette(run, last, call, frame)
    owners = [atom for atom in call.owners if isinstance(atom, Router)]
    if not owners and _is_likely(call):
        owners = [_implied(run, call, frame)]
    if own := _own_method(owners, call.name):
        router, function = own
        return run.absorb(run.call(function, one(router), call.arguments), function.qualified, frame)
    if owners:
        return join(*(_on_router(run, owner, call, frame) for owner in owners))
    for atom in call.callees:
        if isinstance(atom, Registering):
            run.routing.register(atom, call.arguments.get(0))
            return call.arguments.get(0)
    if call.name == "as_view" and any(isinstance(atom, ClassRef) for atom in call.owners):
        return Values(atom for atom in call.owners if isinstance(atom, ClassRef))
    return None


def by_helper(run: Machine, decorator: ast.expr, frame: Frame) -> Values:
    """Evaluate ``@protected(router.get, "/path")``: what a decorator registers that gets a router's method and a
    path.
    """
    if not isinstance(decorator, ast.Call):
        return UNKNOWN
    given = [run.evaluate(part, frame) for part in [*decorator.args, *(word.value for word in decorator.keywords)]]
    path = next((path for value in given if (path := routes.path_of(value)) is not None), "")
    methods = [atom for value in given for atom in value if isinstance(atom, RouterMethod)]
    return Values(Registering(atom.router, path, (atom.method.upper(),), UNKNOWN) for atom in methods)


def _own_method(owners: list[Router], name: str) -> tuple[Router, Function] | None:
    """Return the method of that name which the tree's own subclass of a router defines."""
    for router in owners:
        for atom in router.cls.lookup(name) if router.cls else ():
            if isinstance(atom, Func):
                return router, atom.function
    return None


def made(run: Machine, framework: str, call: Call, frame: Frame, cls: Class | None = None) -> Values:
    """Return a router, known by where it was made."""
    place = run.place(call.node, frame)
    key = f"{place.path}:{place.line}:{place.column}"
    given = call.arguments
    prefix = text_of(given.get(-1, "prefix", "url_prefix"))
    if prefix is None:
        prefix = routes.path_of(given.get(-1, "prefix", "url_prefix")) or ""
    dotted = (call.externals or [""])[0]
    if dotted.endswith("Namespace") or call.name == "namespace":
        prefix = text_of(given.get(-1, "path")) or "/" + (text_of(given.get(0, "name")) or "")
    run.routing.routers[key] = RouterInfo(
        key, framework, prefix, routes.dependencies_from(given.get(-1, "dependencies"))
    )
    for child in _listed(given.get(-1, "routes")):
        run.routing.includes[Include(key, child, "", UNKNOWN)] = None
    return one(Router(key, cls))


def _listed(values: Values) -> list[str]:
    return [
        key for atom in values if isinstance(atom, Listing) for item in atom.items for key in routes.routers_in(item)
    ]


def _starlette(run: Machine, kind: str, call: Call, frame: Frame) -> Values:
    place = run.place(call.node, frame)
    key = f"{place.path}:{place.line}:{place.column}"
    given = call.arguments
    path = routes.path_of(given.get(0, "path")) or ""
    run.routing.routers[key] = RouterInfo(key, "starlette", path if kind == "Mount" else "")
    if kind == "Route":
        to = Registering(key, path, routes.methods_from(given.get(-1, "methods"), ("GET",)), UNKNOWN)
        run.routing.register(to, given.get(1, "endpoint"))
    else:
        for child in [*_listed(given.get(-1, "routes")), *routes.routers_in(given.get(1, "app"))]:
            run.routing.includes[Include(key, child, "", UNKNOWN)] = None
    return one(Router(key))


def _is_likely(call: Call) -> bool:
    """Return whether a router that the tree does not contain is meant: ``@app.get("/path")``."""
    source = call.owner_source.rsplit(".", 1)[-1].lower()
    if not source or any(not isinstance(o, External | Made) for o in call.owners):
        return False
    likely = source in LIKELY or source.endswith(("_router", "_app", "_api", "_bp", "_blueprint"))
    if call.name in REGISTERING:
        return likely
    if call.name not in DECORATORS:
        return False
    path = text_of(call.arguments.get(0))
    first_is_path = path is not None and (path.startswith("/") or path == "")
    return likely and first_is_path and len(call.arguments.positional) == 1 and "requests" not in source


def _implied(run: Machine, call: Call, frame: Frame) -> Router:
    names = [atom.name for atom in call.owners if isinstance(atom, External)]
    key = f"{routes.IMPLIED}{names[0] if names else f'{frame.module.path}:{call.owner_source}'}"
    run.routing.routers.setdefault(key, RouterInfo(key, "fastapi"))
    return Router(key)


def _on_router(run: Machine, router: Router, call: Call, frame: Frame) -> Values:
    given = call.arguments
    info = run.routing.routers.get(router.key) or RouterInfo(router.key, "fastapi")
    match call.name:
        case name if name in (*METHODS, "route", "api_route", "resolver"):
            return one(_registering(router, info, call))
        case "add_api_route" | "add_route" | "add_url_rule":
            _added(run, router, call)
        case "add_resource":
            for rule in given.positional[1:]:
                to = Registering(router.key, routes.path_of(rule) or "", ("GET",), UNKNOWN)
                run.routing.register(to, given.get(0))
        case "include_router" | "register_blueprint" | "add_namespace" | "mount" | "init_app":
            _included(run, router, call)
        case "namespace":  # Flask-RESTX: api.namespace("pages")
            namespace = made(run, info.framework, call, frame)
            for space in routes.routers_in(namespace):
                run.routing.includes[Include(router.key, space, None, UNKNOWN)] = None
            return namespace
        case "include_routers":
            for child in _listed(given.get(0)):
                run.routing.includes[Include(router.key, child, "", UNKNOWN)] = None
        case _:
            return UNKNOWN
    return UNKNOWN


def _registering(router: Router, info: RouterInfo, call: Call) -> Registering:
    """Return the decorator that ``@router.get("/path")``, ``@router.route("/path")`` or ``@app.resolver(…)`` makes."""
    given = call.arguments
    path = routes.path_of(given.get(0, "path", "rule")) or ""
    dependencies = routes.dependencies_from(given.get(-1, "dependencies"))
    if call.name in METHODS:
        return Registering(router.key, path, (call.name.upper(),), dependencies)
    if call.name == "resolver":  # AppSync: a field of a type
        parent = text_of(given.get(0, "type_name")) or "Query"
        return Registering(router.key, f"{parent}.{text_of(given.get(1, 'field_name')) or '…'}", ("APPSYNC",), UNKNOWN)
    methods = routes.methods_from(given.get(-1, "methods", "method"), ("GET",))
    if len(given.positional) > 1 and info.framework == "powertools":
        methods = routes.methods_from(given.get(1), methods)
    return Registering(router.key, path, methods, dependencies)


def _added(run: Machine, router: Router, call: Call) -> None:
    given = call.arguments
    path = routes.path_of(given.get(0, "path", "rule")) or ""
    flask = call.name == "add_url_rule"
    endpoint = given.get(2 if flask else 1, "view_func" if flask else "endpoint", "route")
    methods = routes.methods_from(given.get(-1, "methods"), ("GET",))
    dependencies = routes.dependencies_from(given.get(-1, "dependencies"))
    to = Registering(router.key, path, methods, dependencies)
    for atom in endpoint:
        if isinstance(atom, Func | ClassRef):
            run.routing.register(to, one(atom))


def _included(run: Machine, router: Router, call: Call) -> None:
    given = call.arguments
    position = 1 if call.name == "mount" else 0
    child = given.get(position, "router", "blueprint", "ns", "app")
    prefix: str | None = routes.path_of(given.get(0 if call.name == "mount" else 1, "prefix", "url_prefix", "path"))
    if call.name == "add_namespace" and prefix is None:
        prefix = None
    dependencies = routes.dependencies_from(given.get(-1, "dependencies"))
    for key in routes.routers_in(child):
        run.routing.includes[Include(router.key, key, prefix, dependencies)] = None
