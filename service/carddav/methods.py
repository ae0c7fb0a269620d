"""The methods of a request whose caller is known: OPTIONS, PROPFIND, PROPPATCH, REPORT, GET, PUT, DELETE."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from xml.etree.ElementTree import Element

from aiohttp import hdrs, web

from service.auth.session import Caller
from service.carddav import xml
from service.carddav.answers import CardText
from service.carddav.book import Book
from service.carddav.errors import XML_TYPE, bad_xml, dav_error, not_found
from service.carddav.filters import CONTENT_TYPES, VERSIONS
from service.carddav.incoming import MAX_BYTES, TEXT_BYTES, NoCard, TooLarge
from service.carddav.properties import (
    CARD_TYPE,
    View,
    Wanted,
    href,
    read_propfind,
    refused_patch,
    response,
)
from service.carddav.putting import PreconditionFailed, UidTaken
from service.carddav.reports import Report, read_report, read_wanted
from service.carddav.resources import METHODS, Resource, ResourceKind
from service.carddav.xml import carddav, dav
from service.errors import RequestError
from service.web.bodies import paced

MAX_XML_BYTES = 2 * 1024 * 1024
"""Bytes of a body that is XML: one that names 10,000 cards has half of it."""
BODY_SECONDS = 300.0
FIRST_CHARACTERS = 1024 * 1024
"""An answer that is longer is sent while it is being made."""


class CardWork:
    """The methods of one request, whose caller is known."""

    def __init__(self, request: web.Request, resource: Resource, caller: Caller, book: Book) -> None:
        self.request = request
        self.resource = resource
        self.caller = caller
        self.book = book
        preferences = request.headers.get("Prefer", "").replace(" ", "").lower().split(",")
        self.is_minimal = "return=minimal" in preferences or request.headers.get("Brief", "").lower() == "t"

    async def run(self, method: str) -> web.Response:
        """Return the answer of a method that the resource has."""
        match method:
            case "OPTIONS":
                return web.Response(headers={hdrs.ALLOW: ", ".join(METHODS[self.resource.kind])})
            case "PROPFIND":
                return await self.propfind()
            case "PROPPATCH":
                return await self.proppatch()
            case "REPORT":
                return await self.report()
            case "PUT":
                return await self.put()
            case "DELETE":
                return await self.delete()
        return await self.get()

    async def proppatch(self) -> web.Response:
        """Refuse to change properties, each by name."""
        root = await self._read_xml()
        if root is None:
            raise bad_xml()
        await self._check_card()
        return await self._multistatus(_one(refused_patch(root, self.resource)))

    async def propfind(self) -> web.Response:
        """Answer the properties of a resource, and with Depth 1 of what is in it."""
        depth = self.request.headers.get("Depth", "0").strip().lower()
        if depth not in {"0", "1", "infinity"}:
            raise dav_error(400, "INVALID_DEPTH", "Depth is 0 or 1")
        if depth == "infinity" and self.resource.kind is not ResourceKind.CARD:
            raise dav_error(403, "INFINITE_DEPTH", "Depth is 0 or 1", dav("propfind-finite-depth"))
        wanted = read_propfind(await self._read_xml())
        wanted = replace(wanted, skips_unknown=wanted.skips_unknown or self.is_minimal)
        return await self._multistatus(self._properties(wanted, with_content=depth == "1"))

    async def _properties(self, wanted: Wanted, *, with_content: bool) -> AsyncIterator[str]:
        kind = self.resource.kind
        if kind is ResourceKind.CARD:
            yield response(await self._card_view(), wanted)
            return
        resources = [self.resource]
        if with_content and kind is ResourceKind.HOME:
            resources.append(Resource(ResourceKind.BOOK, self.caller.uid))
        for resource in resources:
            is_book = resource.kind is ResourceKind.BOOK
            token = await self.book.token() if is_book and wanted.needs_token else None
            yield response(View(resource, self.caller, token), wanted)
        if with_content and kind is ResourceKind.BOOK:
            report = Report(self.book, self.caller, Element(""), wanted)
            async for responses in report.responses(await self.book.members()):
                yield responses

    async def _card_view(self) -> View:
        card = await self._card(None)
        return View(self.resource, self.caller, None, card.etag, card.text.decode("utf-8", "replace"))

    async def _card(self, version: str | None) -> CardText:
        """Return the card of this resource; RequestError 404 when there is none."""
        card = (await self.book.texts([self.resource.name], version)).get(self.resource.name)
        if card is None:
            raise not_found()
        return card

    async def _check_card(self) -> None:
        """Raise RequestError 404 when the resource is a card that is not there."""
        if self.resource.kind is ResourceKind.CARD:
            await self._card(None)

    async def report(self) -> web.Response:
        """Answer a report."""
        root = await self._read_xml()
        if root is None:
            raise bad_xml()
        answer = read_report(root, self.resource)
        wanted = read_wanted(root, self.is_minimal)
        await self._check_card()
        return await self._multistatus(
            answer(Report(self.book, self.caller, root, wanted, self.resource.name))
        )

    async def get(self) -> web.Response:
        """Answer the text of a card: as it is stored, or in the version that Accept names."""
        accept = self.request.headers.get("Accept", "").replace(" ", "").replace('"', "")
        version = next((each for each in VERSIONS if f"version={each}" in accept), None)
        card = await self._card(version)
        headers = {hdrs.ETAG: card.etag, hdrs.VARY: hdrs.ACCEPT}
        # the tag is that of the card: a client that names a version may know it in another one
        if version is None and self._is_known(card.etag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=card.text, headers={**headers, hdrs.CONTENT_TYPE: CARD_TYPE})

    def _is_known(self, etag: str) -> bool:
        tags = {tag.strip() for tag in self.request.headers.get("If-None-Match", "").split(",")}
        return etag in tags or "*" in tags

    async def put(self) -> web.Response:
        """Store a card: 201 when it is new, else 204; an ETag only while the bytes are kept."""
        body = await self._read(MAX_BYTES, _too_large)
        headers = self.request.headers
        try:
            stored = await self.book.put(
                self.resource.name, body, headers.get("If-Match"), headers.get("If-None-Match")
            )
        except PreconditionFailed:
            raise _precondition_failed() from None
        except UidTaken as exc:
            other = Resource(ResourceKind.CARD, self.caller.uid, exc.name)
            raise dav_error(
                409,
                "UID_TAKEN",
                "Another card has this UID",
                carddav("no-uid-conflict"),
                href(other.href),
            ) from None
        except TooLarge:
            raise _too_large() from None
        except NoCard:
            raise self._no_card() from None
        etag = {hdrs.ETAG: stored.etag} if stored.etag else {}
        return web.Response(status=201 if stored.created else 204, headers=etag)

    def _no_card(self) -> RequestError:
        """Return 403 for a body that is no vCard, and does not even say that it is one, or does so."""
        is_vcard = self.request.content_type in CONTENT_TYPES
        condition = carddav("valid-address-data" if is_vcard else "supported-address-data")
        return dav_error(403, "NO_CARD", "The body is no vCard", condition)

    async def delete(self) -> web.Response:
        """Move a card to the trash."""
        try:
            await self.book.delete(self.resource.name, self.request.headers.get("If-Match"))
        except PreconditionFailed:
            raise _precondition_failed() from None
        except NoCard:
            raise not_found() from None
        return web.Response(status=204)

    async def _read_xml(self) -> Element | None:
        """Return the root of the body, or None when it is empty."""
        body = await self._read(MAX_XML_BYTES, _long_xml)
        if not body.strip():
            return None
        try:
            return xml.parse(body)
        except xml.BadXmlError:
            raise bad_xml() from None

    async def _read(self, limit: int, too_long: Callable[[], RequestError]) -> bytes:
        """Return the body; the error of `too_long` when it has more than `limit` bytes."""
        if (self.request.content_length or 0) > limit:
            raise too_long()
        body = bytearray()
        async for chunk in paced(self.request.content.iter_any(), BODY_SECONDS):
            body += chunk
            if len(body) > limit:
                raise too_long()
        return bytes(body)

    async def _multistatus(self, parts: AsyncIterator[str]) -> web.Response:
        """Return 207. A long answer is sent in pieces; what fails before the first piece becomes an error."""
        head, size = [], 0
        async for part in parts:
            head.append(part)
            size += len(part)
            if size > FIRST_CHARACTERS:
                return self._answer(_in_pieces(head, parts))
        return self._answer(xml.document("multistatus", head))

    def _answer(self, body: bytes | AsyncIterator[bytes]) -> web.Response:
        applied = {"Preference-Applied": "return=minimal"} if self.is_minimal else {}
        return web.Response(status=207, body=body, content_type=XML_TYPE, charset="utf-8", headers=applied)


async def _one(part: str) -> AsyncIterator[str]:
    yield part


async def _in_pieces(head: list[str], rest: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Yield a document whose beginning is there."""
    start, end = xml.document("multistatus", ["\0"]).split(b"\0")
    yield start + "".join(head).encode()
    async for part in rest:
        yield part.encode()
    yield end


def _precondition_failed() -> RequestError:
    return dav_error(412, "PRECONDITION_FAILED", "The card has changed since it was read")


def _too_large() -> RequestError:
    reason = f"A card has at most {MAX_BYTES} bytes, and {TEXT_BYTES} without its pictures"
    return dav_error(413, "TOO_LARGE", reason, carddav("max-resource-size"))


def _long_xml() -> RequestError:
    return dav_error(413, "BODY_TOO_LARGE", f"The body has at most {MAX_XML_BYTES} bytes")
