"""Operations on contacts, on top of the address book and its routines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import orjson

from service.contacts import book
from service.contacts.extra import flaw_of
from service.contacts.pictures import encoded, is_uploaded, picture_path
from service.contacts.record import Record
from service.ids import from_wire, to_wire
from service.rest.compact import compact
from service.rest.declarations import CHANGES_LIMIT, FIELDS, FOR_SYNC, MAX_LIMIT
from service.rest.errors import invalid, invalid_query, not_found, rest_error
from service.rest.frames import FRAMES
from service.rest.operation import PREFIX, ApiRequest, ApiResponse
from service.runtime.context import Context, in_transaction
from service.store.changes import change_set, new_change_set
from service.store.database import ResultSet, encode
from service.web.answers import POLICY

SOURCE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
REV = re.compile(r'"([0-9]{1,19})"')


async def create(request: ApiRequest) -> ApiResponse:
    """Create a contact. It needs a display name, or a first or last name to build one from."""
    fields = _writable_fields(request)
    if source := request.http.headers.get("X-Claw-Source"):
        if not SOURCE.fullmatch(source):
            raise invalid("X-Claw-Source", "characters", "must be 1 to 32 of A-Z a-z 0-9 _ . -")
        fields["source"] = source
    created = await book.create(request.ctx, fields)
    wire_id = orjson.loads(created.data)["id"]
    return record_response(created, 201, {"Location": f"{PREFIX}/contacts/{wire_id}"})


async def find(request: ApiRequest) -> ApiResponse:
    """List a page of contacts, filtered and sorted."""
    query = request.query
    selected = _selected_fields(query)
    if selected and query["format"] == "compact":
        raise invalid_query("fields", "exclusive", "and format=compact exclude each other")
    limit, offset = min(query["limit"], MAX_LIMIT), query["offset"]
    filters = {name: query[name] for name in ("search", "tag", "company", "source") if query.get(name)}
    record_rows, total, is_floor = await _page(request, filters, limit, offset)
    meta = {"total": total, "limit": limit, "offset": offset, "has_more": offset + len(record_rows) < total}
    if is_floor:
        meta["total_is_floor"] = True
    if query["format"] == "compact":
        return ApiResponse(200, compact([orjson.loads(data) for data, _ in record_rows], query, meta))
    texts = [_project(data, selected) for data, _ in record_rows]
    body = b'{"data":[' + b",".join(texts) + b'],"meta":' + orjson.dumps(meta) + b',"tier":"free"}'
    return ApiResponse(200, body, {"ETag": f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'})


async def _page(
    request: ApiRequest, filters: dict[str, Any], limit: int, offset: int
) -> tuple[ResultSet, int, bool]:
    """Return the rows (record as JSON, rev) of a page, the total, and whether more may match than that."""
    uid, deleted = request.ctx.caller.uid, _deleted_filter(request.query)
    search = {**filters, "sort": request.query["sort"], "order": request.query["order"], "deleted": deleted}
    known = {
        **request.count_cache.get(uid, deleted, filters),
        "after": request.ctx.page_positions.find(uid, search, offset),
        "floor": int(request.query["total"] == "floor"),
    }
    record_rows, ((total, rev, is_floor),) = await request.ctx.shard(
        "my_contact_records", encode({**search, **known}), limit, offset
    )
    if filters:
        request.count_cache.put(uid, deleted, filters, rev, total, is_floor=bool(is_floor))
    if len(record_rows) == limit:
        last = from_wire(orjson.loads(record_rows[-1][0])["id"])
        request.ctx.page_positions.put(uid, search, rev, offset + limit, str(last))
    return record_rows, total, bool(is_floor)


async def get(request: ApiRequest) -> ApiResponse:
    """Return one contact."""
    include_deleted = int(request.query["include_deleted"])
    (record_rows,) = await request.ctx.shard("my_contact_record", request.contact_id, include_deleted)
    if not record_rows:
        raise not_found()
    data, rev = record_rows[0]
    return record_response(Record(_project(data, _selected_fields(request.query)).decode(), rev))


async def update(request: ApiRequest) -> ApiResponse:
    """Change the fields of the body; null clears a field, a list is replaced as a whole."""
    rev, fields = await expected_rev(request), _writable_fields(request)
    if "avatar_path" not in fields or is_uploaded(request.contact_id, fields["avatar_path"]):
        return record_response(await book.patch(request.ctx, request.contact_id, fields, rev))

    async def work(ctx: Context) -> Record:
        record = await book.patch(ctx, request.contact_id, fields, rev)
        await ctx.shard("picture_delete", request.contact_id)
        return record

    return record_response(await in_transaction(request.ctx, work))


async def update_custom(request: ApiRequest) -> ApiResponse:
    """Change keys of custom_fields; null removes a key, all others stay."""
    rev = await expected_rev(request)
    return record_response(await book.patch_custom(request.ctx, request.contact_id, request.body, rev))


async def delete(request: ApiRequest) -> ApiResponse:
    """Move a contact to the trash; with permanent=true, delete it permanently, from the trash as well."""
    rev = await expected_rev(request)
    if request.query["permanent"]:
        await book.purge(request.ctx, request.contact_id, rev)
        return ApiResponse(200, orjson.dumps({"data": {"id": to_wire(request.contact_id), "deleted": True}}))
    record = orjson.loads((await book.trash(request.ctx, request.contact_id, rev)).data)
    fields = {"id": record["id"], "deleted_at": record["deleted_at"]}
    return ApiResponse(200, orjson.dumps({"data": fields}))


async def restore(request: ApiRequest) -> ApiResponse:
    """Restore a contact from the trash."""
    rev = await expected_rev(request)
    return record_response(await book.restore(request.ctx, request.contact_id, rev))


async def merge(request: ApiRequest) -> ApiResponse:
    """Merge contacts into one: it gains all notes and the values that it lacks; the others are deleted."""
    into = parse_contact_id(request.body["into"])
    other_ids = list(dict.fromkeys(parse_contact_id(text) for text in request.body["ids"]))
    if into in other_ids:
        raise invalid("ids", "distinct", "must not contain the contact `into`")
    request.contact_id = into
    rev = await expected_rev(request)

    async def work(ctx: Context) -> Record:
        # Taking over a picture raises the revision that If-Match was compared with.
        is_changed = await _take_picture(ctx, into, other_ids, rev)
        return await book.merge(ctx, into, other_ids, None if is_changed else rev)

    with change_set(new_change_set()):
        return record_response(await in_transaction(request.ctx, work))


async def changes(request: ApiRequest) -> ApiResponse:
    """List the contacts changed since a token, each once and as it is now, deleted ones included."""
    limit, since = min(request.query["limit"], CHANGES_LIMIT), int(request.query.get("since", "0"))
    change_rows, ((rev, more),) = await request.ctx.shard("my_contact_changes", since, limit)
    entries = [
        b'{"event":"' + FRAMES[event].encode() + b'","data":' + data.encode() + b"}"
        for _, event, data in change_rows
    ]
    meta = {"next": str(rev), "has_more": bool(more)}
    return ApiResponse(200, b'{"data":[' + b",".join(entries) + b'],"meta":' + orjson.dumps(meta) + b"}")


async def duplicates(request: ApiRequest) -> ApiResponse:
    """List contacts that may be the same person: those with the same address, name or number."""
    limit = min(request.query["limit"], MAX_LIMIT)
    after = request.query.get("after") or None
    group_rows, ((next_after,),) = await request.ctx.shard("my_contact_duplicates", after, limit)
    texts = b",".join(data.encode() for (data,) in group_rows)
    meta = {"limit": limit, "next": next_after, "has_more": next_after is not None}
    return ApiResponse(200, b'{"data":[' + texts + b'],"meta":' + orjson.dumps(meta) + b"}")


async def set_avatar(request: ApiRequest) -> ApiResponse:
    """Upload a picture (part `file`: PNG, JPEG, WebP or GIF, at most 1 MB)."""
    content, kind = request.body["content"], request.body["kind"]
    path = picture_path(request.contact_id, hashlib.sha256(content).hexdigest())
    rev = await expected_rev(request)

    async def work(ctx: Context) -> Record:
        record = await book.patch(ctx, request.contact_id, {"avatar_path": path}, rev)
        await ctx.shard("picture_put", request.contact_id, kind, encoded(content))
        return record

    return record_response(await in_transaction(request.ctx, work))


async def get_avatar(request: ApiRequest) -> ApiResponse:
    """Return the uploaded picture. The token may be sent in the query, as `token`."""
    client_etag = re.search(r'"([0-9a-f]{64})"', request.http.headers.get("If-None-Match", ""))
    client_digest = client_etag[1] if client_etag else None
    (picture_rows,) = await request.ctx.shard("picture_get", request.contact_id, client_digest)
    if not picture_rows:
        raise not_found()
    kind, digest, content = picture_rows[0]
    headers = {
        "ETag": f'"{digest}"',
        "Content-Disposition": f'inline; filename="avatar.{kind.partition("/")[2]}"',
        "Content-Security-Policy": f"{POLICY}; sandbox",
    }
    return ApiResponse(200 if content is not None else 304, content, headers, kind)


def parse_contact_id(text: str) -> str:
    """Return a contact id in our form; RequestError 404 for a text that is no id."""
    contact_id = from_wire(text)
    if contact_id is None:
        raise not_found()
    return contact_id


async def _take_picture(ctx: Context, into: str, other_ids: Sequence[str], rev: int | None) -> bool:
    """Move the first picture of the others to a contact that has none; return whether one was moved.

    Only an uploaded picture is moved. One elsewhere is a mere path, which my_contact_merge takes over.
    """
    if await _avatar_path(ctx, into):
        return False
    for other_id in other_ids:
        other_path = await _avatar_path(ctx, other_id)
        if not other_path:
            continue
        if not is_uploaded(other_id, other_path):
            return False
        digest_sets = await ctx.shard("picture_move", other_id, into)
        # Without a picture the routine returns no result set at all.
        if not digest_sets:
            return False
        path = picture_path(into, digest_sets[0][0][0])
        await book.patch(ctx, into, {"avatar_path": path}, rev)
        return True
    return False


async def _avatar_path(ctx: Context, contact_id: str) -> str | None:
    """Return the path of a contact's picture; None without a picture, or without such a contact."""
    (record_rows,) = await ctx.shard("my_contact_record", contact_id, 0)
    return orjson.loads(record_rows[0][0])["avatar_path"] if record_rows else None


def record_response(record: Record, status: int = 200, headers: dict[str, str] | None = None) -> ApiResponse:
    """Return the response with a record, and its revision as the ETag."""
    body = b'{"data":' + record.data.encode() + b"}"
    return ApiResponse(status, body, {"ETag": f'"{record.rev}"', **(headers or {})})


def _deleted_filter(query: dict[str, Any]) -> str:
    if query["only_deleted"]:
        return "only"
    return "also" if query["include_deleted"] else "no"


def _selected_fields(query: dict[str, Any]) -> list[str]:
    """Return the selected fields, id first; [] for all."""
    names = [name.strip() for name in query.get("fields", "").split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            raise invalid_query(
                "fields", "enum", f"contains {name[:64]!r}, which is not one of {', '.join(FIELDS)}"
            )
    return [name for name in FIELDS if name == "id" or name in names] if names else []


def _project(data: str, selected: list[str]) -> bytes:
    """Return a record as it is, or its selected fields."""
    if not selected:
        return data.encode()
    record = orjson.loads(data)
    return orjson.dumps({name: record[name] for name in selected if name in record})


async def expected_rev(request: ApiRequest) -> int | None:
    """Return the rev that If-Match requires, None for any; RequestError 412 when it cannot match.

    One rev is compared by the routine, within its transaction. Only several need a look here.
    """
    header = (request.if_match or "").strip()
    if not header or header == "*":
        return None
    revs = [int(m[1]) for part in header.split(",") if (m := REV.fullmatch(part.strip()))]
    if len(revs) == 1:
        return revs[0]
    (record_rows,) = await request.ctx.shard("my_contact_record", request.contact_id, 1)
    if not record_rows:
        raise not_found()
    _, rev = record_rows[0]
    if rev not in revs:
        raise rest_error("PRECONDITION_FAILED", "The contact has changed since it was read")
    return int(rev)


def _writable_fields(request: ApiRequest) -> dict[str, Any]:
    """Return the fields of the body that the caller may write, with one primary entry in each list."""
    scope = request.admission.scope if request.admission else ""
    may_sync = scope in {"system", "sync"}
    fields = {name: value for name, value in request.body.items() if may_sync or name not in FOR_SYNC}
    for name in ("emails", "phones", "addresses", "tags"):
        if name in fields:
            fields[name] = fields[name] or []
    for name in ("emails", "phones"):
        if fields.get(name):
            fields[name] = _mark_one_primary(name, fields[name])
    addresses: set[str] = set()
    for index, entry in enumerate(fields.get("emails") or ()):
        if entry["address"] in addresses:
            raise invalid(f"emails[{index}].address", "unique", "occurs twice")
        addresses.add(entry["address"])
    if "extra" in fields:
        fields["extra"] = fields["extra"] or None
        if flaw := flaw_of(fields["extra"] or {}):
            raise invalid(flaw[0], "content", flaw[1])
    if fields.get("tags"):
        fields["tags"] = list(dict.fromkeys(fields["tags"]))
    return fields


def _mark_one_primary(name: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark the first entry when none is primary; RequestError 400 when several are."""
    marked = [index for index, entry in enumerate(entries) if entry.get("primary")]
    if len(marked) > 1:
        raise invalid(name, "single_primary", "has more than one primary entry")
    first = marked[0] if marked else 0
    return [{**entry, "primary": index == first} for index, entry in enumerate(entries)]
