"""Make pictures of phones small: 12 megapixels become a JPEG of 512 pixels."""

from __future__ import annotations

import base64
import binascii
import io
import re

from PIL import Image, ImageOps

from service.contacts.picture_kinds import MAX_BYTES

SIDE = 512
"""Pixels of the longer side."""
MOST_PIXELS = 60_000_000
"""Of a picture that is opened: memory holds four bytes for each."""
FOLD = re.compile(rb"\r?\n[ \t]")
PHOTO = re.compile(rb"^((?:[\w-]+\.)?PHOTO\b[^:\r\n]*):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
DATA = re.compile(rb"data:[^,]*,", re.IGNORECASE)
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


def with_small_photo(body: bytes) -> bytes:
    """Return a card whose picture can be stored; the same object when it can be already."""
    if len(body) <= MAX_BYTES or b"PHOTO" not in body.upper():
        return body
    unfolded = FOLD.sub(b"", body)
    return PHOTO.sub(_small, unfolded)


def _small(match: re.Match[bytes]) -> bytes:
    head, value = match.groups()
    data = value.partition(b",")[2] if DATA.match(value.replace(b"\\,", b",")) else value
    try:
        content = binascii.a2b_base64(NOT_BASE64.sub(b"", data))
    except binascii.Error:
        return match[0]
    if len(content) <= MAX_BYTES:
        return match[0]
    small = small_jpeg(content)
    if small is None:
        return match[0]
    encoded = base64.b64encode(small)
    if value is not data:
        return head + b":data:image/jpeg;base64," + encoded
    return head.partition(b";")[0] + b";ENCODING=b;TYPE=JPEG:" + encoded


def small_jpeg(content: bytes) -> bytes | None:
    """Return a picture as a JPEG of at most 512 x 512 pixels, upright; None for what is no picture."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            image.draft("RGB", (SIDE, SIDE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
        upright.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        upright.save(out, "JPEG", quality=85)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return out.getvalue()
