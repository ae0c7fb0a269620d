"""Try a database with real reads after its routines changed, and bring back those it had when a read fails.

The examples of the headers run in scratch databases before a deploy (examples.py), with demo people. Here
they run on the canary itself: as they are, and with real people, contacts, tags and groups in place of the
demo ones. Only routines that read are called, in a transaction that reads and is rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pymysql
from pymysql.converters import escape_string

from service import as_typed
from service.deploy.examples import FailedExample, attempt, reached, reaching, title
from service.deploy.fault_lines import fault_of_name
from service.deploy.plan import Item, Plan
from service.deploy.scene import ALICE, BOB, TEAM
from service.deploy.state import scope_of
from service.schema.header import read_header
from service.schema.routines import Routine, Script
from service.store.admin import SESSION as ADMIN_SESSION
from service.store.admin import Connection, DeployError

PEOPLE = 3
"""People whose reads are tried: those with most contacts among CANDIDATES."""
CANDIDATES = 200
STATEMENT_SECONDS = 10
FAILURES = 5
"""Failures that the message has."""
SECOND_TRY_SECONDS = 0.2
"""A read that failed runs once more after this time: it may have met a lock, or a move."""
SESSION = (
    "SET SESSION tx_isolation = 'READ-COMMITTED', "
    f"max_statement_time = {STATEMENT_SECONDS}, lock_wait_timeout = 1, innodb_lock_wait_timeout = 1"
)
REFUSED = 1644
"""SIGNAL: the routine has answered, with a code such as NOT_FOUND."""
NOT_COMPARABLE = {1305, 1318}
"""The routine did not exist before, or had other parameters: it must not fail now."""

USERS = "SELECT db_name, COUNT(*) FROM yp.entity WHERE type = 'drumate' GROUP BY db_name"
PEOPLE_OF = """
    SELECT e.id, (SELECT COUNT(*) FROM contact AS c WHERE c.owner_id = e.id) AS contacts
    FROM (SELECT id FROM yp.entity WHERE db_name = DATABASE() AND type = 'drumate' LIMIT %s) AS e
    ORDER BY contacts DESC, e.id
    LIMIT %s
"""
VALUES = {
    BOB: "SELECT peer_id FROM contact WHERE owner_id = %s AND peer_id IS NOT NULL LIMIT 1",
    TEAM: "SELECT id FROM yp.entity WHERE db_name = DATABASE() AND type = 'hub' AND %s <> '' LIMIT 1",
    "0000000000000c01": "SELECT id FROM contact WHERE owner_id = %s LIMIT 1",
    "0000000000000d01": "SELECT tag_id FROM tag WHERE owner_id = %s LIMIT 1",
    "'Pioneers'": "SELECT name FROM contact_group WHERE owner_id = %s LIMIT 1",
    "'alice@example.org'": "SELECT email FROM yp.drumate WHERE id = %s",
    "'ada@math.example'": "SELECT email FROM contact WHERE owner_id = %s AND email IS NOT NULL LIMIT 1",
}
"""What takes the place of a value in the examples, for one owner. A quoted value is a whole string."""


@dataclass(frozen=True)
class Read:
    """One call."""

    routine: Routine
    statement: str


@dataclass(frozen=True)
class Answer:
    """What a read gave: 0, the code of a refusal, or the error of the server."""

    number: int
    message: str = ""

    def is_worse_than(self, before: Answer) -> bool:
        """Return whether a read worked before and fails now, or answered before and is refused now."""
        return self.message != before.message and self._rank > before._rank

    @property
    def _rank(self) -> int:
        return {0: 0, REFUSED: 1}.get(self.number, 2)


@dataclass(frozen=True)
class Earlier:
    """A routine as it was before the deploy."""

    statement: str
    sql_mode: str
    collation: str


def choose(connection: Connection, plan: Plan) -> str:
    """Return the shard that comes first when nobody names one: that with the fewest users, but with some.

    Return "" when there is nothing to try.
    """
    state = plan.state
    complete = [db for db in state.deployed if db not in {"yp", *state.opening}]
    touched = set(plan.databases)
    candidates = [db for db in complete if db in touched] or complete
    if not touched or not candidates or not state.is_deployed("yp"):
        return ""
    users = dict(connection.rows(USERS)) if connection.rows("SHOW TABLES FROM yp LIKE 'entity'") else {}
    return min(candidates, key=lambda db: (db not in users, users.get(db, 0)))


class Trial:
    """One database of a plan: make it before the database is changed, and `check` it afterwards."""

    def __init__(self, connection: Connection, plan: Plan, db: str, shard: str) -> None:
        """Note the routines that the plan changes in `db`, and the answers of reads of `shard` and yp.

        The connection is the trial's own.
        """
        self._connection = connection
        self._plan = plan
        self._db = db
        self.items: list[Item] = [item for item in plan.of(db) if item.kind in {"procedure", "function"}]
        self._earlier = {item.name: _earlier(connection, item) for item in self.items if item.installed}
        connection.run(SESSION)
        self._reads = self._choose(shard)
        self._shard = shard
        self._before = [_comparable(self._answer(read)) for read in self._reads]

    def _choose(self, shard: str) -> list[Read]:
        files, items = self._plan.files, self._plan.of(self._db)
        changed = {(scope_of(item.db), item.name) for item in self.items}
        has_tables = any(isinstance(item.source, Script) or item.difference for item in items)
        concerned = reaching(files.routines, changed)
        routines = [
            r for r in files.routines
            if r.access in {"READS", "NO"} and (has_tables or (r.scope, r.name) in concerned)
        ]  # fmt: skip
        self._connection.raw.select_db(shard)
        people = [{}, *(self._values(uid) for (uid, _) in self._people())]
        return list(
            dict.fromkeys(
                Read(routine, _with_values(example, values))
                for routine in routines
                for example in read_header(routine).examples
                for values in people
            )
        )

    def _people(self) -> list[tuple[str, int]]:
        try:
            return self._connection.rows(PEOPLE_OF, CANDIDATES, PEOPLE)
        except pymysql.err.ProgrammingError:  # the shard has no tables yet
            return []

    def _values(self, uid: str) -> dict[str, str]:
        real = {value: self._connection.one(query, uid) for value, query in VALUES.items()}
        return {ALICE: uid, **{value: text for value, text in real.items() if text}}

    def check(self) -> str:
        """Read again; return a text about what worked before and fails now, "" when all is well."""
        worse = [
            (read, before)
            for read, before in zip(self._reads, self._before, strict=True)
            if self._answer(read).is_worse_than(before)
        ]
        if worse:
            time.sleep(SECOND_TRY_SECONDS)
        answers = [(read, before, self._answer(read)) for read, before in worse]
        failures = [
            self._failure(read, after) for read, before, after in answers if after.is_worse_than(before)
        ]
        more = [f"… and {len(failures) - FAILURES} more reads"] if len(failures) > FAILURES else []
        return "\n".join([*failures[:FAILURES], *more])

    @property
    def undone(self) -> list[Item]:
        """Return the items that say what is taken back: `restore` undoes the item of the same digests."""
        return [
            replace(item, action="restore" if item.name in self._earlier else "drop", why="a read failed")
            for item in self.items
        ]

    @property
    def statements(self) -> Iterator[str]:
        """Return the statements that bring back the routines that the database had."""
        yield f"USE `{self._db}`"
        for item in self.items:
            if earlier := self._earlier.get(item.name):
                yield (
                    f"SET SESSION sql_mode = '{earlier.sql_mode}', collation_connection = {earlier.collation}"
                )
                yield earlier.statement
            else:
                yield f"DROP {item.kind.upper()} IF EXISTS `{self._db}`.`{item.name}`"
        yield ADMIN_SESSION

    @property
    def next_step(self) -> str:
        """Return what was taken back, and what to do."""
        stays = {f"{i.kind}s" for i in self._plan.of(self._db) if isinstance(i.source, Script)}
        rest = f"; its new {' and '.join(sorted(stays))} stay" if stays else ""
        again = as_typed(f"deploy CANARY={self._shard}")
        anyway = as_typed("deploy SKIP_EXAMPLES=1")
        return (
            f"{self._db} has the routines again that it had before ({len(self.items)} taken back)"
            f"{rest}. Databases after it were not touched. Mend the file, then `{again}`. "
            f"`{anyway}` deploys without such a trial"
        )

    def _answer(self, read: Read) -> Answer:
        db = "yp" if read.routine.scope == "yp" else self._shard
        self._connection.raw.select_db(db)
        self._connection.run("START TRANSACTION READ ONLY")
        try:
            error = attempt(self._connection, title(read.routine), read.statement)
        finally:
            if self._connection.raw.open:
                self._connection.raw.rollback()
        return Answer(0) if error is None else Answer(error[0], f"({error[0]}) {error[1]}")

    def _failure(self, read: Read, after: Answer) -> str:
        routine, files = read.routine, self._plan.files
        names = reached(files.routines, {(routine.scope, routine.name)})
        changed = {(scope_of(item.db), item.name) for item in self.items}
        others = [r for r in files.routines if (r.scope, r.name) in names]
        others.sort(key=lambda r: ((r.scope, r.name) not in changed, r is not routine))
        blamed = [r for r in others if (r.scope, r.name) in changed and r is not routine]
        place = fault_of_name(others, after.message)
        if not place and blamed and (routine.scope, routine.name) not in changed:
            place = str(blamed[0].path)
        return str(FailedExample(title(routine), read.statement, after.message, place))


def _comparable(answer: Answer) -> Answer:
    return Answer(REFUSED, answer.message) if answer.number in NOT_COMPARABLE else answer


def _with_values(example: str, values: Mapping[str, str]) -> str:
    for demo, real in values.items():
        example = example.replace(demo, f"'{escape_string(real)}'" if demo.startswith("'") else real)
    return example


def _earlier(connection: Connection, item: Item) -> Earlier:
    assert item.installed is not None  # noqa: S101  # for mypy
    kind = item.installed.kind
    ((_, mode, text, _, collation, _),) = connection.rows(f"SHOW CREATE {kind} `{item.db}`.`{item.name}`")
    if text is None:
        raise DeployError(
            f"the text of {item.db}.{item.name} cannot be read, so that the canary could not be taken back: "
            "the account of DRUMEE_DB_ADMIN needs SELECT on mysql.proc"
        )
    return Earlier(text.replace("CREATE DEFINER", "CREATE OR REPLACE DEFINER", 1), mode, collation)
