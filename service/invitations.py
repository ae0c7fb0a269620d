"""Invitations and their answers: transactions that change the address books of two people.

Everybody who changes what is between two people locks the pair first, so two such transactions wait for each
other. The other person's side is written before the caller's: what it was decides what the caller's becomes.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.context import Context
from service.database import ResultSet, Transaction, document
from service.mail import Mail
from service.schema import normal_email
from service.texts import texts

ON_THEIR_WAY: dict[tuple[Any, ...], asyncio.Future[Any]] = {}
"""Invitations that this process is carrying out."""


@dataclass
class Invitation:
    """What an invitation did."""

    contact: ResultSet
    """One row: the caller's entry in full."""
    sockets: ResultSet
    """The caller's."""
    mail: Mail | None = None
    """The mail to send."""
    pushes: list[tuple[str, Any, ResultSet]] = field(default_factory=list)
    """(service, model, recipients)"""

    @property
    def person(self) -> str:
        """Whom the entry stands for: a uid, or an address."""
        return str(document(self.contact)["entity"])


async def invite(ctx: Context, key: str, contact: Mapping[str, Any]) -> Invitation:
    """Invite somebody by address, user name or uid; `contact` has names and message for his entry.

    The same invitation by the same person, while it is on its way already, is that one: who clicks a hundred
    times, or whose program does, costs one transaction, and one mail.
    """
    same = (id(ctx.db), ctx.caller.uid, ctx.service, key.strip().lower(), _json(contact))
    flight = ON_THEIR_WAY.get(same)
    if flight is not None:
        done = await asyncio.shield(flight)
        return Invitation(done.contact, done.sockets)
    flight = asyncio.ensure_future(
        ctx.db.transaction(ctx.service, lambda tx: invite_in(tx, ctx, key, contact))
    )
    ON_THEIR_WAY[same] = flight
    flight.add_done_callback(lambda _: ON_THEIR_WAY.pop(same))
    return await asyncio.shield(flight)


async def invite_in(
    tx: Transaction,
    ctx: Context,
    key: str,
    contact: Mapping[str, Any],
    written: Invitation | None = None,
) -> Invitation:
    """The invitation as part of a transaction; `written`: the entry, where that noted it as sent already."""
    me, mine = ctx.caller.uid, _shard(ctx)
    address, message = normal_email(key), contact.get("message")
    secret, mail = secrets.token_urlsafe(24), secrets.token_hex(8)
    (found,) = await tx.call("yp", "contact_invite_open", me, key, address, message, secret, mail)
    opened = document(found)
    peer, status, greetings = opened["peer"], "sent", None
    pushes = []
    if peer and not opened["blocked"]:
        first_words = _greetings(peer, None, me, ctx.caller.lang)
        outcome, greeted, told, his_sockets = await tx.call(
            opened["db"], "contact_invite_post", peer, me, message, ctx.asked, first_words
        )
        his = document(outcome)
        status, greetings = his["status"], his["greetings"]
        if his["changed"]:
            pushes.append(("contact.invite", document(told), his_sockets))
        pushes += _chat_posts(greeted, his_sockets)
    if written and status == "sent" and peer in {None, written.person}:
        return Invitation(written.contact, written.sockets, opened["mail"], written.pushes + pushes)
    wanted = _json({**contact, "email": address})
    entry, greeted, sockets = await tx.call(
        mine, "contact_invite", me, peer, wanted, status, ctx.asked, greetings
    )
    pushes += _chat_posts(greeted, sockets)
    return Invitation(entry, sockets, opened["mail"], (written.pushes if written else []) + pushes)


async def accept(ctx: Context, key: str) -> dict[str, Any]:
    """Accept the invitation of a person; both sides are told and greeted."""
    me, mine = ctx.caller.uid, _shard(ctx)

    async def unit(tx: Transaction) -> list[Any]:
        (found,) = await tx.call("yp", "contact_answer_open", me, key, "invite_accepted")
        opened = document(found)
        words = _greetings(opened["peer"], opened["lang"], me, ctx.caller.lang)
        own = await tx.call(
            mine, "contact_invite_accept", me, opened["peer"], ctx.args.get("socket_id"), words
        )
        his = await tx.call(
            opened["db"], "contact_invite_accepted", opened["peer"], me, document(own[0])["greetings"]
        )
        return [own, his]

    own, his = await ctx.db.transaction(ctx.service, unit)
    answer, greeted, told, other_tabs, sockets = own
    his_greeted, his_told, his_sockets = his
    ctx.push("contact.invite_accept", document(his_told), his_sockets)
    ctx.push("contact.invite_accept", document(told), other_tabs)
    push_all(ctx, [*_chat_posts(his_greeted, his_sockets), *_chat_posts(greeted, sockets)])
    ctx.presence_changed()
    found: dict[str, Any] = document(answer)
    del found["greetings"]
    return found


async def refuse(ctx: Context, key: str) -> dict[str, Any]:
    """Refuse the invitation of a person; both sides are told."""
    me, mine = ctx.caller.uid, _shard(ctx)

    async def unit(tx: Transaction) -> list[Any]:
        (found,) = await tx.call("yp", "contact_answer_open", me, key, "invite_refused")
        opened = document(found)
        own = await tx.call(mine, "contact_invite_refuse", me, opened["peer"])
        await lift(tx, me, own[1])
        his = await tx.call(opened["db"], "contact_invite_refused_peer", opened["peer"], me)
        return [own, his]

    (answer, _, sockets), (told, his_sockets) = await ctx.db.transaction(ctx.service, unit)
    found: dict[str, Any] = document(answer)
    ctx.push("contact.invite_refuse", {"drumate_id": found["drumate_id"], "status": "deleted"}, sockets)
    ctx.push("contact.invite_refuse", document(told), his_sockets)
    return found


async def join(ctx: Context, token: str, bind: bool) -> ResultSet:
    """Follow the link of an invitation mail; the caller's entry about the inviter."""
    me, mine = ctx.caller.uid, _shard(ctx)

    async def unit(tx: Transaction) -> list[Any]:
        (found,) = await tx.call("yp", "token_consume", token, me, int(bind))
        opened = document(found)
        words = _greetings(opened["inviter"], opened["lang"], me, ctx.caller.lang)
        his = await tx.call(opened["db"], "contact_joined", opened["inviter"], opened["email"], me, words)
        for shard in {other["db"] for other in opened["others"]}:
            inviters = [other["inviter"] for other in opened["others"] if other["db"] == shard]
            await tx.call(shard, "contact_invitee_registered", me, opened["email"], _json(inviters))
        own = await tx.call(mine, "contact_join", me, opened["inviter"], _json(opened["others"]), words)
        return [own, his]

    own, his = await ctx.db.transaction(ctx.service, unit)
    contact, greeted, sockets = own
    his_greeted, told, his_sockets = his
    ctx.push("contact.invite_accept", document(told), his_sockets)
    push_all(ctx, [*_chat_posts(his_greeted, his_sockets), *_chat_posts(greeted, sockets)])
    ctx.presence_changed()
    found: ResultSet = contact
    return found


async def lift(tx: Transaction, owner: str, gone: ResultSet) -> None:
    """A block goes with the entry that it hung on; nobody could lift it any more."""
    if entry := document(gone)["blocked"]:
        await tx.call("yp", "contact_block_delete", owner, entry)


def push_all(ctx: Context, pushes: list[tuple[str, Any, ResultSet]]) -> None:
    """Queue pushes for after the answer."""
    for service, model, recipients in pushes:
        ctx.push(service, model, recipients)


def _greetings(inviter: str, inviter_lang: str | None, accepter: str, accepter_lang: str | None) -> str:
    """The first words of both, each in the language of its author."""
    now = int(time.time())
    said = (
        (inviter, texts(inviter_lang).gettext("Hello, I would like to stay in contact with you.")),
        (accepter, texts(accepter_lang).gettext("I have accepted your invitation. We are in contact now.")),
    )
    return _json(
        [
            {"message_id": secrets.token_hex(8), "author_id": author, "message": message, "ctime": now}
            for author, message in said
        ]
    )


def _chat_posts(greeted: ResultSet, sockets: ResultSet) -> list[tuple[str, Any, ResultSet]]:
    return [("chat.post", orjson.loads(row[0]), sockets) for row in greeted]


def _shard(ctx: Context) -> str:
    if ctx.caller.db is None:
        raise AssertionError("only signed-in people have a shard; the gate let somebody else through")
    return ctx.caller.db


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
