"""Pages whose numbers are filled in from a result, so that a rerun keeps them true.

A page has places ``<!-- name -->`` … ``<!-- /name -->``; what stands between is replaced, all else is a person's.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs" / "benchmarks"


class NoPlace(LookupError):
    """The page has no place for a part of the result."""


def fill(text: str, parts: Mapping[str, str]) -> str:
    """``text`` with each part put in its place. Raises :class:`NoPlace`."""
    for name, part in parts.items():
        place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
        if not place.search(text):
            raise NoPlace(f"the page has no <!-- {name} --> … <!-- /{name} --> to put a part of the result in")
        text = place.sub(lambda found, part=part: f"{found[1]}{part.strip()}\n{found[2]}", text)  # type: ignore[misc]
    return text


def publish(
    name: str, result: Mapping[str, Any], parts: Mapping[str, str], charts: Mapping[str, str], folder: Path = PAGES
) -> None:
    """Writes ``<name>.json`` and the charts into ``folder``, and fills the page ``<name>.md`` where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for chart, drawing in charts.items():
        (folder / f"{name}-{chart}.svg").write_text(drawing, encoding="utf-8")
    page = folder / f"{name}.md"
    if page.is_file():
        page.write_text(fill(page.read_text(encoding="utf-8"), parts), encoding="utf-8")


def picture(name: str, chart: str, alternative: str) -> str:
    """The Markdown that shows a chart, with what it says in words."""
    return f"![{alternative}]({name}-{chart}.svg)"


def read(name: str, folder: Path = PAGES) -> dict[str, Any]:
    """The last result of a benchmark. Raises FileNotFoundError naming the command that makes it."""
    file = folder / f"{name}.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file} is not there: scripts/bench/{name} makes it")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
