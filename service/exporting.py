"""Writing an address book down: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350), and CSV with Google's headers.

What `service/importer.py` reads from these files is what was written: exported, imported into an empty
address book and exported again, the file is the same. What the formats have no place for is a JSON object:
the property X-DRUMEE of a card, and the column of that name of a table. That of the first contact has all
tags and groups, in `book`: a card of their own would be a contact in other programs. A label that is no TYPE
is an X-ABLabel, as Apple writes it. Of a contact without source nothing is said: the property PRODID, or
the column X-DRUMEE, tells that the file is ours and he is local.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import orjson

from service.context import Context
from service.database import ResultSet, document, documents
from service.importer import (
    LOCAL,
    OURS,
    PLACE_LIMITS,
    PRODID,
    TYPES,
    WORDS,
    card_label,
    cell_kind,
    split_labels,
    split_numbers,
)

PAGE = 500
FOLD = 75
BOXES = {"active": ("active",), "archived": ("archived",), "all": ("active", "archived")}
BESIDES = (
    *("uid", "entity", "group", "archived"),
    *("custom_fields", "avatar_path", "source", "source_id", "synced_at"),
)
"""What no property and no column of other programs holds."""
THEIRS = {name: {ours: word for word, ours in words.items()} for name, words in WORDS.items()}
"""What Google calls a label of ours."""
USUAL = {"email": "personal", "mobile": "mobile", "address": "home"}
"""The label of a private entry that has none."""
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
    said = {
        name: [{**_kind(name, e), "label": _card_label(name, e)} for e in contact[name]] for name in WORDS
    }
    if words := _words(contact, said, "display_name"):
        yield f"{OURS.upper()}:{_escape(words)}"


def _entries(contact: Contact, version: str) -> Iterator[str]:
    """Addresses and numbers; a label that is no TYPE stands beside, as Apple does it."""
    values = {
        "EMAIL": [("email", e, _escape(e["email"])) for e in contact["email"]],
        "TEL": [("mobile", e, _escape(_number(e))) for e in contact["mobile"]],
        "ADR": [("address", e, ";;" + ";".join(map(_escape, _place(e)))) for e in contact["address"]],
    }
    item = 0
    for property_, entries in values.items():
        for name, entry, value in entries:
            label = _kind(name, entry)["label"]
            if label in TYPES[name]:
                yield f"{property_}{_params(name, entry, version)}:{value}"
                continue
            item += 1
            yield f"item{item}.{property_}{_params(name, entry, version)}:{value}"
            yield f"item{item}.X-ABLabel:{_escape(label)}"


def _params(name: str, entry: Contact, version: str) -> str:
    kind = "WORK" if entry["category"] == "prof" else TYPES[name].get(_kind(name, entry)["label"])
    if version == "4.0":
        return (f";TYPE={kind.lower()}" if kind else "") + (";PREF=1" if entry["is_default"] else "")
    kinds = [*filter(None, [kind]), *(["PREF"] if entry["is_default"] else [])]
    return f";TYPE={','.join(kinds)}" if kinds else ""


def _kind(name: str, entry: Contact) -> dict[str, Any]:
    """Category, label and is_default; the label is "" where it is the one that an entry has by itself."""
    usual = "work" if entry["category"] == "prof" else USUAL[name]
    label = "" if entry["label"] == usual else entry["label"]
    return {"category": entry["category"], "label": label, "is_default": entry["is_default"]}


def _card_label(name: str, entry: Contact) -> str:
    """The label as it will be read."""
    label: str = _kind(name, entry)["label"]
    return label if label in TYPES[name] else card_label(name, label)


def _words(contact: Contact, said: Mapping[str, list[Any]], *lost: str) -> str:
    """What neither format can say, and what `lost` names besides, as JSON; "" for nothing.

    `said` is how the entries of each list will be read.
    """
    found = {key: contact[key] for key in (*BESIDES, *lost) if contact[key] not in (None, "", 0, [])}
    if found.get("source") == LOCAL:
        del found["source"]
    if found.get("display_name"):
        found["display_name"] = 1  # FN says which
    kinds = {name: [_kind(name, entry) for entry in contact[name]] for name in WORDS}
    if unlike := {name: kinds[name] for name in WORDS if kinds[name] != said[name]}:
        found["kind"] = unlike
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


def _place(entry: Contact) -> list[str]:
    return [entry[key] for key in PLACE_LIMITS]


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
    head = [*COLUMNS, "Labels", OURS.upper()]
    for n in range(1, shape["email"] + 1):
        head += [f"E-mail {n} - Label", f"E-mail {n} - Value"]
    for n in range(1, shape["mobile"] + 1):
        head += [f"Phone {n} - Label", f"Phone {n} - Value"]
    for n in range(1, shape["address"] + 1):
        head += [f"Address {n} - {part}" for part in ("Label", *PLACE_COLUMNS)]
    return head


def _row(contact: Contact, shape: Mapping[str, int]) -> list[str]:
    labels = "".join(f"{tag} ::: " for tag in contact["tag"])
    lost = () if split_labels(labels) == contact["tag"] else ("tag",)
    said = {name: [cell_kind(name, _label(name, entry)) for entry in contact[name]] for name in WORDS}
    cells = [*(contact[key] for key in COLUMNS.values()), labels, _words(contact, said, *lost)]
    values = {
        "email": [[_label("email", e), e["email"]] for e in contact["email"]],
        "mobile": [[_label("mobile", e), _number(e)] for e in contact["mobile"]],
        "address": [[_label("address", e), *_place(e)] for e in contact["address"]],
    }
    for kind, width in (("email", 2), ("mobile", 2), ("address", 1 + len(PLACE_COLUMNS))):
        for entry in values[kind]:
            cells += entry
        cells += [""] * width * (shape[kind] - len(values[kind]))
    return cells


def _label(name: str, entry: Contact) -> str:
    """As Google writes it."""
    label = _kind(name, entry)["label"]
    word = "Work" if entry["category"] == "prof" and not label else THEIRS[name].get(label, label)
    return f"* {word}" if entry["is_default"] else word


def _rows(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
