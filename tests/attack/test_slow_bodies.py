"""Bodies that drip, break off, or come from somebody who may not send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from service.web import bodies
from tests.attack.wire import send
from tests.support.people import People, Person
from tests.support.secrecy import SECRECY
from tests.support.waiting import until

UPLOAD = {"x-param-xia-data": json.dumps({"filename": "a.csv"})}
PATIENCE = 0.6
"""Seconds for a body in these tests."""
DRIPPING = ("-/svc/yp.ping", "-/svc/contact.add", "api/contacts/get", "api/v1/auth/login")


Reply = tuple[int, bytes, str]
"""Status, body and the header Connection of an answer."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", PATIENCE)


async def drops(size: int, pause: float, count: int) -> AsyncIterator[bytes]:
    """Yield pieces of a body, one after each pause."""
    for _ in range(count):
        yield b" " * size
        await asyncio.sleep(pause)


async def post(
    person: Person, path: str, body: AsyncIterator[bytes], **headers: str
) -> tuple[int, bytes, str]:
    """Send a body that comes by and by."""
    async with person.http.post(person.base / path, data=body, headers=headers) as response:
        return response.status, await response.read(), response.headers.get("Connection", "")


@pytest.mark.parametrize("path", DRIPPING)
async def test_a_body_that_drips_ends(people: People, impatient: None, path: str) -> None:
    alice = await people("Alice")
    async with asyncio.timeout(60):
        status, answer, connection = await post(alice, path, drops(1, 0.1, 100))
    # Its clients expect 200 whatever happens.
    assert status == (200 if path == "api/contacts/get" else 408)
    assert connection == "close"
    assert b"in time" in answer


@pytest.mark.parametrize("service", ["media.upload", "contact.load"])
async def test_a_file_that_drips_ends(people: People, impatient: None, service: str) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    async with asyncio.timeout(60):
        path = f"-/svc/{service}"
        headers = {**UPLOAD, "x-param-socket_id": tab.id}
        status, answer, _ = await post(alice, path, drops(1, 0.1, 100), **headers)
    assert (status, b"BODY_TIMEOUT" in answer) == (408, True)


async def test_a_file_on_a_slow_line_arrives(people: People, impatient: None) -> None:
    """At 2,000 bytes a second, for three times as long as a body may take."""
    alice = await people("Alice")
    status, answer, _ = await post(
        alice, "-/svc/media.upload", drops(200, 0.1, int(3 * PATIENCE / 0.1)), **UPLOAD
    )
    assert (status, json.loads(answer)["data"]["filesize"]) == (200, 200 * int(3 * PATIENCE / 0.1))


@pytest.mark.parametrize("path", [*DRIPPING, "-/svc/media.upload", "nothing"])
async def test_a_client_that_goes_away_is_no_error(people: People, path: str) -> None:
    alice = await people("Alice")
    (cookie,) = [f"{c.key}={c.value}" for c in alice.http.cookie_jar if c.key == "regsid"]
    before = len(SECRECY.lines)
    _, writer = await asyncio.open_connection(alice.base.host, alice.base.port)
    file = UPLOAD if "upload" in path else {}
    headers = {"Host": "x", "Content-Length": "1000", "Cookie": cookie, **file}
    lines = [f"POST /{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", "{"]).encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()
    if path != "nothing":
        await until(lambda: any('"message":"request"' in line for line in SECRECY.lines[before:]))
    await alice.ok("yp.ping")
    assert not [line for line in SECRECY.lines[before:] if '"ERROR"' in line or "exception" in line]


# --- who may send a big body -------------------------------------------------------------------


def big(**fields: object) -> dict[str, object]:
    """Return parameters of contact.import with 180 KB."""
    return {**fields, "list": [{"firstname": "x" * 180} for _ in range(900)]}


async def test_the_big_body_of_a_stranger_is_not_read(node: URL) -> None:
    for headers in ({"Content-Length": "900000"}, {"Transfer-Encoding": "chunked"}):
        answer = await send(node, "POST", "/-/svc/contact.import", headers)
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        forged = await send(
            node, "POST", "/-/svc/contact.import", {**headers, "Cookie": f"regsid={'x' * 43}"}
        )
        assert forged.status == 401


async def test_a_session_may_send_a_big_body(people: People) -> None:
    alice = await people("Alice")
    report = await alice.ok("contact.import", **big())
    assert (report["total"], report["noemail"]) == (900, 900)
    # A cookie of another name must be known without the body.
    (sid,) = [cookie.value for cookie in alice.http.cookie_jar if cookie.key == "regsid"]
    async with aiohttp.ClientSession(cookies={"demo_a1": sid}) as http:
        url = alice.base / "-/svc/contact.import"
        for query, status in (({}, 401), ({"keysel": "demo_a1"}, 200)):
            async with http.post(url.with_query(query), json=big(keysel="demo_a1")) as response:
                assert response.status == status
        small = {"keysel": "demo_a1", "list": [{"firstname": "Ada"}]}
        async with http.post(url, json=small) as response:
            assert response.status == 200
