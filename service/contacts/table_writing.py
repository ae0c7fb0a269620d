"""Write contacts as the rows of a CSV file, with the headers of Google.

Letters that the encoding of the file lacks become `?` in their cell, and the text itself is in the column
X-DRUMEE: an import takes it from there, unless somebody has edited the cell.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping
from typing import Any

from service.contacts.encodings import codec_of
from service.contacts.extension import extension_of, extension_text, kind_of, number_of
from service.contacts.tables import guard_formula, split_labels
from service.contacts.vocabulary import EXTENSION, FILE_LABELS, PLACE_LIMITS, WORK_MOBILE, cell_kind

SEPARATORS = {",": ",", ";": ";", "tab": "\t"}
"""The separator of cells, by its name in the APIs."""
GOOGLE_LABELS = {
    key: {label: file_label for file_label, label in labels.items()} for key, labels in FILE_LABELS.items()
}
"""The label of Google for each stored label, by list."""
WORK_LABELS = {"fax": "Work Fax", "pager": "Work Pager", "mobile": WORK_MOBILE}
"""Those of numbers at work."""
COLUMNS = {
    "First Name": "firstname",
    "Last Name": "lastname",
    "Nickname": "surname",
    "File As": "display_name",
    "Organization Name": "company",
    "Organization Title": "job_title",
    "Notes": "comment",
}
PLACE_COLUMNS = ("Street", "City", "Region", "Postal Code", "Country")

Contact = Mapping[str, Any]
Book = Mapping[str, Any]
"""email, mobile, address (length of the longest list of a contact), tag, group: see contact_export_book."""


class Table:
    """A CSV file that is written row by row."""

    def __init__(self, book: Book, charset: str, separator: str) -> None:
        """Take the widths of the lists, the name of an encoding, and a key of SEPARATORS."""
        codec = codec_of(charset)
        if codec is None:
            raise ValueError(charset)
        self._book = book
        self._codec = "" if codec.startswith("utf") else codec
        """The encoding, if it lacks letters."""
        self._encoder = codecs.getincrementalencoder(codec)("replace")
        self._separator = SEPARATORS[separator]
        self._header = _header(book)

    def header(self) -> bytes:
        """Return the first row."""
        return self._rows([self._header])

    def rows(self, contacts: list[Contact]) -> bytes:
        """Return the rows of contacts."""
        return self._rows([self._row(contact) for contact in contacts])

    def _rows(self, rows: list[list[str]]) -> bytes:
        out = io.StringIO()
        # A cell with another separator has quotes too: the program of the reader may split there.
        writer = csv.writer(out, delimiter=self._separator, quoting=csv.QUOTE_ALL)
        writer.writerows(map(guard_formula, row) for row in rows)
        return self._encoder.encode(out.getvalue())

    def _row(self, contact: Contact) -> list[str]:
        """Return the cells of a contact."""
        cells, extension = _cells(contact, self._book)
        if self._codec:
            texts = [cell.encode(self._codec, "replace").decode(self._codec) for cell in cells]
            if lacking := {
                heading: cell
                for heading, cell, text in zip(self._header, cells, texts, strict=True)
                if text != cell
            }:
                cells, extension["cells"] = texts, lacking
        cells[self._header.index(EXTENSION.upper())] = extension_text(extension, is_ascii=bool(self._codec))
        return cells


def _header(book: Book) -> list[str]:
    head = [*COLUMNS, "Labels", EXTENSION.upper()]
    for n in range(1, book["email"] + 1):
        head += [f"E-mail {n} - Label", f"E-mail {n} - Value"]
    for n in range(1, book["mobile"] + 1):
        head += [f"Phone {n} - Label", f"Phone {n} - Value"]
    for n in range(1, book["address"] + 1):
        head += [f"Address {n} - {part}" for part in ("Label", *PLACE_COLUMNS)]
    return head


def _cells(contact: Contact, book: Book) -> tuple[list[str], dict[str, Any]]:
    """Return the cells of a contact, and its extension, whose cell is empty.

    Each list is as wide as the longest one of the book.
    """
    labels = "".join(f"{tag} ::: " for tag in contact["tag"])
    more_fields = () if split_labels(labels) == contact["tag"] else ("tag",)
    imported_kinds = {
        key: [cell_kind(key, _label(key, entry)) for entry in contact[key]] for key in FILE_LABELS
    }
    cells = [*(contact[key] for key in COLUMNS.values()), labels, ""]
    values = {
        "email": [[_label("email", e), e["email"]] for e in contact["email"]],
        "mobile": [[_label("mobile", e), number_of(e)] for e in contact["mobile"]],
        "address": [[_label("address", e), *(e[part] for part in PLACE_LIMITS)] for e in contact["address"]],
    }
    for key, width in (("email", 2), ("mobile", 2), ("address", 1 + len(PLACE_COLUMNS))):
        for entry_cells in values[key]:
            cells += entry_cells
        cells += [""] * width * (book[key] - len(values[key]))
    return cells, extension_of(contact, imported_kinds, "extra", *more_fields)


def _label(key: str, entry: Contact) -> str:
    """Return the label of an entry as Google writes it, with a star for the default entry."""
    is_work, label = entry["category"] == "prof", kind_of(key, entry)["label"]
    text = "Work" if is_work and not label else GOOGLE_LABELS[key].get(label, label)
    if is_work and key == "mobile":
        text = WORK_LABELS.get(label, text)
    return f"* {text}" if entry["is_default"] else text
