"""Write address books as vCard 3.0 (RFC 2426) and 4.0 (RFC 6350), and as CSV with Google's headers.

An exported file, imported into an empty address book and exported again, is the same. Data that the formats
have no place for are a JSON object, the extension: the property X-DRUMEE of a card, the column of that name
of a table. The extension of the first contact has all tags and groups, in `book`, because other programs
would take a card of their own for a contact. A label that is no TYPE is an X-ABLabel, as Apple writes it. A
contact of the source `local` has no source in the file: PRODID, or the column X-DRUMEE, implies it.

Cards are written here: vobject 0.9.9 folds after 75 characters instead of bytes, has no properties of vCard
4.0, and takes 315 µs per card (this module: 49 µs).
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import orjson

from service.contacts.tables import guard_formula, split_labels
from service.contacts.vocabulary import (
    CARD_TYPES,
    EXTENSION,
    FILE_LABELS,
    LOCAL_SOURCE,
    PLACE_LIMITS,
    PRODID,
    card_label,
    cell_kind,
    split_numbers,
)
from service.runtime.context import Context
from service.store.database import ResultSet, document, documents

PAGE = 500
"""Contacts in one CALL."""
LINE_BYTES = 75
BOXES = {"active": ("active",), "archived": ("archived",), "all": ("active", "archived")}
EXTENSION_FIELDS = (
    *("uid", "entity", "group", "archived"),
    *("custom_fields", "avatar_path", "source", "source_id", "synced_at"),
)
"""Fields of a contact for which other programs have neither property nor column."""
GOOGLE_LABELS = {
    key: {label: file_label for file_label, label in labels.items()} for key, labels in FILE_LABELS.items()
}
"""The label of Google for each stored label, by list."""
DEFAULT_LABELS = {"email": "personal", "mobile": "mobile", "address": "home"}
"""The stored label of a private entry to which nobody gave one."""
COLUMNS = {
    "First Name": "firstname",
    "Last Name": "lastname",
    "Nickname": "surname",
    "File As": "display_name",
    "Organization Name": "company",
    "Organization Title": "job_title",
    "Notes": "comment",
}
PLACE_COLUMNS = ("Street", "City", "Region", "Postal Code", "Country")

Contact = Mapping[str, Any]
Book = Mapping[str, Any]
"""email, mobile, address (length of the longest list of a contact), tag, group: see contact_export_book."""


async def read_book(ctx: Context) -> Book:
    """Return tags, groups, and the widths of the lists: see contact_export_book."""
    (book_rows,) = await ctx.shard("contact_export_book")
    book: Book = document(book_rows)
    return book


async def pages(ctx: Context, option: str, book: Book) -> AsyncIterator[list[Any]]:
    """Yield lists of contacts, in an order that depends on their content alone.

    The first contact gets the tags and groups, as `book`.
    """
    tags_and_groups = _tags_and_groups(book)
    for box in BOXES[option]:
        display, key = None, ""
        while contacts := documents(await _page(ctx, box, display, key)):
            if tags_and_groups:
                contacts[0]["book"], tags_and_groups = tags_and_groups, {}
            yield contacts
            if len(contacts) < PAGE:
                break
            display, key = contacts[-1]["display"], contacts[-1]["key"]


async def _page(ctx: Context, box: str, display: str | None, key: str) -> ResultSet:
    """Return the contacts after (display, key), at most 500 rows."""
    (contact_rows,) = await ctx.shard("contact_export", box, display, key, PAGE)
    return contact_rows


async def vcards(ctx: Context, option: str, version: str) -> AsyncIterator[bytes]:
    """Yield a vCard file, in pieces."""
    async for contacts in pages(ctx, option, await read_book(ctx)):
        yield "".join(vcard(contact, version) for contact in contacts).encode()


def vcard(contact: Contact, version: str) -> str:
    """Return one card."""
    lines = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        f"PRODID:{PRODID}",
        *_properties(contact, version),
        "END:VCARD",
    ]
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _properties(contact: Contact, version: str) -> Iterator[str]:
    yield f"N:{_escape(contact['lastname'])};{_escape(contact['firstname'])};;;"
    yield f"FN:{_escape(contact['display_name'] or contact['display'])}"
    if contact["surname"]:
        yield f"NICKNAME:{_escape(contact['surname'])}"
    if contact["company"]:
        yield f"ORG:{_escape(contact['company'])}"
    if contact["job_title"]:
        yield f"TITLE:{_escape(contact['job_title'])}"
    yield from _entries(contact, version)
    if contact["comment"]:
        yield f"NOTE:{_escape(contact['comment'])}"
    if contact["tag"]:
        yield f"CATEGORIES:{','.join(_escape(tag) for tag in contact['tag'])}"
    imported_kinds = {
        key: [{**_kind(key, e), "label": _card_label(key, e)} for e in contact[key]] for key in FILE_LABELS
    }
    if extension := _extension(contact, imported_kinds, "display_name"):
        yield f"{EXTENSION.upper()}:{_escape(extension)}"


def _entries(contact: Contact, version: str) -> Iterator[str]:
    """Yield emails, numbers and addresses; a label that is no TYPE is a second line, as Apple writes it."""
    values = {
        "EMAIL": [("email", e, _escape(e["email"])) for e in contact["email"]],
        "TEL": [("mobile", e, _escape(_number(e))) for e in contact["mobile"]],
        "ADR": [("address", e, ";;" + ";".join(map(_escape, _place(e)))) for e in contact["address"]],
    }
    item = 0
    for property_, entries in values.items():
        for key, entry, value in entries:
            label = _kind(key, entry)["label"]
            if label in CARD_TYPES[key]:
                yield f"{property_}{_params(key, entry, version)}:{value}"
                continue
            item += 1
            yield f"item{item}.{property_}{_params(key, entry, version)}:{value}"
            yield f"item{item}.X-ABLabel:{_escape(label)}"


def _params(key: str, entry: Contact, version: str) -> str:
    """Return the parameters TYPE and PREF of an entry."""
    is_work, label = entry["category"] == "prof", _kind(key, entry)["label"]
    # The default label of a private entry is none of an entry at work.
    label_type = None if is_work and not label else CARD_TYPES[key].get(label)
    types = [*(["WORK"] if is_work else []), *filter(None, [label_type])]
    if version == "4.0":
        return "".join(f";TYPE={type_.lower()}" for type_ in types) + (
            ";PREF=1" if entry["is_default"] else ""
        )
    types += ["PREF"] if entry["is_default"] else []
    return f";TYPE={','.join(types)}" if types else ""


def _kind(key: str, entry: Contact) -> dict[str, Any]:
    """Return category, label and is_default of an entry; "" for its default label."""
    default_label = "work" if entry["category"] == "prof" else DEFAULT_LABELS[key]
    label = "" if entry["label"] == default_label else entry["label"]
    return {"category": entry["category"], "label": label, "is_default": entry["is_default"]}


def _card_label(key: str, entry: Contact) -> str:
    """Return the label that an import reads from the card."""
    label: str = _kind(key, entry)["label"]
    return label if label in CARD_TYPES[key] else card_label(key, label)


def _extension(contact: Contact, imported_kinds: Mapping[str, list[Any]], *more_fields: str) -> str:
    """Return the data that the format has no place for, as JSON; "" when there are none.

    `imported_kinds` has category, label and is_default of each entry as an import would read them: only
    lists that differ are written. `more_fields` are fields that an import could not read from the file.
    """
    fields = (*EXTENSION_FIELDS, *more_fields)
    extension = {key: contact[key] for key in fields if contact[key] not in (None, "", 0, [])}
    if extension.get("source") == LOCAL_SOURCE:
        del extension["source"]
    if extension.get("display_name"):
        extension["display_name"] = 1  # the name itself is in FN
    kinds = {key: [_kind(key, entry) for entry in contact[key]] for key in FILE_LABELS}
    if differing := {key: kinds[key] for key in FILE_LABELS if kinds[key] != imported_kinds[key]}:
        extension["kind"] = differing
    numbers = [_number(entry) for entry in contact["mobile"]]
    parts = [{"areacode": entry["areacode"], "phone": entry["phone"]} for entry in contact["mobile"]]
    if split_numbers(numbers, {}) != parts:
        extension["areacode"] = [len(entry["areacode"]) for entry in contact["mobile"]]
    if "book" in contact:
        extension["book"] = contact["book"]
    return orjson.dumps(extension).decode() if extension else ""


def _tags_and_groups(book: Book) -> dict[str, Any]:
    """Return the lists `tag` and `group` of a book, without empty lists and empty values."""
    tags = [{key: tag[key] for key in ("name", "parent") if tag[key]} for tag in book["tag"]]
    groups = [{key: group[key] for key in ("name", "comment") if group[key]} for group in book["group"]]
    return {key: entries for key, entries in (("tag", tags), ("group", groups)) if entries}


def _place(entry: Contact) -> list[str]:
    return [entry[key] for key in PLACE_LIMITS]


def _number(entry: Contact) -> str:
    return f"{entry['areacode']} {entry['phone']}".strip()


def _escape(text: str) -> str:
    for char in ("\\", ",", ";"):
        text = text.replace(char, f"\\{char}")
    return text.replace("\r\n", "\n").replace("\n", "\\n").replace("\r", "\\n")


def _fold(line: str) -> str:
    """Break a line into lines of at most 75 bytes, never within a character."""
    parts, part, size = [], "", 0
    for char in line:
        width = len(char.encode())
        if size + width > LINE_BYTES:
            parts.append(part)
            part, size = " ", 1
        part += char
        size += width
    return "\r\n".join([*parts, part])


async def table(ctx: Context, option: str) -> AsyncIterator[bytes]:
    """Yield a CSV file, in pieces."""
    book = await read_book(ctx)
    yield _rows([_header(book)])
    async for contacts in pages(ctx, option, book):
        yield _rows([_row(contact, book) for contact in contacts])


def _header(book: Book) -> list[str]:
    head = [*COLUMNS, "Labels", EXTENSION.upper()]
    for n in range(1, book["email"] + 1):
        head += [f"E-mail {n} - Label", f"E-mail {n} - Value"]
    for n in range(1, book["mobile"] + 1):
        head += [f"Phone {n} - Label", f"Phone {n} - Value"]
    for n in range(1, book["address"] + 1):
        head += [f"Address {n} - {part}" for part in ("Label", *PLACE_COLUMNS)]
    return head


def _row(contact: Contact, book: Book) -> list[str]:
    """Return the cells of a contact; each list is as wide as the longest one of the book."""
    labels = "".join(f"{tag} ::: " for tag in contact["tag"])
    more_fields = () if split_labels(labels) == contact["tag"] else ("tag",)
    imported_kinds = {
        key: [cell_kind(key, _label(key, entry)) for entry in contact[key]] for key in FILE_LABELS
    }
    extension = _extension(contact, imported_kinds, *more_fields)
    cells = [*(contact[key] for key in COLUMNS.values()), labels, extension]
    values = {
        "email": [[_label("email", e), e["email"]] for e in contact["email"]],
        "mobile": [[_label("mobile", e), _number(e)] for e in contact["mobile"]],
        "address": [[_label("address", e), *_place(e)] for e in contact["address"]],
    }
    for key, width in (("email", 2), ("mobile", 2), ("address", 1 + len(PLACE_COLUMNS))):
        for entry_cells in values[key]:
            cells += entry_cells
        cells += [""] * width * (book[key] - len(values[key]))
    return cells


def _label(key: str, entry: Contact) -> str:
    """Return the label of an entry as Google writes it, with a star for the default entry."""
    label = _kind(key, entry)["label"]
    text = "Work" if entry["category"] == "prof" and not label else GOOGLE_LABELS[key].get(label, label)
    return f"* {text}" if entry["is_default"] else text


def _rows(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(map(guard_formula, row) for row in rows)
    return out.getvalue().encode()
