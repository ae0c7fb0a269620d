"""Pictures of contacts and groups: what is accepted as one. The owner's shard keeps them (`picture_put`)."""

from __future__ import annotations

MAX_BYTES = 2 * 1024 * 1024
"""Of one picture; they travel through a CALL, and every node keeps none of them."""


def picture_type(content: bytes) -> str | None:
    """The media type that the first bytes tell; None for what is no picture that browsers show safely.

    The name and the declared type of a file are its sender's claim. SVG is never one: it may hold a script.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None
