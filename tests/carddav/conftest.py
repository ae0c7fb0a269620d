"""Open address books of users as CardDAV does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.admin.acting import acting_as, caller_of
from service.admin.registry import Registry
from service.carddav.book import Book
from service.settings import Settings
from tests.support.address_books import BookMaker
from tests.support.people import Person


@pytest.fixture
async def book_of(settings: Settings, registry: Registry) -> AsyncIterator[BookMaker]:
    """Open address books of users as CardDAV does."""
    contexts = []

    async def make(person: Person) -> Book:
        manager = acting_as(settings, caller_of(registry, person.uid), "carddav")
        contexts.append(manager)
        return Book(await manager.__aenter__())

    yield make
    for manager in contexts:
        await manager.__aexit__(None, None, None)
