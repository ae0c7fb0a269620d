"""`room.*`: meetings that are scheduled, with guests who come by a link."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from service.errors import RequestError
from service.live.meetings import link_secret, link_url
from service.mail.outbox import Mail
from service.mail.translations import texts
from service.runtime.context import PRIVILEGES, Answer, Context, hub_shard
from service.store.database import Transaction, document, encode

MEETINGS = 1_000
"""Scheduled meetings of one hub."""
HOUR = 3600
CANCEL = "cancel"
CHANGED = {
    "title": ("title",),
    "when": ("date", "start"),
    "agenda": ("message",),
    "member": ("attendees",),
    "all": ("title", "date", "start", "message", "attendees"),
}
"""Parts of a meeting that each flag changes."""


async def book(ctx: Context, hub_id: str, title: str, message: str, date: str) -> Answer:
    """Schedule a meeting; return its node."""
    words = texts(ctx.caller.lang)
    title = title or words.gettext("Meeting with %(name)s") % {"name": ctx.caller.public_name}
    content = {"title": title[:100], "message": message, "date": date}
    node_id = secrets.token_hex(8)
    (node_rows,) = await ctx.db.call(
        hub_shard(ctx), "meeting_book", hub_id, ctx.caller.uid, node_id, encode(content), MEETINGS
    )
    node: dict[str, Any] = document(node_rows)
    return node | {"privilege": PRIVILEGES[ctx.caller.level]}


async def update(ctx: Context, hub_id: str, nid: str, flag: str, attendees: list[dict[str, str]]) -> Answer:
    """Change a scheduled meeting; invite its new attendees by mail. Return its content."""
    words = {name: ctx.args.get(name) or "" for name in CHANGED[flag] if name != "attendees"}
    change: dict[str, Any] = {name: text for name, text in words.items() if text or name != "title"}
    if "attendees" in CHANGED[flag]:
        change["attendees"] = [{"email": a["email"], "name": a.get("name") or ""} for a in attendees]
    secret = link_secret(await ctx.secret.get(), hub_id, nid)
    mails_a_day, mails_new = ctx.settings.invite_mails, ctx.settings.invite_mails_new
    new_days = ctx.settings.invite_new_days

    async def unit(tx: Transaction) -> tuple[dict[str, Any], list[Mail | None]]:
        (content_rows,) = await tx.call(hub_shard(ctx), "meeting_update", hub_id, nid, encode(change))
        before, after = itemgetter("before", "after")(document(content_rows))
        notices = _notices(before, after, nid, link_url(ctx.settings.base_url, secret))
        if any(notice["kind"] != CANCEL for _, notice in notices):
            await tx.call("yp", "dmz_link_create", hub_id, nid, secret, after["title"], None)
        mails = []
        for email, notice in notices:
            if notice["kind"] == CANCEL:
                mails.append(await _cancel(ctx, tx, email, notice))
                continue
            mail_id, text = secrets.token_hex(8), encode(notice)
            (mail_rows,) = await tx.call(
                "yp",
                "meeting_invite",
                ctx.caller.uid,
                email,
                mail_id,
                text,
                mails_a_day,
                mails_new,
                new_days,
            )
            mails.append(document(mail_rows)["mail"])
        return after, mails

    content, mails = await ctx.db.transaction(ctx.service, unit)
    _deliver(ctx, mails)
    return content


def _notices(
    before: Mapping[str, Any], after: Mapping[str, Any], nid: str, url: str
) -> list[tuple[str, dict[str, Any]]]:
    """Return (address, data of the mail) for everybody who must know that a meeting has changed."""
    former = {attendee["email"]: attendee for attendee in before["attendees"]}
    present = {attendee["email"]: attendee for attendee in after["attendees"]}
    kinds = {email: "invite" for email in present if email not in former}
    if after.get("sequence", 0) != before.get("sequence", 0):
        kinds |= {email: "change" for email in present if email in former}
    kinds |= {email: CANCEL for email in former if email not in present}
    people = former | present
    common = {name: value for name, value in after.items() if name != "attendees"}
    return [
        (email, {**common, "kind": kind, "name": people[email]["name"], "room": nid, "url": url})
        for email, kind in kinds.items()
    ]


async def _cancel(ctx: Context, tx: Transaction, email: str, notice: dict[str, Any]) -> Mail | None:
    """Tell a guest that a meeting does not take place, or not with them; no budget stops that."""
    mail_id, text = secrets.token_hex(8), encode(notice)
    (mail_rows,) = await tx.call("yp", "meeting_notify", ctx.caller.uid, email, mail_id, text)
    mail: Mail | None = document(mail_rows)["mail"]
    return mail


def _deliver(ctx: Context, mails: list[Mail | None]) -> None:
    for mail in filter(None, mails):
        ctx.mailer.deliver_later(mail)


async def public_link(ctx: Context, hub_id: str, nid: str, days: int, hours: int) -> Answer:
    """Return the link by which guests come into a scheduled meeting: always the same one."""
    node = await _meeting(ctx, hub_id, nid)
    secret = link_secret(await ctx.secret.get(), hub_id, nid)
    duration = (days * 24 + hours) * HOUR
    expiry = int(time.time()) + duration if duration else 0
    await ctx.yp("dmz_link_create", hub_id, nid, secret, node["filename"], expiry)
    return {"link": link_url(ctx.settings.base_url, secret), "expiry": expiry}


async def remove(ctx: Context, hub_id: str, nid: str) -> Answer:
    """Delete a scheduled meeting, and tell its attendees by mail; its link leads nowhere from then on.

    Again it does nothing.
    """
    secret = link_secret(await ctx.secret.get(), hub_id, nid)

    async def unit(tx: Transaction) -> list[Mail | None]:
        (deleted_rows,) = await tx.call(hub_shard(ctx), "meeting_delete", hub_id, nid)
        content = document(deleted_rows)["content"]
        if content is None:
            return []
        await tx.call("yp", "dmz_room_close", hub_id, nid)
        ended = {**content, "attendees": [], "sequence": content.get("sequence", 0) + 1}
        notices = _notices(content, ended, nid, link_url(ctx.settings.base_url, secret))
        return [await _cancel(ctx, tx, email, notice) for email, notice in notices]

    _deliver(ctx, await ctx.db.transaction(ctx.service, unit))
    return {"nid": nid}


async def _meeting(ctx: Context, hub_id: str, nid: str) -> dict[str, Any]:
    (node_rows,) = await ctx.db.call(hub_shard(ctx), "node_get", hub_id, ctx.caller.uid, nid)
    node: dict[str, Any] | None = document(node_rows)
    if node is None or node["category"] != "schedule":
        raise RequestError(404, "NODE_NOT_FOUND", "nid names no scheduled meeting of this hub")
    return node
