"""Parse HTML as browsers do.

Warning: a small page can take any amount of memory and time. Call this in the child process only (:mod:`.reading`).
"""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scrapersky.web.urls import normalise_url


def parse_html(text: str) -> LexborHTMLParser:
    """Return the document that ``text`` describes. Never raises: HTML has no syntax errors. Lone surrogates become ``?``."""
    return LexborHTMLParser(text.encode("utf-8", errors="replace"))


def attributes_of(node: LexborNode) -> dict[str, str]:
    """Return the attributes of an element by name; the value of one without a value is empty.

    ``xlink:href`` is also returned as ``href``, because the selector ``[href]`` matches it in an SVG.
    """
    attributes = {name: value or "" for name, value in node.attributes.items()}
    if "xlink:href" in attributes:
        attributes.setdefault("href", attributes["xlink:href"])
    return attributes


def base_url(document: LexborHTMLParser, url: str) -> str:
    """Return the base of relative references in ``document``: its first ``<base href>``, else its own ``url``."""
    base = document.css_first("base[href]")
    href = base.attributes.get("href") if base is not None else None
    return normalise_url(href, url) or url if href else url
