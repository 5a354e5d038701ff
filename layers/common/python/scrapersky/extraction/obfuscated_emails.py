"""E-mail addresses that a site hides from robots and decodes in the browser by a script.

Decodes Cloudflare's "Email Address Obfuscation", TYPO3's ``spamProtectEmailAddresses`` and Joomla's "Email Cloaking"
(an element since version 4, a script before).
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from scrapersky.extraction.emails import email_of, emails_in_mailto
from scrapersky.extraction.page import HtmlPage

_CLOUDFLARE = re.compile(r"[0-9a-fA-F]{4,512}")
_CLOUDFLARE_LINK = "/cdn-cgi/l/email-protection#"
_TYPO3_LINK = re.compile(r"UnCryptMailto\((?:'|\"|%27|%22)([^'\")]{8,600}?)(?:'|\"|%27|%22)\)")
_TYPO3_ALPHABETS = ("+,-./0123456789:", "@ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_TYPO3_SHIFTS = [
    str.maketrans(
        {a: letters[(at + shift) % len(letters)] for letters in _TYPO3_ALPHABETS for at, a in enumerate(letters)}
    )
    for shift in range(-10, 11)
]
_QUOTED = r"((?:'[^'\n]{0,200}'\s{0,9}\+?\s{0,9}){1,20})"
_JOOMLA_SCRIPT = re.compile(rf"var (addy\w{{0,40}})\s?=\s?{_QUOTED};\s{{0,99}}\1\s?=\s?\1\s?\+\s?{_QUOTED};")


def obfuscated_emails(page: HtmlPage) -> Iterator[str]:
    """Return the addresses that are obfuscated in ``page`` in one of these ways."""
    for href in page.links:
        if _CLOUDFLARE_LINK in href and (email := cloudflare_email(href.partition("#")[2])):
            yield email
        elif found := _TYPO3_LINK.search(href):
            yield from typo3_emails(unquote(found[1]))
    for element in page.elements("[data-cfemail], [data-mailto-token], joomla-hidden-mail[first][last]"):
        if email := cloudflare_email(element.get("data-cfemail", "")):
            yield email
        yield from typo3_emails(element.get("data-mailto-token", ""))
        if email := email_of(f"{_from_base64(element.get('first', ''))}@{_from_base64(element.get('last', ''))}"):
            yield email
    if "addy" in page.source:
        for script in _JOOMLA_SCRIPT.finditer(page.source):
            if email := email_of(html.unescape("".join(re.findall(r"'([^']*)'", script[2] + script[3])))):
                yield email


def cloudflare_email(encoded: str) -> str | None:
    """Return the address that Cloudflare ``encoded``: hexadecimal, every byte XORed with the first; or None."""
    if not _CLOUDFLARE.fullmatch(encoded) or len(encoded) % 2:
        return None
    key, *rest = bytes.fromhex(encoded)
    return email_of(bytes(byte ^ key for byte in rest).decode("utf-8", errors="replace").partition("?")[0])


def typo3_emails(token: str) -> Iterator[str]:
    """Return the addresses of the ``mailto:`` link behind TYPO3's ``token``, a Caesar cipher over three alphabets.

    The shift is a setting of the site, between -10 and 10. Only the right one makes the link start with ``mailto:``.
    """
    for shift in _TYPO3_SHIFTS:
        if token[:7].translate(shift) == "mailto:":
            yield from emails_in_mailto(token[:600].translate(shift))


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text[:400], validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
