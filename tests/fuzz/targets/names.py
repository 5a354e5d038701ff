"""The normalisers of hosts, URLs, dates, phone numbers, e-mail addresses and profiles.

Any text is normalised or rejected without an exception, and normalising is idempotent.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from scrapersky.extraction.emails import emails_in, emails_in_mailto
from scrapersky.extraction.phones import number_of
from scrapersky.extraction.socials import profile_of
from scrapersky.web.hosts import HostError, normalise_host, registrable_domain
from scrapersky.web.page_type import page_type_of
from scrapersky.web.response import retry_after_seconds
from scrapersky.web.sitemaps.dates import parse_lastmod
from scrapersky.web.urls import normalise_url, parse_url
from sitemap_scheduler.domain_extraction import owner_of
from tests.fuzz.runner import Target, hold

BASE = "https://example.com/a/b?c"

MAX_NAME = 253
"""Maximum characters of a DNS name (RFC 1035, without the root's dot)."""


def check(data: bytes) -> None:
    """Decode ``data`` as UTF-8, keeping invalid bytes as lone surrogates: headers and JSON deliver them so."""
    text = data.decode("utf-8", "surrogateescape")
    _check_host(text)
    for base in (None, BASE):
        _check_url(text, base)
    moment = parse_lastmod(text)
    hold(moment is None or moment.tzinfo is not None, "a date without a time zone", moment)
    seconds = retry_after_seconds(text, 3_600)
    hold(seconds is None or 0 <= seconds <= 3_600, "a delay out of range", seconds)
    number = number_of(text, ["DE", "US"])
    hold(number is None or number.removeprefix("+").isdecimal(), "not a phone number", number)
    for email in (*emails_in(text), *emails_in_mailto("mailto:" + text)):
        hold(email.isascii() and email.count("@") == 1, "not an e-mail address", email)


def _check_host(text: str) -> None:
    try:
        host = normalise_host(text)
    except HostError as error:
        hold(str(error).isprintable() and len(str(error)) < 400, "an error message that cannot be logged", str(error))
        return
    hold(
        host.isascii() and host == host.lower() and "." in host and len(host) <= MAX_NAME,
        "a host that is not normalised",
        host,
    )
    hold(normalise_host(host) == host, "a host that changes when normalised again", host)
    with_www = [f"www.{host}:443"] if len(f"www.{host}") <= MAX_NAME else []
    for spelled in (f"https://{host}/x", f"//{host}", f"{host}.", host.upper(), *with_www):
        hold(
            normalise_host(spelled) == host,
            "another spelling normalises to another host",
            (spelled, host, normalise_host(spelled)),
        )
    hold(host.endswith(registrable_domain(host)), "the registrable domain is not the end of the host", host)
    owner_of(host)


def _check_url(text: str, base: str | None) -> None:
    url = normalise_url(text, base)
    profile = profile_of(text, base)
    hold(profile is None or normalise_url(profile[1]) is not None, "a profile that is not a URL", profile)
    if url is None:
        return
    hold(
        url.startswith(("http://", "https://")) and url.isascii() and len(url) <= 2_048,
        "a URL that is not normalised",
        url,
    )
    hold("#" not in url and "\\" not in url.partition("?")[0] and " " not in url, "a URL that is not normalised", url)
    parsed = parse_url(text, base)
    hold(parsed is not None and str(parsed.href) == url, "differs from the parser's result", url)
    hold(normalise_url(url) == url, "a URL that changes when normalised again", (url, normalise_url(url)))
    # Another parser must read the same host: a host check with one parser must hold for the other.
    parts = urlsplit(url)
    hold(
        parts.username is None and f"//{parts.netloc}" in url and bool(parts.hostname),
        "another parser reads another host",
        url,
    )
    page_type_of(parts.path)


def seeds() -> Iterable[bytes]:
    """Yield one text of each kind that is normalised."""
    yield from (
        b"HTTPS://WWW.Example.co.uk:443/a/../b?c=d#e",
        "http://münchen.de./ä ö".encode(),
        "www.пример.рф".encode(),
        b"xn--mnchen-3ya.de",
        b"http://user:pw@127.0.0.1:80/\\x",
        b"//[::1]/",
        b"http://0x7f.1/",
        b"2024-05-06T07:08:09.123456+02:00",
        b"Mon, 06 May 2024 07:08:09 GMT",
        b"+49 (0) 30 / 123 45 67 ext. 8",
        b"info@example-shop.de?subject=x&cc=a@b-c.de",
        b"https://www.facebook.com/profile.php?id=123&ref=x",
        b"/blog/2024/05/contact.html",
        b"javascript:alert(1)",
        b"120",
    )


TARGET = Target(
    name="names",
    about="hosts, URLs, dates, phone numbers, e-mail addresses, profiles",
    check=check,
    seeds=seeds,
    words=tuple(
        b"http: https: // / \\ @ : . .. ... www. %2e %00 %zz [::1] xn-- xn--a \xe3\x80\x82 \xef\xbc\x8e \xc2\xad"
        b" \xe2\x80\x8b \xc3\x9f 0x7f.1 127.1 .co.uk .github.io"
        b" # ? & = + ( ) ext \t \n \r \x00 \xff 2024- T Z +02:00 mailto: tel: facebook.com/".split(b" ")
    ),
    seconds_per_megabyte=5.0,
)
