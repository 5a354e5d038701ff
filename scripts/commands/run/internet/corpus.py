"""Websites of a folder in the corpus layout, as docs/how-to/run-your-own-sites.md describes it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import can_ada
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from scripts.commands.run.internet.website import Answer, FileSite, RedirectTo, Request, Website, not_found

EXAMPLE = '{"domain": "shop.example", "dir": "shop"}'
VALID = {
    "domain": 'a host name, such as "shop.example"',
    "dir": "the name of a folder below sites/",
    "base_path": 'empty, or a path that starts with "/"',
    "pages": 'a list of objects such as {"url": "/contact", "file": "contact.html"}',
}
"""{field of a line: what is valid}."""


class CorpusError(ValueError):
    """The folder is not in the corpus layout; the message names the file, the line, the field and what is valid."""


class PageLine(BaseModel):
    """A page's URL, and its file relative to the site's folder."""

    model_config = ConfigDict(strict=True)

    url: str
    file: str


class SiteLine(BaseModel):
    """One line of ``sites.jsonl``; other fields are ignored. ``base_path`` is empty or starts with a slash."""

    model_config = ConfigDict(strict=True)

    domain: str
    dir: str
    base_path: str = ""
    pages: list[PageLine] = []

    @field_validator("domain")
    @classmethod
    def _is_host(cls, domain: str) -> str:
        can_ada.parse(f"http://{domain}/")  # raises ValueError
        return domain

    @field_validator("base_path")
    @classmethod
    def _starts_with_slash(cls, path: str) -> str:
        if path and not path.startswith("/"):
            raise ValueError
        return path

    @property
    def host(self) -> str:
        """The domain as in DNS: lower case, punycode."""
        return can_ada.parse(f"http://{self.domain}/").hostname.removesuffix(".")

    @property
    def url(self) -> str:
        """The home page."""
        return f"https://{self.host}{self.base_path.rstrip('/')}/"


def read(folder: Path) -> list[SiteLine]:
    """Return the sites of the corpus in ``folder``. Raises :class:`CorpusError`."""
    listing = folder / "sites.jsonl"
    try:
        lines = listing.read_text(encoding="utf-8-sig").split("\n")  # not splitlines(): a JSON string may hold U+2028
    except OSError as error:
        raise CorpusError(
            f"{listing}: {error.strerror}. --sites needs a folder with a file sites.jsonl, one line per site, such as "
            f"{EXAMPLE}, and that site's files in sites/shop. See docs/how-to/run-your-own-sites.md."
        ) from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{listing} is not UTF-8: byte {error.start} is not valid") from None
    sites = list(_sites(listing, lines))
    if not sites:
        raise CorpusError(f"{listing} has no line: write one per site, such as {EXAMPLE}")
    return sites


def _sites(listing: Path, lines: list[str]) -> Iterator[SiteLine]:
    first_lines: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = f"{listing}, line {number}"
            site = _site(where, line)
            if site.url in first_lines:
                raise CorpusError(
                    f"{where}: {site.url} is already in line {first_lines[site.url]}; write one line per site"
                )
            first_lines[site.url] = number
            if not (files := listing.parent / "sites" / site.dir).is_dir():
                raise CorpusError(f'{where}, field "dir": {files} is not a folder; {VALID["dir"]} is valid')
            yield site


def _site(where: str, line: str) -> SiteLine:
    try:
        return SiteLine.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise CorpusError(f"{where}, column {error.colno}: not valid JSON ({error.msg}); {EXAMPLE} is valid") from None
    except ValidationError as error:
        problem = error.errors()[0]
        if not problem["loc"]:
            raise CorpusError(f"{where}: not a JSON object; {EXAMPLE} is valid") from None
        path = ".".join(map(str, problem["loc"]))
        found = "is missing" if problem["type"] == "missing" else f"is {json.dumps(problem['input'])}"
        valid = VALID[str(problem["loc"][0])]
        raise CorpusError(f'{where}, field "{path}": it {found}; {valid} is valid') from None


def websites(folder: Path, sites: list[SiteLine]) -> dict[str, Website]:
    """Return {host: website} of ``sites``, and for each a redirect from its name with (or without) www.

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
    """Several sites on one host, each at its own base path."""

    sites: tuple[FileSite, ...]

    def answer(self, request: Request) -> Answer:
        """Return the answer of the site with the longest matching base path; the root belongs to the first site."""
        if request.path == "/" and all(site.base_path for site in self.sites):
            return self.sites[0].answer(request)
        matching = [s for s in self.sites if request.path == s.base_path or request.path.startswith(f"{s.base_path}/")]
        return max(matching, key=lambda site: len(site.base_path)).answer(request) if matching else not_found()
