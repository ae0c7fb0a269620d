"""`format=compact`: a line a contact, for language models that pay by the word."""

from __future__ import annotations

from typing import Any

import orjson


def compact(records: list[dict[str, Any]], query: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """The body of a list in this format."""
    fields = {
        "format": "compact",
        "summary": _summary(len(records), query, meta),
        "lines": [_line(record) for record in records],
        "ids": [record["id"] for record in records],
        "meta": meta,
    }
    return orjson.dumps(fields)


def _line(record: dict[str, Any]) -> str:
    email = next((e["address"] for e in record["emails"] if e["primary"]), None)
    parts = [part for part in (record["display_name"], record["company"], email) if part]
    # a line stays one line, whatever a name holds
    return " ".join(f"{' — '.join(parts)} id:{record['id'][:8]}".split())


def _summary(shown: int, query: dict[str, Any], meta: dict[str, Any]) -> str:
    """How many there are, and which: `20 of 87 contacts (tag:work, offset:20)`."""
    total = meta["total"]
    noun = "contact" if total == 1 else "contacts"
    words = f"{total} {noun}" if shown == total else f"{shown} of {total} {noun}"
    marks = [f"tag:{tag}" for tag in query.get("tag") or ()]
    marks += [f"{name}:{query[name]}" for name in ("company", "source", "search") if query.get(name)]
    if meta["offset"]:
        marks.append(f"offset:{meta['offset']}")
    if query["only_deleted"]:
        marks.append("deleted")
    return f"{words} ({', '.join(marks)})" if marks else words
