"""`hub.*`: the members of a team hub, and invitations into its meetings."""

from __future__ import annotations

import time

from service.runtime.context import Answer, Context, page_of, rows
from service.store.database import document


async def get_members_by_type(ctx: Context, hub_id: str, type: str) -> Answer:  # noqa: A002
    """Return a page of the members of a hub; nobody to those who are in one of its rooms only."""
    page, size = page_of(ctx)
    (member_rows,) = await ctx.yp("hub_members", ctx.caller.uid, hub_id, type, page, size)
    return rows(member_rows)


async def poke(ctx: Context, hub_id: str, uid: str, nid: str, kind: str) -> Answer:
    """Invite a member into the meeting that the caller is in.

    The current frontend knows `user.poke` and shows nothing at it. It offers to open the window of a meeting
    when somebody joins, so the invited member hears of the caller as of a participant who has just come.
    """
    hub_rows, recipients = await ctx.yp("hub_poke", ctx.caller.uid, hub_id, uid, nid)
    hub = document(hub_rows)
    sender = ctx.caller.firstname or ctx.caller.public_name
    room = {"hub_id": hub_id, "nid": nid}
    ctx.push(
        "user.poke", {**room, "uid": uid, "name": hub["name"], "sender": sender, "kind": kind}, recipients
    )
    if hub["inside"]:
        participant = {"uid": ctx.caller.uid, "username": ctx.caller.public_name, "area": hub["area"]}
        details = {"filename": hub["name"], "ctime": int(time.time())}
        joined = {"hub_id": hub_id, "room_id": nid, **participant, "details": details, "room_type": "meeting"}
        ctx.push("conference.join", {**joined, "type": "conference.join"}, recipients)
    return {"sender": ctx.caller.uid, "recipient": uid}
