"""Phone numbers that a page gives to be called on."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

import phonenumbers

from domain_scheduler.characters import plain

MAX_CANDIDATES = 500
"""Runs of digits that are looked at in one page."""

MIN_DIGITS_APART = 8
"""Of each of two numbers that stand behind one another; shorter ones are rather two parts of one."""

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
"""Nobody writes other numbers so: ``(11) 9 1234-5678``."""
_LONGEST_COUNTRY_CODE = 3
_OTHER = re.compile(
    r"(?<!\w)(?:iva|c\.?f|fiscale|vat|ust|steuer|tax|iban|bic|konto|blz|hr[ab]|siret|siren|rcs|kvk|btw|nip|regon|krs|инн|огрн"
    r"|кпп|р/с|cif|nif|cnpj|cpf|abn|acn|ein|isbn|issn|ean|gtin|sku|lic|reg|rea|cvr|org|ičo|dič|cui|npi|order|artikel|ref)"
    r"[\w.\-]{0,14}[^\w\n]{0,4}(?:(?:number|nummer|n[or°º]|id)\b)?[^\w\n]{0,4}\Z",
    re.IGNORECASE,
)
_OR = re.compile(r" ?[/|] ?| [\u2013\-] | (?:or|oder|ou|o|und|and|или) ", re.IGNORECASE)


def number_of(text: str, countries: Sequence[str]) -> str | None:
    """``text``, said to be a phone number, as E.164; as its bare digits where its country is not known; or None.

    ``countries`` are those it may be of, the likeliest first.
    """
    text = plain(unquote(text)).strip()
    if _VANITY.fullmatch(text):
        text = str(phonenumbers.convert_alpha_characters_in_number(text))
        text = f"+{text}" if text.startswith("1") else text  # a custom of North America
    digits = _NOT_DIGITS.sub("", text)
    if not 5 <= len(digits) <= 17 or len(set(digits)) == 1 or digits in "01234567890123456789":
        return None
    found = _international(text) or next((e164 for country in countries if (e164 := _valid(text, country))), None)
    if found is None and len(digits) >= 11:
        found = _valid(f"+{digits.removeprefix('00')}", None)  # a plus forgotten
    return found or (digits if len(digits) <= 15 and not text.startswith("+") else None)


def numbers_in(text: str, countries: Sequence[str]) -> Iterator[str]:
    """The phone numbers written in ``text``, as E.164, in its order. Linear in its length.

    Only what is surely one: valid in its country and, where nobody calls it a phone number, grouped as people there group
    theirs, or begun by an area code in parentheses; and written neither as a date nor as a fax number, a tax number, and
    the like.
    """
    for _, candidate in zip(range(MAX_CANDIDATES), _CANDIDATE.finditer(text), strict=False):
        before = max(0, candidate.start() - 40), candidate.start()
        both = _BOTH.search(text, *before)
        if (_FAX.search(text, *before) and not both) or _OTHER.search(text, *before):
            continue
        read = _valid if both or _PHONE.search(text, *before) else _surely
        for written in _apart(candidate[0]):
            if _DATE.match(written) or _YEARS.match(written):
                continue
            found = _international(written) if written[0] == "+" or written.startswith("00") else None
            if found is None and written[0] != "+":
                found = next((e164 for country in countries if (e164 := read(written, country))), None)
            if found:
                yield found


def numbers_in_tel(url: str) -> Iterator[str]:
    """What a link of scheme ``tel``, ``callto``, ``sms`` or of a messenger gives to be called: mostly one number, as written.

    Behind a comma or semicolon stand extensions and pauses (RFC 3966), and at times another number.
    """
    if found := _CHAT.match(url):
        yield f"+{found[1]}"
    elif found := _TEL.match(url):
        first, *others = re.split("[,;]", unquote(url[found.end() :][:500]))
        yield from _apart(first)
        yield from (other for other in others if other.strip().startswith(("+", "0")))


def without_repetitions(numbers: Iterable[str]) -> list[str]:
    """Each of ``numbers`` once; bare digits that end a complete number are that number."""
    found = list(dict.fromkeys(numbers))
    complete = [number for number in found if number.startswith("+")]
    return [n for n in found if n in complete or not any(whole.endswith(n.lstrip("0")) for whole in complete)]


def _apart(text: str) -> list[str]:
    """Several numbers in one ``text`` (``030 28471022 / 030 28471024``), or the one that it is (``030 / 28471022``)."""
    parts = _OR.split(text)
    return parts if all(len(_NOT_DIGITS.sub("", part)) >= MIN_DIGITS_APART for part in parts) else [text]


def _international(text: str) -> str | None:
    if text.startswith("00"):
        text = f"+{text[2:]}"
    return _valid(text, None) if text.startswith("+") else None


def _surely(text: str, country: str) -> str | None:
    """E.164, if ``text`` is a valid number of ``country``, and written as people there write theirs and nothing else."""
    matcher = phonenumbers.PhoneNumberMatcher(
        text, country, leniency=phonenumbers.Leniency.STRICT_GROUPING, max_tries=3
    )
    grouped = (_e164(match.number) for match in matcher if len(match.raw_string) == len(text))
    return next(grouped, None) or _with_area_code(text, country)


def _with_area_code(text: str, country: str) -> str | None:
    """E.164, if ``text`` is a valid number of ``country`` that begins with its area code in parentheses."""
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
