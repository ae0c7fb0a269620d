"""Files of conversations: uploaded, sent with a message, read by both sides, deleted with the message."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest
from aiohttp import ClientPayloadError

from service.contacts import uploads
from service.contacts.attachments import PART_BYTES, safe_name
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.chat_files import GRID, fetch, upload, uploaded
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, Answer, People, Person, befriend


async def post(person: Person, peer: Person, *files: str, message: str = "") -> Answer:
    """Send files as the frontend does."""
    return await person.call(
        "chat.post",
        FRONTEND,
        **{"entity_id": peer.uid, "hub_id": person.uid, "echoId": "7"},
        **{"attachment": list(files), "message": message},
    )


@pytest.fixture
async def pair(people: People, admin: Admin) -> tuple[Person, Person]:
    """Two people in contact, on two shards."""
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    await befriend(admin, alice, bob)
    return alice, bob


async def test_a_file_reaches_both_sides(pair: tuple[Person, Person]) -> None:
    alice, bob = pair
    tabs = [await alice.tab(), await bob.tab()]
    picture = b"\x89PNG\r\n\x1a\n" + bytes(100)
    nids = [await uploaded(alice, "Été & <b>.PNG", picture), await uploaded(alice, "plan.html", b"<script>")]
    answer = await post(alice, bob, *nids)
    assert answer.status == 200, answer.body
    for tab, person, peer in zip(tabs, (alice, bob), (bob, alice), strict=True):
        pushed = (await tab.expect("chat.post"))["model"]
        assert (pushed["is_attachment"], pushed["message"], pushed["entity_id"]) == (1, "", peer.uid)
        assert [f["nid"] for f in pushed["attachment"]] == nids
        (message,) = await person.ok("chat.messages", entity_id=peer.uid)
        assert (message["message_id"], message["is_attachment"]) == (pushed["message_id"], 1)
        query = f"message_id={message['message_id']}&hub_id={person.uid}&page=1&pagelength=45&"
        first, second = (await person.get("chat.attachment", query)).data
        assert first.keys() >= GRID
        assert (first["filename"], first["ext"], first["filetype"]) == ("Été & _b_", "png", "image")
        assert (first["mimetype"], first["capability"]) == ("image/png", "r--")
        assert first["filesize"] == len(picture)
        assert (second["mimetype"], second["capability"]) == ("application/octet-stream", "---")
        for kind in ("orig", "vignette", "slide"):
            status, content, headers = await fetch(person, first["nid"], first["hub_id"], kind)
            assert (status, content, headers["Content-Type"]) == (200, picture, "image/png")
        assert quote("Été & _b_.PNG") in headers["Content-Disposition"]
        status, content, headers = await fetch(person, second["nid"], second["hub_id"])
        assert (status, content, headers["Content-Type"]) == (200, b"<script>", "application/octet-stream")
        assert headers["Content-Disposition"] == 'attachment; filename="plan.html"'
        assert (headers["X-Content-Type-Options"], headers["Content-Length"]) == ("nosniff", "8")
        (room,) = await person.ok("chat.chat_rooms", flag="contact")
        assert (room["is_attachment"], room["message"]) == (1, "")


async def test_an_answer_shows_that_the_first_message_had_a_file(pair: tuple[Person, Person]) -> None:
    alice, bob = pair
    sent = (await post(alice, bob, await uploaded(alice, "a.txt", b"a"), message="look")).data
    answer = await bob.ok(
        "chat.post", entity_id=alice.uid, message="seen", thread_id=sent["message_id"], attachment=[]
    )
    assert (answer["thread"]["is_attachment"], answer["is_attachment"], answer["attachment"]) == (1, 0, [])


async def test_only_who_has_the_message_has_the_file(pair: tuple[Person, Person], people: People) -> None:
    alice, bob = pair
    carol, visitor = await people("Carol"), await people.stranger()
    nid = await uploaded(alice, "secret.txt", b"secret")
    assert (await fetch(alice, nid, alice.uid))[:2] == (200, b"secret"), "the preview before it is sent"
    assert (await fetch(bob, nid, alice.uid))[0] == 404
    sent = (await post(alice, bob, nid)).data
    assert (await fetch(carol, nid, alice.uid))[0] == 404
    assert (await fetch(visitor, nid, alice.uid))[0] == 401
    assert (await fetch(bob, nid, "feedfeedfeedfeed"))[0] == 404
    assert (await fetch(bob, "..%2F..%2Fetc%2Fpasswd", alice.uid))[0] in {400, 404}
    assert await carol.ok("chat.attachment", message_id=sent["message_id"]) == []
    # Neither can she send what is not hers, or what was sent already.
    for person in (bob, alice):
        refused = await post(person, bob if person is alice else alice, nid)
        assert (refused.status, refused.code) == (404, "INVALID_ATTACHMENT")
    assert len(await bob.ok("chat.messages", entity_id=alice.uid)) == 1


async def test_a_file_goes_with_the_last_copy_of_its_message(
    pair: tuple[Person, Person], admin: Admin
) -> None:
    alice, bob = pair
    large = bytes(range(256)) * (PART_BYTES // 256) + b"and a second part"
    for first, last in ((alice, bob), (bob, alice)):
        nid = await uploaded(alice, "film.bin", large)
        message_id = (await post(alice, bob, nid)).data["message_id"]
        assert (await fetch(bob, nid, alice.uid))[:2] == (200, large)
        assert admin.one("SELECT COUNT(*) FROM shard1.attachment_part WHERE id = %s", nid) == 2
        await first.ok("chat.delete", messages=[message_id], option="me")
        assert (await fetch(first, nid, alice.uid))[0] == 404
        assert (await fetch(last, nid, alice.uid))[1] == large
        await last.ok("chat.delete", messages=[message_id], option="me")
        assert (await fetch(last, nid, alice.uid))[0] == 404
        assert admin.one("SELECT COUNT(*) FROM shard1.attachment_part WHERE id = %s", nid) == 0
    nid = await uploaded(alice, "note.txt", b"note")
    message_id = (await post(alice, bob, nid)).data["message_id"]
    await alice.ok("chat.delete", messages=[message_id], option="all")
    assert [(await fetch(person, nid, alice.uid))[0] for person in pair] == [404, 404]
    assert admin.one("SELECT COUNT(*) FROM shard1.attachment WHERE owner_id = %s", alice.uid) == 0


async def test_both_sides_delete_at_once(pair: tuple[Person, Person], admin: Admin) -> None:
    alice, bob = pair
    sent = [(await post(alice, bob, await uploaded(alice, "a", b"a"))).data["message_id"] for _ in range(3)]
    await asyncio.gather(
        *(person.ok("chat.delete", messages=[each], option="me") for person in pair for each in sent)
    )
    assert admin.one("SELECT COUNT(*) FROM shard1.attachment WHERE owner_id = %s", alice.uid) == 0


@pytest.mark.parametrize("size", [1, 4 * PART_BYTES + 1])
async def test_one_upload_in_several_messages_at_once(pair: tuple[Person, Person], size: int) -> None:
    """One of them has the file, all of it; a click that is repeated does not harm it."""
    alice, bob = pair
    for _ in range(3):
        nid = await uploaded(alice, "film.bin", os.urandom(size))
        content = (await fetch(alice, nid, alice.uid))[1]
        answers = await asyncio.gather(*(post(alice, bob, nid) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
        assert {answer.code for answer in answers if answer.status == 404} == {"INVALID_ATTACHMENT"}
        assert (await fetch(bob, nid, alice.uid))[:2] == (200, content)


async def test_a_part_of_a_file_is_answered_alone(pair: tuple[Person, Person]) -> None:
    """A player jumps into a film, and a download that broke off goes on."""
    alice, bob = pair
    film = random.Random(1).randbytes(2 * PART_BYTES + 500)
    size, edge = len(film), PART_BYTES
    nid = await uploaded(alice, "film.bin", film)
    for is_sent in (False, True):
        if is_sent:
            assert (await post(alice, bob, nid)).status == 200
        reader = bob if is_sent else alice
        for wanted, start, stop in (
            ("bytes=0-0", 0, 1),
            ("bytes=0-99", 0, 100),
            (f"bytes={edge - 10}-{edge + 9}", edge - 10, edge + 10),
            (f"bytes={edge}-", edge, size),
            ("bytes=-7", size - 7, size),
            (f"bytes=100-{size + 900}", 100, size),
            (f"bytes=-{size + 900}", 0, size),
        ):
            status, content, headers = await fetch(reader, nid, alice.uid, Range=wanted)
            assert (status, content == film[start:stop]) == (206, True), wanted
            assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
            assert headers["Content-Length"] == str(stop - start)
            assert headers["Content-Disposition"] == 'attachment; filename="film.bin"'
        for odd in ("bytes=0-1,5-6", "bytes=9-3", "bytes=x-", "lines=0-1", "bytes=", ""):
            status, content, headers = await fetch(reader, nid, alice.uid, Range=odd)
            assert (status, content == film) == (200, True), odd
        assert (headers["Accept-Ranges"], "Content-Range" in headers) == ("bytes", False)
        etag = headers["ETag"]
        assert (await fetch(reader, nid, alice.uid, Range="bytes=1-2", If_Range=etag))[0] == 206
        assert (await fetch(reader, nid, alice.uid, Range="bytes=1-2", If_Range='"other"'))[0] == 200
        for beyond in (f"bytes={size}-", f"bytes={10**30}-"):
            status, content, headers = await fetch(reader, nid, alice.uid, Range=beyond)
            assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
            assert orjson.loads(content)["error"] == "RANGE_NOT_SATISFIABLE"
    empty = await uploaded(alice, "empty.txt", b"")
    assert (await fetch(alice, empty, alice.uid, Range="bytes=0-"))[:2] == (200, b"")


async def test_a_part_is_nobody_elses(pair: tuple[Person, Person], people: People) -> None:
    alice, bob = pair
    nid = await uploaded(alice, "a.txt", b"secret")
    assert (await post(alice, bob, nid)).status == 200
    carol, stranger = await people("Carol"), await people.stranger()
    assert (await fetch(carol, nid, alice.uid, Range="bytes=0-"))[0] in {403, 404}
    assert (await fetch(stranger, nid, alice.uid, Range="bytes=0-"))[0] == 401


async def test_a_download_breaks_off_when_the_content_is_gone(
    pair: tuple[Person, Person], admin: Admin
) -> None:
    """Otherwise the client waits for bytes that the headers have promised."""
    alice, bob = pair
    nid = await uploaded(alice, "film.bin", bytes(2 * PART_BYTES))
    assert (await post(alice, bob, nid)).status == 200
    admin.rows("DELETE FROM shard1.attachment_part WHERE id = %s AND position = 1", nid)
    async with asyncio.timeout(20):
        with pytest.raises(ClientPayloadError):
            await fetch(bob, nid, alice.uid)


async def test_uploads_that_are_not_sent_are_removed_or_expire(
    pair: tuple[Person, Person], settings: Settings
) -> None:
    alice, bob = pair
    removed, old = await uploaded(alice, "a.txt", b"a"), await uploaded(alice, "b.txt", b"b")
    for _ in range(2):
        assert await alice.ok("chat.upload_remove", nid=removed, hub_id=alice.uid) == {"nid": removed}
    assert await bob.ok("chat.upload_remove", nid=old, hub_id=bob.uid) == {"nid": old}
    assert (await fetch(alice, old, alice.uid))[0] == 200, "nobody removes the uploads of others"
    place = uploads.folder(settings) / alice.uid
    _age(place, settings.upload_ttl)
    for nid in (removed, old):
        assert (await post(alice, bob, nid)).code == "INVALID_ATTACHMENT"
        assert (await fetch(alice, nid, alice.uid))[0] == 404


def _age(place: Path, seconds: float) -> None:
    then = time.time() - seconds - 1
    for path in place.iterdir():
        os.utime(path, (then, then))


async def test_every_process_serves_a_file_also_at_the_path_of_the_viewer(
    pair: tuple[Person, Person], make_node: NodeMaker
) -> None:
    alice, bob = pair
    nid = await uploaded(alice, "a.txt", b"a")
    assert (await post(alice, bob, nid)).status == 200
    bob.base = (await make_node()).make_url("/")
    assert (await fetch(bob, nid, alice.uid))[:2] == (200, b"a")
    async with bob.http.get(f"{bob.base}-//file/slide/{nid}/{alice.uid}?v=1&keysel=regsid") as response:
        assert (response.status, await response.read()) == (200, b"a")


async def test_words_or_files_are_needed(pair: tuple[Person, Person]) -> None:
    alice, bob = pair
    nothing = await alice.call("chat.post", entity_id=bob.uid, message="", attachment=[])
    assert (nothing.status, nothing.code) == (400, "MISSING_PARAM")
    assert (await post(alice, bob, "no/such")).status == 412


async def test_limits_of_a_file_and_of_all_files(make_node: NodeMaker, people: People, admin: Admin) -> None:
    base = (await make_node(attachment_limit=1000, attachment_quota=1500)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    await befriend(admin, alice, bob)
    assert (await upload(alice, "a", b"x" * 1001)).status == 413
    first, second = [await uploaded(alice, name, b"x" * 900) for name in "ab"]
    sent = await post(alice, bob, first)
    refused = await post(alice, bob, second)
    assert (sent.status, refused.status, refused.code) == (200, 413, "QUOTA_EXCEEDED")
    # The other side pays nothing, and what is deleted is free again.
    assert (await post(bob, alice, await uploaded(bob, "c", b"x" * 1000))).status == 200
    await alice.ok("chat.delete", messages=[sent.data["message_id"]], option="all")
    assert (await post(alice, bob, second)).status == 200


async def test_a_message_that_is_refused_keeps_the_upload(
    pair: tuple[Person, Person], people: People
) -> None:
    alice, bob = pair
    carol = await people("Carol")
    nid = await uploaded(alice, "a.txt", b"a")
    assert (await post(alice, carol, nid)).code == "INVALID_CONTACT"
    assert (await post(alice, bob, nid)).status == 200


def test_names_are_safe_and_stay_readable() -> None:
    for name, safe in (
        ("plan.pdf", "plan.pdf"), ("../../etc/passwd", "_.._etc_passwd"),
        ("a\r\nSet-Cookie: b", "a__Set-Cookie_ b"),
        ('"x".svg', "_x_.svg"), ("", "file"), ("...", "file"), ("日本 🎈.txt", "日本 🎈.txt"),
    ):  # fmt: skip
        assert safe_name(name) == safe
    assert len(safe_name("x" * 300 + ".pdf")) == 255
    assert safe_name("x" * 300 + ".pdf").endswith(".pdf")
