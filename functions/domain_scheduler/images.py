"""A site's favicon and logo, where the page declares them; no addresses are guessed."""

import re
from collections.abc import Iterator, Mapping, Sequence

from selectolax.lexbor import LexborNode

from scrapersky.extraction.json_ld import Graph, Node
from scrapersky.extraction.page import HtmlPage
from scrapersky.web.html import attributes_of

MAX_IMAGES = 200
"""Images considered as logo."""

_LEVELS_UP = 3
_LOGO = re.compile("logo", re.IGNORECASE)
_LOGO_CONTAINER = re.compile(r"(?<!partner-)(?<!client-)\blogo(?!s)|logo\b|navbar-brand|site-brand", re.IGNORECASE)
_SOURCES = ("data-src", "data-lazy-src", "data-original", "src")
"""Attributes with an image's address. Lazy-loading ones come first: their ``src`` is a placeholder."""


def read_favicon(page: HtmlPage) -> str | None:
    """Return the address of the first ``rel=icon`` that is not a ``data:`` URL, else of the first Apple touch icon."""
    links = [(element.get("rel", "").lower().split(), element["href"]) for element in page.elements("link[href]")]
    icons = [href for rel, href in links if "icon" in rel]
    icons += [href for rel, href in links if any(word.startswith("apple-touch-icon") for word in rel)]
    return next((url for href in icons if (url := page.absolute(href))), None)


def read_logo(page: HtmlPage, graph: Graph, organisations: Sequence[Node]) -> str | None:
    """Return the address of JSON-LD's ``logo``, else of Open Graph's image, else of the likeliest ``<img>``."""
    return next((url for reference in _logos(page, graph, organisations) if (url := page.absolute(reference))), None)


def _logos(page: HtmlPage, graph: Graph, organisations: Sequence[Node]) -> Iterator[str | None]:
    for node in [*organisations, *graph.nodes]:
        yield from _logos_of(node, graph)
    yield page.meta("og:logo")
    yield page.meta("og:image:secure_url", "og:image", "og:image:url")
    images = [(attributes_of(node), node) for node in page.tree.css("img")[:MAX_IMAGES]]
    ranked = ((rank, image) for image, node in images if (rank := _rank(image, node)) is not None)
    for _, image in sorted(ranked, key=lambda each: each[0]):
        yield from (image[name] for name in _SOURCES if name in image)
        yield image.get("srcset", "").strip().partition(" ")[0]


def _logos_of(node: Node, graph: Graph) -> Iterator[str]:
    for value in node.values("logo")[:10]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            has_url = "url" in value or "contentUrl" in value
            image = value if has_url else graph.by_id.get(str(value.get("@id")), {})
            yield from (url for name in ("url", "contentUrl") if isinstance(url := image.get(name), str))


def _rank(image: Mapping[str, str], node: LexborNode) -> int | None:
    """Return how likely an ``<img>`` is the logo, or None.

    0: its own class or id contains "logo"; 1: that of an ancestor does; 2: its file name or alternative text does.
    """
    if _mentions(image, _LOGO, "class", "id"):
        return 0
    outer = node.parent
    for _ in range(_LEVELS_UP):
        if outer is not None and outer.tag != "body":
            if _mentions(outer.attributes, _LOGO_CONTAINER, "class", "id"):
                return 1
            outer = outer.parent
    return 2 if _mentions(image, _LOGO, "alt", "title", "src", *_SOURCES) else None


def _mentions(attributes: Mapping[str, str | None], words: re.Pattern[str], *names: str) -> bool:
    return any(words.search(attributes.get(name) or "") for name in names)
