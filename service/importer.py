"""Reads address books in the forms that other programs export: vCard 2.1, 3.0 and 4.0, and CSV.

Runs as a process of its own (`python -m service.importer FILE vcf|csv`), so that reading a big file neither
holds up the requests of others nor grows their memory. One JSON line a contact goes to standard output:
`{"line", "at", "contact"}`, or `{"line", "at", "error"}`; `at` is how many bytes were read. The first contact
of a file that `service/exporting.py` wrote may bring a `book` besides: all tags and groups.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import vobject
from charset_normalizer import from_bytes

from service.schema import ID, normal_email

SAMPLE = 262_144
PIECE = 65_536
CARD_LIMIT = 1_000_000
"""Characters of one card without its pictures; a bigger one is not a contact."""
MANY = 50
MANY_NAMES = 1_000
"""Tags, or groups, of one contact."""
MANY_IN_BOOK = 10_000
"""Tags, or groups, of a whole address book."""
OURS = "x-drumee"
"""Property of a card, and column of a table, with what the formats have no place for: see `own_words`."""
HEADER_ROWS = 20
BINARY = re.compile(r"^(?:[\w-]+\.)?(PHOTO|LOGO|SOUND|KEY)\b", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
AREACODE = re.compile(r"(\+\d{1,4})[ .-]+(.+)")
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Contact = dict[str, Any]


class UnreadableError(ValueError):
    """A contact cannot be read; the message says why."""


def encoding_of(sample: bytes) -> str:
    """Name of the encoding that a file starts with."""
    for bom, name in BOMS:
        if sample.startswith(bom):
            return name
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    try:
        # the sample may end within a character
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        best = from_bytes(sample[:65_536]).best()
        # what is left are the code pages of Western Windows, whichever of them is named
        return best.encoding if best is not None and best.encoding.startswith("cp125") else "cp1252"
    return "utf-8"


def read_cards(lines: Iterator[str]) -> Iterator[tuple[int, str | None]]:
    """(line, text) of each card, without pictures; the text is None for one that is too big."""
    card: list[str] = []
    start = size = depth = 0
    skipping = False
    for number, line in enumerate(lines, 1):
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            depth += 1
            if depth == 1:
                card, start, size, skipping = [], number, 0, False
        if depth == 0:
            continue
        # a picture goes on in folded lines; in vCard 2.1 up to an empty one
        skipping = bool(BINARY.match(line)) or (skipping and line[:1] in {" ", "\t"})
        if not skipping and depth == 1:
            size += len(line)
            if size <= CARD_LIMIT:
                card.append(line)
        if word == "END:VCARD":
            depth -= 1
            if depth == 0:
                yield start, "".join(card) if size <= CARD_LIMIT else None


def parse_card(text: str) -> Contact:
    """A contact from one card; UnreadableError when it is none."""
    try:
        card = vobject.readOne(text, allowQP=True, ignoreUnreadable=True, transform=True)
    except Exception as exc:
        # the library raises whatever it stumbles over
        raise UnreadableError(f"not a vCard: {type(exc).__name__}") from None
    if card is None:
        raise UnreadableError("not a vCard")
    contents: Mapping[str, list[Any]] = card.contents
    name, words = _first(contents, "n"), own_words(_text(_first(contents, OURS)))
    given, family, additional = (_text(getattr(name, part, "")) for part in ("given", "family", "additional"))
    nickname, shown = _text(_first(contents, "nickname")), _text(_first(contents, "fn"))
    emails = [{"email": _text(e.value), **_kind(e)} for e in contents.get("email", ())]
    # a card has to show something; that is not always a name
    if not given and not family and shown not in {nickname, words.get("uid"), *(e["email"] for e in emails)}:
        given, _, family = shown.partition(" ")
    phones = contents.get("tel", ())
    numbers = split_numbers([_text(t.value) for t in phones], words)
    return {
        "firstname": given,
        "lastname": family,
        "surname": nickname or additional,
        "comment": "\n".join(filter(None, (_text(n.value) for n in contents.get("note", ())))),
        "email": emails,
        "mobile": [{**number, **_kind(t)} for number, t in zip(numbers, phones, strict=True)],
        "address": [{**_place(a.value), **_kind(a)} for a in contents.get("adr", ())],
        "tag": [_text(t) for c in contents.get("categories", ()) for t in _listed(c.value)],
        **words,
    }


def own_words(text: str) -> Contact:
    """What our own files say besides: any of uid, group, tag, archived, areacode and book; {} in others."""
    try:
        found = orjson.loads(text or "{}")
    except ValueError:
        return {}
    names = ("uid", "group", "tag", "archived", "areacode", "book")
    return {name: found[name] for name in names if name in found} if isinstance(found, dict) else {}


def _first(contents: Mapping[str, list[Any]], name: str) -> Any:
    found = contents.get(name)
    value = found[0].value if found else ""
    return value[0] if isinstance(value, list) and value else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else str(value).split(",")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, (_text(v) for v in value)))
    return str(value or "").strip()


def _kind(line: Any) -> dict[str, Any]:
    """Category, and whether it is the preferred one."""
    words = {w.upper() for w in [*line.params.get("TYPE", []), *line.singletonparams]}
    preferred = "PREF" in words or bool(line.params.get("PREF"))
    return {"category": "prof" if "WORK" in words else "priv", "is_default": int(preferred)}


def split_numbers(texts: list[str], words: Contact) -> list[dict[str, str]]:
    """areacode and phone of each number; our own files say how long an areacode is where none could tell."""
    lengths = words.get("areacode")
    if not isinstance(lengths, list) or [type(n) for n in lengths] != [int] * len(texts):
        return [_number(text) for text in texts]
    return [
        {"areacode": text[:length], "phone": text[length:].strip()}
        if isinstance(length, int)
        else _number(text)
        for text, length in zip(texts, lengths, strict=True)
    ]


def _number(text: str) -> dict[str, str]:
    text = text.removeprefix("tel:")
    split = AREACODE.fullmatch(text)
    return {"areacode": split[1], "phone": split[2]} if split else {"areacode": "", "phone": text}


def _place(value: Any) -> dict[str, str]:
    if not hasattr(value, "street"):
        return {"street": _text(value), "city": "", "country": ""}
    return {
        "street": ", ".join(filter(None, (_text(value.box), _text(value.extended), _text(value.street)))),
        "city": " ".join(filter(None, (_text(value.code), _text(value.city), _text(value.region)))),
        "country": _text(value.country),
    }


NAMES = {
    "firstname": ("first name", "given name", "firstname", "first", "prénom", "vorname"),
    "lastname": ("last name", "family name", "lastname", "last", "nom", "nachname", "surname"),
    "nickname": ("nickname", "surnom"),
    "additional": ("middle name", "additional name", "additionnal name"),
    "fullname": ("name", "display name", "full name", "file as"),
    "comment": ("notes", "note", "comment", "comments"),
    "tag": ("labels", "categories", "group membership", "tags"),
    "words": (OURS,),
}
EMAIL = re.compile(r"e-?mail|adresse de messagerie|courriel")
PHONE = re.compile(r"phone(?!tic)|mobile|pager|téléphone|telefon")
NOT_VALUES = re.compile(r"\b(type|label|display name|yomi)\b|nom affiché|fax")
PLACE = re.compile(
    r"(.*?)(address|location|street|city|postal code|zipcode|zip|state|region|country.*)( ?2)?$"
)
PARTS = {"street": "street", "address": "street", "location": "street", "city": "city", "country": "country"}


NO_TAGS = {"", "* myContacts", "* My Contacts", "* starred"}


class Columns:
    """What the columns of a CSV file mean, by their headers."""

    def __init__(self, header: list[str]) -> None:
        heads = [" ".join(h.strip().lower().split()) for h in header]
        self.names = {key: [i for i, h in enumerate(heads) if h in words] for key, words in NAMES.items()}
        self.labels = {
            h.rpartition(" - ")[0]: i for i, h in enumerate(heads) if h.endswith((" - label", " - type"))
        }
        values = [(i, h) for i, h in enumerate(heads) if not NOT_VALUES.search(h)]
        self.emails = [(i, h) for i, h in values if EMAIL.search(h)]
        self.phones = [(i, h) for i, h in values if PHONE.search(h) and not EMAIL.search(h)]
        self.places: dict[str, dict[str, list[int]]] = {}
        for i, h in values:
            self._note_place(i, h)

    def _note_place(self, index: int, head: str) -> None:
        found = PLACE.fullmatch(head)
        if found is None or EMAIL.search(head) or PHONE.search(head):
            return
        word = "country" if found[2].startswith("country") else found[2]
        part = PARTS.get(word, "code" if word in {"postal code", "zipcode", "zip"} else "region")
        self.places.setdefault(found[1].strip(" -"), {}).setdefault(part, []).append(index)

    def contact(self, row: list[str]) -> Contact:
        """The contact of a row."""

        def cell(index: int) -> str:
            return row[index].strip() if index < len(row) else ""

        def named(key: str) -> str:
            return next((cell(i) for i in self.names[key] if cell(i)), "")

        words = own_words(named("words"))
        # in our own files a cell holds one value, whatever is in it
        split = _one if self.names["words"] else _many
        given, family = named("firstname"), named("lastname")
        if not given and not family:
            given, _, family = named("fullname").partition(" ")
        phones = [(p, h) for i, h in self.phones for p in split(cell(i))]
        numbers = split_numbers([p for p, _ in phones], words)
        return {
            "firstname": given,
            "lastname": family,
            "surname": named("nickname") or named("additional"),
            "comment": named("comment"),
            "email": [{"email": e, **self._kind(h, cell)} for i, h in self.emails for e in split(cell(i))],
            "mobile": [{**n, **self._kind(h, cell)} for n, (_, h) in zip(numbers, phones, strict=True)],
            "address": [
                a for group, parts in self.places.items() if (a := self._address(group, parts, cell))
            ],
            "tag": split_labels(named("tag")),
            **words,
        }

    def _kind(self, head: str, cell: Any) -> dict[str, Any]:
        label = self._label(head.removesuffix(" - value"), cell)
        work = re.search(r"work|business|prof|bureau", f"{head} {label}")
        return {"category": "prof" if work else "priv", "is_default": int(label.startswith("*"))}

    def _label(self, group: str, cell: Any) -> str:
        index = self.labels.get(group)
        return str(cell(index)).lower() if index is not None else ""

    def _address(self, group: str, parts: Mapping[str, list[int]], cell: Any) -> Contact | None:
        def joined(*names: str) -> str:
            return " ".join(filter(None, (cell(i) for name in names for i in parts.get(name, ()))))

        found = {
            "street": joined("street"),
            "city": joined("code", "city", "region"),
            "country": joined("country"),
        }
        return {**found, **self._kind(group, cell)} if any(found.values()) else None


def split_labels(text: str) -> list[str]:
    """Tags in a cell, as Google (`A ::: B`) and others (`A;B`) list them."""
    parts = text.split(":::" if ":::" in text else ";")
    return [part.strip().removeprefix("* ") for part in parts if part.strip() not in NO_TAGS]


def _one(text: str) -> list[str]:
    return [text] if text else []


def _many(text: str) -> list[str]:
    return [part.strip() for part in text.split(" ::: ") if part.strip()]


def read_rows(lines: Iterator[str]) -> Iterator[tuple[int, Contact | None]]:
    """(line, contact) of each row of a CSV file; UnreadableError when no column holds addresses."""
    head = list(islice(lines, HEADER_ROWS))
    separator, skipped = _header(head)
    reader = csv.reader(chain(head[skipped:], lines), delimiter=separator)
    columns = Columns(next(reader))
    for row in reader:
        if any(row):
            yield skipped + reader.line_num, columns.contact(row)


def _header(head: list[str]) -> tuple[str, int]:
    """(separator, lines in front of it) of the names of the columns; LinkedIn writes a note first."""
    for skipped, line in enumerate(head):
        separator = max(",;\t", key=line.count)
        cells = next(csv.reader([line], delimiter=separator), [])
        if Columns(cells).emails:
            return separator, skipped
    raise UnreadableError("no column of email addresses")


def clean(contact: Mapping[str, Any]) -> Contact:
    """A contact as it can be stored: usable addresses, exactly one of them the default; bounded texts."""
    emails: dict[str, Contact] = {}
    for entry in _entries(contact, "email"):
        address = normal_email(str(entry.get("email") or "")[:300])
        if address and len(address) <= 255:
            emails.setdefault(address, {**_category(entry), "email": address})
    default = next((e for e in emails.values() if e["is_default"]), next(iter(emails.values()), None))
    for entry in emails.values():
        entry["is_default"] = int(entry is default)
    phones = [
        {**_category(p), "areacode": _line(p.get("areacode"), 16), "phone": _line(p.get("phone"), 64)}
        for p in _entries(contact, "mobile")
    ]
    places = [
        {**_category(a), **{key: _line(a.get(key), 255) for key in ("street", "city", "country")}}
        for a in _entries(contact, "address")
    ]
    return {
        **{key: _line(contact.get(key), 255) for key in ("firstname", "lastname", "surname")},
        "comment": _layout(contact.get("comment")),
        "email": list(emails.values())[:MANY],
        "mobile": [p for p in phones if p["phone"]][:MANY],
        "address": [a for a in places if a["street"] or a["city"] or a["country"]][:MANY],
        "tag": _names(contact, "tag"),
        "group": _names(contact, "group"),
        "archived": int(contact.get("archived") in {1, "1"}),
        # JSON without the key is NULL in SQL
        **({"default": default["email"]} if default else {}),
        **({"uid": uid} if ID.fullmatch(uid := _line(contact.get("uid"), 64)) else {}),
    }


def clean_book(book: Any) -> Contact:
    """Tags and groups of a whole address book as they can be stored: a tag comes after the one above it."""
    if not isinstance(book, Mapping):
        return {"tag": [], "group": []}
    tags = {
        _line(t.get("name"), 255): _line(t.get("parent"), 255) for t in _entries(book, "tag")[:MANY_IN_BOOK]
    }
    ranks = {name: rank for rank, name in enumerate(filter(None, tags), 1)}
    below: dict[str, list[str]] = {}
    for name in ranks:
        below.setdefault(tags[name] if tags[name] in ranks else "", []).append(name)
    ordered: dict[str, str] = {}
    waiting = [("", name) for name in below.get("", ())]
    while waiting:
        parent, name = waiting.pop()
        ordered[name] = parent
        waiting += [(name, child) for child in below.get(name, ())]
    # what hangs in a circle is reached from nowhere
    ordered |= {name: "" for name in ranks if name not in ordered}
    return {
        "tag": [
            {"name": name, "position": ranks[name], **({"parent": parent} if parent else {})}
            for name, parent in ordered.items()
        ],
        "group": [
            {"name": name, "comment": _layout(g.get("comment"))}
            for g in _entries(book, "group")[:MANY_IN_BOOK]
            if (name := _line(g.get("name"), 255))
        ],
    }


def _entries(contact: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = contact.get(key)
    return [e for e in found if isinstance(e, Mapping)] if isinstance(found, list) else []


def _names(contact: Mapping[str, Any], key: str) -> list[str]:
    found = contact.get(key)
    lines = [_line(name, 255) for name in found if isinstance(name, str)] if isinstance(found, list) else []
    return list(dict.fromkeys(filter(None, lines)))[:MANY_NAMES]


def _category(entry: Mapping[str, Any]) -> Contact:
    category = "prof" if entry.get("category") == "prof" else "priv"
    return {"category": category, "is_default": int(str(entry.get("is_default") or 0) == "1")}


def _line(value: Any, limit: int) -> str:
    return CONTROL.sub(" ", str(value or "")).strip()[:limit]


def _layout(value: Any) -> str:
    return CONTROL_BUT_LAYOUT.sub("", str(value or ""))[:4000].strip()


def read(source: BinaryIO, kind: str) -> Iterator[Contact]:
    """What `main` prints, line by line."""
    sample = source.read(SAMPLE)
    source.seek(0)
    text = io.TextIOWrapper(
        source, encoding_of(sample), errors="replace", newline="" if kind == "csv" else None
    )
    found = _cards(text) if kind == "vcf" else _rows(text)
    for line, contact, error in found:
        entry: Contact = {"line": line, "at": source.tell()}
        if contact is None:
            yield entry | {"error": error}
        elif "book" in contact:
            yield entry | {"contact": clean(contact), "book": clean_book(contact["book"])}
        else:
            yield entry | {"contact": clean(contact)}


def _cards(lines: Iterator[str]) -> Iterator[tuple[int, Contact | None, str]]:
    for line, text in read_cards(lines):
        if text is None:
            yield line, None, "too big for a contact"
            continue
        try:
            yield line, parse_card(text), ""
        except UnreadableError as exc:
            yield line, None, str(exc)


def _rows(lines: Iterator[str]) -> Iterator[tuple[int, Contact | None, str]]:
    csv.field_size_limit(CARD_LIMIT)
    line = 0
    try:
        for line, contact in read_rows(lines):
            yield line, contact or {}, ""
    except (csv.Error, UnreadableError) as exc:
        yield line + 1, None, str(exc)


def main() -> None:
    """Read a file, print what is in it."""
    os.nice(10)
    path, kind = sys.argv[1:3]
    # in pieces, whatever PYTHONUNBUFFERED says: the service would wake up for each line
    with Path(path).open("rb") as source, open(1, "wb", PIECE, closefd=False) as out:
        for entry in read(source, kind):
            out.write(orjson.dumps(entry) + b"\n")


if __name__ == "__main__":
    main()
