"""A change of an existing table by a pending migration: how it is made, and the size of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service import as_typed

SHOWN_CHARACTERS = 80
COPY = "COPY"
BY_WAY = {
    "INSTANT": "INSTANT: only the definition changes",
    "INPLACE": "INPLACE, LOCK=NONE: others read and write meanwhile",
}


@dataclass(frozen=True)
class Change:
    """A statement of a migration, and what the server says about it."""

    scope: str
    script: str
    """Name of the migration."""
    statement: str
    table: str
    way: str
    """INSTANT, INPLACE, or COPY, which makes all who write wait."""
    reason: str
    """Words of the server against a better way; "" for INSTANT."""
    sizes: Mapping[str, tuple[int, float]]
    """(rows, MB) by database, as the server estimates them."""
    big_in: frozenset[str]
    """Databases in which the table is too big to make all who write to it wait."""
    refusal: str
    """Why pt-online-schema-change cannot do it either."""
    is_allowed: bool
    """Whether ALLOW= names the table or the migration."""

    def is_online(self, db: str) -> bool:
        """Return whether pt-online-schema-change changes the table in a database."""
        return self.way == COPY and db in self.big_in and not (self.refusal or self.is_allowed)

    @property
    def is_refused(self) -> bool:
        """Whether a deploy stops because of it."""
        return bool(self.refusal) and not self.is_allowed

    def lines(self) -> list[str]:
        """Return the statement, the way and the size for a plan."""
        return [shortened(self.statement), f"  {self._how()} · {self.biggest()}"]

    def _how(self) -> str:
        if self.way != COPY:
            return BY_WAY[self.way]
        if not self.big_in:
            return "COPY: all who write to it wait, for a short time"
        if self.is_allowed:
            return "COPY, as ALLOW= says: calls that write to it wait, and fail"
        if self.refusal:
            return "COPY: refused, the table is big"
        return "pt-online-schema-change: others read and write meanwhile"

    def biggest(self) -> str:
        """Return the size of the biggest of these tables."""
        db, (rows, size) = max(self.sizes.items(), key=lambda entry: (entry[1][1], entry[0]))
        return f"about {rows:,} rows, {size:,.0f} MB in {db}"

    def refuse(self, limit: int) -> str:
        """Return why it is refused, and the ways on, in sentences."""
        return (
            f"{self.script} would make all who write to {self.table} wait until the server is done: "
            f"{self.biggest()}, and the limit is {limit} MB (DRUMEE_BIG_TABLE_MB).\n"
            f"  MariaDB: {self.reason or 'it cannot say that it needs no copy'}\n"
            f"  pt-online-schema-change: {self.refusal}\n"
            f"  `{as_typed(f'deploy ALLOW={self.table}')}` makes them wait nevertheless, at a quiet hour"
        )


def shortened(statement: str) -> str:
    """Return the beginning of a statement, on one line."""
    text = " ".join(statement.split())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 2]} …"
