"""Address-book files: upload, export, and a table of any length."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from tests.support.people import Answer, Person, Tab

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
