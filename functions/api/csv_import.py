"""Read CSV files: records to add, or a column of values."""

import base64
import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field, ValidationError

from api.adding import Added, add_records
from api.dependencies import check_parameters, event_of
from api.problem import Problem, invalid, refused
from api.request_body import media_type_of
from api.resource import Resource, View
from api.rows import Known, NewRecord, RowRefused
from scrapersky.lists.filters import typed
from scrapersky.runtime.input_model import InputModel, Label
from scrapersky.vocabulary import Curation
from scrapersky.web.hosts import HostError, normalise_host

SEPARATOR_LINE = re.compile(r"sep=([^\w\s\"]|\t)\r?\n")
"""The first line by which Excel names the separator of the cells."""


WORD = re.compile(r"[A-Za-z][A-Za-z _-]{0,40}")


class CsvQuery(InputModel):
    """What the rows of a file have that do not state it themselves."""

    curation_status: Curation = Field(Curation.NEW, description="Selected queues the records at once")
    label: Label | None = Field(None, description="of the list; hand-offs carry it along")
    dry_run: Literal["true", "false"] = Field("false", description="add nothing; answer what would be added")

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be added."""
        return self.dry_run == "true"


class _Unreadable(NewRecord):
    """A line that is no row of its resource."""

    text: str
    why: str

    def given(self) -> str:
        """Return the line's first cell."""
        return self.text

    def columns(self, known: Known) -> dict[str, Any]:  # noqa: ARG002
        """Raise the reason."""
        raise RowRefused(self.why)


def import_records(router: Router, resource: Resource[View], model: type[NewRecord], query: CsvQuery) -> Added:
    """Add the records of the request's CSV file. Raises as :func:`rows_of`."""
    return add_rows(router, resource, rows_of(router, model, query), query)


def add_rows(router: Router, resource: Resource[View], rows: Mapping[int, NewRecord], query: CsvQuery) -> Added:
    """Add the ``rows`` of a file, by line."""
    given, reason = list(rows.values()), "imported from a CSV file"
    return add_records(router, resource, given, numbers=list(rows), reason=reason, dry_run=query.is_dry_run)


def rows_of(router: Router, model: type[NewRecord], query: CsvQuery) -> dict[int, NewRecord]:
    """Return the rows of the request's file by line. Raises a 415 for another media type, else as :func:`read_records`."""
    check_parameters(router, CsvQuery)
    media_type = media_type_of(event_of(router).headers.get("content-type") or "text/csv")
    if media_type != "text/csv":
        detail = f"media type {media_type!r} is not supported; send the file as text/csv"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, field="Content-Type")
    return read_records(body_of(router), model, query.model_dump(exclude={"dry_run"}, exclude_none=True))


def body_of(router: Router) -> bytes:
    """Return the request's body."""
    event = event_of(router)
    body = event.body or ""
    return base64.b64decode(body) if event.is_base64_encoded else body.encode()


def read_records(body: bytes, model: type[NewRecord], common: Mapping[str, Any]) -> dict[int, NewRecord]:
    """Return the rows of a file by line: the columns that ``model`` has, and ``common`` where a row has no value.

    A column has the name of a field, or one of its other names; others are passed over. A file of one column needs no
    header if its lines are domains. UTF-8 with or without a byte order mark, or UTF-16 with one (Excel's "Unicode text");
    separated by commas, semicolons or tabs, or as a first line ``sep=;`` states. Raises a 422 for a file that is empty or
    no CSV, a 409 without a column that identifies records.
    """
    lines = _rows(body)
    header = [cell.strip().lower().replace(" ", "_") for cell in lines[0][1]]
    fields = {name: name for name in model.model_fields} | model.other_names()
    columns = {fields[name]: header.index(name) for name in reversed(list(fields)) if name in header}
    rows = lines[1:]
    if not columns.keys() & set(model.identifying):
        if len(header) > 1 or "domain" not in model.identifying:
            named = " or ".join(model.identifying)
            raise refused("body", f"line 1 has no column named {named}; it has: {', '.join(header)[:200]}")
        rows = lines
        if not any(_is_host(row[0]) for _, row in rows):
            raise refused(
                "body", f"the file has no column named domain, and no line is a host; line 1 is {header[0][:100]!r}"
            )
        columns = {"domain": 0}
    return {number: _record(model, {**common, **_cells(row, columns)}, row) for number, row in rows}


def _cells(row: list[str], columns: Mapping[str, int]) -> dict[str, str]:
    cells = {name: row[at].strip() for name, at in columns.items() if at < len(row)}
    return {name: cell for name, cell in cells.items() if cell}


def _record(model: type[NewRecord], given: Mapping[str, Any], row: list[str]) -> NewRecord:
    try:
        return model.model_validate(typed(model, given))
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ").replace("Input should", "should")
        text = next((cell.strip() for cell in row if cell.strip()), "")
        return _Unreadable(text=text.replace("\0", ""), why=f"{'.'.join(map(str, first['loc']))}: {message}")


def read_lines(body: bytes) -> list[tuple[int, str]]:
    """Return (line, first cell) of each line that is not empty, without a header, for values that name their own kind.

    A first line is a header if its cell is a word, such as e-mail. Raises a 422 as :func:`read_records`.
    """
    lines = [(number, row[0].strip()) for number, row in _rows(body)]
    first = 1 if WORD.fullmatch(lines[0][1]) else 0
    return [(number, cell) for number, cell in lines[first:] if cell]


def _rows(body: bytes) -> list[tuple[int, list[str]]]:
    """Return the lines that are not empty, each with its number."""
    text = _decode(body)
    stated = SEPARATOR_LINE.match(text)
    header = text.lstrip("\r\n").partition("\n")[0]
    separator = stated.group(1) if stated else max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise invalid("body", f"line {reader.line_num} is not valid CSV: {error}") from None
    lines = lines[1:] if stated else lines
    if not lines:
        raise invalid("body", "the file is empty; at least one value is needed")
    return lines


def _is_host(text: str) -> bool:
    try:
        return bool(normalise_host(text))
    except HostError:
        return False


def _decode(body: bytes) -> str:
    encoding = "utf-16" if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise invalid("body", f"byte {error.start} of the file is not UTF-8; save the file as 'CSV UTF-8'") from None
