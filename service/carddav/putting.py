"""Write the contact of a card, by the doors that all APIs share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import orjson

from service.carddav.groups import delete_group, put_group
from service.carddav.incoming import Incoming, NoCard
from service.contacts import book, invitations
from service.contacts.invitations import Push
from service.contacts.pictures import is_uploaded, picture_path
from service.contacts.search_words import with_words
from service.runtime.context import Context
from service.store.database import ResultSet, Transaction, TransactionCaller, document, documents, encode

ENTITY_TAG = re.compile(r'"[^"]*"')


class PreconditionFailed(Exception):
    """The card is not the one that the client knows."""


class UidTaken(Exception):
    """Another card has the UID."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Stored:
    """A card that was stored."""

    created: bool
    etag: str | None
    """None: its bytes were not kept, so the client has to read it."""


@dataclass(frozen=True)
class Preconditions:
    """The headers If-Match and If-None-Match of a request."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str | None) -> None:
        """Raise PreconditionFailed unless they hold. `etag`: of the card, None when there is none."""
        if self.if_match is not None and not _matches(self.if_match, etag):
            raise PreconditionFailed
        if self.if_none_match is not None and _matches(self.if_none_match, etag):
            raise PreconditionFailed


def _matches(header: str, etag: str | None) -> bool:
    if header.strip() == "*":
        return etag is not None
    return etag in ENTITY_TAG.findall(header)


class CardState(NamedTuple):
    """The row of my_card_open, decoded."""

    rev: int
    contact_id: str | None
    etag: str | None
    """Quoted."""
    box: str | None
    avatar_path: str | None
    holder: str | None
    refused: list[str]
    group_id: str | None
    group_etag: str | None
    """Quoted."""

    @property
    def listed_etag(self) -> str | None:
        """The entity tag of the card in the book; None when there is none of this name."""
        return self.group_etag or (self.etag if self.box == "active" else None)


@dataclass
class Pushes:
    """What live updates say once the card is stored."""

    contact: tuple[ResultSet, ResultSet, str] | None = None
    """Card, sockets and service of a contact that was written."""
    deleted: tuple[dict[str, Any], ResultSet] | None = None
    """A contact that went to the trash, and sockets."""
    others: list[Push] = field(default_factory=list)
    """Those of the peer, and of groups."""

    def send(self, ctx: Context) -> None:
        """Send them once the request has succeeded."""
        if self.deleted:
            contact, sockets = self.deleted
            book.push_deleted(ctx, contact, contact["drumate_id"], sockets)
        if self.contact:
            book.push_contact(ctx, *self.contact)
        invitations.push_all(ctx, self.others)


async def put_card(ctx: Context, name: str, incoming: Incoming, conditions: Preconditions) -> Stored:
    """Store a card under a name, as a new contact or group, or in place of the one that is there."""
    stored, pushes = await ctx.db.transaction(
        "my_card_put", lambda tx: CardWriter(ctx, tx, name, incoming).put(conditions)
    )
    pushes.send(ctx)
    return stored


class CardWriter:
    """Writes one card in a transaction."""

    def __init__(self, ctx: Context, tx: Transaction, name: str, incoming: Incoming) -> None:
        self._ctx = replace(ctx, after_commit=[])
        self._tx = tx
        self._name = name
        self._incoming = incoming
        self._owner, self._shard = ctx.caller.uid, ctx.caller.db or ""
        self._pushes = Pushes()

    async def put(self, conditions: Preconditions) -> tuple[Stored, Pushes]:
        """Write contact, picture and card; or a group."""
        state = await open_card(self._ctx, self._tx, self._name, self._incoming)
        conditions.check(state.listed_etag)
        if state.holder:
            raise UidTaken(state.holder)
        write = self._put_contact if self._incoming.group is None else self._put_group
        etag = await write(state)
        is_new = state.listed_etag is None
        return Stored(is_new, f'"{etag}"' if self._incoming.is_kept else None), self._pushes

    async def _put_group(self, state: CardState) -> str:
        """Store a group; a contact that has its name goes to the trash. Return the entity tag."""
        if state.box == "active" and state.contact_id:
            contact, sockets, _ = await book.trash_in(self._tx, self._ctx, state.contact_id, None)
            self._pushes.deleted = (contact, sockets)
        etag, pushes = await put_group(
            self._ctx, self._tx, state.group_id, self._name, self._incoming.group_fields()
        )
        self._pushes.others += pushes
        return etag

    async def _put_contact(self, state: CardState) -> str:
        """Store a contact; a group that has its name is deleted. Return the entity tag."""
        if state.group_id:
            self._pushes.others += await delete_group(self._ctx, self._tx, state.group_id)
        fields = self._incoming.fields(state.refused)
        if state.contact_id is None:
            contact_id = await self._create(fields)
            path = self._picture_patch(contact_id, None)
            if path:
                await self._patch(contact_id, {"from_api": 1, **path})
        else:
            contact_id = state.contact_id
            path = self._picture_patch(contact_id, state.avatar_path)
            await self._bring_back(contact_id, state.box)
            service = "contact.update" if state.box == "active" else "contact.add"
            await self._update(contact_id, {**fields, **path}, service)
        if path:
            await self._set_picture(contact_id)
        card = encode(self._incoming.card)
        ((etag,),), joined = await self._tx.call(
            self._shard, "my_card_put", self._owner, contact_id, self._name, card, state.rev
        )
        if self._pushes.contact:
            sockets = self._pushes.contact[1]
            self._pushes.others += [("contact.add_to_group", model, sockets) for model in documents(joined)]
        return str(etag)

    async def _create(self, fields: dict[str, Any]) -> str:
        contact = with_words(fields)
        # the transaction locks, and commits
        stored = await book.store(replace(self._ctx, db=TransactionCaller(self._tx)), contact)
        card, sockets, *_ = stored or await self._tx.call(
            self._shard, "my_contact_create", self._owner, encode(contact)
        )
        self._pushes.contact = (card, sockets, "contact.add")
        contact_id: str = document(card)["id"]
        return contact_id

    async def _update(self, contact_id: str, fields: dict[str, Any], service: str) -> None:
        card, sockets, peers, _ = await book.change_in(
            self._tx, self._owner, lambda _: self._patch(contact_id, fields)
        )
        self._pushes.contact = (card, sockets, service)
        self._pushes.others += peers

    async def _patch(self, contact_id: str, fields: dict[str, Any]) -> list[ResultSet]:
        return await self._tx.call(
            self._shard, "my_contact_patch", self._owner, contact_id, encode(fields), None
        )

    async def _bring_back(self, contact_id: str, box: str | None) -> None:
        """Bring a contact back from the trash or the archive: the client puts its card there again."""
        if box == "trash":
            await book.restore_in(self._tx, self._ctx, contact_id, None)
        elif box == "archived":
            await self._tx.call(self._shard, "archive_entity", self._owner, contact_id, "active")

    def _picture_patch(self, contact_id: str, former_path: str | None) -> dict[str, str | None]:
        """Return avatar_path when it changes: to the picture of the card, or from an uploaded one to none."""
        picture = self._incoming.picture
        path = picture_path(contact_id, picture.digest) if picture else None
        if path == former_path or (path is None and not is_uploaded(contact_id, former_path)):
            return {}
        return {"avatar_path": path}

    async def _set_picture(self, contact_id: str) -> None:
        """Store the picture of the card, or remove the one that it has no more."""
        if picture := self._incoming.picture:
            await self._tx.call(
                self._shard, "picture_put", self._owner, contact_id, picture.type, picture.content
            )
        else:
            await self._tx.call(self._shard, "picture_delete", self._owner, contact_id)


async def open_card(ctx: Context, tx: Transaction, name: str, incoming: Incoming | None = None) -> CardState:
    """Lock the book, and return what is there under a name."""
    uid = incoming.card.get("uid") if incoming else None
    addresses = incoming.addresses if incoming else []
    await tx.call("yp", "contact_pair_lock", ctx.caller.uid, None, None)
    ((row,),) = await tx.call(
        ctx.caller.db or "", "my_card_open", ctx.caller.uid, name, uid, encode(addresses)
    )
    rev, contact_id, etag, box, avatar_path, holder, refused, group_id, group_etag = row
    tag, group_tag = (f'"{each}"' if each else None for each in (etag, group_etag))
    return CardState(
        rev, contact_id, tag, box, avatar_path, holder, orjson.loads(refused), group_id, group_tag
    )


async def delete_card(ctx: Context, name: str, conditions: Preconditions) -> None:
    """Move the contact of a card to the trash, or delete a group, whose people stay.

    The other side of a relation keeps its own entry.
    """

    async def unit(tx: Transaction) -> Pushes:
        state = await open_card(ctx, tx, name)
        conditions.check(state.listed_etag)
        if state.group_id:
            return Pushes(others=await delete_group(ctx, tx, state.group_id))
        if state.contact_id is None or state.box != "active":
            raise NoCard
        contact, sockets, _ = await book.trash_in(tx, ctx, state.contact_id, None)
        return Pushes(deleted=(contact, sockets))

    (await ctx.db.transaction("my_contact_trash", unit)).send(ctx)
