"""The one spelling of a website's host, by which domains are told apart."""

import re
from functools import cache

import can_ada
from publicsuffixlist import PublicSuffixList

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_REFUSED = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)+[a-z0-9_-]{1,63}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


class HostError(ValueError):
    """The text names no website's host; the message says why."""


def normalise_host(text: str) -> str:
    """The host in ``text``, a bare name or a whole url: ``HTTPS://WWW.Example.co.uk:443/x`` → ``example.co.uk``.

    Lower case, IDNA (WHATWG), without scheme, userinfo, port, path, trailing dot or leading ``www.`` (kept where what
    remains is a public suffix: ``www.co.uk``). Other subdomains stay. Idempotent. Raises :class:`HostError` for
    addresses, single labels, public suffixes, other schemes than http(s), and anything that is no host at all.
    """
    name = _parsed_name(text)
    while name.startswith("www.") and not is_public_suffix(rest := name.removeprefix("www.")):
        name = rest
    if is_public_suffix(name):
        raise HostError(f"{_shown(text)} is a public suffix, not a website; a host such as example.com is wanted")
    return name


def is_public_suffix(name: str) -> bool:
    """Whether nobody's website can be at ``name`` (``com``, ``co.uk``, a single label): ICANN's part of the list.

    The list's private part (``github.io``, ``wordpress.com``) is left out: those are websites themselves.
    """
    return "." not in name or _icann().privatesuffix(name) is None


def has_known_suffix(host: str) -> bool:
    """Whether ``host`` ends in a suffix that ICANN's list knows (``.com``, ``.co.uk``; not ``.png``, ``.local``)."""
    return _icann().publicsuffix(host, accept_unknown=False) is not None


def registrable_domain(host: str) -> str:
    """What was registered of a normalised ``host``: ``wiki.example.co.uk`` → ``example.co.uk``."""
    return str(_icann().privatesuffix(host) or host)


def _parsed_name(text: str) -> str:
    stripped = text.strip()
    if not stripped or _REFUSED.search(stripped):
        raise HostError(
            f"{_shown(text)} is no host: it is empty or has blanks, backslashes or control characters in it"
        )
    scheme = _SCHEME.match(stripped)
    if scheme and scheme["scheme"].lower() not in {"http", "https"}:
        raise HostError(f"{_shown(text)} is not on the web; http or https is wanted")
    url = stripped if scheme else f"http://{stripped.removeprefix('//')}"
    try:
        name = str(can_ada.parse(url).hostname).removesuffix(".")
    except ValueError:
        raise HostError(f"{_shown(text)} cannot be parsed as a url or host") from None
    if name.startswith("[") or _IPV4.fullmatch(name):
        raise HostError(f"{_shown(text)} is an address; a website's name is wanted")
    if not _NAME.fullmatch(name):
        raise HostError(f"{_shown(text)} has no host name of at least two labels, such as example.com")
    return name


def _shown(text: str) -> str:
    shown = repr(text[:101])
    return shown if len(text) <= 100 and len(shown) <= 200 else f"{shown[:101]}…'"


@cache
def _icann() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)
