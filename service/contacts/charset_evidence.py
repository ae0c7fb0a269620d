"""Correct the guess of an encoding: headings that are known only in another one, and names that are none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from service.contacts.charset_doubt import LIKELY, SEPARATORS, are_names, readings
from service.contacts.headings import fields_of
from service.contacts.rows import HEADER_ROWS

OF_OLD_PROGRAMS = ("mac_roman", "cp850", "cp852", "mac_cyrillic")
"""Encodings that chardetng does not know."""
CANDIDATES = (*LIKELY, "iso8859-2", "iso8859-7", "cp1258", *OF_OLD_PROGRAMS)
LATIN_9 = re.compile(rb"\xa4|[\xa6\xa8\xb4\xb8\xbc-\xbe](?=[a-z\xe0-\xff])|(?<=[a-z\xe0-\xff])[\xa8\xb8\xbd]")
"""The euro sign, Š, Ž, Œ and Ÿ of ISO 8859-15; in cp1252 these are signs that stand in no word."""
LATIN_1_ONLY = re.compile(rb"[\x80-\x9f]")
"""Letters of cp1252 that ISO 8859-15 does not have."""


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
    """Return the encoding of an old program in which all values are names, unless they are with `guess`.

    chardetng takes ISO 8859-15 for cp1252.
    """
    pieces = list(values)
    if guess == "cp1252" and any(map(LATIN_9.search, pieces)) and not any(map(LATIN_1_ONLY.search, pieces)):
        return "iso8859-15"
    if are_names(readings(pieces, guess)):
        return guess
    return next((other for other in OF_OLD_PROGRAMS if are_names(readings(pieces, other))), guess)
