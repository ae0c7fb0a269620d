"""The state of a contact as the history stores it: as values to show, and as fields to write again.

A state is a record of the REST API and what that leaves out (`private` of the view contact_sheet).
"""

from __future__ import annotations

from typing import Any

import orjson

from service.contacts.record import routine_columns

NO_VALUES = {"id", "created_at", "updated_at", "deleted_at"}
"""Keys of a record that the user does not write."""
PART_OF = {"area_code_lengths": "phones", "default_phones": "phones", "default_addresses": "addresses"}
"""Values that only the RPC shows, and the field in which the REST API shows the rest of the entries."""


def values(record: str | None, private: str | None) -> dict[str, Any]:
    """Return the values of a state by field, {} for that of a contact that did not exist."""
    if record is None:
        return {}
    visible = {name: value for name, value in orjson.loads(record).items() if name not in NO_VALUES}
    hidden = _hidden(private)
    if hidden is None:
        return visible
    phones, addresses = _entries(hidden["phones"]), _entries(hidden["addresses"])
    return {
        **visible,
        "surname": hidden["surname"],
        "area_code_lengths": [length for length, _ in phones],
        "default_phones": [bool(is_default) for _, is_default in phones],
        "default_addresses": [bool(is_default) for (is_default,) in addresses],
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields that differ between the values of two states, with both values."""
    # A state that is older than the history does not have all fields.
    hidden = (before.keys() ^ after.keys()) - {"extra"} if before and after else set()
    changed = [
        name
        for name in {**before, **after}
        if name not in hidden and (before.get(name) or None) != (after.get(name) or None)
    ]
    return [
        {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in changed
        if PART_OF.get(name) not in changed
    ]


def fields_to_write(record: str, private: str | None) -> dict[str, Any]:
    """Return a state as `my_contact_revert` takes it: every field, also those without a value."""
    values_by_name = orjson.loads(record)
    columns = routine_columns(values_by_name)
    if columns["origin"] == "local":
        del columns["origin"]
    columns |= {
        "archived": int(values_by_name["archived"]),
        "groups": values_by_name["groups"],
        "extra": values_by_name.get("extra"),
    }
    if columns["email"] and not any(entry["is_default"] for entry in columns["email"]):
        columns["email"][0]["is_default"] = 1
    hidden = _hidden(private)
    if hidden is None:
        return {**columns, "display_name": _given_display_name(values_by_name)}
    for phone, (length, is_default) in zip(columns["mobile"], _entries(hidden["phones"]), strict=False):
        number = phone.pop("number")
        phone |= {"areacode": number[:length], "phone": number[length:].strip(), "is_default": is_default}
    for address, (is_default,) in zip(columns["address"], _entries(hidden["addresses"]), strict=False):
        address["is_default"] = is_default
    return {
        **columns,
        "surname": hidden["surname"] or "",
        "display_name": hidden["display_name"] or "",
        "is_auto": hidden["is_auto"],
    }


def _hidden(private: str | None) -> dict[str, Any] | None:
    """Return the values that a record leaves out; None for a state that is older than the history.

    A merge adds what its undo needs (relation, card, uid) also to such a state.
    """
    hidden: dict[str, Any] | None = orjson.loads(private) if private else None
    return hidden if hidden and "phones" in hidden else None


def _given_display_name(record: dict[str, Any]) -> str:
    """Return the display name of a record, "" when it follows from the first and the last name."""
    derived = f"{record['first_name'] or ''} {record['last_name'] or ''}".strip()
    return "" if record["display_name"] == derived else record["display_name"]


def _entries(text: str | None) -> list[tuple[int, ...]]:
    """Return the numbers of each entry behind its position, in the order of the positions."""
    numbers = sorted(tuple(map(int, entry.split())) for entry in (text or "").split(",") if entry)
    return [entry[1:] for entry in numbers]
