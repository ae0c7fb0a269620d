"""The runner of the server."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from service.web.server import Runner


async def test_what_comes_before_the_stop_is_done_while_requests_are_served() -> None:
    order: list[str] = []

    async def handle(_: web.Request) -> web.Response:
        order.append("request")
        return web.Response()

    async def before_stop() -> None:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200

    async def shut_down(_: web.Application) -> None:
        order.append("shutdown")

    app = web.Application()
    app.router.add_get("/", handle)
    app.on_shutdown.append(shut_down)
    runner = Runner(app, before_stop)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    await runner.cleanup()
    assert order == ["request", "shutdown"]
