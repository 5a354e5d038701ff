"""Websites of a folder in the corpus layout: ``sites.jsonl`` and ``sites/<dir>/…``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import can_ada
from pydantic import BaseModel, ValidationError

from scripts.commands.run.internet.files import FileSite
from scripts.commands.run.internet.website import Answer, RedirectTo, Request, Website, not_found


class CorpusError(ValueError):
    """The folder is not in the corpus layout; the message names the line and what would be right."""


class PageLine(BaseModel):
    """A page's address, and the file that it is."""

    url: str
    file: str


class SiteLine(BaseModel):
    """One line of ``sites.jsonl``, as far as serving it needs. ``base_path`` is empty or starts with a slash."""

    domain: str
    dir: str
    base_path: str = ""
    pages: tuple[PageLine, ...] = ()

    @property
    def host(self) -> str:
        """The domain as it stands in DNS: lower case, punycode."""
        return can_ada.parse(f"http://{self.domain}/").hostname.removesuffix(".")

    @property
    def url(self) -> str:
        """The home page."""
        return f"https://{self.host}{self.base_path.rstrip('/')}/"


def read(folder: Path) -> list[SiteLine]:
    """The sites of the corpus in ``folder``. Raises :class:`CorpusError`."""
    listing = folder / "sites.jsonl"
    try:
        lines = listing.read_text(encoding="utf-8-sig").split("\n")  # not splitlines(): a JSON string may hold U+2028
    except OSError as error:
        raise CorpusError(f"{listing} cannot be read ({error}); a folder with sites.jsonl is wanted") from None
    sites = list(_sites(listing, lines))
    for site in sites:
        if not (folder / "sites" / site.dir).is_dir():
            raise CorpusError(f"{listing} names {site.domain}, but {folder / 'sites' / site.dir} is no folder")
    return sites


def _sites(listing: Path, lines: list[str]) -> Iterator[SiteLine]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                site = SiteLine.model_validate_json(line)
                url = site.url  # a name that cannot stand in DNS raises here, with its line
            except (ValidationError, ValueError) as error:
                raise CorpusError(f"{listing}, line {number}: {error}") from None
            if url in seen:
                raise CorpusError(f"{listing}, line {number}: {url} is in line {seen[url]} already; one line a site")
            seen[url] = number
            yield site


def websites(folder: Path, sites: list[SiteLine]) -> dict[str, Website]:
    """{host: website} of ``sites``, and of each one's counterpart with or without www., which redirects to it.

    Sites of one host (GitHub pages) share it, each at its own base path.
    """
    served: dict[str, list[FileSite]] = {}
    for site in sites:
        served.setdefault(site.host, []).append(
            FileSite(
                folder / "sites" / site.dir,
                base_path=site.base_path.rstrip("/"),
                pages={unquote(urlsplit(urljoin(site.url, page.url)).path): page.file for page in site.pages},
            )
        )
    counterparts = {host.removeprefix("www.") if host.startswith("www.") else f"www.{host}": host for host in served}
    return {
        **{other: RedirectTo(host) for other, host in counterparts.items()},
        **{host: files[0] if len(files) == 1 else SharedHost(tuple(files)) for host, files in served.items()},
    }


@dataclass(frozen=True)
class SharedHost:
    """Several sites on one host, told apart by their base paths."""

    sites: tuple[FileSite, ...]

    def answer(self, request: Request) -> Answer:
        """The answer of the site whose base path fits best; the root belongs to the first."""
        if request.path == "/" and all(site.base_path for site in self.sites):
            return self.sites[0].answer(request)
        fitting = [s for s in self.sites if request.path == s.base_path or request.path.startswith(f"{s.base_path}/")]
        return max(fitting, key=lambda site: len(site.base_path)).answer(request) if fitting else not_found()
