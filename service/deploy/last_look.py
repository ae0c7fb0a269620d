"""Keep the result of the last full comparison of tables while no statement can have changed them.

A server with a thousand shards opens tens of thousands of tables for a comparison. It also counts the
statements that define tables, views, triggers and events, since its start. As long as that number is the
same, and the files and the applied migrations are, too, so is the result. A changed file below the server, or
a write to `mysql.event`, counts as no statement: `make drift` always looks at everything.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import orjson

from service.deploy.difference import Difference
from service.deploy.plan import Files
from service.deploy.state import State
from service.errors import CommandError
from service.local.directories import make_private
from service.local.whole_file import whole_file
from service.settings import Settings
from service.store.admin import Connection

COUNTERS = "^COM_(ALTER|CREATE|DROP|RENAME)_(DB|DB_UPGRADE|TABLE|INDEX|VIEW|TRIGGER|EVENT|SEQUENCE)$"
"""Statements that change what is compared. Those for routines, accounts and rights do not."""
COUNTED = """
    SELECT CAST(COALESCE(SUM(VARIABLE_VALUE), 0) AS SIGNED)
    FROM information_schema.{scope}_STATUS
    WHERE VARIABLE_NAME REGEXP %s
"""
STARTED = """
    SELECT UNIX_TIMESTAMP() - VARIABLE_VALUE
    FROM information_schema.GLOBAL_STATUS
    WHERE VARIABLE_NAME = 'UPTIME'
"""

_own: dict[str, dict[int, int]] = {}
"""Statements on scratch databases by server and connection of this process."""
_looks: dict[str, LastLook] = {}
"""What this process has kept or recalled, by server."""


class LastLook:
    """The result of one comparison, with the state of the server before it."""

    def __init__(self, settings: Settings, connection: Connection, files: Files, state: State) -> None:
        """Note the state of the server: create it before tables are read."""
        self._place = _place(connection)
        self._file = Path(settings.run_dir).absolute() / f"comparison-{self._place}.json"
        # The nodes of a cluster count the statements of others in their own way.
        self._is_usable = not connection.one("SELECT @@GLOBAL.wsrep_on")
        self._others = _count(connection, "GLOBAL") - self._own()
        self._key = _key(connection, files, state)
        self._differences: Sequence[Difference] = ()

    def recall(self) -> list[Difference] | None:
        """Return the result of the last comparison; None when it may not hold any more."""
        try:
            content = orjson.loads(self._file.read_bytes())
            statements, key = content["statements"], content["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not self._is_usable or key != self._key or statements != self._others + self._own():
            return None
        differences = [_difference(each) for each in content["differences"]]
        self._differences = differences
        _looks[self._place] = self
        return differences

    def keep(self, differences: Sequence[Difference]) -> None:
        """Keep a result for the next commands of this account."""
        self._differences = differences
        _looks[self._place] = self
        self.write()

    def write(self) -> None:
        """Write the result with the number of statements that the next command has to find."""
        content = {
            "key": self._key,
            "statements": self._others + self._own(),
            "differences": [dataclasses.asdict(each) for each in self._differences],
        }
        # Without it, the next command looks at everything.
        with suppress(OSError, CommandError):
            make_private(self._file.parent)
            with whole_file(self._file) as file:
                file.write(orjson.dumps(content))

    def _own(self) -> int:
        return sum(_own.get(self._place, {}).values())


def note_own(connection: Connection) -> None:
    """Note the statements of a connection that defines nothing outside of scratch databases."""
    place = _place(connection)
    _own.setdefault(place, {})[connection.raw.thread_id()] = _count(connection, "SESSION")
    if place in _looks:
        _looks[place].write()


def _place(connection: Connection) -> str:
    server = connection.server
    address = server.unix_socket or f"{server.host}:{server.port}"
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _count(connection: Connection, scope: str) -> int:
    return int(connection.one(COUNTED.format(scope=scope), COUNTERS))


def _key(connection: Connection, files: Files, state: State) -> str:
    """Return a digest of all that a result depends on, besides the statements since the start."""
    scripts = [
        (kind, scope, script.name, script.digest)
        for kind, by_scope in (("migration", files.migrations), ("view", files.views))
        for scope, each in by_scope.items()
        for script in each
    ]
    parts = (
        connection.one(STARTED), connection.rows("SELECT VERSION(), CURRENT_USER()"), _code(), scripts,
        state.deployed, sorted(state.applied.items()), sorted(state.granted),
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@cache
def _code() -> str:
    """Return a digest of the code that compares: another version may see more."""
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(code).hexdigest()


def _difference(values: dict[str, object]) -> Difference:
    return Difference(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})  # type: ignore[arg-type]
