"""The address book of a user as a collection of cards.

Its members are the contacts that are neither archived nor in the trash, and the groups.
docs/decisions/carddav.md says how a card is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from service.carddav.answers import CardText, Member, card_texts
from service.carddav.incoming import read_card
from service.carddav.putting import Preconditions, Stored, delete_card, put_card
from service.errors import Refused
from service.runtime.context import Context
from service.store.database import encode

PAGE = 200
"""Cards in one CALL."""
PAGE_BYTES = 8_000_000
"""Of the texts in one CALL."""
NO_LIMIT = 1_000_000_000


class BadToken(Exception):
    """A sync token is unknown, or changes after it were dropped."""


@dataclass(frozen=True)
class Changes:
    """The changes since a token."""

    changed: list[Member]
    removed: list[str]
    """Names of cards that are gone."""
    token: int
    truncated: bool
    """Whether there are more changes after `token`."""
    start: int
    """Revision at which the client began to read all cards, while there are more; else 0."""


class Book:
    """The address book of the caller."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    async def token(self) -> int:
        """Return the revision of the book. It grows with each change, by whatever API."""
        (((rev,),),) = await self.ctx.shard("my_card_token")
        return int(rev)

    async def members(self) -> list[Member]:
        """Return all cards without their texts."""
        card_rows, _ = await self.ctx.shard("my_card_list")
        return [Member(name, quoted(etag)) for name, etag in card_rows]

    async def texts(self, names: Iterable[str], version: str | None = None) -> dict[str, CardText]:
        """Return the cards with these names, without those that are not there.

        `version`: 3.0 or 4.0; None for that of the card.
        """
        cards: dict[str, CardText] = {}
        async for _, page in self.pages(names, version):
            cards |= page
        return cards

    async def pages(
        self, names: Iterable[str], version: str | None = None
    ) -> AsyncIterator[tuple[list[str], dict[str, CardText]]]:
        """Yield (names, cards with these names), at most PAGE cards and some PAGE_BYTES at once."""
        rest = list(dict.fromkeys(names))
        while rest:
            asked = rest[:PAGE]
            contact_rows, group_rows = await self.ctx.shard(
                "my_cards", encode(asked), version or "", PAGE_BYTES
            )
            card_rows = [*contact_rows, *group_rows]
            unread = {name for name, _, sent, data in card_rows if sent is None and data is None}
            count = next((index for index, name in enumerate(asked) if name in unread), len(asked))
            read_names, rest = rest[:count], rest[count:]
            read_rows = [row for row in card_rows if row[0] not in unread]
            cards = await card_texts(self.ctx, read_rows, version)
            yield read_names, {card.name: card for card in cards}

    async def all_texts(self, version: str | None = None) -> AsyncIterator[list[CardText]]:
        """Yield all cards, a page at a time."""
        async for _, page in self.pages([member.name for member in await self.members()], version):
            yield list(page.values())

    async def changes(self, since: int | None, limit: int | None = None, start: int = 0) -> Changes:
        """Return the changes since a token, at most `limit`; without a token, all cards. Raise BadToken.

        `start`: that of the changes before, whose token is `since`.
        """
        try:
            change_rows, ((rev, more, began),) = await self.ctx.shard(
                "my_card_changes", since or 0, limit or NO_LIMIT, start
            )
        except Refused as exc:
            if exc.code != "TOO_OLD":
                raise
            raise BadToken from exc
        changed = [Member(name, quoted(etag)) for name, etag in change_rows if etag]
        removed = [name for name, etag in change_rows if not etag]
        return Changes(changed, removed, int(rev), bool(more), int(began))

    async def put(
        self, name: str, body: bytes, if_match: str | None = None, if_none_match: str | None = None
    ) -> Stored:
        """Store a card. Raise NoCard, TooLarge, PreconditionFailed or UidTaken; nothing else refuses one."""
        incoming = await read_card(body)
        return await put_card(self.ctx, name, incoming, Preconditions(if_match, if_none_match))

    async def delete(self, name: str, if_match: str | None = None) -> None:
        """Move the contact of a card to the trash, or delete a group. Raise NoCard or PreconditionFailed."""
        await delete_card(self.ctx, name, Preconditions(if_match))


def quoted(etag: str) -> str:
    """Return an entity tag as HTTP writes it."""
    return f'"{etag}"'
