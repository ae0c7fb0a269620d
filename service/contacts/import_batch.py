"""The contacts of an import that wait for the next transaction."""

from __future__ import annotations

import secrets
from typing import Any

from service.contacts.names import name_words, names_agree
from service.contacts.pictures import picture_path
from service.contacts.search_words import Words

Contact = dict[str, Any]

BATCH = 200
"""Contacts of one transaction. It takes a tenth of a second, for which other changes of the owner wait."""
BATCH_BYTES = 2_000_000
"""Of their cards, pictures and texts, and of what is rejected."""
NO_EMAIL = "no email address"
PLACE = {"id", "line", "position", "avatar_path", "has_words"}
"""Keys of a contact of the batch that do not come from its text."""


class Batch:
    """Contacts that are not stored yet, and entries of the report that are not written yet."""

    def __init__(self, total: int = 0) -> None:
        self.total = total
        """Contacts of the whole import so far."""
        self.contacts: dict[str, Contact] = {}
        """Contacts to store, by id; `line` and `position` say where they stand in the file."""
        self.entries: list[dict[str, Any]] = []
        self.cards: dict[str, dict[str, Any]] = {}
        """The cards of these contacts, by id, as `my_contact_import_cards` takes them."""
        self.words: list[tuple[str, Words]] = []
        """Ids of contacts whose words are known, with these, as `my_contact_import_words` takes them."""
        self._sources: dict[str, str] = {}
        """Texts of contacts that may have to be rejected, by id."""
        self._losses: dict[str, list[str]] = {}
        """Why something of a contact is not stored, by its id."""
        self._by_address: dict[str, list[tuple[frozenset[str], str]]] = {}
        """Names (`name_words`) and ids of contacts, by email address."""
        self._later: list[tuple[Contact, dict[str, Any]]] = []
        """Contacts that are in the batch already: they are compared with it when it is stored."""
        self._size = 0

    def add(self, entry: dict[str, Any]) -> None:
        """Add the contact of an entry of the reader, or its rejection."""
        place, contact = self.place(entry["line"]), entry.get("contact")
        if contact is None:
            self.reject(place, entry["name"], entry["error"], entry.get("source"))
        elif not contact["email"] and not contact.keys() & {"uid", "entity"}:
            self.reject(place, name_of(contact), NO_EMAIL, entry.get("source"))
        else:
            self._put(contact | place, entry)

    def place(self, line: int) -> dict[str, int]:
        """Count a contact that begins in a line; return where it stands in the file."""
        self.total += 1
        return {"line": line, "position": self.total}

    @property
    def is_full(self) -> bool:
        """Whether it is time to store the batch, maybe several times: each stores one contact or more."""
        waiting = len(self.contacts) + len(self.entries) + len(self._later)
        return waiting >= BATCH or self._size >= BATCH_BYTES

    def __bool__(self) -> bool:
        return bool(self.contacts or self.entries)

    def rejection(self, contact_id: str) -> dict[str, Any]:
        """Return the entry of a contact that has neither an address nor an account after all."""
        contact = self.contacts[contact_id]
        return _entry(contact, "rejected", name_of(contact), NO_EMAIL) | {
            "source": self._sources.get(contact_id)
        }

    def losses(self, left_out: set[str]) -> list[dict[str, Any]]:
        """Return entries of contacts that lost something. `left_out`: ids of those that are not loaded."""
        return [
            incomplete(self.contacts[contact_id], _name_or_address(self.contacts[contact_id]), losses)
            for contact_id, losses in self._losses.items()
            if contact_id not in left_out
        ]

    def known(self, contact_id: str, outcome: str, reason: str) -> dict[str, Any]:
        """Return the entry of a contact that was known."""
        contact = self.contacts[contact_id]
        return _entry(contact, outcome, _name_or_address(contact), reason)

    def next(self) -> Batch:
        """Return the batch that follows this one; it begins with the contacts that wait for this one."""
        following = Batch(self.total)
        for contact, entry in self._later:
            following._put(contact, entry)
        return following

    def reject(self, place: dict[str, int], name: str, reason: str, source: str | None) -> None:
        """Add the entry of what is no contact."""
        self.entries.append(_entry(place, "rejected", name, reason) | {"source": source})
        self._size += len(source or "")

    def _put(self, contact: Contact, entry: dict[str, Any]) -> None:
        addresses, words = [entry["email"] for entry in contact["email"]], name_words(contact)
        twin = self._twin(addresses, words)
        if twin is not None:
            if _content(contact) == _content(self.contacts[twin]):
                self.entries.append(_entry(contact, "known", _name_or_address(contact), "twice in the file"))
            else:
                self._later.append((contact, entry))
                self._size += _size_of(entry)
            return
        contact_id = secrets.token_hex(8)
        # First what all statements read: SQL reads an object from its start to the key.
        self.contacts[contact_id] = {"id": contact_id, **contact}
        if "words" in entry:
            self.contacts[contact_id]["has_words"] = 1
            self.words.append((contact_id, entry["words"]))
        for address in addresses:
            self._by_address.setdefault(address, []).append((words, contact_id))
        if "source" in entry:
            self._sources[contact_id] = entry["source"]
        if losses := entry.get("losses"):
            self._losses[contact_id] = losses
        self._add_card(contact_id, entry.get("card", {}))
        self._size += _size_of(entry)

    def _add_card(self, contact_id: str, card: dict[str, Any]) -> None:
        """Add the card and the picture of a contact to the batch."""
        card = dict(card)
        if digest := card.get("digest"):
            self.contacts[contact_id]["avatar_path"] = picture_path(contact_id, digest)
        if card:
            self.cards[contact_id] = {"id": contact_id, **card}

    def _twin(self, addresses: list[str], words: frozenset[str]) -> str | None:
        """Return the id of a contact of the batch with one of the addresses and this name."""
        others = (other for address in addresses for other in self._by_address.get(address, []))
        return next((contact_id for name, contact_id in others if names_agree(words, name)), None)


def name_of(contact: Contact) -> str:
    """Return how the report calls a contact."""
    name = f"{contact.get('firstname', '')} {contact.get('lastname', '')}".strip()
    called: str = (
        contact.get("display_name") or name or contact.get("surname") or contact.get("company") or ""
    )
    return called


def incomplete(place: Contact, name: str, losses: list[str]) -> dict[str, Any]:
    """Return the entry of a contact or a group that is stored, but for what `losses` names."""
    return _entry(place, "incomplete", name, "") | {"changes": {"losses": losses}}


def _name_or_address(contact: Contact) -> str:
    return name_of(contact) or str(contact.get("default", ""))


def _size_of(entry: dict[str, Any]) -> int:
    """Return the characters of an entry that may be many: of its card, its picture and its text."""
    card = entry.get("card", {})
    return len(card.get("card", "")) + len(card.get("picture", "")) + len(entry.get("source", ""))


def _content(contact: Contact) -> Contact:
    return {key: value for key, value in contact.items() if key not in PLACE}


def _entry(place: Contact, outcome: str, name: str, reason: str) -> dict[str, Any]:
    texts = {"outcome": outcome, "name": name[:255], "reason": reason[:255]}
    return {"position": place["position"], "line": place["line"], **texts}
