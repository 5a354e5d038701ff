"""Subjects: whom an objection or a request is about, in the one spelling in which values are stored and hashed."""

import hashlib
import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from scrapersky.errors import shorten
from scrapersky.vocabulary import SubjectKind
from scrapersky.web.hosts import HostError, normalise_host

HASH = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
"""A SHA-256 as other lists spell it."""
_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"\+?\d{6,15}")


class SubjectError(ValueError):
    """The text is no address, phone number or host; the message states why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An address (lower case, IDNA host), a phone number (E.164, or bare digits), or a host without ``www.``."""

    kind: SubjectKind
    value: str

    @property
    def hash(self) -> str:
        """The SHA-256 of the value, in hexadecimal digits."""
        return hashlib.sha256(self.value.encode()).hexdigest()


def subject_of(kind: SubjectKind, text: str) -> Subject:
    """Return the subject that ``text`` spells. Raises :class:`SubjectError`."""
    match kind:
        case SubjectKind.EMAIL:
            try:
                address = validate_email(text.strip(), check_deliverability=False, test_environment=True).ascii_email
            except (EmailNotValidError, ValueError) as error:
                raise SubjectError(f"{shorten(text)!r} is no e-mail address: {error}") from None
            if address is None:
                raise SubjectError(f"{shorten(text)!r} has letters beyond ASCII before the @, which are not stored")
            return Subject(kind, address.lower())
        case SubjectKind.PHONE:
            number = _SEPARATORS.sub("", text)
            if not _NUMBER.fullmatch(number):
                raise SubjectError(f"{shorten(text)!r} is no phone number; valid is one such as +49 30 1234567")
            return Subject(kind, number)
        case SubjectKind.DOMAIN:
            try:
                return Subject(kind, normalise_host(text))
            except HostError as error:
                raise SubjectError(str(error)) from None


def recognise(text: str) -> Subject:
    """Return the subject of ``text``, whose kind follows from its form. Raises :class:`SubjectError`."""
    if "@" in text:
        return subject_of(SubjectKind.EMAIL, text)
    is_number = _NUMBER.fullmatch(_SEPARATORS.sub("", text))
    return subject_of(SubjectKind.PHONE if is_number else SubjectKind.DOMAIN, text)
