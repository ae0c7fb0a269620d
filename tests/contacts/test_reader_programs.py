"""Files of other programs, in many languages and encodings, value by value, and through every format.

data/programs.jsonl has them, a file in a line. All people are invented.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Mapping
from typing import Any

import pytest

from service.contacts.exporting import jcard, vcard
from service.contacts.reader import decoder_of, read
from service.contacts.table_writing import Table
from tests.support.address_files import as_exported
from tests.support.summaries import LINE, content, files, summaries

FILES = files()
PLAIN_CARDS = [
    file
    for file in FILES
    if (file["kind"], file["encoding"]) == ("vcf", "utf-8") and "VERSION:3.0" in file["lines"]
]
NOT_IN_FILE = re.compile(r" \| (?:picture|lost): [^|]*")
"""The picture is added by the export; what is lost is lost once."""


def contacts_in(lines: list[str]) -> list[str]:
    """Return summaries of contacts without their lines."""
    return [NOT_IN_FILE.sub("", match[1]) for line in lines if (match := LINE.fullmatch(line))]


def written(file: dict[str, Any], form: str) -> bytes:
    """Return the contacts of a file in a format."""
    source = io.BytesIO(content(file))
    entries = [e for e in read(source, file["kind"], decoder_of(source, file["kind"])) if "contact" in e]
    contacts: list[Mapping[str, Any]] = [as_exported(entry, number) for number, entry in enumerate(entries)]
    if form == "jCard":
        return b"[" + b",".join(map(jcard, contacts)) + b"]"
    if form != "csv":
        return "".join(vcard(contact, form) for contact in contacts).encode()
    most = {key: max((len(c[key]) for c in contacts), default=0) for key in ("email", "mobile", "address")}
    table = Table({**most, "tag": [], "group": []}, "utf-8", ",")
    return table.header() + table.rows(contacts)


@pytest.mark.parametrize("file", FILES, ids=[file["name"] for file in FILES])
def test_a_file_of_another_program_comes_through_value_by_value(file: dict[str, Any]) -> None:
    assert summaries(content(file), file["kind"]) == file["contacts"]


@pytest.mark.parametrize("form", ["2.1", "3.0", "4.0", "jCard", "csv"])
def test_a_file_goes_through_every_format_value_by_value(form: str) -> None:
    for file in FILES:
        read_back = summaries(written(file, form), "csv" if form == "csv" else "vcf")
        assert contacts_in(read_back) == contacts_in(file["contacts"]), file["name"]


@pytest.mark.parametrize("seed", range(5))
def test_a_fold_may_stand_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    for file in PLAIN_CARDS:
        data = b"\r\n".join(_folded(line.encode(), rng) for line in file["lines"])
        assert contacts_in(summaries(data, "vcf")) == contacts_in(file["contacts"]), file["name"]


def _folded(line: bytes, rng: random.Random) -> bytes:
    """Return a line with folds, also within letters and names of properties."""
    if b":VCARD" in line or line.startswith((b"VERSION", b" ", b"\t")):
        return line
    parts = []
    while line:
        size = rng.randint(1, 30)
        parts.append(line[:size])
        line = line[size:]
    return b"\r\n ".join(parts)
