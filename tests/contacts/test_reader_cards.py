"""vCards of other programs, value by value. All people are invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from service.contacts.reader import read

DATA = Path(__file__).parent / "data"
"""Beside each file, the contacts in it: NAME.json."""
FILES = sorted(path.stem for path in DATA.glob("*.vcf"))
LISTS = {
    "email": ("email",),
    "mobile": ("areacode", "phone"),
    "address": ("street", "city", "state", "postal_code", "country"),
}


def values(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what the reader says of a card, without empty values; entries of lists in a line each."""
    contact = {key: value for key, value in entry.get("contact", {}).items() if value not in ("", [], 0)}
    for key in {"extra", "custom_fields"} & contact.keys():
        contact[key] = orjson.loads(contact[key])
    for key, parts in LISTS.items():
        if key in contact:
            contact[key] = [[*(e[p] for p in parts), e["category"], e["label"]] for e in contact[key]]
    card = {key: entry["card"][key] for key in ("uid", "type") if key in entry.get("card", {})}
    others = {key: entry[key] for key in ("line", "error", "name", "group", "losses") if key in entry}
    return others | contact | ({"card": card} if card else {})


@pytest.mark.parametrize("name", FILES)
def test_a_card_of_another_program_comes_through_value_by_value(name: str) -> None:
    with (DATA / f"{name}.vcf").open("rb") as source:
        entries = [values(entry) for entry in read(source, "vcf")]
    assert entries == orjson.loads((DATA / f"{name}.json").read_bytes())
