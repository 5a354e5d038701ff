"""Write docs/settings.md from the settings models; with ``--check`` fail when the page is outdated."""

import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import ServiceSettings, Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

HEAD = """# Settings

Every setting is an environment variable. `cdk deploy` reads them from the operator's shell, validates
them and passes them to the functions. An invalid value fails `cdk synth` and the cold start with a
message that names the variable. Stages set some of them in `infra/config.py`. This page is generated
by `scripts/environment python -m scripts.commands.settings_table`.

Times are seconds and sizes are bytes unless the name says otherwise.
"""


def page() -> str:
    """Return the page."""
    prefixes = ", ".join(f"`{service.env_prefix}`" for service in SERVICES)
    parts = [
        HEAD,
        f"## Of each service\n\nThe name starts with the service's prefix: {prefixes}.\n",
        _table(ServiceSettings, ServiceSettings.model_fields, "<PREFIX>_"),
        "Where a service's default differs:\n",
        *(
            f"- {service.name}: "
            + ", ".join(
                f"`{service.env_prefix}_{name.upper()}` = {value}"
                for name, value in service.defaults.model_dump(exclude_unset=True).items()
            )
            for service in SERVICES
        ),
        "\n## Shared by all services\n",
        _table(Settings, [name for name in Settings.model_fields if not name.startswith("web_")]),
        "## Of the web client\n",
        _table(Settings, [name for name in Settings.model_fields if name.startswith("web_")]),
    ]
    return "\n".join(parts)


def _table(model: type[BaseModel], names: Iterable[str], prefix: str = "") -> str:
    rows = ["| Variable | Default | What it does |", "|---|---|---|"]
    for name in names:
        field = model.model_fields[name]
        default = "" if field.default in (None, "", PydanticUndefined) else f"`{field.default}`"
        rows.append(f"| `{prefix}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or check it; return the exit status."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.name} is outdated: run python -m scripts.commands.settings_table", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
