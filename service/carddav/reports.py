"""The reports: addressbook-query, addressbook-multiget (RFC 6352) and sync-collection (RFC 6578)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from xml.etree.ElementTree import Element

from service.auth.session import Caller
from service.carddav.answers import CardText, Member
from service.carddav.book import BadToken, Book
from service.carddav.errors import bad_xml, dav_error
from service.carddav.filters import read_address_data, read_filter
from service.carddav.properties import (
    View,
    Wanted,
    names_of,
    read_sync_token,
    response,
    status_response,
    sync_token,
)
from service.carddav.resources import Resource, ResourceKind, book_href, find_card
from service.carddav.xml import carddav, dav, text
from service.errors import RequestError

BLOCK = 100
"""Cards whose texts are read at once."""
MOST_RESULTS = 1_000_000

Item = TypeVar("Item")


@dataclass(frozen=True)
class Report:
    """One report on the address book of its caller."""

    book: Book
    caller: Caller
    root: Element
    wanted: Wanted
    name: str = ""
    """Name of the card that a query is about; "": all."""

    @property
    def path(self) -> str:
        """The path of the address book."""
        return book_href(self.caller.uid)

    async def cards(self) -> AsyncIterator[list[CardText]]:
        """Yield the cards that a query is about, with their texts."""
        if self.name:
            yield [*(await self.texts([self.name])).values()]
            return
        address_data = self.wanted.address_data
        async for cards in self.book.all_texts(address_data.version if address_data else None):
            yield cards

    def view(self, member: Member) -> View:
        """Return a card as an answer shows it."""
        card = None
        if isinstance(member, CardText):
            card = member.text.decode("utf-8", "replace")
            if self.wanted.address_data is not None:
                card = self.wanted.address_data.part_of(card)
        return View(
            Resource(ResourceKind.CARD, self.caller.uid, member.name), self.caller, None, member.etag, card
        )

    async def texts(self, names: Sequence[str]) -> dict[str, CardText]:
        """Return the texts of cards by name, in the version that is asked for."""
        address_data = self.wanted.address_data
        return await self.book.texts(names, address_data.version if address_data else None)

    async def responses(self, members: Sequence[Member]) -> AsyncIterator[str]:
        """Yield the responses of cards, with their texts when they are wanted."""
        for block in blocks(members, BLOCK):
            listed: Sequence[Member] = block
            if self.wanted.address_data is not None:
                cards = await self.texts([member.name for member in block])
                listed = [cards[member.name] for member in block if member.name in cards]
            yield "".join(response(self.view(member), self.wanted) for member in listed)
            await asyncio.sleep(0)


Answer = Callable[[Report], AsyncIterator[str]]
"""Yields the content of the answer to a report."""


def blocks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while block := list(islice(rest, size)):
        yield block


async def answer_multiget(report: Report) -> AsyncIterator[str]:
    """Yield the cards that the request names, and 404 for the names of none."""
    hrefs = [each.text or "" for each in report.root.findall(dav("href"))]
    needs_texts = report.wanted.address_data is not None
    etags = {} if needs_texts else {member.name: member for member in await report.book.members()}
    for block in blocks(hrefs, BLOCK):
        names = [find_card(path, report.caller.uid) for path in block]
        members: dict[str, Member] = dict(etags)
        if needs_texts:
            members = {**await report.texts([name for name in names if name is not None])}
        for path, name in zip(block, names, strict=True):
            member = members.get(name or "")
            if member is None:
                yield status_response(path.strip(), 404)
            else:
                yield response(report.view(member), report.wanted, path.strip())
        await asyncio.sleep(0)


async def answer_query(report: Report) -> AsyncIterator[str]:
    """Yield the cards that match the filter; 507 after as many as the request takes."""
    limit = read_limit(report.root.find(carddav("limit")), carddav("nresults"))
    card_filter = read_filter(report.root)
    count = 0
    async for cards in report.cards():
        for card in cards:
            if not card_filter.matches(card.text):
                continue
            if count == limit:
                yield status_response(report.path, 507, dav("number-of-matches-within-limits"))
                return
            count += 1
            yield response(report.view(card), report.wanted)
        await asyncio.sleep(0)


async def answer_sync(report: Report) -> AsyncIterator[str]:
    """Yield the changes since a token, and the token of the state that they lead to."""
    limit = read_limit(report.root.find(dav("limit")), dav("nresults"))
    uri = (report.root.findtext(dav("sync-token")) or "").strip()
    state = read_sync_token(uri, report.caller.uid) if uri else (0, 0)
    if state is None:
        raise invalid_token()
    since, start = state
    try:
        changes = await report.book.changes(since, limit, start)
    except BadToken:
        raise invalid_token() from None
    async for responses in report.responses(changes.changed):
        yield responses
    for name in changes.removed:
        yield status_response(Resource(ResourceKind.CARD, report.caller.uid, name).href, 404)
    if changes.truncated:
        yield status_response(report.path, 507, dav("number-of-matches-within-limits"))
    token = sync_token(report.caller.uid, changes.token, changes.start)
    yield f"<D:sync-token>{text(token)}</D:sync-token>"


OF_CARDS: dict[str, Answer] = {
    carddav("addressbook-multiget"): answer_multiget,
    carddav("addressbook-query"): answer_query,
}
ANSWERS = {
    ResourceKind.BOOK: {**OF_CARDS, dav("sync-collection"): answer_sync},
    ResourceKind.CARD: OF_CARDS,
}


def read_report(root: Element, resource: Resource) -> Answer:
    """Return what answers a report; RequestError 403 for one that this resource does not have."""
    answer = ANSWERS.get(resource.kind, {}).get(root.tag)
    if answer is None:
        raise dav_error(403, "UNSUPPORTED_REPORT", "There is no such report here", dav("supported-report"))
    return answer


def read_wanted(root: Element, is_minimal: bool) -> Wanted:
    """Return the properties that a report asks for."""
    prop = root.find(dav("prop"))
    names = [] if prop is None else names_of([prop])
    return Wanted(names, read_address_data(prop), skips_unknown=is_minimal)


def read_limit(limit: Element | None, name: str) -> int | None:
    """Return the most results that a request takes, or None; RequestError 400 for what is no number."""
    if limit is None:
        return None
    number = (limit.findtext(name) or "").strip()
    significant = number.lstrip("0")
    if not (number.isascii() and number.isdigit() and significant):
        raise bad_xml()
    # int() refuses thousands of digits
    return min(int(significant[:9]), MOST_RESULTS)


def invalid_token() -> RequestError:
    """Return 403 for a token with which the client has to begin again."""
    return dav_error(403, "INVALID_SYNC_TOKEN", "Synchronise from the start", dav("valid-sync-token"))
