"""Pictures of contacts and groups: check uploaded files, and answer stored ones."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from service.contacts.picture_kinds import MAX_BYTES, media_type
from service.contacts.uploads import StoredFile
from service.errors import RequestError
from service.ids import to_wire
from service.runtime.context import Download
from service.store.database import ResultSet

API = "/api/v1"


def picture_path(contact_id: str, digest: str) -> str:
    """Return the path of an uploaded picture. It differs for each picture, so that clients see the change."""
    return f"{_start(contact_id)}{digest[:16]}"


def is_uploaded(contact_id: str, path: str | None) -> bool:
    """Return whether a path is that of an uploaded picture of a contact, not of one elsewhere."""
    return bool(path) and str(path).startswith(_start(contact_id))


def _start(contact_id: str) -> str:
    return f"{API}/contacts/{to_wire(contact_id)}/avatar/"


def encoded(content: bytes) -> str:
    """Return a picture in base64, as routines take it: the driver cannot pass bytes."""
    return base64.b64encode(content).decode()


def read(stored: StoredFile) -> tuple[str, str]:
    """Return (base64, media type) of a picture; RequestError 415 for other files, whatever their names."""
    with stored.path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    mimetype = media_type(content)
    if mimetype is None or len(content) > MAX_BYTES:
        reason = f"only PNG, JPEG, GIF and WebP of at most {MAX_BYTES} bytes"
        raise RequestError(415, "WRONG_FORMAT", reason, protocol=False)
    return encoded(content), mimetype


def download(group: dict[str, Any], picture_rows: ResultSet) -> Download:
    """Return the picture of a group as a file; RequestError 404 when the group has none of its own."""
    if not picture_rows:
        raise RequestError(404, "NO_PICTURE", "the group has no picture of its own", protocol=False)
    content: bytes = picture_rows[0][0]

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return Download(f"{group['avatar']}.{group['mimetype'].rpartition('/')[2]}", group["mimetype"], chunks())
