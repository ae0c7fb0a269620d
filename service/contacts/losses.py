"""Say what of a contact is not stored: texts that are cut, and entries beyond the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.contacts.cleaning import ENTRIES, LAYOUT_LIMIT, LIMITS, NAMES
from service.contacts.vocabulary import Contact

FIELDS = {
    **{"firstname": "first_name", "lastname": "last_name", "surname": "nickname", "comment": "notes"},
    **{"email": "emails", "mobile": "phones", "address": "addresses", "tag": "tags", "group": "groups"},
}
"""The name of a field in the answers, where it is another one."""
LIST_LIMITS = {"email": ENTRIES, "mobile": ENTRIES, "address": ENTRIES, "tag": NAMES, "group": NAMES}


def losses_of(contact: Mapping[str, Any], cleaned: Contact) -> list[str]:
    """Return why something of a contact is not as in the file. `cleaned` is what is stored."""
    return list(_losses(contact, cleaned))


def _losses(contact: Mapping[str, Any], cleaned: Contact) -> Iterator[str]:
    yield from contact.get("losses", ())
    for key, limit in (*LIMITS.items(), ("comment", LAYOUT_LIMIT)):
        text = contact.get(key)
        if text and len(str(text)) > limit and len(str(text).strip()) > limit <= len(cleaned[key]) + 1:
            yield f"{FIELDS.get(key, key)} is cut to {limit} characters"
    if contact.get("custom_fields") and "custom_fields" not in cleaned:
        yield "custom_fields: no object that can be stored"
    if contact.get("extra") and "extra" not in cleaned:
        yield "extra: no object that can be stored"
    for key, limit in LIST_LIMITS.items():
        entries = contact.get(key)
        if isinstance(entries, list) and len(entries) > limit:
            yield f"{FIELDS[key]}: only {limit} are kept"
