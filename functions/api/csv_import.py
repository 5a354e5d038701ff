"""Read a column of a CSV file."""

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

from api.problem import invalid, refused
from scrapersky.web.hosts import HostError, normalise_host

COLUMNS = ("domain", "website", "website_url", "url", "host")
"""Possible names of the column with the domain; the first that the file has is read."""

SEPARATOR_LINE = re.compile(r"sep=([^\w\s\"]|\t)\r?\n")
"""The first line by which Excel names the separator of the cells."""


WORD = re.compile(r"[A-Za-z][A-Za-z _-]{0,40}")


def read_csv(body: bytes) -> list[tuple[int, str]]:
    """Return (line, domain) from the column named in :data:`COLUMNS`, or from a file of one column without a header.

    UTF-8 with or without a byte order mark, or UTF-16 with one (Excel's "Unicode text"); separated by commas, semicolons
    or tabs, or as a first line ``sep=;`` states. Raises a 422 for a file that is empty or no CSV, a 409 without domains.
    """
    lines = _rows(body)
    names = [cell.strip().lower().replace(" ", "_") for cell in lines[0][1]]
    column = next((names.index(name) for name in COLUMNS if name in names), None)
    if column is None and len(names) > 1:
        raise refused("body", f"line 1 has no column named domain; it has: {', '.join(names)[:200]}")
    data = [
        (number, row[column or 0].strip() if len(row) > (column or 0) else "")
        for number, row in (lines if column is None else lines[1:])
    ]
    if column is None and not any(_is_host(cell) for _, cell in data):
        raise refused(
            "body", f"the file has no column named domain, and no line is a host; line 1 is {names[0][:100]!r}"
        )
    return data


def read_lines(body: bytes) -> list[tuple[int, str]]:
    """Return (line, first cell) of each line that is not empty, without a header, for values that name their own kind.

    A first line is a header if its cell is a word, such as e-mail. Raises a 422 as :func:`read_csv`.
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
