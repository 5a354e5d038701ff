"""Make pages of templates, with links relative to the console's root.

Warning: every title, reason and URL on a page is a stranger's text. The templates escape all values, which are also cut
and freed of control characters (:func:`shown`), and only :func:`link` makes a link to another site.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup

from scrapersky.status.explain import duration, instant

HERE = Path(__file__).parent
PAGES = frozenset({"overview", "find", "errors", "leads", "curation", "audit", "settings"})
"""The pages that the header links."""
SHOWN = 300
"""Characters of a text that a page shows."""
LONG = 10_000
"""Characters of an attempt's detail."""
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control and format characters, which could reorder or hide the text around them."""


def rendered(template: str, root: str, values: Mapping[str, Any]) -> str:
    """Return the HTML that ``template`` makes of ``values``; ``root`` leads from the page to the console's root."""

    def url(*parts: object, **query: object) -> Markup:
        """Return a link below the root. Parameters that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        text = root + "/".join(quote(str(part), safe="") for part in parts) + (f"?{urlencode(given)}" if given else "")
        return Markup.escape(text)

    return templates().get_template(template).render(**values, url=url, now=datetime.now(UTC))


@cache
def templates() -> jinja2.Environment:
    """Return the environment of all templates."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "link": link,
        "whole": Markup.escape,
        "ago": _ago,
        "duration": duration,
        "number": _number,
        "long": _long,
    }
    made.globals |= {"version_of": version_of, "pages": PAGES}
    return made


def link(value: object) -> object:
    """Return a link to a website; any other value as it is."""
    if not isinstance(value, str) or not re.match(r"https?://[^\s/]", value, re.IGNORECASE) or len(value) > 2_048:
        return value
    return Markup('<a href="{}" rel="noreferrer noopener nofollow" target="_blank">{}</a>').format(value, shown(value))


def shown(value: object) -> object:
    """Return ``value`` as a page shows it: texts cut, control characters replaced, times in UTC, None as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "__html__") or isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value[:10])) + (" …" if len(value) > 10 else "")
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return INVISIBLE.sub("\ufffd", text[:SHOWN] + ("…" if len(text) > SHOWN else ""))


def _ago(value: datetime | str | None) -> str:
    """Return how long ago, or in how long, a moment is."""
    if value is None:
        return "never"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def _long(value: object) -> Markup:
    """Return a value with all of its parts, cut to :data:`LONG` characters."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return Markup.escape(INVISIBLE.sub("\ufffd", text[:LONG] + ("…" if len(text) > LONG else "")))


def _number(value: int, cap: int | None = None) -> str:
    """Return a number with its thousands separated; ``cap`` marks the highest one that is counted."""
    return f"{cap:,}+" if cap is not None and value >= cap else f"{value:,}"


@cache
def version_of(name: str) -> str:
    """Return a text that changes with the content of a static file."""
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
