"""Create or upgrade the registry and every shard, idempotently."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pymysql

from service.deploy.files import Routine, Script, load_migrations, load_routines, load_views
from service.settings import Server, Settings, SettingsError, database_servers

DEFINER = "'drumee_definer'@'localhost'"
"""Owns every routine and view. The account is locked: nobody can sign in as it."""
SQL_MODE = (
    "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"
)
LEASE_SECONDS = 300
SHARD_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
RESERVED_NAMES = {"yp", "mysql", "sys", "information_schema", "performance_schema"}

BOOTSTRAP = (
    "CREATE DATABASE IF NOT EXISTS yp CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
    """CREATE TABLE IF NOT EXISTS yp.deploy_item (
        db_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        kind    ENUM ('migration', 'view') NOT NULL,
        name    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        digest  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        ctime   INT UNSIGNED NOT NULL,
        PRIMARY KEY (db_name, kind, name)
    ) ENGINE = InnoDB COMMENT 'migrations and views that were applied'""",
    """CREATE TABLE IF NOT EXISTS yp.deploy_lease (
        name   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        holder VARCHAR(255) NOT NULL,
        until  INT UNSIGNED NOT NULL,
        PRIMARY KEY (name)
    ) ENGINE = InnoDB COMMENT 'who deploys right now; a row, because GET_LOCK does not hold on a cluster'""",
    "INSERT IGNORE INTO yp.deploy_lease (name, holder, until) VALUES ('deploy', '', 0)",
    f"CREATE USER IF NOT EXISTS {DEFINER} ACCOUNT LOCK",
)


class DeployError(RuntimeError):
    """The deploy cannot go on; the message says why and what to do."""


class Deployer:
    """One deploy over one admin connection.

    `say` gets one line per thing done; `counts` tells afterwards what was done how often.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None] = print) -> None:
        url = settings.db_admin or settings.db
        if not url:
            raise SettingsError("DRUMEE_DB_ADMIN is not set")
        self.settings = settings
        self.say = say
        self.counts: Counter[str] = Counter()
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self.connection = connect(database_servers(url, "DRUMEE_DB_ADMIN"))

    def deploy(self, new_shard: str | None = None) -> Counter[str]:
        """Apply whatever is missing. Running it again continues where it was killed."""
        self._each(BOOTSTRAP)
        self._take_lease()
        try:
            self._deploy_database("yp", "yp")
            for name in filter(None, (self.settings.db_shard, new_shard)):
                self._ensure_shard(name)
            for (name,) in self._rows("SELECT name FROM yp.shard ORDER BY name"):
                self._ensure_database(name)
                self._deploy_database(name, "shard")
            self._grant_all()
        finally:
            self._run("UPDATE yp.deploy_lease SET until = 0 WHERE holder = %s", self.holder)
        return self.counts

    def add_shard(self, name: str) -> None:
        """Register a new shard, then deploy it. Naming one that exists changes nothing."""
        if not SHARD_NAME.fullmatch(name) or name in RESERVED_NAMES:
            raise DeployError(
                f"{name!r} cannot name a shard: up to 48 of a-z, 0-9, _; a letter first; no system database"
            )
        self.deploy(name)

    def _take_lease(self) -> None:
        taken = self._run(
            "UPDATE yp.deploy_lease SET holder = %s, until = UNIX_TIMESTAMP() + %s "
            "WHERE name = 'deploy' AND until < UNIX_TIMESTAMP()",
            self.holder,
            LEASE_SECONDS,
        )
        if not taken:
            ((holder, until),) = self._rows("SELECT holder, until - UNIX_TIMESTAMP() FROM yp.deploy_lease")
            raise DeployError(
                f"{holder} is deploying; if that process is dead, wait {until} s and run `make deploy` again"
            )

    def _ensure_shard(self, name: str) -> None:
        self._ensure_database(name)
        self._run("INSERT IGNORE INTO yp.shard (name, ctime) VALUES (%s, UNIX_TIMESTAMP())", name)

    def _ensure_database(self, name: str) -> None:
        self._run(
            f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
        )

    def _deploy_database(self, db: str, scope: str) -> None:
        self.connection.select_db(db)
        # the definer needs its rights before a view of his can be made
        self._run(f"GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON `{db}`.* TO {DEFINER}")
        done = {
            (kind, name): digest
            for kind, name, digest in self._rows(
                "SELECT kind, name, digest FROM yp.deploy_item WHERE db_name = %s", db
            )
        }
        for script in load_migrations(scope):
            self._migrate(db, script, done.get(("migration", script.name)))
        for script in load_views(scope):
            if done.get(("view", script.name)) != script.digest:
                self._apply(db, "view", script)
        self._deploy_routines(db, [r for r in load_routines() if r.scope == scope])

    def _migrate(self, db: str, script: Script, applied: str | None) -> None:
        if applied is None:
            self._apply(db, "migration", script)
        elif applied != script.digest:
            raise DeployError(
                f"{script.path} was changed after it was applied to {db}; "
                "migrations are append-only: undo the edit and write a new one"
            )

    def _apply(self, db: str, kind: str, script: Script) -> None:
        replace = (
            "CREATE OR REPLACE VIEW",
            f"CREATE OR REPLACE DEFINER = {DEFINER} SQL SECURITY DEFINER VIEW",
        )
        self._each(tuple(s.replace(*replace) for s in script.statements))
        self._run(
            "REPLACE INTO yp.deploy_item (db_name, kind, name, digest, ctime) "
            "VALUES (%s, %s, %s, %s, UNIX_TIMESTAMP())",
            db, kind, script.name, script.digest,
        )  # fmt: skip
        self._done(kind, f"{db}: {kind} {script.name}")

    def _deploy_routines(self, db: str, routines: Sequence[Routine]) -> None:
        installed = {
            name: (comment, body)
            for name, comment, body in self._rows(
                "SELECT name, comment, MD5(body) FROM mysql.proc WHERE db = %s", db
            )
        }
        for routine in routines:
            body = hashlib.md5(routine.body.encode(), usedforsecurity=False).hexdigest()
            if installed.pop(routine.name, None) == (comment_of(routine), body):
                self.counts["unchanged"] += 1
                continue
            self._run(create_statement(routine))
            self._done("routine", f"{db}: {routine.kind.lower()} {routine.name}")
        for name in installed:
            self.say(f"{db}: {name} is not in the files; left alone")

    def _grant_all(self) -> None:
        """The service's account may EXECUTE and nothing else."""
        server = database_servers(self.settings.db)[0]
        host = "localhost" if server.unix_socket else "%"
        self._run("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", server.user, host, server.password)
        for (name,) in [("yp",), *self._rows("SELECT name FROM yp.shard")]:
            self._run(f"GRANT EXECUTE ON `{name}`.* TO %s@%s", server.user, host)

    def _done(self, what: str, line: str) -> None:
        self.counts[what] += 1
        self.say(line)

    def _each(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self._run(statement)

    def _run(self, statement: str, *args: object) -> int:
        with self.connection.cursor() as cursor:
            return int(cursor.execute(statement, args or None))

    def _rows(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, args or None)
            return list(cursor.fetchall())


def comment_of(routine: Routine) -> str:
    """What the server keeps beside a routine: its first sentence, its file, the hash of its statement."""
    summary = routine.header.splitlines()[0].partition(": ")[2]
    return f"{summary[:500]} [{routine.path} {routine.digest}]"


def create_statement(routine: Routine) -> str:
    """The statement as it is sent: with the definer and the comment, which files do not repeat."""
    head = f"CREATE OR REPLACE {routine.kind} "
    quoted = pymysql.converters.escape_string(comment_of(routine))
    text = routine.statement.replace(head, f"CREATE OR REPLACE DEFINER = {DEFINER} {routine.kind} ", 1)
    return text.replace(
        "    SQL SECURITY DEFINER\nBEGIN",
        f"    SQL SECURITY DEFINER\n    COMMENT '{quoted}'\nBEGIN",
        1,
    )


def connect(servers: Sequence[Server]) -> Any:
    """An admin connection to the first server that answers; routines freeze its sql_mode and charset."""
    error: Exception | None = None
    for server in servers:
        try:
            return pymysql.connect(
                **server.connect_args,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=5,
                # making an encryption context takes longer than the whole connection, and a socket needs none
                ssl_disabled=bool(server.unix_socket),
                init_command=f"SET sql_mode = '{SQL_MODE}', collation_connection = 'utf8mb4_unicode_520_ci'",
            )
        except pymysql.err.OperationalError as exc:
            error = exc
    raise DeployError(f"no MariaDB server answers: {error}")
