"""Turn a contact into the properties of its card.

A text that the card still says stays as it was written. A label that is no TYPE is an X-ABLabel, as
Apple writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from service.contacts.card_overlay import ITEM, NAME_KEYS, StoredCard, extra_property
from service.contacts.card_property import TEXT, CardProperty, text_property
from service.contacts.card_versions import OLD, adapt
from service.contacts.card_writing import content_line
from service.contacts.extension import extension_of, extension_text, kind_of, line_breaks, number_of
from service.contacts.extra import COLUMNS, Extra, derived_extra, entry
from service.contacts.values import Value
from service.contacts.vcards import preference_of
from service.contacts.vocabulary import (
    CARD_TYPES,
    EXTENSION,
    FILE_LABELS,
    PLACE_LIMITS,
    PRODID,
    card_label,
)
from service.contacts.whole_cards import values_in
from service.ids import to_wire

WRITABLE = re.compile(r"[a-z0-9-]+")
"""Keys of `extra` that may be names of properties."""
UNWRITABLE = {name.lower() for name in COLUMNS} - {"email"} | {"department", *NAME_KEYS}
ORDER = {key: index for index, key in enumerate(("n", "fn", "nickname", "org", "title", "role"))}
"""Keys of which a field has the first property: an import finds them before the others."""
NEEDED = {"org": "company", "nickname": "surname", "title": "job_title", "role": "job_title"}
"""Fields without which the first property of a name would be taken for the field."""

Contact = Mapping[str, Any]


def properties_of_contact(contact: Contact, version: str) -> list[CardProperty]:
    """Return the properties of a contact for a version of vCard, or "jCard"."""
    card = CardOf(contact, version)
    properties = list(_labelled_once(card.properties()))
    return _renumbered(properties) if card.has_own_groups else properties


class CardOf:
    """The card of a contact."""

    def __init__(self, contact: Contact, version: str) -> None:
        self._contact = contact
        self._version = version
        self._stored = StoredCard(contact)
        self._extra: Extra = contact.get("extra") or {}
        self._derived = derived_extra(contact["custom_fields"], self._extra)
        self._item = self._stored.free_item()
        self._imported_kinds: dict[str, list[dict[str, Any]]] = {key: [] for key in FILE_LABELS}

    @property
    def has_own_groups(self) -> bool:
        """Whether this service has chosen the groups itemN of the card."""
        return self._stored.has_own_groups

    def properties(self) -> Iterator[CardProperty]:
        """Yield all properties."""
        yield text_property("PRODID", PRODID)
        yield from self._identity()
        yield from self._names()
        yield from self._field("NICKNAME", "surname")
        yield from self._company()
        yield from self._job()
        for name, key in (("EMAIL", "email"), ("TEL", "mobile"), ("ADR", "address")):
            yield from self._entries(name, key)
        if self._contact["comment"]:
            sources = self._stored.take_all("NOTE") if self._stored.says("comment") else []
            yield from sources or [text_property("NOTE", self._contact["comment"])]
        if self._contact["tag"]:
            yield from self._stored.take_tags() or [CardProperty("CATEGORIES", [self._contact["tag"]])]
        if photo := self._contact.get("photo"):
            yield CardProperty("PHOTO", [[photo]], value_type="uri")
        lines = list(self._extras())
        yield from lines
        if extension := self._extension(lines):
            yield text_property(EXTENSION.upper(), extension)

    def _identity(self) -> Iterator[CardProperty]:
        """Yield UID and REV; the contact stands for a card that has no UID of its own."""
        if "id" in self._contact:
            uid = self._stored.uid or f"urn:uuid:{to_wire(self._contact['id'])}"
            yield CardProperty("UID", [[uid]], value_type="uri" if ":" in uid else TEXT)
        if updated_at := self._contact.get("updated_at"):
            yield CardProperty("REV", [[updated_at]], value_type="timestamp")

    def _names(self) -> Iterator[CardProperty]:
        contact = self._contact
        if self._stored.says_name():
            names = self._stored.take_all("N")[:1]
            has_lists = any(len(part) > 1 for name in names for part in name.parts)
            yield from [self._name()] if has_lists and self._version == "2.1" else names or [self._name()]
            yield from self._stored.take_all("FN")[:1] or [text_property("FN", full_name(contact))]
            yield from self._stored.company_marks()
        else:
            yield self._name()
            yield text_property("FN", full_name(contact))

    def _name(self) -> CardProperty:
        lists = [[str(item["value"]) for item in self._extra.get(key, ())] or [""] for key in NAME_KEYS]
        if self._version == "2.1":
            lists = [[" ".join(texts)] for texts in lists]
        return CardProperty("N", [[self._contact["lastname"]], [self._contact["firstname"]], *lists])

    def _field(self, name: str, key: str) -> Iterator[CardProperty]:
        """Yield the property of a field, "" of which has none."""
        if text := self._contact[key]:
            value = self._stored.take(name, lambda value: value.plain == text)
            yield from self._stored.written(value) if value else [text_property(name, text)]

    def _company(self) -> Iterator[CardProperty]:
        if company := self._contact["company"]:
            parts = [company, *(str(e["value"]) for e in self._extra.get("department", ()))]
            value = self._stored.take("ORG", lambda value: _units(value) == parts)
            yield from self._stored.written(value) if value else [CardProperty("ORG", [[p] for p in parts])]

    def _job(self) -> Iterator[CardProperty]:
        """Yield the job title; a card may call it ROLE."""
        text = self._contact["job_title"]
        is_role = text and not self._stored.values.first("TITLE")
        role = self._stored.take("ROLE", lambda value: value.plain == text) if is_role else None
        yield from self._stored.written(role) if role else self._field("TITLE", "job_title")

    def _entries(self, name: str, key: str) -> Iterator[CardProperty]:
        """Yield the entries of a list; a label that is no TYPE is a property of its own."""
        entries: list[Contact] = self._contact[key]
        sources = [self._stored.take_entry(key, e) for e in entries]
        defaults = [e["is_default"] for e in entries]
        keeps_preferences = _defaults(key, entries, sources) == defaults
        for item, value in zip(entries, sources, strict=True):
            if value is None:
                yield from self._entry(name, key, item)
                continue
            self._imported_kinds[key].append(kind_of(key, item))
            first, *more = self._stored.written(value)
            if not keeps_preferences:
                params = {k: v for k, v in first.params.items() if k != "PREF"}
                params |= {"PREF": ["1"]} if item["is_default"] else {}
                first = CardProperty(first.name, first.parts, params, first.group, first.value_type)
            yield first
            yield from more

    def _entry(self, name: str, key: str, item: Contact) -> Iterator[CardProperty]:
        """Yield an entry as this service writes it."""
        types = _types(key, item)
        params = {"TYPE": types if self._version in OLD else [t.lower() for t in types]} if types else {}
        if item["is_default"]:
            params["PREF"] = ["1"]
        self._imported_kinds[key].append(_imported_kind(key, item))
        if _is_type(key, item):
            yield CardProperty(name, _value(key, item), params)
            return
        group = self._next_item()
        yield CardProperty(name, _value(key, item), params, group)
        yield text_property("X-ABLabel", kind_of(key, item)["label"], group)

    def _next_item(self) -> str:
        self._item += 1
        return f"item{self._item}"

    def _extras(self) -> Iterator[CardProperty]:
        """Yield what a card says and no field holds."""
        for key, items in sorted(
            (self._extra | self._derived).items(), key=lambda pair: ORDER.get(pair[0], len(ORDER))
        ):
            if not self._is_writable(key):
                continue
            for item in items:
                value = self._stored.take_extra(key, item)
                if value:
                    yield from self._stored.written(value)
                    continue
                label = item.get("label", "")
                group = self._next_item() if label else ""
                yield extra_property(key, item, group)
                if label:
                    yield text_property("X-ABLabel", label, group)
        yield from self._stored.take_rest()

    def _is_writable(self, key: str) -> bool:
        needed = NEEDED.get(key)
        return (
            bool(WRITABLE.fullmatch(key))
            and key not in UNWRITABLE
            and bool(not needed or self._contact[needed])
        )

    def _extension(self, lines: list[CardProperty]) -> str:
        """Return the extension as JSON, "" for none. `lines`: the properties of `extra`."""
        extension = extension_of(self._contact, self._imported_kinds, "display_name")
        breaks = line_breaks(self._contact["comment"])
        if self._version != "2.1" and breaks:
            extension["breaks"] = breaks
        if aside := self._differing(lines):
            extension["extra"] = aside
        if self._derived:
            extension["derived"] = list(self._derived)
        return extension_text(extension)

    def _differing(self, lines: list[CardProperty]) -> Extra:
        """Return the properties of `extra` that an import would read otherwise, as dates of vCard 4.0."""
        if not self._extra:
            return {}
        read = _read_back(lines, self._version)
        for key in {*NAME_KEYS, "department"} & self._extra.keys():
            has_place = self._contact["company"] if key == "department" else self._has_lists(key)
            read |= {key: self._extra[key]} if has_place else {}
        return {key: items for key, items in self._extra.items() if read.get(key) != items}

    def _has_lists(self, key: str) -> bool:
        """Return whether a part of N can have the texts of a key; vCard 2.1 has no lists."""
        return self._version != "2.1" or len(self._extra[key]) == 1


def _renumbered(properties: list[CardProperty]) -> list[CardProperty]:
    """Return properties whose groups itemN are numbered in their order."""
    groups = list(dict.fromkeys(p.group for p in properties if ITEM.fullmatch(p.group.upper())))
    numbers = {group: f"item{number}" for number, group in enumerate(groups, 1)}
    return [replace(p, group=numbers[p.group]) if p.group in numbers else p for p in properties]


def _labelled_once(properties: Iterable[CardProperty]) -> Iterator[CardProperty]:
    """Yield properties, of which those of a group share one label."""
    labelled: set[str] = set()
    for property_ in properties:
        if property_.name != "X-ABLabel":
            yield property_
        elif property_.group not in labelled:
            labelled.add(property_.group)
            yield property_


def full_name(contact: Contact) -> str:
    """Return what FN says: never the nickname of somebody who has a name."""
    names = f"{contact['firstname']} {contact['lastname']}".strip()
    return str(contact["display_name"] or names or contact["display"])


def _read_back(lines: list[CardProperty], version: str) -> Extra:
    """Return `extra` as an import reads it from these properties."""
    form = "3.0" if version in OLD else "4.0"
    texts = [content_line(adapt(line, version), form) for line in lines]
    values = values_in("\n".join(["BEGIN:VCARD", *texts, "END:VCARD", ""]))
    read: Extra = {}
    for value in values.lines:
        if value.line.name != "X-ABLABEL":
            read.setdefault(value.line.name.lower(), []).append(entry(value, values.labels))
    return read


def _defaults(key: str, entries: list[Contact], sources: list[Value | None]) -> list[int]:
    """Return is_default of each entry as an import reads it when properties stay as they were written."""
    ranks = [
        preference_of(value.line) if value else int(item["is_default"])
        for item, value in zip(entries, sources, strict=True)
    ]
    best = min(filter(None, ranks), default=0)
    flags = [int(0 < rank == best) for rank in ranks]
    if key == "email" and flags:
        flags = [int(index == (flags.index(1) if 1 in flags else 0)) for index in range(len(flags))]
    return flags


def _units(value: Value) -> list[str]:
    """Return an organization and its units."""
    name, *units = (part.strip() for part in value.parts(";"))
    return [name, *filter(None, units)]


def _value(key: str, item: Contact) -> list[list[str]]:
    """Return the value of an entry."""
    match key:
        case "email":
            return [[item["email"]]]
        case "mobile":
            return [[number_of(item)]]
        case _:
            return [[""], [""], *([item[part]] for part in PLACE_LIMITS)]


def _types(key: str, item: Contact) -> list[str]:
    """Return the types of an entry."""
    is_work, label = item["category"] == "prof", kind_of(key, item)["label"]
    if is_work and key == "mobile" and label == "mobile":
        return ["WORK", "CELL"]
    # The default label of a private entry is none of an entry at work.
    label_type = None if is_work and not label else CARD_TYPES[key].get(label)
    return [*(["WORK"] if is_work else []), *filter(None, [label_type])]


def _is_type(key: str, item: Contact) -> bool:
    """Return whether the types of an entry say its label."""
    label = kind_of(key, item)["label"]
    is_cell = key == "mobile" and item["category"] == "prof" and label == "mobile"
    return is_cell or label in CARD_TYPES[key]


def _imported_kind(key: str, item: Contact) -> dict[str, Any]:
    """Return category, label and is_default that an import reads from the card."""
    kind = kind_of(key, item)
    if _is_type(key, item):
        return kind
    label = card_label(key, kind["label"])
    return {**kind, "label": label, "category": "prof" if label == "work" else kind["category"]}
