"""Export address books as vCard 2.1, 3.0 and 4.0, as jCard, and as CSV with the headers of Google.

An exported file, imported into an empty address book and exported again, is the same but for REV. Data that
the formats have no place for travel in the extension: see extension.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from service.contacts.card_groups import properties_of_group
from service.contacts.card_properties import properties_of_contact
from service.contacts.card_versions import JCARD
from service.contacts.card_writing import write_vcard
from service.contacts.jcards import write_jcard
from service.contacts.pictures import encoded
from service.contacts.table_writing import Book, Table
from service.errors import RequestError
from service.runtime.context import Context, Download
from service.store.database import ResultSet, document, documents

PAGE = 500
"""Contacts in one CALL."""
BOXES = {"active": ("active",), "archived": ("archived",), "all": ("active", "archived")}

Contact = Mapping[str, Any]
T = TypeVar("T")
Progress = Callable[[int], None]
"""Receives the number of contacts that were read since the last time."""
CSV_DEFAULTS = ("utf-8", ",")
"""Charset and separator of a table."""


@dataclass(frozen=True)
class ExportOptions:
    """The file that is written: see contact.export_all."""

    format: str = "vcf"
    option: str = "all"
    version: str = "3.0"
    charset: str = CSV_DEFAULTS[0]
    separator: str = CSV_DEFAULTS[1]


def export_file(ctx: Context, options: ExportOptions, progress: Progress = lambda _: None) -> Download:
    """Return the address book as a file; RequestError 400 when the options do not fit its format."""
    option, charset, separator = options.option, options.charset, options.separator
    if options.format == "csv":
        chunks = table(ctx, option, charset, separator, progress)
        return Download("contacts.csv", "text/csv", chunks, charset=charset.removesuffix("-sig"))
    if (charset, separator) != CSV_DEFAULTS:
        reason = "charset and separator belong to format csv"
        raise RequestError(400, "INVALID_INPUT", reason, protocol=False)
    if options.format == "jcard":
        return Download("contacts.json", "application/vcard+json", jcards(ctx, option, progress))
    return Download("contacts.vcf", "text/vcard", vcards(ctx, option, options.version, progress))


async def read_book(ctx: Context) -> Book:
    """Return tags, groups, and the widths of the lists: see contact_export_book."""
    (book_rows,) = await ctx.shard("contact_export_book")
    book: Book = document(book_rows)
    return book


async def pages(ctx: Context, option: str, book: Book, progress: Progress) -> AsyncIterator[list[Any]]:
    """Yield lists of contacts, in an order that depends on their content alone.

    The first contact gets the tags and groups, as `book`.
    """
    tags_and_groups = _tags_and_groups(book)
    for box in BOXES[option]:
        display, key = None, ""
        while contacts := documents(await _page(ctx, box, display, key)):
            if tags_and_groups:
                contacts[0]["book"], tags_and_groups = tags_and_groups, {}
            yield contacts
            progress(len(contacts))
            if len(contacts) < PAGE:
                break
            display, key = contacts[-1]["display"], contacts[-1]["key"]


async def _page(ctx: Context, box: str, display: str | None, key: str) -> ResultSet:
    """Return the contacts after (display, key), at most 500 rows."""
    (contact_rows,) = await ctx.shard("contact_export", box, display, key, PAGE)
    return contact_rows


async def vcards(ctx: Context, option: str, version: str, progress: Progress) -> AsyncIterator[bytes]:
    """Yield a vCard file, in pieces."""
    book = await read_book(ctx)
    async for cards in _cards(ctx, option, book, partial(vcard, version=version), progress):
        yield "".join(cards).encode()
    for group in _groups_of_cards(book):
        group["photo"] = await avatar_of(ctx, group)
        yield group_vcard(group, version).encode()


def group_vcard(group: Mapping[str, Any], version: str) -> str:
    """Return the card of a group: see properties_of_group."""
    return write_vcard(properties_of_group(group, version), version)


def vcard(contact: Contact, version: str) -> str:
    """Return one card."""
    return write_vcard(properties_of_contact(contact, version), version)


async def jcards(ctx: Context, option: str, progress: Progress) -> AsyncIterator[bytes]:
    """Yield a JSON array of jCards, in pieces."""
    separator = b"["
    book = await read_book(ctx)
    async for cards in _cards(ctx, option, book, jcard, progress):
        yield separator + b",\n".join(cards)
        separator = b",\n"
    for group in _groups_of_cards(book):
        group["photo"] = await avatar_of(ctx, group)
        yield separator + write_jcard(properties_of_group(group, JCARD))
        separator = b",\n"
    yield b"[]" if separator == b"[" else b"]\n"


def jcard(contact: Contact) -> bytes:
    """Return one card as JSON."""
    return write_jcard(properties_of_contact(contact, JCARD))


async def _cards(
    ctx: Context, option: str, book: Book, write: Callable[[Contact], T], progress: Progress
) -> AsyncIterator[list[T]]:
    """Yield lists of cards, of which one has a picture at most: memory does not hold those of a page."""
    async for contacts in pages(ctx, option, book, progress):
        batch = []
        for contact in contacts:
            batch.append(contact)
            if contact["picture"]:
                contact["photo"] = await photo_of(ctx, contact["id"])
                yield await asyncio.to_thread(_write_all, write, batch)
                batch = []
        if batch:
            yield await asyncio.to_thread(_write_all, write, batch)


def _write_all(write: Callable[[Contact], T], contacts: list[Contact]) -> list[T]:
    """Return the cards of contacts. A card that came in another one takes half a millisecond."""
    return [write(contact) for contact in contacts]


async def photo_of(ctx: Context, contact_id: str) -> str:
    """Return the picture of a contact as a data: URI; "" when it is gone meanwhile."""
    (picture_rows,) = await ctx.shard("picture_get", contact_id, None)
    for media_type, _, content in picture_rows:
        return f"data:{media_type};base64,{encoded(content)}"
    return ""


async def avatar_of(ctx: Context, group: dict[str, Any]) -> str:
    """Return the picture of a group of `contact_export_book` as a data: URI; "" without one of its own."""
    if not group["avatar"]:
        return ""
    (picture_rows,) = await ctx.shard("contact_group_picture", group["name"])
    return "".join(f"data:{media_type};base64,{encoded(content)}" for media_type, content in picture_rows)


async def table(
    ctx: Context, option: str, charset: str, separator: str, progress: Progress
) -> AsyncIterator[bytes]:
    """Yield a CSV file, in pieces."""
    book = await read_book(ctx)
    file = Table(book, charset, separator)
    yield file.header()
    async for contacts in pages(ctx, option, book, progress):
        yield file.rows(contacts)


def _groups_of_cards(book: Book) -> list[dict[str, Any]]:
    """Return the groups that came in cards. Others have none: programs would take them for contacts."""
    return [group for group in book["group"] if group.get("card")]


def _tags_and_groups(book: Book) -> dict[str, Any]:
    """Return the lists `tag` and `group` of a book, without empty lists and empty values."""
    tags = [{key: tag[key] for key in ("name", "parent") if tag[key]} for tag in book["tag"]]
    groups = [{key: group[key] for key in ("name", "comment") if group[key]} for group in book["group"]]
    return {key: entries for key, entries in (("tag", tags), ("group", groups)) if entries}
