"""Idempotency-Key: store the response to a POST with its work, so that a client may repeat the request."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import orjson
from aiohttp import web

from service.rest.errors import invalid
from service.rest.operation import ApiRequest, ApiResponse, Handler
from service.runtime.context import Context, in_transaction
from service.store.database import encode

STORED_SECONDS = 24 * 3600
KEY = re.compile(r"[!-~]{1,255}")
HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}


def idempotency_key(request: web.Request) -> str | None:
    """Return the Idempotency-Key of a request, or None; RequestError 400 for an invalid one."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise invalid(HEADER, "characters", "must be 1 to 255 printable ASCII characters without spaces")
    return key


async def run_idempotently(request: ApiRequest, handler: Handler, path: str, body: bytes) -> ApiResponse:
    """Run a handler, or replay the stored response when the request repeats an earlier one.

    Work and response are committed together; errors are not stored. Refused with KEY_IN_USE while the first
    request is running, and with KEY_REUSED when the key came with a different request. Without a key the
    handler simply runs.
    """
    key = idempotency_key(request.http)
    if key is None:
        return await handler(request)
    name = hashlib.sha256(f"{path} {key}".encode()).hexdigest()
    digest = _digest(body, request.if_match or "", request.http.headers.get("X-Claw-Source", ""))

    async def work(ctx: Context) -> ApiResponse:
        result_sets = await ctx.shard("request_begin", name, digest, STORED_SECONDS)
        if result_sets:
            return _replay(result_sets[0][0][0])
        response = await handler(replace(request, ctx=ctx))
        await ctx.shard("request_end", name, _serialize(response))
        return response

    return await in_transaction(request.ctx, work)


def _digest(body: bytes, *headers: str) -> str:
    """Return a digest of everything that the outcome depends on: the body and some headers."""
    texts = [header.encode("utf-8", "replace") for header in headers]
    return hashlib.sha256(b"\n".join([body, *texts])).hexdigest()


def _serialize(response: ApiResponse) -> str:
    body = (response.body or b"").decode()
    return encode({"status": response.status, "headers": response.headers, "body": body})


def _replay(text: str) -> ApiResponse:
    stored = orjson.loads(text)
    return ApiResponse(stored["status"], stored["body"].encode(), {**stored["headers"], **REPLAYED})
