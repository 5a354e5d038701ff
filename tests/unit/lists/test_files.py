"""The formats of an export, each read back as a program or a spreadsheet reads it."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import pytest

from scrapersky.lists.files import SHEET_ROWS, write_csv, write_ndjson, write_xlsx

NAMES = ["id", "value"]
CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tcmd",
    "\rcmd",
    "＝1",
    "+49 30",
    "+",
    "-",
    "+4٣",
]


def csv_of(*values: Any, bom: bool = False) -> bytes:
    file = io.BytesIO()
    write_csv(file, NAMES, enumerate(values), bom=bom)
    return file.getvalue()


def read_back(*values: Any) -> list[str]:
    rows = list(csv.reader(io.StringIO(csv_of(*values).decode(), newline="")))
    assert rows[0] == NAMES
    return [row[1] for row in rows[1:]]


def sheets_of(rows: Any, **options: Any) -> list[list[list[tuple[str, str]]]]:
    """Return each sheet's rows of cells: the type of each, ``t`` for a text and ``n`` for a number, and its value."""
    file = io.BytesIO()
    write_xlsx(file, NAMES, rows, **options)
    book, sheets = zipfile.ZipFile(file), []
    for number in range(1, 1 + sum(name.startswith("xl/worksheets/sheet") for name in book.namelist())):
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        assert not list(root.iter(f"{CELL}f"))
        assert not list(root.iter(f"{CELL}hyperlink"))
        sheets.append([[cell_of(cell) for cell in row] for row in root.iter(f"{CELL}row")])
    return sheets


def cell_of(cell: ElementTree.Element) -> tuple[str, str]:
    if cell.get("t") == "inlineStr":
        return "t", "".join(one.text or "" for one in cell.iter(f"{CELL}t"))
    return cell.get("t", "n"), cell.findtext(f"{CELL}v", "")


@pytest.mark.parametrize("value", FORMULAS)
def test_a_csv_cell_that_a_spreadsheet_takes_for_a_formula_starts_with_an_apostrophe(value: str) -> None:
    (found,) = read_back(value)

    before, apostrophe, after = found.partition("'")
    assert (before, apostrophe, after) == ("", "'", value)


@pytest.mark.parametrize("separator", [";", "\t", "\n"])
def test_a_formula_behind_what_a_spreadsheet_may_split_at_is_disarmed(separator: str) -> None:
    assert read_back(f"Shop{separator}=HYPERLINK(1)") == [f"Shop{separator}'=HYPERLINK(1)"]


@pytest.mark.parametrize(
    "value", ["+4930123456", "0049", "a@b.test", "Ä - ö", "https://a.test/?x=1", "", "1=1", "O'Neil"]
)
def test_a_csv_cell_without_a_formula_is_left_as_it_is(value: str) -> None:
    assert read_back(value) == [value]


def test_numbers_flags_times_and_arrays_have_one_spelling_in_csv() -> None:
    berlin = datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1)))

    assert read_back(-1.5, True, None, berlin, ["+49", "b"]) == [
        "-1.5", "true", "", "2026-01-02T02:04:00+00:00", '["+49", "b"]',
    ]  # fmt: skip


def test_only_a_csv_that_asks_for_it_starts_with_a_byte_order_mark() -> None:
    assert csv_of("ü", bom=True) == b"\xef\xbb\xbf" + csv_of("ü")
    assert csv_of("ü") == "id,value\r\n0,ü\r\n".encode()


def test_ndjson_keeps_every_value_as_it_is() -> None:
    file, values = io.BytesIO(), ["=1+1", "ü\n", None, ["+49"], {"a": 1}, 1.5, True]

    write_ndjson(file, NAMES, enumerate(values))

    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert lines == [{"id": number, "value": value} for number, value in enumerate(values)]
    file = io.BytesIO()
    write_ndjson(file, NAMES, [(1, datetime(2026, 1, 2, tzinfo=UTC))])
    assert json.loads(file.getvalue())["value"] == "2026-01-02T00:00:00+00:00"


def test_texts_survive_a_spreadsheet_as_text_cells() -> None:
    values = ["Müller", "0049", "+4930123456", "=1+1", "https://a.test/", " b ", "1e5", "{=1}", "🚀", "2026-01-02"]

    (sheet,) = sheets_of(enumerate(values))

    assert [row[1] for row in sheet[1:]] == [("t", value) for value in values]
    assert [row[0][1] for row in sheet] == ["id", *map(str, range(len(values)))]


def test_a_spreadsheet_has_numbers_and_flags_and_no_cell_without_a_value() -> None:
    (sheet,) = sheets_of([(1, -1.5), (2, True), (3, None), (4, ["a", "b"]), (5, {"a": [1]})])

    assert [row[1:] for row in sheet[1:]] == [[("n", "-1.5")], [("b", "1")], [], [("t", "a, b")], [("t", '{"a": [1]}')]]


def test_what_no_cell_can_hold_is_cut_or_replaced() -> None:
    (sheet,) = sheets_of([(1, "🚀" * 20_000), (2, "a" * 40_000), (3, "a\uffffb")])

    assert [row[1][1] for row in sheet[1:]] == ["🚀" * 16_383, "a" * 32_767, "a\ufffdb"]


def test_a_full_sheet_is_followed_by_another_one_with_its_header() -> None:
    sheets = sheets_of(((number, "a") for number in range(5)), sheet_rows=2)

    assert [[row[0][1] for row in sheet] for sheet in sheets] == [["id", "0", "1"], ["id", "2", "3"], ["id", "4"]]
    assert SHEET_ROWS + 1 == 2**20


def test_an_export_without_rows_has_its_header() -> None:
    assert csv_of() == b"id,value\r\n"
    assert sheets_of([]) == [[[("t", "id"), ("t", "value")]]]
