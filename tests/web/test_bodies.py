"""Bodies that are too long: a user who has sent one gets the answer, however they read and write."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from yarl import URL

from service.carddav.incoming import MAX_BYTES
from service.rest.operation import PREFIX
from service.web import bodies
from tests.attack.wire import Answer, send
from tests.support.dav import DavMaker
from tests.support.people import People
from tests.support.rest import ClientMaker

PIECE = bytes(1 << 16)


async def write_then_read(base: URL, request: bytes, size: int) -> list[int]:
    """Send a body before a byte of the answer is read, then another request; return both statuses."""
    reader, writer = await asyncio.open_connection(base.host, base.port)
    writer.write(request)
    for start in range(0, size, len(PIECE)):
        writer.write(PIECE[: size - start])
        await writer.drain()
    statuses = []
    for following in (b"GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n", b""):
        head = await reader.readuntil(b"\r\n\r\n")
        statuses.append(int(head.split()[1]))
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        writer.write(following)
    writer.close()
    return statuses


def head(method: str, path: str, **headers: str) -> bytes:
    lines = (f"{name.replace('_', '-')}: {value}" for name, value in headers.items())
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


async def test_a_user_who_writes_too_much_gets_the_answer_and_keeps_the_connection(
    people: People, client_of: ClientMaker, dav_of: DavMaker
) -> None:
    alice = await people("Alice")
    cookie = "; ".join(f"{each.key}={each.value}" for each in alice.http.cookie_jar)
    api, dav = await client_of(person=alice), await dav_of(person=alice)
    key = {"Authorization": f"Bearer {api.token}", "Content_Type": "application/json"}
    app_password = {"Authorization": dav.authorization}
    size = MAX_BYTES + 1
    for request in (
        head("POST", "/-/svc/contact.add", Cookie=cookie, Content_Length=str(size)),
        head("POST", f"{PREFIX}/contacts", Content_Length=str(size), **key),
        head("PUT", f"{dav.book}ada.vcf", Content_Length=str(size), **app_password),
    ):
        assert await write_then_read(alice.base, request, size) == [413, 200], request


async def test_nobody_waits_for_the_rest_of_a_user_who_stops_or_sends_too_much(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "OF_USERS", replace(bodies.OF_USERS, size=1 << 22, pause=0.1))
    alice = await people("Alice")
    cookie = "; ".join(f"{each.key}={each.value}" for each in alice.http.cookie_jar)
    for size, pieces in ((1 << 21, 1), (100_000_000, 400)):
        sent: Answer = await send(
            alice.base,
            "POST",
            "/-/svc/contact.add",
            {"Cookie": cookie, "Content-Length": str(size)},
            PIECE,
            pieces=pieces,
        )
        assert (sent.status, sent.headers["connection"]) == (413, "close")
