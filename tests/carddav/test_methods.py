"""GET, PUT, DELETE and PROPFIND of cards, with their conditions."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from service.carddav.incoming import MAX_BYTES
from service.carddav.methods import MAX_XML_BYTES
from service.carddav.xml import carddav, dav
from tests.support.dav import NAMESPACES, DavMaker, card, group_card
from tests.support.people import People
from tests.support.rest import ClientMaker

ADA = card("uid-ada", "Ada Byron", "X-UNKNOWN;X-P=1:kept", "NOTE:a very long line, that is folded he", " re")


async def test_a_plain_card_is_stored_as_the_service_renders_it(dav_of: DavMaker) -> None:
    client = await dav_of()

    async def calls() -> list[float]:
        return [await client.person.calls(f"shard.my_contact_{name}") for name in ("store", "create")]

    before = await calls()
    assert (await client.put("plain.vcf", card("plain", "Ada Byron", "EMAIL:ada@x.example"))).status == 201
    assert [after - former for after, former in zip(await calls(), before, strict=True)] == [1, 0]
    assert (await client.put("own.vcf", card("own", "小明", "EMAIL:ming@x.example"))).status == 201
    assert [after - former for after, former in zip(await calls(), before, strict=True)] == [1, 1]


async def test_a_card_comes_back_byte_for_byte(dav_of: DavMaker) -> None:
    alice = await dav_of()
    put = await alice.put("ada.vcf", ADA)
    assert (put.status, put.raw) == (201, b"")
    answer = await alice.send("GET", "ada.vcf")
    assert answer.raw.decode() == ADA
    assert answer.headers["Content-Type"] == "text/vcard; charset=utf-8"
    assert answer.headers["ETag"] == put.headers["ETag"]
    assert answer.headers["ETag"][0] == answer.headers["ETag"][-1] == '"'
    listed = await alice.propfind(f"{alice.book}ada.vcf", "D:getetag", "D:getcontentlength")
    assert listed.text("D:getetag") == put.headers["ETag"]
    assert int(listed.text("D:getcontentlength")) == len(ADA)
    head = await alice.send("HEAD", "ada.vcf")
    assert (head.status, head.raw, head.headers["ETag"]) == (200, b"", put.headers["ETag"])
    listed = await alice.multiget([f"{alice.book}ada.vcf"])
    assert listed.text("C:address-data") == ADA
    assert listed.text("D:getetag") == put.headers["ETag"]


async def test_changes_of_groups_reach_tabs_and_sockets_as_those_of_the_other_apis(
    dav_of: DavMaker, people: People, client_of: ClientMaker
) -> None:
    alice = await dav_of(person=await people("Alice"))
    tab, live = await alice.person.tab(), await (await client_of(person=alice.person)).socket()
    await alice.put("ada.vcf", card("uid-ada", "Ada Byron"))
    await tab.expect("contact.add")
    assert (await alice.put("g.vcf", group_card("g", "Poets", "uid-ada", "uid-bo"))).status == 201
    model = (await tab.expect("contact.create_group"))["model"]
    assert (model["name"], model["member_count"]) == ("Poets", 1)
    assert (await live.expect("contact.updated"))["data"]["groups"] == ["Poets"]
    await alice.put("bo.vcf", card("uid-bo", "Bo Byron"))
    assert (await tab.expect("contact.add_to_group"))["model"] == {
        "group_id": model["id"],
        "added": 1,
        "member_count": 2,
    }
    assert (await alice.put("g.vcf", group_card("g", "Painters", "uid-bo"))).status == 204
    assert (await tab.expect("contact.update_group"))["model"]["name"] == "Painters"
    assert (await tab.expect("contact.remove_from_group"))["model"]["removed"] == 1
    await alice.put("g.vcf", group_card("g", "Painters", "uid-bo", "uid-ada"))
    assert (await tab.expect("contact.add_to_group", 2))["model"]["added"] == 1
    assert (await alice.delete("g.vcf")).status == 204
    assert (await tab.expect("contact.delete_group"))["model"]["name"] == "Painters"
    assert len(await alice.person.ok("contact.show_contact")) == 2, "its people stay"


async def test_the_uid_of_a_group_belongs_to_one_card(dav_of: DavMaker) -> None:
    alice = await dav_of()
    await alice.put("g.vcf", group_card("uid-g", "Poets"))
    for text in (group_card("uid-g", "Others"), card("uid-g", "Ada Byron")):
        taken = await alice.put("other.vcf", text)
        assert taken.condition == (409, carddav("no-uid-conflict"))
        assert taken.xml[0][0].text == f"{alice.book}g.vcf"


async def test_a_change_makes_another_etag(dav_of: DavMaker) -> None:
    alice = await dav_of()
    first = await alice.put("ada.vcf", ADA)
    second = await alice.put("ada.vcf", ADA.replace("Byron", "King"))
    assert (first.status, second.status) == (201, 204)
    assert first.headers["ETag"] != second.headers["ETag"]
    known = await alice.send("GET", "ada.vcf", headers={"If-None-Match": second.headers["ETag"]})
    assert (known.status, known.raw) == (304, b"")
    changed = await alice.send("GET", "ada.vcf", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200


async def test_accept_says_which_version_is_wanted(dav_of: DavMaker) -> None:
    alice = await dav_of()
    await alice.put("ada.vcf", ADA)
    for accept in ("text/vcard; version=4.0", 'text/vcard;version="4.0", */*;q=0.1'):
        assert b"VERSION:4.0" in (await alice.send("GET", "ada.vcf", headers={"Accept": accept})).raw
    assert b"VERSION:3.0" in (await alice.send("GET", "ada.vcf", headers={"Accept": "text/vcard"})).raw


async def test_a_card_in_one_version_is_not_known_in_another(dav_of: DavMaker) -> None:
    alice = await dav_of()
    etag = (await alice.put("ada.vcf", ADA)).headers["ETag"]
    asked = {"If-None-Match": etag, "Accept": "text/vcard; version=4.0"}
    answer = await alice.send("GET", "ada.vcf", headers=asked)
    assert (answer.status, answer.headers["Vary"]) == (200, "Accept")
    assert b"VERSION:4.0" in answer.raw
    known = await alice.send("GET", "ada.vcf", headers={"If-None-Match": etag})
    assert (known.status, known.headers["Vary"]) == (304, "Accept")


async def test_a_card_that_is_not_there_is_404_for_each_method(dav_of: DavMaker) -> None:
    alice = await dav_of()
    await alice.put("gone.vcf", ADA)
    await alice.delete("gone.vcf")
    patch = f"<D:propertyupdate {NAMESPACES}><D:set><D:prop><X:x/></D:prop></D:set></D:propertyupdate>"
    bodies = {"GET": "", "HEAD": "", "PROPFIND": "", "DELETE": "", "PROPPATCH": patch,
              "REPORT": f"<C:addressbook-query {NAMESPACES}/>"}  # fmt: skip
    for name in ("gone.vcf", "never.vcf"):
        for method, body in bodies.items():
            assert (await alice.send(method, name, body)).status == 404, (method, name)


async def test_conditions_keep_the_changes_of_others(dav_of: DavMaker) -> None:
    alice = await dav_of()
    new = {"If_None_Match": "*"}
    etag = (await alice.put("ada.vcf", ADA, **new)).headers["ETag"]
    assert (await alice.put("ada.vcf", ADA, **new)).status == 412
    assert (await alice.put("ada.vcf", ADA, If_Match='"other"')).status == 412
    assert (await alice.put("none.vcf", card("2"), If_Match="*")).status == 412
    assert (await alice.put("none.vcf", card("2"), If_Match=etag)).status == 412
    changed = await alice.put("ada.vcf", ADA.replace("Byron", "King"), If_Match=etag)
    assert changed.status == 204
    assert (await alice.put("ada.vcf", ADA, If_Match=etag)).status == 412
    assert (await alice.delete("ada.vcf", If_Match=etag)).status == 412
    assert b"King" in (await alice.send("GET", "ada.vcf")).raw
    etag = (await alice.send("GET", "ada.vcf")).headers["ETag"]
    assert (await alice.delete("ada.vcf", If_Match=etag)).status == 204
    assert (await alice.send("GET", "ada.vcf")).status == 404
    assert (await alice.delete("ada.vcf")).status == 404


async def test_of_two_clients_that_change_one_state_one_is_refused(dav_of: DavMaker) -> None:
    alice = await dav_of()
    phone = await dav_of(person=alice.person)
    etag = (await alice.put("ada.vcf", ADA)).headers["ETag"]
    answers = await asyncio.gather(
        alice.put("ada.vcf", ADA.replace("Byron", "King"), If_Match=etag),
        phone.put("ada.vcf", ADA.replace("Byron", "Lovelace"), If_Match=etag),
    )
    assert sorted(answer.status for answer in answers) == [204, 412]


async def test_a_uid_belongs_to_one_card(dav_of: DavMaker) -> None:
    alice, bob = await dav_of(), await dav_of("Bob")
    await alice.put("a%40b.vcf", ADA)
    answer = await alice.put("other.vcf", ADA)
    assert answer.condition == (409, carddav("no-uid-conflict"))
    assert answer.xml[0].findtext(dav("href")) == f"{alice.book}a%40b.vcf"
    assert (await bob.put("ada.vcf", ADA)).status == 201, "another book"


@pytest.mark.parametrize("body", ["", "no card", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "<x/>", "\0" * 50])
async def test_what_is_no_card_is_refused(dav_of: DavMaker, body: str) -> None:
    alice = await dav_of()
    assert (await alice.put("x.vcf", body)).condition == (403, carddav("valid-address-data"))
    other = await alice.put("x.vcf", body, Content_Type="text/calendar")
    assert other.condition == (403, carddav("supported-address-data"))
    assert (await alice.send("GET", "x.vcf")).status == 404


@pytest.mark.parametrize(
    "kind", ["text/vcard", "text/x-vcard", "text/directory", "text/plain", "x", "application/octet-stream"]
)
async def test_a_card_is_taken_whatever_it_calls_itself(dav_of: DavMaker, kind: str) -> None:
    alice = await dav_of()
    assert (await alice.put("ada.vcf", ADA, Content_Type=kind)).status == 201


async def test_a_card_that_is_too_large_is_refused(dav_of: DavMaker) -> None:
    alice = await dav_of()
    answer = await alice.put("ada.vcf", ADA.encode() + b"x" * MAX_BYTES)
    assert answer.condition == (413, carddav("max-resource-size"))


@pytest.mark.parametrize(
    "name", ["a@b.vcf", "Ä ö.vcf", "without-suffix", "a;b=c,d.vcf", "100%.vcf", "😀.vcf", "x" * 255]
)
async def test_a_name_is_compared_decoded(dav_of: DavMaker, name: str) -> None:
    alice = await dav_of()
    assert (await alice.put(quote(name), ADA)).status == 201
    everything_encoded = "".join(f"%{byte:02x}" for byte in name.encode())
    assert (await alice.send("GET", everything_encoded)).raw.decode() == ADA
    listed = await alice.propfind(alice.book, "D:getetag", depth="1")
    assert listed.names == ["contacts", name]
    assert (await alice.delete(quote(name, safe="@;=,"))).status == 204


async def test_infinite_depth_is_refused(dav_of: DavMaker) -> None:
    alice = await dav_of()
    await alice.put("ada.vcf", ADA)
    for path in ("/dav/", alice.principal, alice.home, alice.book):
        answer = await alice.propfind(path, "D:displayname", depth="infinity")
        assert answer.condition == (403, dav("propfind-finite-depth"))
        assert (await alice.propfind(path, "D:displayname", depth="2")).status == 400
    assert (await alice.propfind(f"{alice.book}ada.vcf", "D:getetag", depth="infinity")).status == 207


@pytest.mark.parametrize(
    "body",
    [
        "x",
        "<x",
        "<x/>",
        f"<D:propfind {NAMESPACES}/>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><D:propfind xmlns:D='DAV:'><D:prop>&a;</D:prop></D:propfind>",
        "<D:propfind xmlns:D='DAV:'>" + "<D:prop>" * 1000 + "</D:prop>" * 1000 + "</D:propfind>",
    ],
)
async def test_xml_that_asks_for_nothing_is_400(dav_of: DavMaker, body: str) -> None:
    alice = await dav_of()
    assert (await alice.send("PROPFIND", alice.book, body)).status == 400


async def test_long_xml_is_413(dav_of: DavMaker) -> None:
    alice = await dav_of()
    body = f"<D:propfind {NAMESPACES}><D:prop>{' ' * MAX_XML_BYTES}</D:prop></D:propfind>"
    assert (await alice.send("PROPFIND", alice.book, body)).status == 413


async def test_one_control_character_stops_no_sync(dav_of: DavMaker) -> None:
    alice = await dav_of()
    bad = ADA.replace("X-P=1:kept", "X-P=1:k\x0be\x01p\x7ft\ufffe").encode().replace(b"very", b"v\xffry")
    assert (await alice.put("ada.vcf", bad)).status == 201
    answer = await alice.multiget([f"{alice.book}ada.vcf"])
    assert "FN:Ada Byron\r\n" in answer.text("C:address-data")
    assert (await alice.sync()).names == ["ada.vcf"]


async def test_a_long_answer_is_sent_in_pieces_and_is_whole(dav_of: DavMaker) -> None:
    alice = await dav_of()
    for number in range(40):
        text = card(f"uid-{number}", f"Ada {number}", f"NOTE:{'x' * 30_000}")
        assert (await alice.put(f"{number}.vcf", text)).status == 201
    answer = await alice.query("", "<D:prop><D:getetag/><C:address-data/></D:prop>")
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert len(answer.responses) == 40
    assert all(len(answer.text("C:address-data", path)) > 30_000 for path in answer.responses)
