"""Contact forms: forms by which a visitor writes to the owner of a website."""

import re

from selectolax.lexbor import LexborNode

from scrapersky.extraction.page import HtmlPage

MAX_FORMS = 50
"""Forms examined in one page."""

_OTHER = re.compile(
    r"comment|respond|review|search|login|signin|register|newsletter|subscribe|cart|checkout|coupon|mc4wp|mailchimp",
    re.IGNORECASE,
)
_EMAIL = "input[type=email i], input[name*=mail i], input[id*=mail i], input[placeholder*=mail i]"
_PROVIDERS = (
    "iframe[src*='jotform.com'], iframe[src*='docs.google.com/forms'], iframe[src*='forms.office.com'],"
    " iframe[src*='typeform.com']"
)


def has_contact_form(page: HtmlPage) -> bool:
    """Return whether ``page`` has a form with a text area and a field for an e-mail address, or one of a form service.

    Forms for comments, searches, newsletters, logins and orders are none.
    """
    if page.tree.css_first(_PROVIDERS) is not None:
        return True
    return any(map(_is_contact_form, page.tree.css("form")[:MAX_FORMS]))


def _is_contact_form(form: LexborNode) -> bool:
    named = " ".join(form.attributes.get(name) or "" for name in ("id", "class", "action", "name", "role"))
    if _OTHER.search(named[:1_000]):
        return False
    return form.css_first("textarea") is not None and form.css_first(_EMAIL) is not None
