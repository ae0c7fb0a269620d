"""Compare the card and the picture of a person of a file with those of the contact that stands for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.contacts.extra import is_binary
from service.contacts.known import PersonDifference
from service.contacts.pictures import picture_path
from service.contacts.vocabulary import PRODID
from service.contacts.whole_cards import LIMIT, values_in

OWN = f"\nPRODID:{PRODID}\n"
"""In cards that this service has written: they say no more than the contact."""
FRAME = {"BEGIN", "END", "VERSION", "PRODID", "REV"}
"""Properties that say nothing about a person."""
END = "END:VCARD\n"

Entry = Mapping[str, Any]


def compare_card(diff: PersonDifference, card: Entry, contact: Entry, update: str) -> None:
    """Add to a difference what `update` does to the card and the picture of a contact.

    `card` is one of `Batch.cards`, {} for a person who came in no card. `contact` has avatar_path, and vcard:
    uid and card, or null. The report names the properties that the stored card lacks.
    """
    if card.get("picture"):
        _compare_picture(diff, card, contact, replace=update == "replace")
    text = card.get("card", "")
    if text and OWN not in text:
        _compare_text(diff, card, contact.get("vcard") or {}, replace=update == "replace")


def _compare_picture(diff: PersonDifference, card: Entry, contact: Entry, *, replace: bool) -> None:
    old, new = contact["avatar_path"], picture_path(contact["id"], card["digest"])
    if old == new:
        return
    if old and not replace:
        diff.missing["picture"] = card["type"]
        return
    diff.patch["avatar_path"] = new
    diff.picture = {"type": card["type"], "picture": card["picture"]}
    diff.added["picture"] = card["type"]


def _compare_text(diff: PersonDifference, card: Entry, stored: Entry, *, replace: bool) -> None:
    """Compare two cards. Of a second one, `add` takes what `extra` has no place for, such as a logo."""
    new, old = _lines(card["card"]), _lines(stored.get("card") or "")
    lacking = {line: name for line, name in new.items() if line not in old}
    if not lacking:
        return
    text = card["card"]
    if old and not replace:
        names = set(old.values())
        lacking = {line: name for line, name in lacking.items() if name not in names and _has_bytes(line)}
        text = stored["card"].removesuffix(END) + "".join(f"{line}\n" for line in lacking) + END
    if not lacking:
        return
    if len(text.encode()) > LIMIT:
        diff.missing["card"] = sorted(set(lacking.values()))
        return
    diff.card = {"card": text, **({"uid": card["uid"]} if "uid" in card else {})}
    diff.added["card"] = sorted(set(lacking.values()))


def _lines(text: str) -> dict[str, str]:
    """Return the properties of a card in normal form that say something, and their names."""
    lines = text.split("\n")[1:-2]
    values = values_in(text).lines
    return {
        line: value.line.name
        for line, value in zip(lines, values, strict=True)
        if value.line.name not in FRAME
    }


def _has_bytes(line: str) -> bool:
    return is_binary(values_in(f"BEGIN:VCARD\n{line}\n{END}").lines[0])
