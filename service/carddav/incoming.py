"""Read a card that a client sends: its contact, and what of it is stored beside the contact."""

from __future__ import annotations

import asyncio
import base64
import io
import unicodedata
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.carddav.answers import UNCLEAN
from service.carddav.groups import read_group
from service.carddav.photos import may_shrink, with_photo_in_one_line, with_small_photo
from service.contacts.addresses import addresses_in
from service.contacts.card_lines import cut_cards
from service.contacts.cleaning import clean
from service.contacts.encodings import lines_of
from service.contacts.extra import entry, limited
from service.contacts.reader import decoder_of
from service.contacts.values import Value, Values, values_of
from service.contacts.vcards import parse_card
from service.contacts.whole_cards import UID_LIMIT, Picture, card_text, picture_of

MAX_BYTES = 10_000_000
"""Of the body of a PUT: a picture of 12 megapixels in base64."""
KEPT_BYTES = 1_500_000
"""Of a card that is kept byte for byte."""
TEXT_BYTES = 1_000_000
"""Of a card without its pictures."""
DECODERS = asyncio.Semaphore(1)
"""Large pictures that are made small at once: each takes up to a hundred megabytes."""
VERSIONS = {"3.0", "4.0"}
TEXTS = ("firstname", "lastname", "surname", "display_name", "company", "job_title", "comment")
IGNORABLE = {"Mn", "Me", "Cc", "Cf", "Cn", "Zs", "Zl", "Zp"}
"""Categories of combining, control and format characters, and of blanks."""
NAMES = ("display_name", "firstname", "lastname")


class NoCard(Exception):
    """A body is no vCard, or there is no card of this name."""


class TooLarge(Exception):
    """A card has more than MAX_BYTES bytes, or more than TEXT_BYTES without its pictures."""


@dataclass
class Incoming:
    """A card that was sent."""

    contact: dict[str, Any]
    """Its contact, as service/contacts/cleaning.py returns it; empty for a group."""
    card: dict[str, Any]
    """As my_card_put takes it."""
    picture: Picture | None
    emails: list[Value] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    group: dict[str, Any] | None = None
    """Name, comment and member of a group; None: the card is that of a person."""

    @property
    def is_kept(self) -> bool:
        """Whether its bytes are stored."""
        return "sent" in self.card

    @property
    def addresses(self) -> list[str]:
        """The email addresses of the contact, the default one first."""
        emails = sorted(self.contact.get("email", ()), key=lambda item: -int(item["is_default"]))
        return [item["email"] for item in emails]

    def fields(self, refused: Iterable[str] = ()) -> dict[str, Any]:
        """Return the contact as contact_write takes it; every field is replaced.

        `refused`: addresses that the contact cannot have. They stay in `extra`, so that the card keeps them.
        """
        aside = set(refused)
        extra = orjson.loads(self.contact.get("extra") or "{}")
        values = [v for v in self.emails if aside.intersection(addresses_in(v.plain))]
        if values:
            extra["email"] = [*extra.get("email", ()), *(entry(v, self.labels) for v in values)]
            extra, _ = limited(extra)
        emails = [dict(item) for item in self.contact["email"] if item["email"] not in aside]
        if emails and not any(item["is_default"] for item in emails):
            emails[0]["is_default"] = 1
        texts = {key: self.contact[key] for key in TEXTS}
        if not any(map(_is_visible, (texts[key] for key in NAMES))):
            texts["display_name"] = self._substitute_name()
        custom = self.contact.get("custom_fields")
        return {
            "from_api": 1,
            "keeps_person": 1,
            **texts,
            "email": emails,
            "mobile": self.contact["mobile"],
            "address": self.contact["address"],
            "tags": self.contact["tag"],
            "extra": extra or None,
            **({"custom_fields": orjson.loads(custom)} if custom else {}),
        }

    def group_fields(self) -> dict[str, Any]:
        """Return the group, as my_card_group_put takes it."""
        group = self.group or {}
        name = group["name"] if _is_visible(group["name"]) else self.card.get("uid", "?")
        return {**group, **self.card, "name": name}

    def _substitute_name(self) -> str:
        """Return a name for a contact without one, which the store needs and the card does not."""
        numbers = (f"{item['areacode']} {item['phone']}".strip() for item in self.contact["mobile"])
        candidates = (self.contact["company"], self.contact["surname"], *self.addresses, *numbers)
        return next(filter(None, candidates), self.card.get("uid") or "?")[:255]


async def read_card(body: bytes) -> Incoming:
    """Return the one card of a body. Raise NoCard or TooLarge."""
    if len(body) > MAX_BYTES:
        raise TooLarge
    async with DECODERS if may_shrink(body) else nullcontext():
        return await asyncio.to_thread(_read, body)


def _read(body: bytes) -> Incoming:
    small = with_small_photo(body)
    text = with_photo_in_one_line(small)
    cards = list(cut_cards(lines_of(io.BytesIO(text))))
    if len(cards) != 1:
        raise NoCard
    values = values_of(cards[0], decoder_of(io.BytesIO(text), "vcf"))
    picture, _ = picture_of(values)
    stored = _stored(values, body if small is body else None, picture)
    if group := read_group(values):
        return Incoming({}, stored, None, group=group)
    return Incoming(
        clean(parse_card(values)),
        stored,
        picture,
        values.all("EMAIL"),
        values.labels,
    )


def _stored(values: Values, body: bytes | None, picture: Picture | None) -> dict[str, Any]:
    """Return what is stored of a card. `body`: None when a picture in it was made smaller. Raise TooLarge."""
    uid, version, text = values.first("UID"), values.first("VERSION"), card_text(values.lines)
    if len(text.encode()) > TEXT_BYTES:
        raise TooLarge
    is_kept = (
        body is not None
        and len(body) <= KEPT_BYTES
        and version in VERSIONS
        and (picture is not None or not any(v.text for v in values.all("PHOTO") if v.line.is_bytes))
        and _is_clean(body)
    )
    return {
        "card": text,
        "version": version[:8],
        **({"uid": uid} if 0 < len(uid) <= UID_LIMIT else {}),
        **({"sent": base64.b64encode(body).decode()} if body is not None and is_kept else {}),
    }


def _is_visible(text: str) -> bool:
    """Return whether a text has a character that SQL does not ignore when it compares the text with ''."""
    return any(unicodedata.category(character) not in IGNORABLE for character in text)


def _is_clean(body: bytes) -> bool:
    """Return whether a body is UTF-8 that any client can read."""
    try:
        return not UNCLEAN.search(body.decode())
    except UnicodeDecodeError:
        return False
