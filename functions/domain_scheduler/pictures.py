"""A site's favicon and logo, as its page names them; nothing is guessed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain_scheduler.html_page import HtmlPage
from domain_scheduler.structured_data import nodes

MAX_IMAGES = 200
"""Images looked at for a logo."""


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
    by_id = {
        str(node["@id"]): node for node in nodes(json_ld) if "@id" in node and ("url" in node or "contentUrl" in node)
    }
    for node in [*organisations, *nodes(json_ld)]:
        yield from _image_urls(node.get("logo"), by_id)
    yield page.meta("og:logo")
    yield page.meta("og:image:secure_url", "og:image", "og:image:url")
    for position, image in enumerate(page.elements("img[src]")):
        if position >= MAX_IMAGES:
            return
        if any("logo" in image.get(name, "").lower() for name in ("class", "id", "alt", "src", "title")):
            yield image["src"]


def _image_urls(value: object, by_id: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for each in (value if isinstance(value, list) else [value])[:10]:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            image = each if "url" in each or "contentUrl" in each else by_id.get(str(each.get("@id")), {})
            yield from (url for name in ("url", "contentUrl") if isinstance(url := image.get(name), str))
