"""Making routers and registering routes: FastAPI, Starlette, Flask (and its extensions), Powertools."""

import ast
from dataclasses import replace

from scripts.commands.crosswalk.audit import routes
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.routes import Include, RouterInfo, framework_of

LIKELY = ("router", "app", "api", "blueprint", "bp", "blp", "ns", "namespace")
REGISTERING = frozenset({"add_url_rule", "add_api_route", "include_router", "register_blueprint"})
DECORATORS = frozenset({*v.METHODS, "route", "api_route"})


def call(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:  # noqa: C901
    """Return what a call gives that makes a router, registers, or names a dependency; None for any other."""
    for dotted in call.externals:
        if isinstance(call.node.func, ast.Attribute) and any(isinstance(o, v.Made) for o in call.owners):
            continue
        if framework := framework_of(dotted):
            return made(run, framework, call, frame)
        last = dotted.rsplit(".", 1)[-1]
        if last in ("Depends", "Security"):
            return v.one(v.Dependency(call.arguments.get(0, "dependency", "use_cache")))
        if last == "expose" and dotted.startswith(("flask_appbuilder.", "flask_admin.")):
            return _exposed(run, dotted, call, frame)
        if last in ("Route", "Mount") and dotted.startswith("starlette"):
            return _starlette(run, last, call, frame)
    owners = [atom for atom in call.owners if isinstance(atom, v.Router)]
    if not owners and _is_likely(call):
        owners = [_implied(run, call, frame)]
    if own := _own_method(owners, call.name):
        router, function = own
        return run.absorb(run.call(function, v.one(router), call.arguments), function.qualified, frame)
    if owners:
        return v.join(*(_on_router(run, owner, call, frame) for owner in owners))
    for atom in call.callees:
        if isinstance(atom, v.Registering):
            run.routing.register(atom, call.arguments.get(0))
            return call.arguments.get(0)
    if call.name == "as_view" and any(isinstance(atom, v.ClassRef) for atom in call.owners):
        return v.Values(atom for atom in call.owners if isinstance(atom, v.ClassRef))
    return None


def by_helper(run: Machine, decorator: ast.expr, frame: v.Frame) -> v.Values:
    """Evaluate ``@protected(router.get, "/path")``: what a decorator registers that gets a router's method and a
    path.
    """
    if not isinstance(decorator, ast.Call):
        return v.UNKNOWN
    given = [run.evaluate(part, frame) for part in [*decorator.args, *(word.value for word in decorator.keywords)]]
    path = next((path for value in given if (path := routes.path_of(value)) is not None), "")
    methods = [atom for value in given for atom in value if isinstance(atom, v.RouterMethod)]
    return v.Values(v.Registering(atom.router, path, (atom.method.upper(),), v.UNKNOWN) for atom in methods)


def _own_method(owners: list[v.Router], name: str) -> tuple[v.Router, v.Function] | None:
    """Return the method of that name which the tree's own subclass of a router defines."""
    for router in owners:
        for atom in router.cls.lookup(name) if router.cls else ():
            if isinstance(atom, v.Func):
                return router, atom.function
    return None


def made(run: Machine, framework: str, call: v.Call, frame: v.Frame, cls: v.Class | None = None) -> v.Values:
    """Return a router, known by where it was made."""
    place = run.place(call.node, frame)
    key = f"{place.path}:{place.line}:{place.column}"
    given = call.arguments
    prefix = v.text_of(given.get(-1, "prefix", "url_prefix"))
    if prefix is None:
        prefix = routes.path_of(given.get(-1, "prefix", "url_prefix")) or ""
    dotted = (call.externals or [""])[0]
    if dotted.endswith("Namespace") or call.name == "namespace":
        prefix = v.text_of(given.get(-1, "path")) or "/" + (v.text_of(given.get(0, "name")) or "")
    dependencies, is_app = routes.dependencies_from(given.get(-1, "dependencies")), call.name in routes.APPLICATIONS
    run.routing.routers[key] = RouterInfo(key, framework, prefix, dependencies, is_app)
    for child in _listed(given.get(-1, "routes")):
        run.routing.includes[Include(key, child, "", v.UNKNOWN)] = None
    router = v.one(v.Router(key, cls))
    for function in v.function_in(cls.lookup("__init__")) if cls else ():
        run.absorb(run.call(function, router, given), function.qualified, frame)
    return router


def _exposed(run: Machine, dotted: str, call: v.Call, frame: v.Frame) -> v.Values:
    """Evaluate ``@expose("/path", methods=[…])`` of Flask-AppBuilder and Flask-Admin, in the body of a view."""
    base = next(
        filter(None, (v.text_of(frame.names.get(name, v.UNKNOWN)) for name in ("route_base", "resource_name"))), ""
    )
    path = f"/{base.strip('/')}/{(routes.path_of(call.arguments.get(0, 'url')) or '').lstrip('/')}"
    key = f"{dotted} {frame.module.path}"
    run.routing.routers.setdefault(key, RouterInfo(key, "flask"))
    return v.one(v.Registering(key, path, routes.methods_from(call.arguments.get(1, "methods"), ("GET",)), v.UNKNOWN))


def _listed(values: v.Values) -> list[str]:
    return [
        key for atom in values if isinstance(atom, v.Listing) for item in atom.items for key in routes.routers_in(item)
    ]


def _starlette(run: Machine, kind: str, call: v.Call, frame: v.Frame) -> v.Values:
    place = run.place(call.node, frame)
    key = f"{place.path}:{place.line}:{place.column}"
    given = call.arguments
    path = routes.path_of(given.get(0, "path")) or ""
    run.routing.routers[key] = RouterInfo(key, "starlette", path if kind == "Mount" else "")
    if kind == "Route":
        to = v.Registering(key, path, routes.methods_from(given.get(-1, "methods"), ("GET",)), v.UNKNOWN)
        run.routing.register(to, given.get(1, "endpoint"))
    else:
        for child in [*_listed(given.get(-1, "routes")), *routes.routers_in(given.get(1, "app"))]:
            run.routing.includes[Include(key, child, "", v.UNKNOWN)] = None
    return v.one(v.Router(key))


def _is_likely(call: v.Call) -> bool:
    """Return whether a router that the tree does not contain is meant: ``@app.get("/path")``."""
    if call.name not in REGISTERING | DECORATORS:
        return False
    source = call.owner_source.rsplit(".", 1)[-1].lower()
    if not source or any(not isinstance(o, v.External | v.Made) for o in call.owners):
        return False
    likely = source in LIKELY or source.endswith(("_router", "_app", "_api", "_bp", "_blueprint"))
    if call.name in REGISTERING:
        return likely
    path = v.text_of(call.arguments.get(0))
    first_is_path = path is not None and (path.startswith("/") or path == "")
    return likely and first_is_path and len(call.arguments.positional) == 1 and "requests" not in source


def _implied(run: Machine, call: v.Call, frame: v.Frame) -> v.Router:
    names = [atom.name for atom in call.owners if isinstance(atom, v.External)]
    key = f"{routes.IMPLIED}{names[0] if names else f'{frame.module.path}:{call.owner_source}'}"
    run.routing.routers.setdefault(key, RouterInfo(key, "fastapi"))
    return v.Router(key)


def _on_router(run: Machine, router: v.Router, call: v.Call, frame: v.Frame) -> v.Values:  # noqa: C901
    given = call.arguments
    info = run.routing.routers.get(router.key) or RouterInfo(router.key, "fastapi")
    match call.name:
        case name if name in (*v.METHODS, "route", "api_route", "resolver"):
            return v.one(_registering(router, info, call))
        case "add_api_route" | "add_route" | "add_url_rule":
            _added(run, router, call)
        case "add_resource":
            for rule in given.positional[1:]:
                to = v.Registering(router.key, routes.path_of(rule) or "", ("GET",), v.UNKNOWN)
                run.routing.register(to, given.get(0))
        case "include_router" | "register_blueprint" | "add_namespace" | "mount" | "init_app":
            _included(run, router, call)
        case "__init__":  # super().__init__(prefix="/pages") of a subclass
            run.routing.routers[router.key] = replace(
                info,
                prefix=routes.path_of(given.get(-1, "prefix", "url_prefix")) or info.prefix,
                dependencies=routes.dependencies_from(given.get(-1, "dependencies")) or info.dependencies,
            )
        case "namespace":  # Flask-RESTX: api.namespace("pages")
            namespace = made(run, info.framework, call, frame)
            for space in routes.routers_in(namespace):
                run.routing.includes[Include(router.key, space, None, v.UNKNOWN)] = None
            return namespace
        case "include_routers":
            for child in _listed(given.get(0)):
                run.routing.includes[Include(router.key, child, "", v.UNKNOWN)] = None
        case _:
            return v.UNKNOWN
    return v.UNKNOWN


def _registering(router: v.Router, info: RouterInfo, call: v.Call) -> v.Registering:
    """Return the decorator that ``@router.get("/path")``, ``@router.route("/path")`` or ``@app.resolver(…)`` makes."""
    given = call.arguments
    path = routes.path_of(given.get(0, "path", "rule")) or ""
    dependencies = routes.dependencies_from(given.get(-1, "dependencies"))
    if call.name in v.METHODS:
        return v.Registering(router.key, path, (call.name.upper(),), dependencies)
    if call.name == "resolver":  # AppSync: a field of a type
        parent = v.text_of(given.get(0, "type_name")) or "Query"
        return v.Registering(
            router.key, f"{parent}.{v.text_of(given.get(1, 'field_name')) or '…'}", ("APPSYNC",), v.UNKNOWN
        )
    methods = routes.methods_from(given.get(-1, "methods", "method"), ("GET",))
    if len(given.positional) > 1 and info.framework == "powertools":
        methods = routes.methods_from(given.get(1), methods)
    return v.Registering(router.key, path, methods, dependencies)


def _added(run: Machine, router: v.Router, call: v.Call) -> None:
    given = call.arguments
    path = routes.path_of(given.get(0, "path", "rule")) or ""
    flask = call.name == "add_url_rule"
    endpoint = given.get(2 if flask else 1, "view_func" if flask else "endpoint", "route")
    methods = routes.methods_from(given.get(-1, "methods"), ("GET",))
    dependencies = routes.dependencies_from(given.get(-1, "dependencies"))
    to = v.Registering(router.key, path, methods, dependencies)
    for atom in endpoint:
        if isinstance(atom, v.Func | v.ClassRef):
            run.routing.register(to, v.one(atom))


def _included(run: Machine, router: v.Router, call: v.Call) -> None:
    given = call.arguments
    position = 1 if call.name == "mount" else 0
    child = given.get(position, "router", "blueprint", "ns", "app")
    prefix: str | None = routes.path_of(given.get(0 if call.name == "mount" else 1, "prefix", "url_prefix", "path"))
    if call.name == "add_namespace" and prefix is None:
        prefix = None
    dependencies = routes.dependencies_from(given.get(-1, "dependencies"))
    for key in routes.routers_in(child):
        run.routing.includes[Include(router.key, key, prefix, dependencies)] = None
