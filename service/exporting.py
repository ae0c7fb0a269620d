"""Writing an address book down: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350), and CSV with Google's headers.

What `service/importer.py` reads from these files is what was written: exported, imported into an empty
address book and exported again, the file is the same. What the formats have no place for is a JSON object:
the property X-DRUMEE of a card, and the column of that name of a table. That of the first contact has all
tags and groups, in `book`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import orjson

from service.context import Context
from service.database import ResultSet, document, documents
from service.importer import OURS, split_labels, split_numbers

PAGE = 500
FOLD = 75
BOXES = {"active": ("active",), "archived": ("archived",), "all": ("active", "archived")}

Contact = Mapping[str, Any]


async def book_of(ctx: Context) -> Any:
    """What there is besides contacts: see contact_export_book."""
    (found,) = await ctx.mine("contact_export_book")
    return document(found)


async def pages(ctx: Context, option: str, book: Any) -> AsyncIterator[list[Any]]:
    """The contacts, page by page, in an order that only their content decides; the first has the book."""
    described = _described(book)
    for box in BOXES[option]:
        display, key = None, ""
        while True:
            found = documents(await _page(ctx, box, display, key))
            if not found:
                break
            if described:
                found[0]["book"], described = described, {}
            yield found
            if len(found) < PAGE:
                break
            display, key = found[-1]["display"], found[-1]["key"]


async def _page(ctx: Context, box: str, display: str | None, key: str) -> ResultSet:
    (found,) = await ctx.mine("contact_export", box, display, key, PAGE)
    return found


async def vcards(ctx: Context, option: str, version: str) -> AsyncIterator[bytes]:
    """A vCard file, in pieces."""
    async for contacts in pages(ctx, option, await book_of(ctx)):
        yield "".join(vcard(contact, version) for contact in contacts).encode()


def vcard(contact: Contact, version: str) -> str:
    """One card."""
    lines = ["BEGIN:VCARD", f"VERSION:{version}", *_properties(contact, version), "END:VCARD"]
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _properties(contact: Contact, version: str) -> Iterator[str]:
    yield f"N:{_escape(contact['lastname'])};{_escape(contact['firstname'])};;;"
    yield f"FN:{_escape(contact['display'])}"
    if contact["surname"]:
        yield f"NICKNAME:{_escape(contact['surname'])}"
    for entry in contact["email"]:
        yield f"EMAIL{_params(entry, version)}:{_escape(entry['email'])}"
    for entry in contact["mobile"]:
        yield f"TEL{_params(entry, version)}:{_escape(_number(entry))}"
    for entry in contact["address"]:
        street, city, country = (_escape(entry[key]) for key in ("street", "city", "country"))
        yield f"ADR{_params(entry, version)}:;;{street};{city};;;{country}"
    if contact["comment"]:
        yield f"NOTE:{_escape(contact['comment'])}"
    if contact["tag"]:
        yield f"CATEGORIES:{','.join(_escape(tag) for tag in contact['tag'])}"
    if words := _words(contact):
        yield f"{OURS.upper()}:{_escape(words)}"


def _params(entry: Contact, version: str) -> str:
    kind = "WORK" if entry["category"] == "prof" else "HOME"
    if version == "4.0":
        return f";TYPE={kind.lower()}" + (";PREF=1" if entry["is_default"] else "")
    return f";TYPE={kind}" + (",PREF" if entry["is_default"] else "")


def _words(contact: Contact, *lost: str) -> str:
    """What neither format can say, and what `lost` names besides, as JSON; "" for nothing."""
    found = {key: contact[key] for key in ("uid", "group", "archived", *lost) if contact[key]}
    numbers = [_number(entry) for entry in contact["mobile"]]
    codes = [{"areacode": entry["areacode"], "phone": entry["phone"]} for entry in contact["mobile"]]
    if split_numbers(numbers, {}) != codes:
        found["areacode"] = [len(entry["areacode"]) for entry in contact["mobile"]]
    if "book" in contact:
        found["book"] = contact["book"]
    return orjson.dumps(found).decode() if found else ""


def _described(book: Any) -> dict[str, Any]:
    """Tags and groups; {} when there are none."""
    tags = [{key: tag[key] for key in ("name", "parent") if tag[key]} for tag in book["tag"]]
    groups = [{key: group[key] for key in ("name", "comment") if group[key]} for group in book["group"]]
    return {key: found for key, found in (("tag", tags), ("group", groups)) if found}


def _number(entry: Contact) -> str:
    return f"{entry['areacode']} {entry['phone']}".strip()


def _escape(text: str) -> str:
    for char in ("\\", ",", ";"):
        text = text.replace(char, f"\\{char}")
    return text.replace("\r\n", "\n").replace("\n", "\\n").replace("\r", "\\n")


def _fold(line: str) -> str:
    """Lines of at most 75 bytes, never broken within a character."""
    parts, part, size = [], "", 0
    for char in line:
        width = len(char.encode())
        if size + width > FOLD:
            parts.append(part)
            part, size = " ", 1
        part += char
        size += width
    return "\r\n".join([*parts, part])


async def table(ctx: Context, option: str) -> AsyncIterator[bytes]:
    """A CSV file, in pieces."""
    book = await book_of(ctx)
    yield _rows([_header(book)])
    async for contacts in pages(ctx, option, book):
        yield _rows([_row(contact, book) for contact in contacts])


def _header(shape: Mapping[str, int]) -> list[str]:
    head = ["First Name", "Last Name", "Nickname", "Notes", "Labels", OURS.upper()]
    for n in range(1, shape["email"] + 1):
        head += [f"E-mail {n} - Label", f"E-mail {n} - Value"]
    for n in range(1, shape["mobile"] + 1):
        head += [f"Phone {n} - Label", f"Phone {n} - Value"]
    for n in range(1, shape["address"] + 1):
        head += [f"Address {n} - {part}" for part in ("Label", "Street", "City", "Country")]
    return head


def _row(contact: Contact, shape: Mapping[str, int]) -> list[str]:
    labels = "".join(f"{tag} ::: " for tag in contact["tag"])
    lost = () if split_labels(labels) == contact["tag"] else ("tag",)
    cells = [
        *(contact[key] for key in ("firstname", "lastname", "surname", "comment")),
        labels,
        _words(contact, *lost),
    ]
    values = {
        "email": [[_label(e), e["email"]] for e in contact["email"]],
        "mobile": [[_label(e), _number(e)] for e in contact["mobile"]],
        "address": [[_label(e), e["street"], e["city"], e["country"]] for e in contact["address"]],
    }
    for kind, width in (("email", 2), ("mobile", 2), ("address", 4)):
        for entry in values[kind]:
            cells += entry
        cells += [""] * width * (shape[kind] - len(values[kind]))
    return cells


def _label(entry: Contact) -> str:
    return ("* " if entry["is_default"] else "") + ("Work" if entry["category"] == "prof" else "Home")


def _rows(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
