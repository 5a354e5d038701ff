"""A site's favicon and logo, as its page names them; nothing is guessed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from selectolax.lexbor import LexborNode

from domain_scheduler.html_page import HtmlPage
from domain_scheduler.structured_data import by_id, nodes
from scrapersky.web.html import attributes_of

MAX_IMAGES = 200
"""Images looked at for a logo."""

_LEVELS_UP = 3
_CALLED_A_LOGO = re.compile("logo", re.IGNORECASE)
_HOLDS_A_LOGO = re.compile(r"(?<!partner-)(?<!client-)\blogo(?!s)|logo\b|navbar-brand|site-brand", re.IGNORECASE)
_SOURCES = ("data-src", "data-lazy-src", "data-original", "src")
"""Where an image's address is, first those of images that a script loads later."""


def read_favicon(page: HtmlPage) -> str | None:
    """The first ``rel=icon`` with a url of its own (``data:`` has none), else the first of Apple's touch icons."""
    links = [(element.get("rel", "").lower().split(), element["href"]) for element in page.elements("link[href]")]
    icons = [href for rel, href in links if "icon" in rel]
    icons += [href for rel, href in links if any(word.startswith("apple-touch-icon") for word in rel)]
    return next((url for href in icons if (url := page.absolute(href))), None)


def read_logo(page: HtmlPage, json_ld: Sequence[Any], organisations: Sequence[Mapping[str, Any]]) -> str | None:
    """JSON-LD's ``logo``, then Open Graph's image, then an ``<img>`` that calls itself one."""
    return next((url for reference in _logos(page, json_ld, organisations) if (url := page.absolute(reference))), None)


def _logos(page: HtmlPage, json_ld: Sequence[Any], organisations: Sequence[Mapping[str, Any]]) -> Iterator[str | None]:
    known = by_id(json_ld)
    for node in [*organisations, *nodes(json_ld)]:
        yield from _image_urls(node.get("logo"), known)
    yield page.meta("og:logo")
    yield page.meta("og:image:secure_url", "og:image", "og:image:url")
    images = [(attributes_of(node), node) for node in page.tree.css("img")[:MAX_IMAGES]]
    ranked = ((rank, image) for image, node in images if (rank := _rank(image, node)) is not None)
    for _, image in sorted(ranked, key=lambda each: each[0]):
        yield from (image[name] for name in _SOURCES if name in image)
        yield image.get("srcset", "").strip().partition(" ")[0]


def _rank(image: Mapping[str, str], node: LexborNode) -> int | None:
    """How likely an ``<img>`` is the site's logo: called so itself, inside of what is called so, by its file or text."""
    if _says(image, _CALLED_A_LOGO, "class", "id"):
        return 0
    outer = node.parent
    for _ in range(_LEVELS_UP):
        if outer is not None and outer.tag != "body":
            if _says(outer.attributes, _HOLDS_A_LOGO, "class", "id"):
                return 1
            outer = outer.parent
    return 2 if _says(image, _CALLED_A_LOGO, "alt", "title", "src", *_SOURCES) else None


def _says(attributes: Mapping[str, str | None], words: re.Pattern[str], *names: str) -> bool:
    return any(words.search(attributes.get(name) or "") for name in names)


def _image_urls(value: object, known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for each in (value if isinstance(value, list) else [value])[:10]:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            image = each if "url" in each or "contentUrl" in each else known.get(str(each.get("@id")), {})
            yield from (url for name in ("url", "contentUrl") if isinstance(url := image.get(name), str))
