"""Everything that a wish changes in the tree, worked out before a file is touched."""

from pathlib import Path
from string import Template

from alembic.script import ScriptDirectory

from scrapersky import migrations
from scrapersky.models.base import WATCHED_STORAGE
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scripts.commands.new_service import documents
from scripts.commands.new_service.change import Change
from scripts.commands.new_service.model_field import is_first_watched_field, with_field
from scripts.commands.new_service.registry_entry import registered
from scripts.commands.new_service.wish import Refused, Wish

TEMPLATES = Path(__file__).parent / "templates"
REGISTRY = Path("layers/common/python/scrapersky/runtime/registry.py")
VERSIONS = Path("layers/common/python/scrapersky/migrations/versions")
ARCHITECTURE = Path("docs/BACKGROUND_SERVICES_ARCHITECTURE.md")
SAM_PAGE, SAM_ENVIRONMENT = Path("docs/sam-local.md"), Path("scripts/sam/environment.json")
API_RESOURCES = Path("functions/api/resources")


def changes(wish: Wish, root: Path) -> list[Change]:
    """New files first. Raises :class:`Refused`, also when a file would be overwritten."""
    made = [*_new_files(wish, root), _migration(wish), *_edits(wish, root)]
    for change in made:
        if change.before is None and (root / change.path).exists():
            raise Refused(f"{change.path} is there already, and nothing is overwritten; another name is right")
    return made


def _new_files(wish: Wish, root: Path) -> list[Change]:
    folder = Path("functions") / wish.folder
    like = root / "functions" / DOMAIN_SCHEDULER.folder / "events"
    events = [
        Change(folder / "events" / f"{name}.json", _renamed((like / f"{name}.json").read_text(encoding="utf-8"), wish))
        for name in ("batch", "manual", "tick")
    ]
    return [
        Change(folder / "__init__.py", _filled("package.py", wish)),
        Change(folder / "handler.py", _filled("handler.py", wish)),
        Change(folder / f"{wish.module}.py", _filled("job.py", wish)),
        *events,
        Change(Path("tests/unit") / wish.folder / f"test_{wish.module}.py", _filled("test.py", wish)),
    ]


def _renamed(event: str, wish: Wish) -> str:
    return event.replace(DOMAIN_SCHEDULER.name, wish.service).replace(METADATA.name, wish.workflow)


def _migration(wish: Wish) -> Change:
    heads = ScriptDirectory.from_config(migrations.configuration()).get_heads()
    if len(heads) != 1 or not heads[0].isdecimal():
        raise Refused(f"the newest migration is {' and '.join(heads)}: one, with a number, is right; merge them first")
    (head,) = heads
    revision = f"{int(head) + 1:04}"
    first = wish.is_new_field and is_first_watched_field(wish.model_file.read_text(encoding="utf-8"))
    by_host = [f'"{name}"' for name in ("tenant", wish.host, f"{wish.prefix}due_at", "id")]
    options = ", ".join(f"{name} = {value}" for name, value in WATCHED_STORAGE.items())
    table = wish.model.__tablename__
    text = _filled(
        "new_field.py" if wish.is_new_field else "known_field.py",
        wish,
        revision=revision,
        before=head,
        by_host=f'        ("due_by_host", [{", ".join(by_host)}], "{wish.prefix}due_at IS NOT NULL"),\n'
        if wish.host
        else "",
        storage=f'    op.execute("ALTER TABLE {table} SET ({options})")\n' if first else "",
        no_storage=f'    op.execute("ALTER TABLE {table} RESET ({", ".join(WATCHED_STORAGE)})")\n' if first else "",
    )
    return Change(VERSIONS / f"{revision}_{wish.workflow}.py", text.rstrip("\n") + "\n")


def _edits(wish: Wish, root: Path) -> list[Change]:
    def edit(path: Path, after: str) -> Change:
        return Change(path, after, before=(root / path).read_text(encoding="utf-8"))

    def now(path: Path) -> str:
        return (root / path).read_text(encoding="utf-8")

    edits = [
        edit(REGISTRY, registered(now(REGISTRY), wish)),
        edit(ARCHITECTURE, documents.with_half_page(now(ARCHITECTURE), _filled("half_page.md", wish))),
        edit(SAM_PAGE, documents.with_sam_row(now(SAM_PAGE), wish)),
        edit(SAM_ENVIRONMENT, documents.with_sam_environment(now(SAM_ENVIRONMENT), wish)),
    ]
    if wish.is_new_field:
        model = wish.model_file.relative_to(root)
        view = API_RESOURCES / f"{wish.model.__tablename__}.py"
        edits += [
            edit(model, with_field(now(model), wish)),
            edit(view, documents.with_view_fields(now(view), wish)),
        ]
    return edits


def _filled(template: str, wish: Wish, **more: str) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(
        service=wish.service,
        folder=wish.folder,
        constant=wish.constant,
        module=wish.module,
        job=wish.job,
        workflow=wish.workflow,
        workflow_constant=wish.workflow_constant,
        registered=", ".join(sorted((wish.constant, wish.workflow_constant))),
        model=wish.model.__name__,
        table=wish.model.__tablename__,
        field=wish.field,
        prefix=wish.prefix,
        heading=wish.workflow.replace("_", " ").capitalize(),
        **more,
    )
