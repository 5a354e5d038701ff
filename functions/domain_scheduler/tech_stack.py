"""The technologies a website is made with, and the evidence for each. ``detectors.tsv`` lists what reveals them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scrapersky.extraction.page import HtmlPage
from scrapersky.web.storable import tidy

MAX_EVIDENCE = 200
"""Characters of evidence kept for one technology."""

MAX_ADDRESSES = 3_000
"""Addresses of each kind examined in one page."""

MAX_ADDRESS = 120
"""Characters of the beginning of an address in the source; every match that begins with ``//`` is shorter."""

CONTENT_SYSTEMS = frozenset(("cms", "site builder", "e-commerce"))
"""Categories of alternatives to WordPress: if one of them is found, WordPress is not in use."""

_VERSION = r"v?\.?(\d{1,4}(?:\.\d{1,6}){0,3}(?:-(?:alpha|beta|rc|dev|canary)[.\d]{0,8})?)"
_COOKIE_NAME = re.compile(r"(?:\A|, ?)([\w\-.]{1,80})=")


@dataclass(frozen=True)
class Detector:
    """The page is made with ``name`` if ``expression`` is found in ``where``; its first group is the version.

    ``where`` is ``generator`` (a meta element), ``script`` (an external script's address), ``link`` (another address:
    stylesheet, image, link), ``html`` (the page's source), ``header`` (``name: value`` of the response) or ``cookie``
    (a name). ``literal`` is a text that every match contains, or "": without it the expression is not tried, which is
    faster.
    """

    category: str
    name: str
    where: str
    literal: str
    expression: str

    @cached_property
    def haystack(self) -> str:
        """Where the expression is searched: one that begins with ``//`` only in the addresses of the source."""
        return "address" if self.where == "html" and self.expression.startswith("//") else self.where

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The compiled expression. Compiled on first use, as a page contains the literals of few detectors."""
        # The source is long, and only a case-sensitive pattern that starts with a literal is found fast. So a
        # condition on what precedes it (a word boundary) follows it as a look-behind.
        return re.compile(self.expression, re.NOFLAG if self.where == "html" else re.IGNORECASE | re.MULTILINE)


def _read_detectors(file: Path) -> tuple[Detector, ...]:
    """Return the detectors of a tab-separated ``file``.

    ``VERSION`` in a pattern stands for a captured version number.
    """
    _, *lines = (line for line in file.read_text("utf-8").splitlines() if not line.startswith("#"))
    detectors = []
    for line in lines:
        category, name, where, literal, pattern = line.split("\t")
        expression = pattern.replace("VERSION", _VERSION)
        detectors.append(
            Detector(category, name, where, literal if where == "html" else literal.casefold(), expression)
        )
    return tuple(detectors)


DETECTORS = _read_detectors(Path(__file__).with_name("detectors.tsv"))


@dataclass(frozen=True)
class Technology:
    """One finding; ``version`` is None where the evidence does not state it."""

    category: str
    name: str
    version: str | None
    evidence: str


def read_tech_stack(page: HtmlPage, headers: Mapping[str, str]) -> list[Technology]:
    """Return the technologies in the order of the table, each once, with the first evidence that states a version."""
    haystacks = _haystacks(page, headers)
    folded = {where: text if where in ("html", "address") else text.casefold() for where, text in haystacks.items()}
    found: dict[str, Technology] = {}
    for detector in DETECTORS:
        known = found.get(detector.name)
        if known is not None and known.version is not None:
            continue
        if detector.literal not in folded[detector.haystack]:
            continue
        technology = _detect(detector, haystacks[detector.haystack])
        if technology is not None and (known is None or technology.version is not None):
            found[detector.name] = technology
    return list(found.values())


def _haystacks(page: HtmlPage, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the text to search for each ``where``, one piece of evidence per line except in the source."""
    addresses = [element["href"] for element in page.elements("link[href]")]
    addresses += [src for element in page.elements("img[src]") if _is_own(src := element["src"], page)]
    return {
        "generator": _joined(page.metas.get("generator", ())),
        "script": _joined(element["src"] for element in page.elements("script[src]")),
        "link": _joined(addresses),
        "html": page.source,
        "address": "\n//".join(["", *(rest[:MAX_ADDRESS] for rest in page.source.split("//")[1:])]),
        "header": _joined(f"{name.lower()}: {value}" for name, value in headers.items()),
        "cookie": _joined(_COOKIE_NAME.findall(headers.get("set-cookie", "")[:16_384])),
    }


def _is_own(src: str, page: HtmlPage) -> bool:
    """Return whether an image belongs to this site, also through a CDN. Another site's says nothing about this one."""
    scheme, slashes, rest = src.partition("//")
    if not slashes or scheme.lower() not in ("", "http:", "https:"):
        return True
    return page.registrable_domain in rest.lower()


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(" ".join(line.split())[:1_000] for line, _ in zip(lines, range(MAX_ADDRESSES), strict=False))


def _detect(detector: Detector, haystack: str) -> Technology | None:
    match = detector.pattern.search(haystack)
    if match is None:
        return None
    version = match[1] if detector.pattern.groups else None
    line = haystack[haystack.rfind("\n", 0, match.start()) + 1 :] if detector.where != "html" else match[0]
    evidence = tidy(f"{detector.where}: {line.partition(chr(10))[0]}", MAX_EVIDENCE) or detector.where
    return Technology(detector.category, detector.name, tidy(version, 40), evidence)
