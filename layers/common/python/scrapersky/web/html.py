"""HTML from the web, parsed as browsers parse it, in linear time and memory whatever the page."""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scrapersky.web.html_complexity import cut_where_too_complex
from scrapersky.web.urls import normalise_url


def parse_html(text: str) -> LexborHTMLParser:
    """The document that ``text`` describes; HTML has no errors, so there are none. Lone surrogates become ``?``."""
    return LexborHTMLParser(cut_where_too_complex(text).encode("utf-8", errors="replace"))


def attributes_of(node: LexborNode) -> dict[str, str]:
    """The attributes of an element by name; one without a value is empty.

    In a drawing a selector's ``[href]`` is met by ``xlink:href`` too, so that is told as ``href``.
    """
    given = {name: value or "" for name, value in node.attributes.items()}
    if "xlink:href" in given:
        given.setdefault("href", given["xlink:href"])
    return given


def base_url(document: LexborHTMLParser, url: str) -> str:
    """What relative references in ``document`` are relative to: its first ``<base href>``, else its own ``url``."""
    base = document.css_first("base[href]")
    href = base.attributes.get("href") if base is not None else None
    return normalise_url(href, url) or url if href else url
