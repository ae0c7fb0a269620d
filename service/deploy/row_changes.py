"""Statements of migrations that change the rows of an existing table: how many, and how long others wait.

A migration writes a change of many rows in batches: a statement that ends with LIMIT is repeated until it
changes fewer rows. Any other holds the rows that it has changed until its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pymysql

from service import as_typed
from service.deploy.change import shortened
from service.schema.sqltext import code_only
from service.store.admin import Connection, DeployError

ROWS_A_SECOND = 80_000
"""Rows that one statement changes in a second. Measured on 2026-11-28 with contact_event, 500,000 rows of 250
bytes, 2 busy cores: 80,000 by an UPDATE of one column and by a DELETE."""
LONGEST_SECONDS = 1.0
"""Callers of a big table wait no longer: a call has 5 seconds for all that it does (DRUMEE_DB_TIMEOUT)."""
WRITE = re.compile(
    r"\s*(?:(?P<update>UPDATE)\s+(?:LOW_PRIORITY\s+)?(?:IGNORE\s+)?`?(?P<updated>\w+)`?"
    r"|(?P<delete>DELETE)\s+(?:LOW_PRIORITY\s+|QUICK\s+|IGNORE\s+)*(?:\w+(?:\.\*)?\s+)?FROM\s+`?(?P<deleted>\w+)`?"
    r"|(?P<insert>INSERT|REPLACE)\s+(?:LOW_PRIORITY\s+|DELAYED\s+|HIGH_PRIORITY\s+|IGNORE\s+)*(?:INTO\s+)?"
    r"`?(?P<inserted>\w+)`?(?=.*\bSELECT\b))",
    re.IGNORECASE | re.DOTALL,
)
SOURCE = re.compile(r"\bFROM\s+`?(?P<table>\w+)`?", re.IGNORECASE)
LIMIT = re.compile(r"\bLIMIT\s+(?P<rows>\d+)\s*$", re.IGNORECASE)
OVERWRITES = re.compile(r"\s*REPLACE\b|.*\bON\s+DUPLICATE\s+KEY\b", re.IGNORECASE | re.DOTALL)
PARENTHESES = re.compile(r"\([^()]*\)")
WHERE = re.compile(r"\bWHERE\b", re.IGNORECASE)


@dataclass(frozen=True)
class Write:
    """A statement that changes rows."""

    statement: str
    table: str
    """The first that it names: the one that it changes, or joins to it."""
    source: str
    """Table whose rows decide how long it takes."""
    is_addition: bool
    """Whether it adds rows, and leaves those alone that are there."""
    batch: int
    """Rows that it changes at once, before it is repeated; 0: all."""

    @property
    def rest(self) -> str:
        """Return a query for a row that an UPDATE in batches still finds; "" when it has no condition."""
        code = LIMIT.sub("", code_only(self.statement).rstrip())
        while (flat := PARENTHESES.sub(lambda match: "." * len(match[0]), code)) != code:
            code = flat
        places = [match.end() for match in WHERE.finditer(code)]
        end = len(LIMIT.sub("", code_only(self.statement).rstrip()))
        tables = re.split(r"\bSET\b", self.statement, maxsplit=1, flags=re.IGNORECASE)[0]
        tables = re.sub(r"^\s*UPDATE\s+(LOW_PRIORITY\s+)?(IGNORE\s+)?", "", tables, flags=re.IGNORECASE)
        return f"SELECT 1 FROM {tables} WHERE {self.statement[places[-1] : end]} LIMIT 1" if places else ""


def read_write(statement: str) -> Write | None:
    """Read a statement that changes rows of a table it does not bring along; None for any other."""
    code = code_only(statement)
    match = WRITE.match(code)
    if match is None:
        return None
    table = match["updated"] or match["deleted"] or match["inserted"]
    limit = LIMIT.search(code.rstrip())
    source = SOURCE.search(code) if match["insert"] else None
    return Write(
        statement, table, source["table"] if source else table,
        bool(match["insert"]) and not OVERWRITES.match(code), int(limit["rows"]) if limit else 0,
    )  # fmt: skip


@dataclass(frozen=True)
class RowChange:
    """A statement of a migration that changes rows, and what it means for the callers."""

    scope: str
    script: str
    """Name of the migration."""
    statement: str
    write: Write
    rows: Mapping[str, int]
    """Rows that it reads or changes, by database, as the server estimates them."""
    sizes: Mapping[str, tuple[int, float]]
    """(rows, MB) of the table by database."""
    big_in: frozenset[str]
    """Databases in which the table is a big one."""
    is_allowed: bool
    """Whether ALLOW= names the table or the migration."""

    @property
    def is_refused(self) -> bool:
        """Whether a deploy stops because of it."""
        return self._is_long and not self.is_allowed

    @property
    def _is_long(self) -> bool:
        if self.write.is_addition or self.write.batch:
            return False
        return any(self.rows[db] / ROWS_A_SECOND >= LONGEST_SECONDS for db in self.big_in)

    def lines(self) -> list[str]:
        """Return the statement and what it does, for a plan."""
        return [shortened(self.statement), f"  {self._how()} · {self._biggest()}"]

    def _how(self) -> str:
        if self.write.batch:
            return f"in batches of {self.write.batch:,}, until it changes fewer: others write in between"
        if self.write.is_addition:
            return f"adds rows, {self._time()}: others read and write the rows that are there"
        if self.is_refused:
            return f"refused, the table is big: who writes to its rows would wait {self._time()}"
        return f"who writes to its rows waits {self._time()}{', as ALLOW= says' if self._is_long else ''}"

    def _time(self) -> str:
        seconds = max(self.rows.values()) / ROWS_A_SECOND
        return f"about {seconds:,.0f} s" if seconds >= LONGEST_SECONDS else "less than a second"

    def _biggest(self) -> str:
        db = max(self.rows, key=lambda name: (self.rows[name], name))
        rows, size = self.sizes[db]
        return f"about {self.rows[db]:,} of {rows:,} rows of {self.write.source}, {size:,.0f} MB, in {db}"

    def refuse(self, limit: int) -> str:
        """Return why it is refused, and the ways on, in sentences."""
        return (
            f"{self.script} would change rows of {self.write.table}, and calls that write to them would wait "
            f"{self._time()}, and fail: {self._biggest()}; a table is big from {limit} MB on "
            "(DRUMEE_BIG_TABLE_MB).\n"
            "  In batches: end the statement with LIMIT 5000, and let its WHERE leave out the rows that are "
            "changed already; a deploy repeats it until it changes fewer\n"
            f"  `{as_typed(f'deploy ALLOW={self.write.table}')}` makes them wait, at a quiet hour"
        )


def estimate(connection: Connection, db: str, write: Write, rows: int) -> int:
    """Return how many rows a statement reads or changes; all `rows` when the server cannot say it yet."""
    try:
        connection.raw.select_db(db)
        plan = connection.rows(f"EXPLAIN {write.statement}")
    except pymysql.err.MySQLError:
        return rows
    return min(rows, max((int(row[8] or 0) for row in plan), default=rows))


def run_in_batches(
    connection: Connection, write: Write, run: Callable[[str], int], pause: Callable[[int], None]
) -> None:
    """Repeat a statement until it changes less than a whole batch; `pause` gets the number of rows so far.

    So rows that a running service adds meanwhile do not keep it from its end. Raise DeployError when rows are
    left that an UPDATE finds, and does not change: it would never reach the others.
    """
    is_update = code_only(write.statement).lstrip()[:6].upper() == "UPDATE"
    total, changed = 0, write.batch
    while changed >= write.batch:
        changed = run(write.statement)
        total += changed
        if changed:
            pause(total)
    # The second time: a row may have come after the first.
    if (
        is_update
        and not changed
        and not run(write.statement)
        and (not write.rest or connection.rows(write.rest))
    ):
        raise DeployError(
            f"{shortened(write.statement)} changes no row any more, and still finds some: its WHERE must "
            "leave out the rows that are changed already"
        )
