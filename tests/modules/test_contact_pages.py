"""Pages of contact.show_contact: each starts where the one before it ended, and is right after changes."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person

LISTS = [
    {"name": name, "order": order, "option": option}
    for name, order, option in itertools.product(("name", "date", "a"), ("asc", "desc"), ("active", "all"))
]


def as_stored(admin: Admin, person: Person, page: int, size: int, query: dict[str, str]) -> list[str]:
    """Return the contacts of a page, found by skipping all before it."""
    sort = query["name"] if query["name"] in {"name", "date"} else "name"
    text = None if query["name"] in {"name", "date"} else query["name"]
    rows = admin.rows(
        f"SELECT id FROM {person.shard}.contact WHERE owner_id = %s AND box IN %s"
        " AND (%s IS NULL OR display LIKE CONCAT('%%', %s, '%%') OR id IN ("
        f"SELECT contact_id FROM {person.shard}.contact_index"
        " WHERE owner_id = contact.owner_id AND kind = 'text' AND word LIKE CONCAT(%s, '%%')))"
        f" ORDER BY {'ctime' if sort == 'date' else 'display'} {query['order']}, id {query['order']}"
        " LIMIT %s, %s",
        person.uid,
        ("active", "archived") if query["option"] == "all" else ("active",),
        text,
        text,
        text,
        (page - 1) * size,
        size,
    )
    return [row[0] for row in rows]


async def page_of(person: Person, page: int, size: int, query: dict[str, str]) -> list[str]:
    """Return the contacts of a page, as the service lists them."""
    rows = await person.ok("contact.show_contact", page=page, pagelength=size, **query)
    assert {row["page"] for row in rows} <= {page}
    return [row["id"] for row in rows]


async def change(person: Person, number: int, contacts: list[str]) -> None:
    """Change the book in one of the ways that move a contact in a list."""
    if number % 5 == 0:
        address = [{"email": f"n{number}@pages.example", "is_default": 1}]
        made = await person.ok("contact.add", firstname=f"A{number}", email=address)
        contacts.append(made["id"])
    elif number % 5 == 1:
        await person.ok("contact.delete_contact", contact_id=contacts.pop(number % len(contacts)))
    elif number % 5 == 2:
        await person.ok("contact.update", contact_id=contacts[number % len(contacts)], surname=f"B{number}")
    elif number % 5 == 3:
        contact_id = contacts[number % len(contacts)]
        await person.ok("contact.change_status", contact_id=contact_id, status="archived")
    else:
        await person.ok("contact.update", contact_id=contacts[number % len(contacts)], firstname="Za")


@pytest.fixture
async def book(people: People) -> tuple[Person, list[str]]:
    """Create a user with contacts of few names and times."""
    alice = await people("Alice")
    made: list[dict[str, Any]] = [
        await alice.ok(
            "contact.add",
            firstname="Ada" if number % 3 else "Anna",
            email=[{"email": f"p{number}@pages.example", "is_default": 1}],
        )
        for number in range(30)
    ]
    return alice, [contact["id"] for contact in made]


@pytest.mark.parametrize("query", LISTS, ids=lambda query: "-".join(query.values()))
async def test_a_walk_shows_what_skipping_shows_while_the_book_changes(
    book: tuple[Person, list[str]], admin: Admin, query: dict[str, str]
) -> None:
    alice, contacts = book
    for walk in range(2):
        for page in range(1, 12):
            assert await page_of(alice, page, 3, query) == as_stored(admin, alice, page, 3, query), page
            if walk:
                await change(alice, page, contacts)


async def test_pages_of_several_tabs_processes_and_sizes_do_not_mix(
    book: tuple[Person, list[str]], admin: Admin, make_node: NodeMaker
) -> None:
    alice, contacts = book
    bases = [alice.base, (await make_node()).make_url("/")]
    dice = random.Random(17)
    for number in range(60):
        alice.base = dice.choice(bases)
        page, size, query = dice.randrange(1, 9), dice.choice((2, 3, 5)), dice.choice(LISTS)
        assert await page_of(alice, page, size, query) == as_stored(admin, alice, page, size, query)
        if number % 6 == 0:
            await change(alice, number // 6, contacts)


async def test_the_next_page_starts_where_the_last_one_ended(
    book: tuple[Person, list[str]], admin: Admin
) -> None:
    """Two contacts are removed behind the back of the revision: only a walk does not notice."""
    alice, _ = book
    query = LISTS[0]
    first = [await page_of(alice, page, 5, query) for page in (1, 2)]
    admin.rows(f"DELETE FROM {alice.shard}.contact WHERE owner_id = %s AND id IN %s", alice.uid, first[0][:2])
    after = as_stored(admin, alice, 1, 13, query)[8:]
    assert await page_of(alice, 3, 5, query) == after
