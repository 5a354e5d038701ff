"""Routers and routes: what is registered where, and under which full paths."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Place

MAKERS = {maker: framework for framework, makers in {
    "fastapi": "APIRouter FastAPI InferringRouter",
    "starlette": "Starlette",
    "flask": "Flask Quart APIFlask OpenAPI Blueprint APIBlueprint Namespace Api",
    "powertools": "APIGatewayHttpResolver APIGatewayRestResolver ApiGatewayResolver ALBResolver "
    "LambdaFunctionUrlResolver VPCLatticeResolver VPCLatticeV2Resolver",
    "appsync": "AppSyncResolver",
}.items() for maker in makers.split()}  # fmt: skip
ROUTER_PACKAGES = {"aws_lambda_powertools": "powertools", "starlette": "starlette", "fastapi": "fastapi"}
IMPLIED = "implied "
"""How the key of a router begins that the tree does not contain."""


@dataclass(slots=True)
class RouterInfo:
    """A router: its own prefix, and what runs before each of its routes."""

    key: str
    framework: str
    prefix: str = ""
    dependencies: v.Values = v.UNKNOWN
    is_app: bool = False  #: an application of its own, served by a process of its own unless it is mounted


@dataclass(frozen=True, slots=True)
class Include:
    """``parent.include_router(child, prefix=…)``. A given prefix may replace the child's own (Flask)."""

    parent: str
    child: str
    prefix: str | None
    dependencies: v.Values


@dataclass(frozen=True, slots=True)
class Registered:
    """A route as it was written at its router."""

    router: str
    methods: tuple[str, ...]
    path: str
    endpoint: v.Values
    dependencies: v.Values
    place: Place


@dataclass(frozen=True, slots=True)
class Route:
    """A route by its full path."""

    methods: tuple[str, ...]
    path: str
    handler: str
    place: Place
    endpoint: v.Values
    dependencies: tuple[v.Values, ...]
    app: str = ""  #: the key of the application that serves it; empty when it is not known

    @property
    def name(self) -> str:
        """Evaluate ``POST /domains/{id}``."""
        return f"{','.join(self.methods)} {self.path}"


@dataclass(slots=True)
class Routing:
    """Everything that was registered."""

    routers: dict[str, RouterInfo] = field(default_factory=dict)
    includes: dict[Include, None] = field(default_factory=dict)
    registered: dict[Registered, None] = field(default_factory=dict)

    def add(self, to: v.Registering, endpoint: v.Values, place: Place) -> None:
        """Return a route on a function."""
        self.registered[Registered(to.router, to.methods, to.path, endpoint, to.dependencies, place)] = None

    def add_class(self, to: v.Registering, cls: v.Class) -> None:
        """Add a route on a class with a method per HTTP method (``MethodView``, ``Resource``, ``HTTPEndpoint``)."""
        for method in v.METHODS:
            for atom in cls.lookup(method):
                if isinstance(atom, v.Func):
                    bound = v.one(v.Func(atom.function, v.Instance(cls)))
                    where = _place_of(atom.function)
                    self.add(v.Registering(to.router, to.path, (method.upper(),), to.dependencies), bound, where)
        if "View" in cls.outside_bases() and not any(cls.lookup(method) for method in v.METHODS):
            self._add_pluggable(to, cls)

    def _add_pluggable(self, to: v.Registering, cls: v.Class) -> None:
        """Flask's pluggable view: ``dispatch_request`` for the class's ``methods``."""
        methods = methods_from(cls.lookup("methods"), to.methods)
        for atom in cls.lookup("dispatch_request"):
            if isinstance(atom, v.Func):
                where = _place_of(atom.function)
                bound = v.one(v.Func(atom.function, v.Instance(cls)))
                self.add(v.Registering(to.router, to.path, methods, to.dependencies), bound, where)

    def register(self, to: v.Registering, endpoint: v.Values) -> None:
        """Add a route on whatever the endpoint is, at the place of its function."""
        for atom in endpoint:
            match atom:
                case v.Func(function):
                    where = _place_of(function)
                    self.add(to, v.one(atom), where)
                case v.ClassRef(cls):
                    self.add_class(to, cls)

    def all(self) -> list[Route]:
        """Return every route by its full paths, in the order of the source."""
        found = []
        known = {_function_of(entry) for entry in self.registered if not entry.router.startswith(IMPLIED)}
        for entry in self.registered:
            if entry.router.startswith(IMPLIED) and _function_of(entry) in known:
                continue  # registered at a router that is known, too
            for prefix, dependencies, app in self._prefixes(entry.router, ()):
                path = re.sub(r"//+", "/", prefix + entry.path) or "/"
                for atom in entry.endpoint:
                    if isinstance(atom, v.Func):
                        name, before = atom.function.qualified, (*dependencies, entry.dependencies)
                        found.append(Route(entry.methods, path, name, entry.place, v.one(atom), before, app))
        unique = {(r.methods, r.path, r.place.path, r.place.line): r for r in found}
        return sorted(unique.values(), key=lambda r: (str(r.place.path), r.place.line, r.path, r.methods))

    def _prefixes(self, key: str, seen: tuple[str, ...]) -> Iterator[tuple[str, tuple[v.Values, ...], str]]:
        router = self.routers.get(key)
        own = router.prefix if router else ""
        before = (router.dependencies,) if router else ()
        parents = [include for include in self.includes if include.child == key and include.parent not in seen]
        parents = [include for include in parents if not include.parent.startswith(IMPLIED)] or parents
        if not parents or key in seen:
            yield own, before, key if router and router.is_app else ""
            return
        for include in parents:
            replaces = router is not None and router.framework == "flask" and include.prefix is not None
            inner = (include.prefix or "") + ("" if replaces else own)
            for prefix, outer, app in self._prefixes(include.parent, (*seen, key)):
                yield prefix + inner, (*outer, include.dependencies, *before), app


def _place_of(function: v.Function) -> Place:
    return Place(function.module.path, function.node.lineno, function.node.col_offset + 1)


def _function_of(entry: Registered) -> tuple[Path, int]:
    return entry.place.path, entry.place.line


def is_column(values: v.Values) -> bool:
    """Return whether a class attribute is a column or a relationship."""
    return any(isinstance(atom, v.ColumnType) for atom in values)


def methods_from(values: v.Values, default: tuple[str, ...]) -> tuple[str, ...]:
    """Evaluate ``methods=["GET", "POST"]``."""
    words = [word for atom in values if isinstance(atom, v.Listing) for item in atom.items for word in v.texts(item)]
    words = words or v.texts(values)
    return tuple(word.upper() for word in words) or default


def path_of(values: v.Values) -> str | None:
    """Return a path, with ``{…}`` for what is not known."""
    for atom in values:
        match atom:
            case v.Const(str(text)):
                return text
            case v.Pattern(text):
                return text.replace(v.HOLE, "{…}")
    return None


def dependencies_from(values: v.Values) -> v.Values:
    """Evaluate ``dependencies=[Depends(f), …]``."""
    listed = [item for atom in values if isinstance(atom, v.Listing) for item in atom.items]
    return v.Values(atom for item in listed for atom in item if isinstance(atom, v.Dependency))


def routers_in(values: v.Values) -> list[str]:
    """Return the keys of the routers among ``values``."""
    return [atom.key for atom in values if isinstance(atom, v.Router)]


APPLICATIONS = frozenset({"FastAPI", "Starlette", "Flask", "Quart", "APIFlask", "OpenAPI"})


def framework_of(dotted: str) -> str:
    """Return the framework of a router's maker, or nothing."""
    last = dotted.rsplit(".", 1)[-1]
    if last == "Router":
        return next((kind for package, kind in ROUTER_PACKAGES.items() if dotted.startswith(package)), "")
    if last == "Api" and not dotted.startswith(("flask", "quart")):
        return ""
    return MAKERS.get(last, "")


def is_router_class(cls: v.Class) -> str:
    """Return the framework when ``cls`` is the tree's own kind of router."""
    for ancestor in cls.ancestry():
        for base in ancestor.bases:
            for atom in base:
                if isinstance(atom, v.External | v.Made) and (kind := framework_of(atom.name)):
                    return kind
    return ""
