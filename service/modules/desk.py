"""`desk.*`: the workspace that a user sees first."""

from __future__ import annotations

from typing import Any

from service.runtime.context import Answer, Context, page_of, row
from service.store.database import document, documents

HUBS_FOUND = 20
"""Hubs on the first page of a search at most, so that they leave contacts in sight."""


async def get_env(ctx: Context) -> Answer:
    """Return the desk: its home node, the wicket (the hub that hosts the user's calls), the privilege."""
    (user_rows,) = await ctx.yp("get_user", ctx.caller.uid)
    user = document(user_rows)
    return {
        **user["hub"],
        "nid": user["home_id"],
        "wicket_id": user["wicket_id"],
        "vhost": ctx.host,
        "disk": {},
        "privilege": 63,
    }


async def create_wicket(ctx: Context) -> Answer:
    """Return the user's wicket; create it first if there is none."""
    (wicket_rows,) = await ctx.yp("wicket_get", ctx.caller.uid)
    return row(wicket_rows)


async def set_online_status(ctx: Context) -> Answer:
    """Notify the caller's contacts of the caller's presence; return {user_id, status}."""
    if ctx.caller.db is None:
        return {}
    return await ctx.presence.publish(ctx.db, ctx.caller.uid, ctx.caller.db)


async def home(ctx: Context) -> Answer:
    """Return no files: this service has none."""
    return []


async def search(ctx: Context, string: str | None) -> Answer:
    """Find hubs by parts of their names, on the first page, and contacts by the starts of their words."""
    if not string:
        return []
    page, size = page_of(ctx)
    hub_rows = (await ctx.yp("hub_list", ctx.caller.uid, string, 1, HUBS_FOUND))[0] if page == 1 else []
    (contact_rows,) = await ctx.shard("contact_search_by_domain", string, page, size)
    contacts = [_contact_item(ctx.caller.uid, contact) for contact in documents(contact_rows)]
    return [_hub_item(hub) | {"page": page} for hub in documents(hub_rows)] + contacts


def _hub_item(hub: dict[str, Any]) -> dict[str, Any]:
    """Return a hub in the form of a file, which is what the search window lists."""
    return {
        **{name: hub[name] for name in ("hub_id", "area", "home_id", "owner_id", "privilege", "ctime")},
        **{"id": hub["hub_id"], "nid": hub["hub_id"], "actual_home_id": hub["home_id"]},
        **{"filename": hub["name"], "filetype": "hub"},
    }


def _contact_item(uid: str, contact: dict[str, Any]) -> dict[str, Any]:
    """Return a contact, or a colleague, in the form of a file."""
    names = ("id", "type", "entity", "surname", "firstname", "lastname", "email", "status", "online", "page")
    return {
        **{name: contact.get(name) for name in names},
        **{"hub_id": uid, "nid": contact["id"], "area": "personal", "privilege": 63},
        **{"filename": contact["surname"], "filetype": "contact"},
    }
