"""The site owner's profiles on social networks, without share buttons, posts and the networks' own pages."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

import can_ada

from scrapersky.extraction.page import HtmlPage
from scrapersky.web.urls import parse_url

MAX_LINKS = 5_000
"""Links examined in one page."""

_HASHBANG = re.compile(r"/#!/")
_WITHOUT_SCHEME = re.compile(
    r"(?:www\.)?(?:facebook|twitter|x|linkedin|instagram|youtube|tiktok|pinterest)\.com/", re.IGNORECASE
)
_HANDLE = re.compile(r"[\w.\-@%+']{1,200}")
_NAME = re.compile(r"[\w.\-@%+'&,()|!’‘·–—™®°]{0,199}[\w.\-+!)™®°]")
"""A name of a company or a page on LinkedIn and Facebook, which may contain punctuation."""
_SUBDOMAIN = re.compile(r"(?:(?:www|m|mobile|touch|mbasic|web|free|music|(?!ai|tv)[a-z]{2}(?:-[a-z]{2})?)\.)?")
"""Subdomains that show the same profiles: of mobile devices, languages and countries. Others belong to the network."""
_LANGUAGE = re.compile(r"(?!(?:in|pg)\Z)[a-z]{2}(?:[-_][a-z]{2,4})?")
_NETWORKS_OWN = frozenset(
    str.split(
        "about accessibility account accounts ad ads advertising agreements api blog brand business businesshelp careers "
        "community-guidelines company-info contact cookie cookie-policy cookies copyright creators data_policy data-policy "
        "developer developers download full_data_use_policy guidelines help help-center howyoutubeworks imprint impressum "
        "intl jobs legal login logout marketing newsroom notifications opensource partners personalization policies policy "
        "press privacy privacy-policy privacy_policy privacycenter rules rules-and-policies safety security settings signin "
        "signup sitemap static support terms terms-of-service terms-of-use tos transparency trends trust upload user-agreement "
        "yt"
    )
)
"""First words of the paths of a network's own pages, also behind a language: ``/en/tos``."""

_TEMPLATES = frozenset(
    str.split(
        "wix elementor wordpress wordpressdotcom squarespace shopify weebly godaddy webflow yourpage yourprofile "
        "yourusername username your-username yourname yourcompany example profile page # your_page your-page "
        "yourhandle your_profile your-profile your_username your_handle yourbrand your-company yourchannel votre_page "
        "votrepage votre-page votrecompte votre_compte tu_pagina tupagina tu-pagina tuusuario tu_usuario suapagina "
        "sua_pagina seuperfil seu_perfil ihreseite ihre-seite deineseite deine-seite tuapagina tua_pagina facebook "
        "instagram twitter linkedin youtube tiktok pinterest"
    )
)
"""Placeholder profiles of site builders' templates."""


@dataclass(frozen=True)
class Network:
    """A network's hosts (with their subdomains), and the test whether a path and query are a profile."""

    name: str
    hosts: tuple[str, ...]
    profile: Callable[[list[str], Mapping[str, list[str]]], bool]


def _first_segment_except(*other: str) -> Callable[[list[str], Mapping[str, list[str]]], bool]:
    refused = frozenset(other)
    return lambda path, _: path[0].lower() not in refused and not _is_a_post(path)


def _is_a_post(path: list[str]) -> bool:
    """Return whether ``path`` is a post of a profile, which may be another owner's."""
    return len(path) > 2 and path[1].lower() in _POSTS


def _below(*folders: str) -> Callable[[list[str], Mapping[str, list[str]]], bool]:
    return lambda path, _: len(path) > 1 and path[0].lower() in folders


def _facebook(path: list[str], query: Mapping[str, list[str]]) -> bool:
    match [segment.lower() for segment in path]:
        case ["profile.php"]:
            return bool(query.get("id", [""])[0].isdigit())
        case ["share", shared]:  # a profile shared by the app; posts are /share/p/…
            return shared.endswith(".php") is False
        case ["pages" | "people" | "pg" | "p" | "groups", _, *_]:
            return True
        case [first, *_]:
            return first not in _FACEBOOK_OTHER and not first.endswith(".php") and not _is_a_post(path)
    return False


def _youtube(path: list[str], _: Mapping[str, list[str]]) -> bool:
    first = path[0].lower()
    if first in {"channel", "c", "user"}:
        return len(path) > 1
    return first.startswith("@") or (len(path) == 1 and first not in _YOUTUBE_OTHER)


_POSTS = frozenset(str.split("posts videos photos events notes reels status statuses reel p tv"))
_FACEBOOK_OTHER = frozenset(
    str.split(
        "sharer share dialog plugins tr events event hashtag login help policies privacy photo photos watch reel reels "
        "story stories marketplace gaming v2.0 v3.0 2008 messages business ads settings legal about permalink"
    )
)
_YOUTUBE_OTHER = frozenset(
    str.split("watch embed playlist results shorts feed live redirect v account about t hashtag iframe_api premium")
)

NETWORKS = (
    Network("facebook", ("facebook.com", "fb.com", "fb.me"), _facebook),
    Network(
        "twitter",
        ("twitter.com", "x.com"),
        _first_segment_except(
            *str.split("intent share home hashtag search i login privacy tos widgets compose settings")
        ),
    ),
    Network("linkedin", ("linkedin.com",), _below("company", "in", "school", "showcase", "pub", "organization")),
    Network(
        "instagram",
        ("instagram.com", "instagr.am"),
        _first_segment_except(
            *str.split("p reel reels explore stories tv accounts share embed.js about direct channel invites")
        ),
    ),
    Network("youtube", ("youtube.com",), _youtube),
    Network("tiktok", ("tiktok.com",), lambda path, _: path[0].startswith("@") and len(path) == 1),
    Network(
        "pinterest",
        tuple(
            str.split(
                "pinterest.com pinterest.co.uk pinterest.de pinterest.fr pinterest.es pinterest.ca pinterest.it pinterest.at "
                "pinterest.ch pinterest.cl pinterest.co.kr pinterest.com.au pinterest.com.mx pinterest.dk pinterest.ie "
                "pinterest.jp pinterest.nz pinterest.ph pinterest.pt pinterest.ru pinterest.se"
            )
        ),
        _first_segment_except("pin", "search", "ideas", "categories", "about", "_", "today"),
    ),
)


def read_socials(page: HtmlPage, same_as: Iterable[str]) -> dict[str, str]:
    """Return {network: profile URL}: from the organisation's ``same_as`` first, then from the page's links in order,
    then from Facebook's ``article:publisher`` and page plugin.

    URLs lose their query, except Facebook's ``profile.php?id=``.
    """
    found: dict[str, str] = {}
    links = [*same_as, *(href for href in page.links if "." in href and "/" in href)]
    for link in (*links[:MAX_LINKS], *_facebook_embeds(page)):
        profile = profile_of(link, page.base)
        if profile is not None:
            found.setdefault(*profile)
    return found


def _facebook_embeds(page: HtmlPage) -> Iterator[str]:
    yield from page.metas.get("article:publisher", ())[:10]
    for element in page.elements(".fb-page[data-href], iframe[src*='facebook.com/plugins/page.php?']"):
        yield element.get("data-href", "")
        yield from parse_qs(element.get("src", "").partition("?")[2], max_num_fields=None).get("href", ())


def profile_of(link: str, base: str | None = None) -> tuple[str, str] | None:
    """Return (network, URL without tracking) of the profile that ``link`` leads to, or None."""
    link = _HASHBANG.sub("/", link, count=1)
    url = parse_url(f"https://{link}" if _WITHOUT_SCHEME.match(link) else link, base)
    network = _network_of(url.hostname) if url is not None else None
    if url is None or network is None:
        return None
    path = [unquote(segment) for segment in url.pathname.split("/") if segment]
    query = parse_qs(url.search.removeprefix("?"), max_num_fields=None)
    pattern = _NAME if network.name in ("facebook", "linkedin") else _HANDLE
    if not path or not all(pattern.fullmatch(segment) for segment in path) or _is_networks_own(path):
        return None
    if path[-1].lower().lstrip("@") in _TEMPLATES or not network.profile(path, query):
        return None
    return network.name, _cleaned(url, query)


def _network_of(host: str) -> Network | None:
    return next(
        (
            network
            for network in NETWORKS
            for own in network.hosts
            if host.endswith(own) and _SUBDOMAIN.fullmatch(host.removesuffix(own))
        ),
        None,
    )


def _is_networks_own(path: list[str]) -> bool:
    """Return whether ``path`` is a policy, help or tool page of the network, as consent banners link them."""
    first, second = ([segment.lower().partition(".")[0] for segment in path] + [""])[:2]
    return first in _NETWORKS_OWN or (second in _NETWORKS_OWN and _LANGUAGE.fullmatch(first) is not None)


def _cleaned(url: can_ada.URL, query: Mapping[str, list[str]]) -> str:
    kept = f"?id={query['id'][0]}" if url.pathname.endswith("/profile.php") and query.get("id") else ""
    return f"https://{url.hostname}{url.pathname}{kept}"
