"""media.*: what a conversation asks before it opens."""

from __future__ import annotations

from service.admin.registry import Registry
from tests.support.people import People, Person

FIELDS = {"chat_upload_id", "hub_id", "home_id", "name"}
"""What the window of a conversation reads."""


async def fetch_home(person: Person, hub: str) -> tuple[int, dict[str, str]]:
    """Return status and data of media.home, fetched as the frontend does."""
    answer = await person.get("media.home", f"hub_id={hub}&socket_id=undefined&device_id=ddi_4&")
    return answer.status, answer.data


async def test_home_of_a_user_and_of_a_hub(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team & friends", alice.uid, "private")
    desk = await alice.ok("desk.get_env")
    for place, name in ((alice.uid, "Alice Test"), (hub, "Team & friends")):
        status, home = await fetch_home(alice, place)
        assert (status, home["hub_id"], home["name"]) == (200, place, name)
        assert all(home[field] for field in FIELDS)
    assert (await fetch_home(alice, "undefined"))[1]["home_id"] == desk["home_id"]
    assert (await fetch_home(bob, hub))[0] == 403
    assert (await fetch_home(bob, alice.uid))[0] == 403
    registry.grant(hub, bob.uid, 2)
    assert (await fetch_home(bob, hub))[1] == (await fetch_home(alice, hub))[1]
    assert (await fetch_home(bob, "feedfeedfeedfeed"))[0] == 404
