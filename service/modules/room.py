"""`room.*`: meetings that are scheduled, with guests who come by a link."""

from __future__ import annotations

import secrets
import time
from operator import itemgetter
from typing import Any

from service.auth.secret import SigningSecret
from service.errors import RequestError
from service.live.meetings import link_secret, link_url
from service.mail.outbox import Mail
from service.mail.translations import texts
from service.runtime.context import PRIVILEGES, Answer, Context, hub_shard
from service.store.database import Transaction, document, encode

MEETINGS = 1_000
"""Scheduled meetings of one hub."""
HOUR = 3600
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
    secret = link_secret(await SigningSecret(ctx.db).get(), hub_id, nid)
    mails_a_day, mails_new = ctx.settings.invite_mails, ctx.settings.invite_mails_new
    new_days = ctx.settings.invite_new_days

    async def unit(tx: Transaction) -> tuple[dict[str, Any], list[Mail]]:
        (content_rows,) = await tx.call(hub_shard(ctx), "meeting_update", hub_id, nid, encode(change))
        before, after = itemgetter("before", "after")(document(content_rows))
        known = {attendee["email"] for attendee in before["attendees"]}
        guests = [attendee for attendee in after["attendees"] if attendee["email"] not in known]
        mails = []
        if guests:
            await tx.call("yp", "dmz_link_create", hub_id, nid, secret, after["title"], None)
        for guest in guests:
            data = {
                **after,
                "name": guest["name"],
                "room": nid,
                "url": link_url(ctx.settings.base_url, secret),
            }
            del data["attendees"]
            email, mail_id, content = guest["email"], secrets.token_hex(8), encode(data)
            (mail_rows,) = await tx.call(
                "yp",
                "meeting_invite",
                ctx.caller.uid,
                email,
                mail_id,
                content,
                mails_a_day,
                mails_new,
                new_days,
            )
            mails.append(document(mail_rows)["mail"])
        return after, [mail for mail in mails if mail]

    content, mails = await ctx.db.transaction(ctx.service, unit)
    for mail in mails:
        ctx.mailer.deliver_later(mail)
    return content


async def public_link(ctx: Context, hub_id: str, nid: str, days: int, hours: int) -> Answer:
    """Return the link by which guests come into a scheduled meeting: always the same one."""
    node = await _meeting(ctx, hub_id, nid)
    secret = link_secret(await SigningSecret(ctx.db).get(), hub_id, nid)
    duration = (days * 24 + hours) * HOUR
    expiry = int(time.time()) + duration if duration else 0
    await ctx.yp("dmz_link_create", hub_id, nid, secret, node["filename"], expiry)
    return {"link": link_url(ctx.settings.base_url, secret), "expiry": expiry}


async def remove(ctx: Context, hub_id: str, nid: str) -> Answer:
    """Delete a scheduled meeting; its link leads nowhere from then on. Again it does nothing."""
    (deleted_rows,) = await ctx.db.call(hub_shard(ctx), "meeting_delete", hub_id, nid)
    if document(deleted_rows)["deleted"]:
        await ctx.yp("dmz_room_close", hub_id, nid)
    return {"nid": nid}


async def _meeting(ctx: Context, hub_id: str, nid: str) -> dict[str, Any]:
    (node_rows,) = await ctx.db.call(hub_shard(ctx), "node_get", hub_id, ctx.caller.uid, nid)
    node: dict[str, Any] | None = document(node_rows)
    if node is None or node["category"] != "schedule":
        raise RequestError(404, "NODE_NOT_FOUND", "nid names no scheduled meeting of this hub")
    return node
