"""Lint rules for the scripts in sql/."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from service import ROOT
from service.lint.collations import collations_stand_alone, json_columns_have_a_collation
from service.lint.directory import shards_read_the_directory
from service.lint.finding import Violations
from service.lint.layout import lines_fit
from service.schema.sqltext import (
    code_only,
)

TRIGGER_BODY = re.compile(r"(?<=\bFOR EACH ROW\b).*?;(?=\n|$)", re.DOTALL)
"""A trigger is one statement; it ends with `;` at the end of a line."""


@dataclass(frozen=True)
class ScriptText:
    """A migration or a view, and its text."""

    path: Path
    scope: str
    text: str

    @cached_property
    def code(self) -> str:
        """The code without comments and strings."""
        return code_only(self.text)

    @cached_property
    def run_code(self) -> str:
        """The code that a deploy runs: without the bodies of triggers, which run later, in their table."""
        return TRIGGER_BODY.sub(lambda body: re.sub(r"[^\n]", " ", body[0]), self.code)

    @property
    def body_start(self) -> int:
        """Offset of the code in the file: migrations and views are code from their first line."""
        return 0


CREATE_TABLE = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>[\w`.]+)(?P<rest>[^;]*)",
    re.IGNORECASE,
)


def tables_are_innodb(s: ScriptText) -> Violations:
    """Only InnoDB takes part in transactions, and only InnoDB is replicated by Galera."""
    for match in CREATE_TABLE.finditer(s.code):
        if not re.search(r"\bENGINE\s*=\s*InnoDB\b", match["rest"], re.IGNORECASE):
            yield match.start(), f"table {match['name']}: write ENGINE = InnoDB"
    for match in re.finditer(r"\bALTER\s+TABLE[^;]*?\bENGINE\s*=\s*(?!InnoDB\b)\w+", s.code, re.IGNORECASE):
        yield match.start(), "take the ENGINE out: every table is InnoDB"


def tables_have_a_primary_key(s: ScriptText) -> Violations:
    """Without one, InnoDB hides a key of its own, and Galera and row replication search the whole table."""
    for match in CREATE_TABLE.finditer(s.code):
        key = re.search(r"PRIMARY\s+KEY\s*\(\s*`?(\w+)", match["rest"], re.IGNORECASE)
        if key is None:
            yield match.start(), f"table {match['name']}: add PRIMARY KEY (…) below the columns"
        elif s.scope == "shard" and key[1] != "owner_id":
            yield match.start(), f"table {match['name']}: a key of a shard table begins with owner_id"
    for match in re.finditer(r"\bALTER\s+TABLE[^;]*?\bDROP\s+PRIMARY\s+KEY\b[^;]*", s.code, re.IGNORECASE):
        if not re.search(r"\bADD\s+PRIMARY\s+KEY\b", match[0], re.IGNORECASE):
            yield match.start(), "add the new PRIMARY KEY in the same ALTER TABLE"


def migrations_stay_in_their_database(s: ScriptText) -> Violations:
    """A script runs in every shard, and in a scratch database for every check of drift."""
    verbs = r"\b(?:TABLE(?:\s+IF\s+(?:NOT\s+)?EXISTS)?|INTO|UPDATE|FROM|TRIGGER|USE)\s+`?yp`?\s*\."
    for match in re.finditer(rf"{verbs}|\bUSE\s+\w+", s.run_code, re.IGNORECASE):
        yield match.start(), f"{' '.join(match[0].split())}: name the table alone"


def migrations_are_numbered(s: ScriptText) -> Violations:
    """Two with one number are applied in an order that nobody chose; a gap looks like a lost migration."""
    if not re.fullmatch(r"\d{4}_[a-z0-9_]+", s.path.stem):
        yield 0, "name it NNNN_what_it_does.sql"
        return
    others = {p.stem[:4]: p.name for p in (ROOT / s.path.parent).glob("[0-9]*.sql") if p.name != s.path.name}
    number = s.path.stem[:4]
    before = f"{int(number) - 1:04}"
    if number in others:
        yield 0, f"{others[number]} has the same number; take the next free one"
    elif before not in others and number != "0001":
        yield 0, f"there is no migration {before}; numbers have no gaps"


def migrations_say_how_to_undo(s: ScriptText) -> Violations:
    """Operators must not have to invent the way back at night, with the service down."""
    if not re.search(r"^-- (?:no )?undo: \S", s.text, re.MULTILINE):
        yield 0, "add `-- undo: the statements that take it back`, or `-- no undo: why there is none`"


def migrations_can_be_repeated(s: ScriptText) -> Violations:
    """A deploy runs the whole script again after a kill."""
    patterns = (
        (r"\bCREATE OR REPLACE TABLE \w", "CREATE TABLE IF NOT EXISTS; this one drops what is there"),
        (r"\bCREATE (?:TEMPORARY )?TABLE (?!IF NOT EXISTS)\w", "CREATE TABLE IF NOT EXISTS"),
        (r"\bCREATE (?:UNIQUE )?INDEX (?!IF NOT EXISTS)\w", "CREATE INDEX IF NOT EXISTS"),
        (r"\bTRIGGER (?!IF (?:NOT )?EXISTS)\w", "CREATE TRIGGER IF NOT EXISTS"),
        (
            r"\bADD CONSTRAINT (?!IF NOT EXISTS)\w+ (?!FOREIGN KEY IF NOT EXISTS)\w",
            "ADD CONSTRAINT name FOREIGN KEY IF NOT EXISTS",
        ),
        (r"\bDROP TABLE (?!IF EXISTS)\w", "DROP TABLE IF EXISTS"),
        (r"\bADD COLUMN (?!IF NOT EXISTS)\w", "ADD COLUMN IF NOT EXISTS"),
        (r"\bDROP COLUMN (?!IF EXISTS)\w", "DROP COLUMN IF EXISTS"),
        (r"\bADD (?:UNIQUE )?(?:KEY|INDEX) (?!IF NOT EXISTS)\w", "ADD KEY IF NOT EXISTS"),
        (r"\bDROP (?:KEY|INDEX) (?!IF EXISTS)\w", "DROP KEY IF EXISTS"),
        (r"\bINSERT INTO\b", "INSERT IGNORE INTO"),
    )
    for pattern, instead in patterns:
        for match in re.finditer(rf"{pattern}\w*".replace(" ", r"\s+"), s.run_code, re.IGNORECASE):
            if not _is_replaced(s.run_code, match):
                yield match.start(), f"{' '.join(match[0].split()[:-1]) or match[0]}: write {instead}"


def _is_replaced(code: str, addition: re.Match[str]) -> bool:
    """Return whether the same ALTER TABLE drops first, IF EXISTS, the column or key that it adds.

    There, IF NOT EXISTS would find the old one, and leave the table without it.
    """
    before = code[code.rfind(";", 0, addition.start()) + 1 : addition.start()]
    name = re.escape(addition[0].split()[-1])
    drop = rf"\bDROP\s+(?:COLUMN|KEY|INDEX)\s+IF\s+EXISTS\s+{name}\b"
    return addition[0].upper().startswith("ADD") and re.search(drop, before, re.IGNORECASE) is not None


SCRIPT_RULES: tuple[Callable[[ScriptText], Violations], ...] = (
    tables_are_innodb,
    tables_have_a_primary_key,
    migrations_are_numbered,
    migrations_stay_in_their_database,
    migrations_say_how_to_undo,
    migrations_can_be_repeated,
    json_columns_have_a_collation,
    collations_stand_alone,
    lines_fit,
)


VIEW_RULES: tuple[Callable[[ScriptText], Violations], ...] = (
    json_columns_have_a_collation,
    collations_stand_alone,
    lines_fit,
    shards_read_the_directory,
)
