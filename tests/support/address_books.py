"""Address books of users, opened as CardDAV opens them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service.carddav.book import Book
from tests.support.people import Person

BookMaker = Callable[[Person], Awaitable[Book]]
