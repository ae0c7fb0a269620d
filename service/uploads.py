"""Files that people send before the call that uses them: media.upload, then `uploaded_id` of another service.

They lie in a directory that all nodes of a site see (DRUMEE_UPLOAD_DIR), a folder a person, so nobody finds
somebody else's. Beside each file lies what it was called. After DRUMEE_UPLOAD_TTL seconds a file is gone; who
needs it for longer copies it. Nothing of it is in the database, and a backup does not hold it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from service.context import Context, Upload
from service.errors import RequestError
from service.settings import Settings

log = logging.getLogger(__name__)

CHUNK = 65_536
SWEEP_SECONDS = 60.0
IDS = re.compile(r"[0-9a-f]{32}")
NAME = ".name"
"""Ending of the small file that says what the big one was called."""


@dataclass(frozen=True)
class Stored:
    """A file that was uploaded."""

    path: Path
    filename: str
    size: int


def folder(settings: Settings) -> Path:
    """Where the files lie."""
    return Path(settings.upload_dir) if settings.upload_dir else Path(settings.run_dir).absolute() / "uploads"


async def receive(ctx: Context, upload: Upload, file: BinaryIO | Any, room: int) -> int:
    """Write the file that a request carries; its size. RequestError 413 when there is no room for it."""
    size = 0
    async for chunk in upload.content.iter_chunked(CHUNK):
        size += len(chunk)
        if size > room:
            limit = ctx.settings.import_limit
            what = f"the file is larger than {limit} bytes" if size > limit else "too many files wait already"
            raise RequestError(413, "BODY_TOO_LARGE", what)
        file.write(chunk)
    file.flush()
    return size


async def store(ctx: Context, upload: Upload) -> dict[str, Any]:
    """Keep the file that a request carries for a while: id, filename, filesize, expiry (unix seconds)."""
    settings, upload_id = ctx.settings, secrets.token_hex(16)
    mine = folder(settings) / ctx.caller.uid
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    # what is on its way counts as well: its file is there already
    used = await asyncio.to_thread(lambda: sum(size for _, size in _files(mine)))
    path = mine / upload_id
    try:
        with path.open("xb") as file:
            size = await receive(ctx, upload, file, min(settings.import_limit, settings.upload_quota - used))
        # a file without its name is none: whoever finds the name finds the whole file
        path.with_suffix(NAME).write_bytes(orjson.dumps(upload.filename))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    expiry = int(time.time()) + settings.upload_ttl
    told = {"id": upload_id, "uploaded_id": upload_id}
    return {**told, "filename": upload.filename, "filesize": size, "expiry": expiry}


def find(ctx: Context, upload_id: str) -> Stored:
    """A file of the caller; RequestError 404 when he has none of that id, or no more."""
    path = folder(ctx.settings) / ctx.caller.uid / upload_id
    with suppress(FileNotFoundError):
        if IDS.fullmatch(upload_id) and path.stat().st_mtime > time.time() - ctx.settings.upload_ttl:
            filename = orjson.loads(path.with_suffix(NAME).read_bytes())
            return Stored(path, filename, path.stat().st_size)
    raise RequestError(
        404, "FILE_NOT_FOUND", "no such file was uploaded, or it is too long ago", protocol=False
    )


async def sweep_forever(settings: Settings) -> None:
    """Remove what is too old. Every node does, whoever comes first."""
    while True:
        try:
            await asyncio.to_thread(sweep, settings)
        except OSError as exc:
            log.warning("uploads not swept", extra={"error": str(exc)})
        await asyncio.sleep(SWEEP_SECONDS)


def sweep(settings: Settings) -> None:
    """Remove what is too old, once."""
    root, oldest = folder(settings), time.time() - settings.upload_ttl
    for person in root.iterdir() if root.is_dir() else ():
        for path, _ in list(_files(person)):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime <= oldest:
                    path.unlink()
        with suppress(OSError):
            # fails where files are left
            person.rmdir()


def _files(place: Path) -> Iterator[tuple[Path, int]]:
    """Files of a person and their sizes; one that is removed meanwhile is none."""
    for path in place.iterdir():
        with suppress(FileNotFoundError):
            yield path, path.stat().st_size
