"""One parser for every url: WHATWG's, as browsers parse them, with the shapes refused that parsers disagree about."""

import re

import can_ada

MAX_URL_LENGTH = 2_048
"""sitemaps.org's limit on a loc, and the database's on a page's url."""

_EDGES = "".join(map(chr, range(0x21)))  # WHATWG strips C0 controls and spaces from both ends
_REFUSED = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ABSOLUTE = re.compile(r"https?://[^/?#@]+(?:[/?#]|$)", re.IGNORECASE)
_RELATIVE_AUTHORITY = re.compile(r"//[^/?#@]+(?:[/?#]|$)")
_ORIGIN = (
    r"https?://(?=[^/]{1,253}/)(?:(?!xn--)[a-z0-9_-]{1,63}\.)*(?!xn--)[a-z][a-z0-9_-]{0,62}"  # no address, no punycode
)
_NORMAL = re.compile(_ORIGIN + r"/[A-Za-z0-9._~!$&()*+,;=:@%/-]*(?:\?[A-Za-z0-9._~!$&()*+,;=:@%/?-]*)?")
"""Urls that the parser would give back as they are, unless they have a dot segment. What most sitemaps are full of."""
PLAIN_URL = _ORIGIN + r"/[A-Za-z0-9._~!$()*+,=:@/-]{0,900}+(?:\?[A-Za-z0-9._~!$()*+,=:@/?-]{0,800}+)?+"
"""A regular expression of those without escapes and ampersands: :func:`is_normal` says yes where no ``/.`` is in them."""
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")


def parse_url(text: str, base: str | None = None, *, max_length: int = MAX_URL_LENGTH) -> can_ada.URL | None:
    """``text`` parsed (against ``base``, an absolute url, when given), or None if it is no http(s) url we would fetch.

    Refused: other schemes, userinfo, backslashes, control characters, lone surrogates, ``http:host`` and
    ``http:///host``, names that DNS could not hold, more than ``max_length`` characters before or after parsing.
    The fragment is dropped, and the dot that may end a host name.
    """
    text = text.strip(_EDGES)
    if len(text) > max_length or _REFUSED.search(text) or not _is_plain(text, relative=base is not None):
        return None
    try:
        url = can_ada.parse(text) if base is None else can_ada.parse(base) + text
        url.hash = ""
        if url.hostname.endswith("."):
            url.hostname = url.hostname[:-1]
    except (ValueError, TypeError):  # what can_ada raises for text it cannot parse, or cannot even take
        return None
    if url.protocol not in {"http:", "https:"} or url.username or url.password or len(url.href) > max_length:
        return None
    return url if url.hostname.startswith("[") or _NAME.fullmatch(url.hostname) else None


def normalise_url(text: str, base: str | None = None) -> str | None:
    """The one spelling of an http(s) url by which pages and files are told apart, or None if it is not one.

    WHATWG serialisation (lower-case scheme and host, IDNA, default port dropped, dots resolved), no fragment, no
    userinfo, at most 2,048 characters. ``base`` makes relative references absolute. Idempotent.
    """
    if is_normal(text):
        return text
    url = parse_url(text, base)
    return None if url is None else str(url.href)


def is_normal(text: str) -> bool:
    """Whether ``text`` is beyond doubt its own normal form; ten times as fast as asking the parser."""
    return (
        len(text) <= MAX_URL_LENGTH
        and _NORMAL.fullmatch(text) is not None
        and "/." not in text
        and "%2e" not in text
        and "%2E" not in text
    )


def port_of(url: can_ada.URL) -> int:
    """The port that ``url`` is dialled on."""
    return int(url.port or (443 if url.protocol == "https:" else 80))


def host_and_path(url: str) -> tuple[str, str]:
    """Host and path of a normalised url, which has no userinfo and no fragment: in a third of urlsplit's time.

    Of an IPv6 address only its bracket is given: no website of ours is one.
    """
    _, _, authority, rest = url.split("/", 3)
    return authority.partition(":")[0], "/" + rest.partition("?")[0]


def path_depth(path: str) -> int:
    """How many names a path is made of: 0 for ``/``, 2 for ``/a/b/``."""
    return sum(map(bool, path.split("/")))


def _is_plain(text: str, *, relative: bool) -> bool:
    """Whether the start of ``text`` means to every parser what it means to ours."""
    if _SCHEME.match(text):
        return _ABSOLUTE.match(text) is not None
    if not relative:
        return False
    return not text.startswith("//") or _RELATIVE_AUTHORITY.match(text) is not None
