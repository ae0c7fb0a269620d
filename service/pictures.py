"""Pictures that people give: which files are some, and how they are answered."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from service.context import Download
from service.database import ResultSet
from service.errors import RequestError
from service.uploads import Stored

LIMIT = 1_000_000
"""Bytes of a picture; it lies in the database."""
KINDS = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
"""(what it has, where, its type). No SVG: it may hold a script."""


def kind_of(content: bytes) -> str | None:
    """The media type that the first bytes tell; None for what is no picture, whatever it is called."""
    return next((kind for mark, at, kind in KINDS if content[at : at + len(mark)] == mark), None)


def encoded(content: bytes) -> str:
    """A picture as a routine takes it: text, because the driver cannot pass bytes."""
    return base64.b64encode(content).decode()


def read(stored: Stored) -> tuple[str, str]:
    """A picture, base64, and its type; RequestError 415 when the file is none, whatever it is called."""
    with stored.path.open("rb") as file:
        content = file.read(LIMIT + 1)
    mimetype = kind_of(content)
    if mimetype is None or len(content) > LIMIT:
        why = f"only PNG, JPEG, GIF and WebP of at most {LIMIT} bytes"
        raise RequestError(415, "WRONG_FORMAT", why, protocol=False)
    return encoded(content), mimetype


def download(group: dict[str, Any], picture: ResultSet) -> Download:
    """The answer with the picture of a group; RequestError 404 when it has none of its own."""
    if not picture:
        raise RequestError(404, "NO_PICTURE", "the group has no picture of its own", protocol=False)
    content: bytes = picture[0][0]

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return Download(f"{group['avatar']}.{group['mimetype'].rpartition('/')[2]}", group["mimetype"], chunks())
