"""Requests of strangers who use a new address of their network for each: every path has a limit for them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from yarl import URL

from service.app import DISPATCHER
from service.filemail.endpoints import ENDPOINTS
from service.rest.guesses import Guesses
from service.rest.operation import PREFIX
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations
from service.web.ratelimit import RateLimit
from tests.support.nodes import NodeMaker

LIMIT = 5
RPC = [("POST", f"/-/svc/{name}") for name in sorted(load_declarations())]
REST = sorted({(o.method, PREFIX + re.sub(r"\{\w+\}", "0" * 16, o.path)) for o in OPERATIONS})
TOKENS = [
    ("GET", f"/api/{path}?logintoken={'0' * 32}") for path in ENDPOINTS if path != "authentication/login"
]


@pytest.fixture
async def base(make_node: NodeMaker, monkeypatch: pytest.MonkeyPatch) -> URL:
    # A clock that stands still: however slow the machine is, no request is refilled meanwhile.
    monkeypatch.setattr("service.app.Guesses", lambda _: Guesses(LIMIT, clock=lambda: 0.0))
    server = await make_node(trust_proxy=True)
    assert server.app is not None
    server.app[DISPATCHER].process.limit = RateLimit(LIMIT, clock=lambda: 0.0)
    return server.make_url("/")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.mark.parametrize(
    ("paths", "refusal"), [(RPC, 429), (REST, 429), (TOKENS, 200)], ids=["rpc", "rest", "login token"]
)
async def test_a_network_of_addresses_has_the_limit_of_one(
    base: URL, http: aiohttp.ClientSession, paths: list[tuple[str, str]], refusal: int
) -> None:
    unlimited = []
    for site, (method, path) in enumerate(paths):
        for number in range(LIMIT + 1):
            headers = {
                "X-Forwarded-For": f"2001:db8:{site:x}::{number:x}",
                "Authorization": f"Bearer clk_dead{number:028x}",
                "x-param-regsid": f"{number:032x}",
            }
            async with http.request(method, base.join(URL(path)), json={}, headers=headers) as response:
                body = await response.read()
        is_refused = b"RATE_LIMITED" in body or b"At most" in body
        if response.status != refusal or not is_refused:
            unlimited.append((path, response.status, orjson.loads(body)))
    assert not unlimited
