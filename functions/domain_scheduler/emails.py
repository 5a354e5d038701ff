"""E-mail addresses that a page gives to be written to."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote

from email_validator import EmailNotValidError, validate_email

from scrapersky.web.hosts import has_known_suffix

MAX_CANDIDATES = 2_000
"""Texts around an ``@`` that are looked at in one page."""

_BEFORE = re.compile(r"[A-Za-z0-9._%+\-]{1,64}\Z")
_AFTER = re.compile(r"[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")
_AFTER_IDN = re.compile(r"[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}")
_AT = re.compile(r"\s{0,2}(?:\[\s?(?:at|@|ät)\s?\]|\(\s?(?:at|@|ät)\s?\)|\{\s?(?:at|@|ät)\s?\})\s{0,2}", re.IGNORECASE)
_DOT = re.compile(
    r"\s{0,2}(?:\[\s?(?:dot|punkt|\.)\s?\]|\(\s?(?:dot|punkt|\.)\s?\)|\{\s?(?:dot|punkt|\.)\s?\})\s{0,2}", re.IGNORECASE
)
_SHOUTED = re.compile(r"(?<=\w) AT (?=[\w-]{1,63}(?: DOT [\w-]{1,63}){1,4})")
_NEW_SENTENCE = re.compile(r"\.(?=[A-Z][a-z])")
_MACHINE = re.compile(r"[0-9a-f]{16,64}")
_CLOUDFLARE = re.compile(r"[0-9a-fA-F]{4,512}")

_PLACEHOLDER_HOSTS = frozenset(
    str.split(
        "example.com example.org example.net domain.com domain.tld yourdomain.com your-domain.com mydomain.com "
        "yoursite.com mysite.com yourwebsite.com website.com yourcompany.com company.com mycompany.com "
        "sample.com test.com host.com site.com address.com provider.com"
    )
)
_PLACEHOLDER_NAMES = frozenset(
    str.split(
        "example test your.email your-email your_email youremail yourmail yourname your.name your-name your_name "
        "yourusername username firstname.lastname name.surname vorname.nachname correo.ejemplo ejemplo exemple beispiel"
    )
)
_PLACEHOLDER_AT_FREE_MAIL = frozenset(
    str.split("email mail user name someone somebody you me abc xyz john.doe jane.doe")
)
_FREE_MAIL = frozenset(str.split("email.com mail.com gmail.com yahoo.com hotmail.com outlook.com"))
_MACHINE_HOSTS = ("sentry.io", "wixpress.com", "sentry.wixpress.com", "ingest.sentry.io", "domainsbyproxy.com")


def email_of(text: str) -> str | None:
    """``text`` as an address that mail can reach (lower case, punycode), or None: malformed, reserved or made up."""
    try:
        parsed = validate_email(text.strip(), check_deliverability=False)
    except (EmailNotValidError, ValueError):
        return None
    address = (parsed.ascii_email or "").lower()
    name, _, host = address.partition("@")
    if not address or not has_known_suffix(host) or _is_made_up(name, host):
        return None
    return address


def emails_in(text: str) -> Iterator[str]:
    """The addresses written in ``text``, in its order, repeated ones too. Linear in its length.

    Those that people read and simple robots do not (``jo [at] shop (dot) com``, ``jo AT shop DOT com``) are among them.
    """
    text = _undisguised(text)
    position = -1
    for _ in range(MAX_CANDIDATES):
        position = text.find("@", position + 1)
        if position < 0:
            return
        before = _BEFORE.search(text, max(0, position - 64), position)
        if before is None:
            continue
        after = _AFTER.match(text, position + 1)
        if after is None or text[after.end() : after.end() + 1].isalpha():
            # A letter beyond ASCII: of the domain itself (müller.de), or of the sentence that goes on without a blank.
            after = _AFTER_IDN.match(text, position + 1) if after is None else after
        if after is None:
            continue
        name = before[0].lstrip(".-+%").removeprefix("u003e")
        hosts = (_NEW_SENTENCE.split(after[0])[0].rstrip(".-"), after[0].rstrip(".-"))
        found = next((email for host in hosts if (email := email_of(f"{name}@{host}"))), None)
        if found:
            yield found


def _undisguised(text: str) -> str:
    text = text.replace("\uff20", "@")
    if _AT.search(text):
        text = _DOT.sub(".", _AT.sub("@", text))
    shouted = _SHOUTED.search(text)
    return _SHOUTED.sub("@", text).replace(" DOT ", ".") if shouted else text


def emails_in_mailto(url: str) -> Iterator[str]:
    """The addresses of a ``mailto:`` url (RFC 6068), those of its ``to``, ``cc`` and ``bcc`` included."""
    path, _, query = url[len("mailto:") :].partition("?")
    yield from emails_in(unquote(path))
    for name, value in parse_qsl(query[:4_096], max_num_fields=None):
        if name.lower() in {"to", "cc", "bcc"}:
            yield from emails_in(value)


def cloudflare_email(encoded: str) -> str | None:
    """The address behind Cloudflare's protection: hexadecimal, every byte XORed with the first."""
    if not _CLOUDFLARE.fullmatch(encoded) or len(encoded) % 2:
        return None
    key, *rest = bytes.fromhex(encoded)
    return email_of(bytes(byte ^ key for byte in rest).decode("utf-8", errors="replace").partition("?")[0])


def _is_made_up(name: str, host: str) -> bool:
    return (
        host in _PLACEHOLDER_HOSTS
        or host.endswith((".example", ".test", ".invalid"))
        or name in _PLACEHOLDER_NAMES
        or (host in _FREE_MAIL and name in _PLACEHOLDER_AT_FREE_MAIL)
        or any(host == machine or host.endswith(f".{machine}") for machine in _MACHINE_HOSTS)
        or (_MACHINE.fullmatch(name) is not None and "sentry" in host)
    )
