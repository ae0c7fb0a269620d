"""A book as a collection of cards: bytes kept, fields laid over, changes told, races decided."""

from __future__ import annotations

import asyncio
import base64
import io

import pytest
from PIL import Image

from service.carddav.book import BadToken, Book
from service.carddav.incoming import MAX_BYTES, NoCard, TooLarge
from service.carddav.putting import PreconditionFailed, UidTaken
from service.ids import from_wire
from tests.support.address_books import BookMaker
from tests.support.admin import Admin
from tests.support.people import People, befriend
from tests.support.rest import ClientMaker


def card(*lines: str, version: str = "3.0") -> bytes:
    """Return a card of these lines."""
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


ADA = card(
    "UID:ada-1", "FN:Ada Lovelace", "N:Lovelace;Ada;;;", "EMAIL;TYPE=HOME:ada@x.example", "X-MOON:full"
)


async def text_of(book: Book, name: str, version: str | None = None) -> str:
    return (await book.texts([name], version))[name].text.decode()


async def test_a_card_comes_back_byte_for_byte_until_something_else_changes_it(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    stored = await book.put("ada.vcf", ADA, if_none_match="*")
    assert stored.created
    assert [(m.name, m.etag) for m in await book.members()] == [("ada.vcf", stored.etag)]
    cards = await book.texts(["ada.vcf", "nobody.vcf"])
    assert [(c.name, c.etag, c.text) for c in cards.values()] == [("ada.vcf", stored.etag, ADA)]
    (contact,) = (await api.get("/contacts")).data
    assert (contact["first_name"], contact["emails"][0]["address"]) == ("Ada", "ada@x.example")
    assert contact["extra"] == {"x-moon": [{"value": "full"}]}

    await api.patch(f"/contacts/{contact['id']}", {"company": "Analytical Engines"})
    (member,) = await book.members()
    assert member.etag != stored.etag
    text = await text_of(book, "ada.vcf")
    assert "ORG:Analytical Engines\r\n" in text
    assert {"UID:ada-1", "X-MOON:full", "N:Lovelace;Ada;;;"} <= set(text.split("\r\n"))
    changed = await book.put("ada.vcf", ADA, if_match=member.etag)
    assert not changed.created
    assert (await book.texts(["ada.vcf"]))["ada.vcf"].text == ADA
    assert (await api.get(f"/contacts/{contact['id']}")).data["company"] is None


async def test_versions_are_converted_and_bytes_of_another_version_stay(
    book_of: BookMaker, people: People
) -> None:
    book = await book_of(await people("Alice"))
    await book.put("ada.vcf", ADA)
    four = await text_of(book, "ada.vcf", "4.0")
    assert four.startswith("BEGIN:VCARD\r\nVERSION:4.0\r\n")
    assert "X-MOON:full" in four
    assert await text_of(book, "ada.vcf", "3.0") == ADA.decode()
    body = card("UID:b", "FN:Bo", "N:;Bo;;;", "ANNIVERSARY:20090808", version="4.0")
    await book.put("bo.vcf", body)
    assert await text_of(book, "bo.vcf") == body.decode()
    assert "VERSION:3.0" in await text_of(book, "bo.vcf", "3.0")


async def test_changes_are_told_once_and_in_windows(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    empty = await book.changes(None)
    assert (empty.changed, empty.removed, empty.truncated) == ([], [], False)
    for number in range(5):
        await book.put(f"{number}.vcf", card(f"UID:{number}", f"FN:P {number}", f"N:{number};P;;;"))
    first = await book.changes(None, 3)
    assert (len(first.changed), first.truncated) == (3, True)
    second = await book.changes(first.token, 3)
    assert ([m.name for m in second.changed], second.truncated) == (["3.vcf", "4.vcf"], False)
    assert second.token == await book.token()
    nothing = await book.changes(second.token)
    assert (nothing.changed, nothing.removed, nothing.token) == ([], [], second.token)

    ids = {c["display_name"]: c["id"] for c in (await api.get("/contacts")).data}
    await book.delete("0.vcf")
    await api.delete(f"/contacts/{ids['P 1']}?permanent=true")
    await alice.call("contact.change_status", contact_id=from_wire(ids["P 2"]), status="archived")
    await api.post("/contacts", {"display_name": "New"})
    changes = await book.changes(second.token)
    assert sorted(changes.removed) == ["0.vcf", "1.vcf", "2.vcf"]
    (new,) = changes.changed
    assert "FN:New" in await text_of(book, new.name)
    # a card that came and went since then was never known; a name that a client chose may have been
    short = (await api.post("/contacts", {"display_name": "Short Life"})).data
    await api.delete(f"/contacts/{short['id']}")
    await book.put("1.vcf", card("UID:short", "FN:Short Life", "N:Life;Short;;;"))
    await book.delete("1.vcf")
    later = await book.changes(changes.token)
    assert (later.changed, [name for name in later.removed if len(name) < 10]) == ([], ["1.vcf"])
    assert not any(short["id"].replace("-", "")[:12] in name for name in later.removed)
    with pytest.raises(BadToken):
        await book.changes(later.token + 1000)


async def test_a_put_that_no_record_shows_moves_the_token_and_the_tag(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    first = await book.put("ada.vcf", ADA)
    token = await book.token()
    other = ADA.replace(b"UID:ada-1", b"PRODID:-//Phone//EN\r\nUID:ada-1")
    second = await book.put("ada.vcf", other, if_match=first.etag)
    assert second.etag not in {None, first.etag}
    assert (await book.texts(["ada.vcf"]))["ada.vcf"].text == other
    assert [m.etag for m in (await book.changes(token)).changed] == [second.etag]
    api = await client_of(person=alice)
    (contact,) = (await api.get("/contacts")).data
    changes = (await api.get(f"/contacts/{contact['id']}/history")).data
    assert [change["event"] for change in changes] == ["created"], "no field has changed"


async def test_a_nickname_of_the_rpc_moves_the_tag_of_the_card(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    first = await book.put("ada.vcf", ADA)
    token = await book.token()
    (contact,) = await alice.ok("contact.show_contact")
    await alice.ok(
        "contact.update",
        contact_id=contact["id"],
        firstname="Ada",
        lastname="Lovelace",
        surname="Countess",
        email=[{"email": "ada@x.example", "category": "priv", "is_default": 1}],
    )
    (member,) = (await book.changes(token)).changed
    assert member.etag != first.etag
    assert "NICKNAME:Countess" in await text_of(book, "ada.vcf")


async def test_preconditions_protect_what_another_client_wrote(book_of: BookMaker, people: People) -> None:
    book = await book_of(await people("Alice"))
    with pytest.raises(PreconditionFailed):
        await book.put("ada.vcf", ADA, if_match="*")
    first = await book.put("ada.vcf", ADA, if_none_match="*")
    with pytest.raises(PreconditionFailed):
        await book.put("ada.vcf", ADA, if_none_match="*")
    with pytest.raises(PreconditionFailed):
        await book.put("ada.vcf", ADA, if_match='"1-2-3"')
    with pytest.raises(PreconditionFailed):
        await book.delete("ada.vcf", if_match='"1-2-3"')
    second = await book.put("ada.vcf", ADA, if_match=f'"1-2-3", {first.etag}')
    await book.delete("ada.vcf", if_match=second.etag)
    with pytest.raises(NoCard):
        await book.delete("ada.vcf")
    again = await book.put("ada.vcf", ADA, if_none_match="*")
    assert again.created, "a card that was deleted comes back"
    assert (await book.texts(["ada.vcf"]))["ada.vcf"].text == ADA


async def test_of_two_puts_at_once_one_wins(book_of: BookMaker, people: People) -> None:
    alice = await people("Alice")
    one, two = await book_of(alice), await book_of(alice)
    first = await one.put("ada.vcf", ADA)
    outcomes = await asyncio.gather(
        *(book.put("ada.vcf", ADA, if_match=first.etag) for book in (one, two)), return_exceptions=True
    )
    assert sorted(type(o).__name__ for o in outcomes) == ["PreconditionFailed", "Stored"]
    outcomes = await asyncio.gather(
        *(book.put("new.vcf", ADA.replace(b"ada-1", b"n"), if_none_match="*") for book in (one, two)),
        return_exceptions=True,
    )
    assert sorted(type(o).__name__ for o in outcomes) == ["PreconditionFailed", "Stored"]


async def test_of_a_put_and_a_patch_at_once_one_wins(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    for phase in ("new", "half", "waning", "blue"):
        stored = await book.put("ada.vcf", ADA)
        (contact,) = (await api.get("/contacts")).data
        path = f"/contacts/{contact['id']}"
        etag = (await api.get(path)).etag
        put, patched = await asyncio.gather(
            book.put("ada.vcf", ADA.replace(b"full", phase.encode()), if_match=stored.etag),
            api.patch(path, {"company": phase}, If_Match=etag),
            return_exceptions=True,
        )
        assert not isinstance(patched, BaseException)
        assert isinstance(put, PreconditionFailed) == (patched.status == 200), (put, patched.raw)
        text = await text_of(book, "ada.vcf")
        assert (f"ORG:{phase}" in text) == (patched.status == 200)
        assert (f"X-MOON:{phase}" in text) == (patched.status == 412)


async def test_the_card_of_a_contact_that_came_without_one_has_a_uid(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    await api.add(first_name="Ada")
    (member,) = await book.members()
    text = (await book.texts([member.name]))[member.name].text
    with pytest.raises(UidTaken) as taken:
        await book.put("copy.vcf", text)
    assert taken.value.name == member.name
    assert (await book.put(member.name, text, if_match=member.etag)).etag


async def test_a_uid_belongs_to_one_card(book_of: BookMaker, people: People) -> None:
    book = await book_of(await people("Alice"))
    await book.put("ada.vcf", ADA)
    with pytest.raises(UidTaken) as taken:
        await book.put("other.vcf", ADA)
    assert taken.value.name == "ada.vcf"
    await book.delete("ada.vcf")
    assert (await book.put("other.vcf", ADA)).created, "a contact in the trash gives its UID up"
    changed = await book.put("other.vcf", ADA.replace(b"ada-1", b"ada-2"))
    assert changed.etag, "a client may give a card another UID"


async def test_the_uid_of_an_archived_contact_brings_it_back(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    await book.put("ada.vcf", ADA)
    contact = await api.add(first_name="Bo")
    (bo,) = [m for m in await book.members() if m.name != "ada.vcf"]
    bo_card = (await book.texts([bo.name]))[bo.name].text
    ids = [row["id"] for row in await alice.ok("contact.show_contact")]
    for each in ids:
        await alice.ok("contact.change_status", contact_id=each, status="archived")
    assert await book.members() == []
    token = await book.token()
    assert (await book.put("other.vcf", ADA, if_none_match="*")).created
    assert (await book.put("bo-2.vcf", bo_card, if_none_match="*")).created
    assert sorted(m.name for m in await book.members()) == ["bo-2.vcf", "other.vcf"]
    assert (await book.texts(["other.vcf"]))["other.vcf"].text == ADA
    assert sorted(row["id"] for row in await alice.ok("contact.show_contact")) == sorted(ids)
    changes = await book.changes(token)
    assert sorted(m.name for m in changes.changed) == ["bo-2.vcf", "other.vcf"]
    assert contact["id"] in {c["id"] for c in (await api.get("/contacts")).data}


async def test_a_card_in_the_book_may_take_the_uid_of_an_archived_contact(
    book_of: BookMaker, people: People
) -> None:
    alice = await people("Alice")
    book = await book_of(alice)
    await book.put("ada.vcf", ADA)
    (ada,) = [row["id"] for row in await alice.ok("contact.show_contact")]
    await alice.ok("contact.change_status", contact_id=ada, status="archived")
    await book.put("bo.vcf", card("UID:bo", "FN:Bo", "N:;Bo;;;"))
    assert (await book.put("bo.vcf", ADA)).etag
    assert [m.name for m in await book.members()] == ["bo.vcf"]
    await alice.ok("contact.change_status", contact_id=ada, status="active")
    assert sorted(m.name for m in await book.members()) == ["ada.vcf", "bo.vcf"]


@pytest.mark.parametrize("body", [b"", b"hello", b"<html>", ADA + ADA.replace(b"ada-1", b"ada-2")])
async def test_what_is_not_one_card_is_refused(book_of: BookMaker, people: People, body: bytes) -> None:
    book = await book_of(await people("Alice"))
    with pytest.raises(NoCard):
        await book.put("x.vcf", body)
    with pytest.raises(TooLarge):
        await book.put("x.vcf", ADA + b" " * MAX_BYTES)
    assert await book.members() == []


async def test_whatever_a_phone_sends_is_taken(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    await api.post("/contacts", {"display_name": "First", "emails": [{"address": "info@x.example"}]})
    bodies = {
        "own.vcf": card(
            "UID:me", "FN:Me Myself", "N:Myself;Me;;;", f"EMAIL:{alice.email}", "EMAIL:me@x.example"
        ),
        "shared.vcf": card("UID:s", "FN:Second Person", "N:Person;Second;;;", "EMAIL:info@x.example"),
        "twice.vcf": card(
            "UID:t", "FN:Twice", "N:;Twice;;;", "EMAIL:t@x.example", "EMAIL;TYPE=WORK:T@X.example"
        ),
        "broken.vcf": card("UID:b", "FN:Broken", "N:;Broken;;;", "EMAIL:not an address"),
        "company.vcf": card("UID:c", "FN:Acme", "N:;;;;", "ORG:Acme", "X-ABShowAs:COMPANY"),
        "nameless.vcf": card("UID:n", "N:;;;;", "FN:", "TEL:+1 234"),
        "empty.vcf": card("UID:e"),
        "long.vcf": card(
            "UID:l", f"FN:{'x' * 300}", f"N:{'x' * 300};;;;", f"NOTE:{'n' * 20_000}", f"TEL:{'1' * 100}"
        ),
        "doubled.vcf": card("UID:d", "REV:1", "REV:2", "PRODID:a", "PRODID:b", "FN:Doubled", "N:;Doubled;;;"),
        "accents.vcf": card("UID:a", "N:\u0301\u0301;\u200b;;;"),
        "tags.vcf": card("UID:g", "FN:Tagged", "N:;Tagged;;;", "CATEGORIES:Rowing,Choir"),
    }
    for name, body in bodies.items():
        stored = await book.put(name, body)
        assert stored.created
        assert stored.etag
        assert (await book.texts([name]))[name].text == body, name
    by_name = {c["display_name"]: c for c in (await api.get("/contacts?limit=100")).data}
    assert [e["address"] for e in by_name["Me Myself"]["emails"]] == ["me@x.example"]
    assert by_name["Tagged"]["tags"] == ["Choir", "Rowing"]
    # after a change by another API, the own address is still in the card
    await api.patch(f"/contacts/{by_name['Me Myself']['id']}", {"notes": "that is me"})
    text = await text_of(book, "own.vcf")
    assert f"EMAIL:{alice.email}" in text
    assert "NOTE:that is me" in text


async def test_a_control_character_never_goes_out(book_of: BookMaker, people: People) -> None:
    book = await book_of(await people("Alice"))
    stored = await book.put("ada.vcf", ADA.replace(b"FN:Ada", b"NOTE:a\x0bb\x00c\r\nFN:A\x1bda"))
    assert stored.etag is None, "the bytes are not kept"
    text = await text_of(book, "ada.vcf")
    assert not {"\x0b", "\x00", "\x1b"} & set(text)
    assert "X-MOON:full" in text


def picture(width: int, height: int) -> bytes:
    """Return a JPEG that compresses badly."""
    image = Image.effect_noise((width, height), 100)
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=95)
    return out.getvalue()


async def test_a_picture_of_a_phone_is_stored_small(
    book_of: BookMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    content = picture(2400, 1800)
    assert len(content) > 1_000_000
    photo = "PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(content).decode()
    body = card("UID:p", "FN:Pic Ture", "N:Ture;Pic;;;", photo)
    stored = await book.put("p.vcf", body)
    assert stored.etag is None
    (contact,) = (await api.get("/contacts")).data
    raw = (await api.get(contact["avatar_path"].removeprefix("/api/v1"))).raw
    with Image.open(io.BytesIO(raw)) as image:
        assert (image.format, max(image.size)) == ("JPEG", 512)
    text = await text_of(book, "p.vcf", "4.0")
    assert "PHOTO:data:image/jpeg;base64," in text.replace("\r\n ", "")
    small = card("UID:p", "FN:Pic Ture", "N:Ture;Pic;;;")
    await book.put("p.vcf", small)
    (contact,) = (await api.get("/contacts")).data
    assert contact["avatar_path"] is None


@pytest.mark.parametrize(
    "head", ["LOGO;ENCODING=b;TYPE=PNG:", "KEY;ENCODING=b:", "SOUND;ENCODING=b:", "NOTE:"]
)
async def test_a_card_whose_text_is_too_long_is_refused_and_not_emptied(
    book_of: BookMaker, people: People, head: str
) -> None:
    book = await book_of(await people("Alice"))
    await book.put("ada.vcf", ADA)
    with pytest.raises(TooLarge):
        await book.put("ada.vcf", card("UID:ada-1", "FN:Ada", "N:;Ada;;;", head + "A" * 1_000_100))
    assert (await book.texts(["ada.vcf"]))["ada.vcf"].text == ADA
    long = card("UID:ada-1", "FN:Ada", "N:;Ada;;;", head + "A" * 999_000)
    assert (await book.put("ada.vcf", long)).etag
    assert (await book.texts(["ada.vcf"]))["ada.vcf"].text == long


async def test_a_folded_card_whose_picture_fits_is_kept(book_of: BookMaker, people: People) -> None:
    book = await book_of(await people("Alice"))
    content = picture(1050, 840)
    assert 750_000 < len(content) < 1_000_000
    line = "PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(content).decode()
    folded = "\r\n ".join(line[start : start + 74] for start in range(0, len(line), 74))
    body = card("UID:p", "FN:Pic Ture", "N:Ture;Pic;;;", folded)
    assert 1_000_000 < len(body) < 1_500_000
    assert (await book.put("p.vcf", body)).etag
    assert (await book.texts(["p.vcf"]))["p.vcf"].text == body


async def test_a_card_whose_picture_was_replaced_is_read_in_each_version(
    book_of: BookMaker, people: People
) -> None:
    book = await book_of(await people("Alice"))
    for width in (100, 110, 120):
        photo = "PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(picture(width, 100)).decode()
        await book.put("p.vcf", card("UID:p", "FN:Pic Ture", "N:Ture;Pic;;;", photo))
    text = (await text_of(book, "p.vcf", "4.0")).replace("\r\n ", "")
    assert photo.partition(":")[2] in text


async def test_a_relation_survives_a_phone_that_drops_the_address(
    book_of: BookMaker, people: People, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    book = await book_of(alice)
    (member,) = await book.members()
    text = (await book.texts([member.name]))[member.name].text
    without = b"\r\n".join(line for line in text.split(b"\r\n") if b"EMAIL" not in line)
    await book.put(member.name, without, if_match=member.etag)
    (entry,) = await alice.ok("contact.show_contact")
    assert (entry["status"], entry["uid"]) == ("active", bob.uid)


async def test_large_cards_come_a_few_at_a_time_and_each_once(
    book_of: BookMaker, people: People, client_of: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await people("Alice")
    book, api = await book_of(alice), await client_of(person=alice)
    content = picture(200, 200)
    photo = "PHOTO;ENCODING=b;TYPE=JPEG:" + base64.b64encode(content).decode()
    names = [f"{number}.vcf" for number in range(5)]
    for number, name in enumerate(names):
        await book.put(name, card(f"UID:{number}", f"FN:N {number}", f"N:{number};N;;;", photo))
    monkeypatch.setattr("service.carddav.book.PAGE_BYTES", 2 * len(content))
    asked = [*names, "none.vcf", *names]
    for version in (None, "4.0"):
        # those of version 4.0 are written anew, with a picture that is read for each
        pages = [page async for page in book.pages(asked, version)]
        assert [name for page_names, _ in pages for name in page_names] == [*names, "none.vcf"]
        assert len(pages) >= 3
        assert all(page.keys() == set(page_names) - {"none.vcf"} for page_names, page in pages)
        assert all(b"PHOTO" in card.text for _, page in pages for card in page.values())
        assert [c.name async for cards in book.all_texts(version) for c in cards] == names
    await api.add(first_name="Small")
    assert len(await book.texts([m.name for m in await book.members()])) == 6


async def test_names_of_any_kind_lead_to_their_cards(book_of: BookMaker, people: People) -> None:
    book = await book_of(await people("Alice"))
    names = [
        "a%2Fb.vcf",
        'quo"te.vcf',
        "小明.vcf",
        "x" * 250 + ".vcf",
        "no extension",
        "0123456789abcdef.vcf",
    ]
    for number, name in enumerate(names):
        await book.put(name, card(f"UID:{number}", f"FN:N {number}", f"N:{number};N;;;"))
    assert sorted(m.name for m in await book.members()) == sorted(names)
    texts = await book.texts([*names, *(f"{n}.vcf" for n in range(500))])
    assert texts.keys() == set(names)
