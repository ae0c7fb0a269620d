"""The reports: addressbook-query, addressbook-multiget (RFC 6352) and sync-collection (RFC 6578)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
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
"""Cards without their texts that are written at once."""
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

    @property
    def version(self) -> str | None:
        """The version in which texts are asked for."""
        return self.wanted.address_data.version if self.wanted.address_data else None

    async def cards(self) -> AsyncIterator[list[CardText]]:
        """Yield the cards that a query is about, with their texts."""
        if self.name:
            yield [*(await self.book.texts([self.name], self.version)).values()]
            return
        async for cards in self.book.all_texts(self.version):
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

    async def responses(self, members: Sequence[Member]) -> AsyncIterator[str]:
        """Yield the responses of cards, with their texts when they are wanted."""
        if self.wanted.address_data is not None:
            async for _, cards in self.book.pages((member.name for member in members), self.version):
                yield "".join(response(self.view(card), self.wanted) for card in cards.values())
            return
        for block in blocks(members, BLOCK):
            yield "".join(response(self.view(member), self.wanted) for member in block)
            await asyncio.sleep(0)


Answer = Callable[[Report], AsyncIterator[str]]
"""Yields the content of the answer to a report."""


def blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while block := list(islice(rest, size)):
        yield block


async def answer_multiget(report: Report) -> AsyncIterator[str]:
    """Yield the cards that the request names, and 404 for the names of none."""
    paths_of: dict[str, list[str]] = {}
    for path in dict.fromkeys((each.text or "").strip() for each in report.root.findall(dav("href"))):
        paths_of.setdefault(find_card(path, report.caller.uid) or "", []).append(path)
    no_cards = paths_of.pop("", [])
    async for names, members in _named(report, paths_of):
        for name in names:
            member = members.get(name)
            for path in paths_of[name]:
                if member is None:
                    yield status_response(path, 404)
                else:
                    yield response(report.view(member), report.wanted, path)
        await asyncio.sleep(0)
    for path in no_cards:
        yield status_response(path, 404)


async def _named(
    report: Report, names: Iterable[str]
) -> AsyncIterator[tuple[list[str], Mapping[str, Member]]]:
    """Yield (names, cards with these names), with texts when they are wanted."""
    if report.wanted.address_data is not None:
        async for page in report.book.pages(names, report.version):
            yield page
        return
    members = {member.name: member for member in await report.book.members()}
    for block in blocks(names, BLOCK):
        yield block, members


async def answer_query(report: Report) -> AsyncIterator[str]:
    """Yield the cards that match the filter; 507 after as many as the request takes."""
    limit = read_limit(report.root.find(carddav("limit")), carddav("nresults"))
    card_filter = read_filter(report.root)
    count = 0
    async for cards in report.cards():
        # in a thread: a page takes longer than other requests can wait
        for card in await asyncio.to_thread(card_filter.matching, cards):
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
