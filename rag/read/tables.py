"""Tables: each row of a .csv or .xlsx becomes a line that names its columns, so that it can be quoted by itself."""

from __future__ import annotations

import csv
import datetime
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from rag.errors import RefusedFile
from rag.read.assemble import Paragraph, assemble, one_line, place_name
from rag.read.encoding import decode
from rag.read.zipped import Archive
from rag.types import Document, Header

MOST_ROWS = 200_000
MOST_COLUMNS = 500
_SAMPLE = 50
_SEPARATORS = ",;\t|"

Row = tuple[int, Sequence[str]]
"""A row's number in its sheet, from 1, and its cells."""


def read_csv(id: str, data: bytes) -> Document:
    """Read the rows of a .csv or .tsv, whatever its separator. Raises RefusedFile where it is not text or too long."""
    text = decode(data)
    csv.field_size_limit(1_000_000)
    try:
        separator = max(_SEPARATORS, key=lambda each: _evenness(text, each))  # the first of those that are as good
        rows = list(enumerate(csv.reader(io.StringIO(text), delimiter=separator), start=1))
    except csv.Error:
        raise RefusedFile("its rows cannot be told apart; save it again as .csv with quotation marks") from None
    return assemble(_lines(rows), Header(id), find=False)


def _evenness(text: str, separator: str) -> int:
    """Count the first rows that a separator cuts into as many cells as most."""
    rows = islice(csv.reader(io.StringIO(text), delimiter=separator), _SAMPLE)
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return max(widths.values(), default=0)


def read_xlsx(id: str, data: bytes) -> Document:
    """Read the rows of all sheets of an .xlsx as last calculated. Raises RefusedFile where it cannot be opened."""
    import openpyxl

    archive = Archive(data)
    archive.check()
    paragraphs: list[Paragraph] = []
    with closing(openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)) as book:
        sheets = [sheet for sheet in book.worksheets if hasattr(sheet, "iter_rows")]
        for sheet in sheets:
            sheet.reset_dimensions()  # what a file says of its own size is often wrong
            rows = enumerate(sheet.iter_rows(), start=1)
            found = _lines((number, [_written(cell) for cell in row[:MOST_COLUMNS]]) for number, row in rows)
            if found and len(sheets) > 1:
                paragraphs.append(Paragraph(one_line(sheet.title)))
            if found:
                first = paragraphs[-1] if len(sheets) > 1 else found[0]
                first.places.insert(0, (0, "sheet", place_name(sheet.title)))
            paragraphs += found
    return assemble(paragraphs, Header(id), find=False, left_out=archive.beside())


def _filled(rows: Iterable[Row]) -> Iterator[tuple[int, list[str]]]:
    """Read the rows in which something stands, their cells on one line each."""
    count = 0
    for number, row in rows:
        cells = [one_line(cell) for cell in row[:MOST_COLUMNS]]
        if any(cells):
            count += 1
            if count > MOST_ROWS:
                raise RefusedFile("a table of more than {limit:,} rows; split it", limit=MOST_ROWS)
            yield number, cells


def _lines(rows: Iterable[Row]) -> list[Paragraph]:
    """Return a paragraph for each filled row, with the heads of its columns if there are any.

    >>> [each.text for each in _lines([(1, ["Town", "Fare"]), (2, ["Kelm", "3"]), (3, ["", ""]), (4, ["Osk", ""])])]
    ['Town | Fare', 'Town: Kelm; Fare: 3', 'Town: Osk']
    """
    filled = list(_filled(rows))
    heads = _heads([cells for _, cells in filled[:20]])
    found: list[Paragraph] = []
    named = False
    for number, cells in filled:
        if named and heads is not None:
            pairs = zip([*heads, *[""] * len(cells)], cells, strict=False)
            text = "; ".join(f"{head}: {cell}" if head else cell for head, cell in pairs if cell)
        else:
            text = " | ".join(cells[: max(index for index, cell in enumerate(cells) if cell) + 1])
        named = named or cells is heads
        found.append(Paragraph(text, [(0, "row", str(number))]))
    return found


def _heads(rows: Sequence[Sequence[str]]) -> Sequence[str] | None:
    """Return the row that names the columns: the first that fills as many as any, with words that are all different."""
    if len(rows) < 2:
        return None
    width = max(sum(map(bool, row)) for row in rows)
    for row in rows[:5]:
        cells = [cell for cell in row if cell]
        if len(cells) < max(2, 0.7 * width):
            continue
        are_words = all(any(letter.isalpha() for letter in cell) and len(cell) <= 80 for cell in cells)
        return row if are_words and len(set(cells)) == len(cells) else None
    return None


def _written(cell: Any) -> str:
    """Return a cell's value as a reader of the sheet sees it, about."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
    if isinstance(value, float):
        if "%" in str(cell.number_format):
            return f"{value * 100:.10g}%"
        return f"{value:.15g}"
    return str(value)
