"""Read address books from CSV tables.

The headers are recognized here because no maintained library knows those of other programs: clevercsv detects
only separators.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from service.contacts.vocabulary import (
    EXTENSION,
    LOCAL_SOURCE,
    PLACE_LIMITS,
    Contact,
    UnreadableError,
    cell_kind,
    merge_extension,
    parse_extension,
    split_numbers,
)

HEADER_ROWS = 20
"""Lines in which the header is looked for."""
HEADERS = {
    "firstname": ("first name", "given name", "firstname", "first", "prénom", "vorname"),
    "lastname": ("last name", "family name", "lastname", "last", "nom", "nachname", "surname"),
    "nickname": ("nickname", "surnom"),
    "additional": ("middle name", "additional name", "additionnal name"),
    "fullname": ("name", "display name", "full name", "file as"),
    "company": ("company", "organization", "organization name", "organization 1 - name", "société", "firma"),
    "job_title": ("job title", "organization title", "organization 1 - title", "position", "fonction"),
    "comment": ("notes", "note", "comment", "comments"),
    "tag": ("labels", "categories", "group membership", "tags"),
    "extension": (EXTENSION,),
}
"""Headers, in lower case, by the key of a contact."""
EMAIL = re.compile(r"e-?mail|adresse de messagerie|courriel")
PHONE = re.compile(r"phone(?!tic)|mobile|pager|téléphone|telefon")
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""Start of a formula, perhaps guarded."""
NUMBER = re.compile(r"[+-]?[0-9 ()./-]*")
NOT_VALUES = re.compile(r"\b(type|label|display name|yomi)\b|nom affiché|fax")
PLACE = re.compile(
    r"(.*?)(address|location|street|city|postal code|zipcode|zip|state|region|country.*)( ?2)?$"
)
PARTS = {
    "street": "street",
    "address": "street",
    "location": "street",
    "city": "city",
    "state": "state",
    "region": "state",
    "country": "country",
}
"""The part of an address for a word of a header; other words are postal codes."""
NOT_TAGS = {"", "* myContacts", "* My Contacts", "* starred"}

Cell = Callable[[int], str]
"""Returns the text in a column of the current row; "" beyond its end."""


class Columns:
    """The meaning of the columns of a CSV file, by their headers."""

    def __init__(self, header: list[str]) -> None:
        heads = [" ".join(h.strip().lower().split()) for h in header]
        self.names = {
            key: [i for i, h in enumerate(heads) if h in headers] for key, headers in HEADERS.items()
        }
        """Indexes of columns, by the key of a contact."""
        self.labels = {
            h.rpartition(" - ")[0]: i for i, h in enumerate(heads) if h.endswith((" - label", " - type"))
        }
        values = [(i, h) for i, h in enumerate(heads) if not NOT_VALUES.search(h)]
        self.emails = [(i, h) for i, h in values if EMAIL.search(h)]
        self.phones = [(i, h) for i, h in values if PHONE.search(h) and not EMAIL.search(h)]
        self.places: dict[str, dict[str, list[int]]] = {}
        for i, h in values:
            self._add_place(i, h)

    def _add_place(self, index: int, head: str) -> None:
        """Record a column if it holds a part of an address."""
        match = PLACE.fullmatch(head)
        if match is None or EMAIL.search(head) or PHONE.search(head):
            return
        word = "country" if match[2].startswith("country") else match[2]
        part = PARTS.get(word, "postal_code")
        self.places.setdefault(match[1].strip(" -"), {}).setdefault(part, []).append(index)

    def contact(self, row: list[str]) -> Contact:
        """Return the contact of a row."""
        is_own_file = bool(self.names["extension"])

        def cell(index: int) -> str:
            text = row[index].strip() if index < len(row) else ""
            return unguard_formula(text) if is_own_file else text

        def named(key: str) -> str:
            return next((cell(i) for i in self.names[key] if cell(i)), "")

        extension = parse_extension(named("extension"))
        # In a file of this service, a cell holds one value, also when it looks like several.
        split = _one if is_own_file else _many
        first, last, full_name = named("firstname"), named("lastname"), named("fullname")
        if not first and not last and not is_own_file:
            first, _, last = full_name.partition(" ")
        phones = [(p, h) for i, h in self.phones for p in split(cell(i))]
        numbers = split_numbers([p for p, _ in phones], extension)
        contact = {
            "firstname": first,
            "lastname": last,
            "surname": named("nickname") or named("additional"),
            # Other programs derive the full name from the others.
            "display_name": full_name if is_own_file else "",
            "company": named("company"),
            "job_title": named("job_title"),
            "comment": named("comment"),
            "email": [
                {"email": e, **self._kind("email", h, cell)} for i, h in self.emails for e in split(cell(i))
            ],
            "mobile": [
                {**n, **self._kind("mobile", h, cell)} for n, (_, h) in zip(numbers, phones, strict=True)
            ],
            "address": [
                a for group, parts in self.places.items() if (a := self._address(group, parts, cell))
            ],
            "tag": split_labels(named("tag")),
        }
        return merge_extension(contact, {**({"source": LOCAL_SOURCE} if is_own_file else {}), **extension})

    def _kind(self, key: str, head: str, cell: Cell) -> dict[str, Any]:
        """Return category, label and is_default of an entry, from its label column or its header."""
        index = self.labels.get(head.removesuffix(" - value"))
        return cell_kind(key, cell(index) if index is not None else "", head)

    def _address(self, group: str, parts: Mapping[str, list[int]], cell: Cell) -> Contact | None:
        """Return an address, or None when its cells are empty. `parts`: columns by the key of a part."""

        def joined(*names: str) -> str:
            return " ".join(filter(None, (cell(i) for name in names for i in parts.get(name, ()))))

        place = {name: joined(name) for name in PLACE_LIMITS}
        return {**place, **self._kind("address", group, cell)} if any(place.values()) else None


def guard_formula(text: str) -> str:
    """Put a ' before a cell that a spreadsheet would compute; `unguard_formula` takes it away again.

    Names come from people who invite, and from imported files. Telephone numbers compute nothing.
    """
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def unguard_formula(text: str) -> str:
    """Return the text of a cell that `guard_formula` may have changed."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def split_labels(text: str) -> list[str]:
    """Return the tags in a cell, separated as in Google (`A ::: B`) or as elsewhere (`A;B`)."""
    parts = text.split(":::" if ":::" in text else ";")
    return [part.strip().removeprefix("* ") for part in parts if part.strip() not in NOT_TAGS]


def _one(text: str) -> list[str]:
    return [text] if text else []


def _many(text: str) -> list[str]:
    return [part.strip() for part in text.split(" ::: ") if part.strip()]


def read_rows(lines: Iterator[str]) -> Iterator[tuple[int, Contact | None]]:
    """Yield (line, contact) for each row of a CSV file; UnreadableError without a column of emails."""
    head = list(islice(lines, HEADER_ROWS))
    separator, skipped = _header(head)
    reader = csv.reader(chain(head[skipped:], lines), delimiter=separator)
    columns = Columns(next(reader))
    for row in reader:
        if any(row):
            yield skipped + reader.line_num, columns.contact(row)


def _header(head: list[str]) -> tuple[str, int]:
    """Return (separator, number of lines before the header); LinkedIn starts its files with a note."""
    for skipped, line in enumerate(head):
        separator = max(",;\t", key=line.count)
        cells = next(csv.reader([line], delimiter=separator), [])
        if Columns(cells).emails:
            return separator, skipped
    raise UnreadableError("no column of email addresses")
