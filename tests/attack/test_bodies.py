"""Strangers send more than they may: the server unpacks nothing, drains nothing, and ends connections."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.http_parser import DeflateBuffer
from aiohttp.web_protocol import RequestHandler
from yarl import URL

from service.filemail.endpoints import ENDPOINTS
from service.rest.operation import PREFIX
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations
from tests.attack.wire import Answer, send

CODINGS = (
    "gzip", "deflate", "br", "zstd", "x-nonsense", "  GZip  ", "gzip, gzip", "gzip,identity",
    "identity, gzip", ", gzip",
)  # fmt: skip
FRAMES = ({"Content-Length": "9000000"}, {"Transfer-Encoding": "chunked"})
"""A body without a byte: the answer can only depend on the headers."""
SERVICES = sorted(load_declarations())
REST_PATHS = sorted({(o.method, PREFIX + o.path.replace("{id}", "0" * 16)) for o in OPERATIONS})
OTHER_PATHS = (
    "/", "/nothing", "/-/health", "/-/metrics", "/-/docs/", "/-/demo/", "/-/mail/", "/-/websocket/", "/ws",
    "/-/mail/stop/0123456789abcdef", "/-/nothing", "/%2e%2e/x", "/-/openapi.json", "/-/asyncapi.json",
)  # fmt: skip
ON_ITS_WAY = 1 << 20
"""Bytes that a connection may deliver before the answer to its headers ends it."""
Shape = Callable[[Answer], bool]


def in_rpc_shape(answer: Answer) -> bool:
    """Return whether this is the envelope of the RPC."""
    body = orjson.loads(answer.body)
    fields = (body["error"], body["error_code"], body["data"]["status"], body["__status__"])
    return fields == ("UNSUPPORTED_MEDIA", 415, "UNSUPPORTED_MEDIA", "offline") and answer.status == 415


def in_rest_shape(answer: Answer) -> bool:
    """Return whether this is an error of /api/v1."""
    code = orjson.loads(answer.body)["error"]["code"]
    return (answer.status, code) == (415, "UNSUPPORTED_MEDIA_TYPE")


def in_token_shape(answer: Answer) -> bool:
    """Return whether this is an error of the login-token API, which is always HTTP 200."""
    return (answer.status, orjson.loads(answer.body)["errorcode"]) == (200, 2010)


def in_plain_shape(answer: Answer) -> bool:
    """Return whether this is the answer of a path outside of all APIs."""
    return (answer.status, orjson.loads(answer.body)["error_code"]) == (415, 415)


def in_dav_shape(answer: Answer) -> bool:
    """Return whether this is an error of CardDAV without a condition, which is a sentence."""
    return (answer.status, answer.body) == (415, b"Send the body uncompressed")


TARGETS: dict[str, tuple[Shape, list[tuple[str, str]]]] = {
    "rpc": (in_rpc_shape, [
        *(("POST", f"/-/svc/{name}") for name in (*SERVICES, "no.such", "", "%ff")),
        ("POST", f"/-/drumee/svc/{SERVICES[0]}"), ("GET", f"/-/svc/{SERVICES[0]}"),
    ]),
    "rest": (in_rest_shape, [
        *REST_PATHS, ("POST", PREFIX), ("POST", f"{PREFIX}/nothing"), ("PUT", f"{PREFIX}/contacts"),
        ("OPTIONS", f"{PREFIX}/contacts"), ("GET", f"{PREFIX}/openapi.json"),
        ("GET", f"{PREFIX}/asyncapi.json"),
    ]),
    "token": (in_token_shape, [
        (method, f"/api/{call}") for call in (*ENDPOINTS, "nothing", "") for method in ("GET", "POST", "PUT")
    ]),
    "carddav": (in_dav_shape, [
        (method, f"/dav/{path}")
        for path in ("", "x", "p/x/", "a/x/contacts/", "a/x/contacts/y.vcf")
        for method in ("PROPFIND", "REPORT", "PUT", "DELETE", "OPTIONS", "MKCOL", "POST")
    ]),
    "plain": (in_plain_shape, [(m, path) for path in OTHER_PATHS for m in ("GET", "POST", "PATCH")]),
}  # fmt: skip
"""By API: the check of its refusal, and all declared calls."""


@dataclass
class Work:
    """Counters of the bytes of clients that the server has handled."""

    unpacked: int = 0
    received: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Count at the only place where aiohttp unpacks requests, and where it takes bytes from a socket."""
    counted = Work()
    unpack, receive = DeflateBuffer.feed_data, RequestHandler.data_received

    def feed_data(self: Any, chunk: bytes, *args: Any) -> Any:
        counted.unpacked += len(chunk)
        return unpack(self, chunk, *args)

    def data_received(self: Any, data: bytes) -> None:
        counted.received += len(data)
        receive(self, data)

    monkeypatch.setattr(DeflateBuffer, "feed_data", feed_data)
    monkeypatch.setattr(RequestHandler, "data_received", data_received)
    return counted


@pytest.mark.parametrize("api", TARGETS)
@pytest.mark.parametrize("frame", FRAMES, ids=["length", "chunked"])
async def test_an_encoded_body_is_refused_by_its_headers(
    node: URL, work: Work, api: str, frame: dict[str, str]
) -> None:
    has_shape, targets = TARGETS[api]
    cases = [(m, path, coding) for m, path in targets for coding in CODINGS]
    answers = await _all(node, cases, frame)
    wrong = [
        (case, answer)
        for case, answer in zip(cases, answers, strict=True)
        if answer.headers.get("connection") != "close" or not has_shape(answer)
    ]
    assert wrong == []
    assert work.unpacked == 0


async def _all(node: URL, cases: list[tuple[str, str, str]], frame: dict[str, str]) -> list[Answer]:
    """Return the answers to all cases, a few at a time."""
    free = asyncio.Semaphore(16)

    async def one(method: str, path: str, coding: str) -> Answer:
        async with free:
            return await send(node, method, path, {**frame, "Content-Encoding": coding})

    return await asyncio.gather(*(one(*case) for case in cases))


async def test_codings_in_several_headers_count_together(node: URL) -> None:
    twice = {"Content-Length": "9", "Content-Encoding": "identity", "content-encoding": "gzip"}
    for api, path in (("rpc", "/-/svc/yp.hello"), ("rest", f"{PREFIX}/contacts"), ("plain", "/nothing")):
        assert TARGETS[api][0](await send(node, "POST", path, twice)), api


@pytest.mark.parametrize("coding", ["identity", " Identity ", "identity, identity", ""])
async def test_identity_is_no_coding(node: URL, coding: str) -> None:
    headers = {"Content-Encoding": coding, "Content-Length": "2", "Connection": "close"}
    assert (await send(node, "POST", "/-/svc/yp.hello", headers, b"{}")).status == 200
    assert (await send(node, "POST", f"{PREFIX}/auth/login", headers, b"{}")).status == 400
    answer = await send(node, "POST", "/api/contacts/get", headers, b"{}")
    assert orjson.loads(answer.body)["errorname"] == "InputParameterMissing"


# --- work --------------------------------------------------------------------------------------


def bomb(size: int) -> tuple[bytes, bytes]:
    """Return (start, repeatable rest) of a gzip stream, 1 MB of zeros each."""
    zeros = bytes(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    return first, more * (size // len(more))


@pytest.mark.parametrize("path", ["/nothing", "/-/svc/yp.hello", "/api/contacts/get", f"{PREFIX}/auth/login"])
async def test_bombs_cost_no_work(node: URL, work: Work, path: str) -> None:
    """Send four bodies of 9 MB, each 8 GB unpacked, while a client asks for the health of the service."""
    first, rest = bomb(9_000_000)
    body = first + rest
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
    bombs = [asyncio.create_task(send(node, "POST", path, headers, body)) for _ in range(4)]
    async with aiohttp.ClientSession() as visitor:
        for _ in range(10):
            async with visitor.get(node / "-/health") as health:
                assert health.status == 200
    answers = await asyncio.gather(*bombs)
    assert {answer.status for answer in answers} == {200 if path.startswith("/api/contacts") else 415}
    assert work.unpacked == 0
    assert work.received < 4 * ON_ITS_WAY


async def test_parts_of_a_form_stay_packed(node: URL, work: Work) -> None:
    _, rest = bomb(100_000)
    part = b'Content-Disposition: form-data; name="name"\r\nContent-Encoding: deflate\r\n\r\n' + rest
    body = b"--x\r\n" + part + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(len(body))}
    answer = await send(node, "POST", "/api/contacts/add", {**kind, "Connection": "close"}, body)
    assert orjson.loads(answer.body)["errorcode"] in {1003, 2010}
    assert work.unpacked == 0


UNREAD = (
    ("POST", "/nothing", 404),
    ("POST", "/-/health", 405),
    ("GET", "/", 302),
    ("POST", "/-/svc/no.such", 404),
    ("POST", "/-/svc/yp.hello", 413),
    ("POST", "/api/nothing", 200),
    ("PUT", "/api/contacts/get", 200),
    ("POST", "/api/contacts/get", 200),
    ("POST", f"{PREFIX}/nothing", 404),
    ("PUT", f"{PREFIX}/contacts", 405),
    ("POST", f"{PREFIX}/contacts", 401),
    ("PUT", "/dav/a/0123456789abcdef/contacts/x.vcf", 401),
    ("PROPFIND", "/dav/", 401),
    ("POST", f"{PREFIX}/contacts/{'0' * 16}/avatar", 401),
    ("POST", f"{PREFIX}/auth/login", 413),
)
UPLOAD = {"x-param-xia-data": "%7B%22filename%22%3A%22a.csv%22%7D", "Content-Length": "100000000"}


@pytest.mark.parametrize(("method", "path", "status"), UNREAD)
async def test_a_body_that_nobody_wants_is_not_read(
    node: URL, work: Work, method: str, path: str, status: int
) -> None:
    """Announce 100 MB and send 20: the answer comes first, and the connection ends."""
    answer = await send(node, method, path, {"Content-Length": "100000000"}, bytes(1 << 20), pieces=20)
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert work.received < ON_ITS_WAY


@pytest.mark.parametrize("name", ["media.upload", "contact.load"])
async def test_a_file_of_a_stranger_is_not_read(node: URL, work: Work, name: str) -> None:
    path = f"/-/svc/{name}?socket_id={'0' * 16}"
    answer = await send(node, "POST", path, UPLOAD, bytes(1 << 20), pieces=20)
    assert (answer.status, answer.headers["connection"]) == (401, "close")
    assert work.received < ON_ITS_WAY


async def test_no_service_waits_for_a_file_of_a_stranger(node: URL) -> None:
    answers = await asyncio.gather(*(send(node, "POST", f"/-/svc/{name}", UPLOAD) for name in SERVICES))
    assert {answer.headers["connection"] for answer in answers} == {"close"}
    assert max(answer.status for answer in answers) < 500


@pytest.mark.parametrize(("method", "path", "status"), UNREAD)
async def test_a_body_that_is_too_long_is_refused_by_its_length(
    node: URL, method: str, path: str, status: int
) -> None:
    """Not a byte of it comes."""
    assert (await send(node, method, path, {"Content-Length": "100000000"})).status == status


# --- sockets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["-/websocket/", "ws"])
async def test_sockets_are_not_compressed_whatever_is_offered(node: URL, path: str) -> None:
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    async with (
        aiohttp.ClientSession() as visitor,
        visitor.ws_connect(node / path, protocols=("service",), headers=offer) as socket,
    ):
        assert "Sec-WebSocket-Extensions" not in socket._response.headers
        assert socket.compress == 0


@pytest.mark.parametrize(
    "path", ["/nothing", "/-/svc/yp.ping", f"{PREFIX}/contacts", "/api/contacts/get", "/ws"]
)
@pytest.mark.parametrize(
    ("codings", "status"),
    [
        ("gzip, chunked", 501), ("GZIP,CHUNKED", 501), ("x-nonsense, chunked", 501),
        # The end of such a body is unknown (RFC 9112, 6.3).
        ("gzip", 400), ("chunked, gzip", 400), ("identity", 400), ("chunked, chunked", 400),
    ],
)  # fmt: skip
async def test_a_transfer_coding_besides_chunks_ends_the_connection(
    node: URL, path: str, codings: str, status: int
) -> None:
    whole = b"2\r\n{}\r\n0\r\n\r\n"
    for body in (b"", whole, whole + b"GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n"):
        answer = await send(node, "POST", path, {"Transfer-Encoding": codings}, body)
        assert answer.status == status, body
        assert b"dependencies" not in answer.body
