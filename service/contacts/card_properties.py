"""Turn a contact into the properties of its card.

A label that is no TYPE is an X-ABLabel, as Apple writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.contacts.card_writing import CardProperty, text_property
from service.contacts.extension import extension_of, extension_text, kind_of, line_breaks, number_of
from service.contacts.vocabulary import (
    CARD_TYPES,
    EXTENSION,
    FILE_LABELS,
    PLACE_LIMITS,
    PRODID,
    card_label,
)

Contact = Mapping[str, Any]


def properties_of_contact(contact: Contact, version: str) -> Iterator[CardProperty]:
    """Yield the properties of a contact for a version of vCard."""
    yield text_property("PRODID", PRODID)
    yield CardProperty("N", [[contact["lastname"]], [contact["firstname"]], [""], [""], [""]])
    yield text_property("FN", contact["display_name"] or contact["display"])
    for name, key in (("NICKNAME", "surname"), ("ORG", "company"), ("TITLE", "job_title")):
        if contact[key]:
            yield text_property(name, contact[key])
    yield from _entries(contact)
    if contact["comment"]:
        yield text_property("NOTE", contact["comment"])
    if contact["tag"]:
        yield CardProperty("CATEGORIES", [contact["tag"]])
    extension = _extension(contact, version)
    if extension:
        yield text_property(EXTENSION.upper(), extension)


def _entries(contact: Contact) -> Iterator[CardProperty]:
    """Yield emails, numbers and addresses; a label that is no TYPE is a property of its own."""
    values = {
        "EMAIL": [("email", e, [[e["email"]]]) for e in contact["email"]],
        "TEL": [("mobile", e, [[number_of(e)]]) for e in contact["mobile"]],
        "ADR": [("address", e, [[""], [""], *([e[p]] for p in PLACE_LIMITS)]) for e in contact["address"]],
    }
    item = 0
    for name, entries in values.items():
        for key, entry, parts in entries:
            params = {"TYPE": types} if (types := _types(key, entry)) else {}
            if entry["is_default"]:
                params["PREF"] = ["1"]
            if _is_type(key, entry):
                yield CardProperty(name, parts, params)
                continue
            item += 1
            yield CardProperty(name, parts, params, f"item{item}")
            yield text_property("X-ABLabel", kind_of(key, entry)["label"], f"item{item}")


def _types(key: str, entry: Contact) -> list[str]:
    """Return the types of an entry."""
    is_work, label = entry["category"] == "prof", kind_of(key, entry)["label"]
    if is_work and key == "mobile" and label == "mobile":
        return ["WORK", "CELL"]
    # The default label of a private entry is none of an entry at work.
    label_type = None if is_work and not label else CARD_TYPES[key].get(label)
    return [*(["WORK"] if is_work else []), *filter(None, [label_type])]


def _is_type(key: str, entry: Contact) -> bool:
    """Return whether the types of an entry say its label."""
    label = kind_of(key, entry)["label"]
    is_cell = key == "mobile" and entry["category"] == "prof" and label == "mobile"
    return is_cell or label in CARD_TYPES[key]


def _extension(contact: Contact, version: str) -> str:
    """Return the extension of a card as JSON, "" for none."""
    imported_kinds = {key: [_imported_kind(key, e) for e in contact[key]] for key in FILE_LABELS}
    extension = extension_of(contact, imported_kinds, "display_name")
    if version != "2.1" and (breaks := line_breaks(contact["comment"])):
        extension["breaks"] = breaks
    return extension_text(extension)


def _imported_kind(key: str, entry: Contact) -> dict[str, Any]:
    """Return category, label and is_default that an import reads from the card."""
    kind = kind_of(key, entry)
    if _is_type(key, entry):
        return kind
    label = card_label(key, kind["label"])
    return {**kind, "label": label, "category": "prof" if label == "work" else kind["category"]}
