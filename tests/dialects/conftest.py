"""Clients of /api/v1 who leave when their test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from yarl import URL

from service.demo import Registry
from tests.dialects.rest import Client, make_key
from tests.people import People, Person

ClientMaker = Callable[..., Awaitable[Client]]


@pytest.fixture
async def client_of(people: People, registry: Registry) -> AsyncIterator[ClientMaker]:
    """Makes clients: of a new person, or of one there is; with a key of this scope, or without a token."""
    made: list[Client] = []

    async def make(
        name: str = "Alice", *, person: Person | None = None, scope: str = "agent", base: URL | None = None
    ) -> Client:
        who = person or await people.registered(name)
        client = Client(who, make_key(registry, who, scope) if scope else "", base)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.http.close()
