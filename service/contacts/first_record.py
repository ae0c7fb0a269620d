"""Make the record of a new contact as `contact_render_parts` makes it in SQL, at a small part of its cost.

Nothing is decided here: `my_contact_store` checks whether the contact may be added, and stores it with these
texts. `None` leaves a contact to `my_contact_add` or `my_contact_create`: one in other letters than plain
ones, with tags, with more than one email address, or with fields that few contacts have.
`tests/procedures/test_first_record.py` compares the rows with those of SQL.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from service.contacts.search_words import ALIKE, HAS_LETTER, NO_WORD, PLAIN, SEPARATOR
from service.ids import to_wire

Fields = Mapping[str, Any]
Entry = dict[str, Any]

NAMES = ("firstname", "lastname", "surname", "display_name", "company")
API_NAMES = ("firstname", "lastname", "display_name")
"""One of these makes a contact of the REST API."""
TEXTS = (*NAMES, "job_title", "comment", "message", "avatar_path", "source_id")
"""Columns of which an empty text is NULL."""
RARE = ("invite", "custom_fields", "extra", "synced_at")
PLACES = ("street", "city", "state", "postal_code", "country")
CATEGORIES = ("prof", "priv")
COMMON_LABELS = ("work", "home", "personal")
NAME_LIMIT, INDEX_NAME_LIMIT, LABEL_LIMIT, ORIGIN_LIMIT = 255, 64, 32, 32
AREACODE_LIMIT, NUMBER_LIMIT = 16, 81
AREACODE = re.compile(r"(\+[0-9]{1,4}) ([0-9(].*)", re.DOTALL)
"""A number that begins with an area code."""

CARD_KEYS = (
    "id", "is_mycontact", "type", "entity", "uid", "firstname", "lastname", "fullname", "surname",
    "given_surname", "status", "email", "comment", "category", "ctime", "mtime", "ident", "username",
    "is_drumate", "is_same_domain", "is_need_email", "is_archived", "is_blocked", "is_blocked_me", "online",
)  # fmt: skip
"""What the lists of the RPC show of a contact."""

as_stored = json.JSONEncoder(ensure_ascii=False).encode
"""Write JSON as MariaDB does."""


class FirstRecord(NamedTuple):
    """The arguments of `my_contact_store` after the owner."""

    contact_id: str
    contact: str
    words: str
    name: str
    record: str
    digest: str
    names_digest: str
    private: str
    card: str
    full: str


class LeftToSQLError(Exception):
    """The contact, or its change, has something that only the routines know."""


def first_record(contact: Fields) -> FirstRecord | None:
    """Return a new contact as `my_contact_store` takes it.

    `contact` has the form of `contact_write`, with its words (`with_words`).
    """
    if "words" not in contact or any(contact.get(key) is not None for key in RARE):
        return None
    try:
        return _NewContact(contact).made()
    except LeftToSQLError:
        return None


class _NewContact:
    """A contact as its row will have it."""

    def __init__(self, columns: Fields) -> None:
        self.id = secrets.token_hex(8)
        self.columns = columns
        self.texts = {key: _plain(columns.get(key)) for key in TEXTS}
        self.origin = _plain(columns.get("origin"))
        self.emails = [_email(entry) for entry in columns.get("email") or []]
        self.phones = [_phone(entry) for entry in columns.get("mobile") or []]
        self.addresses = [_address(entry) for entry in columns.get("address") or []]
        self.email: str | None = self.emails[0]["email"] if self.emails else None
        self.source = (self.origin or "local")[:ORIGIN_LIMIT]
        self.metadata = {"source": self.email or ""} | ({"from": self.origin} if self.origin else {})
        # what makes no contact is refused by the routines
        is_complete = any(self.texts[key] for key in API_NAMES) if columns.get("from_api") else self.emails
        if not is_complete or any(entry["is_default"] != 1 for entry in self.emails):
            raise LeftToSQLError

    def made(self) -> FirstRecord:
        """Return its texts."""
        record, card = self._record(), self._card()
        full = {key: value for key, value in card.items() if key != "email"} | self._rest()
        names = " ".join(text for key in NAMES if (text := self.texts[key]))
        numbers = SEPARATOR + " ".join("-" for _ in self.phones) if self.phones else ""
        return FirstRecord(
            self.id,
            self._stored(),
            self._words(),
            record["display_name"][:INDEX_NAME_LIMIT],
            as_stored(record),
            md5(orjson.dumps(record)),
            md5(f"{names}{numbers}".encode()),
            as_stored(self._private()),
            as_stored(card),
            as_stored(full),
        )

    def _stored(self) -> str:
        """Return the columns, the entries with their ids, and the words of a name that SQL has to sort."""
        lists = {"email": self.emails, "mobile": self.phones, "address": self.addresses}
        api = {"from_api": 1} if self.columns.get("from_api") and not self.columns.get("is_typed") else {}
        sorts = {} if "name_key" in self.columns else {"name_words": _name_words(self._full_name())}
        return orjson.dumps({**lists, **api, **sorts, **self.texts, "metadata": self.metadata}).decode()

    def _words(self) -> str:
        """Return the rows of contact_index, kind by kind.

        null stands for the time of the addition, or for no company. A kind without words would be null in
        SQL as well.
        """
        name, company = self._full_name(), self.texts["company"]
        key = self.columns.get("name_key")
        rows = [
            *((kind, words) for kind, words in self.columns["words"] if words),
            ("display_name", [name]),
            ("company", [company]),
            ("company_desc", [company or ""]),
            ("created_at", [None]),
            ("updated_at", [None]),
            ("source", [md5(self.source.encode())]),
            *([] if key is None else [("name", [key])]),
        ]
        return orjson.dumps(rows).decode()

    def _record(self) -> Entry:
        texts = self.texts
        has_default = any(e["is_default"] == 1 for e in self.phones)
        return {
            "id": to_wire(self.id),
            "display_name": self._full_name(),
            "first_name": texts["firstname"],
            "last_name": texts["lastname"],
            "emails": [
                {"address": e["email"], "label": public_label(e, "personal"), "primary": True}
                for e in self.emails
            ],
            "phones": [
                {
                    "number": number_of_entry(e),
                    "label": public_label(e, "mobile"),
                    # without a default number, the first one is primary
                    "primary": e["is_default"] == 1 or (e is self.phones[0] and not has_default),
                }
                for e in self.phones
            ],
            "company": texts["company"],
            "job_title": texts["job_title"],
            "addresses": [
                {place: e[place] or None for place in PLACES} | {"label": public_label(e, "home")}
                for e in self.addresses
            ],
            "notes": texts["comment"],
            "avatar_path": texts["avatar_path"],
            "tags": [],
            "custom_fields": None,
            "source": self.source,
            "source_id": texts["source_id"],
            "created_at": None,
            "updated_at": None,
            "synced_at": None,
            "deleted_at": None,
            "archived": False,
            "groups": [],
        }

    def _private(self) -> Entry:
        # in the order of ids, as the table has them
        phones = {
            e["id"]: f"{n} {len(e['areacode'])} {e['is_default']}" for n, e in enumerate(self.phones, 1)
        }
        addresses = {e["id"]: f"{n} {e['is_default']}" for n, e in enumerate(self.addresses, 1)}
        return {
            "surname": self.texts["surname"],
            "display_name": self.texts["display_name"],
            "is_auto": 0,
            "phones": ",".join(text for _, text in sorted(phones.items())) or None,
            "addresses": ",".join(text for _, text in sorted(addresses.items())) or None,
        }

    def _card(self) -> Entry:
        texts, display = self.texts, self._display()
        return {
            "id": self.id,
            "is_mycontact": 1,
            "type": "my_contact",
            "entity": self.email or self.id,
            "uid": None,
            "firstname": texts["firstname"],
            "lastname": texts["lastname"],
            "fullname": display,
            "surname": display,
            "given_surname": texts["surname"],
            "status": "memory",
            "email": self.email or "",
            "comment": texts["comment"] or "",
            "category": "independant",
            "ctime": None,
            "mtime": None,
            "ident": None,
            "username": None,
            "is_drumate": 0,
            "is_same_domain": 0,
            "is_need_email": 0 if self.email is None else 1,
            "is_archived": 0,
            "is_blocked": 0,
            "is_blocked_me": 0,
            "online": 0,
        }

    def _rest(self) -> Entry:
        texts = self.texts
        return {
            "contact_id": self.id,
            "message": texts["message"] or "",
            "invitetime": None,
            "source": self.email or "",
            "metadata": self.metadata,
            "display_name": texts["display_name"],
            "company": texts["company"],
            "job_title": texts["job_title"],
            "avatar_path": texts["avatar_path"],
            "custom_fields": None,
            "origin": self.source,
            "source_id": texts["source_id"],
            "synced_at": None,
            "email": [
                {"email_id": e["id"], "email": e["email"], "category": e["category"],
                 "is_default": e["is_default"], "label": label_of(e, "personal")}
                for e in self.emails
            ],
            "mobile": [
                {"phone_id": e["id"], "areacode": e["areacode"], "phone": e["phone"],
                 "category": e["category"], "is_default": e["is_default"], "label": label_of(e, "mobile")}
                for e in self.phones
            ],
            "address": [
                {"address_id": e["id"], "street": e["street"], "city": e["city"], "country": e["country"],
                 "category": e["category"], "is_default": e["is_default"], "state": e["state"],
                 "postal_code": e["postal_code"], "label": label_of(e, "home")}
                for e in self.addresses
            ],
            "tag": [],
        }  # fmt: skip

    def _names(self) -> str:
        return f"{self.texts['firstname'] or ''} {self.texts['lastname'] or ''}".strip(" ")

    def _full_name(self) -> str:
        """Return contact.full_name."""
        texts = self.texts
        name = texts["display_name"] or self._names() or texts["surname"] or self._other_name()
        return name[:NAME_LIMIT]

    def _display(self) -> str:
        """Return contact.display."""
        texts = self.texts
        name = texts["surname"] or texts["display_name"] or self._names() or self._other_name()
        return name[:NAME_LIMIT]

    def _other_name(self) -> str:
        return self.email or self.texts["company"] or self.id


def is_plain(text: str | None) -> bool:
    """Return whether Python and SQL read a text in the same way."""
    # a text of ignored characters equals '' in SQL
    return not text or bool(PLAIN.fullmatch(text) and HAS_LETTER.search(text))


def _plain(text: str | None) -> str | None:
    if not is_plain(text):
        raise LeftToSQLError
    return text or None


def _common(entry: Fields) -> Entry:
    category, flag, label = entry.get("category") or "priv", entry.get("is_default") or 0, entry.get("label")
    if category not in CATEGORIES or str(flag) not in ("0", "1"):
        raise LeftToSQLError
    if label and (not label.isascii() or label != label.strip() or len(label) > LABEL_LIMIT):
        raise LeftToSQLError
    # a label that contradicts the category is left out
    kind = (_plain(label) or "").lower()
    if kind in COMMON_LABELS and (kind == "work") != (category == "prof"):
        label = None
    return {"id": secrets.token_hex(8), "category": category, "is_default": int(flag), "label": label or None}


def _email(entry: Fields) -> Entry:
    return {**_common(entry), "email": entry["email"]}


def _phone(entry: Fields) -> Entry:
    areacode, phone, number = entry.get("areacode") or "", entry.get("phone"), entry.get("number")
    areacode = "" if areacode == "+" else areacode
    if phone is None and number is not None and (match := AREACODE.fullmatch(number)):
        areacode, phone = match.groups()
    phone = number if phone is None else phone
    full_number = f"{areacode} {phone}".strip(" ") if number is None else number
    if (
        not phone
        or not PLAIN.fullmatch(phone)
        or len(full_number) > NUMBER_LIMIT
        or len(areacode) > AREACODE_LIMIT
    ):
        raise LeftToSQLError
    return {**_common(entry), "areacode": areacode, "phone": phone}


def _address(entry: Fields) -> Entry:
    return {**_common(entry), **{place: _plain(entry.get(place)) or "" for place in PLACES}}


def _name_words(name: str) -> list[str]:
    return NO_WORD.split(name.translate(ALIKE))


def number_of_entry(entry: Fields) -> str:
    """Return a number with its area code."""
    return f"{entry['areacode']} {entry['phone']}".strip(" ")


def label_of(entry: Fields, private: str) -> str:
    """Return the label of an entry as the RPC shows it."""
    return entry["label"] or ("work" if entry["category"] == "prof" else private)


def public_label(entry: Fields, private: str) -> str:
    """Return the label of an entry as the REST API shows it."""
    label = entry["label"]
    if entry["category"] == "prof" and label and label.lower() != "work":
        return f"work {label}"[:LABEL_LIMIT]
    return label_of(entry, private)


def md5(text: bytes) -> str:
    """Return a digest as MariaDB writes it."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()
