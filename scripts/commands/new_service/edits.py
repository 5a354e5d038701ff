"""Every file that a new service adds or changes, computed before a file is touched."""

import ast
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from alembic.script import ScriptDirectory

from scrapersky import migrations
from scrapersky.models.base import WATCHED_STORAGE
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA, WORKFLOWS
from scripts.commands.new_service.options import COLUMN_TYPES, Options, Rejected

TEMPLATES = Path(__file__).parent / "templates"
REGISTRY = Path("layers/common/python/scrapersky/runtime/registry.py")
VERSIONS = Path("layers/common/python/scrapersky/migrations/versions")
RESOURCES = Path("functions/api/resources")
FILTERS = Path("layers/common/python/scrapersky/lists/tables.py")
ARCHITECTURE = Path("docs/reference/BACKGROUND_SERVICES_ARCHITECTURE.md")
SERVICES_END = "\n## Settings\n"

FIELDS = (  # companion, type in the model, its function in models/base.py, type in the API
    ("status", "Status", "watched", "Status"),
    ("due_at", "datetime | None", "due_at", "datetime | None"),
    ("failures", "int", "failures", "int"),
    ("error_code", "str | None", "error_code", "str | None"),
    ("error", "str | None", "error_text", "str | None"),
)


@dataclass(frozen=True)
class Edit:
    """One file: ``path`` from the project's root, and its text; ``before`` is None for a new file."""

    path: Path
    after: str
    before: str | None = None

    def diff(self) -> str:
        """Return the edit as a unified diff."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            fromfile="/dev/null" if self.before is None else f"a/{self.path}",
            tofile=f"b/{self.path}",
        )
        return "".join(lines)


def edits(options: Options, root: Path) -> list[Edit]:
    """Return all edits, new files first. Raises :class:`Rejected`, also when a file would be overwritten."""
    new = [*_function(options, root), _migration(options)]
    for edit in new:
        if (root / edit.path).exists():
            raise Rejected(f"{edit.path} already exists and is not overwritten; choose another name")
    changed = {
        REGISTRY: with_registry_entry,
        ARCHITECTURE: with_half_page,
    }
    if options.is_new_field:
        changed[options.model_file.relative_to(root)] = with_field
        if (root / resource_of(options)).exists():
            changed[resource_of(options)] = with_viewed_fields
            changed[FILTERS] = with_filters
    for path, edit_text in changed.items():
        before = (root / path).read_text(encoding="utf-8")
        new.append(Edit(path, edit_text(before, options), before))
    return new


def resource_of(options: Options) -> Path:
    """Return the file of the API's resource, from the project's root. Not every model has one."""
    return RESOURCES / f"{options.table.name}.py"


def _function(options: Options, root: Path) -> list[Edit]:
    folder, like = Path("functions") / options.folder, root / "functions" / DOMAIN_SCHEDULER.folder
    events = [Path("events") / f"{name}.json" for name in ("batch", "manual", "tick")]
    return [
        Edit(folder / "__init__.py", _filled("package.py", options)),
        Edit(folder / "handler.py", _filled("handler.py", options)),
        Edit(folder / f"{options.module}.py", _filled("job.py", options)),
        *(
            Edit(
                folder / event,
                (like / event)
                .read_text(encoding="utf-8")
                .replace(DOMAIN_SCHEDULER.name, options.service)
                .replace(METADATA.name, options.workflow),
            )
            for event in events
        ),
        Edit(Path("tests/unit") / options.folder / f"test_{options.module}.py", _filled("test.py", options)),
    ]


def _migration(options: Options) -> Edit:
    heads = ScriptDirectory.from_config(migrations.configuration()).get_heads()
    if len(heads) != 1 or not heads[0].isdecimal():
        raise Rejected(f"the newest migrations are {', '.join(heads)}: merge them into one with a number first")
    revision = f"{int(heads[0]) + 1:04}"
    first = options.is_new_field and _is_first_field(options.model_file.read_text(encoding="utf-8"))
    host = [f'"{name}"' for name in ("tenant", options.host, f"{options.prefix}due_at", "id")]
    storage = ", ".join(f"{name} = {value}" for name, value in WATCHED_STORAGE.items())
    alter = f'    op.execute("ALTER TABLE {options.table.name}'
    text = _filled(
        "new_field.py" if options.is_new_field else "known_field.py",
        options,
        revision=revision,
        before=heads[0],
        by_host=f'        ("due_by_host", [{", ".join(host)}], "{options.prefix}due_at IS NOT NULL"),\n'
        if options.host
        else "",
        columns="".join(
            f'        sa.Column("{name}", sa.{COLUMN_TYPES[kind][1]}, nullable=True),\n'
            for name, kind in options.columns
        ),
        dropped="".join(f'"{name}", ' for name, _ in options.columns),
        storage=f'{alter} SET ({storage})")\n' if first else "",
        no_storage=f'{alter} RESET ({", ".join(WATCHED_STORAGE)})")\n' if first else "",
    )
    return Edit(VERSIONS / f"{revision}_{options.workflow}.py", text.rstrip("\n") + "\n")


def with_registry_entry(text: str, options: Options) -> str:
    """Return the registry with the workflow and the service, each after the last of its kind."""
    body = ast.parse(text).body
    calls = [one for one in body if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)]
    workflows = [one for one in calls if ast.unparse(one.value).startswith("Workflow.watching(")]
    services = [one for one in calls if ast.unparse(one.value).startswith("Service(")]
    listed = [one for one in body if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == "SERVICES"]
    if not (workflows and services and listed):
        raise Rejected(f"{REGISTRY} lacks a workflow, a service, or SERVICES: add the service manually")
    host = f', host="{options.host}"' if options.host else ""
    web = "" if options.uses_web else ", uses_web=False"
    web += ", uses_places_api=True" if options.uses_places_api else ""
    watching = (
        f'{options.workflow_constant} = Workflow.watching("{options.workflow}", "{options.model.__name__}.{options.field}", '
        f'table="{options.table.name}", key="{options.key}"{host}, '
        f'job="{options.folder}.{options.module}:{options.job}"{web})\n'
    )
    settings = f"({options.workflow_constant},), ServiceSettings(batch_size=50)"
    service = f'{options.constant} = Service("{options.service}", "{options.constant}", {settings})\n'
    return _inserted(
        text,
        [
            (_end(workflows[-1]), watching),
            (_end(services[-1]), service),
            (_end(listed[0]) - 1, f"    {options.constant},\n"),
        ],
    )


def with_field(text: str, options: Options) -> str:
    """Return the model's file with the field, its companions and their constraints."""
    tree, name = ast.parse(text), options.model.__name__
    (model,) = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name]
    assigned = [one for one in model.body if isinstance(one, ast.Assign)]
    arguments = next((one for one in assigned if ast.unparse(one.targets[0]) == "__table_args__"), None)
    if arguments is None or not isinstance(arguments.value, ast.Tuple):
        raise Rejected(f"{name} has no tuple __table_args__ to which the field's constraints could be added")
    parts = [ast.get_source_segment(text, one) or "" for one in arguments.value.elts]
    has_options = isinstance(arguments.value.elts[-1], ast.Dict)
    if has_options and _is_first_field(text):
        raise Rejected(f"{name}.__table_args__ ends in other options: add base.WATCHED_STORAGE to them first")
    host = f', host="{options.host}"' if options.host else ""
    prefix = f', "{options.prefix}"' if options.prefix or host else ""
    constraints = f'*base.watched_constraints("{options.table.name}"{prefix}{host})'
    parts.insert(len(parts) - has_options, constraints)
    parts += [] if has_options else ['{"postgresql_with": base.WATCHED_STORAGE}']
    fields = "".join(
        f"    {options.prefix}{field}: Mapped[{kind}] = base.{made}()\n" for field, kind, made, _ in FIELDS
    )
    fields += "".join(f"    {name}: Mapped[{COLUMN_TYPES[kind][0]} | None]\n" for name, kind in options.columns)
    lines = _inserted(text, [(_end(model), f"\n{fields}")]).splitlines(keepends=True)
    lines[arguments.lineno - 1 : arguments.end_lineno] = [f"    __table_args__ = ({', '.join(parts)},)\n"]
    text = _imported("".join(lines), ("datetime", "datetime"), ("scrapersky.vocabulary", "Status"))
    more = f"; {options.workflow.replace('_', ' ')}, on ``{options.field}``"
    return re.sub(r"(Workflows?: [^.]+)\.", rf"\1{more}.", text, count=1)


def with_viewed_fields(text: str, options: Options) -> str:
    """Return the API's resource with the field and its companions in the view."""
    view = _class(text, f"{options.model.__name__}View")
    created = next((one for one in view.body if ast.unparse(one).startswith("created_at:")), None) if view else None
    if created is None:
        raise Rejected(f"the API's resource of {options.model.__name__} has no view with created_at")
    shown = "".join(f"    {options.prefix}{field}: {kind}\n" for field, _, _, kind in FIELDS)
    shown += "".join(f"    {name}: {COLUMN_TYPES[kind][0]} | None\n" for name, kind in options.columns)
    text = _inserted(text, [(created.lineno, shown)])
    times = (("datetime", "datetime"),) if "time" in dict(options.columns).values() else ()
    return _imported(text, ("scrapersky.vocabulary", "Status"), *times)


def with_filters(text: str, options: Options) -> str:
    """Return the filters of the tables with those by the field's status and error code."""
    filters = _class(text, f"{options.model.__name__}Filter")
    if filters is None:
        raise Rejected(f"{FILTERS} has no {options.model.__name__}Filter")
    filtered = f"    {options.prefix}status: Status | None = None\n    {options.prefix}error_code: str | None = None\n"
    return _inserted(text, [(_end(filters), filtered)])


def _class(text: str, name: str) -> ast.ClassDef | None:
    return next((one for one in ast.parse(text).body if isinstance(one, ast.ClassDef) and one.name == name), None)


def with_half_page(page: str, options: Options) -> str:
    """Return the architecture page with a section for the service after those of the others."""
    if page.count(SERVICES_END) != 1:
        raise Rejected(f"{ARCHITECTURE} needs one heading {SERVICES_END.strip()!r}, after the sections of the services")
    return page.replace(SERVICES_END, f"\n{_filled('half_page.md', options)}{SERVICES_END[1:]}")


def _is_first_field(model: str) -> bool:
    """Return whether the model has no watched field yet, so that its table has the default storage."""
    return "base.WATCHED_STORAGE" not in model


def _imported(text: str, *names: tuple[str, str]) -> str:
    """Return ``text`` with an import of each (module, name) that it lacks; ruff sorts them."""
    body = ast.parse(text).body
    known = {(one.module, alias.name) for one in body if isinstance(one, ast.ImportFrom) for alias in one.names}
    first = next(one.lineno for one in body if isinstance(one, ast.Import | ast.ImportFrom))
    return _inserted(text, [(first, "".join(f"from {one[0]} import {one[1]}\n" for one in names if one not in known))])


def _inserted(text: str, insertions: Sequence[tuple[int, str]]) -> str:
    """Return ``text`` with each string inserted before its line (counted from 1; one after the last appends)."""
    lines = text.splitlines(keepends=True)
    for line, addition in sorted(insertions, key=lambda insertion: -insertion[0]):
        lines.insert(line - 1, addition)
    return "".join(lines)


def _end(node: ast.stmt) -> int:
    """Return the line after ``node``."""
    return (node.end_lineno or node.lineno) + 1


def _filled(template: str, options: Options, **more: str) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(
        service=options.service,
        folder=options.folder,
        constant=options.constant,
        module=options.module,
        job=options.job,
        workflow=options.workflow,
        model=options.model.__name__,
        table=options.table.name,
        field=options.field,
        prefix=options.prefix,
        heading=options.workflow.replace("_", " ").capitalize(),
        others="".join(f'    ("{one.table}", "{one.field}", "{one.name}"),\n' for one in WORKFLOWS.values()),
        **more,
    )
