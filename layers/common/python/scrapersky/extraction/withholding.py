"""Minimisation: addresses of categories that are not kept (``CONTACTS_KEEP``) are removed from what a page says."""

import re
from collections.abc import Sequence
from typing import Any

from scrapersky.extraction.email_category import email_category
from scrapersky.extraction.emails import with_at_signs
from scrapersky.vocabulary import EmailCategory

WITHHELD = "[withheld]"

_ADDRESS = re.compile(
    # Also behind an escape of a URL: mailto:%20ann.lee@shop.example
    r"(?:(?<![\w.+&'-])|(?=%[0-9a-f]{2}))((?:%[0-9a-f]{2}){0,3})"
    r"([\w.+&'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,8})",
    re.IGNORECASE,
)


def withhold(value: Any, keep: Sequence[str], host: str) -> Any:
    """Return ``value``, a text or a JSON value, with the addresses masked whose category is not in ``keep``.

    Also those that are spelled against simple robots (``ann.lee [at] shop (dot) com``). ``host``: of the website.
    """
    return value if set(EmailCategory) <= set(keep) else _masked(value, keep, host)


def _masked(value: Any, keep: Sequence[str], host: str) -> Any:
    match value:
        case str():
            return _masked_text(value, keep, host)
        case dict():
            return {_masked(key, keep, host): _masked(inner, keep, host) for key, inner in value.items()}
        case list():
            return [_masked(inner, keep, host) for inner in value]
        case _:
            return value


def _masked_text(text: str, keep: Sequence[str], host: str) -> str:
    def replace(found: re.Match[str]) -> str:
        address = found[2].lower().replace("%40", "@").strip(".-")
        return found[0] if email_category(address, host) in keep else found[1] + WITHHELD

    readable = with_at_signs(text)
    masked = _ADDRESS.sub(replace, readable) if "@" in readable or "%40" in readable else readable
    return text if masked == readable else masked
