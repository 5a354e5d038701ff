"""Writes docs/settings.md from the settings models; with ``--check`` fails when the page is not what they say."""

import sys
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from scrapersky.service.registry import SERVICES
from scrapersky.service.settings import ServiceSettings, Settings
from scrapersky.web.settings import WebSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """# Settings

Every knob of the system is an environment variable. `cdk deploy` reads them from the operator's shell, checks them and
gives them to the functions; a bad value fails `cdk synth` and the cold start with a message that names the variable.
Stages set some of them in `infra/config.py`. This page is written by `scripts/environment python -m scripts.settings_table`.

Times are seconds and sizes are bytes unless the name says otherwise.
"""


def page() -> str:
    """The whole page, from the models."""
    prefixes = ", ".join(f"`{service.env_prefix}`" for service in SERVICES)
    parts = [
        HEAD,
        f"## Of each service\n\nThe name starts with the service's prefix: {prefixes}.\n",
        _table(ServiceSettings, "<PREFIX>_", set()),
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
        _table(Settings, "", set(WebSettings.model_fields)),
        "## Of the web client\n",
        _table(WebSettings, "", set()),
    ]
    return "\n".join(parts)


def _table(model: type[BaseModel], prefix: str, without: set[str]) -> str:
    rows = ["| Variable | Default | What it does |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if name in without:
            continue
        default = "" if field.default in (None, "", PydanticUndefined) else f"`{field.default}`"
        rows.append(f"| `{prefix}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Writes or checks the page."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.name} is not what the settings say: run python -m scripts.settings_table", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
