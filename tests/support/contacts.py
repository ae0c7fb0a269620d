"""Contacts and groups of a user, over the RPC."""

from __future__ import annotations

from typing import Any

from tests.support.people import Person


def email_list(*addresses: str) -> list[dict[str, Any]]:
    """Return a list of addresses, the first of them the default one."""
    return [{"email": a, "is_default": int(i == 0)} for i, a in enumerate(addresses)]


async def add_contact(person: Person, name: str, address: str, **more: Any) -> dict[str, Any]:
    first, _, last = name.partition(" ")
    contact: dict[str, Any] = await person.ok(
        "contact.add", firstname=first, lastname=last, email=email_list(address), **more
    )
    return contact


async def surnames(person: Person, **args: Any) -> list[str]:
    return [c["surname"] for c in await person.ok("contact.show_contact", **args)]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [r["id"] for r in rows]


async def add_group(person: Person, name: str = "Pioneers", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await person.ok("contact.create_group", name=name, **more)
    return made
