"""Files of messages: media.upload takes them, chat.post sends them, media.orig answers them.

An upload waits in a folder like all others (service/contacts/uploads.py). The message that carries it gets a
copy in the shard of its author, or of the hub: files are in the database, so that they come and go with their
messages in one transaction, move with their owner, and are in every backup. Both sides of a conversation
share one copy; it counts against the quota of the author until both have deleted the message.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from service.contacts import uploads
from service.contacts.picture_kinds import media_type
from service.contacts.uploads import StoredFile
from service.errors import RequestError
from service.runtime.context import Context, Download, hub_shard
from service.store.database import document, encode

PART_BYTES = 524_288
"""Bytes of one CALL, far below max_allowed_packet also in base64: of every stored part but the last."""
UNKNOWN_TYPE = "application/octet-stream"
UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
"""Characters that a file system, a header or a page would take for something else."""
EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}")
VIEWER = 3
"""Privilege word: read and download."""


async def store(ctx: Context, owner: str, shard: str, upload_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Copy uploaded files of the caller into the shard of `owner`, whose quota they count against.

    Return nid, hub_id, filename, mimetype and filesize of each, for the metadata of the message. RequestError
    404 when one is not there, 413 when it is too large. A message must name them within an hour.
    """
    files = []
    for upload_id in dict.fromkeys(upload_ids):
        stored = uploads.find(ctx, upload_id, "INVALID_ATTACHMENT")
        if stored.size > ctx.settings.attachment_limit:
            most = ctx.settings.attachment_limit
            raise RequestError(413, "ATTACHMENT_TOO_LARGE", f"{stored.filename} has more than {most} bytes")
        files.append(await _copy(ctx, owner, shard, upload_id, stored))
    return files


async def _copy(ctx: Context, owner: str, shard: str, upload_id: str, stored: StoredFile) -> dict[str, Any]:
    with stored.path.open("rb") as file:
        content = await asyncio.to_thread(file.read, PART_BYTES)
        description = _describe(upload_id, owner, stored, content)
        await ctx.db.call(shard, "attachment_add", owner, encode(description), ctx.settings.attachment_quota)
        position = 0
        while content:
            encoded = base64.b64encode(content).decode()
            await ctx.db.call(shard, "attachment_write", owner, upload_id, position, encoded)
            content = await asyncio.to_thread(file.read, PART_BYTES)
            position += 1
    return description


def safe_name(filename: str) -> str:
    """Return a name that every file system, header and page takes as a name, of at most 255 characters."""
    return UNSAFE.sub("_", filename).strip(" .")[-255:] or "file"


def node(ctx: Context, description: dict[str, Any]) -> dict[str, Any]:
    """Return a file as the frontend shows it: name and extension apart, `capability` r for a picture."""
    path = PurePath(description["filename"])
    suffix = path.suffix if EXTENSION.fullmatch(path.suffix) else ""
    is_picture = description["mimetype"].startswith("image/")
    kind = "image" if is_picture else "other"
    ctime = description.get("ctime") or ctx.received_us // 1_000_000
    return description | {
        "id": description["nid"],
        "filename": description["filename"].removesuffix(suffix),
        "ext": suffix[1:].lower(),
        "filetype": kind,
        "category": kind,
        "capability": "r--" if is_picture else "---",
        "privilege": VIEWER,
        "area": "personal",
        "vhost": urlsplit(ctx.settings.base_url).netloc,
        "status": "active",
        "isalink": 0,
        "ctime": ctime,
        "mtime": ctime,
    }


async def uploaded_node(ctx: Context, upload_id: str) -> dict[str, Any]:
    """Return an upload of the caller that a message may carry, as the frontend shows it."""
    stored = uploads.find(ctx, upload_id)
    head = await asyncio.to_thread(_head, stored)
    return node(ctx, _describe(upload_id, ctx.caller.uid, stored, head))


def _describe(upload_id: str, owner: str, stored: StoredFile, head: bytes) -> dict[str, Any]:
    """Return an upload as the metadata of a message describe it; `head`: its first bytes."""
    return {
        "nid": upload_id,
        "hub_id": owner,
        "filename": safe_name(stored.filename),
        "mimetype": media_type(head) or UNKNOWN_TYPE,
        "filesize": stored.size,
    }


def _head(stored: StoredFile) -> bytes:
    with stored.path.open("rb") as file:
        return file.read(16)


async def download(ctx: Context, owner: str, file_id: str) -> Download:
    """Return a file of a message that the caller has, or an upload of the caller; RequestError 404 else."""
    waiting = uploads.look_up(ctx, file_id) if owner == ctx.caller.uid else None
    if waiting is not None:
        mimetype = media_type(await asyncio.to_thread(_head, waiting)) or UNKNOWN_TYPE
        part = partial(_chunks_of_upload, waiting.path)
        return _download(safe_name(waiting.filename), mimetype, waiting.size, part, file_id)
    shard = hub_shard(ctx)
    (file_rows,) = await ctx.db.call(shard, "attachment_open", owner, file_id, ctx.caller.uid)
    file: dict[str, Any] | None = document(file_rows)
    if file is None:
        raise _not_found()
    part = partial(_chunks_of_message, ctx, shard, owner, file_id)
    return _download(file["filename"], file["mimetype"], file["filesize"], part, file_id)


def _download(
    filename: str, mimetype: str, size: int, part: Callable[[range], AsyncIterator[bytes]], file_id: str
) -> Download:
    return Download(filename, mimetype, part(range(size)), size, part, f'"{file_id}"')


def _not_found() -> RequestError:
    return RequestError(404, "FILE_NOT_FOUND", "no such file, or you have no message that carries it")


async def _chunks_of_upload(path: Path, span: range) -> AsyncIterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise _not_found() from None
    with file:
        file.seek(span.start)
        remaining = len(span)
        while content := await asyncio.to_thread(file.read, min(remaining, PART_BYTES)):
            yield content
            remaining -= len(content)


async def _chunks_of_message(
    ctx: Context, shard: str, owner: str, file_id: str, span: range
) -> AsyncIterator[bytes]:
    """Yield these bytes of a file; ConnectionAbortedError when its message is deleted meanwhile.

    The headers have promised them all: on an open connection, the client would wait for the rest.
    """
    position, skipped = divmod(span.start, PART_BYTES)
    remaining = len(span)
    while remaining:
        (part_rows,) = await ctx.db.call(shard, "attachment_read", owner, file_id, position)
        if not part_rows:
            raise ConnectionAbortedError(f"{remaining} bytes of a file are gone")
        content = part_rows[0][0][skipped : skipped + remaining]
        yield content
        remaining -= len(content)
        position, skipped = position + 1, 0
