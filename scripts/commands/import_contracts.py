"""Write the services' names into the import contracts of pyproject.toml; with ``--check``, fail when one is missing.

import-linter accepts no wildcard for a top-level package, and every service is one.
"""

import re
import sys
from pathlib import Path

from scrapersky.runtime.registry import SERVICES, WORKFLOWS

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"

OTHERS = ("dead_letter", "housekeeping", "migrate", "api")
"""The functions that are not background services."""

SHARED = ("scrapersky", "infra", "scripts")
"""The packages that are not functions."""


def filled(text: str) -> str:
    """Return ``text`` of pyproject.toml with the registry's services in each list of services. Raises ValueError."""
    services = [service.folder for service in SERVICES]
    functions = [*services, *OTHERS]
    roots = ", ".join(f'"{name}"' for name in (*SHARED, *functions))
    text = _replaced(text, r"^root_packages = \[.*?\]$", f"root_packages = [{roots}]")
    text = _replaced(text, r"^ancestors = \[.*?\]$", f"ancestors = [{roots}]")
    product = roots.replace(', "scripts"', "")
    text = _replaced(text, r'(?<=^name = "The product)(.*?source_modules = )\[.*?\]$', rf"\g<1>[{product}]")
    text = _replaced(
        text,
        r'(?<=^name = "Dependencies point one way)(.*?layers = \[\n    )"[^"]*"',
        rf'\g<1>"{" | ".join(functions)}"',
    )
    text = _replaced(
        text,
        r'(?<=^name = "Jobs open no session)(.*?source_modules = \[\n).*?^\]',
        r"\g<1>" + _lines(services),
    )
    readers = (one.page_function.partition(":")[0] for one in WORKFLOWS.values() if one.page_function)
    child = ", ".join(f'"{name}"' for name in ("scrapersky.extraction", "scrapersky.web.reading.child", *readers))
    text = _replaced(text, r'(?<=^name = "The child)(.*?source_modules = )\[.*?\]$', rf"\g<1>[{child}]")
    return _replaced(
        text,
        r'(?<=^name = "Routers run no job)(.*?forbidden_modules = \[\n(?:    "scrapersky[^\n]*\n)+).*?^\]',
        r"\g<1>" + _lines(sorted(services)),
    )


def _lines(names: list[str]) -> str:
    return "".join(f'    "{name}",\n' for name in names) + "]"


def _replaced(text: str, pattern: str, wanted: str) -> str:
    replaced, times = re.subn(pattern, wanted, text, flags=re.MULTILINE | re.DOTALL)
    if times != 1:
        raise ValueError(f"pyproject.toml: expected one place like {pattern!r}, found {times}")
    return replaced


def main(arguments: list[str]) -> int:
    """Write or check the lists; return the exit status."""
    text = PYPROJECT.read_text(encoding="utf-8")
    wanted = filled(text)
    if wanted == text:
        return 0
    if "--check" in arguments:
        print(
            "pyproject.toml lacks a service in an import contract: run python -m scripts.commands.import_contracts",
            file=sys.stderr,
        )
        return 1
    PYPROJECT.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
