"""Idempotency-Key: the answer to a POST is kept with its work, so that the same request can be sent again."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import orjson
from aiohttp import web

from service.context import Context, together
from service.dialects.rest.errors import invalid
from service.dialects.rest.operation import Ask, Reply, Run

KEPT_SECONDS = 24 * 3600
KEY = re.compile(r"[!-~]{1,255}")
HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}


def key_of(request: web.Request) -> str | None:
    """The Idempotency-Key of a request; ApiError 400 when it can be none."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise invalid(HEADER, "characters", "is not 1 to 255 characters of ASCII without blanks")
    return key


async def answered_once(ask: Ask, run: Run, path: str, body: bytes) -> Reply:
    """What `run` answers; with a key, what it has answered to the same request before.

    The work, and the note that it is done, are committed together. Refused: KEY_IN_USE while the first
    request is at work, KEY_REUSED after another one. What ends in an error is not kept.
    """
    key = key_of(ask.request)
    if key is None:
        return await run(ask)
    name = hashlib.sha256(f"{path} {key}".encode()).hexdigest()
    digest = _digest(body, ask.if_match or "", ask.request.headers.get("X-Claw-Source", ""))

    async def work(ctx: Context) -> Reply:
        before = await ctx.mine("request_begin", name, digest, KEPT_SECONDS)
        if before:
            return _unpacked(before[0][0][0])
        reply = await run(replace(ask, ctx=ctx))
        await ctx.mine("request_end", name, _packed(reply))
        return reply

    return await together(ask.ctx, work)


def _digest(body: bytes, *headers: str) -> str:
    """What tells one request from another: the body, and the headers that its outcome depends on."""
    texts = [header.encode("utf-8", "replace") for header in headers]
    return hashlib.sha256(b"\n".join([body, *texts])).hexdigest()


def _packed(reply: Reply) -> str:
    body = (reply.body or b"").decode()
    return orjson.dumps({"status": reply.status, "headers": reply.headers, "body": body}).decode()


def _unpacked(text: str) -> Reply:
    kept = orjson.loads(text)
    return Reply(kept["status"], kept["body"].encode(), {**kept["headers"], **REPLAYED})
