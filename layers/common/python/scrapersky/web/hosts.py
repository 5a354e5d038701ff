"""Normalises hosts, so that each website has one spelling, and knows the public suffixes."""

import re
from functools import cache

import can_ada
from publicsuffixlist import PublicSuffixList

from scrapersky.errors import shorten

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_REFUSED = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)+[a-z0-9_-]{1,63}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


class HostError(ValueError):
    """The text is not the host of a website; the message states why."""


def normalise_host(text: str) -> str:
    """Return the host in ``text``, a name or a URL: ``HTTPS://WWW.Example.co.uk:443/x`` → ``example.co.uk``.

    Lower case, IDNA (WHATWG), without scheme, userinfo, port, path, trailing dot or leading ``www.`` (kept where the
    rest is a public suffix: ``www.co.uk``). Other subdomains stay. Idempotent. Raises :class:`HostError` for addresses,
    single labels, public suffixes, schemes other than http(s), and text that is not a host at all.
    """
    name = _parsed_name(text)
    while name.startswith("www.") and not is_public_suffix(rest := name.removeprefix("www.")):
        name = rest
    if is_public_suffix(name):
        raise HostError(f"{_shown(text)} is a public suffix, not a website; valid is a host such as example.com")
    return name


def is_public_suffix(name: str) -> bool:
    """Return whether ``name`` is a public suffix (``com``, ``co.uk``) or a single label, so that it has no website.

    Uses the ICANN section of the Public Suffix List. The private section (``github.io``, ``wordpress.com``) is left out:
    those names are websites themselves.
    """
    return "." not in name or _icann().privatesuffix(name) is None


def has_known_suffix(host: str) -> bool:
    """Return whether ``host`` ends in a suffix of the ICANN section (``.com``, ``.co.uk``; not ``.png``, ``.local``)."""
    return _icann().publicsuffix(host, accept_unknown=False) is not None


def registrable_domain(host: str) -> str:
    """Return the registrable domain of a normalised ``host``: ``wiki.example.co.uk`` → ``example.co.uk``."""
    return str(_icann().privatesuffix(host) or host)


def is_same_site(host: str, other: str) -> bool:
    """Return whether two hosts are one website: equal without ``www.``, or one is a subdomain of the other.

    Siblings are not: ``a.github.io`` and ``b.github.io`` have different owners.
    """
    host, other = (f".{name.removeprefix('www.')}" for name in (host, other))
    return host.endswith(other) or other.endswith(host)


def _parsed_name(text: str) -> str:
    stripped = text.strip()
    if not stripped or _REFUSED.search(stripped):
        raise HostError(
            f"{_shown(text)} is not a host: it is empty or contains blanks, backslashes or control characters"
        )
    scheme = _SCHEME.match(stripped)
    if scheme and scheme["scheme"].lower() not in {"http", "https"}:
        raise HostError(f"{_shown(text)} has an unsupported scheme; valid are http and https")
    url = stripped if scheme else f"http://{stripped.removeprefix('//')}"
    try:
        name = str(can_ada.parse(url).hostname).removesuffix(".")
    except ValueError:
        raise HostError(f"{_shown(text)} cannot be parsed as a URL or host") from None
    if name.startswith("[") or _IPV4.fullmatch(name):
        raise HostError(f"{_shown(text)} is an IP address; valid is the name of a website")
    if not _NAME.fullmatch(name):
        raise HostError(f"{_shown(text)} has no host name with at least two labels, such as example.com")
    return name


def _shown(text: str) -> str:
    return shorten(repr(text[:101]), 101)


@cache
def _icann() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)
