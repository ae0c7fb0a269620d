"""Compare a person of a file with the contact that stands for them already.

Both are dictionaries: the person as `service/contacts/cleaning.py` returns them, the contact as the routine
my_contact_import_known does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from service.contacts.extension import number_of
from service.contacts.vocabulary import PLACE_LIMITS, SEPARATORS
from service.live.phone_numbers import international

UPDATES = ("add", "replace", "skip")
TEXTS = {
    "firstname": "firstname",
    "lastname": "lastname",
    "surname": "given_surname",
    "display_name": "display_name",
    "company": "company",
    "job_title": "job_title",
    "comment": "comment",
}
"""Fields of a person, and of a contact."""
KIND = ("category", "is_default")

Entry = Mapping[str, Any]
Person = Mapping[str, Any]


def address_key(entry: Entry) -> str:
    """Return what tells two email addresses apart."""
    return str(entry["email"])


def number_key(entry: Entry, region: str) -> str:
    """Return a number in international form, as duplicates compare it.

    Of one that cannot be dialled from abroad the digits; the text of one without digits.
    """
    text = number_of(entry)
    return international(text, region) or SEPARATORS.sub("", text) or text


def place_key(entry: Entry) -> str:
    """Return the parts of a postal address without case and blanks."""
    return "\n".join("".join(str(entry.get(part) or "").casefold().split()) for part in PLACE_LIMITS)


def _place(entry: Entry) -> str:
    return ", ".join(filter(None, (str(entry.get(part) or "") for part in PLACE_LIMITS)))


LISTS: dict[str, tuple[tuple[str, ...], Callable[[Entry], str]]] = {
    "email": (("email",), address_key),
    "mobile": (("areacode", "phone"), number_of),
    "address": (tuple(PLACE_LIMITS), _place),
}
"""For each list: the columns of an entry, and how a report calls it."""
SEVERAL = {
    *("url", "impp", "related", "email", "org", "title", "role", "nickname", "lang", "tz", "geo"),
    *("hobby", "interest", "expertise", "x-socialprofile", "x-abrelatednames", "x-abdate"),
    *("x-aim", "x-icq", "x-jabber", "x-msn", "x-skype", "x-skype-username", "x-yahoo", "x-gtalk", "x-qq"),
}
"""Keys of `extra` of which a person may have several: a second birthday would be wrong."""


@dataclass
class PersonDifference:
    """What a person of a file has and the contact has not."""

    patch: dict[str, Any] = field(default_factory=dict)
    """Changes as my_contact_patch takes them."""
    groups: list[str] = field(default_factory=list)
    """Names of groups that the contact comes into."""
    added: dict[str, Any] = field(default_factory=dict)
    """What the contact gets, by field, for people to read."""
    missing: dict[str, Any] = field(default_factory=dict)
    """What it does not get."""
    card: dict[str, Any] = field(default_factory=dict)
    """The card to store: card, and perhaps uid."""
    picture: dict[str, str] = field(default_factory=dict)
    """The picture to store: type, and picture in base64. `patch` has its path."""

    def __bool__(self) -> bool:
        return bool(self.patch or self.groups or self.card)

    def refused(self) -> dict[str, Any]:
        """Return what the contact lacks when nothing of it is written."""
        return {**self.missing, **self.added}


def difference(person: Person, contact: Entry, update: str, region: str) -> PersonDifference:
    """Return what `update`, add or replace, does to a contact. Of skip: the same as add.

    `region` is the country of numbers without a country code. Cards: see `known_cards.py`.
    """
    diff = PersonDifference()
    _compare_texts(diff, person, contact, replace=update == "replace")
    keys: dict[str, Callable[[Entry], str]] = {
        "email": address_key,
        "mobile": partial(number_key, region=region),
        "address": place_key,
    }
    for key, key_of in keys.items():
        lists = (person.get(key) or [], contact[key])
        _compare_list(diff, key, key_of, *lists, replace=update == "replace")
    _compare_custom(diff, person, contact, replace=update == "replace")
    _compare_extra(diff, person, contact, replace=update == "replace")
    tags = [tag["name"] for tag in contact["tag"]]
    if new_tags := _without(person.get("tag", ()), tags):
        diff.patch["tags"] = tags + new_tags
        diff.added["tag"] = new_tags
    if new_groups := _without(person.get("group", ()), contact.get("group") or ()):
        diff.groups = diff.added["group"] = new_groups
    return diff


def _without(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names that are not known yet. Case tells no names of groups apart, and hardly any tags."""
    seen = {name.casefold() for name in known}
    return [name for name in names if name.casefold() not in seen]


def _compare_texts(diff: PersonDifference, person: Person, contact: Entry, *, replace: bool) -> None:
    for key, column in TEXTS.items():
        new, old = person.get(key) or "", contact.get(column) or ""
        if not new or new == old:
            continue
        if replace or not old:
            diff.patch[key] = diff.added[key] = new
        else:
            diff.missing[key] = new


def _compare_list(
    diff: PersonDifference,
    key: str,
    key_of: Callable[[Entry], str],
    entries: list[Any],
    stored: list[Any],
    *,
    replace: bool,
) -> None:
    """Add the entries that a contact lacks; `replace`: and take away those that the file does not have."""
    columns, text_of = LISTS[key]
    known = {key_of(entry) for entry in stored}
    new = list({key_of(entry): entry for entry in entries if key_of(entry) not in known}.values())
    # A label that the file leaves out stays.
    remaining = [{column: entry[column] for column in (*columns, *KIND)} for entry in stored]
    if replace and entries:
        file_keys = {key_of(entry) for entry in entries}
        remaining = [e for e in remaining if key_of(e) in file_keys or (key == "email" and e["is_default"])]
    if not new and len(remaining) == len(stored):
        return
    has_default = any(entry["is_default"] for entry in remaining)
    diff.patch[key] = remaining + [{**e, "is_default": 0 if has_default else e["is_default"]} for e in new]
    if new:
        diff.added[key] = [text_of(entry) for entry in new]
    if len(remaining) < len(stored):
        removals = {key_of(entry) for entry in stored} - {key_of(entry) for entry in remaining}
        diff.added[f"{key}_removed"] = [text_of(entry) for entry in stored if key_of(entry) in removals]


def _compare_custom(diff: PersonDifference, person: Person, contact: Entry, *, replace: bool) -> None:
    """Compare the keys of custom_fields, which a person has as a JSON text."""
    own = contact.get("custom_fields") or {}
    new = orjson.loads(person.get("custom_fields") or "{}")
    differing = {
        key: value for key, value in new.items() if value not in (None, "") and own.get(key) != value
    }
    changes = {key: value for key, value in differing.items() if replace or own.get(key) in (None, "")}
    if changes:
        diff.patch["custom"] = diff.added["custom_fields"] = changes
    if rest := {key: value for key, value in differing.items() if key not in changes}:
        diff.missing["custom_fields"] = rest


def _compare_extra(diff: PersonDifference, person: Person, contact: Entry, *, replace: bool) -> None:
    """Compare the keys of extra, which a person has as a JSON text: what no other field holds.

    Of keys with several entries, `add` adds those that the contact lacks.
    """
    own = contact.get("extra") or {}
    changes: dict[str, Any] = {}
    for key, entries in orjson.loads(person.get("extra") or "{}").items():
        new = [item for item in entries if item not in own.get(key, [])]
        if replace and own.get(key) != entries:
            changes[key] = diff.added.setdefault("extra", {})[key] = entries
        elif new and (key not in own or key in SEVERAL):
            changes[key] = [*own.get(key, []), *new]
            diff.added.setdefault("extra", {})[key] = new
        elif new:
            diff.missing.setdefault("extra", {})[key] = entries
    if changes:
        diff.patch["extra"] = own | changes
