"""Writes: a status field, or another column, is given a value."""

import ast
from dataclasses import replace

from scripts.commands.crosswalk.audit import models
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import ModelWrite, StatusWrite
from scripts.commands.crosswalk.audit.known import snake
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.models import members_of


def set_attribute(
    run: Machine, owners: v.Values, owner: ast.expr, name: str, value: v.Values, frame: v.Frame, node: ast.AST
) -> None:
    """Evaluate ``owner.name = value``."""
    if v.External("flask_login.current_user") in owners:
        owners = run.users()
    for atom in owners:
        if isinstance(atom, v.Instance):
            run.set_attribute(atom, name, value)
        elif isinstance(atom, v.Router):
            run.state[name] = v.join(run.state.get(name, v.UNKNOWN), value)
    rows = [atom for atom in owners if isinstance(atom, v.About)]
    is_unknown = not rows and not any(isinstance(atom, v.Instance | v.ClassRef) for atom in owners)
    if is_unknown and run.known.vocabulary.is_status(name):
        guessed = guess(run, ast.unparse(owner).split(".")[-1], name, value)
        rows = [v.About(guessed, guessed=True)] if guessed else []
    for row in rows:
        before = len(frame.effects)
        field(run, row.cls, name, value, frame, node, "constructor" if row.new else "attribute")
        if row.guessed:
            mark_guessed(frame, before)


def changed(run: Machine, model: str, frame: v.Frame, node: ast.AST, via: str, *, kept: bool = True) -> None:
    """Record that a row is added, changed or deleted here."""
    frame.effects.append(ModelWrite(run.place(node, frame), methods=frame.methods, model=model, via=via, kept=kept))


def mark_guessed(frame: v.Frame, before: int) -> None:
    """Mark the frame's effects from number ``before`` on as those of an object whose class is a guess."""
    frame.effects[before:] = [replace(effect, guessed=True) for effect in frame.effects[before:]]


def field(
    run: Machine,
    cls: v.Class,
    name: str,
    value: v.Values,
    frame: v.Frame,
    node: ast.AST,
    via: str,
    *,
    sql: bool = False,
) -> None:
    """Return a column of ``cls`` is given ``value``. A name that is no column is no write."""
    declared = cls.all_fields()
    is_column = name in declared or not declared
    if name.startswith("_") and is_column and declared:  # _cached: Cached
        is_column = any(isinstance(atom, v.ColumnType) for atom in declared[name].value)
    if not run.known.vocabulary.is_status(name) or models.is_flag(cls, name):
        if is_column and not _is_relation(cls, name):
            how = via if via == "constructor" else f"{via} {name}"
            changed(run, cls.name, frame, node, how, kept=via not in _TRANSIENT)
        return
    if not is_column:
        return
    frame.effects.append(status(run, cls, name, value, frame, node, via, sql=sql))


_TRANSIENT = frozenset({"attribute", "constructor", "setattr"})


def status(
    run: Machine,
    cls: v.Class,
    name: str,
    value: v.Values,
    frame: v.Frame,
    node: ast.AST,
    via: str,
    *,
    sql: bool = False,
) -> StatusWrite:
    """Return the effect of writing a status field."""
    enum = models.enum_of(run, cls, name)
    names = _by_name(cls, name)
    known = models.vocabulary(run, cls, name)
    members = members_of(enum) if enum else []
    if sql and names and members:
        known = tuple(members)  # SQL takes what is stored
    fixed: dict[str, None] = {}
    chosen: dict[str, None] = {}
    foreign: dict[str, None] = {}
    for atom in value:
        words = models.word_of(atom, enum, names=names)
        into = chosen if isinstance(atom, v.AnyMember | v.AnyOf) else fixed
        for word in filter(None, words):
            into[word] = None
            own = isinstance(atom, v.Member) and atom.cls is enum and atom.name in members
            if isinstance(atom, v.Member) and atom.name not in members_of(atom.cls):
                foreign[word] = None
            same = isinstance(atom, v.AnyMember) and atom.cls is enum and atom.form == ""
            if known and word not in _accepted(known, enum, names=names, sql=sql) and not own and not same:
                foreign[word] = None
    return StatusWrite(
        run.place(node, frame),
        methods=frame.methods,
        model=cls.name,
        field=name,
        values=tuple(sorted(fixed)),
        chosen=tuple(sorted(chosen)),
        free=any(isinstance(atom, v.Anything) for atom in value),
        open=models.is_open(value) or (not fixed and not chosen and not any(a == v.Const(None) for a in value)),
        foreign=tuple(sorted(foreign)),
        vocabulary=known,
        implied=() if known else models.implied(value),
        named=bool(value) and all(isinstance(atom, v.Const) and atom.named for atom in value),
        declared=cls.module is not None and name in cls.all_fields(),
        initial=models.initial(cls, name),
        via=via,
    )


def _accepted(known: tuple[str, ...], enum: v.Class | None, *, names: bool, sql: bool) -> set[str]:
    """SQLAlchemy takes a text enum's values and names alike; SQL takes only what is stored."""
    if enum is None or sql:
        return set(known)
    return {*known, *members_of(enum)} if enum.is_text_enum and names else set(known)


def _by_name(cls: v.Class, name: str) -> bool:
    declared = cls.all_fields().get(name)
    if declared is None:
        return False
    typed = [atom for atom in declared.value if isinstance(atom, v.ColumnType) and (atom.enum or atom.words)]
    return any(atom.names for atom in typed) if typed else models.is_mapped(declared)


def _is_relation(cls: v.Class, name: str) -> bool:
    declared = cls.all_fields().get(name)
    return declared is not None and any(
        isinstance(atom, v.ColumnType) and atom.target is not None for atom in declared.value
    )


def keywords(
    run: Machine, cls: v.Class, given: dict[str, v.Values], frame: v.Frame, node: ast.AST, via: str
) -> None:  # fmt: skip
    """Evaluate ``Model(status=…)``, ``.values(status=…)``. Columns other than statuses count once."""
    plain = False
    for name, value in given.items():
        if run.known.vocabulary.is_status(name) and not (via == "constructor" and value == v.one(v.Const(None))):
            words = node.keywords if isinstance(node, ast.Call) else []
            at = next((word.value for word in words if word.arg == name), node)  # the line where the word stands
            field(run, cls, name, value, frame, at, via)
        elif name in cls.all_fields() or not cls.all_fields():
            plain = True
    if plain or (via != "constructor" and not given):
        changed(run, cls.name, frame, node, via, kept=via != "constructor")


def mappings(run: Machine, cls: v.Class, given: v.Values, frame: v.Frame, node: ast.AST, via: str) -> None:
    """Evaluate ``.values({…})``, ``query.update({…})``, ``bulk_update_mappings(Model, [{…}])``."""
    for atom in given:
        match atom:
            case v.Mapping(entries):
                words: dict[str, v.Values] = {}
                for key, value in entries:
                    for name in [*v.texts(key), *(k.field for k in key if isinstance(k, v.ColumnRef))]:
                        words[name] = value
                keywords(run, cls, words, frame, node, via)
            case v.Listing(items):
                for item in items:
                    mappings(run, cls, item, frame, node, via)
            case v.Statement():
                pass


def by_name(
    run: Machine, owners: v.Values, owner: ast.expr, names: v.Values, value: v.Values, frame: v.Frame, node: ast.AST
) -> None:
    """Evaluate ``setattr(owner, name, value)``."""
    for name in v.texts(names):
        set_attribute(run, owners, owner, name, value, frame, node)
    if any(isinstance(atom, v.Anything) for atom in names) and any(isinstance(atom, v.Anything) for atom in value):
        for atom in owners:
            if isinstance(atom, v.About):
                for name in filter(run.known.vocabulary.is_status, atom.cls.all_fields()):
                    field(run, atom.cls, name, v.one(v.Anything()), frame, node, "setattr")
    elif any(isinstance(atom, v.Anything | v.Pattern) for atom in names) or names == v.UNKNOWN:
        for atom in owners:
            if isinstance(atom, v.About) and any(
                run.known.vocabulary.is_status(field_name) for field_name in atom.cls.all_fields()
            ):
                changed(run, atom.cls.name, frame, node, "setattr", kept=False)


def is_transaction(entered: ast.expr, value: v.Values) -> bool:
    """Evaluate ``with session.begin():``, which commits at its end; ``begin_nested`` does not."""
    match entered:
        case ast.Call(func=ast.Attribute(attr="begin")):
            return all(isinstance(atom, v.Made | v.External) for atom in value)
        case _:
            return False


def guess(run: Machine, variable: str, field: str, value: v.Values) -> v.Class | None:
    """Guess the model of an object: the only one with such a field, by the variable, or by the enum."""
    having = [cls for cls in run.known.models.values() if field in cls.all_fields()]
    having = having or [cls for cls in run.known.ours.values() if field in cls.fields and field != "status"]
    bare = variable.strip("_").lower()
    for cls in having:
        own = snake(cls.name)
        if bare == own or bare.endswith(f"_{own}"):
            return cls
    if field != "status" and len(having) == 1:
        return having[0]
    enums = [atom.cls for atom in value if isinstance(atom, v.Member | v.AnyMember)]
    fitting = [cls for cls in having if models.enum_of(run, cls, field) in enums] if enums else []
    return fitting[0] if len(fitting) == 1 else None
