"""The stored form of a contact and the form that /api/v1 accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.store.database import ResultSet, encode


@dataclass(frozen=True, slots=True)
class Record:
    """A contact as the REST API shows it, JSON text, and its revision."""

    data: str
    rev: int


FIELDS = {
    "display_name": "display_name",
    "first_name": "firstname",
    "last_name": "lastname",
    "company": "company",
    "job_title": "job_title",
    "notes": "comment",
    "avatar_path": "avatar_path",
    "tags": "tags",
    "custom_fields": "custom_fields",
    "extra": "extra",
    "source": "origin",
    "source_id": "source_id",
    "synced_at": "synced_at",
}
"""Fields of a record, and their names in the routines."""


WORK = "work "
"""Before the label of a professional entry that has one of its own, such as a fax."""
POSTAL = ("street", "city", "state", "postal_code", "country")


def routine_fields(fields: dict[str, Any]) -> str:
    """Return fields of a record as the JSON text that routines take."""
    return encode(routine_columns(fields))


def routine_columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a record under the names that routines know.

    The labels `work` and `work …` are professional, any other one private.
    """
    columns: dict[str, Any] = {"from_api": 1}
    columns |= {column: fields[name] for name, column in FIELDS.items() if name in fields}
    lists = (("emails", "email", _mail), ("phones", "mobile", _phone), ("addresses", "address", _address))
    columns |= {
        column: [shape(item) for item in fields[name]] for name, column, shape in lists if name in fields
    }
    return columns


def record_of(rows: ResultSet) -> Record:
    """Return the record in the first row of a result set."""
    data, rev = rows[0]
    return Record(data, rev)


def _common(item: dict[str, Any]) -> dict[str, Any]:
    label = (item.get("label") or "other").strip()
    if label.lower() == "work":
        return {"label": label, "category": "prof"}
    if rest := label.removeprefix(WORK).strip() if label.startswith(WORK) else "":
        return {"label": rest, "category": "prof"}
    return {"label": label, "category": "priv"}


def _mail(item: dict[str, Any]) -> dict[str, Any]:
    return {**_common(item), "email": item["address"], "is_default": int(bool(item.get("primary")))}


def _phone(item: dict[str, Any]) -> dict[str, Any]:
    return {**_common(item), "number": item["number"], "is_default": int(bool(item.get("primary")))}


def _address(item: dict[str, Any]) -> dict[str, Any]:
    return {**_common(item), **{name: item.get(name) or "" for name in POSTAL}}
