"""What is outside the tree, known by name: SQLAlchemy, its sessions, pydantic, builtins."""

import ast
import re
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import calls, writes
from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    About,
    AnyMember,
    AnyOf,
    Anything,
    Atom,
    ClassRef,
    Const,
    External,
    Func,
    Listing,
    Made,
    Mapping,
    Partial,
    Pattern,
    Sql,
    Statement,
    Values,
    join,
    models_in,
    one,
    text_of,
    texts,
)
from scripts.commands.crosswalk.audit.attributes import QUERY_STEPS
from scripts.commands.crosswalk.audit.outside.builtin_functions import builtin
from scripts.commands.crosswalk.audit.outside.columns import (
    COLUMN_MAKERS,
    ENUM_TYPES,
    RELATIONS,
    column,
    core_table,
    enum_type,
    relation,
)
from scripts.commands.crosswalk.audit.outside.databases import (
    EXECUTES,
    executed,
    is_supabase,
    of_table,
    on_session,
    on_statement,
    row_write,
)
from scripts.commands.crosswalk.audit.outside.texts_and_dicts import (
    DUMPS,
    LETTERS,
    entry,
    formatted,
    in_letters,
    items,
    parts,
    some_fields,
)
from scripts.commands.crosswalk.audit.scope import Frame

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

NOT_ROWS = frozenset(
    [
        "fastapi",
        "starlette",
        "flask",
        "pydantic",
        "json",
        "logging",
        "typing",
        "datetime",
        "uuid",
        "os",
        "re",
        "time",
        "math",
        "asyncio",
    ]
)
ALSO_ON_OBJECTS = COLUMN_MAKERS | RELATIONS | ENUM_TYPES | {"select", "insert", "update", "text", "declarative_base"}


def function(run: "Interpreter", dotted: str, call: "Call", frame: Frame) -> Values:  # noqa: C901, PLR0912
    """A function or class from outside, by its dotted name."""
    last, root, given = dotted.rsplit(".", 1)[-1], dotted.split(".", 1)[0], call.arguments
    first = given.get(0)
    if root == "builtins":
        return builtin(run, last, call, frame)
    if dotted == "functools.partial":
        rest, named = tuple(given.positional[1:]), tuple(given.keywords.items())
        return Values(Partial(atom, rest, named) for atom in first if isinstance(atom, Func))
    if last in ENUM_TYPES and not any(isinstance(o, ClassRef) for o in call.owners) and root != "enum":
        return enum_type(call)
    if dotted == "sqlalchemy.Table" and (table := text_of(first)) is not None:
        return one(ClassRef(core_table(run, table, call, frame)))
    if last in COLUMN_MAKERS:
        return one(column(call))
    if last in RELATIONS:
        return relation(run, first)
    if last in ("insert", "update", "delete", "Insert", "Update", "Delete"):
        found = models_in(first)
        if found and last.lower() == "delete":
            row_write(run, found[0], "delete()", call, frame)
        return Values(Statement(last.lower(), cls) for cls in found)
    if last == "text" and (texts(first) or any(isinstance(atom, Pattern) for atom in first)):
        return Values(
            Sql(str(atom.value)) if isinstance(atom, Const) else Sql(atom.text, atom.holes)
            for atom in first
            if isinstance(atom, Pattern | Const)
        )
    if last in ("cast", "deepcopy", "copy", "unwrap"):
        return given.get(1) if last == "cast" and root == "typing" else first
    if last in ("jsonable_encoder", "asdict"):
        return calls.dumped(run, first)
    if last == "declarative_base":
        return join(one(Made(dotted)), Values(a for a in given.get(-1, "cls") if isinstance(a, ClassRef)))
    if last in ("Session", "sessionmaker", "async_sessionmaker"):
        return one(Made(dotted))
    if last in ("client", "resource"):
        return one(Made(dotted, text_of(first) or ""))
    if last in ("AsyncClient", "Client", "ClientSession", "Session"):
        return one(Made(dotted, text_of(given.get(-1, "base_url")) or text_of(first) or ""))
    rows = [cls for value in given.all() for cls in models_in(value)]
    if rows and root not in NOT_ROWS:
        return Values(About(cls, guessed=_are_rows(given.all())) for cls in rows)
    return one(Made(dotted))


def method(run: "Interpreter", call: "Call", frame: Frame) -> Values:  # noqa: C901, PLR0912
    """A method of something outside the tree, or of what comes from a model."""
    if not isinstance(call.node.func, ast.Attribute):
        return UNKNOWN
    name, given, owners = call.name, call.arguments, call.owners
    statements = [atom for atom in owners if isinstance(atom, Statement)]
    rows = [atom.cls for atom in owners if isinstance(atom, About)]
    if name in EXECUTES:
        return executed(run, call, frame)
    if name in ("insert", "update", "delete") and (begun := of_table(run, call, frame)):
        return begun
    if statements:
        return on_statement(run, statements, call, frame)
    if name in DUMPS:
        return some_fields(calls.dumped(run, owners), given) or given.get(0)
    if name in REQUEST_TEXT and any(_is_request(atom) for atom in owners):
        return one(Anything())
    if name == "items":
        return items(owners)
    if name in ("get", "pop", "setdefault") and any(isinstance(atom, Mapping) for atom in owners):
        if name == "pop" and isinstance(call.node.func.value, ast.Name):
            from scripts.commands.crosswalk.audit.statements import without  # noqa: PLC0415

            frame.names[call.node.func.value.id] = without(owners, given.get(0))
        return join(*(entry(atom, given.get(0)) for atom in owners if isinstance(atom, Mapping)), given.get(1))
    if name == "values" and any(isinstance(atom, Mapping) for atom in owners):
        return one(Listing(tuple(value for atom in owners if isinstance(atom, Mapping) for _, value in atom.items)))
    if (
        name in LETTERS
        and not given.positional
        and (texts(owners) or any(isinstance(a, AnyMember | AnyOf) for a in owners))
    ):
        return in_letters(owners, name)
    if name in ("bindparams", "params") and any(isinstance(atom, Sql) for atom in owners):
        bound = tuple(given.keywords.items())
        return Values(Sql(a.text, a.holes, (*a.bound, *bound)) if isinstance(a, Sql) else a for a in owners)
    if name in ("partition", "rpartition", "split", "rsplit") and (text := text_of(owners)) is not None:
        return parts(text, call)
    if name in ("copy", "model_copy", "strip", "bindparams", "options", "execution_options", "refresh_from_db"):
        return owners
    if name in ("append", "extend", "update") and _collected(call, frame):
        return UNKNOWN
    if name in ("format", "join") and any(isinstance(a, Const | Pattern) for a in owners):
        return formatted(call)
    if name in ("model_validate", "from_orm", "parse_obj", "model_construct"):
        from scripts.commands.crosswalk.audit.binding import instance_of  # noqa: PLC0415

        return join(*(instance_of(atom.cls) for atom in owners if isinstance(atom, ClassRef)))
    if rows and name in ("update", "sqlmodel_update"):
        for cls in rows:
            writes.mappings(run, cls, given.get(0, "values"), frame, call.node, "query.update")
            named = {word: value for word, value in given.keywords.items() if word in cls.all_fields()}
            if named:  # of an active record
                writes.keywords(run, cls, named, frame, call.node, "update()")
        return owners
    if rows and name in ("insert", "update", "upsert", "delete"):
        for cls in rows:
            writes.mappings(run, cls, given.get(0), frame, call.node, f"{name}()")
            row_write(run, cls, name, call, frame)
        return owners
    if name in ("table", "from_") and is_supabase(call):
        return Values(About(run.known.table(table, frame)) for table in texts(given.get(0)))
    on_session(run, call, frame)
    if rows:
        is_query = name in QUERY_STEPS and any(isinstance(atom, About) and atom.query for atom in owners)
        return Values(About(atom.cls, is_query, guessed=atom.guessed) for atom in owners if isinstance(atom, About))
    made = [atom for atom in owners if isinstance(atom, Made)]
    found = [cls for value in given.all() for cls in models_in(value)]
    if found and not any(a.name.split(".", 1)[0] in NOT_ROWS for a in made):
        guessed = _are_rows(given.all()) and name not in SAME_ROW
        return Values(About(cls, name == "query", guessed=guessed) for cls in found)
    if name in ("client", "resource"):
        return one(Made(f"{made[0].name if made else 'boto3'}.{name}", text_of(given.get(0)) or ""))
    return Values(Made(f"{atom.name}.{name}()", atom.detail) for atom in made)


REQUEST_TEXT = frozenset({"get", "pop", "json", "get_json", "form", "getlist"})
"""Methods of a request, or of a dict or text from it, that give what the client sent."""


def _is_request(atom: Atom) -> bool:
    """Return whether it is a request, or something that the client sent."""
    return isinstance(atom, Anything) or (
        isinstance(atom, Made | External)
        and re.search(r"(^|\.)(Request|flask\.request)(\.\w+(\(\))?)?$", atom.name) is not None
    )


SAME_ROW = frozenset({"merge", "refresh", "expunge", "paginate", "unwrap", "cast", "run_sync"})
"""Methods that give the row or query that they get."""


def _are_rows(given: list[Values]) -> bool:
    """Return whether the arguments name models only by rows, whose class says nothing about the class of the result."""
    models = [atom for values in given for atom in values if models_in(one(atom))]
    return all(isinstance(atom, About) and not atom.query for atom in models)


def _collected(call: "Call", frame: Frame) -> bool:
    """Bind a list or dict with what ``append``, ``extend`` or ``update`` adds to it; return whether it was one."""
    if not isinstance(call.node.func, ast.Attribute) or not isinstance(call.node.func.value, ast.Name):
        return False
    name, given = call.node.func.value.id, call.arguments.get(0)
    listed = [atom.items for atom in call.owners if isinstance(atom, Listing)]
    mapped = [entry for atom in call.owners if isinstance(atom, Mapping) for entry in atom.items]
    if call.name == "append" and listed:
        frame.names[name] = one(Listing((*listed[0][:31], given)))
    elif call.name == "extend" and listed:
        more = [item for atom in given if isinstance(atom, Listing) for item in atom.items]
        frame.names[name] = one(Listing((*listed[0], *more)[:32]))
    elif call.name == "update" and any(isinstance(atom, Mapping) for atom in call.owners):
        new = [entry for atom in given if isinstance(atom, Mapping) for entry in atom.items]
        frame.names[name] = one(Mapping((*mapped, *new)))
    return call.name == "append" or bool(listed) or any(isinstance(atom, Mapping) for atom in call.owners)
