"""Read address books that other programs export: vCard 2.1, 3.0 and 4.0, and CSV.

Runs as a process of its own (`python -m service.contacts.reader FILE vcf|csv [CHARSET]`), so that a big file
neither delays other requests nor grows the memory of the service. Prints `{"encoding"}`, of a table then
`{"columns"}` (which of them are used), and one line of JSON per contact: `{"line", "at", "contact"}`, or
`{"line", "at", "error", "name"}`, where `at` is the number of bytes read. The first contact of a file from
`service/contacts/exporting.py` may have `book` as well: all tags and groups.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from service.contacts.card_lines import Card, cut_cards
from service.contacts.cleaning import clean, clean_book
from service.contacts.encodings import (
    Decoder,
    chunks_of,
    codec_of,
    is_plain,
    lines_of,
    raw_chunks,
    text_lines,
    wide_encoding_of,
)
from service.contacts.jcards import is_jcard, read_jcards
from service.contacts.tables import read_rows
from service.contacts.vcards import name_in, parse_card, undeclared_values, values_of
from service.contacts.vocabulary import FILE_LABELS, Contact, UnreadableError

BUFFER_BYTES = 65_536
OPTIONAL = {"label", "state", "postal_code"}
"""Keys of entries that the routine takes as "" when they are absent."""


def read(source: BinaryIO, kind: str, decoder: Decoder | None = None) -> Iterator[Contact]:
    """Yield the lines that `main` prints, as objects. `kind`: vcf or csv."""
    decoder = decoder or decoder_of(source, kind)
    for line, contact, error, name in _cards(source, decoder) if kind == "vcf" else _rows(source, decoder):
        entry: Contact = {"line": line, "at": source.tell()}
        if contact is not None and "columns" in contact:
            yield contact
        elif contact is None:
            yield entry | {"error": error, "name": name}
        elif "book" in contact:
            yield entry | {"contact": clean(contact), "book": clean_book(contact["book"])}
        else:
            yield entry | {"contact": clean(contact)}


def decoder_of(source: BinaryIO, kind: str, charset: str = "") -> Decoder:
    """Return what decodes a file. `charset` is its encoding, when the person says it.

    It reads the whole file: a decision over its start is often wrong.
    """
    wide = wide_encoding_of(next(raw_chunks(source), b""))
    if wide:
        # UTF-16 and UTF-32 are UTF-8 by the time that lines are cut.
        return Decoder("utf-8", name=wide)
    encoding = codec_of(charset) if charset else None
    if encoding:
        return Decoder(encoding, utf8_first=False)
    if is_plain(source):
        return Decoder("utf-8")
    lines = lines_of(source)
    return Decoder.of(undeclared_values(lines) if kind == "vcf" else lines)


Entry = tuple[int, Contact | None, str, str]
"""Line, contact, why there is none, and whose it is."""


def _cards(source: BinaryIO, decoder: Decoder) -> Iterator[Entry]:
    """Yield the contact of each card."""
    try:
        for card in _cut(source):
            yield _entry(card, decoder)
    except UnreadableError as exc:
        yield 1, None, str(exc), ""


def _cut(source: BinaryIO) -> Iterator[Card]:
    """Return the cards of a vCard file, or of JSON."""
    if is_jcard(next(chunks_of(source), b"")):
        return read_jcards(b"".join(chunks_of(source)))
    return cut_cards(lines_of(source))


def _entry(card: Card, decoder: Decoder) -> Entry:
    values = values_of(card, decoder)
    if card.is_too_big:
        return card.line, None, "too big for a contact", name_in(values)
    try:
        return card.line, parse_card(values), "", ""
    except UnreadableError as exc:
        return card.line, None, str(exc), name_in(values)


def _rows(source: BinaryIO, decoder: Decoder) -> Iterator[Entry]:
    """Yield the contact of each row, and why there is none; `columns` before the first."""
    try:
        for line, contact, error in read_rows(text_lines(source, decoder)):
            yield line, contact, error, ""
    except UnreadableError as exc:
        yield 1, None, str(exc), ""


def _without_empty(contact: Contact) -> Contact:
    """Return the contact without its empty texts, which are most of them; the routine adds them again."""
    lists = {
        key: [{k: v for k, v in entry.items() if v != "" or k not in OPTIONAL} for entry in contact[key]]
        for key in FILE_LABELS
    }
    return {key: value for key, value in contact.items() if value != ""} | lists


def main() -> None:
    """Read the file named on the command line, and print its contacts."""
    os.nice(10)
    path, kind, charset = [*sys.argv[1:], ""][:3]
    # Buffered, also with PYTHONUNBUFFERED: the service would wake up for each line.
    with Path(path).open("rb") as source, open(1, "wb", BUFFER_BYTES, closefd=False) as out:
        decoder = decoder_of(source, kind, charset)
        out.write(orjson.dumps({"encoding": decoder.name}) + b"\n")
        for entry in read(source, kind, decoder):
            if "contact" in entry:
                entry["contact"] = _without_empty(entry["contact"])
            out.write(orjson.dumps(entry) + b"\n")


if __name__ == "__main__":
    main()
