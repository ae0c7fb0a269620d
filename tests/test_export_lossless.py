"""Whatever is in an address book: exported, loaded into an empty one, exported again, it is the same file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.contacts import POSTAL, stored
from service.importer import clean_book
from tests.dialects.test_matrix import EDGES
from tests.people import Person
from tests.test_loading import export, upload
from tests.test_relations_stateful import World, world  # noqa: F401  # fixture

FILES: list[tuple[str, dict[str, str]]] = [
    ("a.vcf", {"version": "3.0"}),
    ("a.vcf", {"version": "4.0"}),
    ("a.csv", {"format": "csv"}),
]
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
    """One line of text, as parameters are accepted: no control characters, no white space around."""
    plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=limit)
    return (
        (plain | ODD)
        .map(lambda text: text.strip()[:limit])
        .filter(lambda text: text not in {"null", "undefined"})
    )


def some(limit: int) -> st.SearchStrategy[str]:
    """The same, and not empty."""
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
# a name of signs that collations ignore alone is none
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
"""What the REST API can say of a contact besides; its email addresses get labels of their own."""
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
            max_size=5,
        ),
        "labels": st.lists(LABELS, min_size=3, max_size=3),
        # whom the RPC would refuse: without any address
        "unreachable": st.lists(st.tuples(NAMES, RECORDS), max_size=2),
        "friends": st.integers(0, 2),
    }
)


async def write(world: World, owner: Person, book: dict[str, Any]) -> None:  # noqa: F811
    """Put a book into the owner's account."""
    tags: list[str] = []
    for name, parent in book["tags"]:
        above = {"parent_id": tags[parent % len(tags)]} if tags and parent else {}
        tags.append((await owner.ok("tagcontact.add", name=name, **above))["tag_id"])
    if len(tags) > 1:
        await owner.ok("tagcontact.reposition", content=tags[::-1])
    groups = []
    for name, comment in book["groups"]:
        answer = await owner.call("contact.create_group", name=name, comment=comment)
        # names that differ in case only are the same
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
        given = {**record, "emails": _labelled(addresses, book["labels"])} if record else {}
        call_record(world, owner, "my_contact_patch", made["id"], stored(given), None)
        if archived:
            await owner.ok("contact.change_status", contact_id=made["id"], status="archived")
    for name, record in book["unreachable"]:
        call_record(world, owner, "my_contact_create", stored({**record, "first_name": name}))
    for friend in Lossless.friends[: book["friends"]]:
        await owner.ok("contact.add", invitee_id=friend.uid)


def call_record(world: World, owner: Person, routine: str, *args: Any) -> None:  # noqa: F811
    """Write a contact as the REST API does."""
    marks = ", ".join(["%s"] * len(args))
    world.admin.rows(f"CALL {owner.shard}.{routine}(%s, {marks})", owner.uid, *args)


def _labelled(addresses: list[dict[str, Any]], labels: list[str]) -> list[dict[str, Any]]:
    return [
        {"address": entry["email"], "label": label, "primary": entry["is_default"]}
        for entry, label in zip(addresses, labels, strict=False)
    ]


class Lossless:
    """People of the node that all examples use."""

    friends: ClassVar[list[Person]] = []


@pytest.mark.parametrize(("filename", "args"), FILES, ids=["vCard 3.0", "vCard 4.0", "CSV"])
def test_no_field_is_lost(world: World, filename: str, args: dict[str, str]) -> None:  # noqa: F811
    people = world.people()
    Lossless.friends = [world.do(people(name)) for name in ("Fay", "Gus")]

    async def round_trip(book: dict[str, Any]) -> None:
        alice, bob = await people("Alice"), await people("Bob")
        await write(world, alice, book)
        first = await export(alice, **args)
        answer = (await upload(bob, await bob.tab(), filename, first)).data
        written = len(book["contacts"]) + book["friends"] + len(book["unreachable"])
        assert answer["loaded"] == answer["total"] == written, answer
        again = (await upload(bob, await bob.tab(), filename, first)).data
        assert (again["loaded"], again["alreadyincontact"]) == (0, written), again
        assert (await export(bob, **args)).decode() == first.decode()
        mine, his = [await everything(person) for person in (alice, bob)]
        assert mine == his
        assert records(world, alice) == records(world, bob)

    # shrinking would take many minutes of round trips
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(BOOKS)
    def check(book: dict[str, Any]) -> None:
        world.do(round_trip(book))

    check()
    world.do(people.close())


@pytest.mark.parametrize(("filename", "args"), FILES, ids=["vCard 3.0", "vCard 4.0", "CSV"])
def test_what_is_hard_to_keep_is_not_lost(world: World, filename: str, args: dict[str, str]) -> None:  # noqa: F811
    people = world.people()
    hard = ["signs", "long", "empty inside", "many, and alike"]

    async def round_trip() -> None:
        alice, bob = await people("Alice"), await people("Bob")
        for number, edge in enumerate(hard):
            emails = [
                {**mail, "primary": n == 0, "address": f"{number}.{n}@lossless.example"}
                for n, mail in enumerate(EDGES[edge]["emails"])
            ]
            call_record(world, alice, "my_contact_create", stored({**EDGES[edge], "emails": emails}))
        first = await export(alice, **args)
        assert (await upload(bob, await bob.tab(), filename, first)).data["loaded"] == len(hard)
        mine, his = records(world, alice), records(world, bob)
        assert [r["emails"][0] for r in his] == [r["emails"][0] for r in mine]
        for name in mine[0]:
            assert [r[name] for r in his] == [r[name] for r in mine], name
        assert (await export(bob, **args)).decode() == first.decode()

    world.do(round_trip())
    world.do(people.close())


def records(world: World, person: Person) -> list[dict[str, Any]]:  # noqa: F811
    """What the REST API shows of a book, without ids and times; kept by the load itself."""
    rows = world.admin.rows(
        f"SELECT record FROM {person.shard}.contact_record WHERE owner_id = %s AND state = 'active'",
        person.uid,
    )
    found = [orjson.loads(row[0]) for row in rows]
    for record in found:
        del record["id"], record["created_at"], record["updated_at"]
        # of an address without a word there is nothing to keep
        record["addresses"] = [a for a in record["addresses"] if any(a[name] for name in POSTAL)]
    return sorted(found, key=orjson.dumps)


async def everything(person: Person) -> dict[str, Any]:
    """What the services show of a book, without ids and times: the files could both lack the same."""
    contacts = []
    for row in await person.ok("contact.show_contact", option="all", pagelength=100):
        full = await person.ok("contact.get_contact", contact_id=row["id"])
        lists = {key: [_bare(entry) for entry in full[key]] for key in ("email", "mobile", "address")}
        # of an address without a word there is nothing to keep
        lists["address"] = [a for a in lists["address"] if any(a[name] for name in POSTAL)]
        plain = ("firstname", "lastname", "given_surname", "comment", "company", "job_title")
        names = {key: full[key] or "" for key in plain}
        tagged = sorted(tag["name"] for tag in full["tag"])
        found = {**names, **lists, "tag": tagged, "archived": full["is_archived"]}
        contacts.append((full["entity"], found))
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
    found = clean_book(book)
    above: dict[str, str] = {}
    for tag in found["tag"]:
        assert tag.get("parent", "") in {"", *above}, tag
        above[tag["name"]] = tag.get("parent", "")
    assert above == {"root": "", "child": "root", "a": "", "b": "", "self": ""}
    assert [tag["position"] for tag in found["tag"] if tag["name"] in {"child", "root"}] == [2, 1]
    assert found["group"] == [{"name": "G", "comment": "one\ntwo"}]
    assert clean_book("x") == clean_book({}) == {"tag": [], "group": []}


async def test_a_table_opens_in_other_programs(people: Any) -> None:
    """The columns are Google's; what is ours stands in one column of its own."""
    alice = await people("Alice")
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@t.example", "is_default": 1}])
    (row,) = csv.DictReader(io.StringIO((await export(alice, format="csv")).decode()))
    assert (row["First Name"], row["E-mail 1 - Value"], row["X-DRUMEE"]) == ("Ada", "a@t.example", "")
