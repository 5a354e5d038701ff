"""What kind of page a url is, told by its path alone: a hint for people who look for contacts, never a fact."""

import re
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import unquote


class PageType(StrEnum):
    """Kinds of pages."""

    PRODUCT = "product"
    CATEGORY = "category"
    TAG = "tag"
    POST = "post"
    IMAGE = "image"
    VIDEO = "video"
    PDF = "pdf"
    CONTACT = "contact"
    ABOUT = "about"
    LEGAL = "legal"
    CAREER = "career"
    PAGE = "page"


BY_SUFFIX = {
    **dict.fromkeys(
        (".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".avif", ".bmp", ".ico", ".tif"), PageType.IMAGE
    ),
    **dict.fromkeys((".mp4", ".webm", ".mov", ".avi", ".mkv", ".m4v"), PageType.VIDEO),
    ".pdf": PageType.PDF,
}

WORDS: dict[PageType, str] = {
    PageType.CONTACT: "contact contacts contactus kontakt contacto contatto contatti contato contactez kontakte kontakty"
    " yhteystiedot iletisim reach-us get-in-touch impressum-kontakt контакты",
    PageType.LEGAL: "privacy privacypolicy terms tos imprint impressum legal disclaimer cookies cookie datenschutz gdpr agb"
    " privacidad privacidade aviso-legal mentions-legales politica-de-privacidad refund refunds gizlilik widerruf"
    " confidentialite condiciones",
    PageType.CAREER: "career careers job jobs karriere stellenangebote empleo vacancies vacancy emploi lavora-con-noi"
    " join-us hiring recrutement",
    PageType.ABOUT: "about aboutus about-us uber-uns ueber-uns sobre nosotros quienes-somos a-propos chi-siamo over-ons"
    " om-oss hakkimizda quem-somos team our-story company о-нас",
    PageType.TAG: "tag tags etiqueta schlagwort",
    PageType.CATEGORY: "category categories kategorie categoria categorie collection collections product-category"
    " product_cat archives",
    PageType.PRODUCT: "product products produkt produkte producto productos produit produits produto shop-item item items",
    PageType.POST: "blog news post posts article articles artikel story stories aktuelles noticias actualites press magazine",
    PageType.VIDEO: "video videos",
}
"""Words that a path segment may consist of, or start with before a hyphen; the first type that fits counts."""

BY_WORD = {word: kind for kind, words in reversed(WORDS.items()) for word in words.split()}
OF_A_LEAF = frozenset({PageType.CONTACT, PageType.LEGAL, PageType.CAREER, PageType.ABOUT})
"""Types that name the page itself; the others name the folder that a page is in."""

DATED = re.compile(r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2])/")


def page_type_of(path: str) -> PageType:
    """The type of the page at ``path`` (percent-encoded, with its leading slash)."""
    path = unquote(path).lower()
    if found := BY_SUFFIX.get(PurePosixPath(path).suffix):
        return found
    segments = [segment.rsplit(".", 1)[0] for segment in path.split("/") if segment]
    if segments and (found := _of_leaf(segments[-1])):
        return found
    for segment in segments:
        found = BY_WORD.get(segment)
        if found and (found not in OF_A_LEAF or segment == segments[-1]):
            return found
    return PageType.POST if DATED.search(path) else PageType.PAGE


def _of_leaf(segment: str) -> PageType | None:
    words = segment.replace("_", "-")
    found = BY_WORD.get(words) or BY_WORD.get(words.partition("-")[0])
    return found if found in OF_A_LEAF else None
