"""A connection that notes the statements of a deploy, and sends none that writes: for `make plan SQL=1`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from service.store.admin import Connection

SECRET = "IDENTIFIED BY %s"  # noqa: S105  # it has none


class Recorder(Connection):
    """Notes what is run in `statements`; reads go to the real connection."""

    def __init__(self, real: Connection) -> None:
        self._real = real
        self.statements: list[str] = []
        self.server = real.server
        self.raw = SimpleNamespace(select_db=lambda db: self.statements.append(f"USE `{db}`"))

    def run(self, statement: str, *args: object) -> int:
        """Note a statement with its values; a password, which comes last, is left out."""
        text = statement.replace(SECRET, "IDENTIFIED BY '…'")
        values = args if text == statement else args[:-1]
        with self._real.raw.cursor() as cursor:
            self.statements.append(cursor.mogrify(text, values or None))
        return 0

    @contextmanager
    def without_limit(self) -> Iterator[None]:
        """Do nothing: no statement runs."""
        yield

    def rows(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        """Return the rows that the server has now."""
        return self._real.rows(statement, *args)
