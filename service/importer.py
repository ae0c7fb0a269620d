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
from datetime import UTC, datetime
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
MANY = 100
MANY_NAMES = 1_000
"""Tags, or groups, of one contact."""
MANY_IN_BOOK = 10_000
"""Tags, or groups, of a whole address book."""
OURS = "x-drumee"
PRODID = "-//Drumee//Contacts//EN"
"""Who wrote a card, where it was us."""
LOCAL = "local"
"""The source of a contact that came from nowhere else; our own files leave it out."""
"""Property of a card, and column of a table, with what the formats have no place for: see `own_words`."""
WORDS = {
    "email": {"Home": "", "Other": "other"},
    "mobile": {
        "Mobile": "",
        "Home": "home",
        "Other": "other",
        "Main": "main",
        "Fax": "fax",
        "Pager": "pager",
    },
    "address": {"Home": "", "Other": "other"},
}
"""What files call an entry, and our label; "" is the one that a private entry has by itself."""
TYPES = {
    "email": {"": "HOME"},
    "mobile": {"": "CELL", "fax": "FAX", "pager": "PAGER", "home": "HOME"},
    "address": {"": "HOME"},
}
"""TYPE of a vCard for a label; the first that a card names counts."""
APPLE_WORD = re.compile(r"_\$!<(.*)>!\$_")
HEADER_ROWS = 20
BINARY = re.compile(r"^(?:[\w-]+\.)?(PHOTO|LOGO|SOUND|KEY)\b", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
ENTITY = re.compile(r"[0-9a-f]{16}")
AREACODE = re.compile(r"(\+\d{1,4})[ .-]+(.+)")
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

LIMITS = {
    "firstname": 255,
    "lastname": 255,
    "surname": 255,
    "display_name": 255,
    "company": 255,
    "job_title": 255,
    "avatar_path": 1024,
    "source": 32,
    "source_id": 255,
}
"""Texts of one line, and how many characters are kept."""
LAYOUT_LIMIT = 16_383
"""Characters of a text of several lines: as many as the APIs take."""
PLACE_LIMITS = {"street": 255, "city": 255, "state": 255, "postal_code": 32, "country": 255}
MAY_LACK = {"label", "state", "postal_code"}
KIND = {"category", "is_default", "label"}
OWN_WORDS = (
    *("uid", "entity", "group", "tag", "archived", "areacode", "book", "display_name", "kind"),
    *("custom_fields", "avatar_path", "source", "source_id", "synced_at"),
)

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
    labels = {label.group: _text(label.value) for label in contents.get("x-ablabel", ()) if label.group}
    emails = [{"email": _text(e.value), **_kind("email", e, labels)} for e in contents.get("email", ())]
    chosen, company = shown if words.pop("display_name", None) else "", _company(contents)
    # a card has to show something; that is not always a name
    other = {chosen, nickname, company, words.get("uid"), words.get("entity"), *(e["email"] for e in emails)}
    if not given and not family and shown not in other:
        given, _, family = shown.partition(" ")
    phones = contents.get("tel", ())
    numbers = split_numbers([_text(t.value) for t in phones], words)
    found = {
        "firstname": given,
        "lastname": family,
        "surname": nickname or additional,
        "display_name": chosen,
        "company": company,
        "job_title": _text(_first(contents, "title")) or _text(_first(contents, "role")),
        "comment": "\n".join(filter(None, (_text(n.value) for n in contents.get("note", ())))),
        "email": emails,
        "mobile": [{**n, **_kind("mobile", t, labels)} for n, t in zip(numbers, phones, strict=True)],
        "address": [{**_place(a.value), **_kind("address", a, labels)} for a in contents.get("adr", ())],
        "tag": [_text(t) for c in contents.get("categories", ()) for t in _listed(c.value)],
    }
    by_us = _text(_first(contents, "prodid")) == PRODID or OURS in contents
    return _completed(found, {**({"source": LOCAL} if by_us else {}), **words})


def own_words(text: str) -> Contact:
    """What our own files say besides, any of OWN_WORDS; {} in others."""
    try:
        found = orjson.loads(text or "{}")
    except ValueError:
        return {}
    return {name: found[name] for name in OWN_WORDS if name in found} if isinstance(found, dict) else {}


def _completed(contact: Contact, words: Contact) -> Contact:
    """A contact with what our own file says besides; of its entries, where they are as many."""
    kinds = words.pop("kind", None)
    for name in WORDS:
        said = kinds.get(name) if isinstance(kinds, dict) else None
        if isinstance(said, list) and len(said) == len(contact[name]):
            contact[name] = [
                {**entry, **kind} if isinstance(kind, dict) and not kind.keys() - KIND else entry
                for entry, kind in zip(contact[name], said, strict=True)
            ]
    return {**contact, **words}


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


def _company(contents: Mapping[str, list[Any]]) -> str:
    """The name of the organisation; units of it follow in the card."""
    found = contents.get("org")
    value = found[0].value if found else ""
    return next(filter(None, map(_text, value)), "") if isinstance(value, list) else _text(value)


def _kind(name: str, line: Any, labels: Mapping[str, str]) -> dict[str, Any]:
    """Category, label, and whether it is the preferred one."""
    words = {w.upper() for w in [*line.params.get("TYPE", []), *line.singletonparams]}
    preferred = "PREF" in words or bool(line.params.get("PREF"))
    category, label = "prof" if "WORK" in words else "priv", ""
    if line.group in labels:
        label = card_label(name, labels[line.group])
        category = "prof" if label == "work" else category
    elif category == "priv":
        label = next((label for label, word in TYPES[name].items() if word in words), "")
    return {"category": category, "label": label, "is_default": int(preferred)}


def card_label(name: str, text: str) -> str:
    """The label that an X-ABLabel means: Apple has its own way to write those that it knows."""
    known = APPLE_WORD.fullmatch(text)
    return WORDS[name].get(known[1], known[1].lower()) if known else text


def cell_kind(name: str, text: str, head: str = "") -> dict[str, Any]:
    """What _kind finds, from a cell that says it, or from the name of a column."""
    preferred, label = text.startswith("*"), text.removeprefix("*").strip()
    work = re.search(r"work|business|prof|bureau", f"{head} {label}".lower())
    if not label and name == "mobile":
        label = next((word for word in ("Home", "Pager") if word.lower() in head), "")
    return {
        "category": "prof" if work else "priv",
        "label": "" if label == "Work" else WORDS[name].get(label, label),
        "is_default": int(preferred),
    }


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
        return {"street": _text(value)}
    return {
        "street": ", ".join(filter(None, (_text(value.box), _text(value.extended), _text(value.street)))),
        "city": _text(value.city),
        "state": _text(value.region),
        "postal_code": _text(value.code),
        "country": _text(value.country),
    }


NAMES = {
    "firstname": ("first name", "given name", "firstname", "first", "prénom", "vorname"),
    "lastname": ("last name", "family name", "lastname", "last", "nom", "nachname", "surname"),
    "nickname": ("nickname", "surnom"),
    "additional": ("middle name", "additional name", "additionnal name"),
    "fullname": ("name", "display name", "full name", "file as"),
    "company": ("company", "organization", "organization name", "organization 1 - name", "société", "firma"),
    "job_title": ("job title", "organization title", "organization 1 - title", "position", "fonction"),
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
PARTS |= {"state": "state", "region": "state"}


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
        part = PARTS.get(word, "postal_code")
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
        given, family, shown = named("firstname"), named("lastname"), named("fullname")
        if not given and not family and not self.names["words"]:
            given, _, family = shown.partition(" ")
        phones = [(p, h) for i, h in self.phones for p in split(cell(i))]
        numbers = split_numbers([p for p, _ in phones], words)
        found = {
            "firstname": given,
            "lastname": family,
            "surname": named("nickname") or named("additional"),
            # others derive it
            "display_name": shown if self.names["words"] else "",
            "company": named("company"),
            "job_title": named("job_title"),
            "comment": named("comment"),
            "email": [
                {"email": e, **self._kind("email", h, cell)} for i, h in self.emails for e in split(cell(i))
            ],
            "mobile": [
                {**n, **self._kind("mobile", h, cell)} for n, (_, h) in zip(numbers, phones, strict=True)
            ],
            "address": [
                a for group, parts in self.places.items() if (a := self._address(group, parts, cell))
            ],
            "tag": split_labels(named("tag")),
        }
        return _completed(found, {**({"source": LOCAL} if self.names["words"] else {}), **words})

    def _kind(self, name: str, head: str, cell: Any) -> dict[str, Any]:
        index = self.labels.get(head.removesuffix(" - value"))
        return cell_kind(name, str(cell(index)) if index is not None else "", head)

    def _address(self, group: str, parts: Mapping[str, list[int]], cell: Any) -> Contact | None:
        def joined(*names: str) -> str:
            return " ".join(filter(None, (cell(i) for name in names for i in parts.get(name, ()))))

        found = {name: joined(name) for name in PLACE_LIMITS}
        return {**found, **self._kind("address", group, cell)} if any(found.values()) else None


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
    phones = [{**_category(p), **_phone(p)} for p in _entries(contact, "mobile")]
    places = [
        {**_category(a), **{key: _line(a.get(key), limit) for key, limit in PLACE_LIMITS.items()}}
        for a in _entries(contact, "address")
    ]
    custom, entity = contact.get("custom_fields"), str(contact.get("entity") or "")
    synced = _moment(contact.get("synced_at"))
    return {
        **{key: _line(contact.get(key), limit) for key, limit in LIMITS.items()},
        "comment": _layout(contact.get("comment")),
        "email": list(emails.values())[:MANY],
        "mobile": [p for p in phones if p["phone"]][:MANY],
        "address": [a for a in places if any(a[key] for key in PLACE_LIMITS)][:MANY],
        "tag": _names(contact, "tag"),
        "group": _names(contact, "group"),
        "archived": int(contact.get("archived") in {1, "1"}),
        # JSON without the key is NULL in SQL
        **({"default": default["email"]} if default else {}),
        **({"custom_fields": orjson.dumps(custom).decode()} if isinstance(custom, dict) else {}),
        **({"synced_at": synced} if synced else {}),
        **({"entity": entity} if ENTITY.fullmatch(entity) else {}),
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


def _phone(entry: Mapping[str, Any]) -> Contact:
    """Area code and number, together not longer than a number of the REST API."""
    areacode = _line(entry.get("areacode"), 16)
    return {"areacode": areacode, "phone": _line(entry.get("phone"), 80 - len(areacode) if areacode else 81)}


def _names(contact: Mapping[str, Any], key: str) -> list[str]:
    found = contact.get(key)
    lines = [_line(name, 255) for name in found if isinstance(name, str)] if isinstance(found, list) else []
    return list(dict.fromkeys(filter(None, lines)))[:MANY_NAMES]


def _category(entry: Mapping[str, Any]) -> Contact:
    category = "prof" if entry.get("category") == "prof" else "priv"
    default = int(str(entry.get("is_default") or 0) == "1")
    return {"category": category, "is_default": default, "label": _line(entry.get("label"), 32)}


def _moment(value: Any) -> str:
    """A time of ISO 8601 as SQL writes it, UTC, milliseconds; "" for anything else."""
    try:
        found = datetime.fromisoformat(str(value or ""))
        found = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return ""
    return found.isoformat(" ", "milliseconds")


def _line(value: Any, limit: int) -> str:
    return CONTROL.sub(" ", str(value or "")).strip()[:limit]


def _layout(value: Any) -> str:
    return CONTROL_BUT_LAYOUT.sub("", str(value or ""))[:LAYOUT_LIMIT].strip()


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


def _lean(contact: Contact) -> Contact:
    """Without the texts that are empty, where the routine knows what that means: most are."""
    lists = {
        name: [{k: v for k, v in entry.items() if v != "" or k not in MAY_LACK} for entry in contact[name]]
        for name in WORDS
    }
    return {key: value for key, value in contact.items() if value != ""} | lists


def main() -> None:
    """Read a file, print what is in it."""
    os.nice(10)
    path, kind = sys.argv[1:3]
    # in pieces, whatever PYTHONUNBUFFERED says: the service would wake up for each line
    with Path(path).open("rb") as source, open(1, "wb", PIECE, closefd=False) as out:
        for entry in read(source, kind):
            if "contact" in entry:
                entry["contact"] = _lean(entry["contact"])
            out.write(orjson.dumps(entry) + b"\n")


if __name__ == "__main__":
    main()
