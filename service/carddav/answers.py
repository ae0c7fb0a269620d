"""The texts of cards as clients get them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from service.contacts.exporting import group_vcard, photo_of, vcard
from service.runtime.context import Context
from service.store.database import ResultSet, document

DEFAULT_VERSION = "3.0"
UNCLEAN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]",
)
"""Characters that XML, or a vCard, cannot have: one of them would stop a whole synchronisation."""


@dataclass(frozen=True)
class Member:
    """A card without its text."""

    name: str
    etag: str
    """Quoted, strong."""


@dataclass(frozen=True)
class CardText(Member):
    """A card."""

    text: bytes


async def card_texts(ctx: Context, card_rows: ResultSet, version: str | None) -> list[CardText]:
    """Return cards from rows (name, etag, sent, data) of my_cards: as they were sent, or written anew."""
    contacts: dict[str, Any] = {}
    for name, _, sent, data in card_rows:
        if sent is None:
            contact = contacts[name] = document([(data,)])
            if contact.get("picture"):
                contact["photo"] = await photo_of(ctx, contact["id"])
    written = await asyncio.to_thread(_write_all, contacts, version or DEFAULT_VERSION)
    return [
        CardText(name, f'"{etag}"', bytes(sent) if sent is not None else written[name])
        for name, etag, sent, _ in card_rows
    ]


def _write_all(contacts: dict[str, Any], version: str) -> dict[str, bytes]:
    """Return the texts of contacts and groups by the names of their cards. One takes half a millisecond."""
    return {name: UNCLEAN.sub("", _write(contact, version)).encode() for name, contact in contacts.items()}


def _write(contact: dict[str, Any], version: str) -> str:
    """Return the text of a contact, without its groups, which have cards of their own; or of a group."""
    if "group_id" in contact:
        return group_vcard(contact, version)
    return vcard({**contact, "group": []}, version)
