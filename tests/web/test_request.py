"""Parameters in every form of the frontend, read by a real server (docs/frontend-contract.md#arguments)."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from service.contacts import uploads
from service.errors import RequestError
from service.settings import Settings
from service.web.request import from_frontend, read_args
from tests.support.nodes import Node, NodeMaker
from tests.support.people import PASSWORD, People

FORM = "application/x-www-form-urlencoded"
Send = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
async def send() -> AsyncIterator[Send]:
    """Send a request to a server that answers with the parameters it has read, or the code of the refusal."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await read_args(request))
        except RequestError as exc:
            return web.json_response(f"{exc.status} {exc.code}")

    app = web.Application()
    app.router.add_route("*", "/", handle)
    server = Node(app)
    await server.start_server()
    session = aiohttp.ClientSession()

    async def send(query: str = "", **options: Any) -> Any:
        url = URL(f"{server.make_url('/')}?{query}", encoded=True)
        async with session.request("POST" if "data" in options else "GET", url, **options) as response:
            assert response.status == 200, "the server itself failed"
            return await response.json()

    yield send
    await session.close()
    await server.close()


def blob(**args: Any) -> str:
    """Return the frontend's nested form: one bare key, a JSON object."""
    return quote(json.dumps(args), safe="")


# --- the query ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "args"),
    [
        ("", {}),
        ("a=1&b=two", {"a": "1", "b": "two"}),
        ("a=1&b=2&", {"a": "1", "b": "2"}),
        ("&&a=1&", {"a": "1"}),
        ("a=1&a=2", {"a": "2"}),
        ("phone=+33612&email=a+b@x.org", {"phone": "+33612", "email": "a+b@x.org"}),
        ("key=two%20words%20%26%20more", {"key": "two words & more"}),
        ("key=a=b", {"key": "a=b"}),
        ("key=%F0%9F%98%80", {"key": "\U0001f600"}),
        ("value=ali%25", {"value": "ali%"}),
        ("value=100%", {"value": "100%"}),
        ("tag_id=undefined&socket_id=null&name=&page=1", {"page": "1"}),
        ("bare&a=1", {"a": "1"}),
    ],
)
async def test_flat_pairs_become_parameters(send: Send, query: str, args: dict[str, str]) -> None:
    assert await send(query) == args


async def test_one_bare_json_object_becomes_parameters(send: Send) -> None:
    args = {"tag_id": None, "filter": ["a+b@x.org", "&=?"], "page": 1, "deep": {"é": [True]}}
    assert await send(blob(**args)) == args


async def test_flat_pairs_and_a_json_object_together(send: Send) -> None:
    assert await send(f"page=2&{blob(filter=[], page=3)}&order=asc") == {
        "page": 3,
        "filter": [],
        "order": "asc",
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("%7B", "400 INVALID_JSON"),
        ("%7B%22a%22%3A%7D&b=1", "400 INVALID_JSON"),
        ("%7B%22a%22%3A%22%5Cud800%22%7D", "400 INVALID_JSON"),
        ("a=%ff", "400 INVALID_QUERY"),
        ("%ff=1", "400 INVALID_QUERY"),
        ("a=%ed%a0%80", "400 INVALID_QUERY"),
    ],
)
async def test_a_query_that_cannot_be_read(send: Send, query: str, code: str) -> None:
    assert await send(query) == code


# --- the body ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "text/plain;charset=UTF-8", "application/octet-stream"])
async def test_a_json_body_whatever_it_is_called(send: Send, kind: str) -> None:
    data = json.dumps({"a": [1, None], "é": "+"}).encode()
    assert await send(data=data, headers={"Content-Type": kind}) == {"a": [1, None], "é": "+"}


async def test_an_empty_body_holds_nothing(send: Send) -> None:
    assert await send(data=b"") == {}
    assert await send("a=1", data=b" \n") == {"a": "1"}


async def test_a_compressed_body_stays_packed(send: Send) -> None:
    """It never comes so far in the application, which refuses it by its headers (tests/attack)."""
    data = gzip.compress(b'{"a": 1}')
    assert await send(data=data, headers={"Content-Encoding": "gzip"}) == "400 INVALID_JSON"


async def test_fields_of_a_form_become_parameters(send: Send) -> None:
    data = b"a=1&b=two+words&c=%2B33&d=undefined&e=&f=%F0%9F%98%80"
    assert await send(data=data, headers={"Content-Type": FORM}) == {
        "a": "1",
        "b": "two words",
        "c": "+33",
        "f": "\U0001f600",
    }


async def test_json_that_is_sent_as_a_form(send: Send) -> None:
    """Send the content type of curl -d."""
    assert await send(data=b' {"a": 1, "b": "x&y"}', headers={"Content-Type": FORM}) == {
        "a": 1,
        "b": "x&y",
    }
    assert await send(data=b'{"a": 1', headers={"Content-Type": FORM}) == "400 INVALID_JSON"


@pytest.mark.parametrize(
    "data", [b"[]", b'"a"', b"1", b"null", b"{", b'{"a": "\xff"}', b'{"a": NaN}', b"{}{}"]
)
async def test_a_body_that_is_no_json_object(send: Send, data: bytes) -> None:
    assert await send(data=data) == "400 INVALID_JSON"


async def test_several_parts_are_not_read(send: Send) -> None:
    with aiohttp.MultipartWriter("form-data") as parts:
        parts.append("x")
    assert await send(data=parts) == "415 UNSUPPORTED_MEDIA"


@pytest.mark.parametrize("data", [b"a=\xff", b"a=%ff"])
async def test_a_form_that_is_no_text_is_refused(send: Send, data: bytes) -> None:
    assert str(await send(data=data, headers={"Content-Type": FORM})).startswith("400 ")


async def test_a_form_in_a_charset_that_nobody_knows_is_no_failure_of_ours(send: Send) -> None:
    answer = await send(data=b"a=1", headers={"Content-Type": f"{FORM}; charset=klingon"})
    assert answer == {"a": "1"} or answer[:3] in {"400", "415"}


UPLOAD = {"x-param-xia-data": "%7B%22filename%22%3A%22a.csv%22%7D"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("-/svc/contact.search", {"Content-Type": "application/json"}, 415, b'"error":"UNSUPPORTED_MEDIA"'),
        ("-/svc/contact.search", {"Content-Type": FORM}, 415, b'"error":"UNSUPPORTED_MEDIA"'),
        ("-/svc/media.upload", UPLOAD, 415, b'"error":"UNSUPPORTED_MEDIA"'),
        ("-/svc/contact.load", UPLOAD, 415, b'"error":"UNSUPPORTED_MEDIA"'),
        ("-/svc/yp.ping", UPLOAD, 415, b'"error":"UNSUPPORTED_MEDIA"'),
        ("api/contacts/get", {"Content-Type": FORM}, 200, b'"errorcode":2010'),
        ("api/authentication/login", {"Content-Type": "application/json"}, 200, b'"errorcode":2010'),
        ("api/v1/auth/login", {"Content-Type": "application/json"}, 415, b'"code":"UNSUPPORTED_MEDIA_TYPE"'),
        ("api/v1/contacts", {"Content-Type": "application/json"}, 415, b'"code":"UNSUPPORTED_MEDIA_TYPE"'),
        ("api/v1/nothing", {"Content-Type": "application/json"}, 415, b'"code":"UNSUPPORTED_MEDIA_TYPE"'),
    ],
)
async def test_a_body_that_says_it_is_packed_is_the_client_s_fault(
    people: People,
    caplog: pytest.LogCaptureFixture,
    settings: Settings,
    path: str,
    headers: dict[str, str],
    status: int,
    code: bytes,
) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    query = f"?socket_id={tab.id}" if "svc" in path else ""
    for _ in range(2):
        sent = {**headers, "Content-Encoding": "gzip"}
        async with alice.http.post(f"{alice.base}{path}{query}", data=b"no gzip", headers=sent) as response:
            text = await response.read()
            assert (response.status, response.content_type) == (status, "application/json"), text
            assert code in text
            assert response.headers["Connection"] == "close"
    # aiohttp logs its own error after the answer, when it reads on.
    assert (await alice.call("yp.ping")).status == 200
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []
    assert not list(uploads.folder(settings).glob(f"{alice.uid}/*"))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"garbage\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nBad header\r\n\r\n", b"400"),
        (b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"400"),
        (b"POST /-/svc/yp.ping HTTP/1.1\r\nHost: x\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
         b"415"),
    ],
)  # fmt: skip
async def test_an_unreadable_body_is_the_fault_of_the_client(
    people: People, caplog: pytest.LogCaptureFixture, text: bytes, status: bytes
) -> None:
    alice = await people("Alice")
    reader, writer = await asyncio.open_connection(alice.base.host, alice.base.port)
    with caplog.at_level(logging.INFO):
        writer.write(text)
        assert (await reader.readline()).split()[1] == status
        writer.close()
        assert (await alice.call("yp.ping")).status == 200
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING or r.exc_info] == []


async def test_a_file_without_its_header_is_refused_with_the_missing_name(people: People) -> None:
    alice = await people("Alice")
    for name in ("media.upload", "contact.load"):
        for kind in ("application/octet-stream", "application/octet-stream; charset=utf-8", "image/png"):
            url = alice.base / f"-/svc/{name}"
            async with alice.http.post(url, data=b"BEGIN:VCARD", headers={"Content-Type": kind}) as response:
                answer = await response.json()
            assert (response.status, answer["error"]) == (400, "INVALID_JSON")
            assert answer["reason"] == "the body is not JSON; a file needs the header x-param-xia-data"


# --- headers and priorities --------------------------------------------------------------------


async def test_headers_are_parameters_below_the_query_below_the_body(send: Send) -> None:
    headers = {"x-param-a": "header", "X-Param-Page-Language": "fr", "x-param-b": "header", "y-param-z": "1"}
    assert await send("b=query&c=query", data=b'{"c": "body"}', headers=headers) == {
        "a": "header",
        "page-language": "fr",
        "b": "query",
        "c": "body",
    }


async def test_an_absent_value_in_the_query_does_not_hide_a_header(send: Send) -> None:
    assert await send("a=undefined", headers={"x-param-a": "header"}) == {"a": "header"}


@pytest.mark.parametrize("name", ["x-param-device", "X-Param-Page-Language"])
async def test_the_frontend_is_known_by_its_headers(name: str) -> None:
    app = web.Application()

    async def handle(request: web.Request) -> web.Response:
        return web.json_response(from_frontend(request))

    app.router.add_get("/", handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        assert await (await session.get(server.make_url("/"), headers={name: "x"})).json() is True
        plain = await session.get(server.make_url("/"), headers={"x-param-lang": "en"})
        assert await plain.json() is False


# --- through to a service ----------------------------------------------------------------------


async def test_numbers_and_json_may_come_as_text(people: People) -> None:
    alice = await people("Alice")
    email = json.dumps([{"email": "ada@math.example", "is_default": "1"}])
    made = await alice.get("contact.add", f"firstname=Ada&email={quote(email)}")
    assert (made.status, made.data["firstname"]) == (200, "Ada"), made.body
    for query in ("page=1&pagelength=1&tag_id=undefined&name=&", blob(page="1", tag_id=None, name="ada")):
        assert [c["firstname"] for c in (await alice.get("contact.show_contact", query)).data] == ["Ada"]


async def test_a_plus_in_a_query_stays_a_plus(people: People) -> None:
    alice = await people("Alice")
    await alice.ok("contact.add", email=[{"email": "ada+work@math.example", "is_default": 1}])
    answer = await alice.get("contact.search", "key=ada+work@math")
    assert [c["email"] for c in answer.data] == ["ada+work@math.example"]


async def test_keysel_names_the_session_cookie(people: People) -> None:
    alice = await people.registered("Alice")
    headers = {"x-param-keysel": "othersid"}
    vars_ = {"ident": alice.email, "password": PASSWORD}
    signed = await alice.call("yp.login", headers, vars=vars_)
    assert signed.headers["Set-Cookie"].startswith("othersid=")
    assert (await alice.call("yp.hello", headers)).data["id"] == alice.uid
    assert (await alice.get("yp.hello", "keysel=othersid")).data["id"] == alice.uid
    assert (await alice.call("yp.hello")).data["signed_in"] == 0


@pytest.mark.parametrize("name", ["path", "expires", "Domain", "a b", "é", "x" * 33, "$x"])
async def test_a_keysel_that_no_cookie_can_have_is_ignored(people: People, name: str) -> None:
    alice = await people.registered("Alice")
    vars_ = {"ident": alice.email, "password": PASSWORD}
    signed = await alice.call("yp.login", keysel=name, vars=vars_)
    assert (signed.status, signed.data["status"]) == (200, "ok")
    assert signed.headers["Set-Cookie"].startswith("regsid=")


@pytest.mark.parametrize("header", [b"User-Agent", b"Host", b"X-Forwarded-For", b"Cookie"])
async def test_headers_that_are_no_text_do_no_harm(
    make_node: NodeMaker, people: People, header: bytes
) -> None:
    alice = await people.registered("Alice")
    server = await make_node(trust_proxy=True)
    body = json.dumps({"vars": {"ident": alice.email, "password": PASSWORD}}).encode()
    lines = {b"Host": b"localhost", b"Content-Length": b"%d" % len(body), b"Connection": b"close"}
    lines[header] = b"\xff\xfe"
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = b"".join(b"%s: %s\r\n" % line for line in lines.items())
    writer.write(b"POST /-/svc/yp.login HTTP/1.1\r\n" + head + b"\r\n" + body)
    status, _, rest = (await reader.read()).partition(b"\r\n")
    writer.close()
    assert int(status.split()[1]) < 500, rest
