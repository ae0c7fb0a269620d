"""Correct the guess of an encoding: headings that are known only in another one, and names that are none."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from service.contacts.charset_doubt import LIKELY, SEPARATORS, are_names, readings
from service.contacts.headings import fields_of
from service.contacts.rows import HEADER_ROWS

OF_OLD_PROGRAMS = ("mac_roman", "cp850", "cp852")
"""Encodings that chardetng does not know."""
CANDIDATES = (*LIKELY, "iso8859-2", "iso8859-7", *OF_OLD_PROGRAMS)


def encoding_of_header(lines: Iterable[bytes], guess: str) -> str:
    """Return the encoding in which most headings of a table are known; `guess` unless another has more."""
    heads = [line for line in islice(lines, HEADER_ROWS) if not line.isascii()]
    best, best_count = guess, _known_headings(heads, guess)
    for encoding in CANDIDATES:
        count = _known_headings(heads, encoding)
        if count > best_count:
            best, best_count = encoding, count
    return best


def _known_headings(lines: Iterable[bytes], encoding: str) -> int:
    """Return the most headings with letters other than ASCII that a line has in an encoding."""
    counts = [0]
    for line in lines:
        try:
            cells = SEPARATORS.split(line.decode(encoding))
        except UnicodeError:
            continue
        counts.append(sum(bool(name) for name in fields_of([cell for cell in cells if not cell.isascii()])))
    return max(counts)


def encoding_of_names(values: Iterable[bytes], guess: str) -> str:
    """Return the encoding of an old program in which all values are names, unless they are with `guess`."""
    pieces = list(values)
    if are_names(readings(pieces, guess)):
        return guess
    return next((other for other in OF_OLD_PROGRAMS if are_names(readings(pieces, other))), guess)
