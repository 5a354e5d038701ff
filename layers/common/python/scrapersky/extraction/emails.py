"""E-mail addresses in text and in ``mailto:`` links, without placeholders and addresses of machines."""

import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote

from email_validator import EmailNotValidError, validate_email

from scrapersky.web.hosts import has_known_suffix

RESERVED_HOSTS = ".example"
"""The end of hosts that the internet does not have (RFC 2606), and the internet on loopback has."""

MAX_CANDIDATES = 2_000
"""``@`` characters examined in one page."""

_BEFORE = re.compile(r"[A-Za-z0-9._%+&'\-]{1,64}\Z")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2}|u003[ce]){1,9}")  # of a script: \u003cinfo@…
_LABEL = re.compile(r"[Ee]-[Mm]ail(?=\w)")  # <b>E-Mail</b>info@…
_ELISION = re.compile(r"(?:[dlmtscnj]|qu|dell|all)'", re.IGNORECASE)  # French and Italian: d'info@…
_AFTER = re.compile(r"[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")
_AFTER_IDN = re.compile(r"[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}")
_AT_WORDS = r"(?:at|@|ät|æt|arroba|arobase|chiocciola|snabela|kukac|malpa|собака)"
_AT = re.compile(
    rf"\s{{0,2}}(?:\[\s?{_AT_WORDS}\s?\]|\(\s?{_AT_WORDS}\s?\)|\{{\s?{_AT_WORDS}\s?\}}|<\s?{_AT_WORDS}\s?>)\s{{0,2}}"
    r"|(?<=\w)(?:\[a\]|\(a\)|\{a\})(?=\w)|(?<=\w) ?-at- ?(?=\w)",
    re.IGNORECASE,
)
_AT_HINT = re.compile(rf"[\[({{<]\s?(?:a|{_AT_WORDS[3:-1]})\s?[\])}}>]|-at-", re.IGNORECASE)
"""Found fast in a text that contains :data:`_AT`, which is slow."""
_DOT_WORDS = r"(?:dot|punkt|point|punto|ponto|\.)"
_DOT = re.compile(
    rf"\s{{0,2}}(?:\[\s?{_DOT_WORDS}\s?\]|\(\s?{_DOT_WORDS}\s?\)|\{{\s?{_DOT_WORDS}\s?\}}|<\s?{_DOT_WORDS}\s?>)\s{{0,2}}",
    re.IGNORECASE,
)
_SPELT_DOT = re.compile(rf"{_DOT.pattern}| (?:dot|punkt|point|punto|ponto) ", re.IGNORECASE)
_SPELT_HOST = re.compile(
    rf"(?<=[\w.+\-]@)[\w\-]{{1,63}}(?:(?:\.|{_SPELT_DOT.pattern})[\w\-]{{2,63}}){{1,4}}", re.IGNORECASE
)
_SPELT_AT = re.compile(
    r"(?:(?<=\bmail: )[a-z][a-z0-9._+\-]{0,63}"
    r"|(?<![\w.+\-])(?:info|kontakt|contact|contacto|contato|office|mail|email|hello|hallo|hola|sales|support|service|post"
    r"|buero|praxis|team|booking|reservations?|admin|enquiries|[a-z]{1,30}[._][a-z0-9._]{1,30}[a-z0-9])) AT "
    r"(?=[a-z0-9\-]{1,63}(?:\.[a-z0-9\-]{2,63}){1,4}(?![\w@]))"
)
"""``info AT shop.com``: only names that mailboxes have, as people write "visit us AT shop.com"."""
_SPACED = re.compile(
    r"^((?:e-?mail\W{1,4})?[\w.+\-]{2,64}) ?@ ?((?:[\w\-]{1,63}\.){1,4}[a-z]{2,24})$", re.IGNORECASE | re.MULTILINE
)
_SHOUTED = re.compile(r"(?<=\w) AT (?=[\w-]{1,63}(?: DOT [\w-]{1,63}){1,4})")
_NEW_SENTENCE = re.compile(r"\.(?=[A-Z][a-z])")
_RUN_ON = re.compile(r"(?<=[a-z])[A-Z].*")  # info@shop.deTelefon
_MACHINE = re.compile(r"[0-9a-f]{16,64}")

_PLACEHOLDER_HOSTS = frozenset(
    str.split(
        "domain.com domain.tld mydomain.com mysite.com website.com company.com mycompany.com sample.com test.com host.com "
        "site.com address.com provider.com mustermann.de musterfirma.de ihre-domain.de ihredomain.de deine-domain.de "
        "ihrefirma.de votredomaine.fr votre-domaine.fr votresite.fr tudominio.com sudominio.com tuempresa.com "
        "tuodominio.it dominio.com seudominio.com.br email.tld"
    )
)
_PLACEHOLDER_WORDS = frozenset(
    str.split(
        "example exemple exemplo ejemplo esempio beispiel ornek contoh yourdomain your-domain yoursite yourwebsite yourcompany "
        "yourbusiness yourstore mywebsite reallygreatsite"
    )
)
"""Under any top-level domain: ``example.ru``."""
_PLACEHOLDER_NAMES = frozenset(
    str.split(
        "example test your.email your-email your_email youremail yourmail yourname your.name your-name your_name "
        "yourusername username firstname.lastname name.surname vorname.nachname correo.ejemplo ejemplo exemple beispiel "
        "max.mustermann erika.mustermann mustermann ihre.email ihre-email ihrname ihr.name deine.email nom.prenom "
        "prenom.nom votre.email votre-email votreemail tu.email tuemail tucorreo tu.correo seuemail seu.email"
    )
)
_PLACEHOLDER_AT_FREE_MAIL = frozenset(
    str.split(
        "email mail your user name someone somebody you me abc xyz john.doe jane.doe correo tu su seu nome nombre nama anda "
        "votre votre.nom ihre tua la.tua il.tuo ornek"
    )
)
_FREE_MAIL = frozenset(str.split("email mail gmail yahoo hotmail outlook correo"))
"""Under any top-level domain."""
_CROSSES = re.compile(r"x{3,}")
_MACHINE_HOSTS = ("sentry.io", "wixpress.com", "domainsbyproxy.com")


def email_of(text: str) -> str | None:
    """Return ``text`` as an address (lower case, punycode); None if it is malformed or a placeholder.

    An address at a reserved host is one that the caller decides about.
    """
    try:
        parsed = validate_email(text.strip(), check_deliverability=False)
    except (EmailNotValidError, ValueError):
        return None
    address = (parsed.ascii_email or "").lower()
    name, _, host = address.partition("@")
    is_known = has_known_suffix(host) or host.endswith(RESERVED_HOSTS)
    if not address or not is_known or _is_placeholder(name, host):
        return None
    return address


def emails_in(text: str) -> Iterator[str]:
    """Return the addresses in ``text`` in their order, with repetitions. Linear time.

    Includes spellings against simple robots: ``jo [at] shop (dot) com``, ``jo AT shop DOT com``.
    """
    text = with_at_signs(text)
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
            # A letter beyond ASCII belongs to the domain (müller.de), or to text that follows without a blank.
            after = _AFTER_IDN.match(text, position + 1) if after is None else after
        if after is None:
            continue
        if _is_latin(text[before.start() - 1 : before.start()]):
            continue  # jürgen@…: rgen@… would be another address
        name = before[0].lstrip(".-+&'")
        for prefix in (_ESCAPES, _LABEL, _ELISION):
            name = name[found.end() :] if (found := prefix.match(name)) else name
        name, whole = name.lstrip("%"), after[0].rstrip(".-")
        hosts = (_NEW_SENTENCE.split(whole)[0], whole, _RUN_ON.sub("", whole))
        if email := next(filter(None, (email_of(f"{name}@{host}") for host in hosts)), None):
            yield email


def _is_latin(character: str) -> bool:
    """Return whether ``character`` is a Latin letter beyond ASCII, and so part of the word that follows it."""
    return character > "\x7f" and unicodedata.name(character, "").startswith("LATIN ")


def with_at_signs(text: str) -> str:
    """Return ``text`` with ``[at]``, ``(dot)`` and the like replaced by ``@`` and ``.``."""
    if "@ " in text or " @" in text:
        text = _SPACED.sub(r"\1@\2", text)
    if _AT_HINT.search(text) and _AT.search(text):
        text = _DOT.sub(".", _AT.sub("@", text))
    if " AT " in text:
        text = _SPELT_AT.sub(lambda found: f"{found[0][:-4]}@", text)
        shouted = _SHOUTED.search(text)
        text = _SHOUTED.sub("@", text).replace(" DOT ", ".") if shouted else text
    return _SPELT_HOST.sub(lambda found: _SPELT_DOT.sub(".", found[0]), text) if "@" in text else text


def emails_of(text: str) -> Iterator[str]:
    """Return the addresses of ``text``, a value that is labelled as an e-mail address: also a list, or with a name."""
    value = html.unescape(text[:8_192]).strip("\u200b\ufeff \t\r\n")
    found = list(emails_in_mailto(value if value[:7].lower() == "mailto:" else f"mailto:{value}"))
    yield from found or emails_in(value)


def emails_in_mailto(url: str) -> Iterator[str]:
    """Return the addresses of a ``mailto:`` URL (RFC 6068), including its ``to``, ``cc`` and ``bcc``."""
    path, _, query = url[len("mailto:") :].partition("?")
    values = [value for name, value in parse_qsl(query[:4_096]) if name.lower() in {"to", "cc", "bcc"}]
    for value in (unquote(path).lstrip("/"), *values):
        for part in re.split("[,;]", value[:8_192]):
            if email := email_of(part):
                yield email
            else:
                yield from emails_in(part)


def _is_placeholder(name: str, host: str) -> bool:
    word = host.partition(".")[0]
    return (
        host in _PLACEHOLDER_HOSTS
        or word in _PLACEHOLDER_WORDS
        or _CROSSES.fullmatch(name) is not None
        or name in _PLACEHOLDER_NAMES
        or (word in _FREE_MAIL and name in _PLACEHOLDER_AT_FREE_MAIL)
        or any(host == machine or host.endswith(f".{machine}") for machine in _MACHINE_HOSTS)
        or (_MACHINE.fullmatch(name) is not None and "sentry" in host)
    )
