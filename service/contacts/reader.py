"""Read address books that other programs export: vCard 2.1, 3.0 and 4.0, and CSV.

Runs as a process of its own (`python -m service.contacts.reader FILE vcf|csv`), so that a big file neither
delays other requests nor grows the memory of the service. Prints one line of JSON per contact:
`{"line", "at", "contact"}`, or `{"line", "at", "error"}`, where `at` is the number of bytes read. The first
contact of a file from `service/contacts/exporting.py` may have `book` as well: all tags and groups.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from service.contacts.cleaning import clean, clean_book
from service.contacts.tables import read_rows
from service.contacts.vcards import parse_card, read_cards
from service.contacts.vocabulary import CARD_LIMIT, FILE_LABELS, Contact, UnreadableError

SAMPLE_BYTES = 262_144
"""Start of a file from which its encoding is detected."""
BUFFER_BYTES = 65_536
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
OPTIONAL = {"label", "state", "postal_code"}
"""Keys of entries that the routine takes as "" when they are absent."""


def encoding_of(sample: bytes) -> str:
    """Return the name of the encoding, detected from the start of a file."""
    for bom, name in BOMS:
        if sample.startswith(bom):
            return name
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    try:
        # Incremental: the sample may end within a character.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        # here: few files need it, and each import starts a reader
        from charset_normalizer import from_bytes

        best = from_bytes(sample[:65_536]).best()
        # Of the other guesses, only Windows code pages are likely: use the Western one for them.
        return best.encoding if best is not None and best.encoding.startswith("cp125") else "cp1252"
    return "utf-8"


def read(source: BinaryIO, kind: str) -> Iterator[Contact]:
    """Yield the lines that `main` prints, as objects. `kind`: vcf or csv."""
    sample = source.read(SAMPLE_BYTES)
    source.seek(0)
    text = io.TextIOWrapper(
        source, encoding_of(sample), errors="replace", newline="" if kind == "csv" else None
    )
    contacts = _cards(text) if kind == "vcf" else _rows(text)
    for line, contact, error in contacts:
        entry: Contact = {"line": line, "at": source.tell()}
        if contact is None:
            yield entry | {"error": error}
        elif "book" in contact:
            yield entry | {"contact": clean(contact), "book": clean_book(contact["book"])}
        else:
            yield entry | {"contact": clean(contact)}


def _cards(lines: Iterator[str]) -> Iterator[tuple[int, Contact | None, str]]:
    """Yield (line, contact, "") or (line, None, error) for each card."""
    for line, text in read_cards(lines):
        if text is None:
            yield line, None, "too big for a contact"
            continue
        try:
            yield line, parse_card(text), ""
        except UnreadableError as exc:
            yield line, None, str(exc)


def _rows(lines: Iterator[str]) -> Iterator[tuple[int, Contact | None, str]]:
    """Yield (line, contact, "") for each row, and (line, None, error) where the file cannot be read on."""
    csv.field_size_limit(CARD_LIMIT)
    line = 0
    try:
        for line, contact in read_rows(lines):
            yield line, contact or {}, ""
    except (csv.Error, UnreadableError) as exc:
        yield line + 1, None, str(exc)


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
    path, kind = sys.argv[1:3]
    # Buffered, also with PYTHONUNBUFFERED: the service would wake up for each line.
    with Path(path).open("rb") as source, open(1, "wb", BUFFER_BYTES, closefd=False) as out:
        for entry in read(source, kind):
            if "contact" in entry:
                entry["contact"] = _without_empty(entry["contact"])
            out.write(orjson.dumps(entry) + b"\n")


if __name__ == "__main__":
    main()
