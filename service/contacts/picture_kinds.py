"""The kinds of pictures that are stored."""

from __future__ import annotations

MAX_BYTES = 1_000_000
"""Pictures lie in the database."""
SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
"""(bytes, their offset, media type). SVG is missing because it may contain scripts."""


def media_type(content: bytes) -> str | None:
    """Return the media type of a picture by its first bytes; None for other files."""
    return next(
        (
            media_type
            for signature, offset, media_type in SIGNATURES
            if content[offset : offset + len(signature)] == signature
        ),
        None,
    )
