"""Guesses the type of a page from its path alone: a hint for finding contacts, not a fact."""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote


class PageType(StrEnum):
    """Types of pages."""

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
    PageType.CONTACT: "contact contacts contactus contact-us contact-form kontakt kontakte kontakty kontaktformular kapcsolat"
    " contacto contactos contatto contatti contato contactez contactez-nous yhteystiedot iletisim reach-us get-in-touch"
    " контакты контакт связаться お問い合わせ contact-page nous-contacter contattaci contactgegevens anfahrt inquiry find-us",
    PageType.LEGAL: "privacy privacypolicy terms tos imprint impressum legal disclaimer cookies cookie gdpr agb widerruf"
    " datenschutz datenschutzerklaerung datenschutzerklärung datenschutzerklarung mentions-legales confidentialite cgv cgu"
    " privacidad privacidade aviso-legal politica-de-privacidad politica-de-privacidade politica-de-cookies condiciones"
    " termos termos-de-uso terminos note-legali informativa gizlilik kvkk refund refunds refund-policy politika"
    " politica-privacidad politica-de-privacidade politique-de-confidentialite allgemeine-geschaeftsbedingungen privacybeleid"
    " widerrufsbelehrung widerrufsrecht conditions-generales-de-vente aviso-de-privacidad privacyverklaring",
    PageType.CAREER: "career careers job jobs karriere stellenangebote jobangebote empleo vacancies vacancy emploi emplois"
    " lavora-con-noi trabaja-con-nosotros trabalhe-conosco join-us hiring recrutement kariyer werkenbij вакансии recruit"
    " 採用情報",
    PageType.ABOUT: "about aboutus about-us uber-uns ueber-uns über-uns ueber-mich sobre sobre-nosotros sobre-nos nosotros"
    " quienes-somos quem-somos a-propos chi-siamo over-ons om-oss om-os o-nas hakkimizda hakkinda team our-team our-story"
    " company unternehmen empresa о-нас о-компании 会社概要 qui-sommes-nous about-me aboutme sobre-mi wir-ueber-uns",
    PageType.TAG: "tag tags etiqueta etiquetas schlagwort product-tag",
    PageType.CATEGORY: "category categories kategorie kategorien kategori categoria categorias categorie catégorie collection"
    " collections kollektion product-category product_cat produkt-kategorie categoria-producto archives",
    PageType.PRODUCT: "product products produkt produkte producto productos produit produits produto produtos prodotto prodotti"
    " urun urunler shop-item item items товар товары",
    PageType.POST: "blog blogs news post posts article articles artikel story stories aktuelles noticias notícias actualites"
    " actualités notizie haberler press presse magazine magazin новости",
    PageType.VIDEO: "video videos",
}
"""Words that are a whole path segment. Words for types in :data:`OF_A_LEAF` also count as the first word of a segment
(``contact-form-berlin``)."""

BY_WORD = {word: kind for kind, words in reversed(WORDS.items()) for word in words.split()}
OF_A_LEAF = frozenset({PageType.CONTACT, PageType.LEGAL, PageType.CAREER, PageType.ABOUT})
"""Types that name the page itself; the other types name the folder that contains it."""
LISTS = frozenset({PageType.CATEGORY, PageType.TAG})
"""Types of pages that list others: ``/blog/tag/wood/`` is a tag page, ``/blog/products/our-new-saw/`` a post."""

INDEXES = frozenset({"index", "default", "home"})
DATED = re.compile(r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2])/")


def page_type_of(path: str) -> PageType:
    """Return the type of the page at ``path`` (percent-encoded, with its leading slash).

    The folder takes precedence over the name of the page: ``/blog/contact-lenses`` is a post.
    """
    path = (unquote(path) if "%" in path else path).lower()
    name, dot, suffix = path.rpartition(".")
    if dot and "/" not in suffix:
        if found := BY_SUFFIX.get(f".{suffix}"):
            return found
        folder, _, leaf = name.rstrip("/").rpartition("/")
    else:
        folder, _, leaf = path.rstrip("/").rpartition("/")
    if leaf in INDEXES:
        folder, _, leaf = folder.rstrip("/").rpartition("/")
    of_every_page, fallback = _of_folder(folder)
    return of_every_page or _named_leaf(leaf) or fallback or (PageType.POST if DATED.search(path) else PageType.PAGE)


def page_type_of_link(label: str) -> PageType | None:
    """Return the type of a page by the text of a link to it (``About us``), if it names a type in :data:`OF_A_LEAF`."""
    bare = "".join(one for one in unicodedata.normalize("NFD", label) if not unicodedata.combining(one))
    for spelling in (unicodedata.normalize("NFC", label), bare):  # "Mentions légales", in a path: mentions-legales
        words = spelling.lower().replace("&", " ").split()
        if (kind := _named("-".join(words)) or _named("-".join(words[:1]))) in OF_A_LEAF:
            return kind
    return None


@lru_cache(maxsize=1_024)  # the pages of a sitemap share their folders
def _of_folder(folder: str) -> tuple[PageType | None, PageType | None]:
    """Return (type of every page in the folder, fallback type for pages whose own name is inconclusive)."""
    kinds = [kind for segment in folder.split("/") if (kind := _named(segment))]
    folders = [kind for kind in kinds if kind not in OF_A_LEAF]
    if folders:
        return folders[0] if folders[0] is PageType.POST and folders[-1] not in LISTS else folders[-1], None
    return None, kinds[-1] if kinds else None


def _named_leaf(leaf: str) -> PageType | None:
    if kind := _named(leaf):
        return kind
    first = BY_WORD.get(leaf.replace("_", "-").partition("-")[0])
    return first if first in OF_A_LEAF else None


def _named(segment: str) -> PageType | None:
    return BY_WORD.get(segment.replace("_", "-")) or BY_WORD.get(segment)
