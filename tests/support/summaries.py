"""Files of other programs, and in a line each what the reader takes from them, with every value.

All people are invented.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import orjson

from service.contacts.reader import decoder_of, read

DATA = Path(__file__).parents[1] / "contacts/data/programs.jsonl"
"""A file in a line: name, kind, encoding, lines, and the summaries of its contacts."""
LINE = re.compile(r"\d+: (?!group: |rejected: )(.*)", re.DOTALL)
"""The summary of a contact, without its line."""
FIELDS = (("surname", "nick"), ("display_name", "fn"), ("company", "org"), ("job_title", "job"))
PLACE = ("street", "city", "state", "postal_code", "country")


def files() -> list[dict[str, Any]]:
    """Return the files of other programs."""
    return [orjson.loads(line) for line in DATA.read_bytes().splitlines()]


def content(file: dict[str, Any]) -> bytes:
    """Return the bytes of a file."""
    return "\n".join(file["lines"]).encode(file["encoding"])


def summaries(data: bytes, kind: str) -> list[str]:
    """Return a line for each contact, group and rejection of a file."""
    source = io.BytesIO(data)
    entries = read(source, kind, decoder_of(source, kind))
    return [_summary(entry) for entry in entries if "columns" not in entry]


def _summary(entry: dict[str, Any]) -> str:
    parts = [*_parts(entry), *(f"lost: {loss}" for loss in entry.get("losses", ()))]
    return f"{entry['line']}: {' | '.join(parts)}"


def _parts(entry: dict[str, Any]) -> list[str]:
    if "error" in entry:
        return [f"rejected: {entry['name']}", entry["error"]]
    if group := entry.get("group"):
        return [f"group: {group['name']}", group["comment"], *group["uid"], *group["email"]]
    contact = entry["contact"]
    custom = orjson.loads(contact.get("custom_fields", "{}"))
    extra = orjson.loads(contact.get("extra", "{}"))
    return [
        f"{contact['firstname']}, {contact['lastname']}",
        *(f"{name}: {contact[key]}" for key, name in FIELDS if contact[key]),
        *(_entry(item, [item["email"]]) for item in contact["email"]),
        *(_entry(item, [item["areacode"], item["phone"]]) for item in contact["mobile"]),
        *(_entry(item, [", ".join(item[key] for key in PLACE)]) for item in contact["address"]),
        *([f"note: {contact['comment']}"] if contact["comment"] else []),
        *(f"tag: {tag}" for tag in contact["tag"]),
        *(f"{key}: {value}" for key, value in custom.items()),
        *(f"{key}= {orjson.dumps(item).decode()}" for key, items in sorted(extra.items()) for item in items),
        *([f"picture: {entry['card']['digest']}"] if "picture" in entry.get("card", {}) else []),
    ]


def _entry(item: dict[str, Any], values: list[str]) -> str:
    words = [*values, item["category"], item["label"], "*" if item["is_default"] else ""]
    return " ".join(filter(None, words))
