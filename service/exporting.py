"""Writing an address book down: vCard 3.0 (RFC 2426) and 4.0 (RFC 6350), and CSV with Google's headers.

What `service/importer.py` reads from these files is what was written: exported, imported into an empty
address book and exported again, the file is the same.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from service.context import Context
from service.database import ResultSet, document, documents

PAGE = 500
FOLD = 75
DIALED = re.compile(r"\+\d{1,4}")
BOXES = {"active": ("active",), "archived": ("archived",), "all": ("active", "archived")}

Contact = Mapping[str, Any]


async def pages(ctx: Context, option: str) -> AsyncIterator[list[Any]]:
    """The caller's contacts, page by page, in an order that only their content decides."""
    for box in BOXES[option]:
        display, key = None, ""
        while True:
            found = documents(await _page(ctx, box, display, key))
            if not found:
                break
            yield found
            if len(found) < PAGE:
                break
            display, key = found[-1]["display"], found[-1]["key"]


async def _page(ctx: Context, box: str, display: str | None, key: str) -> ResultSet:
    (found,) = await ctx.mine("contact_export", box, display, key, PAGE)
    return found


async def vcards(ctx: Context, option: str, version: str) -> AsyncIterator[bytes]:
    """A vCard file, in pieces."""
    async for contacts in pages(ctx, option):
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
        yield f"TEL{_params(entry, version)}{_areacode(entry)}:{_escape(_number(entry))}"
    for entry in contact["address"]:
        street, city, country = (_escape(entry[key]) for key in ("street", "city", "country"))
        yield f"ADR{_params(entry, version)}:;;{street};{city};;;{country}"
    if contact["comment"]:
        yield f"NOTE:{_escape(contact['comment'])}"
    if contact["tag"]:
        yield f"CATEGORIES:{','.join(_escape(tag) for tag in contact['tag'])}"
    if contact["archived"]:
        yield "X-DRUMEE-ARCHIVED:1"


def _params(entry: Contact, version: str) -> str:
    kind = "WORK" if entry["category"] == "prof" else "HOME"
    if version == "4.0":
        return f";TYPE={kind.lower()}" + (";PREF=1" if entry["is_default"] else "")
    return f";TYPE={kind}" + (",PREF" if entry["is_default"] else "")


def _areacode(entry: Contact) -> str:
    """A prefix that nobody could tell from the number is named besides."""
    code = "".join(c for c in entry["areacode"] if c not in '";:,\\')
    return f";X-DRUMEE-AREACODE={code}" if code and not DIALED.fullmatch(entry["areacode"]) else ""


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
    (found,) = await ctx.mine("contact_export_shape")
    shape = document(found)
    yield _rows([_header(shape)])
    async for contacts in pages(ctx, option):
        yield _rows([_row(contact, shape) for contact in contacts])


def _header(shape: Mapping[str, int]) -> list[str]:
    head = ["First Name", "Last Name", "Nickname", "Notes", "Labels", "Archived"]
    for n in range(1, shape["email"] + 1):
        head += [f"E-mail {n} - Label", f"E-mail {n} - Value"]
    for n in range(1, shape["mobile"] + 1):
        head += [f"Phone {n} - Label", f"Phone {n} - Value"]
    for n in range(1, shape["address"] + 1):
        head += [f"Address {n} - {part}" for part in ("Label", "Street", "City", "Country")]
    return head


def _row(contact: Contact, shape: Mapping[str, int]) -> list[str]:
    cells = [
        *(contact[key] for key in ("firstname", "lastname", "surname", "comment")),
        "".join(f"{tag} ::: " for tag in contact["tag"]),
        str(contact["archived"]),
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
