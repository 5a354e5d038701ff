"""What a website is made with, and what gave it away."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain_scheduler.detectors import DETECTORS, Detector
from domain_scheduler.html_page import HtmlPage
from scrapersky.web.storable import tidy

MAX_EVIDENCE = 200
"""Characters of evidence kept for one technology."""

MAX_ADDRESSES = 3_000
"""Addresses of each kind looked at in one page."""

CONTENT_SYSTEMS = frozenset(("cms", "site builder", "e-commerce"))
"""Categories of which WordPress is one, so that another one found means it is gone."""

_COOKIE_NAME = re.compile(r"(?:\A|, ?)([\w\-.]{1,80})=")


@dataclass(frozen=True)
class Technology:
    """One finding; ``version`` where the evidence tells it."""

    category: str
    name: str
    version: str | None
    evidence: str


def read_tech_stack(page: HtmlPage, headers: Mapping[str, str]) -> list[Technology]:
    """Everything found, in the order of the table; each technology once, by its first evidence that has a version."""
    haystacks = _haystacks(page, headers)
    folded = {where: text if where == "html" else text.casefold() for where, text in haystacks.items()}
    found: dict[str, Technology] = {}
    for detector in DETECTORS:
        known = found.get(detector.name)
        if known is not None and known.version is not None:
            continue
        if detector.needs not in folded[detector.where]:
            continue
        technology = _found(detector, haystacks[detector.where])
        if technology is not None and (known is None or technology.version is not None):
            found[detector.name] = technology
    return list(found.values())


def _haystacks(page: HtmlPage, headers: Mapping[str, str]) -> Mapping[str, str]:
    """The text to search for each kind of evidence; one piece of evidence a line where that matters."""
    addresses = [element["href"] for element in page.elements("link[href]")]
    addresses += [src for element in page.elements("img[src]") if _is_own(src := element["src"], page)]
    return {
        "generator": _joined(page.metas.get("generator", ())),
        "script": _joined(element["src"] for element in page.elements("script[src]")),
        "link": _joined(addresses),
        "html": page.source,
        "header": _joined(f"{name.lower()}: {value}" for name, value in headers.items()),
        "cookie": _joined(_COOKIE_NAME.findall(headers.get("set-cookie", "")[:16_384])),
    }


def _is_own(src: str, page: HtmlPage) -> bool:
    """Whether an image is the site's, be it by way of a network: one of another site tells what that is made with."""
    scheme, slashes, rest = src.partition("//")
    if not slashes or scheme.lower() not in ("", "http:", "https:"):
        return True
    return page.own_name in rest.lower()


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(" ".join(line.split())[:1_000] for line, _ in zip(lines, range(MAX_ADDRESSES), strict=False))


def _found(detector: Detector, haystack: str) -> Technology | None:
    match = detector.pattern.search(haystack)
    if match is None:
        return None
    version = match[1] if detector.pattern.groups else None
    line = haystack[haystack.rfind("\n", 0, match.start()) + 1 :] if detector.where != "html" else match[0]
    evidence = tidy(f"{detector.where}: {line.partition(chr(10))[0]}", MAX_EVIDENCE) or detector.where
    return Technology(detector.category, detector.name, tidy(version, 40), evidence)
