"""Render a contact whose texts, numbers or postal addresses change, as `contact_render_parts` does in SQL.

`my_contact_replace` stores it while the contact is as it was read. `None` leaves a change to
`my_contact_update`: one of email addresses or tags, one that the record does not show, any of a user.
`tests/procedures/test_form_changes.py` compares both.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from service.contacts.first_record import (
    AREACODE_LIMIT,
    CARD_KEYS,
    CATEGORIES,
    COMMON_LABELS,
    INDEX_NAME_LIMIT,
    LABEL_LIMIT,
    NAME_LIMIT,
    NAMES,
    NUMBER_LIMIT,
    PLACES,
    Entry,
    LeftToSQLError,
    as_stored,
    is_plain,
    label_of,
    md5,
    number_of_entry,
    public_label,
)
from service.contacts.form_changes import COLUMNS, DIALLED, KEPT_KEYS, PLACE_KEYS, FormBase, flag_of
from service.contacts.search_words import ALIKE, NO_WORD, PLAIN, SEPARATOR, words_of
from service.contacts.vocabulary import Contact
from service.store.database import encode

ENTRY_LISTS = ("mobile", "address")
TEXTS = COLUMNS | {"display_name": "display_name", "job_title": "job_title"}
"""Names of the texts that change, each with its key in the full contact; the form has not all of them."""
NO_DIGITS = re.compile(r"[^0-9]+", re.ASCII)
IDS = {"mobile": "phone_id", "address": "address_id"}
Rows = dict[str, dict[str, str]]
"""Words of each kind of `contact_index`, by what the collation compares of them."""


class ContactChange(NamedTuple):
    """The arguments of `my_contact_replace` after the contact."""

    digest: str
    full_digest: str
    names_digest: str
    contact: str
    words: str
    name: str
    record: str
    new_digest: str
    new_names_digest: str
    private: str
    card: str
    full: str


def contact_change(changed: Mapping[str, Any], stored: Contact, base: FormBase) -> ContactChange | None:
    """Return the change that `form_changes.changes` has found; None for the routines to make it.

    With from_api, `changed` has texts of `/api/v1`, and rev is the revision that the record must have.
    """
    if (
        not base.is_plain
        or base.is_auto
        or base.record is None
        or base.full_digest is None
        or base.names_digest is None
        or base.private is None
        or changed.get("invite")
        or "email" in changed
        or "tag" in changed
        or stored["is_blocked"]
        or stored["tag"]
        # they may have keys of any name
        or stored["custom_fields"] is not None
    ):
        return None
    record: Contact = orjson.loads(base.record)
    if "extra" in record:
        return None
    try:
        return _ChangedContact(changed, stored, record, base).made()
    except LeftToSQLError:
        return None


class _ChangedContact:
    """A contact before and after a change."""

    def __init__(self, changed: Mapping[str, Any], stored: Contact, record: Contact, base: FormBase) -> None:
        self.stored, self.record, self.base = stored, record, base
        texts = {key: (stored[column] or None) for key, column in TEXTS.items()}
        sent = {key: _plain(changed[key]) for key in TEXTS if key in changed}
        self.columns = {key: text for key, text in sent.items() if text != texts[key]}
        self.condition = {"rev": changed["rev"]} if changed.get("from_api") and changed.get("rev") else {}
        self.before = {**stored, **texts}
        self.texts = {**self.before, **self.columns}
        known = (base.international or "").split(" ") if stored["mobile"] else []
        if len(known) != len(stored["mobile"]):
            raise LeftToSQLError
        self.phones_before = [
            {**row, "international": "" if international == "-" else international}
            for row, international in zip(stored["mobile"], known, strict=True)
        ]
        self.lists: dict[str, list[Entry]] = {"mobile": self.phones_before, "address": stored["address"]}
        self.sent = [key for key in ENTRY_LISTS if key in changed]
        for key in self.sent:
            self.lists[key] = _ENTRIES[key](changed[key] or [], self.lists[key])

    def made(self) -> ContactChange:
        """Return its texts."""
        base, private = self.base, orjson.loads(self.base.private or "{}")
        record = {**self.record, **self._record(), "updated_at": None}
        if record == {**self.record, "updated_at": None}:
            # an event that the feed leaves out
            raise LeftToSQLError
        full = {**self.stored, **self._full(), "mtime": None}
        emails = [entry["email"] for entry in self.stored["email"] if entry["is_default"]]
        card = {key: full[key] for key in CARD_KEYS} | {"email": emails[0] if emails else ""}
        private |= {key: self.texts[key] for key in ("surname", "display_name")} | {
            name: ",".join(_private(self.lists[key], key)) or None
            for key, name in (("mobile", "phones"), ("address", "addresses"))
            if key in self.sent
        }
        numbers = " ".join(entry["international"] or "-" for entry in self.lists["mobile"])
        names = " ".join(text for key in NAMES if (text := self.texts[key]))
        return ContactChange(
            base.digest or "",
            base.full_digest or "",
            base.names_digest or "",
            encode({**self.columns, **self._rows(), **self.condition}),
            encode(self._words()),
            record["display_name"][:INDEX_NAME_LIMIT],
            as_stored(record),
            md5(orjson.dumps({**record, "created_at": None, "deleted_at": None})),
            md5(f"{names}{SEPARATOR + numbers if self.lists['mobile'] else ''}".encode()),
            as_stored(private),
            as_stored(card),
            as_stored(full),
        )

    def _record(self) -> Entry:
        texts, lists = self.texts, self.lists
        changed: Entry = {
            "display_name": self._full_name(texts),
            "first_name": texts["firstname"],
            "last_name": texts["lastname"],
            "job_title": texts["job_title"],
            "notes": texts["comment"],
        }
        if "mobile" in self.sent:
            flags = [entry["is_default"] == 1 for entry in lists["mobile"]]
            changed["phones"] = [
                {
                    "number": number_of_entry(entry),
                    "label": public_label(entry | {"label": entry["new_label"]}, "mobile"),
                    # without a default number, the first one is primary
                    "primary": entry["is_default"] == 1 or (place == 0 and not any(flags)),
                }
                for place, entry in enumerate(lists["mobile"])
            ]
        if "address" in self.sent:
            changed["addresses"] = [
                {place: entry[place] or None for place in PLACES}
                | {"label": public_label(entry | {"label": entry["new_label"]}, "home")}
                for entry in lists["address"]
            ]
        return changed

    def _full(self) -> Entry:
        texts, display = self.texts, self._display()
        changed: Entry = {
            "firstname": texts["firstname"],
            "lastname": texts["lastname"],
            "fullname": display,
            "surname": display,
            "given_surname": texts["surname"],
            "comment": texts["comment"] or "",
            "message": texts["message"] or "",
            "display_name": texts["display_name"],
            "job_title": texts["job_title"],
        }
        for key in self.sent:
            changed[key] = [{name: entry[name] for name in ENTRY_KEYS[key]} for entry in self.lists[key]]
        return changed

    def _rows(self) -> Entry:
        """Return the entries that are written, and the ids of those that are deleted, of each list."""
        changes: Entry = {}
        for key in self.sent:
            name = IDS[key]
            ids = {entry[name] for entry in self.lists[key]}
            changes[key] = [
                {**entry, "id": entry[name], "position": position}
                for position, entry in enumerate(self.lists[key], 1)
            ]
            changes[f"no_{key}"] = [entry[name] for entry in self.stored[key] if entry[name] not in ids]
        return changes

    def _words(self) -> Entry:
        """Return the rows of contact_index that change, and the words of a name that SQL has to sort."""
        before, _ = self._rows_of({**self.before, "mobile": self.phones_before})
        after, key = self._rows_of({**self.texts, "mobile": self.lists["mobile"]})
        removed, added = [], []
        for kind, old in before.items():
            new = after[kind]
            dropped_words = [old[word] for word in old.keys() - new.keys()]
            # a word that goes may equal one that stays, by the collation
            stays = set(old) if not dropped_words or all(map(str.isascii, old.values())) else set()
            removed.append((kind, dropped_words))
            added.append((kind, [new[word] for word in new if word not in stays]))
        words: Entry = {}
        name = self._full_name(self.texts)
        if name != self._full_name(self.before):
            added.append(("display_name", [name]))
            words = {"name_words": NO_WORD.split(name.translate(ALIKE))} if key is None else {}
            added += [] if key is None else [("name", [key])]
        lists = {"removed": removed, "added": added}
        return words | {key: [each for each in rows if each[1]] for key, rows in lists.items()}

    def _rows_of(self, contact: Contact) -> tuple[Rows, str | None]:
        """Return the search words by kind, and the sort key of the name, None where SQL sorts its words."""
        emails = [entry["email"] for entry in contact["email"] if entry["is_default"]]
        words = words_of({**contact, "default": emails[0] if emails else None, "tag": []})
        if words is None:
            raise LeftToSQLError
        rows = {
            kind: {word.lower() if word.isascii() else word: word for word in each if word}
            for kind, each in words
            if kind in ("text", "phone")
        }
        return rows, dict(words)["name"][0]

    def _full_name(self, texts: Contact) -> str:
        """Return contact.full_name."""
        name = texts["display_name"] or _names(texts) or texts["surname"] or self._other_name()
        return str(name)[:NAME_LIMIT]

    def _display(self) -> str:
        """Return contact.display."""
        texts = self.texts
        name = texts["surname"] or texts["display_name"] or _names(texts) or self._other_name()
        return str(name)[:NAME_LIMIT]

    def _other_name(self) -> str:
        emails = [entry["email"] for entry in self.stored["email"] if entry["is_default"]]
        return str(next(iter(emails), None) or self.stored["company"] or self.stored["entity"])


def _names(texts: Contact) -> str:
    return f"{texts['firstname'] or ''} {texts['lastname'] or ''}".strip(" ")


def _plain(text: str | None) -> str | None:
    if not is_plain(text):
        raise LeftToSQLError
    return text or None


def _numbers(sent: Sequence[Contact], rows: Sequence[Contact]) -> list[Entry]:
    """Return the numbers as they will be stored. A number whose digits stay keeps its id."""
    known = {_digits(row["areacode"], row["phone"]): row for row in rows}
    flags = [flag_of(entry) for entry in sent]
    entries: dict[str, Entry] = {}
    for entry in sent:
        areacode, phone = entry.get("areacode") or "", entry.get("phone") or ""
        areacode = "" if areacode == "+" else areacode
        number = f"{areacode} {phone}".strip()
        digits = _digits(areacode, phone)
        row = known.get(digits)
        if (
            "number" in entry
            or not digits
            or digits in entries
            or not (DIALLED.fullmatch(number) and PLAIN.fullmatch(number))
            or phone != phone.strip()
            or len(number) > NUMBER_LIMIT
            or len(areacode) > AREACODE_LIMIT
            or (row is not None and row["areacode"] and not areacode)
        ):
            raise LeftToSQLError
        is_same = row is not None and (row["areacode"], row["phone"]) == (areacode, phone)
        entries[digits] = {
            "phone_id": row["phone_id"] if row else secrets.token_hex(8),
            "areacode": areacode,
            "phone": phone,
            "international": row["international"] if row and is_same else "",
            **_common(entry, row, flags, "mobile"),
        }
    if len(known) != len(rows) or "" in known:
        raise LeftToSQLError
    return list(entries.values())


def _digits(areacode: str, phone: str) -> str:
    return NO_DIGITS.sub("", f"{areacode}{phone}")


def _addresses(sent: Sequence[Contact], rows: Sequence[Contact]) -> list[Entry]:
    """Return the postal addresses as they will be stored. One at the same place keeps its id."""
    places = [tuple(row[key] for key in PLACE_KEYS) for row in rows]
    flags = [flag_of(entry) for entry in sent]
    entries: dict[tuple[str, ...], Entry] = {}
    for entry in sent:
        place = tuple(_plain(entry.get(key)) or "" for key in PLACE_KEYS)
        # the collation of the columns may take others for the same place
        others = [known for known in (*places, *entries) if known != place and _may_equal(known, place)]
        if others or place in entries or places.count(place) > 1:
            raise LeftToSQLError
        row = rows[places.index(place)] if place in places else None
        other_parts = {
            key: (_plain(entry[key]) or "") if entry.get(key) is not None else (row[key] if row else "")
            for key in KEPT_KEYS
        }
        entries[place] = {
            "address_id": row["address_id"] if row else secrets.token_hex(8),
            **dict(zip(PLACE_KEYS, place, strict=True)),
            **other_parts,
            **_common(entry, row, flags, "home"),
        }
    return list(entries.values())


def _may_equal(known: Sequence[str], place: Sequence[str]) -> bool:
    """Return whether the collation may take two places for one: it ignores case, accents and more."""
    return all(
        bool(one) == bool(other)
        and (not (one + other).isascii() or one.rstrip().lower() == other.rstrip().lower())
        for one, other in zip(known, place, strict=True)
    )


def _common(entry: Contact, row: Contact | None, flags: Sequence[int | None], private: str) -> Entry:
    """Return category, default and label of an entry; `keeps_label`: that of its row stays."""
    category, flag, label = entry.get("category") or "priv", flag_of(entry), entry.get("label")
    if category not in CATEGORIES or flag not in (None, 0, 1):
        raise LeftToSQLError
    if label is not None and (not label.isascii() or label != label.strip() or len(label) > LABEL_LIMIT):
        raise LeftToSQLError
    keeps = label is None and row is not None and row["category"] == category
    if keeps and row is not None:
        label = row["label"]
    kind = (_plain(label) or "").lower()
    if kind in COMMON_LABELS and (kind == "work") != (category == "prof"):
        # a label that contradicts the category is left out
        if keeps:
            raise LeftToSQLError
        label = None
    default = flag if flag is not None else (0 if 1 in flags or row is None else row["is_default"])
    return {
        "category": category,
        "is_default": default,
        "label": label_of({"label": label, "category": category}, private),
        "new_label": label or None,
        "keeps_label": int(keeps),
    }


def _private(entries: Sequence[Entry], key: str) -> list[str]:
    """Return the parts of contact_record.private of a list, in the order of ids."""
    parts = [
        (entry[IDS[key]], [position, *([len(entry["areacode"])] if key == "mobile" else [])], entry)
        for position, entry in enumerate(entries, 1)
    ]
    return [
        " ".join(map(str, [*numbers, entry["is_default"]]))
        for _, numbers, entry in sorted(parts, key=lambda part: str(part[0]))
    ]


ENTRY_KEYS = {
    "mobile": ("phone_id", "areacode", "phone", "category", "is_default", "label"),
    "address": (
        "address_id", "street", "city", "country", "category", "is_default", "state", "postal_code", "label",
    ),
}  # fmt: skip
"""Keys of an entry in the full contact, in their order."""

_ENTRIES = {"mobile": _numbers, "address": _addresses}
