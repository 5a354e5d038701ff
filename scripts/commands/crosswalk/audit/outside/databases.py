"""Statements, sessions and raw SQL: where rows are written and transactions end."""

from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit import sql, writes
from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    About,
    ClassRef,
    Const,
    External,
    Instance,
    Listing,
    Made,
    Mapping,
    Pattern,
    Sql,
    Statement,
    Values,
    models_in,
    one,
    texts,
)
from scripts.commands.crosswalk.audit.effects import Commit, ModelWrite
from scripts.commands.crosswalk.audit.scope import Class, Frame

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

EXECUTES = frozenset(
    [
        "execute",
        "executemany",
        "exec",
        "exec_driver_sql",
        "scalar",
        "scalars",
        "fetch",
        "fetchrow",
        "fetchval",
        "fetch_one",
        "fetch_all",
        "fetch_val",
        "execute_many",
        "execute_query",
    ]
)
SESSION_WORDS = (
    "session",
    "db",
    "conn",
    "transaction",
    "trans",
    "tx",
    "uow",
    "unit_of_work",
    "database",
    "cursor",
    "cur",
)


def of_table(run: "Interpreter", call: "Call", frame: Frame) -> Values:
    """``table.update()``, where a class stands for the table."""
    tables = [atom.cls for atom in call.owners if isinstance(atom, ClassRef) and atom.cls.is_model]
    if tables and call.name == "delete":
        row_write(run, tables[0], "delete()", call, frame)
    return Values(Statement(call.name, cls) for cls in tables)


def on_statement(run: "Interpreter", statements: list[Statement], call: "Call", frame: Frame) -> Values:
    """``update(Order).values(…)``: what it writes."""
    for statement in statements:
        via = f"{statement.kind}()"
        if call.name in ("values", "ordered_values"):
            writes.keywords(run, statement.cls, call.arguments.keywords, frame, call.node, via)
            for given in call.arguments.positional:
                writes.mappings(run, statement.cls, given, frame, call.node, via)
        elif call.name in ("on_conflict_do_update", "on_duplicate_key_update"):
            writes.mappings(run, statement.cls, call.arguments.get(-1, "set_"), frame, call.node, via)
            if call.name == "on_duplicate_key_update":
                writes.keywords(run, statement.cls, call.arguments.keywords, frame, call.node, via)
    return Values(statements)


def executed(run: "Interpreter", call: "Call", frame: Frame) -> Values:
    """A statement, or SQL, that a session or connection executes."""
    given = call.arguments
    first = given.get(0, "statement", "query", "clause")
    for atom in first:
        match atom:
            case Sql(text, _, bound):
                _raw(run, text, dict(bound), call, frame)
            case Pattern(text) | Const(str(text)):
                _raw(run, text, {}, call, frame)
            case Statement(kind, cls):
                if given.get(1, "values"):
                    writes.mappings(run, cls, given.get(1, "values"), frame, call.node, f"{kind}()")
                else:
                    row_write(run, cls, f"{kind}()", call, frame)
            case _:
                pass
    return Values(About(cls) for cls in [*models_in(first), *(a.cls for a in call.owners if isinstance(a, About))])


def _raw(run: "Interpreter", text: str, bound: dict[str, Values], call: "Call", frame: Frame) -> None:
    if not sql.is_write(text):
        return
    parameters = {**bound, **call.arguments.keywords}
    listed = next((a.items for a in call.arguments.get(1) if isinstance(a, Listing)), call.arguments.positional[1:])
    parameters |= {f"_{place}": value for place, value in enumerate(listed, 1)}
    for atom in call.arguments.get(1, "params", "parameters", "values"):
        if isinstance(atom, Mapping):
            for key, value in atom.items:
                parameters.update(dict.fromkeys(texts(key), value))
    cls = run.known.table(sql.table_of(text), frame)
    row_write(run, cls, "SQL", call, frame)
    for write in sql.writes(text):
        if not run.known.vocabulary.is_status(write.column):
            continue
        value = (
            one(Const(write.literal)) if write.literal is not None else parameters.get(write.parameter or "", UNKNOWN)
        )
        target = run.known.table(write.table, frame)
        frame.effects.append(writes.status(run, target, write.column, value, frame, call.node, "SQL", sql=True))


def row_write(run: "Interpreter", cls: Class, via: str, call: "Call", frame: Frame) -> None:
    """A row of ``cls`` is written here."""
    frame.effects.append(ModelWrite(run.place(call.node, frame), methods=frame.methods, model=cls.name, via=via))


def _is_session(call: "Call") -> bool:
    last = call.owner_source.lower().replace("()", "").rsplit(".", 1)[-1].strip("_")
    named = any(last == word or last.endswith(f"_{word}") or last.startswith(f"{word}_") for word in SESSION_WORDS)
    made = any("Session" in a.name or "Connection" in a.name for a in call.owners if isinstance(a, Made | External))
    return named or made


def on_session(run: "Interpreter", call: "Call", frame: Frame) -> None:
    """``add``, ``commit`` and their like."""
    name, given = call.name, call.arguments
    rows = [cls for value in given.all() for cls in models_in(value)]
    match name:
        case "commit" if _is_session(call):
            managed = frame.function is not None and frame.function.is_generator
            frame.effects.append(Commit(run.place(call.node, frame), methods=frame.methods, managed=managed))
        case "add" | "add_all" | "delete" | "merge" | "bulk_save_objects" | "save" if _is_session(call) or (
            rows and any(isinstance(a, About) for a in given.get(0)) and name != "delete" and not call.owners
        ):
            if not (name in ("delete", "save") and not rows and not _is_session(call)) and _is_row_argument(
                given.get(0)
            ):
                model = rows[0].name if rows else "?"
                frame.effects.append(
                    ModelWrite(run.place(call.node, frame), methods=frame.methods, model=model, via=f"session.{name}")
                )
        case "bulk_update_mappings" | "bulk_insert_mappings":
            for cls in models_in(given.get(0)):
                writes.mappings(run, cls, given.get(1), frame, call.node, name)
                row_write(run, cls, name, call, frame)
        case _:
            pass


def is_supabase(call: "Call") -> bool:
    """Whether a client of Supabase's REST interface is asked for a table."""
    named = "supabase" in call.owner_source.lower()
    return named or any("supabase" in atom.name.lower() for atom in call.owners if isinstance(atom, Made | External))


def _is_row_argument(values: Values) -> bool:
    """Whether a session may keep it: a row, or something not known; no text and no number."""
    return not values or any(isinstance(atom, About | Listing | Made | Instance) for atom in values)
