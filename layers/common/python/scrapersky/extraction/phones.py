"""Phone numbers in text and in links."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

import phonenumbers

from scrapersky.extraction.visible_text import plain

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
_SEPARATORS = r"[ \xa0().\-/\u2009\u2010-\u2015\u00b7]{0,3}"
_CANDIDATE = re.compile(
    r"(?:(?<![\w.,@/#=\-])|(?<=[^\W\d_][.,/#=\-])|(?<=[話话机機号號])|(?P<glued>(?<=[A-Za-zÀ-ÿ])(?=\+|\(?0)))"
    rf"(?:\+\s?|00\s?)?\(?[0-9](?:{_SEPARATORS}[0-9]){{5,31}}"
    r"(?:(?![\w@%])|(?=[xX]\.?\s?\d{1,6}(?!\w)|(?i:ext|poste|int\.|fax|tel|mob|cell|e-?mail)|[A-Z][a-z]{2}|[\u0370-\uffff]))"
)
_IN_VALUE = re.compile(rf"(?:\+\s?)?\(?[0-9](?:{_SEPARATORS}[0-9]){{4,31}}")
"""A number in a value that is labelled as one."""
_EXTENSION = re.compile(
    r"(?:(?<![^\W\d_])(?:x|ext\w{0,6}|poste|durchwahl|dw|int(?:erno)?)\W{0,3}|#\s?)\Z", re.IGNORECASE
)
_DATE = re.compile(r"(?:\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)?\d\d|(?:19|20)\d\d[./\-]\d{1,2}[./\-]\d{1,2})(?![./\-]?\d)")
_YEARS = re.compile(r"(?:19|20)\d\d\s?[\u2010-\u2015\-/]\s?(?:19|20)\d\d\Z")
_FAX_WORD = (
    r"(?:(?<![^\W\d])(?:tele)?(?:fax|faks|faqs)\w{0,10}|(?<![^\W\d])(?:теле)?факс\w{0,8}|(?<![^\W\d])(?:τηλε)?[φΦ][αά]ξ"
    r"|(?<![^\W\d])(?:t[eé]l[eé]copi\w{0,8}|telekopi\w{0,6}|belgegeçer|facs[ií]mile?)|传真|傳真|ファッ?クス|팩스|แฟกซ์|โทรสาร"
    r"|فاکس|فاكس|פקס|फ[ैे]क्स|ফ্যাক্স|ֆաքս|ფაქსი)(?:号码?|號碼?|番号|번호)?"
)
_PHONE_WORD = (
    r"(?:(?<![^\W\d])(?:tel[eé](?:fon(?:o|e|ní|szám)?|phone|pon|móvel)|telefoon|t[eé]l(?:éphone|p|efon\w{0,4})?|tlm|phone|fono?"
    r"|mob(?:ile?)?|handy|cell?(?:ulare)?|cel(?:ular)?|móvil|tlf|tfno|ph|call(?: us)?|hotline|whats ?app|viber|zalo|gsm|cep"
    r"|portable|hp|landline|puh(?:elin)?|τηλ(?:έφωνο)?|тел(?:ефон)?|моб|điện thoại|s?đt|gọi(?: ngay)?)"
    r"|電話(?:番号)?|携帯|[电電][话話]|手[机機]|전화(?:번호)?|โทร(?:ศัพท์)?|फ़?ोन|טל(?:פון)?|هاتف|جوال|موبايل|تلفون|تلفن|واتساب|[☎☏📞📱✆])"
)
_NUMBER_WORD = r"(?:\.?\s?(?:number|no|nr|nummer)\b)?"
_JOINED = r"\.?(?:\s?[/&+|]\s?|\s?-\s?|\s(?:e|y|et|u|i|и|en|és|ja|og|och|und|and|or|oder|ou)\s)"
_FAX = re.compile(rf"(?:{_FAX_WORD}[^\n0-9]{{0,20}}|(?<!\w)fx\W{{0,6}}|(?:^|\s)\(?F\)?[:.]? ?)\Z", re.IGNORECASE)
_FAX_BEHIND = re.compile(rf"\s{{0,2}}[(\[]\s?{_FAX_WORD}\s?[)\]](?!\W{{0,3}}[0-9])", re.IGNORECASE)
_BOTH = re.compile(
    rf"(?:{_PHONE_WORD}{_NUMBER_WORD}{_JOINED}{_FAX_WORD}|{_FAX_WORD}{_NUMBER_WORD}(?:{_JOINED}|[,;.]\s?){_PHONE_WORD}"
    rf"|(?<!\w)[TP]\s?[/&+]\s?F|(?<!\w)F\s?[/&+]\s?[TP]){_NUMBER_WORD}\W{{0,6}}\Z",
    re.IGNORECASE,
)
_PHONE = re.compile(
    rf"(?:{_PHONE_WORD}|(?:^|\s)[TM](?=[:.])){_NUMBER_WORD}(?:\s?\([^()\n]{{1,16}}\))?\W{{0,6}}\Z", re.IGNORECASE
)
_AREA_CODE = re.compile(r"\((0\d{1,4}|\d{2,3})\)")
"""Only phone numbers are written like this: ``(11) 9 1234-5678``."""
_LONGEST_COUNTRY_CODE = 3
_OF_REGISTER = (
    r"(?:[ .\-_/]{0,3}(?:s?(?:nummern?|number|num(?:ero)?|número|numéro|nr|no|n[°º])(?!\w)|#|№|id(?:ent\w{0,24}|nr|no)?(?!\w)"
    r"|code(?!\w)|reg(?:istration|istrierung|ister)?s?(?!\w)|1[03](?!\w))\.?)"
)
_OTHER = re.compile(
    r"(?<!\w)(?:(?:iva|c\.?f|fiscale?|vat|ust|(?:umsatz)?steuer|tax|iban|bic|swift|konto|kto|blz|hr[ab]|siret|siren|rcs|tva"
    r"|kvk|btw|nip|regon|krs|инн|огрн(?:ип)?|кпп|р/с|cif|nif|cnpj|cpf|abn|acn|ein|isbn|issn|ean|gtin|sku|lic|licen[cs]e"
    r"|licencia|lizenz|reg|reg(?:istro|istre)|rea|cvr|org|ičo|dič|cui|npi|artikel|article|ref|r[eé]f[eé]ren(?:ce|z|cia|cja))"
    rf"{_OF_REGISTER}{{0,3}}"
    r"|(?:order|(?:handels)?register|registration|account|organi[sz]a(?:tion|sjon)|bestell|auftrag|kunden|customer|invoice"
    rf"|rechnung|commande|pedido|item|product|model){_OF_REGISTER}{{1,3}})[^\w\n]{{0,4}}\Z",
    re.IGNORECASE,
)
"""Labels of numbers in registers and catalogues. The second group names other things as well, without "number"."""
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


def numbers_of(text: str, countries: Sequence[str]) -> list[str]:
    """Return every number in ``text``, a value that is labelled as a phone number; see :func:`number_of`.

    Several are separated in any way (``030 28471022 / 030 28471024``, ``0800 123 456/457``); fax numbers are left out.
    """
    value = plain(unquote(text[:1_000])).strip()
    matches = [match for match in _IN_VALUE.finditer(value) if not _EXTENSION.search(value, 0, match.start())]
    written = [part for match in matches if not _is_fax(value, *match.span()) for part in _split(match[0])]
    if len(matches) <= 1 and len(written) == len(matches):
        written = [text]  # with its letters: 1-800-FLOWERS
    return [number for part in written if (number := number_of(part, countries))]


def numbers_in(text: str, countries: Sequence[str]) -> Iterator[str]:
    """Return the phone numbers in ``text`` as E.164, in their order. Linear time.

    A number must be valid in its country. Without a label ("Tel.") it must also be grouped as is usual there, or start
    with an area code in parentheses. Dates and numbers labelled as fax, tax number and the like are left out.
    """
    for _, candidate in zip(range(MAX_CANDIDATES), _CANDIDATE.finditer(text), strict=False):
        before = max(0, candidate.start() - 40), candidate.start()
        if _is_fax(text, *candidate.span()) or _OTHER.search(text, *before):
            continue
        is_labelled = _PHONE.search(text, *before) or _BOTH.search(text, *before)
        is_part = text[before[0] : before[1]].endswith((".", ",", "/", "#", "=", "-"))
        if is_part and not is_labelled and candidate[0][0] != "+":
            continue  # shop.03028471022
        if candidate["glued"] is not None and not is_labelled:
            continue  # abc0461 80799494; but Telefon0461 80799494 is one
        read = _valid if is_labelled else _valid_and_grouped
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


def _is_fax(text: str, start: int, end: int) -> bool:
    """Return whether the number at these places is labelled as a fax number only."""
    before = max(0, start - 40), start
    is_fax = _FAX.search(text, *before) or _FAX_BEHIND.match(text, end)
    return bool(is_fax) and not _BOTH.search(text, *before)


def _split(text: str) -> list[str]:
    """Return the numbers of ``030 28471022 / 030 28471024`` or ``226-2671/72``, or the single one of ``030 / 28471022``."""
    parts = _OR.split(text)
    lengths = [len(_NOT_DIGITS.sub("", part)) for part in parts]
    if min(lengths) >= MIN_DIGITS or (min(lengths) >= 6 and len(set(lengths)) == 1):
        return parts
    head, _, tail = text.rpartition("/")
    length = len(_NOT_DIGITS.sub("", head))
    if tail.isdigit() and length >= 7 and len(tail) <= (3 if "/" in head else 4) and head[-len(tail) :].isdigit():
        return [head, head[: -len(tail)] + tail]
    return [text]


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
