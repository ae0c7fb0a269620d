"""Read an uploaded picture."""

from __future__ import annotations

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from service.contacts.picture_kinds import MAX_BYTES, media_type
from service.rest.errors import invalid, rest_error
from service.web.bodies import body_deadline

PARTS = 16
"""Parts of a form that are searched for the file."""


async def read_picture(request: web.Request) -> tuple[bytes, str]:
    """Return content and media type of the part `file`; RequestError unless it is a picture."""
    if request.content_type != "multipart/form-data":
        raise rest_error("UNSUPPORTED_MEDIA_TYPE", "Send multipart/form-data with a part `file`")
    try:
        async with body_deadline():
            content = await _part(request)
    except (ValueError, AssertionError, HttpProcessingError, RequestPayloadError):
        raise invalid("file", "form", "cannot be read: the form is malformed") from None
    if content is None:
        raise invalid("file", "required", "is required")
    kind = media_type(content)
    if kind is None:
        raise invalid("file", "image", "is not a PNG, JPEG, WebP or GIF")
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
    content = bytearray()
    while chunk := await part.read_chunk(65_536):
        content += chunk
        if len(content) > MAX_BYTES:
            raise rest_error("PAYLOAD_TOO_LARGE", f"A picture may have at most {MAX_BYTES} bytes")
    return bytes(content)
