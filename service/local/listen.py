"""Sign in, open the WebSocket as the frontend does, and print what arrives. For people who try things out."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp


async def listen(base_url: str, ident: str, password: str) -> int:
    """Print every frame, one a line, until the server or Ctrl-C ends it."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base_url, cookie_jar=jar) as http:
        outcome = await _call(http, "yp.login", {"vars": {"ident": ident, "password": password}})
        if outcome["status"] != "ok":
            print(f"refused: {outcome['status']}", file=sys.stderr)
            return 2
        token = (await _call(http, "bootstrap.authn", {}))["token"]
        async with http.ws_connect(f"/-/websocket/?otak={token}", protocols=("service",)) as socket:
            async for message in socket:
                print(message.data, flush=True)  # frames are JSON, as they came
    return 0


async def _call(http: aiohttp.ClientSession, service: str, args: dict[str, Any]) -> dict[str, Any]:
    async with http.post(f"/-/svc/{service}", json=args) as response:
        data: dict[str, Any] = (await response.json())["data"]
        return data


def run(base_url: str, ident: str, password: str) -> int:
    """Listen until Ctrl-C; 2 when that was not possible."""
    try:
        return asyncio.run(listen(base_url, ident, password))
    except KeyboardInterrupt:
        return 0
    except aiohttp.ClientError as exc:
        print(f"{base_url} does not answer: {exc}", file=sys.stderr)
        return 2
