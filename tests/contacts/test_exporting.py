"""Export any address book, import it into an empty one, export that: the two files are equal."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.contacts.cleaning import clean_book
from service.contacts.record import POSTAL, routine_fields
from tests.support.address_files import export, unrevised, upload
from tests.support.people import Person
from tests.support.records import EDGES
from tests.support.world import World

FILES: list[tuple[str, dict[str, str]]] = [
    ("a.vcf", {"version": "3.0"}),
    ("a.vcf", {"version": "4.0"}),
    ("a.csv", {"format": "csv"}),
    ("a.vcf", {"version": "2.1"}),
    ("a.json", {"format": "jcard"}),
    ("a.csv", {"format": "csv", "charset": "utf-8-sig", "separator": ";"}),
]
UID = re.compile(rb"urn:uuid:[0-9a-f-]{20,36}(?:\r\n )?[0-9a-f-]*")
ODD = st.sampled_from(
    [
        "a, b",
        "a; b",
        "x ::: y",
        "* starred",
        "=1+1",
        "\\",
        "\\n",
        '"',
        "'",
        "a:b",
        "Ä ö ß",
        "日本",
        "☕",
        "+33 6",
        "^n",
    ]
)
LAYOUT = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t")


def lines(limit: int) -> st.SearchStrategy[str]:
    """Generate one line of text that a parameter accepts: no control characters, no outer white space."""
    plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=limit)
    return (
        (plain | ODD)
        .map(lambda text: text.strip()[:limit])
        .filter(lambda text: text not in {"null", "undefined"})
    )


def some(limit: int) -> st.SearchStrategy[str]:
    """Generate such a line that is not empty."""
    return lines(limit).filter(bool)


KIND = {"category": st.sampled_from(["prof", "priv"]), "is_default": st.sampled_from([0, 1])}
PHONES = st.fixed_dictionaries({"phone": some(20), "areacode": lines(8), **KIND})
PLACES = st.fixed_dictionaries({"street": lines(30), "city": lines(20), "country": lines(20), **KIND})
CONTACTS = st.fixed_dictionaries(
    {
        "firstname": lines(20),
        "lastname": lines(20),
        "surname": lines(20),
        "comment": st.text(LAYOUT, max_size=200).map(str.strip),
        "mobile": st.lists(PHONES, max_size=3),
        "address": st.lists(PLACES, max_size=3),
    }
)
EMAILS = st.lists(st.sampled_from(["prof", "priv"]), min_size=1, max_size=3)
LABELS = (
    st.sampled_from(["work", "Work", "home", "Home", "personal", "mobile", "other", "Other", "fax", "* star"])
    | st.sampled_from(["workshop", "_$!<Home>!$_", "Ski; hut, \\n"])
    | some(32)
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e9, 1e9)
    | st.text(LAYOUT, max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(LAYOUT, max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
# A name that consists of ignorable characters counts as empty.
NAMES = some(20).map(lambda text: f"D {text}")
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "display_name": NAMES,
        "company": lines(20),
        "job_title": lines(20),
        "avatar_path": lines(30),
        "custom_fields": st.none() | st.dictionaries(some(9), JSON, max_size=3),
        "source": some(20),
        "source_id": lines(20),
        "synced_at": TIMES.map(lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
        "phones": st.lists(
            st.fixed_dictionaries({"number": some(20), "label": LABELS, "primary": st.booleans()}), max_size=3
        ),
        "addresses": st.lists(
            st.fixed_dictionaries(
                {name: lines(20) for name in POSTAL} | {"postal_code": lines(9), "label": LABELS}
            ),
            max_size=3,
        ),
    },
)
"""Fields that only the REST API has; its email addresses get labels of their own."""
FEW = st.integers(0, 4)
BOOKS = st.fixed_dictionaries(
    {
        "tags": st.lists(st.tuples(some(20), st.integers(0, 4)), max_size=5),
        "groups": st.lists(st.tuples(some(20), lines(40)), max_size=3),
        "contacts": st.lists(
            st.tuples(
                CONTACTS,
                EMAILS,
                st.sets(st.integers(0, 4)),
                st.sets(st.integers(0, 2)),
                st.booleans(),
                RECORDS,
            ),
            min_size=1,
            max_size=10,
        ),
        "labels": st.lists(LABELS, min_size=3, max_size=3),
        # The RPC refuses a contact without an address.
        "unreachable": st.lists(st.tuples(NAMES, RECORDS), max_size=2),
        "friends": st.integers(0, 2),
    }
)


async def write(world: World, owner: Person, book: dict[str, Any]) -> None:
    """Write a book into the account of the owner."""
    tags: list[str] = []
    for name, parent in book["tags"]:
        above = {"parent_id": tags[parent % len(tags)]} if tags and parent else {}
        tags.append((await owner.ok("tagcontact.add", name=name, **above))["tag_id"])
    if len(tags) > 1:
        await owner.ok("tagcontact.reposition", content=tags[::-1])
    groups = []
    for name, comment in book["groups"]:
        answer = await owner.call("contact.create_group", name=name, comment=comment)
        # Names that differ only in case are equal.
        assert answer.status == 200 or answer.code == "GROUP_EXISTS", answer.body
        groups += [answer.data["group_id"]] if answer.status == 200 else []
    for number, (contact, emails, tagged, grouped, archived, record) in enumerate(book["contacts"]):
        addresses = [
            {"email": f"c{number}.{n}@lossless.example", "category": category, "is_default": int(n == 0)}
            for n, category in enumerate(emails)
        ]
        chosen = [tag for n, tag in enumerate(tags) if n in tagged]
        made = await owner.ok("contact.add", **contact, email=addresses[::-1], tag=chosen)
        for n in sorted(grouped & set(range(len(groups)))):
            await owner.ok("contact.add_to_group", group_id=groups[n], contact_id=[made["id"]])
        fields = {**record, "emails": _labelled(addresses, book["labels"])} if record else {}
        call_record(world, owner, "my_contact_patch", made["id"], routine_fields(fields), None)
        if archived:
            await owner.ok("contact.change_status", contact_id=made["id"], status="archived")
    for name, record in book["unreachable"]:
        call_record(world, owner, "my_contact_create", routine_fields({**record, "first_name": name}))
    for friend in Lossless.friends[: book["friends"]]:
        await owner.ok("contact.add", invitee_id=friend.uid)


def call_record(world: World, owner: Person, routine: str, *args: Any) -> None:
    """Call a routine for a contact, as the REST API does."""
    marks = ", ".join(["%s"] * len(args))
    world.admin.rows(f"CALL {owner.shard}.{routine}(%s, {marks})", owner.uid, *args)


def _labelled(addresses: list[dict[str, Any]], labels: list[str]) -> list[dict[str, Any]]:
    return [
        {"address": entry["email"], "label": label, "primary": entry["is_default"]}
        for entry, label in zip(addresses, labels, strict=False)
    ]


class Lossless:
    """Return the people of the node that all examples use."""

    friends: ClassVar[list[Person]] = []


def test_no_field_is_lost(world: World) -> None:
    people = world.people()
    Lossless.friends = [world.do(people(name)) for name in ("Fay", "Gus")]

    async def round_trip(book: dict[str, Any]) -> None:
        alice = await people("Alice")
        # written once for all formats: that takes longer than the round trips
        await write(world, alice, book)
        original = await everything(alice), records(world, alice)
        for filename, args in FILES:
            copy = await send(alice, book, filename, args)
            assert original == (await everything(copy), records(world, copy))

    async def send(alice: Person, book: dict[str, Any], filename: str, args: dict[str, str]) -> Person:
        bob = await people("Bob")
        first = await export(alice, **args)
        answer = (await upload(bob, await bob.tab(), filename, first)).data
        written = len(book["contacts"]) + book["friends"] + len(book["unreachable"])
        assert answer["loaded"] == answer["total"] == written, answer
        again = (await upload(bob, await bob.tab(), filename, first)).data
        assert (again["loaded"], again["alreadyincontact"]) == (0, written), again
        assert unrevised(await export(bob, **args)).decode() == unrevised(first).decode()
        return bob

    # Few and big: an import starts a process, whose start takes longer than ten contacts.
    # Shrinking would take many minutes of round trips.
    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(BOOKS)
    def check(book: dict[str, Any]) -> None:
        world.do(round_trip(book))

    check()
    world.do(people.close())


@pytest.mark.parametrize(
    ("filename", "args"), FILES, ids=["vCard 3.0", "vCard 4.0", "CSV", "vCard 2.1", "jCard", "CSV for Excel"]
)
def test_records_that_are_hard_to_store_are_not_lost(
    world: World, filename: str, args: dict[str, str]
) -> None:
    people = world.people()
    hard = ["signs", "long", "empty inside", "many, and alike"]

    async def round_trip() -> None:
        alice, bob = await people("Alice"), await people("Bob")
        for number, edge in enumerate(hard):
            emails = [
                {**mail, "primary": n == 0, "address": f"{number}.{n}@lossless.example"}
                for n, mail in enumerate(EDGES[edge]["emails"])
            ]
            call_record(world, alice, "my_contact_create", routine_fields({**EDGES[edge], "emails": emails}))
        first = await export(alice, **args)
        assert (await upload(bob, await bob.tab(), filename, first)).data["loaded"] == len(hard)
        originals, copies = records(world, alice), records(world, bob)
        assert [r["emails"][0] for r in copies] == [r["emails"][0] for r in originals]
        for name in originals[0]:
            assert [r[name] for r in copies] == [r[name] for r in originals], name
        # A card that is too long to be kept gets another UID.
        again, before = (UID.sub(b"", unrevised(file)) for file in (await export(bob, **args), first))
        assert again.decode() == before.decode()

    world.do(round_trip())
    world.do(people.close())


def records(world: World, person: Person) -> list[dict[str, Any]]:
    """Return the records of a book, without ids and times."""
    rows = world.admin.rows(
        f"SELECT record FROM {person.shard}.contact_record WHERE owner_id = %s AND state = 'active'",
        person.uid,
    )
    contacts = [orjson.loads(row[0]) for row in rows]
    for record in contacts:
        del record["id"], record["created_at"], record["updated_at"]
        # An address without a word has nothing to preserve.
        record["addresses"] = [a for a in record["addresses"] if any(a[name] for name in POSTAL)]
    return sorted(contacts, key=orjson.dumps)


async def everything(person: Person) -> dict[str, Any]:
    """Return the contacts of a book, without ids and times: two files could lack the same field."""
    contacts = []
    for row in await person.ok("contact.show_contact", option="all", pagelength=100):
        full = await person.ok("contact.get_contact", contact_id=row["id"])
        lists = {key: [_bare(entry) for entry in full[key]] for key in ("email", "mobile", "address")}
        # An address without a word has nothing to preserve.
        lists["address"] = [a for a in lists["address"] if any(a[name] for name in POSTAL)]
        plain = ("firstname", "lastname", "given_surname", "comment", "company", "job_title")
        names = {key: full[key] or "" for key in plain}
        tagged = sorted(tag["name"] for tag in full["tag"])
        fields = {**names, **lists, "tag": tagged, "archived": full["is_archived"]}
        contacts.append((full["entity"], fields))
    tags = await person.ok("tagcontact.show_tag_by", pagelength=100)
    for tag in tags:
        tags += await person.ok("tagcontact.show_tag_by", tag_id=tag["tag_id"], pagelength=100)
    names = {tag["tag_id"]: tag["name"] for tag in tags}
    groups = {}
    for group in await person.ok("contact.show_groups", pagelength=100):
        members = await person.ok("contact.show_members", group_id=group["group_id"], pagelength=100)
        groups[group["name"]] = (group["comment"], sorted(m["entity"] for m in members))
    return {
        "contacts": sorted(contacts, key=lambda each: each[0]),
        "tags": sorted((tag["name"], names.get(tag["parent_tag_id"], "")) for tag in tags),
        "groups": groups,
    }


def _bare(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if not key.endswith("_id")}


def test_a_forged_book_makes_no_circle_of_tags() -> None:
    book = {
        "tag": [
            {"name": "child", "parent": "root"},
            {"name": "root"},
            {"name": "a", "parent": "b"},
            {"name": "b", "parent": "a"},
            {"name": "self", "parent": "self"},
            {"name": "", "parent": "root"},
            "no tag",
        ],
        "group": [{"name": "G", "comment": "one\ntwo"}, {"comment": "nameless"}],
    }
    cleaned = clean_book(book)
    above: dict[str, str] = {}
    for tag in cleaned["tag"]:
        assert tag.get("parent", "") in {"", *above}, tag
        above[tag["name"]] = tag.get("parent", "")
    assert above == {"root": "", "child": "root", "a": "", "b": "", "self": ""}
    assert [tag["position"] for tag in cleaned["tag"] if tag["name"] in {"child", "root"}] == [2, 1]
    assert cleaned["group"] == [{"name": "G", "comment": "one\ntwo"}]
    assert clean_book("x") == clean_book({}) == {"tag": [], "group": []}


async def test_a_table_opens_in_other_programs(people: Any) -> None:
    """Check that the columns are Google's, and that our own fields share one column."""
    alice = await people("Alice")
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@t.example", "is_default": 1}])
    (row,) = csv.DictReader(io.StringIO((await export(alice, format="csv")).decode()))
    assert (row["First Name"], row["E-mail 1 - Value"], row["X-DRUMEE"]) == ("Ada", "a@t.example", "")


FORMULAS = ("=1+1", "=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd", "-2+3|x", '=HYPERLINK("http://x";"y")')
QUOTED = ("'=1", "''=1", "'tis", "'", "'+49 1", "O'Neil", "'@x")
HARMLESS = ("+49 123 456-7", "-5", "+1 (555) 010")


async def test_a_spreadsheet_computes_no_cell_and_nothing_is_lost(people: Any) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    texts = (*FORMULAS, *QUOTED, *HARMLESS)
    for number, text in enumerate(texts):
        await alice.ok(
            "contact.add",
            firstname=text,
            surname=text,
            comment=text,
            email=[{"email": f"{number}@x.example", "is_default": 1}],
            mobile=[{"phone": text, "areacode": "", "category": "priv"}],
            address=[{"street": text, "city": text, "country": text, "category": "priv"}],
            tag=[(await alice.ok("tagcontact.add", name=text))["tag_id"]],
        )
    table = await export(alice, format="csv")
    cells = [cell for row in csv.reader(io.StringIO(table.decode())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    assert {cell for cell in cells if cell.startswith(("+", "-"))} == set(HARMLESS)
    assert {f"'{text}" for text in FORMULAS} <= set(cells)
    assert (await upload(bob, await bob.tab(), "a.csv", table)).data["loaded"] == len(texts)
    assert await everything(bob) == await everything(alice)


async def test_the_file_says_what_it_is_and_wrong_parameters_are_named(people: Any) -> None:
    alice = await people("Alice")
    await alice.ok("contact.add", firstname="Zoë", email=[{"email": "z@x.example", "is_default": 1}])
    url = alice.base / "-/svc/contact.export_all"
    types = []
    for args in (
        {},
        {"version": "2.1"},
        {"format": "jcard"},
        {"format": "csv"},
        {"format": "csv", "charset": "utf-8-sig"},
        {"format": "csv", "charset": "Windows-1252", "separator": "tab"},
        {"format": "csv", "charset": "utf-16", "separator": ";"},
    ):
        async with alice.http.post(url, json=args) as response:
            data = await response.read()
            name = response.headers["Content-Disposition"].rpartition("=")[2].strip("'\"")
            types.append((response.headers["Content-Type"], name.rpartition("'")[2], data[:14]))
    assert types == [
        ("text/vcard; charset=utf-8", "contacts.vcf", b"BEGIN:VCARD\r\nV"),
        ("text/vcard; charset=utf-8", "contacts.vcf", b"BEGIN:VCARD\r\nV"),
        ("application/vcard+json", "contacts.json", b'[["vcard",[["v'),
        ("text/csv; charset=utf-8", "contacts.csv", b'"First Name","'),
        ("text/csv; charset=utf-8", "contacts.csv", b'\xef\xbb\xbf"First Name'),
        ("text/csv; charset=windows-1252", "contacts.csv", b'"First Name"\t"'),
        ("text/csv; charset=utf-16", "contacts.csv", '\ufeff"First'.encode("utf-16-le")),
    ]
    refusals = (
        ({"format": "csv", "separator": ":"}, "INVALID_PARAM", "separator: must be one of ,, ;, tab"),
        (
            {"format": "csv", "charset": "latin"},
            "INVALID_PARAM",
            "charset: must be one of utf-8, utf-8-sig, ",
        ),
        ({"version": "5.0"}, "INVALID_PARAM", "version: must be one of 2.1, 3.0, 4.0"),
        ({"format": "xls"}, "INVALID_PARAM", "format: must be one of vcf, csv, jcard"),
        ({"charset": "utf-16"}, "INVALID_INPUT", "charset and separator belong to format csv"),
    )
    for args, code, reason in refusals:
        answer = await alice.call("contact.export_all", **args)
        assert (answer.status, answer.code) == (400, code), args
        assert reason in str(answer.body), answer.body


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LOADED = f"""BEGIN:VCARD
VERSION:3.0
N:Doe;John;;Mr.;
FN:John Doe
EMAIL;TYPE=INTERNET,WORK:john@card.example
TEL;TYPE=CELL,VOICE:905-555-1234
BDAY:1980-01-02
item1.URL:http://home.example
item1.X-ABLabel:_$!<HomePage>!$_
X-SKYPE:johnny
PHOTO;ENCODING=b;TYPE=PNG:{PICTURE}
UID:0E7602CC-443E
END:VCARD
BEGIN:VCARD
VERSION:3.0
N:Roe;Ann;;;
FN:Ann Roe
EMAIL:ann@card.example
END:VCARD
"""


async def test_a_card_goes_out_as_it_came_and_an_edit_changes_that_card_alone(people: Any) -> None:
    alice = await people("Alice")
    answer = await upload(alice, await alice.tab(), "a.vcf", LOADED.replace("\n", "\r\n").encode())
    assert answer.data["loaded"] == 2, answer.body
    first, second = [await export(alice) for _ in range(2)]
    assert first == second
    ann, john = (set(card.splitlines()) for card in unfolded(first).split("BEGIN:VCARD")[1:])
    written = {line for line in LOADED.split("BEGIN:VCARD")[1].splitlines() if line}
    assert written - john == set()
    revs = [next(line for line in card if line.startswith("REV:")) for card in (ann, john)]
    (uid,) = [line for line in ann if line.startswith("UID:urn:uuid:")]
    contact_id = (await alice.ok("contact.get", email="john@card.example"))["id"]
    await alice.ok(
        "contact.update",
        contact_id=contact_id,
        firstname="John",
        lastname="Doe",
        comment="edited",
        email=[{"email": "john@card.example", "category": "prof", "is_default": 1}],
        mobile=[{"phone": "9055551234", "areacode": "", "category": "priv"}],
    )
    edited_ann, edited = (
        set(card.splitlines()) for card in unfolded(await export(alice)).split("BEGIN:VCARD")[1:]
    )
    assert edited_ann == ann
    assert uid in edited_ann
    assert edited - john == {"NOTE:edited", next(line for line in edited if line.startswith("REV:"))}
    assert john - edited == {revs[1]}
    for version, photo in (("4.0", "PHOTO:data:image/png;base64,"), ("2.1", "PHOTO;ENCODING=BASE64;PNG:")):
        assert photo + PICTURE[:30] in unfolded(await export(alice, version=version))


def unfolded(file: bytes) -> str:
    return file.decode().replace("\r\n ", "")
