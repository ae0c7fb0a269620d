"""Find the header of a CSV file, and split the lines after it into rows.

A damaged row costs itself: when a quote is never closed, or closes in another row, the line is read without
it.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from service.contacts.addresses import addresses_in
from service.contacts.headings import fields_of, guessed_fields_of
from service.contacts.vocabulary import CARD_LIMIT, UnreadableError

HEADER_ROWS = 30
"""Lines in which the header is looked for."""
HEADER_LIMIT = CARD_LIMIT
"""Characters of these lines: the cells of rows below the header may be big."""
SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line of files for Excel."""
ROW_LIMIT = 8 * CARD_LIMIT
"""Characters in which the end of a row is looked for."""

Row = list[str]
LooksLikeRow = Callable[[Row], bool]
"""Returns whether the cells of a line are a contact of their own."""


class Lines(Iterator[str]):
    """Lines of a file that remember those of the current row, and take them back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.number = 0
        """Lines that were read."""
        self.row: list[str] = []
        self._lines = lines
        self._waiting: deque[str] = deque()
        self._size = 0

    def __next__(self) -> str:
        if self._size > ROW_LIMIT:
            raise csv.Error("a quote is not closed")
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self.number += 1
        self._size += len(line)
        self.row.append(line)
        return line

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self.row, self._size = [], 0

    def put_back(self, after: int) -> None:
        """Take back the lines of the current row but the first ones, `after` of them."""
        self._waiting.extendleft(reversed(self.row[after:]))
        self.number -= len(self.row) - after
        del self.row[after:]


@dataclass(frozen=True)
class TableHeader:
    """The header of a table."""

    separator: str
    cells: Row
    lines: int
    """Lines to the end of the header."""
    sample: Sequence[Row] = ()
    """Rows below it, for columns whose headings say nothing."""


def find_header(lines: Lines) -> TableHeader:
    """Return the header, after which the next row begins; UnreadableError for a file without one.

    Some programs write notes in front of it. Of several lines, that with most known headings is the header.
    """
    csv.field_size_limit(ROW_LIMIT)
    head: list[str] = []
    for line in islice(lines, HEADER_ROWS):
        head.append(line)
        if sum(map(len, head)) > HEADER_LIMIT:
            break
    if head:
        head[0] = head[0].lstrip("\ufeff")
    separator_line = SEPARATOR_LINE.fullmatch(head[0]) if head else None
    separators = separator_line[1] if separator_line else SEPARATORS
    header = (
        _best(head, separators, fields_of)
        or _best(head, separators, guessed_fields_of)
        or _above_addresses(head, separators)
    )
    if header is None:
        raise UnreadableError("no column of email addresses")
    lines.put_back(header.lines)
    return replace(header, sample=_rows(head[header.lines :], header.separator))


def _rows(lines: Row, separator: str) -> list[Row]:
    """Return the rows of lines, as far as they can be read."""
    rows: list[Row] = []
    with suppress(csv.Error):
        rows.extend(csv.reader(lines, delimiter=separator))
    return rows


def columns_of_addresses(rows: Iterable[Row]) -> set[int]:
    """Return the columns that have addresses in some rows, and nothing else in the others."""
    cells = [(index, cell) for row in rows for index, cell in enumerate(row) if cell.strip()]
    return {i for i, cell in cells if addresses_in(cell)} - {i for i, cell in cells if not addresses_in(cell)}


def _above_addresses(head: Row, separators: str) -> TableHeader | None:
    """Return the line before the first one with an address; made headings when that is the first line."""
    first = next((index for index, line in enumerate(head) if addresses_in(line)), None)
    if first is None:
        return None
    tables = {separator: _rows(head[first:], separator) for separator in separators}
    separator = max(separators, key=lambda each: _width(tables[each]))
    rows = tables[separator]
    names = next((cells for cells in _rows(head[max(first - 1, 0) : first], separator) if any(cells)), None)
    if names and len(names) == _width(rows):
        return TableHeader(separator, names, first)
    addresses = columns_of_addresses(rows)
    if not addresses:
        return None
    names = ["Email" if index in addresses else f"Column {index + 1}" for index in range(_width(rows))]
    words = [i for i in range(len(names)) if i not in addresses and all(map(_is_text, _column(rows, i)))]
    if words:
        names[words[0]] = "Name"
    return TableHeader(separator, names, first)


def _width(rows: list[Row]) -> int:
    """Return the number of cells that all rows have, 0 without rows or with different numbers."""
    widths = {len(row) for row in rows if any(row)}
    return widths.pop() if len(widths) == 1 else 0


def _column(rows: list[Row], index: int) -> Row:
    return [row[index] for row in rows if any(row)]


def _is_text(cell: str) -> bool:
    return not any(map(str.isdigit, cell))


def _best(head: Row, separators: str, fields_of_cells: Callable[[Row], list[str]]) -> TableHeader | None:
    """Return the line with most known headings, first of all one of addresses; None without any."""
    best, best_score = None, (False, 1)
    for start in range(len(head)):
        for header in _candidates(head, start, separators):
            fields = [f for f in fields_of_cells(header.cells) if f]
            score = (any(f.startswith(("email", "extension")) for f in fields), len(fields))
            if score > best_score:
                best, best_score = header, score
        if best_score > (True, 1):
            break
    return best


def _candidates(head: Row, start: int, separators: str) -> Iterator[TableHeader]:
    """Yield a line as if it were the header, with each separator."""
    for separator in separators:
        reader = csv.reader(head[start:], delimiter=separator)
        cells = next(reader, [])
        if any(cells):
            yield TableHeader(separator, cells, start + reader.line_num)


def split_rows(
    lines: Lines, header: TableHeader, looks_like_row: LooksLikeRow | None
) -> Iterator[tuple[int, Row | None, str]]:
    """Yield (line, cells, "") or (line, None, reason) for each row that is not empty.

    `looks_like_row` finds rows in the cell of another, whose quote was not meant; None where cells may hold
    any text.
    """
    reader = csv.reader(lines, delimiter=header.separator, strict=True)
    while True:
        lines.begin_row()
        line, reason = lines.number + 1, ""
        try:
            row: Row | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = None
        if row is None or (
            len(lines.row) > 1 and looks_like_row and _swallows(lines, header, looks_like_row)
        ):
            lines.put_back(1)
            row = _first_line(lines.row[0], header)
            reason = "a quote is not closed"
        if row and any(len(cell) > CARD_LIMIT for cell in row):
            row, reason = None, "too big for a contact"
        if row is None:
            yield line, None, reason
        elif any(row):
            yield line, row, ""


def _swallows(lines: Lines, header: TableHeader, looks_like_row: LooksLikeRow) -> bool:
    """Return whether a row of several lines holds lines that are rows of their own."""
    width = len(header.cells)
    return any(
        line.count(header.separator) >= width - 1
        and any(len(cells) == width and looks_like_row(cells) for cells in _readings(line, header))
        for line in lines.row[1:]
    )


def _first_line(line: str, header: TableHeader) -> Row | None:
    """Return the cells of a line with a quote too many, None when they do not fit the header."""
    return next((cells for cells in _readings(line, header) if len(cells) == len(header.cells)), None)


def first_cells(line: str, header: TableHeader) -> Row:
    """Return the cells of the start of a damaged row."""
    return next(_readings(line, header), [])


def _readings(line: str, header: TableHeader) -> Iterator[Row]:
    """Yield the cells of one line: with its quotes as far as they close, and with quotes as text."""
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        try:
            yield next(csv.reader([line.rstrip("\r\n")], delimiter=header.separator, quoting=quoting), [])
        except csv.Error:
            return
