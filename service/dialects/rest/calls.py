"""What each call on contacts does: the store's functions and routines, in the words of this API."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import orjson

from service import contacts
from service.context import Context, together
from service.database import ResultSet
from service.dialects.rest.compact import compact
from service.dialects.rest.declarations import (
    CHANGES_LIMIT,
    FIELDS,
    FOR_SYNC,
    MAX_LIMIT,
)
from service.dialects.rest.errors import ApiError, invalid, invalid_query, not_found
from service.dialects.rest.frames import FRAMES
from service.dialects.rest.operation import PREFIX, Ask, Reply
from service.ids import from_wire, to_wire
from service.pictures import encoded

SOURCE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
REV = re.compile(r'"([0-9]{1,19})"')


async def create(ask: Ask) -> Reply:
    """Add a contact. Needs a display name, or a first or last name to make one of."""
    given = _writable(ask, ask.body)
    if source := ask.request.headers.get("X-Claw-Source"):
        if not SOURCE.fullmatch(source):
            raise invalid("X-Claw-Source", "characters", "is not 1 to 32 of A-Z a-z 0-9 _ . -")
        given["source"] = source
    made = await contacts.create(ask.ctx, given)
    key = orjson.loads(made.data)["id"]
    return _record(made.data, made.rev, 201, {"Location": f"{PREFIX}/contacts/{key}"})


async def find(ask: Ask) -> Reply:
    """A page of contacts."""
    query = ask.query
    fields = _fields(query)
    if fields and query["format"] == "compact":
        raise invalid_query("fields", "exclusive", "and format=compact exclude each other")
    limit, offset = min(query["limit"], MAX_LIMIT), query["offset"]
    filters = {name: query[name] for name in ("search", "tag", "company", "source") if query.get(name)}
    found, total = await _page(ask, filters, limit, offset)
    meta = {"total": total, "limit": limit, "offset": offset, "has_more": offset + len(found) < total}
    if query["format"] == "compact":
        return Reply(200, compact([orjson.loads(data) for data, _ in found], query, meta))
    texts = [_projected(data, fields) for data, _ in found]
    body = b'{"data":[' + b",".join(texts) + b'],"meta":' + orjson.dumps(meta) + b',"tier":"free"}'
    return Reply(200, body, {"ETag": f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'})


async def _page(ask: Ask, filters: dict[str, Any], limit: int, offset: int) -> tuple[ResultSet, int]:
    """(rows of data and rev, total) of a page."""
    uid, deleted = ask.ctx.caller.uid, _deleted(ask.query)
    wanted = {**filters, "sort": ask.query["sort"], "order": ask.query["order"], "deleted": deleted}
    if filters:
        wanted["known"] = ask.totals.of(uid, deleted, filters)
    found, ((total, *rev),) = await ask.ctx.mine(
        "my_contact_records", orjson.dumps(wanted).decode(), limit, offset
    )
    if filters:
        ask.totals.note(uid, deleted, filters, rev[0], total)
    return found, total


async def get(ask: Ask) -> Reply:
    """One contact."""
    (found,) = await ask.ctx.mine("my_contact_record", ask.contact, int(ask.query["include_deleted"]))
    if not found:
        raise not_found()
    data, rev = found[0]
    return _record(_projected(data, _fields(ask.query)).decode(), rev)


async def update(ask: Ask) -> Reply:
    """Change the fields that are given; null clears one, a list is replaced as a whole."""
    rev, given = await _expected(ask), _writable(ask, ask.body)
    if "avatar_path" not in given or _is_own_picture(ask.contact, given["avatar_path"]):
        changed = await contacts.patch(ask.ctx, ask.contact, given, rev)
        return _record(changed.data, changed.rev)

    async def work(ctx: Context) -> contacts.Record:
        found = await contacts.patch(ctx, ask.contact, given, rev)
        await ctx.mine("picture_drop", ask.contact)
        return found

    changed = await together(ask.ctx, work)
    return _record(changed.data, changed.rev)


async def update_custom(ask: Ask) -> Reply:
    """Change some keys of custom_fields; null removes one, all others stay."""
    changed = await contacts.patch_custom(ask.ctx, ask.contact, ask.body, await _expected(ask))
    return _record(changed.data, changed.rev)


async def delete(ask: Ask) -> Reply:
    """Throw a contact into the trash; with permanent=true away for good, also out of the trash."""
    rev = await _expected(ask)
    if ask.query["permanent"]:
        await contacts.purge(ask.ctx, ask.contact, rev)
        return Reply(200, orjson.dumps({"data": {"id": to_wire(ask.contact), "deleted": True}}))
    gone = orjson.loads((await contacts.discard(ask.ctx, ask.contact, rev)).data)
    shown = {"id": gone["id"], "deleted_at": gone["deleted_at"]}
    return Reply(200, orjson.dumps({"data": shown}))


async def restore(ask: Ask) -> Reply:
    """Take a contact out of the trash."""
    back = await contacts.restore(ask.ctx, ask.contact, await _expected(ask))
    return _record(back.data, back.rev)


async def merge(ask: Ask) -> Reply:
    """Make several contacts one: what the first lacks, and all notes, come from the others, which then go."""
    into = known_id(ask.body["into"])
    others = list(dict.fromkeys(known_id(each) for each in ask.body["ids"]))
    if into in others:
        raise invalid("ids", "distinct", "has the contact that stays")
    ask.contact = into
    rev = await _expected(ask)

    async def work(ctx: Context) -> contacts.Record:
        taken = await _take_picture(ctx, into, others, rev)
        return await contacts.merge(ctx, into, others, None if taken else rev)

    merged = await together(ask.ctx, work)
    return _record(merged.data, merged.rev)


async def changes(ask: Ask) -> Reply:
    """What has changed since a token, each contact once, as it is now; those that are gone included."""
    limit, since = min(ask.query["limit"], CHANGES_LIMIT), int(ask.query.get("since", "0"))
    found, ((rev, more),) = await ask.ctx.mine("my_contact_changes", since, limit)
    entries = [
        b'{"event":"' + FRAMES[event].encode() + b'","data":' + data.encode() + b"}"
        for _, event, data in found
    ]
    meta = {"next": str(rev), "has_more": bool(more)}
    return Reply(200, b'{"data":[' + b",".join(entries) + b'],"meta":' + orjson.dumps(meta) + b"}")


async def duplicates(ask: Ask) -> Reply:
    """Contacts that look like the same person: the same name, or the same number."""
    limit = min(ask.query["limit"], MAX_LIMIT)
    found, ((after,),) = await ask.ctx.mine("my_contact_duplicates", ask.query.get("after") or None, limit)
    texts = b",".join(data.encode() for (data,) in found)
    meta = {"limit": limit, "next": after, "has_more": after is not None}
    return Reply(200, b'{"data":[' + texts + b'],"meta":' + orjson.dumps(meta) + b"}")


async def set_avatar(ask: Ask) -> Reply:
    """Upload a picture (part `file`: PNG, JPEG, WebP or GIF, at most 1 MB)."""
    content, kind = ask.body["content"], ask.body["kind"]
    path = picture_path(ask.contact, hashlib.sha256(content).hexdigest())
    rev = await _expected(ask)

    async def work(ctx: Context) -> contacts.Record:
        found = await contacts.patch(ctx, ask.contact, {"avatar_path": path}, rev)
        await ctx.mine("picture_put", ask.contact, kind, encoded(content))
        return found

    changed = await together(ask.ctx, work)
    return _record(changed.data, changed.rev)


async def get_avatar(ask: Ask) -> Reply:
    """The picture that was uploaded. The token may stand in the query, as `token`."""
    known = re.search(r'"([0-9a-f]{64})"', ask.request.headers.get("If-None-Match", ""))
    (found,) = await ask.ctx.mine("picture_get", ask.contact, known[1] if known else None)
    if not found:
        raise not_found()
    kind, digest, content = found[0]
    headers = {
        "ETag": f'"{digest}"',
        "Content-Disposition": f'inline; filename="avatar.{kind.partition("/")[2]}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=300",
    }
    return Reply(200 if content is not None else 304, content, headers, kind)


def known_id(text: str) -> str:
    """Our id of a contact on the wire; ApiError 404 for what can be no contact of ours."""
    found = from_wire(text)
    if found is None:
        raise not_found()
    return found


def picture_path(contact: str, digest: str) -> str:
    """Where an uploaded picture is fetched; another one has another path, so that clients see the change."""
    return f"{PREFIX}/contacts/{to_wire(contact)}/avatar/{digest[:16]}"


def _is_own_picture(contact: str, path: str | None) -> bool:
    return bool(path) and str(path).startswith(f"{PREFIX}/contacts/{to_wire(contact)}/avatar/")


async def _take_picture(ctx: Context, into: str, others: Sequence[str], rev: int | None) -> bool:
    """Give a contact without a picture the first one of the others, if it was uploaded; whether it was.

    One that lies elsewhere is a path only, which my_contact_merge takes over.
    """
    if await _avatar_path(ctx, into):
        return False
    for other in others:
        found = await _avatar_path(ctx, other)
        if not found:
            continue
        moved = await ctx.mine("picture_move", other, into) if _is_own_picture(other, found) else []
        if not moved or not moved[0]:
            return False
        path = picture_path(into, moved[0][0][0])
        await contacts.patch(ctx, into, {"avatar_path": path}, rev)
        return True
    return False


async def _avatar_path(ctx: Context, contact: str) -> str | None:
    """Where the picture of a contact is; None when there is none, or no such contact."""
    (found,) = await ctx.mine("my_contact_record", contact, 0)
    return orjson.loads(found[0][0])["avatar_path"] if found else None


def _record(data: str, rev: int, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, b'{"data":' + data.encode() + b"}", {"ETag": f'"{rev}"', **(headers or {})})


def _deleted(query: dict[str, Any]) -> str:
    if query["only_deleted"]:
        return "only"
    return "also" if query["include_deleted"] else "no"


def _fields(query: dict[str, Any]) -> list[str]:
    """The fields that are wanted, id first; [] for all."""
    names = [name.strip() for name in query.get("fields", "").split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            raise invalid_query("fields", "enum", f"has no {name[:64]!r}; there are {', '.join(FIELDS)}")
    return [name for name in FIELDS if name == "id" or name in names] if names else []


def _projected(data: str, fields: list[str]) -> bytes:
    """A record as it came, or the wanted fields of it."""
    if not fields:
        return data.encode()
    record = orjson.loads(data)
    return orjson.dumps({name: record[name] for name in fields})


async def _expected(ask: Ask) -> int | None:
    """The rev that If-Match names; None when there is no such condition. ApiError 412 when none can match."""
    header = (ask.if_match or "").strip()
    if not header or header == "*":
        return None
    revs = [int(m[1]) for part in header.split(",") if (m := REV.fullmatch(part.strip()))]
    if len(revs) == 1:
        return revs[0]
    (found,) = await ask.ctx.mine("my_contact_record", ask.contact, 1)
    if not found:
        raise not_found()
    if found[0][1] not in revs:
        raise ApiError("PRECONDITION_FAILED", "The contact has changed since it was read")
    return int(found[0][1])


def _writable(ask: Ask, body: dict[str, Any]) -> dict[str, Any]:
    """What of a body the caller may write, one primary entry in each list."""
    scope = ask.admitted.scope if ask.admitted else ""
    given = {
        name: value for name, value in body.items() if name not in FOR_SYNC or scope in {"system", "sync"}
    }
    for name in ("emails", "phones", "addresses", "tags"):
        if name in given:
            given[name] = given[name] or []
    for name in ("emails", "phones"):
        if given.get(name):
            given[name] = _one_primary(name, given[name])
    seen: set[str] = set()
    for index, entry in enumerate(given.get("emails") or ()):
        if entry["address"] in seen:
            raise invalid(f"emails[{index}].address", "unique", "is there already")
        seen.add(entry["address"])
    if given.get("tags"):
        given["tags"] = list(dict.fromkeys(given["tags"]))
    return given


def _one_primary(name: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    marked = [index for index, entry in enumerate(entries) if entry.get("primary")]
    if len(marked) > 1:
        raise invalid(name, "single_primary", "has more than one primary entry")
    first = marked[0] if marked else 0
    return [{**entry, "primary": index == first} for index, entry in enumerate(entries)]
