"""desk.*: the search box at the top of the desk."""

from __future__ import annotations

from typing import Any

from service.admin.registry import Registry
from tests.support.people import People, Person


async def search(person: Person, query: str) -> list[dict[str, Any]]:
    """Send the search as the frontend fetches it."""
    answer = await person.get("desk.search", f"hub_id={person.uid}&{query}&socket_id=undefined&")
    assert answer.status == 200, answer.body
    rows: list[dict[str, Any]] = answer.data
    return rows


async def test_the_search_box_finds_contacts_and_hubs(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Zebra & friends", alice.uid, "private")
    registry.add_hub("Zebra for guests", alice.uid, "dmz")
    address = [{"email": "zeb@navy.example", "is_default": 1}]
    contact = await alice.ok("contact.add", firstname="Zebulon", email=address)
    found_hub, found_contact = await search(alice, "string=zeb&page=1&pagelength=45")
    assert (found_hub["filetype"], found_hub["hub_id"], found_hub["filename"]) == (
        "hub", hub, "Zebra & friends",
    )  # fmt: skip
    assert (found_hub["privilege"], found_hub["area"]) == (63, "private")
    assert (found_contact["filetype"], found_contact["id"]) == ("contact", contact["id"])
    assert found_contact["filename"] == "Zebulon"
    assert await search(alice, "string=zeb&page=2") == []
    assert await search(bob, "string=zeb") == []
    registry.grant(hub, bob.uid, 2)
    assert [(row["hub_id"], row["privilege"]) for row in await search(bob, "string=ZEBRA")] == [(hub, 3)]


async def test_an_absent_search_text_finds_nothing(people: People) -> None:
    alice = await people("Alice")
    for query in ("string=undefined", "string=", "page=1"):
        assert await search(alice, query) == []
    assert await search(alice, "string=%25") == []
