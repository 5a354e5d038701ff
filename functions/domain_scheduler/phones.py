"""Phone numbers in text and in links."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

import phonenumbers

from domain_scheduler.visible_text import plain

MAX_CANDIDATES = 500
"""Runs of digits examined in one page."""

MIN_DIGITS = 8
"""Digits of each of two adjacent numbers; shorter ones are two parts of one number."""

_VANITY = re.compile(r"\+?[0-9][0-9().\- ]{2,10}[A-Z][A-Z0-9().\- ]{2,15}")  # 1-800-FLOWERS
_DIGITS = re.compile(r"[0-9]")
_TEL = re.compile(r"(?:tel|callto|sms):", re.IGNORECASE)
_CHAT = re.compile(
    r"(?:(?:https?://)?wa\.me/|(?:(?:https?://)?(?:api|web)\.whatsapp\.com/|whatsapp://)send/?\?(?:[^#]{0,200}&)?phone="
    r"|viber://(?:chat|add|contact)/?\?(?:[^#]{0,200}&)?number=)(?:\+|%2B)?(\d{8,15})(?!\d)",
    re.IGNORECASE,
)
_NOT_DIGITS = re.compile(r"[^0-9]")
_CANDIDATE = re.compile(
    r"(?<![\w.,@/#=\-])(?:\+\s?|00\s?)?\(?[0-9](?:[ \xa0().\-/\u2009\u2010-\u2015\u00b7]{0,3}[0-9]){5,31}(?![\w@%])"
)
_DATE = re.compile(r"(?:\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)?\d\d|(?:19|20)\d\d[./\-]\d{1,2}[./\-]\d{1,2})(?![./\-]?\d)")
_YEARS = re.compile(r"(?:19|20)\d\d\s?[\u2010-\u2015\-/]\s?(?:19|20)\d\d\Z")
_FAX = re.compile(r"(?:\b(?:tele)?fax\b[^\n0-9]{0,20}|(?:^|\s)F[:.]? ?)\Z", re.IGNORECASE)
_BOTH = re.compile(r"\bt[eé]l\w{0,8}\.?(?:\s?[/&+]\s?|\s(?:e|y|et|und|and)\s)(?:tele)?fax\W{0,6}\Z", re.IGNORECASE)
_PHONE = re.compile(
    r"(?:(?<!\w)(?:tele(?:fon|phone|fono|fone|pon|móvel)|t[eé]l(?:éphone|p)?|tlm|phone|fono?|mob(?:ile?)?|handy|cell?(?:ulare)?"
    r"|cel(?:ular)?|móvil|tlf|tfno|ph|call(?: us)?|hotline|whats ?app|viber|zalo|gsm|cep|portable|hp|landline|тел(?:ефон)?|моб"
    r"|điện thoại|s?đt|gọi(?: ngay)?)|電話(?:番号)?|携帯|[电電][话話]|手[机機]|هاتف|جوال|موبايل|تلفون|واتساب|[☎☏📞📱✆]"
    r"|(?:^|\s)[TM](?=[:.]))(?:\.?\s?(?:number|no|nr|nummer)\b)?(?:\s?\([^()\n]{1,16}\))?\W{0,6}\Z",
    re.IGNORECASE,
)
_AREA_CODE = re.compile(r"\((0\d{1,4}|\d{2,3})\)")
"""Only phone numbers are written like this: ``(11) 9 1234-5678``."""
_LONGEST_COUNTRY_CODE = 3
_OTHER = re.compile(
    r"(?<!\w)(?:iva|c\.?f|fiscale|vat|ust|steuer|tax|iban|bic|konto|blz|hr[ab]|siret|siren|rcs|kvk|btw|nip|regon|krs|инн|огрн"
    r"|кпп|р/с|cif|nif|cnpj|cpf|abn|acn|ein|isbn|issn|ean|gtin|sku|lic|reg|rea|cvr|org|ičo|dič|cui|npi|order|artikel|ref)"
    r"[\w.\-]{0,14}[^\w\n]{0,4}(?:(?:number|nummer|n[or°º]|id)\b)?[^\w\n]{0,4}\Z",
    re.IGNORECASE,
)
_OR = re.compile(r" ?[/|] ?| [\u2013\-] | (?:or|oder|ou|o|und|and|или) ", re.IGNORECASE)


def number_of(text: str, countries: Sequence[str]) -> str | None:
    """Return ``text``, which is labelled as a phone number, as E.164, or as bare digits where no country fits, or None.

    ``countries`` are the candidates (ISO 3166-1 alpha-2), the likeliest first.
    """
    text = plain(unquote(text)).strip()
    if _VANITY.fullmatch(text):
        text = str(phonenumbers.convert_alpha_characters_in_number(text))
        text = f"+{text}" if text.startswith("1") else text  # vanity numbers are North American
    digits = _NOT_DIGITS.sub("", text)
    if not 5 <= len(digits) <= 17 or len(set(digits)) == 1 or digits in "01234567890123456789":
        return None
    found = _international(text) or next((e164 for country in countries if (e164 := _valid(text, country))), None)
    if found is None and len(digits) >= 11:
        found = _valid(f"+{digits.removeprefix('00')}", None)  # the plus is missing
    return found or (digits if len(digits) <= 15 and not text.startswith("+") else None)


def numbers_in(text: str, countries: Sequence[str]) -> Iterator[str]:
    """Return the phone numbers in ``text`` as E.164, in their order. Linear time.

    A number must be valid in its country. Without a label ("Tel.") it must also be grouped as is usual there, or start
    with an area code in parentheses. Dates and numbers labelled as fax, tax number and the like are left out.
    """
    for _, candidate in zip(range(MAX_CANDIDATES), _CANDIDATE.finditer(text), strict=False):
        before = max(0, candidate.start() - 40), candidate.start()
        both = _BOTH.search(text, *before)
        if (_FAX.search(text, *before) and not both) or _OTHER.search(text, *before):
            continue
        read = _valid if both or _PHONE.search(text, *before) else _valid_and_grouped
        for written in _split(candidate[0]):
            if _DATE.match(written) or _YEARS.match(written):
                continue
            found = _international(written) if written[0] == "+" or written.startswith("00") else None
            if found is None and written[0] != "+":
                found = next((e164 for country in countries if (e164 := read(written, country))), None)
            if found:
                yield found


def numbers_in_tel(url: str) -> Iterator[str]:
    """Return the numbers of a ``tel:``, ``callto:``, ``sms:`` or messenger link, as written; mostly one.

    Extensions and pauses (RFC 3966), or another number, follow behind a comma or semicolon.
    """
    if found := _CHAT.match(url):
        yield f"+{found[1]}"
    elif found := _TEL.match(url):
        first, *others = re.split("[,;]", unquote(url[found.end() :][:500]))
        yield from _split(first)
        yield from (other for other in others if other.strip().startswith(("+", "0")))


def without_repetitions(numbers: Iterable[str]) -> list[str]:
    """Return each of ``numbers`` once; bare digits that an international number ends with are the same number."""
    found = list(dict.fromkeys(numbers))
    complete = [number for number in found if number.startswith("+")]
    return [n for n in found if n in complete or not any(whole.endswith(n.lstrip("0")) for whole in complete)]


def _split(text: str) -> list[str]:
    """Return the numbers of ``030 28471022 / 030 28471024``, or the single one of ``030 / 28471022``."""
    parts = _OR.split(text)
    return parts if all(len(_NOT_DIGITS.sub("", part)) >= MIN_DIGITS for part in parts) else [text]


def _international(text: str) -> str | None:
    if text.startswith("00"):
        text = f"+{text[2:]}"
    return _valid(text, None) if text.startswith("+") else None


def _valid_and_grouped(text: str, country: str) -> str | None:
    """Return E.164 if ``text`` is valid in ``country`` and grouped as usual, or has its area code in parentheses."""
    matcher = phonenumbers.PhoneNumberMatcher(
        text, country, leniency=phonenumbers.Leniency.STRICT_GROUPING, max_tries=3
    )
    grouped = (_e164(match.number) for match in matcher if len(match.raw_string) == len(text))
    return next(grouped, None) or _with_area_code(text, country)


def _with_area_code(text: str, country: str) -> str | None:
    """Return E.164 if ``text`` is a valid number of ``country`` that starts with its area code in parentheses."""
    area = _AREA_CODE.match(text)
    found = _valid(text, country) if area else None
    return found if area and found and 2 <= found.find(area[1].lstrip("0"), 2) <= _LONGEST_COUNTRY_CODE + 1 else None


def _valid(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return _e164(number) if phonenumbers.is_valid_number(number) else None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
