"""Random edits by CardDAV, REST and RPC in turn lose no property, and all tokens lead to the same state."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from typing import Any

import pytest

from service.carddav.book import Book
from service.contacts import groups
from service.contacts.card_lines import cut_cards
from service.contacts.encodings import Decoder, lines_of
from service.contacts.values import Values, values_of
from service.ids import from_wire
from tests.support.address_books import BookMaker
from tests.support.dav import group_card
from tests.support.people import People, Person
from tests.support.rest import Client, ClientMaker

EDITS = 100
SLOTS = {
    "X-MOON": "full {}",
    "BDAY": "1970-01-{:02}",
    "URL": "https://x.example/{}",
    "IMPP": "xmpp:a{}@x.example",
    "ROLE": "Role {}",
    "ORG": "Company {};Unit",
    "TITLE": "Title {}",
    "NOTE": "Note\\, {}",
    "NICKNAME": "Nick {}",
    "TEL;TYPE=CELL": "+34 600 {}",
    "EMAIL;TYPE=HOME": "m{}@x.example",
    "ADR;TYPE=WORK": "PO {};Flat;Street;Town;;1;Chile",
    "CATEGORIES": "Tag {}",
    "GEO": "1.5;{}",
}
"""Properties of random cards."""
EVERY = ("X-MOON", "BDAY", "URL", "IMPP", "ROLE", "GEO")
"""Properties that no field of the other APIs holds."""


class Follower:
    """A client that knows the book by sync tokens alone."""

    def __init__(self, book: Book, chance: random.Random) -> None:
        self.book, self.random = book, chance
        self.token: int | None = None
        self.start = 0
        self.etags: dict[str, str] = {}
        self.texts: dict[tuple[str, str], bytes] = {}

    async def step(self) -> bool:
        """Ask for some changes; return whether there are more."""
        changes = await self.book.changes(self.token, self.random.choice([1, 2, 7, None]), self.start)
        self.token, self.start = changes.token, changes.start
        for name in changes.removed:
            self.etags.pop(name, None)
        self.etags |= {member.name: member.etag for member in changes.changed}
        for name, card in (await self.book.texts([m.name for m in changes.changed], "3.0")).items():
            self.texts[name, card.etag] = card.text
        return changes.truncated

    async def check(self) -> None:
        """Catch up, and compare with the book: names, tags, and the texts behind the tags."""
        while await self.step():
            pass
        assert self.etags == {m.name: m.etag for m in await self.book.members()}
        for name, card in (await self.book.texts(list(self.etags), "3.0")).items():
            assert card.text == self.texts[name, card.etag], name


@dataclass
class Group:
    """What the card of a group has to say."""

    name: str
    moon: str
    people: set[str]
    """Names of the cards of its members; those that are gone may come back."""
    expected: set[str]
    """UIDs of members whose cards have not come."""


class Editor:
    """Makes random edits, and knows what each card has to say."""

    def __init__(self, seed: int, alice: Person, book: Book, api: Client) -> None:
        self.random, self.alice, self.book, self.api = random.Random(seed), alice, book, api
        self.count = 0
        self.cards: dict[str, dict[str, str]] = {}
        """What the cards say, by their names."""
        self.ids: dict[str, str] = {}
        self.uids: dict[str, str] = {}
        self.free_names: list[str] = []
        self.groups: dict[str, Group] = {}

    async def edit(self) -> str:
        """Make one edit; return its name."""
        self.count += 1
        ways = [self.add, self.change, self.change, self.replace, self.by_rest, self.by_rest, self.by_rpc]
        ways += [self.by_rpc, self.remove, self.come_back, self.rename_tag]
        ways += [self.put_group, self.put_group, self.change_group, self.group_by_rpc, self.group_by_rpc]
        way = self.random.choice(ways if len(self.cards) > 1 else [self.add])
        await way()
        return way.__name__

    def pick(self) -> str:
        return self.random.choice(sorted(self.cards))

    def _lines(self, *, uid: str) -> tuple[bytes, dict[str, str]]:
        n = self.count
        heads = self.random.sample(sorted(SLOTS), self.random.randint(3, len(SLOTS)))
        properties = {"N": f"Last {n};First {n};;;"} | {
            head: SLOTS[head].format(n % 28 + 1) for head in heads
        }
        lines = [
            f"UID:{uid}",
            f"FN:First {n} Last {n}",
            *(f"{head}:{text}" for head, text in properties.items()),
        ]
        body = "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", ""]).encode()
        return body, properties

    async def add(self) -> None:
        """Add a card, under a new name or under one that is gone."""
        name = (
            self.random.choice(self.free_names)
            if self.free_names and self.random.random() < 0.5
            else f"{self.count}.vcf"
        )
        waiting = sorted({uid for group in self.groups.values() for uid in group.expected})
        is_expected = waiting and self.random.random() < 0.5
        uid = self.random.choice(waiting) if is_expected else f"uid-{self.count}"
        body, properties = self._lines(uid=uid)
        stored = await self.book.put(name, body, if_none_match="*")
        assert stored.created
        self.cards[name], self.uids[name] = properties, uid
        for group in self.groups.values():
            if uid in group.expected:
                group.expected.remove(uid)
                group.people.add(name)
        if name in self.free_names:
            self.free_names.remove(name)
        assert (await self.book.texts([name]))[name].text == body
        feed = (await self.api.get("/contacts?limit=500&search=First")).data
        self.ids[name] = next(c["id"] for c in feed if c["first_name"] == f"First {self.count}")

    async def change(self) -> None:
        """Change one property of a card as a client does, which keeps the others."""
        name, head = self.pick(), self.random.choice(EVERY)
        card = (await self.book.texts([name], version := self.random.choice(["3.0", "4.0"])))[name]
        assert f"VERSION:{version}".encode() in card.text
        text = SLOTS[head].format(self.count % 28 + 1)
        lines = card.text.decode().replace("\r\n ", "").split("\r\n")
        lines = [line for line in lines if not line.upper().startswith((f"{head}:", f"{head};"))]
        lines[-2:-2] = [f"{head}:{text}"]
        body = "\r\n".join(lines).encode()
        stored = await self.book.put(name, body, if_match=card.etag)
        assert not stored.created
        assert stored.etag
        self.cards[name][head] = text
        card_again = (await self.book.texts([name]))[name]
        assert (card_again.text, card_again.etag) == (body, stored.etag)

    async def replace(self) -> None:
        name = self.pick()
        self.uids[name] = self.random.choice(["uid", f"uid {name}"]) + str(self.count)
        body, self.cards[name] = self._lines(uid=self.uids[name])
        await self.book.put(name, body)

    async def by_rest(self) -> None:
        name, n = self.pick(), self.count
        edits: list[tuple[dict[str, Any], dict[str, str]]] = [
            ({"company": f"Works {n}"}, {"ORG": f"Works {n}"}),
            ({"notes": f"By REST {n}"}, {"NOTE": f"By REST {n}"}),
            ({"job_title": f"Head {n}"}, {"TITLE": f"Head {n}"}),
            ({"tags": [f"REST {n}"]}, {"CATEGORIES": f"REST {n}"}),
            ({"phones": [{"number": f"+33 1 {n}"}]}, {"TEL;TYPE=CELL": f"+33 1 {n}"}),
            ({"emails": [{"address": f"r{n}@x.example"}]}, {"EMAIL;TYPE=HOME": f"r{n}@x.example"}),
            ({"custom_fields": {"n": n}}, {}),
        ]
        fields, properties = self.random.choice(edits)
        answer = await self.api.patch(f"/contacts/{self.ids[name]}", fields)
        assert answer.status == 200, answer.raw
        if "TITLE" in properties and "TITLE" not in self.cards[name]:
            # a job title of which the card says ROLE is that property
            self.cards[name].pop("ROLE", None)
        self.cards[name] |= properties

    async def by_rpc(self) -> None:
        name, n = self.pick(), self.count
        fields, properties = self.random.choice(
            [
                ({"surname": f"Count {n}"}, {"NICKNAME": f"Count {n}"}),
                ({"comment": f"By RPC {n}"}, {"NOTE": f"By RPC {n}"}),
                ({"firstname": f"F{n}", "lastname": f"L{n}"}, {"N": f"L{n};F{n};;;"}),
            ]
        )
        await self.alice.ok("contact.update", contact_id=from_wire(self.ids[name]), **fields)
        self.cards[name] |= properties

    async def rename_tag(self) -> None:
        tags = await self.alice.ok("tagcontact.show_tag_by")
        if tags:
            tag = self.random.choice(tags)
            await self.alice.ok("tagcontact.rename", tag_id=tag["tag_id"], name=f"Renamed {self.count}")
            for properties in self.cards.values():
                if properties.get("CATEGORIES") == tag["name"]:
                    properties["CATEGORIES"] = f"Renamed {self.count}"

    async def remove(self) -> None:
        name = self.pick()
        contact_id = from_wire(self.ids[name])
        match self.random.randrange(4):
            case 0:
                await self.book.delete(name)
            case 1:
                assert (await self.api.delete(f"/contacts/{self.ids[name]}")).status == 200
            case 2:
                assert (await self.api.delete(f"/contacts/{self.ids[name]}?permanent=true")).status == 200
                for group in self.groups.values():
                    group.people.discard(name)
            case _:
                await self.alice.ok("contact.change_status", contact_id=contact_id, status="archived")
        del self.cards[name]
        self.free_names.append(name)

    async def come_back(self) -> None:
        """Add a card under a name that is gone, and remove it again."""
        if self.free_names:
            name = self.random.choice(self.free_names)
            await self.book.put(name, self._lines(uid=f"short-{self.count}")[0])
            await self.book.delete(name)

    async def put_group(self) -> None:
        """Put a new group, or another one in place of a group."""
        names = [*sorted(self.groups), f"group {self.count}.vcf"]
        name, n = self.random.choice(names), self.count
        people = set(self.random.sample(sorted(self.cards), self.random.randint(0, len(self.cards))))
        expected = {f"later-{n}"} if self.random.random() < 0.5 else set()
        version = self.random.choice(["3.0", "4.0"])
        uids = [*(self.uids[each] for each in people), *expected]
        moon = f"X-MOON:full {n}"
        body = group_card(f"uid-{name}", f"Group {n}", moon, *uids, version=version).encode()
        former = self.groups.get(name)
        stored = await self.book.put(name, body)
        assert (stored.created, bool(stored.etag)) == (former is None, True)
        assert (await self.book.texts([name]))[name].text == body
        hidden = {each for each in former.people if each not in self.cards} if former else set()
        self.groups[name] = Group(f"Group {n}", f"full {n}", people | hidden, expected)

    async def change_group(self) -> None:
        """Change the card of a group as a client does, which keeps what it does not know."""
        if not self.groups:
            return
        name, group = self.random.choice(sorted(self.groups.items(), key=lambda pair: pair[0]))
        read = (await self.book.texts([name], self.random.choice(["3.0", "4.0"])))[name]
        lines = [line for line in unfolded(read.text) if not line.startswith("X-MOON")]
        group.moon = f"new {self.count}"
        lines[-2:-2] = [f"X-MOON:{group.moon}"]
        stored = await self.book.put(name, "\r\n".join(lines).encode(), if_match=read.etag)
        assert stored.etag

    async def group_by_rpc(self) -> None:
        """Create, rename or delete a group, or change its members, by another API."""
        ids = {row["name"]: row["group_id"] for row in await self.alice.ok("contact.show_groups")}
        if not self.groups or self.random.random() < 0.2:
            row = await self.alice.ok("contact.create_group", name=f"Group {self.count}")
            self.groups[f"{row['group_id']}.vcf"] = Group(f"Group {self.count}", "", set(), set())
            return
        name, group = self.random.choice(sorted(self.groups.items(), key=lambda pair: pair[0]))
        group_id, person = ids[group.name], self.pick()
        key = {"group_id": group_id, "contact_id": [from_wire(self.ids[person])]}
        match self.random.randrange(7):
            case 0 | 1 | 2:
                await self.alice.ok("contact.add_to_group", **key)
                group.people.add(person)
            case 3 | 4:
                await self.alice.ok("contact.remove_from_group", **key)
                group.people.discard(person)
            case 5:
                group.name = f"Renamed {self.count}"
                await groups.rename_group(self.book.ctx, group_id, group.name)
            case _:
                await self.alice.ok("contact.delete_group", group_id=group_id)
                del self.groups[name]

    async def check_groups(self, version: str) -> None:
        """Read the cards of all groups, and look for name, members and properties."""
        cards = await self.book.texts(list(self.groups), version)
        assert cards.keys() == self.groups.keys()
        prefix = "X-ADDRESSBOOKSERVER-" if version == "3.0" else ""
        for name, group in self.groups.items():
            lines = unfolded(cards[name].text)
            head = f"{prefix}MEMBER:urn:uuid:"
            members = sorted(line.removeprefix(head) for line in lines if line.startswith(head))
            people = {self.uids[each] for each in group.people if each in self.cards}
            assert members == sorted(people | group.expected), (name, lines)
            assert {f"VERSION:{version}", f"{prefix}KIND:group", f"FN:{group.name}"} <= set(lines)
            assert not group.moon or f"X-MOON:{group.moon}" in lines

    async def check(self) -> None:
        """Read all cards in both versions, and look for each property."""
        for version in ("3.0", "4.0"):
            await self.check_groups(version)
            cards = await self.book.texts(list(self.cards), version)
            assert cards.keys() == self.cards.keys()
            for name, properties in self.cards.items():
                text = cards[name].text
                values = read(text)
                assert values.first("VERSION") == version
                for head, value in properties.items():
                    key = head.partition(";")[0]
                    texts = [reduced(v.text) for v in values.all(key)]
                    assert any(one.startswith(reduced(value)) for one in texts), (name, head, value, text)


def read(text: bytes) -> Values:
    (card,) = cut_cards(lines_of(io.BytesIO(text)))
    return values_of(card, Decoder("utf-8"))


def unfolded(text: bytes) -> list[str]:
    return text.decode().replace("\r\n ", "").split("\r\n")


def reduced(text: str) -> str:
    """Return the letters and digits of a value: dates, places and lists differ between the versions."""
    return "".join(c for c in text.removeprefix("geo:") if c.isalnum())


@pytest.mark.parametrize("seed", [1, 12, 15])
async def test_edits_of_all_apis_in_turn_lose_nothing(
    book_of: BookMaker, people: People, client_of: ClientMaker, seed: int
) -> None:
    alice = await people("Alice")
    cards = await book_of(alice)
    editor = Editor(seed, alice, cards, await client_of(person=alice))
    followers = [Follower(cards, editor.random) for _ in range(3)]
    token = await cards.token()
    for _ in range(EDITS):
        way = await editor.edit()
        now = await cards.token()
        assert now >= token, way
        token = now
        for follower in followers:
            if editor.random.random() < 0.2:
                await follower.step()
        if editor.random.random() < 0.2:
            await editor.check()
            await editor.random.choice(followers).check()
    await editor.check()
    for follower in followers:
        await follower.check()
