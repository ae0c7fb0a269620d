"""`format=compact`: one line for each contact, for language models that pay by the token."""

from __future__ import annotations

from typing import Any

import orjson


def compact(records: list[dict[str, Any]], query: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """Return the JSON body of a list in this format."""
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
    # A name may hold line separators; splitting at them keeps the contact on one line.
    return " ".join(f"{' — '.join(parts)} id:{record['id'][:8]}".split())


def _summary(count: int, query: dict[str, Any], meta: dict[str, Any]) -> str:
    """Return how many contacts the list has, and its filters: `20 of 87 contacts (tag:work, offset:20)`."""
    total = meta["total"]
    noun = "contact" if total == 1 else "contacts"
    floor = f"more than {total - 1}" if meta.get("total_is_floor") else total
    counts = f"{total} {noun}" if count == total else f"{count} of {floor} {noun}"
    filters = [f"tag:{tag}" for tag in query.get("tag") or ()]
    filters += [f"{name}:{query[name]}" for name in ("company", "source", "search") if query.get(name)]
    if meta["offset"]:
        filters.append(f"offset:{meta['offset']}")
    if query["only_deleted"]:
        filters.append("deleted")
    return f"{counts} ({', '.join(filters)})" if filters else counts
