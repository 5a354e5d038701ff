"""Adds domains, one or many, and tells of every row what became of it."""

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Sequence

from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added, Candidate, add
from api.curation_table import curation_field
from api.problem import invalid
from scrapersky.models import Domain
from scrapersky.models.vocabulary import Curation
from scrapersky.runtime.input_model import InputModel
from scrapersky.web.hosts import HostError, normalise_host

COLUMNS = ("domain", "website", "website_url", "url", "host")
"""Names of the column with the domain in a CSV file, the first that is there."""

SEPARATOR_LINE = re.compile(r"sep=([^\w\s\"]|\t)\r?\n")
"""What Excel writes and reads as a first line, to say what separates the cells."""


class NewDomains(InputModel):
    """Domains to add; ``Selected`` queues their metadata at once."""

    domains: list[str] = Field(min_length=1, description="host names or urls")
    curation_status: Curation = Curation.NEW
    reason: str = Field("added", min_length=1, max_length=500)


class NewDomain(InputModel):
    """A domain to add."""

    domain: str = Field(min_length=1, max_length=2_048, description="a host name or a url")
    curation_status: Curation = Curation.NEW
    reason: str = Field("added", min_length=1, max_length=500)


def add_domains(connection: Connection, rows: Sequence[tuple[int, str]], curation_status: Curation) -> Added:
    """Adds the domains of ``rows`` (number, text) within the caller's transaction; those that exist are left alone."""
    found = [_candidate(number, given, curation_status) for number, given in rows]
    return add(connection, curation_field(Domain.curation_status), ["domain"], found)


def _candidate(number: int, given: str, curation_status: Curation) -> Candidate:
    try:
        return Candidate(number, given, curation_status, {"domain": normalise_host(given)})
    except HostError as error:
        return Candidate(number, given, refused=str(error))


def read_csv(body: bytes) -> list[tuple[int, str]]:
    """The domains in a CSV file by line: of the column named in :data:`COLUMNS`, or of a file of one column without a head.

    UTF-8 with or without a byte order mark, or UTF-16 with one (Excel's "Unicode text"); separated by commas, semicolons or
    tabs, or as a first line ``sep=;`` says. Raises a 422.
    """
    encoding = "utf-16" if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        why = f"the file is not UTF-8: byte {error.start} cannot be read; save it as 'CSV UTF-8'"
        raise invalid("body", why) from None
    told = SEPARATOR_LINE.match(text)
    head = text.lstrip("\r\n").partition("\n")[0]
    separator = told.group(1) if told else max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
        lines = lines[1:] if told else lines
    except csv.Error as error:
        raise invalid("body", f"line {reader.line_num} is no CSV: {error}") from None
    if not lines:
        raise invalid("body", "the file is empty; a column named domain is right")
    names = [cell.strip().lower().replace(" ", "_") for cell in lines[0][1]]
    column = next((names.index(name) for name in COLUMNS if name in names), None)
    if column is None and len(names) > 1:
        raise invalid("body", f"line 1 names no column domain; it has: {', '.join(names)[:200]}")
    data = lines if column is None else lines[1:]
    return [(number, row[column or 0].strip() if len(row) > (column or 0) else "") for number, row in data]
