"""Read contacts from the rows of CSV tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from service.contacts.addresses import addresses_in
from service.contacts.headings import fields_of, guessed_fields_of, kind_of_label, normal
from service.contacts.names import WORD
from service.contacts.rows import Lines, Row, columns_of_addresses, find_header, first_cells, split_rows
from service.contacts.vocabulary import (
    LOCAL_SOURCE,
    PLACE_LIMITS,
    Contact,
    cell_kind,
    merge_extension,
    parse_extension,
    split_name,
    split_numbers,
)

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""Start of a formula, perhaps guarded. Spreadsheets of East Asia read the wide signs as well."""
NUMBER = re.compile(r"[+-]?[0-9 ()./-]*", re.ASCII)
SUM = re.compile(r"[+-](?:[0-9().]+[/-])+[0-9().]+", re.ASCII)
"""A number that a spreadsheet would compute: +1-555-0100 would be -654."""
TITLES = {"title", "titel", "tittel", "titre", "titolo", "titulo", "tytul", "titul"}
"""Headings of a form of address, beside a heading of a job."""
FLAG = re.compile(r"[^@+\d]*|\d{1,2}")
"""A value of a column that is not used: SMTP, False, Normal. A number or an address is none."""
NOT_TAGS = {"", "* myContacts", "* My Contacts", "* starred"}

WRAPPED = re.compile(r'="(.*)"', re.DOTALL)
"""A text that a spreadsheet shall not take for a number."""
GOOGLE_LIST = re.compile(r"\s*:::\s*")
NUMBER_LIST = re.compile(r"\s*:::\s*|\s*;\s*(?=[+(0-9])|\s*,\s+(?=\+|\(?0)|\s+/\s+(?=\+|\(?0)")
"""Between the numbers of a cell. A slash within a number is followed by no zero."""
CUSTOM_BYTES = 60_000
"""Of the values that are kept aside; the API admits 65,535 bytes."""
CUSTOM_VALUE = 4_000
"""Characters of one of them."""
REPORTED = {
    **{"notes": "comment", "tags": "tag", "phone": "mobile", "keep": "custom_fields", "nickname": "surname"},
    **dict.fromkeys((*PLACE_LIMITS, "street 2", "street 3", "formatted"), "address"),
}
"""Field of a contact for each field of headings.csv that is called otherwise."""


class Columns:
    """The meaning of the columns of a CSV file, by their headings."""

    def __init__(self, header: Row, sample: Sequence[Row] = ()) -> None:
        """`sample`: rows, for a table without a known heading of addresses."""
        fields = fields_of(header)
        if not any(f.startswith(("email", "extension")) for f in fields):
            fields = guessed_fields_of(header)
        if not any(f.startswith(("email", "extension")) for f in fields):
            addresses = columns_of_addresses(sample)
            fields = [f or ("email" if i in addresses else "") for i, f in enumerate(fields)]
        present = set(fields)
        self.header = [" ".join(heading.split()) for heading in header]
        self.is_own_file = "extension" in present
        fields = [_resolve(f, present) for f in fields]
        jobs = [index for index, name in enumerate(fields) if name == "job_title"]
        for index in [i for i in jobs if normal(header[i]) in TITLES and len(jobs) > 1]:
            fields[index] = "keep"
            jobs.remove(index)
        self.fields = [f or ("keep" if h else "ignore") for f, h in zip(fields, self.header, strict=True)]
        self.indexes: dict[str, list[int]] = {}
        """Columns, by field without its kind."""
        self.places: dict[str, dict[str, list[int]]] = {}
        """Columns of the parts of an address, by address."""
        self.labels: dict[str, int] = {}
        """Column with the label of an entry, by list and number."""
        for index, name in enumerate(self.fields):
            self._add(index, *name.partition(":")[::2])

    def _add(self, index: int, base: str, kind: str) -> None:
        """Record a column."""
        number = "".join(filter(str.isdigit, self.header[index]))
        if base == "label":
            self.labels[f"{kind} {number}"] = index
        elif base in PLACE_LIMITS or base in {"street 2", "street 3", "formatted"}:
            place = f"#{number}" if kind == "#" else kind
            self.places.setdefault(place, {}).setdefault(base, []).append(index)
        else:
            self.indexes.setdefault(base, []).append(index)

    @property
    def has_names(self) -> bool:
        """Whether a full name says no more than other columns of another program's table."""
        return bool(self.indexes.keys() & {"firstname", "lastname"}) and not self.is_own_file

    def report(self) -> dict[str, Any]:
        """Return the field of contacts for each heading that is used, and the headings that are not."""
        used, ignored = {}, []
        for heading, name in zip(self.header, self.fields, strict=True):
            base, _, kind = name.partition(":")
            if base == "ignore" or (base == "fullname" and self.has_names):
                ignored.append(heading)
            else:
                key = kind if base == "label" else base
                used[heading] = REPORTED.get(key, key)
        return {"used": used, "ignored": ignored}

    def looks_like_contact(self, row: Row) -> bool:
        """Return whether the cells of a line have an address where the table has addresses."""
        return any("@" in row[i] for i in self.indexes.get("email", ()) if i < len(row))

    def contact(self, row: Row) -> Contact:
        """Return the contact of a row."""
        cells = _Cells(self, row)
        extension = parse_extension(cells.first("extension"))
        cells.restore(extension.pop("cells", None))
        first, last, full_name = cells.first("firstname"), cells.first("lastname"), cells.first("fullname")
        if not first and not last and not self.is_own_file:
            first, last = split_name(full_name)
        phones = [(p, i) for i in self.indexes.get("phone", ()) for p in cells.numbers(i)]
        numbers = split_numbers([p for p, _ in phones], extension)
        contact = {
            "firstname": first,
            "lastname": last,
            "surname": cells.first("nickname"),
            # Other programs derive the full name from the others.
            "display_name": full_name if self.is_own_file else "",
            "company": cells.first("company"),
            "job_title": cells.first("job_title"),
            "comment": cells.first("notes"),
            "email": [
                {"email": e, **self._kind("email", i, cells)}
                for i in self.indexes.get("email", ())
                for e in cells.values(i)
                if addresses_in(e)
            ],
            "mobile": [
                {**n, **self._kind("phone", i, cells)} for n, (_, i) in zip(numbers, phones, strict=True)
            ],
            "address": [a for place in self.places for a in self._addresses(place, cells)],
            "tag": cells.tags(),
        }
        custom, losses = _limited(cells.custom_fields())
        if custom:
            own = extension.get("custom_fields")
            extension["custom_fields"] = custom | own if isinstance(own, dict) else custom
        if losses:
            contact["losses"] = losses
        return merge_extension(
            contact, {**({"source": LOCAL_SOURCE} if self.is_own_file else {}), **extension}
        )

    def _kind(self, key: str, index: int, cells: _Cells) -> dict[str, Any]:
        """Return category, label and is_default of an entry, from its label column or its heading."""
        number = "".join(filter(str.isdigit, self.header[index]))
        label_index = self.labels.get(f"{key} {number}")
        if label_index is not None:
            return self._label_kind(key, cells.text(label_index))
        return heading_kind(key, self.fields[index].partition(":")[2])

    def _label_kind(self, key: str, text: str) -> dict[str, Any]:
        """Return category, label and is_default of an entry for the cell of its label.

        Other programs write the labels of their language.
        """
        kind = cell_kind("mobile" if key == "phone" else key, text)
        known = "" if self.is_own_file or not kind["label"] else kind_of_label(key, text)
        return {**heading_kind(key, known), "is_default": kind["is_default"]} if known else kind

    def _addresses(self, place: str, cells: _Cells) -> Iterator[Contact]:
        """Yield the addresses in the columns of a place; Google writes several into its cells."""
        parts = {
            name: [self._split(cells.text(i)) for i in indexes]
            for name, indexes in self.places[place].items()
        }
        label_index = self.labels.get(f"address {place[1:]}")
        label = cells.text(label_index) if label_index is not None else ""
        is_numbered = place.startswith("#")
        kind = self._label_kind("address", label) if is_numbered else heading_kind("address", place)
        for turn in range(max(len(texts) for columns in parts.values() for texts in columns)):

            def joined(*names: str, turn: int = turn) -> str:
                texts = (column[turn : turn + 1] for name in names for column in parts.get(name, ()))
                return " ".join(text for column_texts in texts for text in column_texts if text)

            address = {name: joined(name) for name in PLACE_LIMITS}
            address["street"] = joined("street", "street 2", "street 3")
            if not any(address.values()):
                address["street"] = ", ".join(joined("formatted").split("\n"))
            if any(address.values()):
                yield {**address, **kind}

    def _split(self, text: str) -> list[str]:
        return [text] if self.is_own_file else GOOGLE_LIST.split(text)


class _Cells:
    """The cells of a row."""

    def __init__(self, columns: Columns, row: Row) -> None:
        self._columns = columns
        self._row = row

    def restore(self, originals: Any) -> None:
        """Put the letters back that the encoding of an own file lacks, unless somebody edited the cell.

        `originals` has texts by heading; see table_writing.py.
        """
        for heading, original in originals.items() if isinstance(originals, dict) else ():
            for index in [i for i, h in enumerate(self._columns.header) if h == heading]:
                if isinstance(original, str) and _replaces(self.text(index), original):
                    self._row[index] = guard_formula(original)

    def text(self, index: int) -> str:
        """Return the text in a column, "" beyond the end of the row."""
        text = self._row[index].strip() if index < len(self._row) else ""
        wrapped = WRAPPED.fullmatch(text)
        return wrapped[1].replace('""', '"') if wrapped else unguard_formula(text)

    def first(self, field: str) -> str:
        """Return the first text in the columns of a field."""
        return next((text for i in self._columns.indexes.get(field, ()) if (text := self.text(i))), "")

    def values(self, index: int) -> list[str]:
        """Return the values in a cell. A cell of our own files holds one value, whatever it looks like."""
        text = self.text(index)
        parts = [text] if self._columns.is_own_file else GOOGLE_LIST.split(text)
        return [part for part in parts if part]

    def numbers(self, index: int) -> list[str]:
        """Return the phone numbers in a cell."""
        text = self.text(index)
        parts = [text] if self._columns.is_own_file else NUMBER_LIST.split(text)
        return [part for part in parts if part]

    def tags(self) -> list[str]:
        """Return the tags in all columns of tags."""
        return [
            tag
            for index in self._columns.indexes.get("tags", ())
            for tag in split_labels(
                self.text(index),
                with_commas=self._columns.fields[index].endswith(":comma") and not self._columns.is_own_file,
            )
        ]

    def _says_address(self, text: str) -> bool:
        """Return whether a text has addresses, all of them of this contact."""
        own = {a for i in self._columns.indexes.get("email", ()) for a in addresses_in(self.text(i))}
        return bool(addresses_in(text)) and own.issuperset(addresses_in(text))

    def _repeats(self, index: int) -> bool:
        """Return whether the words of a cell all stand in other cells, as a name consists of its parts."""
        text = self.text(index).casefold()
        rest = " ".join([*self._row[:index], *self._row[index + 1 :]]).casefold()
        for word in sorted(WORD.findall(rest), key=len, reverse=True):
            text = text.replace(word, "")
        return not WORD.search(text)

    def custom_fields(self) -> dict[str, str]:
        """Return what the columns say that no field holds, by heading, and the further columns of a field."""
        further = [
            index
            for field in ("company", "job_title", "notes", "nickname")
            for index in self._columns.indexes.get(field, ())
            if self.text(index) not in {"", self.first(field)}
        ]
        unusable = [
            index
            for index in self._columns.indexes.get("email", ())
            if self.text(index) and not all(map(addresses_in, self.values(index)))
        ]
        unexpected = [
            index
            for index in self._columns.indexes.get("ignore", ())
            if not FLAG.fullmatch(text := self.text(index)) and not self._says_address(text)
        ]
        if self._columns.has_names:
            unexpected += [i for i in self._columns.indexes.get("fullname", ()) if not self._repeats(i)]
        custom: dict[str, str] = {}
        for index in [*self._columns.indexes.get("keep", ()), *further, *unusable, *unexpected]:
            if text := self.text(index):
                heading = self._columns.header[index][:240]
                custom[f"{heading} ({index + 1})" if heading in custom else heading] = text
        return custom


def _limited(custom: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return as many values as a contact may have aside, and why the others are cut or left out."""
    held: dict[str, str] = {}
    losses: list[str] = []
    size = 2
    for heading, text in custom.items():
        value = text[:CUSTOM_VALUE]
        bytes_ = len(orjson.dumps({heading: value}))
        if size + bytes_ > CUSTOM_BYTES:
            losses.append(f"no room for the column {heading}")
            continue
        if len(text) > CUSTOM_VALUE:
            losses.append(f"the column {heading} is cut to {CUSTOM_VALUE} characters")
        held[heading] = value
        size += bytes_
    return held, losses


def _replaces(text: str, original: str) -> bool:
    """Return whether a text is the original with `?` in place of letters."""
    original = original.strip()
    return len(text) == len(original) and all(a in {b, "?"} for a, b in zip(text, original, strict=True))


def heading_kind(key: str, kind: str) -> dict[str, Any]:
    """Return category, label and is_default of an entry for the kind in headings.csv, such as `work fax`."""
    place, _, rest = kind.partition(" ")
    label = rest if place == "work" or rest in {"fax", "pager"} else kind
    is_default_label = label == "mobile" if key == "phone" else label == "home"
    return {
        "category": "prof" if place == "work" else "priv",
        "label": "" if is_default_label and place != "work" else label,
        "is_default": 0,
    }


def _resolve(field: str, present: set[str]) -> str:
    """Return the field of a heading that means one thing alone and another beside a second one.

    `Name` beside a first name is the last name, beside a last name the first one; `Nombre` without a last
    name is the whole name.
    """
    has_first, has_last = bool(present & {"firstname", "givenname"}), "lastname" in present
    if field == "name":
        return "fullname" if has_first == has_last else "lastname" if has_first else "firstname"
    if field == "givenname":
        return "firstname" if present & {"lastname", "name"} else "fullname"
    return field


def guard_formula(text: str) -> str:
    """Put a ' before a cell that a spreadsheet would compute; `unguard_formula` takes it away again.

    Names come from people who invite, and from imported files. Most telephone numbers compute nothing, and
    stay as other programs dial them.
    """
    if not FORMULA.match(text) or (NUMBER.fullmatch(text) and not SUM.fullmatch(text)):
        return text
    return f"'{text}"


def unguard_formula(text: str) -> str:
    """Return the text of a cell that `guard_formula` may have changed."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def split_labels(text: str, *, with_commas: bool = False) -> list[str]:
    """Return the tags in a cell: `A ::: B` of Google, `A;B`, and `A,"B"` with commas."""
    if ":::" in text:
        parts = text.split(":::")
    elif with_commas and ";" not in text:
        parts = [
            part for row in csv.reader(text.splitlines(keepends=True), skipinitialspace=True) for part in row
        ]
    else:
        parts = text.split(";")
    return [part.strip().removeprefix("* ") for part in parts if part.strip() not in NOT_TAGS]


def read_rows(source: Iterator[str]) -> Iterator[tuple[int, Contact, str, str]]:
    """Yield (line, contact, "", text) for each row of a CSV file; of a damaged one what can be read, and why.

    (line, {"columns": …}, "", text) comes first and says how the columns are read. `text`: the lines of the
    row; first of all, of the header and what stands before it. UnreadableError for a file without a header.
    """
    lines = Lines(source)
    header = find_header(lines)
    columns = Columns(header.cells, header.sample)
    yield header.lines, {"columns": columns.report()}, "", "".join(lines.row)
    looks_like_row = None if columns.is_own_file else columns.looks_like_contact
    for line, row, reason in split_rows(lines, header, looks_like_row):
        # of a damaged row, the start has the name
        cells = row or first_cells(lines.row[0][:CUSTOM_VALUE], header)
        yield line, columns.contact(cells), reason, "".join(lines.row)
