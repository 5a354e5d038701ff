"""What is outside the tree, known by name: SQLAlchemy, its sessions, pydantic, texts, dicts and builtins."""

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from scripts.commands.crosswalk.audit import models, sql, writes
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Commit
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.starts import applied

QUERY_STEPS = v.word_set(
    "query filter filter_by where join outerjoin options order_by group_by limit offset distinct "
    "with_for_update execution_options populate_existing select_from"
)
"""What gives a query of a session, a model's ``query`` or a query."""
NOT_ROWS = v.word_set("fastapi starlette flask pydantic json logging typing datetime uuid os re time math asyncio")
ALSO_ON_OBJECTS = (
    models.COLUMN_MAKERS
    | models.RELATIONS
    | models.ENUM_TYPES
    | {"select", "insert", "update", "text", "declarative_base"}
)


def function(run: Machine, dotted: str, call: v.Call, frame: v.Frame) -> v.Values:  # noqa: C901, PLR0912
    """Evaluate a call of a function or class from outside, by its dotted name."""
    last, root, given = dotted.rsplit(".", 1)[-1], dotted.split(".", 1)[0], call.arguments
    first = given.get(0)
    if root == "builtins":
        return builtin(run, last, call, frame)
    if dotted == "functools.partial":
        rest, named = tuple(given.positional[1:]), tuple(given.keywords.items())
        return v.Values(v.Partial(atom, rest, named) for atom in first if isinstance(atom, v.Func))
    if last in models.ENUM_TYPES and not any(isinstance(o, v.ClassRef) for o in call.owners) and root != "enum":
        return models.enum_type(call)
    if dotted == "sqlalchemy.Table" and (table := v.text_of(first)) is not None:
        return v.one(v.ClassRef(models.core_table(run, table, call, frame)))
    if last in models.COLUMN_MAKERS:
        return v.one(models.column(call))
    if last in models.RELATIONS:
        return models.relation(run, first)
    if last in ("insert", "update", "delete", "Insert", "Update", "Delete"):
        found = v.models_in(first)
        if found and last.lower() == "delete":
            writes.changed(run, found[0].name, frame, call.node, "delete()")
        return v.Values(v.Statement(last.lower(), cls) for cls in found)
    if last == "text" and (v.texts(first) or any(isinstance(atom, v.Pattern) for atom in first)):
        return v.Values(
            v.Sql(str(atom.value)) if isinstance(atom, v.Const) else v.Sql(atom.text, atom.holes)
            for atom in first
            if isinstance(atom, v.Pattern | v.Const)
        )
    if last == "OneOf":
        return v.one(v.AnyOf(frozenset(word for value in v.items_of(first) for word in v.texts(value))))
    if root in FIELD_PACKAGES and ".fields." in dotted:
        return _schema_field(dotted, given)
    if last in ("cast", "deepcopy", "copy", "unwrap"):
        return given.get(1) if last == "cast" and root == "typing" else first
    if last in ("jsonable_encoder", "asdict"):
        return dumped(run, first)
    if last in ("defaultdict", "OrderedDict") and root == "collections":
        return v.one(v.Mapping(()))
    if last == "declarative_base":
        return v.join(v.one(v.Made(dotted)), v.Values(a for a in given.get(-1, "cls") if isinstance(a, v.ClassRef)))
    if last in ("Session", "sessionmaker", "async_sessionmaker"):
        return v.one(v.Made(dotted))
    if last in ("client", "resource"):
        return v.one(v.Made(dotted, v.text_of(first) or ""))
    if last in ("AsyncClient", "Client", "ClientSession", "Session"):
        return v.one(v.Made(dotted, v.text_of(given.get(-1, "base_url")) or v.text_of(first) or ""))
    rows = [cls for value in given.all() for cls in v.models_in(value)]
    if rows and root not in NOT_ROWS:
        return v.Values(v.About(cls, guessed=_are_rows(given.all())) for cls in rows)
    return v.one(v.Made(dotted))


def method(run: Machine, call: v.Call, frame: v.Frame) -> v.Values:  # noqa: C901, PLR0912
    """Evaluate a call of a method of something outside the tree, or of what comes from a model."""
    if not isinstance(call.node.func, ast.Attribute):
        return v.UNKNOWN
    name, given, owners = call.name, call.arguments, call.owners
    statements = [atom for atom in owners if isinstance(atom, v.Statement)]
    rows = [atom.cls for atom in owners if isinstance(atom, v.About)]
    if name in EXECUTES:
        return executed(run, call, frame)
    if name in ("insert", "update", "delete") and (begun := of_table(run, call, frame)):
        return begun
    if statements:
        return on_statement(run, statements, call, frame)
    if name in DUMPS:
        only_given = any(_is_true(given.get(-1, word)) for word in ("exclude_unset", "exclude_defaults"))
        return some_fields(dumped(run, owners, only_given=only_given), given) or given.get(0)
    if name in ("load", "loads") and (fields := _loaded(run, owners, frame)):
        return fields
    if name in REQUEST_TEXT and any(_is_request(atom) for atom in owners):
        return v.one(v.Anything())
    if name == "items":
        return items(owners)
    if name in ("get", "pop", "setdefault") and any(isinstance(atom, v.Mapping) for atom in owners):
        if name == "pop" and isinstance(call.node.func.value, ast.Name):
            frame.names[call.node.func.value.id] = v.without(owners, given.get(0))
        return v.join(*(v.entry_of(atom, given.get(0)) for atom in owners if isinstance(atom, v.Mapping)), given.get(1))
    if name == "values" and any(isinstance(atom, v.Mapping) for atom in owners):
        return v.one(
            v.Listing(tuple(value for atom in owners if isinstance(atom, v.Mapping) for _, value in atom.items))
        )
    if (
        name in LETTERS
        and not given.positional
        and (v.texts(owners) or any(isinstance(a, v.AnyMember | v.AnyOf) for a in owners))
    ):
        return in_letters(owners, name)
    if name in ("bindparams", "params") and any(isinstance(atom, v.Sql) for atom in owners):
        bound = tuple(given.keywords.items())
        return v.Values(v.Sql(a.text, a.holes, (*a.bound, *bound)) if isinstance(a, v.Sql) else a for a in owners)
    if name in ("partition", "rpartition", "split", "rsplit") and (text := v.text_of(owners)) is not None:
        return parts(text, call)
    if name == "model_copy":
        for cls in rows:
            writes.mappings(run, cls, given.get(-1, "update"), frame, call.node, "constructor")
    if name in ("copy", "model_copy", "strip", "bindparams", "options", "execution_options", "refresh_from_db"):
        return owners
    if name in ("append", "add") and (_handler_added(run, call, frame) or _kept(run, call, frame)):
        return v.UNKNOWN
    if name in ("append", "extend", "update") and _collected(call, frame):
        return v.UNKNOWN
    if name in ("format", "join") and any(isinstance(a, v.Const | v.Pattern) for a in owners):
        return formatted(call)
    if name in ("model_validate", "from_orm", "parse_obj", "model_construct"):
        classes = [atom.cls for atom in owners if isinstance(atom, v.ClassRef)]
        source = given.get(0)
        is_copy = bool(source) and all(isinstance(atom, v.About) for atom in source)  # of a row, for an answer
        for cls in (cls for cls in classes if cls.is_model and not is_copy):
            writes.mappings(run, cls, dumped(run, source), frame, call.node, "constructor")
        return v.join(*(v.object_of(cls) for cls in classes))
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
            writes.changed(run, cls.name, frame, call.node, name)
        return owners
    if name in ("table", "from_") and is_supabase(call):
        return v.Values(v.About(run.known.table(table, frame)) for table in v.texts(given.get(0)))
    if name == "map_imperatively":
        return models.mapped(run, given)
    on_session(run, call, frame)
    if rows:
        is_query = name in QUERY_STEPS and any(isinstance(atom, v.About) and atom.query for atom in owners)
        return v.Values(
            v.About(atom.cls, is_query, guessed=atom.guessed) for atom in owners if isinstance(atom, v.About)
        )
    made = [atom for atom in owners if isinstance(atom, v.Made)]
    found = [cls for value in given.all() for cls in v.models_in(value)]
    if found and not any(a.name.split(".", 1)[0] in NOT_ROWS for a in made):
        guessed = _are_rows(given.all()) and name not in SAME_ROW
        return v.Values(v.About(cls, name == "query", guessed=guessed) for cls in found)
    if name in ("client", "resource"):
        return v.one(v.Made(f"{made[0].name if made else 'boto3'}.{name}", v.text_of(given.get(0)) or ""))
    return v.Values(v.Made(f"{atom.name}.{name}()", atom.detail) for atom in made)


REQUEST_TEXT = frozenset({"get", "pop", "json", "get_json", "form", "getlist"})
"""Methods of a request, or of a dict or text from it, that give what the client sent."""


def _is_request(atom: v.Atom) -> bool:
    """Return whether it is a request, or something that the client sent."""
    return isinstance(atom, v.Anything) or (
        isinstance(atom, v.Made | v.External)
        and re.search(r"(^|\.)(Request|flask\.request)(\.\w+(\(\))?)?$", atom.name) is not None
    )


FIELD_PACKAGES = frozenset({"marshmallow", "webargs", "apiflask", "flask_marshmallow", "marshmallow_sqlalchemy"})


def _schema_field(dotted: str, given: v.Arguments) -> v.Values:
    """Evaluate ``fields.Str(validate=OneOf([…]))``, ``fields.Enum(State)``: what a request may choose, when it is named."""
    atoms = [atom for value in given.all() for atom in value]
    enums = [v.AnyMember(atom.cls) for atom in atoms if isinstance(atom, v.ClassRef) and atom.cls.is_enum]
    return v.Values(enums or [atom for atom in atoms if isinstance(atom, v.AnyOf)]) or v.one(v.Made(dotted))


def _loaded(run: Machine, owners: v.Values, frame: v.Frame) -> v.Values:
    """Evaluate ``schema.load(…)`` of marshmallow: the fields that the request sets, or what ``post_load`` makes of them."""
    schemas = [atom for atom in owners if isinstance(atom, v.Instance) and "Schema" in atom.cls.outside_bases()]
    found = []
    for schema in schemas:
        loaded = v.one(_fields(run, schema, schema.cls.all_fields()))
        for value in (value for cls in schema.cls.ancestry() for value in cls.frame.names.values()):
            for function in v.function_in(value):
                if "post_load" in function.decorators:
                    done = run.call(function, v.one(schema), v.Arguments([loaded]))
                    loaded = run.absorb(done, function.qualified, frame) or loaded
        found.append(loaded)
    return v.join(*found)


SAME_ROW = frozenset({"merge", "refresh", "expunge", "paginate", "unwrap", "cast", "run_sync"})
"""Methods that give the row or query that they get."""


def _are_rows(given: list[v.Values]) -> bool:
    """Return whether the arguments name models only by rows, whose class says nothing about the class of the result."""
    models = [atom for values in given for atom in values if v.models_in(v.one(atom))]
    return all(isinstance(atom, v.About) and not atom.query for atom in models)


def _collected(call: v.Call, frame: v.Frame) -> bool:
    """Bind a list or dict with what ``append``, ``extend`` or ``update`` adds to it; return whether it was one."""
    if not isinstance(call.node.func, ast.Attribute) or not isinstance(call.node.func.value, ast.Name):
        return False
    name, given = call.node.func.value.id, call.arguments.get(0)
    listed = [atom.items for atom in call.owners if isinstance(atom, v.Listing)]
    mapped = [entry for atom in call.owners if isinstance(atom, v.Mapping) for entry in atom.items]
    longest = max(listed, key=len, default=())  # with what an ``if`` may have added
    if call.name == "append" and listed:
        frame.names[name] = v.one(v.Listing((*longest[:31], given)))
    elif call.name == "extend" and listed:
        more = [item for atom in given if isinstance(atom, v.Listing) for item in atom.items]
        frame.names[name] = v.one(v.Listing((*longest, *more)[:32]))
    elif call.name == "update" and any(isinstance(atom, v.Mapping) for atom in call.owners):
        new = [entry for atom in given if isinstance(atom, v.Mapping) for entry in atom.items]
        frame.names[name] = v.one(v.Mapping((*mapped, *new)))
    return call.name == "append" or bool(listed) or any(isinstance(atom, v.Mapping) for atom in call.owners)


def _kept(run: Machine, call: v.Call, frame: v.Frame) -> bool:
    """Keep ``unit.later.append(self)``, whose methods ``unit`` calls at its end; return whether it was such a call."""
    match call.node.func:
        case ast.Attribute(value=ast.Attribute(value=owner, attr=attribute)):
            added = call.arguments.get(0)
        case _:
            return False
    fillers = [atom for atom in run.evaluate(owner, frame) if isinstance(atom, v.Instance) and atom.cls.is_filled]
    for atom in fillers:
        run.set_attribute(atom, attribute, v.one(v.Listing((added,))))
    return bool(fillers)


def _handler_added(run: Machine, call: v.Call, frame: v.Frame) -> bool:
    """Keep ``HANDLERS[event].append(handle)``, also by ``setdefault``; return whether it was such a call."""
    added = call.arguments.get(0)
    match call.node.func:
        case ast.Attribute(
            value=ast.Subscript(value=owner, slice=key)
            | ast.Call(func=ast.Attribute(value=owner, attr="setdefault"), args=[key, _])
        ) if v.are_handlers(added):
            pass
        case _:
            return False
    before = [item for atom in call.owners if isinstance(atom, v.Listing) for item in atom.items if item != added]
    target = ast.Subscript(value=owner, slice=key, ctx=ast.Store())
    run.assign(target, v.one(v.Listing((*before, added))), frame, ast.Expr(call.node))
    return True


PASSED_ON = frozenset(["list", "tuple", "set", "sorted", "reversed", "iter", "filter", "frozenset", "int"])


def builtin(run: Machine, name: str, call: v.Call, frame: v.Frame) -> v.Values:  # noqa: C901
    """Evaluate a call of a built-in function."""
    given = call.arguments
    first = given.get(0)
    if name == "type" and len(given.all()) == 1:
        return v.Values(v.ClassRef(atom.cls) for atom in first if isinstance(atom, v.Instance | v.About))
    if name == "setattr" and call.node.args:
        writes.by_name(run, first, call.node.args[0], given.get(1), given.get(2), frame, call.node)
        return v.UNKNOWN
    if name == "getattr" and call.node.args:
        found = []
        for attribute in v.texts(given.get(1)):
            found.append(run.attribute_of(first, attribute, frame))
        return v.join(*found)
    if name == "dict":
        entries = [entry for atom in first if isinstance(atom, v.Mapping) for entry in atom.items]
        return v.one(v.Mapping((*entries, *((v.one(v.Const(word)), value) for word, value in given.keywords.items()))))
    if name == "str":
        return v.Values(
            v.AnyMember(a.cls, "value", a.among) if isinstance(a, v.AnyMember) and a.cls.is_text_enum else a
            for a in first
        )
    if name == "enumerate":
        return v.Values(
            v.Listing(tuple(v.one(v.Listing((v.UNKNOWN, item))) for item in atom.items))
            if isinstance(atom, v.Listing)
            else atom
            for atom in first
        )
    if name in ("zip", "map"):
        return _mapped(run, given, frame) if name == "map" else _zipped(given)
    if name == "next":
        return v.join(
            *(v.join(*atom.items) if isinstance(atom, v.Listing) else v.one(atom) for atom in first), given.get(1)
        )
    if name in ("list", "set", "tuple", "frozenset") and not given.positional:
        return v.one(v.Listing(()))
    return first if name in PASSED_ON else v.UNKNOWN


def _mapped(run: Machine, given: v.Arguments, frame: v.Frame) -> v.Values:
    """Evaluate ``map(function, items)``, with one list."""
    items = v.items_of(given.get(1)) if len(given.positional) == 2 else [v.UNKNOWN]
    return v.one(v.Listing(tuple(applied(run, given.get(0), v.Arguments([item]), frame) for item in items)))


def _zipped(given: v.Arguments) -> v.Values:
    columns = [next((a.items for a in value if isinstance(a, v.Listing)), (value,)) for value in given.positional]
    return v.one(v.Listing(tuple(v.one(v.Listing(row)) for row in zip(*columns, strict=False))))


EXECUTES = v.word_set(
    "execute executemany exec exec_driver_sql scalar scalars fetch fetchrow fetchval fetch_one fetch_all "
    "fetch_val execute_many execute_query"
)
SESSION_WORDS = v.word_set("session db conn transaction trans tx uow unit_of_work database cursor cur")


def of_table(run: Machine, call: v.Call, frame: v.Frame) -> v.Values:
    """Evaluate ``table.update()``, where a class stands for the table."""
    tables = [atom.cls for atom in call.owners if isinstance(atom, v.ClassRef) and atom.cls.is_model]
    if tables and call.name == "delete":
        writes.changed(run, tables[0].name, frame, call.node, "delete()")
    return v.Values(v.Statement(call.name, cls) for cls in tables)


def on_statement(run: Machine, statements: list[v.Statement], call: v.Call, frame: v.Frame) -> v.Values:
    """Evaluate ``update(Order).values(…)``: what it writes."""
    begun = []
    for statement in statements:
        begun.append(replace(statement, written=statement.written or call.name in ("values", "ordered_values")))
        via = f"{statement.kind}()"
        if call.name in ("values", "ordered_values"):
            writes.keywords(run, statement.cls, call.arguments.keywords, frame, call.node, via)
            for given in call.arguments.positional:
                writes.mappings(run, statement.cls, given, frame, call.node, via)
        elif call.name in ("on_conflict_do_update", "on_duplicate_key_update"):
            writes.mappings(run, statement.cls, call.arguments.get(-1, "set_"), frame, call.node, via)
            if call.name == "on_duplicate_key_update":
                writes.keywords(run, statement.cls, call.arguments.keywords, frame, call.node, via)
    return v.Values(begun)


def executed(run: Machine, call: v.Call, frame: v.Frame) -> v.Values:
    """Return a statement, or SQL, that a session or connection executes."""
    given = call.arguments
    first = given.get(0, "statement", "query", "clause")
    for atom in first:
        match atom:
            case v.Sql(text, _, bound):
                _raw(run, text, dict(bound), call, frame)
            case v.Pattern(text) | v.Const(str(text)):
                _raw(run, text, {}, call, frame)
            case v.Statement(kind, cls, written):
                if given.get(1, "values"):
                    writes.mappings(run, cls, given.get(1, "values"), frame, call.node, f"{kind}()")
                elif not written and kind != "delete":  # which is recorded where it begins
                    writes.changed(run, cls.name, frame, call.node, f"{kind}()")
    return v.Values(
        v.About(cls) for cls in [*v.models_in(first), *(a.cls for a in call.owners if isinstance(a, v.About))]
    )


def _raw(run: Machine, text: str, bound: dict[str, v.Values], call: v.Call, frame: v.Frame) -> None:
    if not sql.is_write(text):
        return
    parameters = {**bound, **call.arguments.keywords}
    listed = next((a.items for a in call.arguments.get(1) if isinstance(a, v.Listing)), call.arguments.positional[1:])
    parameters |= {f"_{place}": value for place, value in enumerate(listed, 1)}
    for atom in call.arguments.get(1, "params", "parameters", "values"):
        if isinstance(atom, v.Mapping):
            for key, value in atom.items:
                parameters.update(dict.fromkeys(v.texts(key), value))
    cls = run.known.table(sql.table_of(text), frame)
    writes.changed(run, cls.name, frame, call.node, "SQL")
    for write in sql.writes(text):
        if not run.known.vocabulary.is_status(write.column):
            continue
        value = (
            v.one(v.Const(write.literal))
            if write.literal is not None
            else parameters.get(write.parameter or "", v.UNKNOWN)
        )
        target = run.known.table(write.table, frame)
        frame.effects.append(writes.status(run, target, write.column, value, frame, call.node, "SQL", sql=True))


def _is_session(call: v.Call) -> bool:
    last = call.owner_source.lower().replace("()", "").rsplit(".", 1)[-1].strip("_")
    prefixed = not any(isinstance(atom, v.Listing) for atom in call.owners)  # session_ids.add(1)
    named = any(
        last == word or last.endswith(f"_{word}") or (prefixed and last.startswith(f"{word}_"))
        for word in SESSION_WORDS
    )
    made = any("Session" in a.name or "Connection" in a.name for a in call.owners if isinstance(a, v.Made | v.External))
    own = any(a.cls.outside_bases() & {"Session", "AsyncSession"} for a in call.owners if isinstance(a, v.Instance))
    return named or made or own


def on_session(run: Machine, call: v.Call, frame: v.Frame) -> None:
    """Evaluate ``add``, ``commit`` and their like."""
    name, given = call.name, call.arguments
    rows = [cls for value in given.all() for cls in v.models_in(value)]
    match name:
        case "commit" if _is_session(call):
            managed = frame.function is not None and frame.function.is_generator
            frame.effects.append(Commit(run.place(call.node, frame), methods=frame.methods, managed=managed))
        case "add" | "add_all" | "delete" | "merge" | "bulk_save_objects" | "save" if _is_session(call) or (
            rows and any(isinstance(a, v.About) for a in given.get(0)) and name != "delete" and not call.owners
        ):
            is_kept = not (name in ("delete", "save") and not rows and not _is_session(call))
            is_cached = name == "merge" and given.get(-1, "load") == v.one(v.Const(False))  # changes nothing
            if is_kept and not is_cached and _is_row_argument(given.get(0)):
                model = rows[0].name if rows else "?"
                writes.changed(run, model, frame, call.node, f"session.{name}")
        case "bulk_update_mappings" | "bulk_insert_mappings":
            for cls in v.models_in(given.get(0)):
                writes.mappings(run, cls, given.get(1), frame, call.node, name)
                writes.changed(run, cls.name, frame, call.node, name)


def is_supabase(call: v.Call) -> bool:
    """Return whether a client of Supabase's REST interface is asked for a table."""
    named = "supabase" in call.owner_source.lower()
    return named or any(
        "supabase" in atom.name.lower() for atom in call.owners if isinstance(atom, v.Made | v.External)
    )


def _is_row_argument(values: v.Values) -> bool:
    """Return whether a session may keep it: a row, or something not known; no text and no number."""
    return not values or any(isinstance(atom, v.About | v.Listing | v.Made | v.Instance) for atom in values)


LETTERS = v.word_set("lower upper title capitalize casefold strip")
DUMPS = frozenset({"model_dump", "dict", "asdict", "to_dict", "model_dump_json", "_asdict"})


def some_fields(dumped: v.Values, given: v.Arguments) -> v.Values:
    """Evaluate ``model_dump(exclude={"status"}, exclude_none=True)``, ``dict(include={"title"})``."""
    left_out, taken = (_keys(given.get(-1, word)) for word in ("exclude", "include"))
    no_none = _is_true(given.get(-1, "exclude_none"))
    if not left_out and not taken and not no_none:
        return dumped
    return v.Values(
        v.Mapping(tuple(
            (key, value)
            for key, value in atom.items
            if v.text_of(key) not in left_out and (not taken or v.text_of(key) in taken)
            and not (no_none and value == v.one(v.Const(None)))
        ))
        if isinstance(atom, v.Mapping)
        else atom
        for atom in dumped
    )  # fmt: skip


def _is_true(value: v.Values) -> bool:
    return value == v.one(v.Const(True))


def _keys(values: v.Values) -> set[str]:
    listed = [item for atom in values if isinstance(atom, v.Listing) for item in atom.items]
    listed += [key for atom in values if isinstance(atom, v.Mapping) for key, _ in atom.items]
    return {word for item in listed for word in v.texts(item)}


def parts(text: str, call: v.Call) -> v.Values:
    """Evaluate ``"Domain.status".partition(".")`` and its like."""
    words = [word for value in call.arguments.all() if (word := v.text_of(value)) is not None]
    parts: Iterable[str] = getattr(text, call.name)(*words)
    return v.one(v.Listing(tuple(v.one(v.Const(part)) for part in parts)))


def in_letters(owners: v.Values, name: str) -> v.Values:
    """Evaluate ``text.lower()``: of a literal another literal, of a choice of the request another choice."""
    changed: Callable[[str], str] = getattr(str, name)
    found: list[v.Values] = []
    for atom in owners:
        words = models.words_of_choice(atom)
        if isinstance(atom, v.Const) and isinstance(atom.value, str):
            found.append(v.one(v.Const(changed(atom.value))))
        else:
            found.append(v.one(v.AnyOf(frozenset(map(changed, words)))) if words is not None else v.one(atom))
    return v.join(*found)


def items(owners: v.Values) -> v.Values:
    """Evaluate ``mapping.items()``; of a dict from the request, names and values are the client's."""
    if any(isinstance(atom, v.Anything) for atom in owners):
        return v.one(v.Listing((v.one(v.Listing((v.one(v.Anything()), v.one(v.Anything())))),)))
    entries = [entry for atom in owners if isinstance(atom, v.Mapping) for entry in atom.items][: v.MAX_ITERATIONS]
    return v.one(v.Listing(tuple(v.one(v.Listing(entry)) for entry in entries)))


def formatted(call: v.Call) -> v.Values:
    """Evaluate ``text.format(…)`` and ``", ".join(parts)``: known texts are filled in, the others are holes."""
    text = next(
        (a.value if isinstance(a, v.Const) else a.text for a in call.owners if isinstance(a, v.Const | v.Pattern)), ""
    )
    lists = [atom.items for atom in call.arguments.get(0) if isinstance(atom, v.Listing)]
    if not isinstance(text, str) or (call.name == "join" and not lists):
        return v.UNKNOWN
    named = {word: v.text_of(value) for word, value in call.arguments.keywords.items() if len(value) == 1}
    if call.name == "join":
        filled = text.join((len(item) == 1 and v.text_of(item)) or v.HOLE for item in max(lists, key=len))
    else:
        filled = re.sub(r"\{([^}]*)\}", lambda field: named.get(field[1]) or v.HOLE, text)
    holes = tuple(ast.unparse(node) for node in call.arguments.nodes)
    return v.one(v.Pattern(filled, holes) if v.HOLE in filled else v.Const(filled))


def dumped(run: Machine, values: v.Values, *, only_given: bool = False) -> v.Values:
    """Return a schema's or model's fields as a dict: ``body.model_dump()``; ``only_given``: without its defaults."""
    found: list[v.Values] = []
    for atom in values:
        match atom:
            case v.Instance(cls) if cls.all_fields():
                names = [
                    name
                    for name in cls.all_fields()
                    if not only_given or run.is_given(atom, name) or in_code(run, atom, name) is None
                ]
                found.append(v.one(_fields(run, atom, names)))
            case v.About(cls):
                found.append(v.one(v.Mapping(tuple((v.one(v.Const(name)), v.UNKNOWN) for name in cls.all_fields()))))
            case v.Mapping() | v.Listing():
                found.append(v.one(atom))
    return v.join(*found)


def _fields(run: Machine, owner: v.Instance, names: Iterable[str]) -> v.Mapping:
    return v.Mapping(tuple((v.one(v.Const(name)), run_field(run, owner, name)) for name in names))


def run_field(run: Machine, owner: v.Instance, name: str) -> v.Values:
    """Return a field's value on a schema's instance; from the request, so free text when it is nothing else."""
    assigned = run.attribute(owner, name)
    if (own := in_code(run, owner, name)) is not None:
        return own
    declared = owner.cls.all_fields()[name]
    value = assigned or declared.value
    if not assigned and declared.annotation is not None:
        value = run.promised(declared.annotation, owner.cls.frame, request=True)
    enums = [
        atom for a in value if isinstance(a, v.Instance) for atom in a.cls.lookup("enum")
    ]  # a field of its own kind
    value = v.Values(v.AnyMember(a.cls) for a in enums if isinstance(a, v.ClassRef) and a.cls.is_enum) or value
    usable = v.Values(a for a in value if not isinstance(a, v.Made))
    return usable or v.one(v.Anything())


def in_code(run: Machine, owner: v.Instance, name: str) -> v.Values | None:
    """Return a field of an object that the code made, its argument or its default; None for an object from elsewhere."""
    cls = owner.cls
    is_made = owner.key not in (0, v.FROM_REQUEST) and not run.is_given(owner, UNNAMED)
    if not is_made or cls.lookup("__init__") or "Schema" in cls.outside_bases():
        return None
    if run.is_given(owner, name):
        return run.attribute(owner, name)
    value = cls.all_fields()[name].value
    named = [v.Const(atom.initial) for atom in value if isinstance(atom, v.ColumnType) and atom.initial]
    return v.Values([*named, *(atom for atom in value if isinstance(atom, v.Const | v.Member))])


UNNAMED = "**"
"""The attribute that stands for those whose names are not known: of ``Patch(**data)``."""
