"""What an imprint says about the owner of a website: legal name, VAT id, register number and postal address."""

import re
from collections.abc import Sequence
from typing import Any

from scrapersky.extraction.json_ld import Node
from scrapersky.extraction.organisation import organisation_facts
from scrapersky.extraction.page import HtmlPage
from scrapersky.extraction.vat_ids import vat_ids_in
from scrapersky.web.storable import tidy

MAX_TEXT = 200_000
"""Characters of a page's text that are searched."""

_FORMS = (
    r"GmbH(?: & Co\.? KG(?:aA)?)?|gGmbH|UG ?\(haftungsbeschr[äa]nkt\)|AG|KG|OHG|GbR|e\. ?K\.|e\. ?V\.|Ges\.? ?m\. ?b\. ?H\.?"
    r"|Ltd\.?|Limited|LLP|PLC|LLC|Inc\.?|S\. ?[rR]\. ?[lL]\.?|SRL|S\. ?p\. ?A\.?|SpA|SARL|SASU?|S\. ?L\. ?U?\.?|S\. ?A\."
    r"|B\. ?V\.|N\. ?V\.|s\. ?r\. ?o\.|[Ss]p\. ?z ?o\. ?o\.|Kft\.?|ApS|A/S|Lda\.?"
)
_LEGAL_NAME = re.compile(rf"(?:[^\n:|]{{0,40}}: ?)?([A-ZÄÖÜÉ0-9][^\n:|,;©]{{1,80}}? (?:{_FORMS}))(?=[\s,;.|)]|$)")
_REGISTERS = (
    re.compile(r"\bHR ?[AB] ?(?:Nr\.? ?|Nummer ?|-)?:? ?\d{1,6}(?: ?[A-Z]{1,2}\b)?"),
    re.compile(r"\bFN ?\d{3,6} ?[a-z]\b"),
    re.compile(r"\bKvK\W{0,12}\d{8}\b"),
    re.compile(r"\bRCS [A-ZÉ][\w\-é]{2,30}(?: [AB])? \d{3} ?\d{3} ?\d{3}\b"),
    re.compile(r"\bREA\W{0,4}[A-Z]{2}\W{0,3}\d{5,7}\b"),
    re.compile(r"\bSIRET\W{0,4}\d{3} ?\d{3} ?\d{3} ?\d{5}\b|\bKRS\W{0,4}\d{10}\b"),
    re.compile(
        r"\b[Cc]ompany (?:[Rr]eg(?:istration|istered)?\.? )?(?:[Nn]o\.?|[Nn]umber)\W{0,4}(?:[A-Z]{2})?\d{6,8}\b"
    ),
)


def read_imprint(page: HtmlPage, organisations: Sequence[Node], *, is_imprint: bool) -> dict[str, Any]:
    """Return {"legal_name", "vat_id", "register", "address"}; what the page does not say is absent.

    A VAT id has the right check digits. The address is the marked-up one, of JSON-LD or of an ``<address>`` element. The
    legal name is searched in the text of pages that are an imprint only: others name other companies too.
    """
    text = page.text[:MAX_TEXT]
    marked = organisation_facts(organisations)
    element = page.tree.css_first("address")
    written = tidy(element.text(separator=" "), 200) if element is not None else None
    name = _LEGAL_NAME.search(text) if is_imprint else None
    facts = {
        "legal_name": marked.get("legal_name") or (tidy(name[1], 120) if name else None),
        "vat_id": next(vat_ids_in(text), None),
        "register": next((tidy(found[0], 60) for one in _REGISTERS if (found := one.search(text))), None),
        "address": marked.get("address") or ({"text": written} if written and re.search(r"\d", written) else None),
    }
    return {name: value for name, value in facts.items() if value}
