"""The websites that the project ships: folders with a ``site.json`` that describes how each site behaves."""

import gzip
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import can_ada
from pydantic import BaseModel, ConfigDict, Field

from scripts.commands.run.internet.name_server import Mail
from scripts.commands.run.internet.website import Answer, FileSite, RedirectTo, Request, Website, content_type, redirect

FOLDER = Path(__file__).parents[1] / "sites"

LISTED = re.compile(r"<loc>([^<]+)|^\ufeff?(https?://\S+)", re.MULTILINE)
"""A url in a sitemap, or in a text sitemap."""

PAGE = (
    '<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n<h1>{title}</h1>\n<p><a href="/">Home</a></p>\n'
)


class Expectation(BaseModel):
    """What the pipeline must find: the number of pages, and the error code of each workflow that must fail."""

    model_config = ConfigDict(extra="forbid")

    pages: int = 0
    emails: Mapping[str, str] = Field(default_factory=dict)
    """{e-mail address: path of a page that gives it}; the cards show all of them."""
    withheld: tuple[str, ...] = ()
    """E-mail addresses that CONTACTS_KEEP does not keep by default; nothing shows or stores them."""
    errors: Mapping[str, str] = Field(default_factory=dict)
    """{workflow: error code}."""


class Manifest(BaseModel):
    """A ``site.json``."""

    model_config = ConfigDict(extra="forbid")

    what: str
    """The special feature of the site, in one sentence."""
    domain: str | None = None
    """Its domain without ``www.``, if the folder has another name."""
    place: Mapping[str, Any]
    """Its Google place, in the shape of Places API (New); ``id`` and ``websiteUri`` are added where absent."""
    expect: Expectation = Expectation()

    www: bool = False
    """Its pages are at www., and the bare domain redirects there."""
    https: Literal["yes", "only", "no"] = "yes"
    """``only``: http redirects to https. ``no``: TLS handshakes fail."""
    status: int | None = None
    """Every answer has this status."""
    every_path: str | None = None
    """A file that answers for every path that is no file, with status 200 (a "soft 404")."""
    busy: int = 0
    """The first ``busy`` requests are answered with 503 and Retry-After."""
    gzipped: tuple[str, ...] = ()
    """Paths ending in .gz, compressed from the file of that name without .gz."""
    cut: Mapping[str, int] = Field(default_factory=dict)
    """{path: bytes after which the connection breaks}."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """Paths that a sitemap lists and that are gone."""
    dead: bool = False
    """The name does not exist."""
    mail: Mail = "mx"
    """How its domain takes mail."""


@dataclass(frozen=True)
class ShippedSite:
    """One folder of :data:`FOLDER`."""

    name: str
    folder: Path
    manifest: Manifest

    @property
    def domain(self) -> str:
        """The site's own domain, lower case, punycode, without www."""
        return can_ada.parse(f"http://{self.manifest.domain or self.name}/").hostname

    @property
    def host(self) -> str:
        """The host of its pages."""
        return f"www.{self.domain}" if self.manifest.www else self.domain

    @property
    def url(self) -> str:
        """The home page as people write it: before any redirect."""
        return f"{'http' if self.manifest.https == 'no' else 'https'}://{self.domain}/"


def read(folder: Path = FOLDER) -> list[ShippedSite]:
    """Return all shipped sites, in the order of their names."""
    return [
        ShippedSite(file.parent.name, file.parent, Manifest.model_validate_json(file.read_bytes()))
        for file in sorted(folder.glob("*/site.json"))
    ]


def websites(sites: list[ShippedSite]) -> dict[str, Website]:
    """Return {host: website} of ``sites``, with bare and www. names; a dead site has none."""
    return {host: website for site in sites if not site.manifest.dead for host, website in _hosts(site)}


def mail(sites: list[ShippedSite]) -> dict[str, Mail]:
    """Return {domain: how it takes mail} of ``sites`` that exist."""
    return {site.domain: site.manifest.mail for site in sites if not site.manifest.dead}


def without_https(sites: list[ShippedSite]) -> frozenset[str]:
    """Return the hosts that refuse TLS."""
    return frozenset(
        name for site in sites if site.manifest.https == "no" for name in (site.domain, f"www.{site.domain}")
    )


def _hosts(site: ShippedSite) -> Iterator[tuple[str, Website]]:
    other = site.domain if site.manifest.www else f"www.{site.domain}"
    yield site.host, ShippedWebsite(site.host, site.manifest, FileSite(site.folder, headers=site.manifest.headers))
    yield other, RedirectTo(site.host, scheme="https" if site.manifest.https == "only" else None)


@dataclass
class ShippedWebsite:
    """A folder of files that behaves as its manifest describes. A page that its sitemaps list exists, without a file too."""

    host: str
    manifest: Manifest
    files: FileSite
    answered: int = field(default=0)

    def answer(self, request: Request) -> Answer:
        """Return the file's answer, modified as the manifest says."""
        self.answered += 1
        if self.answered <= self.manifest.busy:
            return Answer(503, b"Back in a second.\n", {"Retry-After": "1", "Content-Type": "text/plain"})
        if self.manifest.https == "only" and request.scheme == "http":
            return redirect(f"https://{self.host}{request.target}")
        if request.path == "/site.json":
            return self.files.missing()
        answer = self._compressed(request) if request.path in self.manifest.gzipped else self._page(request)
        if answer.status == 404 and self.manifest.every_path:
            body = (self.files.folder / self.manifest.every_path).read_bytes()
            answer = Answer(200, body, {"Content-Type": "text/html; charset=utf-8", **self.manifest.headers})
        status = self.manifest.status or answer.status
        return Answer(status, answer.body, answer.headers, cut_at=self.manifest.cut.get(request.path))

    def _page(self, request: Request) -> Answer:
        """Return the file, else ``contact.html`` for ``/contact``, else a page of one line if a sitemap lists the path."""
        answer = self.files.answer(request)
        if answer.status == 404 and request.path.strip("/"):
            answer = self.files.answer(replace(request, target=f"{request.target.partition('?')[0].rstrip('/')}.html"))
        if answer.status == 404 and request.path in self._listed - set(self.manifest.missing):
            name = request.path.strip("/").rpartition("/")[2]
            body = PAGE.format(title=html.escape(name.replace("-", " ").capitalize())).encode()
            return Answer(200, body, {"Content-Type": content_type(f"{name}.html" if "." not in name else name)})
        return answer

    @cached_property
    def _listed(self) -> set[str]:
        sitemaps = [*self.files.folder.glob("*.xml"), *self.files.folder.glob("sitemap.txt")]
        urls = (one for file in sitemaps for found in LISTED.findall(file.read_text(errors="replace")) for one in found)
        paths = {unquote(urlsplit(html.unescape(url)).path) for url in urls if url.startswith("http")}
        return {path for path in paths if path != "/" and not path.endswith(".xml")}

    def _compressed(self, request: Request) -> Answer:
        file = self.files.folder / request.path.removeprefix("/").removesuffix(".gz")
        return Answer(200, gzip.compress(file.read_bytes(), mtime=0), {"Content-Type": "application/gzip"})
