"""Uploaded files that wait for the call that uses them: media.upload, then `uploaded_id` of another service.

They lie in a directory that all nodes of a site share (DRUMEE_UPLOAD_DIR), in a folder per user, so that
nobody gets the files of others. A second file beside each one has its name. Files are deleted after
DRUMEE_UPLOAD_TTL seconds; a service that needs one for longer copies it, as chat.post does. They are
neither in the database nor in backups.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from service.errors import RequestError
from service.runtime.context import Context, Upload
from service.settings import Settings
from service.web.bodies import paced

CHUNK_BYTES = 65_536
CHECK_BYTES = 8_388_608
"""Bytes of an upload between two looks at the other files of its owner, which may grow at the same time."""
MOST_FILES = 1_000
"""Files of one person that wait; each upload looks at all of them."""
SWEEP_SECONDS = 60.0
IDS = re.compile(r"[0-9a-f]{32}")
NAME = ".name"
"""Suffix of the file that has the name of the uploaded one, as JSON."""


@dataclass(frozen=True)
class StoredFile:
    """An uploaded file; its size in bytes."""

    path: Path
    filename: str
    size: int


def folder(settings: Settings) -> Path:
    """Return the directory of the uploaded files."""
    return Path(settings.upload_dir) if settings.upload_dir else Path(settings.run_dir).absolute() / "uploads"


async def receive(
    ctx: Context,
    upload: Upload,
    file: BinaryIO | Any,
    limit: int,
    check_quota: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Write the body of a request to a file; return its bytes.

    RequestError 413 beyond `limit`, and when `check_quota` raises it: every few megabytes, and at the end.
    """
    size = unchecked = 0
    content = paced(upload.content.iter_chunked(CHUNK_BYTES), ctx.settings.upload_timeout)
    # Closed in this task: the limit of time that it has set is that of the request.
    async with aclosing(content):
        async for chunk in content:
            size += len(chunk)
            unchecked += len(chunk)
            if size > limit:
                raise _too_large(f"the file is larger than {limit} bytes")
            file.write(chunk)
            if check_quota is not None and unchecked >= CHECK_BYTES:
                unchecked = 0
                await check_quota()
    file.flush()
    if check_quota is not None:
        await check_quota()
    return size


async def store(ctx: Context, upload: Upload, limit: int) -> dict[str, Any]:
    """Store the body of a request, of at most `limit` bytes.

    Return id, uploaded_id, filename, filesize and expiry (unix seconds).
    """
    settings, upload_id = ctx.settings, secrets.token_hex(16)
    user_folder = folder(settings) / ctx.caller.uid
    user_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = user_folder / upload_id

    async def check_quota() -> None:
        # Uploads in progress count as well: their files exist already.
        await asyncio.to_thread(_check_quota, user_folder, settings.upload_quota)

    try:
        with path.open("xb") as file:
            await check_quota()
            size = await receive(ctx, upload, file, limit, check_quota)
        # Written last: a file counts only with its name, so nobody reads an incomplete one.
        path.with_suffix(NAME).write_bytes(orjson.dumps(upload.filename))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    expiry = int(time.time()) + settings.upload_ttl
    ids = {"id": upload_id, "uploaded_id": upload_id}
    return {**ids, "filename": upload.filename, "filesize": size, "expiry": expiry}


def _check_quota(user_folder: Path, quota: int) -> None:
    sizes = [size for path, size in _files(user_folder) if path.suffix != NAME]
    if sum(sizes) > quota or len(sizes) > MOST_FILES:
        raise _too_large("too many files wait already")


def _too_large(reason: str) -> RequestError:
    return RequestError(413, "BODY_TOO_LARGE", reason)


def find(ctx: Context, upload_id: str, code: str = "FILE_NOT_FOUND") -> StoredFile:
    """Return a file of the caller; RequestError 404 when there is none of that id, or it has expired."""
    stored = look_up(ctx, upload_id)
    if stored is None:
        reason = "no such file was uploaded, or it is too long ago"
        raise RequestError(404, code, reason, protocol=code != "FILE_NOT_FOUND")
    return stored


def look_up(ctx: Context, upload_id: str) -> StoredFile | None:
    """Return a file of the caller, or None."""
    path = folder(ctx.settings) / ctx.caller.uid / upload_id
    with suppress(FileNotFoundError):
        if IDS.fullmatch(upload_id) and path.stat().st_mtime > time.time() - ctx.settings.upload_ttl:
            filename = orjson.loads(path.with_suffix(NAME).read_bytes())
            return StoredFile(path, filename, path.stat().st_size)
    return None


def remove(ctx: Context, upload_id: str) -> bool:
    """Delete a file of the caller; return whether it was there."""
    stored = look_up(ctx, upload_id)
    if stored is None:
        return False
    stored.path.with_suffix(NAME).unlink(missing_ok=True)
    stored.path.unlink(missing_ok=True)
    return True


async def sweep_round(settings: Settings) -> float:
    """Delete expired files, as every node does; return the seconds until the next round."""
    await asyncio.to_thread(sweep, settings)
    return SWEEP_SECONDS


def sweep(settings: Settings) -> None:
    """Delete expired files, and folders without files."""
    root, oldest = folder(settings), time.time() - settings.upload_ttl
    for user_folder in root.iterdir() if root.is_dir() else ():
        for path, _ in list(_files(user_folder)):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime <= oldest:
                    path.unlink()
        with suppress(OSError):
            # Fails unless the folder is empty.
            user_folder.rmdir()


def _files(user_folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files of a user and their sizes; skip a file that is deleted meanwhile."""
    for path in user_folder.iterdir():
        with suppress(FileNotFoundError):
            yield path, path.stat().st_size
