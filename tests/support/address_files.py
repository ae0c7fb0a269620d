"""Address-book files: upload, export, and a table of any length."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import quote

import orjson

from service.contacts.reader import decoder_of, read
from tests.support.people import Answer, Person, Tab

REV = re.compile(rb'\r\nREV:[^\r]*|,\["rev",[^]]*\]')
HARD_TEXTS = (
    "BEGIN:VCARD\nEND:VCARD\n",
    "x ENCODING=QUOTED-PRINTABLE y=",
    "PHOTO;ENCODING=b:AAAA\nKEY: value\nLOGO:x\nSOUND:y",
    "path C:\\new\\temp, with; all \\n of it",
    "\ufeffBEGIN:VCARD",
    "=0D=0A=",
    "é" * 100 + " BEGIN:VCARD " + "小" * 100,
)
"""Notes that look like lines of a card."""


async def upload(
    person: Person, tab: Tab, filename: str, data: Any, *, to: str = "contact.load", **more: Any
) -> Answer:
    """Send a file as the frontend does (docs/frontend-contract.md#uploads)."""
    parameters = {
        "filename": quote(filename),
        "mimetype": "text/plain",
        "socket_id": tab.id,
        "hub_id": person.uid,
        "nid": "0",
        **more,
    }
    headers = {
        "Content-Type": "application/octet-stream; charset=utf-8",
        "x-param-xia-data": quote(orjson.dumps(parameters).decode()),
    }
    url = person.base / "-/svc" / to
    async with person.http.post(url, data=data, headers=headers) as response:
        return Answer(response.status, orjson.loads(await response.read()), response.headers)


def table(count: int, start: int = 0) -> bytes:
    lines = ["First Name,Last Name,E-mail Address,Mobile Phone,Categories"]
    lines += [f"First{i},Last{i},p{i}@load.example,+33 {i},Big" for i in range(start, start + count)]
    return "\n".join(lines).encode()


async def export(person: Person, **args: Any) -> bytes:
    url = person.base / "-/svc/contact.export_all"
    async with person.http.post(url, json=args) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Disposition"].startswith("attachment")
        return await response.read()


def unrevised(file: bytes) -> bytes:
    """Return a file without the times of the last changes."""
    return REV.sub(b"", file)


def cards_in(data: bytes) -> list[dict[str, Any]]:
    """Return the contacts of a card file as contact_export lists them once they are stored."""
    source = io.BytesIO(data)
    entries = [e for e in read(source, "vcf", decoder_of(source, "vcf")) if "contact" in e]
    return [as_exported(entry, number) for number, entry in enumerate(entries)]


def as_exported(entry: dict[str, Any], number: int) -> dict[str, Any]:
    contact, stored = entry["contact"], entry.get("card") or {}
    names = f"{contact['firstname']} {contact['lastname']}".strip()
    emails = [e["email"] for e in contact["email"]]
    labels = (contact["surname"], contact["display_name"], names, *emails, contact["company"])
    json = {key: orjson.loads(contact.get(key) or "null") for key in ("custom_fields", "extra")}
    return {
        **contact,
        **json,
        "display": next(filter(None, labels), "x"),
        "id": f"{number:016x}",
        "synced_at": contact.get("synced_at", ""),
        **{key: contact.get(key) for key in ("uid", "entity")},
        "vcard": {"uid": stored.get("uid"), "card": stored.get("card")},
    }
