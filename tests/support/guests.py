"""Guests who open a link to a meeting."""

from __future__ import annotations

from typing import Any

from yarl import URL

from tests.support.people import People, Person, Tab


async def guest_of(people: People, token: str, base: URL | None = None) -> tuple[Person, dict[str, Any], Tab]:
    """Open the link as a guest without an account; return (guest, answer, tab)."""
    guest = await people.stranger(base)
    ticket = await guest.ok("dmz.login", token=token)
    return guest, ticket, await guest.tab()


async def enter(guest: Person, tab: Tab, ticket: dict[str, Any], name: str) -> Any:
    """Call conference.join as the guest page does: no type in the metadata."""
    return await guest.ok(
        "conference.join",
        **{"hub_id": ticket["hub_id"], "nid": ticket["nid"], "room_id": ticket["nid"]},
        **{"socket_id": tab.id, "guest_name": name, "firstname": name, "type": "meeting"},
        metadata={"firstname": name, "lastname": "", "guest_name": name},
    )
