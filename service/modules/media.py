"""`media.*`: uploaded files for other services, and the nodes of hubs: root folders and meetings."""

from __future__ import annotations

from typing import Any

from service.contacts import attachments, uploads
from service.errors import RequestError
from service.runtime.context import PRIVILEGES, Answer, Context, hub_shard, page_of, row
from service.store.database import document, documents


async def upload(ctx: Context, nid: str | None) -> Answer:
    """Store the body of the request, for a later call with its `uploaded_id`; with `nid`, for a message."""
    if ctx.upload is None:
        raise RequestError(400, "NO_FILE", "send the file as the body, with x-param-xia-data", protocol=False)
    if nid in {None, "0"}:
        return await uploads.store(ctx, ctx.upload, ctx.settings.import_limit)
    stored = await uploads.store(ctx, ctx.upload, ctx.settings.attachment_limit)
    return stored | await attachments.uploaded_node(ctx, stored["id"])


async def orig(ctx: Context, nid: str, hub_id: str) -> Answer:
    """Return a file of a message, or an upload that waits, as a download."""
    if not ctx.caller.signed_in:
        raise RequestError.not_signed_in()
    return await attachments.download(ctx, hub_id, nid)


async def home(ctx: Context) -> Answer:
    """Return the root folder of the hub that the request names, else of the caller."""
    (home_rows,) = await ctx.yp("hub_home", ctx.caller.hub)
    return row(home_rows)


async def attributes(ctx: Context, nid: str | None) -> Answer:
    """Return a node of the hub that the request names, else its root folder."""
    hub, privilege = str(ctx.caller.hub), PRIVILEGES[ctx.caller.level]
    (home_rows,) = await ctx.yp("hub_home", hub)
    root = document(home_rows)
    home_id = root["home_id"]
    if nid is None or nid in {hub, home_id}:
        place = {"id": home_id, "nid": home_id, "hub_id": hub, "home_id": home_id, "actual_home_id": home_id}
        kind = {"filename": root["name"], "area": root["area"], "filetype": "hub", "category": "hub"}
        return place | kind | {"status": "active", "privilege": privilege}
    (node_rows,) = await ctx.db.call(hub_shard(ctx), "node_get", hub, ctx.caller.uid, nid)
    node: dict[str, Any] | None = document(node_rows)
    if node is None:
        raise RequestError(404, "NODE_NOT_FOUND", "nid names no node of this hub")
    return node | {"privilege": privilege}


async def show_node_by(ctx: Context, nid: str | None, order: str) -> Answer:
    """Return a page of the nodes in a folder. The root folder has no row of its own."""
    hub = str(ctx.caller.hub)
    page, size = page_of(ctx)
    (home_rows,) = await ctx.yp("hub_home", hub)
    folder = None if nid in {None, hub, document(home_rows)["home_id"]} else nid
    (node_rows,) = await ctx.db.call(
        hub_shard(ctx), "node_list", hub, ctx.caller.uid, folder, order, page, size
    )
    return [node | {"privilege": PRIVILEGES[ctx.caller.level]} for node in documents(node_rows)]
