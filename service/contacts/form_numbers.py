"""Phone numbers as the edit form of the Drumee frontend takes them, and back.

The form checks area code and number with one pattern and saves no contact that has another number. It shows
the area code without its `+`, so one of a single digit, as of North America, never passes. Numbers that other
APIs and imports have written go out in a form that passes. When they come back untouched, what is stored
stays. A number with fewer than two digits has no such form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.contacts.vocabulary import split_number

PASSES = re.compile(r"(\+|[0-9]+)\(?[0-9]{1,4}\)?[-\s./0-9]*", re.ASCII)
"""What the form lets pass, trimmed; an empty text passes as well."""
SPLIT_AREACODE = re.compile(r"\+[0-9]{2,}", re.ASCII)
"""Area codes that the form shows, checks and sends back as they are."""
DIALLED_RUN = re.compile(r"\+?[0-9(][0-9 ().\-/\xa0]*", re.ASCII)

Number = tuple[str, str]
"""Area code and number."""


def for_form(areacode: str, phone: str) -> Number:
    """Return a number as the form takes it, split into area code and number where it can be."""
    return next(_forms(areacode, phone), (areacode, phone))


def contact_for_form(contact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contact with its numbers as the form takes them."""
    rows = []
    for row in contact["mobile"]:
        areacode, phone = for_form(row["areacode"], row["phone"])
        rows.append({**row, "areacode": areacode, "phone": phone})
    return {**contact, "mobile": rows}


def from_form(sent: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that the form sends, with the stored writing of those that nobody has touched.

    Of several stored numbers with one form, the n-th row stands for the n-th of them.
    """
    writings: dict[Number, list[Number]] = {}
    for row in stored:
        number = (row["areacode"], row["phone"])
        writings.setdefault(for_form(*number), []).append(number)
    rows = []
    for row in sent:
        areacode = str(row.get("areacode") or "")
        number = ("" if areacode == "+" else areacode, str(row.get("phone") or ""))
        same = writings.get(number)
        areacode, phone = same.pop(0) if same else number
        rows.append({**row, "areacode": areacode, "phone": phone})
    return rows


def _forms(areacode: str, phone: str) -> Iterator[Number]:
    """Yield writings of a number that the form takes, the best one first."""
    areacode, phone = areacode.strip(), phone.strip()
    written = f"{areacode} {phone}".strip()
    if SPLIT_AREACODE.fullmatch(areacode):
        if _passes(phone):
            yield areacode, phone
        split = split_number(written)
        if split["areacode"] == areacode and _passes(split["phone"]):
            yield areacode, split["phone"]
    elif not areacode and _passes(phone):
        yield "", phone
    if _passes(written):
        yield "", written
    for run in DIALLED_RUN.findall(written):
        digits = re.sub(r"[^0-9+]", "", run)
        if _passes(digits) and len(digits) > 1:
            yield "", digits


def _passes(text: str) -> bool:
    return bool(PASSES.fullmatch(text))
