"""A picture on its way in."""

from __future__ import annotations

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from service.dialects.rest.errors import ApiError, invalid
from service.pictures import LIMIT, kind_of

PARTS = 16
"""Parts of a form that are looked at before the file is given up."""


async def read_picture(request: web.Request) -> tuple[bytes, str]:
    """(content, media type) of the part `file`; ApiError when there is none, or it is no picture."""
    if request.content_type != "multipart/form-data":
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send multipart/form-data with a part `file`")
    try:
        content = await _part(request)
    except (ValueError, AssertionError, HttpProcessingError, RequestPayloadError):
        raise invalid("file", "form", "cannot be read: the form is broken") from None
    if content is None:
        raise invalid("file", "required", "is required")
    kind = kind_of(content)
    if kind is None:
        raise invalid("file", "image", "is no PNG, JPEG, WebP or GIF")
    return content, kind


async def _part(request: web.Request) -> bytes | None:
    form = await request.multipart()
    for _ in range(PARTS):
        part = await form.next()
        if part is None:
            return None
        if isinstance(part, BodyPartReader) and part.name == "file":
            return await _content(part)
    return None


async def _content(part: BodyPartReader) -> bytes:
    found = bytearray()
    while chunk := await part.read_chunk(65_536):
        found += chunk
        if len(found) > LIMIT:
            raise ApiError("PAYLOAD_TOO_LARGE", f"A picture has at most {LIMIT} bytes")
    return bytes(found)
