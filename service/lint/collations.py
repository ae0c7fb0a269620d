"""Lint rules: a text has the collation that the file names, or that of the database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from service.lint.finding import Violations
from service.schema.sqltext import code_only

if TYPE_CHECKING:
    from service.lint.migrations import ScriptText
    from service.lint.routines import RoutineText

JSON_TEXT = re.compile(
    r"\b(?P<column>\w+)\s+(?:(?:VAR)?CHAR\b(?:\s*\(\s*\d+\s*\))?|(?:TINY|MEDIUM|LONG)?TEXT\b)"
    r"(?P<attributes>[^,;]*?)\bPATH\b",
    re.IGNORECASE,
)
"""A text column of JSON_TABLE: no other SQL has a PATH."""


def json_columns_have_a_collation(r: RoutineText | ScriptText) -> Violations:
    """MariaDB 10.11.18 gives such a column utf8mb4_general_ci, 10.11.19 the collation of the database."""
    for match in JSON_TEXT.finditer(r.code):
        if not re.search(r"\bCOLLATE\b", match["attributes"], re.IGNORECASE):
            column = match["column"]
            yield (
                r.body_start + match.start(),
                f"{column}: add the COLLATE of what it is compared with, else utf8mb4_unicode_520_ci",
            )


JSON_ID = re.compile(
    r"\b(?:WHERE|ON|AND|OR|NOT)\s+\(*(?P<column>(?:\w+\.)?(?!(?:v|in|out|inout)_)(?:uid|id|\w+_id))"
    r"\s*(?:=|<=>|\bIN\s*\()\s*JSON_VALUE\s*\(",
    re.IGNORECASE,
)
"""A condition that compares the id in a row with a value of JSON."""


def json_ids_are_variables(r: RoutineText) -> Violations:
    """JSON_VALUE is utf8mb4, ids are ascii: MariaDB converts the id of every row and uses no index of it."""
    for match in JSON_ID.finditer(r.code):
        column = match["column"]
        yield (
            r.body_start + match.start("column"),
            f"{column} = JSON_VALUE(…): DECLARE a variable CHAR(16) COLLATE ascii_bin, and compare with it",
        )


CHARACTER_SET = re.compile(r"\b(?:CHARACTER\s+SET|CHARSET)\s*=?\s*\w+", re.IGNORECASE)


def collations_stand_alone(r: RoutineText | ScriptText) -> Violations:
    """A collation names its character set; a character set alone gets whatever collation the server has."""
    for match in CHARACTER_SET.finditer(code_only(r.text)):
        yield (
            match.start(),
            f"{' '.join(match[0].split())}: write COLLATE and the name of a collation instead",
        )
