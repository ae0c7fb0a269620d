"""Bring imported contacts within the limits of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from service.contacts.addresses import addresses_in
from service.contacts.extra import is_storable
from service.contacts.vocabulary import CONTROL, CONTROL_BUT_LAYOUT, ENTITY, PLACE_LIMITS, Contact
from service.ids import ID
from service.web.trees import tree_flaw

ENTRIES = 100
"""Emails, phones or addresses of one contact."""
NAMES = 1_000
"""Tags, or groups, of one contact."""
BOOK_NAMES = 10_000
"""Tags, or groups, of an address book."""
LIMITS = {
    "firstname": 255,
    "lastname": 255,
    "surname": 255,
    "display_name": 255,
    "company": 255,
    "job_title": 255,
    "avatar_path": 1024,
    "source": 32,
    "source_id": 255,
}
"""Texts of one line, and the characters of each."""
CUSTOM_LIMIT = 65_535
"""Bytes of custom_fields, as in the API."""
LAYOUT_LIMIT = 16_383
"""Characters of a text of several lines, as in the APIs."""


def clean(contact: Mapping[str, Any]) -> Contact:
    """Return a contact that can be stored: valid addresses, one of them the default; limited texts."""
    emails = _emails(contact)
    default = next((e["email"] for e in emails if e["is_default"]), "")
    phones = [{**_kind(p), **_phone(p)} for p in _entries(contact, "mobile")]
    addresses = [
        {**_kind(a), **{key: line(a.get(key), limit) for key, limit in PLACE_LIMITS.items()}}
        for a in _entries(contact, "address")
    ]
    custom, entity = contact.get("custom_fields"), str(contact.get("entity") or "")
    extra = contact.get("extra")
    synced_at, uid = _timestamp(contact.get("synced_at")), line(contact.get("uid"), 64)
    return {
        **{key: line(contact.get(key), limit) for key, limit in LIMITS.items()},
        "comment": layout(contact.get("comment")),
        "email": emails[:ENTRIES],
        "mobile": [p for p in phones if p["phone"]][:ENTRIES],
        "address": [a for a in addresses if any(a[key] for key in PLACE_LIMITS)][:ENTRIES],
        "tag": _names(contact, "tag"),
        "group": _names(contact, "group"),
        "archived": int(contact.get("archived") in {1, "1"}),
        # An absent key is NULL in SQL.
        **({"default": default} if default else {}),
        **({"custom_fields": orjson.dumps(custom).decode()} if is_custom(custom) else {}),
        **({"extra": orjson.dumps(extra).decode()} if extra and is_storable(extra) else {}),
        **({"synced_at": synced_at} if synced_at else {}),
        **({"entity": entity} if ENTITY.fullmatch(entity) else {}),
        **({"uid": uid} if ID.fullmatch(uid) else {}),
    }


def is_custom(value: Any) -> bool:
    """Return whether a value can be stored as custom_fields: the rules are those of the API."""
    return isinstance(value, dict) and not tree_flaw(value) and len(orjson.dumps(value)) <= CUSTOM_LIMIT


def _emails(contact: Mapping[str, Any]) -> list[Contact]:
    """Return the valid addresses, each once; the first default, else the first address, is the default."""
    emails: dict[str, Contact] = {}
    for entry in _entries(contact, "email"):
        for address in addresses_in(str(entry.get("email") or "")):
            if len(address) <= 255:
                emails.setdefault(address, {**_kind(entry), "email": address})
    default = next((e for e in emails.values() if e["is_default"]), next(iter(emails.values()), None))
    for entry in emails.values():
        entry["is_default"] = int(entry is default)
    return list(emails.values())


def clean_book(book: Any) -> Contact:
    """Return the tags and groups of an address book as they can be stored; parents come before children."""
    if not isinstance(book, Mapping):
        return {"tag": [], "group": []}
    parents = {
        line(t.get("name"), 255): line(t.get("parent"), 255) for t in _entries(book, "tag")[:BOOK_NAMES]
    }
    positions = {name: position for position, name in enumerate(filter(None, parents), 1)}
    return {
        "tag": [
            {"name": name, "position": positions[name], **({"parent": parent} if parent else {})}
            for name, parent in _parents_first(parents, positions).items()
        ],
        "group": [
            {"name": name, "comment": layout(g.get("comment"))}
            for g in _entries(book, "group")[:BOOK_NAMES]
            if (name := line(g.get("name"), 255))
        ],
    }


def _parents_first(parents: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the parent of each name, "" at the top; parents come before their children."""
    names = list(names)
    known = set(names)
    children: dict[str, list[str]] = {}
    for name in names:
        children.setdefault(parents[name] if parents[name] in known else "", []).append(name)
    ordered: dict[str, str] = {}
    pending = [("", name) for name in children.get("", ())]
    while pending:
        parent, name = pending.pop()
        ordered[name] = parent
        pending += [(name, child) for child in children.get(name, ())]
    # Tags in a circle are below no other tag: put them at the top.
    return ordered | {name: "" for name in names if name not in ordered}


def _entries(contact: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the objects in a list of a contact; [] when there is no list."""
    entries = contact.get(key)
    return [e for e in entries if isinstance(e, Mapping)] if isinstance(entries, list) else []


def _phone(entry: Mapping[str, Any]) -> Contact:
    """Return areacode and phone, with the space between them at most 81 characters, as in the REST API."""
    areacode = line(entry.get("areacode"), 16)
    if areacode == "+":
        areacode = ""
    return {"areacode": areacode, "phone": line(entry.get("phone"), 80 - len(areacode) if areacode else 81)}


def _names(contact: Mapping[str, Any], key: str) -> list[str]:
    """Return the names in a list of a contact, each once."""
    names = contact.get(key)
    lines = [line(name, 255) for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return list(dict.fromkeys(filter(None, lines)))[:NAMES]


def _kind(entry: Mapping[str, Any]) -> Contact:
    """Return category, is_default and label of an entry."""
    category = "prof" if entry.get("category") == "prof" else "priv"
    default = int(str(entry.get("is_default") or 0) == "1")
    return {"category": category, "is_default": default, "label": line(entry.get("label"), 32)}


def _timestamp(value: Any) -> str:
    """Return an ISO 8601 time as SQL writes it, in UTC with milliseconds; "" for anything else."""
    try:
        moment = datetime.fromisoformat(str(value or ""))
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return ""
    return moment.isoformat(" ", "milliseconds")


def line(value: Any, limit: int) -> str:
    """Return a text of one line, without control characters."""
    return CONTROL.sub(" ", str(value or "")).strip()[:limit]


def layout(value: Any) -> str:
    """Return a text of several lines, without other control characters."""
    return CONTROL_BUT_LAYOUT.sub("", str(value or ""))[:LAYOUT_LIMIT].strip()
