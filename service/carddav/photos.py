"""Make pictures of phones small: 12 megapixels become a JPEG of 512 pixels."""

from __future__ import annotations

import base64
import binascii
import io
import re

from PIL import Image, ImageOps

from service.contacts.picture_kinds import MAX_BYTES

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
SIDE = 512
"""Pixels of the longer side."""
MOST_PIXELS = 20_000_000
"""Of a picture that is opened: memory holds up to six bytes for each."""
MOST_SCALED_PIXELS = 60_000_000
"""Of a baseline JPEG, which the decoder makes small while it reads."""
FOLDS = (b"\r\n ", b"\r\n\t", b"\n ", b"\n\t")
FOLDED_PHOTO = re.compile(
    rb"^(?:[\w-]+\.)?PHOTO\b[^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)++", re.IGNORECASE | re.MULTILINE
)
PHOTO = re.compile(rb"^((?:[\w-]+\.)?PHOTO\b[^:\r\n]*):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
DATA = re.compile(rb"data:[^,]*,", re.IGNORECASE)
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


def may_shrink(body: bytes) -> bool:
    """Return whether with_small_photo may have to decode a picture."""
    return len(body) > MAX_BYTES and b"PHOTO" in body.upper()


def with_photo_in_one_line(body: bytes) -> bytes:
    """Return a card whose picture is one line: thousands of lines take longer to read than the picture."""
    return FOLDED_PHOTO.sub(_unfolded, body)


def _unfolded(match: re.Match[bytes]) -> bytes:
    line = match[0]
    for fold in FOLDS:
        line = line.replace(fold, b"")
    return line


def with_small_photo(body: bytes) -> bytes:
    """Return a card whose picture can be stored; the same object when it can be already."""
    if not may_shrink(body):
        return body
    unfolded = with_photo_in_one_line(body)
    small = PHOTO.sub(_small, unfolded)
    return body if small == unfolded else small


def _small(match: re.Match[bytes]) -> bytes:
    head, value = match.groups()
    data = value.partition(b",")[2] if DATA.match(value.replace(b"\\,", b",")) else value
    if len(data) * 3 <= MAX_BYTES * 4:
        return match[0]
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
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > _most_pixels(image):
                return None
            # a thumbnail of a palette leaves pixels out instead of mixing them
            opened = image.convert("RGB") if image.mode in {"1", "P", "PA"} else image
            opened.thumbnail((SIDE, SIDE))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
        out = io.BytesIO()
        upright.save(out, "JPEG", quality=85)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return out.getvalue()


def _most_pixels(image: Image.Image) -> int:
    """Return the size up to which a picture is decoded. A progressive JPEG is in memory as a whole."""
    is_scaled = image.format == "JPEG" and not image.info.get("progressive")
    return MOST_SCALED_PIXELS if is_scaled else MOST_PIXELS
