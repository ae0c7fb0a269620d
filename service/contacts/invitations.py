"""Invitations and their answers: transactions that change the address books of two users.

Each of them locks the pair of users first, so two transactions of the same pair run one after the other. The
entry of the peer is written before the entry of the caller, whose new state depends on it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from service.mail.outbox import Mail
from service.mail.translations import texts
from service.runtime.context import Context
from service.store.database import ResultSet, Transaction, document, encode
from service.web.email_address import normal_email

IN_PROGRESS: dict[tuple[Any, ...], asyncio.Future[Invitation]] = {}
"""Invitations that this process is carrying out, by everything that makes them the same."""

IN_CONTACT = {"active", "informed"}
GREETING_NAME = 64
"""Characters of the name by which a mail greets."""

BUDGET_SPENT = "TOO_MANY_INVITATIONS"
"""Code of the refusal when the caller has caused as many invitation mails as the settings allow in a day."""

Peer = tuple[str, str]
"""(uid, shard) of the other user."""

Push = tuple[str, Any, ResultSet]
"""(service, model, recipients)"""


@dataclass
class Invitation:
    """The outcome of an invitation."""

    contact_rows: ResultSet
    """One row: the caller's entry in full."""
    socket_rows: ResultSet
    """(node, JSON array of socket ids) of the caller."""
    mail: Mail | None = None
    """The mail to send, if any."""
    pushes: list[Push] = field(default_factory=list)
    new_peer: Peer | None = None
    """The invited user, when the two are in contact at once: both had invited."""

    @property
    def entity(self) -> str:
        """The invited person: a uid or an email address."""
        return str(document(self.contact_rows)["entity"])


class Acceptance(NamedTuple):
    """One side of an accepted invitation, as its owner's sockets get it, the acting one included."""

    greeting_rows: ResultSet
    update_rows: ResultSet
    """One row: the model of contact.invite_accept."""
    socket_rows: ResultSet


class Joiner(NamedTuple):
    """The user who follows a link."""

    uid: str
    shard: str
    lang: str | None


class Joining(NamedTuple):
    """The outcome of following a link."""

    contact_rows: ResultSet
    """One row: the user's entry about the inviter, in full."""
    own: Acceptance
    peer: Acceptance
    inviter: Peer


async def invite(ctx: Context, key: str, contact: Mapping[str, Any]) -> Invitation:
    """Invite a person by email address, user name or uid. `contact` has names and message of the entry.

    A request that equals one in progress waits for that one and shares its result, without mail and pushes:
    a hundred clicks cost one transaction and one mail.
    """
    identity = (id(ctx.mailer), ctx.caller.uid, ctx.service, key.strip().lower(), encode(contact))
    in_progress = IN_PROGRESS.get(identity)
    if in_progress is not None:
        invitation = await asyncio.shield(in_progress)
        return Invitation(invitation.contact_rows, invitation.socket_rows)
    in_progress = asyncio.ensure_future(
        ctx.db.transaction(ctx.service, lambda tx: invite_in(tx, ctx, key, contact))
    )
    IN_PROGRESS[identity] = in_progress
    in_progress.add_done_callback(lambda _: IN_PROGRESS.pop(identity))
    return await asyncio.shield(in_progress)


async def invite_in(
    tx: Transaction,
    ctx: Context,
    key: str,
    contact: Mapping[str, Any],
    entry: Invitation | None = None,
) -> Invitation:
    """Invite a person as part of a transaction.

    `entry` is the entry that the transaction has written with the status sent already, if it has. Its pushes
    come first.
    """
    owner, shard = ctx.caller.uid, shard_of(ctx)
    address, message = normal_email(key), contact.get("message")
    secret, mail_id = secrets.token_urlsafe(24), secrets.token_hex(8)
    mails, mails_new = ctx.settings.invite_mails, ctx.settings.invite_mails_new
    new_days = ctx.settings.invite_new_days
    (invitation_rows,) = await tx.call(
        "yp",
        "contact_invite_open",
        owner,
        key,
        address,
        message,
        secret,
        mail_id,
        mails,
        mails_new,
        new_days,
    )
    invitation = document(invitation_rows)
    known = document(entry.contact_rows) if entry else contact
    invitation["mail"] = await _greet(tx, invitation["mail"], known.get("firstname"))
    peer, status, greetings = invitation["peer"], "sent", None
    pushes = entry.pushes if entry else []
    if peer and not invitation["blocked"]:
        status, greetings, peer_pushes = await _invite_peer(tx, ctx, peer, invitation["db"], message)
        pushes = pushes + peer_pushes
    if entry and status == "sent" and peer in {None, entry.entity}:
        return Invitation(entry.contact_rows, entry.socket_rows, invitation["mail"], pushes)
    fields = encode({**contact, "email": address})
    contact_rows, greeting_rows, socket_rows = await tx.call(
        shard, "contact_invite", owner, peer, fields, status, ctx.received_us, greetings
    )
    pushes = pushes + _chat_pushes(greeting_rows, socket_rows)
    new_peer = (peer, invitation["db"]) if status in IN_CONTACT else None
    return Invitation(contact_rows, socket_rows, invitation["mail"], pushes, new_peer)


async def _greet(
    tx: Transaction, mail: dict[str, Any] | None, firstname: str | None
) -> dict[str, Any] | None:
    """Let a mail to somebody without an account greet by the name that the inviter has given them."""
    if mail is None or mail["data"]["name"] or not firstname:
        return mail
    (mail_rows,) = await tx.call("yp", "mail_greet", mail["id"], firstname[:GREETING_NAME])
    greeting: dict[str, Any] = document(mail_rows)
    return greeting


async def _invite_peer(
    tx: Transaction, ctx: Context, peer: str, peer_shard: str, message: str | None
) -> tuple[str, Any, list[Push]]:
    """Write the invitation into the address book of the peer.

    Returns the new status of the inviter's entry, the greetings for the inviter's chat, and pushes.
    """
    greetings = _greetings(peer, None, ctx.caller.uid, ctx.caller.lang)
    outcome_rows, greeting_rows, update_rows, socket_rows = await tx.call(
        peer_shard, "contact_invite_post", peer, ctx.caller.uid, message, ctx.received_us, greetings
    )
    outcome = document(outcome_rows)
    pushes: list[Push] = []
    if outcome["changed"]:
        pushes.append(("contact.invite", document(update_rows), socket_rows))
    return outcome["status"], outcome["greetings"], pushes + _chat_pushes(greeting_rows, socket_rows)


async def accept(ctx: Context, key: str) -> dict[str, Any]:
    """Accept the invitation of a person; notify and greet both sides. Returns the caller's entry."""
    owner, shard = ctx.caller.uid, shard_of(ctx)

    async def unit(tx: Transaction) -> tuple[dict[str, Any], Acceptance, Acceptance, Peer]:
        (inviter_rows,) = await tx.call("yp", "contact_answer_open", owner, key, "invite_accepted")
        inviter = document(inviter_rows)
        greetings = _greetings(inviter["peer"], inviter["lang"], owner, ctx.caller.lang)
        entry_rows, *own_sets = await tx.call(
            shard, "contact_invite_accept", owner, inviter["peer"], greetings
        )
        entry: dict[str, Any] = document(entry_rows)
        peer_sets = await tx.call(
            inviter["db"], "contact_invite_accepted", inviter["peer"], None, owner, entry.pop("greetings")
        )
        return entry, Acceptance(*own_sets), Acceptance(*peer_sets), (inviter["peer"], inviter["db"])

    entry, own, peer, inviter = await ctx.db.transaction(ctx.service, unit)
    push_acceptance(ctx, own, peer, inviter)
    return entry


async def refuse(ctx: Context, key: str) -> dict[str, Any]:
    """Refuse the invitation of a person; notify both sides. Returns the caller's entry."""
    owner, shard = ctx.caller.uid, shard_of(ctx)

    async def unit(tx: Transaction) -> tuple[dict[str, Any], ResultSet, dict[str, Any], ResultSet]:
        (inviter_rows,) = await tx.call("yp", "contact_answer_open", owner, key, "invite_refused")
        inviter = document(inviter_rows)
        entry_rows, block_rows, socket_rows = await tx.call(
            shard, "contact_invite_refuse", owner, inviter["peer"]
        )
        await remove_block(tx, owner, block_rows)
        peer_update_rows, peer_socket_rows = await tx.call(
            inviter["db"], "contact_invite_refused_peer", inviter["peer"], owner
        )
        return document(entry_rows), socket_rows, document(peer_update_rows), peer_socket_rows

    entry, socket_rows, peer_update, peer_socket_rows = await ctx.db.transaction(ctx.service, unit)
    ctx.push("contact.invite_refuse", {"drumate_id": entry["drumate_id"], "status": "deleted"}, socket_rows)
    ctx.push("contact.invite_refuse", peer_update, peer_socket_rows)
    return entry


async def join(ctx: Context, token: str, bind: bool) -> ResultSet:
    """Follow the link of an invitation mail; return the caller's entry about the inviter, one row.

    `bind`: accept a link that was sent to another address than the caller's account has, and record that.
    """
    joiner = Joiner(ctx.caller.uid, shard_of(ctx), ctx.caller.lang)
    joining = await ctx.db.transaction(ctx.service, lambda tx: join_in(tx, joiner, token, bind=bind))
    push_acceptance(ctx, joining.own, joining.peer, joining.inviter)
    return joining.contact_rows


async def join_in(tx: Transaction, joiner: Joiner, token: str, *, bind: bool) -> Joining:
    """Follow the link of an invitation mail as part of a transaction."""
    owner = joiner.uid
    (invitation_rows,) = await tx.call("yp", "token_consume", token, owner, int(bind))
    invitation = document(invitation_rows)
    inviter, email, others = invitation["inviter"], invitation["email"], invitation["others"]
    greetings = _greetings(inviter, invitation["lang"], owner, joiner.lang)
    peer_sets = await tx.call(invitation["db"], "contact_invite_accepted", inviter, email, owner, greetings)
    for other_shard in {other["db"] for other in others}:
        inviters = [other["inviter"] for other in others if other["db"] == other_shard]
        await tx.call(other_shard, "contact_invitee_registered", owner, email, encode(inviters))
    contact_rows, *own_sets = await tx.call(
        joiner.shard, "contact_join", owner, inviter, encode(others), greetings
    )
    sides = Acceptance(*own_sets), Acceptance(*peer_sets)
    return Joining(contact_rows, *sides, (inviter, invitation["db"]))


def push_acceptance(ctx: Context, own: Acceptance, peer: Acceptance, inviter: Peer) -> None:
    """Notify both sides: the Drumee frontend learns of a new contact from the push, not from the answer.

    Each of the two sees from now on whether the other is online.
    """
    for side in (peer, own):
        ctx.push("contact.invite_accept", document(side.update_rows), side.socket_rows)
    for side in (peer, own):
        push_all(ctx, _chat_pushes(side.greeting_rows, side.socket_rows))
    ctx.presence_changed(inviter)


async def remove_block(tx: Transaction, owner: str, block_rows: ResultSet) -> None:
    """Remove the block of a deleted entry, because its owner cannot do it any more.

    `block_rows` is one row of JSON: blocked, the id of the entry, or NULL.
    """
    if contact_id := document(block_rows)["blocked"]:
        await tx.call("yp", "contact_block_delete", owner, contact_id)


def push_all(ctx: Context, pushes: list[Push]) -> None:
    """Send pushes once the request has succeeded."""
    for service, model, recipients in pushes:
        ctx.push(service, model, recipients)


def _greetings(inviter: str, inviter_lang: str | None, accepter: str, accepter_lang: str | None) -> str:
    """Return the first chat message of each side, in the language of its author: a JSON array."""
    now = int(time.time())
    messages = (
        (inviter, texts(inviter_lang).gettext("Hello, I would like to stay in contact with you.")),
        (accepter, texts(accepter_lang).gettext("I have accepted your invitation. We are in contact now.")),
    )
    return encode(
        [
            {"message_id": secrets.token_hex(8), "author_id": author, "message": message, "ctime": now}
            for author, message in messages
        ]
    )


def _chat_pushes(greeting_rows: ResultSet, recipients: ResultSet) -> list[Push]:
    return [("chat.post", orjson.loads(row[0]), recipients) for row in greeting_rows]


def shard_of(ctx: Context) -> str:
    """Return the shard of the caller, who is signed in."""
    if ctx.caller.db is None:
        raise AssertionError("the caller has no shard; the gate let in somebody who is not signed in")
    return ctx.caller.db
