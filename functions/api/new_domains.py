"""Adds domains, one or many, and tells of every row what became of it."""

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from api.curation import SAY_WHO
from api.problem import invalid
from scrapersky.models import Domain
from scrapersky.models.vocabulary import Curation, Status
from scrapersky.service.given import Given
from scrapersky.web.hosts import HostError, normalise_host

COLUMNS = ("domain", "website", "website_url", "url", "host")
"""Names of the column with the domain in a CSV file, the first that is there."""

SEPARATOR_LINE = re.compile(r"sep=([^\w\s\"]|\t)\r?\n")
"""What Excel writes and reads as a first line, to say what separates the cells."""

RowResult = Literal["created", "queued", "exists", "duplicate", "refused"]


class NewDomains(Given):
    """Domains to add; ``Selected`` queues their metadata at once."""

    domains: list[str] = Field(min_length=1, description="host names or urls")
    curation_status: Curation = Curation.NEW
    reason: str = Field("added", min_length=1, max_length=500)


class NewDomain(Given):
    """A domain to add."""

    domain: str = Field(min_length=1, max_length=2_048, description="a host name or a url")
    curation_status: Curation = Curation.NEW
    reason: str = Field("added", min_length=1, max_length=500)


class AddedRow(BaseModel):
    """What became of one row: ``created`` or ``queued``; ``exists`` already; ``duplicate`` of an earlier row; ``refused``."""

    row: int = Field(description="its number, from 1; of a CSV file its line")
    given: str
    result: RowResult
    domain: str | None = Field(None, description="as it is stored")
    id: int | None = None
    why: str | None = None


class Added(BaseModel):
    """What became of each row."""

    results: list[AddedRow]
    counts: dict[RowResult, int]


def add_domains(
    connection: Connection,
    rows: Sequence[tuple[int, str]],
    *,
    curation_status: Curation = Curation.NEW,
    actor: str,
    reason: str,
    cap: int,
) -> Added:
    """Adds the domains of ``rows`` (number, text) within the caller's transaction; those that exist are left alone."""
    if len(rows) > cap:
        raise invalid("domains", f"{len(rows)} rows are too many at once; at most {cap} are right")
    results = list(_normalised(rows))
    wanted = sorted({one.domain for one in results if one.domain and one.result == "created"})
    queue = curation_status == Curation.SELECTED
    connection.execute(SAY_WHO, {"actor": actor, "reason": reason})
    created = _insert(connection, wanted, curation_status, queue=queue)
    known = select(Domain.domain, Domain.id).where(Domain.domain.in_(wanted))
    ids = {row.domain: row.id for row in connection.execute(known)}
    for one in results:
        if one.domain in ids:
            one.id = ids[one.domain]
        if one.result == "created":
            if one.domain not in created:
                one.result, one.why = "exists", "it was there before, and is left as it is"
            elif queue:
                one.result = "queued"
    return Added(results=results, counts=dict(Counter(one.result for one in results)))


def _insert(connection: Connection, domains: list[str], curation_status: Curation, *, queue: bool) -> set[str]:
    if not domains:
        return set()
    status = {"status": Status.QUEUED} if queue else {}
    statement = (
        insert(Domain)
        .values([{"domain": domain, "curation_status": curation_status, **status} for domain in domains])
        .on_conflict_do_nothing(index_elements=["domain"])
        .returning(Domain.domain)
    )
    return set(connection.execute(statement).scalars())


def _normalised(rows: Iterable[tuple[int, str]]) -> Iterable[AddedRow]:
    first: dict[str, int] = {}
    for number, given in rows:
        shown = given if len(given) <= 200 else given[:199] + "…"
        try:
            domain = normalise_host(given)
        except HostError as error:
            yield AddedRow(row=number, given=shown, result="refused", why=str(error))
            continue
        if domain in first:
            why = f"the same as row {first[domain]}"
            yield AddedRow(row=number, given=shown, result="duplicate", domain=domain, why=why)
            continue
        first[domain] = number
        yield AddedRow(row=number, given=shown, result="created", domain=domain)


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
