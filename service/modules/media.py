"""`media.*`: files that other services are told about."""

from __future__ import annotations

from typing import Any

from service import uploads
from service.context import Context
from service.errors import RequestError


async def upload(ctx: Context) -> Any:
    """Keep the file that the request carries, for a service that takes `uploaded_id`."""
    if ctx.upload is None:
        raise RequestError(400, "NO_FILE", "send the file as the body, with x-param-xia-data", protocol=False)
    return await uploads.store(ctx, ctx.upload)
