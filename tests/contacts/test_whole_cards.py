"""What a card says and no column holds: kept, shown by /api/v1, moved. All people are invented."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import re
from typing import Any

import pytest

from service.contacts.card_lines import cut_cards
from service.contacts.encodings import Decoder, lines_of
from service.contacts.extra import LIMIT, flaw_of, limited
from service.contacts.reader import read
from service.contacts.values import Values, values_of
from service.contacts.whole_cards import card_of, card_text, picture_of, values_in
from service.deploy.move import move
from service.ids import from_wire
from service.settings import Settings
from tests.support.address_files import export, upload
from tests.support.admin import SECOND_SHARD, Admin
from tests.support.people import People, Person
from tests.support.pictures import PNG
from tests.support.rest import ClientMaker

JOHN = f"""BEGIN:VCARD\r
VERSION:3.0\r
PRODID:-//Apple Inc.//iOS 17//EN\r
UID:11111111-2222-4333-8444-555555555555\r
N:Doe;John;Richter,James;Mr.;Sr.\r
FN:John Doe\r
ORG:Acme\\, Inc.;Sales;Europe\r
ORG:Second;Research\r
TITLE:Head\r
TITLE:Deputy\r
ROLE:Talks\r
NICKNAME:Jo\r
BDAY;VALUE=date:1980-03-22\r
ANNIVERSARY:20090808T1430\r
item1.URL;type=pref:https\\://john.example/a\\,b\r
item1.X-ABLabel:_$!<HomePage>!$_\r
IMPP;X-SERVICE-TYPE=Skype:skype:john\r
item2.X-ABRELATEDNAMES:Jenny\r
item2.X-ABLabel:_$!<Spouse>!$_\r
GENDER:M;man\r
X-MANAGER:Big\\; Blue\r
NOTE:two\\nlines\r
EMAIL:john@doe.example\r
EMAIL:no address\r
PHOTO;ENCODING=b;TYPE=PNG:{base64.b64encode(PNG).decode()}\r
REV:2012-06-06T12:00:00Z\r
END:VCARD\r
"""
EXTRA: dict[str, Any] = {
    "middle_name": [{"value": "Richter"}, {"value": "James"}],
    "prefix": [{"value": "Mr."}],
    "suffix": [{"value": "Sr."}],
    "department": [{"value": "Sales"}, {"value": "Europe"}],
    "org": [{"value": ["Second", "Research"]}],
    "title": [{"value": "Deputy"}],
    "role": [{"value": "Talks"}],
    "bday": [{"value": "1980-03-22", "params": {"VALUE": ["date"]}}],
    "anniversary": [{"value": "20090808T1430"}],
    "url": [{"value": "https://john.example/a,b", "label": "HomePage", "params": {"TYPE": ["pref"]}}],
    "impp": [{"value": "skype:john", "params": {"X-SERVICE-TYPE": ["Skype"]}}],
    "x-abrelatednames": [{"value": "Jenny", "label": "Spouse"}],
    "gender": [{"value": ["M", "man"]}],
    "x-manager": [{"value": "Big; Blue"}],
    "email": [{"value": "no address"}],
}
GROUPS = """BEGIN:VCARD
VERSION:4.0
KIND:group
FN:The Doe family
NOTE:All of us
MEMBER:urn:uuid:11111111-2222-4333-8444-555555555555
MEMBER:mailto:Jane@doe.example
END:VCARD
BEGIN:VCARD
VERSION:3.0
X-ADDRESSBOOKSERVER-KIND:group
N:Apple group;;;;
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:11111111-2222-4333-8444-555555555555
END:VCARD
BEGIN:VCARD
VERSION:3.0
KIND:group
END:VCARD
"""
BEGIN = re.compile(rb"(?:\A|[\r\n])[\0 \t]*BEGIN[ \t]*:[ \t]*VCARD[ \t\0]*(?=[\r\n]|\Z)", re.IGNORECASE)
JANE = "BEGIN:VCARD\nVERSION:3.0\nFN:Jane Doe\nEMAIL:jane@doe.example\nEND:VCARD\n"


def values(text: str | bytes) -> Values:
    source = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    (card,) = cut_cards(lines_of(source))
    return values_of(card, Decoder("cp1252"))


async def test_the_picture_of_a_group_is_its_avatar_and_goes_out_again(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")

    async def avatar(person: Person) -> dict[str, Any]:
        answer: dict[str, Any] = await person.ok("contact.get_group_avatar", name="Rowers")
        return answer

    async def load(person: Person, data: bytes) -> dict[str, Any]:
        report: dict[str, Any] = (await upload(person, await person.tab(), "a.vcf", data)).data
        return report

    def card(picture: str) -> bytes:
        return f"BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Rowers\n{picture}END:VCARD\n".encode()

    photo = f"PHOTO:data:image/png;base64,{base64.b64encode(PNG).decode()}\n"
    damaged = await load(alice, card("PHOTO:data:image/gif;base64,aGVsbG8=\n"))
    assert (damaged["loaded"], damaged["groups"]) == (1, 1)
    (loss,) = damaged["incomplete"]
    assert (loss["line"], loss["name"]) == (1, "Rowers")
    assert loss["reason"] == "the picture is neither PNG, JPEG, GIF nor WebP"
    assert (await avatar(alice))["avatar"] is None
    assert (await load(alice, card(photo)))["incomplete"] == []
    own = await avatar(alice)
    assert (own["mimetype"], own["avatar"] is None) == ("image/png", False)
    # another picture of a later file does not take its place
    await load(alice, card(photo.replace(photo[40:44], "AAAA")))
    assert await avatar(alice) == own

    for number, args in enumerate(
        ({"version": "4.0"}, {"version": "3.0"}, {"version": "2.1"}, {"format": "jcard"})
    ):
        person = bob if number == 0 else await people(f"Bob{number}")
        assert (await load(person, await export(alice, **args)))["groups"] == 1, args
        copied = await avatar(person)
        assert (copied["avatar"], copied["mimetype"]) == (own["avatar"], "image/png"), args


async def test_a_card_comes_through_whole(
    people: People, client_of: ClientMaker, settings: Settings, admin: Admin
) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice)
    answer = await upload(alice, await alice.tab(), "a.vcf", (GROUPS + JOHN + JANE).encode())
    assert answer.status == 200, answer.body
    report = {key: answer.data[key] for key in ("total", "loaded", "noemail", "alreadyincontact", "groups")}
    assert report == {"total": 5, "loaded": 4, "noemail": 0, "alreadyincontact": 0, "groups": 2}
    assert answer.data["rejected"] == [
        {"position": 5, "line": 15, "name": "", "reason": "a group without a name"}
    ]
    assert answer.data["incomplete"] == []

    jane, john = sorted((await api.get("/contacts")).data, key=lambda c: str(c["display_name"]))
    assert "extra" not in jane
    assert john["extra"] == EXTRA
    fields = ("first_name", "last_name", "company", "job_title", "notes", "custom_fields")
    assert [john[field] for field in fields] == ["John", "Doe", "Acme, Inc.", "Head", "two\nlines", None]
    assert (john["groups"], jane["groups"]) == (["Apple group", "The Doe family"], ["The Doe family"])
    picture = await api.send("GET", john["avatar_path"].removeprefix("/api/v1"))
    assert (picture.status, picture.raw, picture.headers["Content-Type"]) == (200, PNG, "image/png")
    selected = (await api.get(f"/contacts/{john['id']}?fields=extra")).data
    assert selected == {"id": john["id"], "extra": EXTRA}
    entry = await alice.ok("contact.get_contact", contact_id=from_wire(john["id"]))
    assert (entry["surname"], entry["fullname"], "extra" in entry) == ("Jo", "Jo", False)

    statement = "SELECT name, uid, card FROM {}.contact_vcard WHERE owner_id = %s ORDER BY uid IS NULL"
    before = admin.rows(statement.format("shard1"), alice.uid)
    (name, uid, card), (_, no_uid, _) = before
    assert (name, uid, no_uid) == (
        f"{from_wire(john['id'])}.vcf", "11111111-2222-4333-8444-555555555555", None,
    )  # fmt: skip
    assert card_text(values_in(card).lines) == card
    assert "\nitem2.X-ABLabel:_$!<Spouse>!$_\n" in card
    assert "PHOTO" not in card
    await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    assert admin.rows(statement.format(SECOND_SHARD), alice.uid) == before
    assert admin.rows(statement.format("shard1"), alice.uid) == []
    assert (await api.get(f"/contacts/{john['id']}")).data["extra"] == EXTRA
    insert = "INSERT INTO shard1.contact_vcard (owner_id, name, contact_id, rev) VALUES (%s, 'x', 'x', 1)"
    assert admin.refusal(insert, alice.uid) == "MOVING"


async def test_the_report_of_a_damaged_file_counts_every_card(people: People) -> None:
    alice = await people("Alice")
    tab, rng = await alice.tab(), random.Random(14)
    for number in range(8):
        data = bytearray((GROUPS + JOHN + JANE * 2 + JOHN.replace("john@", f"j{number}@")).encode())
        for _ in range(4):
            at = rng.randrange(len(data))
            del data[at : at + rng.randrange(1, 30)]
            data[at:at] = rng.choice(
                (b"\0", b"\xff", b"\r\n", b"=", b'"', b"\r\n BEGIN:VCARD\r\nVERSION:3.0\r\n")
            )
        report = (await upload(alice, tab, "a.vcf", bytes(data))).data
        begins = len(BEGIN.findall(bytes(data)))
        counted = (report["loaded"], report["alreadyincontact"], report["rejected_count"])
        assert report["total"] == begins == sum(counted), (number, report)
        assert all(each["line"] and each["reason"] for each in report["rejected"])
        assert [len(report[key]) for key in ("rejected", "known")] == [counted[2], counted[1]]
        assert all(each["line"] and each["name"] for each in report["known"])


async def test_extra_is_written_as_a_whole_over_the_api(client_of: ClientMaker) -> None:
    api = await client_of()
    made = await api.add(display_name="Ana", extra=EXTRA)
    path = f"/contacts/{made['id']}"
    assert made["extra"] == EXTRA
    assert (await api.patch(path, {"extra": {"bday": [{"value": "1981"}]}})).data["extra"] == {
        "bday": [{"value": "1981"}]
    }
    for nothing in (dict[str, Any](), None):
        await api.patch(path, {"extra": EXTRA})
        assert "extra" not in (await api.patch(path, {"extra": nothing})).data
    for extra, field in (
        ({"BDAY": [{"value": "1"}]}, "extra.BDAY"),
        ({"bday": "1980"}, "extra.bday"),
        ({"bday": []}, "extra.bday"),
        ({"bday": ["1980"]}, "extra.bday[0]"),
        ({"bday": [{"value": "1"}, {"label": "x"}]}, "extra.bday[1].value"),
        ({"bday": [{"value": ["a", 1]}]}, "extra.bday[0].value"),
        ({"bday": [{"value": "1", "label": 1}]}, "extra.bday[0].label"),
        ({"bday": [{"value": "1", "params": {"TYPE": "HOME"}}]}, "extra.bday[0].params"),
        ({"bday": [{"value": "1", "type": "HOME"}]}, "extra.bday[0].type"),
        ({"bday": [{"value": "x" * 65_536}]}, "extra"),
        ([], "extra"),
    ):
        refused = await api.patch(path, {"extra": extra})
        assert (refused.status, refused.flaw[0]) == (400, field), extra


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:C:\\new=0D=0Agr=C3=BCn", "NOTE:C:\\\\new\\ngrün"),
        ("TEL;WORK;VOICE:1", "TEL;TYPE=WORK;TYPE=VOICE:1"),
        ('ADR;LABEL="a; b":;;x', 'ADR;LABEL="a; b":;;x'),
        ("item1.EMAIL;type=INTERNET,pref:a@x.example", "item1.EMAIL;type=INTERNET,pref:a@x.example"),
        ("NOTE ; LANGUAGE = de ; 8BIT : a", "NOTE;LANGUAGE = de:a"),
        ('X-A;P="a;b:x', 'X-A;P="a;b:x'),
        ("X-Odd/Name:a\\;b;c", "X-Odd/Name:a\\;b;c"),
        ("KEY;ENCODING=B:AAAA\r\n BBBB", "KEY;ENCODING=b:AAAABBBB"),
        ("X-BYTES;ENCODING=BASE64:AAAA", "X-BYTES;ENCODING=b:AAAA"),
        ("NOTE;ENCODING=b:Z3LDvG4=", "NOTE:grün"),
        ("PHOTO:https://x.example/a.png", "PHOTO:https://x.example/a.png"),
    ],
)
def test_a_card_is_kept_in_normal_form(line: str, normal: str) -> None:
    stored, losses = card_of(values(f"BEGIN:VCARD\r\nVERSION:2.1\r\nUID:1\r\n{line}\r\nEND:VCARD\r\n"))
    assert losses == []
    assert stored == {"uid": "1", "card": f"BEGIN:VCARD\nVERSION:2.1\nUID:1\n{normal}\nEND:VCARD\n"}
    again, first = values_in(stored["card"]).lines[-1], values(f"BEGIN:VCARD\n{line}\nEND:VCARD").lines[-1]
    assert again.line.is_bytes or again.plain == first.plain.replace("\r\n", "\n")


def test_what_does_not_fit_is_named() -> None:
    logo = f"LOGO;ENCODING=b:{'A' * 60_000}"
    stored, losses = card_of(values(f"BEGIN:VCARD\nNOTE:{'n' * 10_000}\n{logo}\nEND:VCARD\n"))
    assert (losses, "LOGO" in stored["card"]) == (["LOGO is too big to be kept"], False)
    stored, losses = card_of(values(f"BEGIN:VCARD\nNOTE:{'n' * 70_000}\nEND:VCARD\n"))
    assert (stored, losses) == ({}, ["the card is too big to be kept as it is"])
    fitting, left_out = limited(
        {"a": [{"value": "x" * 60_000}], "b": [{"value": "x" * 6_000}], "c": [{"value": "1"}]}
    )
    assert (list(fitting), left_out) == (["a", "c"], ["b"])
    assert flaw_of(fitting) is None
    assert LIMIT == 65_535


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "PHOTO;ENCODING=b:" + base64.b64encode(b"BM" + b"0" * 99).decode(),
            "neither PNG, JPEG, GIF nor WebP",
        ),
        ("PHOTO;ENCODING=b:a", "damaged"),
        ("PHOTO;ENCODING=b:" + base64.b64encode(PNG + b"0" * 1_000_000).decode(), "more than 1000000 bytes"),
        ("PHOTO;ENCODING=b:" + "A" * 2_000_000, "more than 1000000 bytes"),
    ],
)
def test_a_picture_that_is_not_stored_is_named(line: str, reason: str) -> None:
    card = f"BEGIN:VCARD\nVERSION:3.0\nFN:Ana\n{line}\nEMAIL:a@x.example\nEND:VCARD\n"
    (entry,) = read(io.BytesIO(card.encode()), "vcf")
    assert [reason in text for text in entry["losses"]] == [True]
    assert "picture" not in entry["card"]


def test_a_picture_may_be_written_in_many_ways() -> None:
    content = base64.b64encode(PNG).decode()
    folded = "\n ".join(content[i : i + 60] for i in range(0, len(content), 60))
    for line in (
        f"PHOTO;ENCODING=b;TYPE=PNG:{folded}",
        f"PHOTO;TYPE=JPEG;ENCODING=BASE64:\n {folded}\n",
        "PHOTO;ENCODING=b:" + folded.replace("\n ", "\n"),
        f"item1.PHOTO:data:image/png;base64,{folded}",
        f"PHOTO:https://x.example/a.png\nPHOTO;BASE64:{content}",
    ):
        picture, reason = picture_of(values(f"BEGIN:VCARD\n{line}\nEND:VCARD\n"))
        assert picture is not None, line
        assert (picture.content, picture.type, reason) == (content, "image/png", "")


GROUP = (
    "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nUID:urn:uuid:99999999-0000-4000-8000-000000000000\n"
    "FN:Choir\nNOTE:Sings\nURL;TYPE=work:https://choir.example\nX-ROOM;LANGUAGE=en:Hall 3\n"
    "MEMBER:urn:uuid:11111111-2222-4333-8444-555555555555\nMEMBER:urn:uuid:unknown\n"
    "END:VCARD\n"
)


async def test_the_card_of_a_group_comes_through_whole(
    people: People, client_of: ClientMaker, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    api = await client_of(person=alice)
    assert (await upload(alice, await alice.tab(), "a.vcf", (GROUP + JOHN + JANE).encode())).status == 200
    properties = (
        "UID:urn:uuid:99999999-",
        "URL;TYPE=work:https://choir.example",
        "X-ROOM;LANGUAGE=en:Hall 3",
    )
    for args in ({"version": "4.0"}, {"version": "3.0"}, {"format": "jcard"}):
        file = await export(alice, **args)
        # the member that the address book does not know is no member
        assert b"urn:uuid:unknown" not in file, args
        if "version" in args:
            assert all(line.lower() in file.decode().lower() for line in properties), (args, file)
        # it makes the same group again
        assert (await upload(bob, await bob.tab(), "a.vcf", file)).status == 200
        (group,) = await bob.ok("contact.show_groups")
        assert (group["name"], group["comment"]) == ("Choir", "Sings")
        (member,) = await bob.ok("contact.show_members", group_id=group["group_id"])
        assert member["firstname"] == "John"

    # name, note and members of today
    jane = next(c for c in (await api.get("/contacts")).data if c["first_name"] == "Jane")
    (group,) = await alice.ok("contact.show_groups")
    await alice.ok("contact.add_to_group", group_id=group["group_id"], contact_id=[from_wire(jane["id"])])
    rename = f"UPDATE {alice.shard}.contact_group SET name = 'Band', comment = 'Plays' WHERE owner_id = %s"
    admin.rows(rename, alice.uid)
    cards = (await export(alice, version="4.0")).decode().split("BEGIN:VCARD")
    (card,) = [text for text in cards if "KIND:group" in text]
    lines = {line for line in card.split("\r\n") if line.startswith(("FN", "NOTE", "MEMBER"))}
    members = {f"MEMBER:urn:uuid:{uid}" for uid in (jane["id"], "11111111-2222-4333-8444-555555555555")}
    assert lines == {"FN:Band", "NOTE:Plays"} | members
