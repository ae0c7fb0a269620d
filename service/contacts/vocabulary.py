"""Labels, types and limits shared by the vCard and CSV formats.

Lists of a contact are called by their keys: email, mobile, address.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import phonenumbers

from service.contacts.addresses import without_marks

CARD_LIMIT = 1_000_000
"""Characters of a cell; a card without its pictures may have four times as many bytes."""
EXTENSION = "x-drumee"
"""Property of a card, and column of a table, with the data that the formats have no place for."""
PRODID = "-//Drumee//Contacts//EN"
"""PRODID of the cards that this service writes."""
LOCAL_SOURCE = "local"
"""Source of contacts that users typed; files of this service leave it out."""
FILE_LABELS = {
    "email": {"Home": "", "Other": "other"},
    "mobile": {
        "Mobile": "",
        "Home": "home",
        "Other": "other",
        "Main": "main",
        "Fax": "fax",
        "Pager": "pager",
    },
    "address": {"Home": "", "Other": "other"},
}
"""The stored label for each label of a file; "" is the default label of a private entry."""
CARD_TYPES = {
    "email": {"": "HOME"},
    "mobile": {"": "CELL", "fax": "FAX", "pager": "PAGER", "home": "HOME"},
    "address": {"": "HOME"},
}
"""The vCard TYPE for each stored label; of several in a card, the first one here counts."""
APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")
"""Apple writes its predefined labels in this form."""
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
CONTROL_BUT_LAYOUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
ENTITY = re.compile(r"[0-9a-f]{16}")
MACHINE = re.compile(r"^(?:Work|Home) (Fax|Pager)$", re.IGNORECASE)
"""Labels of Google that name the place of a machine as well."""
WORK_MOBILE = "Work Mobile"
"""The mobile phone of an office; another label of an entry at work is not the default one."""
AREACODE = re.compile(r"(\+\d{1,4})[ .-]+(.+)")
DIALLED = re.compile(r"\+?[0-9 \xa0()./-]+", re.ASCII)
"""A number without words or an extension: only its digits are dialled."""
SEPARATORS = re.compile(r"[^0-9]")
PLACE_LIMITS = {"street": 255, "city": 255, "state": 255, "postal_code": 32, "country": 255}
"""Parts of an address, and the characters of each."""
AFTER_COMMA = {
    *("inc", "ltd", "llc", "gmbh", "ag", "kg", "co", "corp", "sa", "bv", "plc"),
    *("jr", "sr", "phd", "md", "esq"),
}
"""Words that follow a comma in a name without being a first name."""
KIND_KEYS = {"category", "is_default", "label"}
EXTENSION_KEYS = (
    *("uid", "entity", "group", "tag", "archived", "areacode", "book", "display_name", "kind"),
    *(
        "custom_fields",
        "avatar_path",
        "source",
        "source_id",
        "synced_at",
        "cells",
        "breaks",
        "extra",
        "derived",
    ),
)

Contact = dict[str, Any]


class UnreadableError(ValueError):
    """A contact cannot be read; the message says why."""


def parse_extension(text: str) -> Contact:
    """Return the known keys of the JSON in an extension; {} when there is none."""
    try:
        extension = orjson.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(extension, dict):
        return {}
    return {key: extension[key] for key in EXTENSION_KEYS if key in extension}


def merge_extension(contact: Contact, extension: Contact) -> Contact:
    """Return a contact with the data of its extension.

    The key `kind` has category, label and is_default for each entry of a list. It applies to lists of equal
    length only: somebody may have edited the file.
    """
    kinds = extension.pop("kind", None)
    for key in FILE_LABELS:
        entry_kinds = kinds.get(key) if isinstance(kinds, dict) else None
        if isinstance(entry_kinds, list) and len(entry_kinds) == len(contact[key]):
            contact[key] = [
                {**entry, **kind} if isinstance(kind, dict) and not kind.keys() - KIND_KEYS else entry
                for entry, kind in zip(contact[key], entry_kinds, strict=True)
            ]
    return {**contact, **extension}


def card_label(key: str, text: str) -> str:
    """Return the stored label for an X-ABLabel."""
    apple = APPLE_LABEL.fullmatch(text)
    return FILE_LABELS[key].get(apple[1], apple[1].lower()) if apple else text


def cell_kind(key: str, text: str) -> dict[str, Any]:
    """Return category, label and is_default from a label cell."""
    preferred, label = text.startswith("*"), text.removeprefix("*").strip()
    work = re.search(r"work|business|prof|bureau", label.lower())
    if key == "mobile":
        label = MACHINE.sub(r"\1", label)
    stored = "mobile" if label == WORK_MOBILE else FILE_LABELS[key].get(label, label)
    return {
        "category": "prof" if work else "priv",
        "label": "" if label == "Work" else stored,
        "is_default": int(preferred),
    }


def split_name(full_name: str) -> tuple[str, str]:
    """Return first and last name of a name without parts; of `Doe, John` too."""
    last, comma, first = full_name.partition(",")
    if comma and "," not in first and first.strip().rstrip(".").lower() not in AFTER_COMMA:
        return first.strip(), last.strip()
    first, *rest = full_name.split(maxsplit=1) or [""]
    return first, "".join(rest).strip()


def split_numbers(texts: list[str], extension: Contact) -> list[dict[str, str]]:
    """Return areacode and phone of each number.

    The key `areacode` of an extension has the length of each area code, where a number alone does not tell.
    """
    lengths = extension.get("areacode")
    if not isinstance(lengths, list) or [type(length) for length in lengths] != [int] * len(texts):
        return [split_number(text) for text in texts]
    return [
        {"areacode": text[:length], "phone": text[length:].strip()}
        for text, length in zip(texts, lengths, strict=True)
    ]


def split_number(text: str) -> dict[str, str]:
    """Return areacode and phone as the form of the Drumee frontend takes them.

    It refuses a number with blanks, and wants `+` and a country code as the area code. A number that is not
    international has none. Numbers with words or extensions stay as they are written.
    """
    text = without_marks(text).replace("\u202f", " ").strip().removeprefix("tel:")
    if DIALLED.fullmatch(text):
        return _international(text) or {"areacode": "", "phone": _digits(text)}
    parts = AREACODE.fullmatch(text)
    return {"areacode": parts[1], "phone": parts[2]} if parts else {"areacode": "", "phone": text}


def _international(text: str) -> dict[str, str] | None:
    """Return country code and national number; None for a number of no country."""
    if not text.startswith("+"):
        return None
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    national = phonenumbers.national_significant_number(number)
    return {"areacode": f"+{number.country_code}", "phone": national}


def _digits(text: str) -> str:
    """Return the digits of a number, after a `+` if it begins with one; the text when it has no digit."""
    digits = SEPARATORS.sub("", text)
    return f"+{digits}" if digits and text.startswith("+") else digits or text
