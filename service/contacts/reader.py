"""Read address books that other programs export: vCard 2.1, 3.0 and 4.0, and CSV.

Runs as a process of its own (`python -m service.contacts.reader FILE vcf|csv [CHARSET [REGION]]`), so that a
big file neither delays other requests nor grows the memory of the service. Its own memory holds a card, but
all of a jCard file (`JCARD_BYTES`). REGION is the country of numbers without a country code. Prints
`{"encoding"}`, with `charset_doubt` when it is a guess, of a table then `{"columns", "head"}` (which of them
are used, and the lines before the first row), and one line of JSON per contact, where `at` is the number of
bytes read:

- `{"line", "at", "contact"}`, with `words` (`search_words.py`) unless SQL finds them, `card` (uid, card,
  type, picture, digest) of one that came in a card, and `losses` (why something of it is not stored);
- `{"line", "at", "error", "name"}`;
- `{"line", "at", "group"}` of a card that is a group. They are the last lines, because their members may come
  after them.

An item that may be rejected has `source` as well, the text of the card or row.

The first contact of a file from `service/contacts/exporting.py` may have `book` as well: all tags and groups.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from service.contacts.card_groups import group_of
from service.contacts.card_lines import Card, cut_cards
from service.contacts.charset_evidence import encoding_of_header
from service.contacts.cleaning import clean, clean_book, line
from service.contacts.derived import derive
from service.contacts.encodings import (
    SEVEN_BITS,
    Decoder,
    chunks_of,
    codec_of,
    is_plain,
    is_shifted,
    lines_of,
    raw_chunks,
    text_lines,
    wide_encoding_of,
)
from service.contacts.jcards import is_jcard, read_jcards
from service.contacts.losses import losses_of
from service.contacts.tables import read_rows
from service.contacts.values import values_of
from service.contacts.vcards import name_in, parse_card, undeclared_values
from service.contacts.vocabulary import FILE_LABELS, Contact, UnreadableError
from service.contacts.whole_cards import card_of, card_text, picture_of

BUFFER_BYTES = 65_536
GROUPS_BYTES = 8_000_000
"""Of groups that wait for the end of the file."""
SOURCE_BYTES = 2_000_000
"""Bytes of a rejected card or row that are kept, with its picture."""
OPTIONAL = {"label", "state", "postal_code"}
"""Keys of entries that the routine takes as "" when they are absent."""


def read(source: BinaryIO, kind: str, decoder: Decoder | None = None) -> Iterator[Contact]:
    """Yield the lines that `main` prints, as objects. `kind`: vcf or csv."""
    decoder = decoder or decoder_of(source, kind)
    for entry in _cards(source, decoder) if kind == "vcf" else _rows(source, decoder):
        if "columns" in entry:
            yield entry
            continue
        entry["at"] = source.tell()
        contact = entry.get("contact")
        if contact is not None:
            if "book" in contact:
                entry["book"] = clean_book(contact["book"])
            entry["contact"] = clean(contact)
            if losses := [*entry.pop("losses", ()), *losses_of(contact, entry["contact"])]:
                entry["losses"] = losses
        if not _may_be_rejected(entry):
            entry.pop("source", None)
        yield entry


def _may_be_rejected(entry: Contact) -> bool:
    """Return whether the text of an entry will be needed, and is not too long."""
    group, contact = entry.get("group", {"name": ""}), entry.get("contact", {"email": []})
    if group["name"] or contact["email"]:
        return False
    return 0 < len(entry.get("source", "").encode(errors="replace")) <= SOURCE_BYTES


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
    if is_shifted(source):
        return Decoder(SEVEN_BITS, utf8_first=False)
    if is_plain(source):
        return Decoder("utf-8")
    lines = lines_of(source)
    if kind == "vcf":
        return Decoder.of(undeclared_values(lines))
    decoder = Decoder.of(lines)
    if decoder.encoding != "utf-8":
        encoding = encoding_of_header(lines_of(source), decoder.encoding)
        return decoder if encoding == decoder.encoding else Decoder(encoding, utf8_first=False)
    return decoder


def _cards(source: BinaryIO, decoder: Decoder) -> Iterator[Contact]:
    """Yield what `main` prints of each card, groups last."""
    groups: list[Contact] = []
    size = 0
    try:
        for card in _cut(source):
            entry = _entry(card, decoder)
            if "group" in entry and size < GROUPS_BYTES:
                groups.append(entry)
                size += card.size
            else:
                yield entry
    except UnreadableError as exc:
        yield {"line": 1, "error": str(exc), "name": ""}
    yield from groups


def _cut(source: BinaryIO) -> Iterator[Card]:
    """Return the cards of a vCard file, or of JSON."""
    if is_jcard(next(chunks_of(source), b"")):
        return read_jcards(chunks_of(source))
    return cut_cards(lines_of(source))


def _entry(card: Card, decoder: Decoder) -> Contact:
    values = values_of(card, decoder)
    if card.is_too_big:
        return {"line": card.line, "error": "too big for a contact", "name": name_in(values)}
    if group := group_of(values):
        stored, losses = card_of(values)
        group |= {"card": stored["card"]} if "card" in stored else {}
        group |= {"card_uid": stored["uid"]} if "uid" in stored else {}
        picture, reason = picture_of(values)
        losses += filter(None, [reason])
        group |= {"picture": picture.content, "type": picture.type} if picture else {}
        return {"line": card.line, "group": group, "source": card_text(values.lines)} | (
            {"losses": losses} if losses else {}
        )
    stored, losses = card_of(values)
    source = stored.get("card", "")
    picture, reason = picture_of(values)
    if picture:
        stored |= {"type": picture.type, "picture": picture.content, "digest": picture.digest}
        photo = f"PHOTO:data:{picture.type};base64,{picture.content}\nEND:VCARD\n"
        source = source.removesuffix("END:VCARD\n") + photo if source else ""
    return {
        "line": card.line,
        "source": source,
        "contact": parse_card(values),
        "card": stored,
        "losses": [*losses, *filter(None, [reason])],
    }


def _rows(source: BinaryIO, decoder: Decoder) -> Iterator[Contact]:
    """Yield what `main` prints of each row; `columns` before the first."""
    try:
        for line, contact, error, text in read_rows(text_lines(source, decoder)):
            entry: Contact = {"line": line, "source": text}
            if error:
                yield entry | {"error": error, "name": _name(contact)}
            else:
                yield contact | {"head": text} if "columns" in contact else entry | {"contact": contact}
    except UnreadableError as exc:
        yield {"line": 1, "error": str(exc), "name": ""}


def _without_empty(contact: Contact) -> Contact:
    """Return the contact without its empty texts, which are most of them; the routine adds them again."""
    lists = {
        key: [{k: v for k, v in entry.items() if v != "" or k not in OPTIONAL} for entry in contact[key]]
        for key in FILE_LABELS
    }
    return {key: value for key, value in contact.items() if value != ""} | lists


def _name(contact: Contact) -> str:
    """Return how a report calls the person of a damaged row."""
    return line(f"{contact['firstname']} {contact['lastname']}", 255) or line(contact["company"], 255)


def main() -> None:
    """Read the file named on the command line, and print its contacts."""
    os.nice(10)
    path, kind, charset, phone_region = [*sys.argv[1:], "", ""][:4]
    # Buffered, also with PYTHONUNBUFFERED: the service would wake up for each line.
    with Path(path).open("rb") as source, open(1, "wb", BUFFER_BYTES, closefd=False) as out:
        decoder = decoder_of(source, kind, charset)
        doubt = {"charset_doubt": decoder.doubt} if decoder.doubt else {}
        out.write(orjson.dumps({"encoding": decoder.name, **doubt}) + b"\n")
        for entry in read(source, kind, decoder):
            if "contact" in entry:
                derive(entry, phone_region)
                entry["contact"] = _without_empty(entry["contact"])
            out.write(orjson.dumps(entry) + b"\n")


if __name__ == "__main__":
    main()
