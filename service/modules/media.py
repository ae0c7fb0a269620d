"""`media.*`: uploaded files for other services, and the root folders of hubs."""

from __future__ import annotations

from service.contacts import uploads
from service.errors import RequestError
from service.runtime.context import Answer, Context, row


async def upload(ctx: Context) -> Answer:
    """Store the body of the request, for a later call with its `uploaded_id`."""
    if ctx.upload is None:
        raise RequestError(400, "NO_FILE", "send the file as the body, with x-param-xia-data", protocol=False)
    return await uploads.store(ctx, ctx.upload)


async def home(ctx: Context) -> Answer:
    """Return the root folder of the hub that the request names, else of the caller."""
    (home_rows,) = await ctx.yp("hub_home", ctx.caller.hub)
    return row(home_rows)
