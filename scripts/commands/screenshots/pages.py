"""The console's pages, and pictures of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from scripts.commands.console.proxy import serving
from scripts.commands.console.upstream import Signature
from scripts.commands.screenshots.browser import Browser, Page

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "console"
MAX_BYTES = 150_000
WINDOW = {"width": 1180, "height": 760}
WITH_CONTACTS = "SELECT min(domain_id) FROM contacts"
PAGES: Mapping[str, str] = {
    "overview": "overview",
    "workflow": "workflow/metadata?tab=ended",
    "record": "record/metadata/{domain}",
    "errors": "errors",
    "leads": "leads?has_email=true",
    "curation": "curation/domains",
    "audit": "audit",
    "settings": "settings",
}
"""Each kind of page, and the address of one below ``/console/``."""


def addresses(engine: Engine) -> Mapping[str, str]:
    """Return :data:`PAGES` with the id of a domain that has contacts."""
    with engine.connect() as connection:
        domain = connection.execute(text(WITH_CONTACTS)).scalar_one()
    return {name: address.format(domain=domain) for name, address in PAGES.items()}


@contextmanager
def opened(
    browser: Browser, api_url: str, signature: Signature, *, read_only: bool = False, **options: Any
) -> Iterator[tuple[Page, str]]:
    """Open the console through its proxy, by its link; yield the page and the address below which all pages are."""
    with serving(api_url, signature, lambda _: None, read_only=read_only) as console:
        link, root = console.link, f"{console.origin}/console/"
        with browser.page(viewport=WINDOW, **options) as page:
            page.open(link)
            page.wait_for("Overview")
            yield page, root


def take(browser: Browser, engine: Engine, api_url: str, signature: Signature) -> list[Path]:
    """Write a picture of each page to :data:`FOLDER`, and a dark one of the first; return the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = addresses(engine)
    return [
        *_take(browser, api_url, signature, "light", found),
        *_take(browser, api_url, signature, "dark", {"overview-dark": found["overview"]}),
    ]


def _take(browser: Browser, api_url: str, signature: Signature, scheme: str, wanted: Mapping[str, str]) -> list[Path]:
    files: list[Path] = []
    with opened(browser, api_url, signature, colorScheme=scheme) as (page, root):
        for name, address in wanted.items():
            page.open(root + address)
            files.append(FOLDER / f"{name}.png")
            page.screenshot(files[-1])
    return files
