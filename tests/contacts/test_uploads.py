"""Upload files before the call that uses them."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from service.contacts import uploads
from service.settings import Settings
from tests.support.address_files import table, upload
from tests.support.contacts import add_group
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person
from tests.support.waiting import until

LOAD = "contact.load"
STORE = "media.upload"


def png() -> bytes:
    """Return the smallest picture: one black pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


async def stored(person: Person, filename: str, data: bytes) -> str:
    """Upload a file; return its id."""
    answer = await upload(person, await person.tab(), filename, data, to=STORE)
    assert answer.status == 200, answer.body
    assert (answer.data["filename"], answer.data["filesize"]) == (filename, len(data))
    assert answer.data["expiry"] > time.time()
    return str(answer.data["uploaded_id"])


def files_of(settings: Settings, person: Person) -> list[Path]:
    place = uploads.folder(settings) / person.uid
    return sorted(place.iterdir()) if place.is_dir() else []


@pytest.mark.parametrize("name", ["uploaded_id", "secret"])
async def test_a_file_is_uploaded_and_then_loaded(people: People, name: str) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    upload_args = {name: await stored(alice, "mes contacts é.csv", table(20))}
    answer = await alice.ok(LOAD, socket_id=tab.id, **upload_args)
    assert (answer["total"], answer["loaded"]) == (20, 20)
    await tab._wait(lambda: tab.updates(LOAD) and tab.updates(LOAD)[-1]["model"]["progress"] == 100)
    assert tab.updates(LOAD)[-1]["model"]["progress"] == 100
    # The file stays for a while, so that an interrupted import can restart.
    assert (await alice.ok(LOAD, socket_id=tab.id, **upload_args))["alreadyincontact"] == 20


async def test_only_who_uploaded_a_file_finds_it_and_only_for_a_while(
    people: People, settings: Settings
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab, bobs = await alice.tab(), await bob.tab()
    alice_file, bob_file = await stored(alice, "a.csv", table(3)), await stored(bob, "b.csv", table(3))
    for person, socket, key in (
        (bob, bobs.id, alice_file),
        (alice, tab.id, bob_file),
        (alice, tab.id, "0" * 32),
        (alice, tab.id, ".."),
        (alice, tab.id, f"{alice_file}.name"),
    ):
        answer = await person.call(LOAD, socket_id=socket, uploaded_id=key)
        assert (answer.status, answer.code) == (404, "FILE_NOT_FOUND"), key
    assert (await alice.call(LOAD, socket_id=tab.id, uploaded_id="../a")).code == "INVALID_PARAM"
    # A day later.
    for path in files_of(settings, alice):
        os.utime(path, (1, time.time() - settings.upload_ttl - 1))
    answer = await alice.call(LOAD, socket_id=tab.id, uploaded_id=alice_file)
    assert (answer.status, answer.code) == (404, "FILE_NOT_FOUND")
    uploads.sweep(settings)
    assert files_of(settings, alice) == []
    assert not (uploads.folder(settings) / alice.uid).exists()
    assert len(files_of(settings, bob)) == 2


async def test_exactly_one_source_is_given(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    key = await stored(alice, "a.csv", table(3))
    for sources in ({"uploaded_id": key, "secret": key}, {"uploaded_id": "aa", "secret": "bb"}):
        answer = await alice.call(LOAD, socket_id=tab.id, **sources)
        assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    both = await upload(alice, tab, "b.csv", table(3), uploaded_id=key)
    assert (both.status, both.code) == (400, "INVALID_INPUT")
    for service in (LOAD, STORE):
        answer = await alice.call(service, socket_id=tab.id)
        assert (answer.status, answer.code) == (400, "NO_FILE")
    answer = await alice.call(LOAD, socket_id=tab.id, uploaded_id=await stored(alice, "a.csv", png()))
    assert (answer.status, answer.code) == (415, "WRONG_FORMAT")
    stranger = await people.stranger()
    assert (await stranger.call(STORE)).status == 401


async def test_every_node_of_a_site_finds_it(people: People, make_node: NodeMaker) -> None:
    other = (await make_node()).make_url("/")
    alice = await people("Alice")
    key = await stored(alice, "a.csv", table(4))
    tab = await alice.tab(other)
    alice.base = other
    assert (await alice.ok(LOAD, socket_id=tab.id, uploaded_id=key))["loaded"] == 4


async def test_a_person_has_so_much_room(
    make_node: NodeMaker, settings: Settings, registry: Any, password_hash: str
) -> None:
    base = (await make_node(import_limit=1000, upload_quota=1500)).make_url("/")
    people = People(base, registry, password_hash)
    alice, bob = await people("Alice"), await people("Bob")
    tab = await alice.tab()
    answer = await upload(alice, tab, "a.csv", b"x" * 1001, to=STORE)
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    assert files_of(settings, alice) == []
    await stored(alice, "a.csv", b"x" * 900)
    answer = await upload(alice, tab, "b.csv", b"x" * 900, to=STORE)
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    assert len(files_of(settings, alice)) == 2
    await stored(bob, "b.csv", b"x" * 900)
    await people.close()


async def test_a_file_that_is_too_large_leaves_no_error_in_the_log(
    make_node: NodeMaker, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    base = (await make_node(import_limit=1000)).make_url("/")
    alice = await people("Alice", base=base)
    answer = await upload(alice, await alice.tab(), "a.csv", b"x" * 200_000, to=STORE)
    assert answer.status == 413
    await asyncio.sleep(0.1)
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_uploads_at_once_share_the_room(
    make_node: NodeMaker, settings: Settings, registry: Any, password_hash: str
) -> None:
    base = (await make_node(import_limit=1000, upload_quota=1500)).make_url("/")
    people = People(base, registry, password_hash)
    alice = await people("Alice")
    tab = await alice.tab()

    async def body() -> Any:
        yield b"x" * 900
        for _ in range(500):
            if len(files_of(settings, alice)) == 3:
                break
            await asyncio.sleep(0.01)

    answers = await asyncio.gather(*(upload(alice, tab, "a.csv", body(), to=STORE) for _ in range(3)))
    assert [answer.status for answer in answers].count(200) <= 1
    assert {answer.code for answer in answers if answer.status != 200} == {"BODY_TOO_LARGE"}
    assert sum(path.stat().st_size for path in files_of(settings, alice) if not path.suffix) <= 1500
    await people.close()


async def test_empty_files_are_counted(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them takes a place in the folder that every upload looks through."""
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    alice, bob = await people("Alice"), await people("Bob")
    tab = await alice.tab()
    for _ in range(2):
        await stored(alice, "a.csv", b"")
    answer = await upload(alice, tab, "a.csv", b"", to=STORE)
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    await stored(bob, "a.csv", b"")


async def test_a_broken_upload_leaves_nothing(people: People, settings: Settings) -> None:
    alice = await people("Alice")

    async def torn() -> Any:
        yield b"x" * 1000
        await until(lambda: files_of(settings, alice))
        raise ConnectionResetError

    assert files_of(settings, alice) == []
    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        await upload(alice, await alice.tab(), "a.csv", torn(), to=STORE)
    await until(lambda: files_of(settings, alice) == [])


async def test_a_group_gets_an_uploaded_picture(people: People, settings: Settings) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    key = {"group_id": (await add_group(alice))["group_id"]}
    none = await alice.call("contact.get_group_avatar", **key, format="file")
    assert (none.status, none.code) == (404, "NO_PICTURE")
    uploaded = await stored(alice, "anything.bin", png())
    made = await alice.ok("contact.set_group_avatar", **key, uploaded_id=uploaded)
    assert made["avatar"]
    # The group has its own copy.
    for path in files_of(settings, alice):
        path.unlink()
    avatar = await alice.ok("contact.get_group_avatar", **key)
    assert (avatar["avatar"], avatar["mimetype"]) == (made["avatar"], "image/png")
    url = URL(avatar["url"]).relative()
    async with alice.http.get(alice.base.join(url)) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "image/png")
        assert await response.read() == png()
    async with bob.http.get(bob.base.join(url)) as response:
        assert response.status == 404
    # Another picture replaces it, and so does none.
    assert (await alice.ok("contact.set_group_avatar", **key, nid=""))["avatar"] is None
    assert (await alice.call("contact.get_group_avatar", **key, format="file")).code == "NO_PICTURE"


async def test_a_file_that_is_no_picture_is_refused(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    key = {"group_id": (await add_group(alice))["group_id"]}
    for filename, data in (
        ("a.png", b"no picture"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
        ("big.png", png() + b"\0" * 1_000_000),
        ("empty.png", b""),
    ):
        uploaded = await stored(alice, filename, data)
        answer = await alice.call("contact.set_group_avatar", **key, uploaded_id=uploaded)
        assert (answer.status, answer.code) == (415, "WRONG_FORMAT"), filename
    foreign = await stored(bob, "a.png", png())
    answer = await alice.call("contact.set_group_avatar", **key, uploaded_id=foreign)
    assert (answer.status, answer.code) == (404, "FILE_NOT_FOUND")
    answer = await alice.call("contact.set_group_avatar", **key, uploaded_id=foreign, nid="a" * 16)
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")


def test_the_directory_is_a_setting(settings: Settings, tmp_path: Path) -> None:
    assert uploads.folder(settings) == Path(settings.run_dir) / "uploads"
    assert uploads.folder(dataclasses.replace(settings, upload_dir=str(tmp_path))) == tmp_path
    # Nothing was ever uploaded there.
    uploads.sweep(dataclasses.replace(settings, upload_dir=str(tmp_path / "none")))
