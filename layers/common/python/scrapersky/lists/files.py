"""The formats of an export: csv and ndjson for programs, xlsx for people. Each is written in flat memory."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import xlsxwriter

BOM = b"\xef\xbb\xbf"
SHEET_ROWS = 1_048_575
"""Rows of one sheet below its header, the most that a spreadsheet reads."""

NUMBER = re.compile(r"\+\d+", re.ASCII)
START = re.compile(r"\s*[=+\-@＝＋－＠]")
FORMULA = re.compile(rf"\A({START.pattern})|(?<=[;\t\r\n])([^\S\t\r\n]*[=+\-@＝＋－＠])|\A(?=[\t\r])")
"""What a spreadsheet takes for the start of a formula: at the start of a value, and where it may split one."""
SPLITS = re.compile(r"[;\t\r\n]")
NOT_XML = re.compile("[\ufffe\uffff]")

Row = Sequence[Any]


def write_csv(file: BinaryIO, names: Sequence[str], rows: Iterable[Row], *, bom: bool = False) -> None:
    """Write RFC 4180 in UTF-8. A text that a spreadsheet would take for a formula starts with an apostrophe.

    A phone number such as +4930123456 is left as it is. Arrays and objects are JSON.
    """
    if bom:
        file.write(BOM)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows([_csv_cell(value) for value in row] for row in rows)
    finally:
        text.detach()


def write_ndjson(file: BinaryIO, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one JSON object a line, in UTF-8. A column without a value is null."""
    for row in rows:
        record = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def write_xlsx(file: BinaryIO, names: Sequence[str], rows: Iterable[Row], *, sheet_rows: int = SHEET_ROWS) -> None:
    """Write a workbook whose texts are text cells, never formulas or links. After ``sheet_rows`` rows a new sheet starts.

    XlsxWriter cuts a text to the 32,767 characters that a cell holds. Arrays are joined by commas.
    """
    with TemporaryDirectory() as folder:  # removed also after an error: XlsxWriter would leave its files
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        book.use_zip64()
        as_text = book.add_format({"num_format": "@"})
        sheet, at = _sheet(book, names), 0
        for row in rows:
            if at == sheet_rows:
                sheet, at = _sheet(book, names), 0
            at += 1
            for column, value in enumerate(map(_plain, row)):
                if isinstance(value, bool):
                    sheet.write_boolean(at, column, value)
                elif isinstance(value, int | float):
                    sheet.write_number(at, column, value)
                elif value is not None:
                    sheet.write_string(at, column, _xlsx_text(value), as_text)
        book.close()


WRITERS: Mapping[str, Callable[..., None]] = {"csv": write_csv, "ndjson": write_ndjson, "xlsx": write_xlsx}
"""By format. Only csv has the option ``bom``."""


CONTENT_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON has it. Times are ISO 8601 in UTC."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _csv_cell(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) or NUMBER.fullmatch(value):
        return value
    if not START.match(value) and not SPLITS.search(value):  # most texts; looking everywhere takes ten times as long
        return value
    return FORMULA.sub(r"'\1\2", value)


def _xlsx_text(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return NOT_XML.sub("\ufffd", text)


def _sheet(book: Any, names: Sequence[str]) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name)
    return sheet
