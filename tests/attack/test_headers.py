"""Every answer, error or refusal tells browsers what they must not do with it, and names no versions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from yarl import URL

from service.filemail.endpoints import ENDPOINTS
from service.reference import ASSETS
from service.rest.operation import PREFIX
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations
from tests.attack.wire import send
from tests.support.nodes import NodeMaker
from tests.support.people import People

PAGES = ("/-/docs/", "/-/demo/", "/-/mail/", "/-/mail/stop/0123456789abcdef")
OTHERS = (
    "/", "/nothing", "/-/nothing", "/-/health", "/-/metrics", "/-/websocket/", "/ws", "/%2e%2e/x", "/dav/",
    "/dav/a/0123456789abcdef/contacts/x.vcf", "/dav/nothing", "/.well-known/carddav",
    "/-/assets/x", "/-/openapi.json", "/-/asyncapi.json", *(f"/-/assets/{name}" for name in ASSETS),
)  # fmt: skip
BROKEN = (b"x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nBad header\r\n\r\n",
          b"GET /?password=geheim wort HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
          b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")  # fmt: skip
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


def assert_protected(names: Mapping[str, str], *, is_page: bool, cached: bool = False) -> None:
    headers = CIMultiDict(names)
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert ("script-src 'self'" in policy) == is_page
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == ("max-age=300" if cached else "no-store")
    assert headers["Server"] == "drumee"
    assert not re.search(r"aiohttp|python", str(headers), re.IGNORECASE)


async def test_every_path_of_every_api(people: People, node: URL) -> None:
    alice = await people("Alice")
    paths = [
        *PAGES, *OTHERS, *(f"/-/svc/{name}" for name in load_declarations()),
        *(f"/api/{path}" for path in ENDPOINTS),
        *(PREFIX + o.path for o in OPERATIONS), f"{PREFIX}/openapi.json", f"{PREFIX}/asyncapi.json",
        "/-/svc/x", "/api/x", f"{PREFIX}/x",
    ]  # fmt: skip
    for path in paths:
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            url = node.join(URL(path))
            async with alice.http.request(method, url, allow_redirects=False) as response:
                is_page = response.content_type == "text/html"
                cached = method == "GET" and path.removeprefix("/-/assets/") in ASSETS
                assert_protected(response.headers, is_page=is_page, cached=cached)
                assert method != "GET" or is_page == (path in PAGES), path


async def test_files_and_refused_bodies(people: People, node: URL) -> None:
    alice = await people("Alice")
    for format_ in ("csv", "vcf"):
        async with alice.http.post(node / "-/svc/contact.export_all", json={"format": format_}) as response:
            assert_protected(response.headers, is_page=False)
            assert "attachment" in response.headers["Content-Disposition"]
    for path in ("/nothing", "/-/svc/yp.ping", f"{PREFIX}/contacts", "/api/contacts/get"):
        for headers in ({"Content-Encoding": "gzip", "Content-Length": "9"}, {"Content-Length": "9000000"}):
            answer = await send(node, "POST", path, headers)
            assert_protected(answer.headers, is_page=False)


@pytest.mark.parametrize("request_text", BROKEN, ids=lambda text: text[:40].decode())
async def test_requests_that_cannot_be_read(node: URL, request_text: bytes) -> None:
    answer = await send_raw(node, request_text)
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line.partition(": ")[::2] for line in head.decode().split("\r\n")[1:]]
    assert_protected(dict(lines), is_page=False)
    assert orjson.loads(body)["status"] == 400
    assert b"geheim" not in answer


async def send_raw(node: URL, text: bytes) -> bytes:
    """Send bytes; return what the server answers before it closes the connection."""
    reader, writer = await asyncio.open_connection(node.host, node.port)
    writer.write(text)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    return answer


async def test_refused_and_accepted_sockets(people: People, node: URL) -> None:
    alice = await people("Alice")
    for path in ("-/websocket/", "ws"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await alice.http.ws_connect(node / path, origin="https://evil.example")
        assert refused.value.headers is not None
        assert_protected(refused.value.headers, is_page=False)
    tab = await alice.tab()
    assert tab.ws._response.headers["Server"] == "drumee"


# --- who sees the outbox and the metrics -------------------------------------------------------


def address_of(server: TestServer, path: str) -> URL:
    return server.make_url("/").join(URL(path))


FORGED = (
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": ""},
    {"Host": "127.0.0.1@evil.example"},
    {"X-Real-IP": "203.0.113.7"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"X-Forwarded-Host": "app.example.org"},
    {"X-Forwarded-Proto": "https"},
    {"CF-Connecting-IP": "203.0.113.7"},
    {"True-Client-IP": "203.0.113.7"},
)


@pytest.mark.parametrize("path", ["/-/mail/", "/-/metrics"])
async def test_only_this_machine_sees_the_outbox_and_the_metrics(make_node: NodeMaker, path: str) -> None:
    node = await make_node()
    async with aiohttp.ClientSession() as visitor:
        for host in LOOPBACK:
            async with visitor.get(
                address_of(node, path), headers={"Host": f"{host}:{node.port}"}
            ) as response:
                assert response.status == 200, host
        for headers in FORGED:
            async with visitor.get(address_of(node, path), headers=headers) as response:
                assert response.status in {403, 404}, headers


@pytest.mark.parametrize(
    "public_url", ["https://app.example.org", "http://192.168.1.5:8080", "http://[2001:db8::1]"]
)
async def test_a_public_site_shows_no_outbox(make_node: NodeMaker, public_url: str) -> None:
    """The usual set-up: nginx on the same machine, and nothing but `proxy_pass` in its configuration."""
    node = await make_node(public_url=public_url)
    async with aiohttp.ClientSession() as visitor:
        for host in ("app.example.org", *LOOPBACK):
            async with visitor.get(address_of(node, "/-/mail/"), headers={"Host": host}) as response:
                assert response.status == 404


@pytest.mark.parametrize(
    ("allowed", "trusted", "forwarded", "status"),
    [
        ("", False, "", 403),
        ("loopback", False, "", 200),
        ("127.0.0.0/8", False, "", 200),
        ("10.0.0.0/8", False, "", 403),
        ("10.0.0.0/8", False, "10.1.2.3", 403),
        ("10.0.0.0/8, loopback", True, "10.1.2.3", 200),
        ("10.0.0.0/8, loopback", True, "203.0.113.7", 403),
        ("2001:db8::/32", True, "2001:db8::7", 200),
        ("loopback", True, "203.0.113.7", 403),
    ],
)
async def test_a_setting_says_who_reads_the_metrics(
    make_node: NodeMaker, allowed: str, trusted: bool, forwarded: str, status: int
) -> None:
    node = await make_node(metrics_from=allowed, trust_proxy=trusted)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    url = address_of(node, "/-/metrics")
    async with aiohttp.ClientSession() as visitor, visitor.get(url, headers=headers) as response:
        assert response.status == status
