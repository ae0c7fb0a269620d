"""Data of a contact that a file has no place for: the extension.

It is a JSON object, in the property X-DRUMEE of a card or in the column of that name of a table. That of the
first contact has all tags and groups, in `book`, because other programs would take a card of their own for
a contact. A contact of the source `local` has no source in the file: PRODID, or the column X-DRUMEE, implies
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from service.contacts.vocabulary import FILE_LABELS, LOCAL_SOURCE, split_numbers

FIELDS = (
    *("uid", "entity", "group", "archived"),
    *("custom_fields", "avatar_path", "source", "source_id", "synced_at"),
)
"""Fields of a contact for which other programs have neither property nor column."""
DEFAULT_LABELS = {"email": "personal", "mobile": "mobile", "address": "home"}
"""The stored label of a private entry to which nobody gave one."""
BREAK = re.compile("\r\n|\r|\n")
BREAK_CODES = {"\n": "n", "\r\n": "c", "\r": "r"}

Contact = Mapping[str, Any]


def kind_of(key: str, entry: Contact) -> dict[str, Any]:
    """Return category, label and is_default of an entry; "" for its default label."""
    default_label = "work" if entry["category"] == "prof" else DEFAULT_LABELS[key]
    label = "" if entry["label"] == default_label else entry["label"]
    return {"category": entry["category"], "label": label, "is_default": entry["is_default"]}


def number_of(entry: Contact) -> str:
    """Return area code and phone as one text."""
    return f"{entry['areacode']} {entry['phone']}".strip()


def extension_of(
    contact: Contact, imported_kinds: Mapping[str, list[Any]], *more_fields: str
) -> dict[str, Any]:
    """Return the data that the format has no place for.

    `imported_kinds` has category, label and is_default of each entry as an import would read them: only
    lists that differ are written. `more_fields` are fields that an import could not read from the file.
    """
    extension = {
        key: contact[key] for key in (*FIELDS, *more_fields) if contact[key] not in (None, "", 0, [])
    }
    if contact.get("photo"):
        # The file has the picture itself; the path is that of another address book.
        extension.pop("avatar_path", None)
    if extension.get("source") == LOCAL_SOURCE:
        del extension["source"]
    if extension.get("display_name"):
        extension["display_name"] = 1  # the name itself is in FN
    kinds = {key: [kind_of(key, entry) for entry in contact[key]] for key in FILE_LABELS}
    if differing := {key: kinds[key] for key in FILE_LABELS if kinds[key] != imported_kinds[key]}:
        extension["kind"] = differing
    numbers = [number_of(entry) for entry in contact["mobile"]]
    parts = [{"areacode": entry["areacode"], "phone": entry["phone"]} for entry in contact["mobile"]]
    if split_numbers(numbers, {}) != parts:
        extension["areacode"] = [len(entry["areacode"]) for entry in contact["mobile"]]
    if "book" in contact:
        extension["book"] = contact["book"]
    return extension


def extension_text(extension: Mapping[str, Any], *, is_ascii: bool = False) -> str:
    """Return an extension as JSON; "" for an empty one."""
    if not extension:
        return ""
    return json.dumps(extension, separators=(",", ":")) if is_ascii else orjson.dumps(extension).decode()


def line_breaks(text: str) -> str:
    """Return the line breaks of a text when they are not all LF: `c` CRLF, `n` LF, `r` CR; one for all."""
    breaks = "".join(BREAK_CODES[ends] for ends in BREAK.findall(text))
    kinds = set(breaks)
    if kinds <= {"n"}:
        return ""
    return breaks[0] if len(kinds) == 1 else breaks


def with_line_breaks(text: str, breaks: Any) -> str:
    """Return a text with the line breaks that `line_breaks` returned, unless the text has others now."""
    codes = {code: ends for ends, code in BREAK_CODES.items()}
    lines = text.split("\n")
    if not isinstance(breaks, str) or not breaks or breaks.strip("".join(codes)):
        return text
    if len(breaks) == 1:
        return codes[breaks].join(lines)
    if len(breaks) != len(lines) - 1:
        return text
    return "".join(line + codes.get(code, "") for line, code in zip(lines, [*breaks, ""], strict=True))
