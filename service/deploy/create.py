"""The statement that installs a routine: with its owner, and with its header as a comment."""

from __future__ import annotations

import re

import pymysql

from service.schema.routines import Routine
from service.schema.sqltext import code_only
from service.store.admin import DEFINER, DeployError

LONGEST_COMMENT = 16_000
"""Bytes. From 65,536 on, MariaDB drops the old routine and then refuses the new one."""

OR_REPLACE = re.compile(r"CREATE\s+OR\s+REPLACE", re.IGNORECASE)
DEFINER_CLAUSE = re.compile(r"\bSQL\s+SECURITY\s+DEFINER\b", re.IGNORECASE)


def comment_of(routine: Routine, revision: str) -> str:
    """Return the COMMENT of a routine: its header, its file, and the digests that identify its version."""
    stamp = f"[{routine.path} {routine.digest} {routine.fingerprint} {revision or 'unknown'}]"
    text = f"{routine.header}\n{stamp}"
    if len(text.encode()) > LONGEST_COMMENT:
        raise DeployError(f"{routine.path}: the header is longer than {LONGEST_COMMENT} bytes")
    return text


def create_statement(routine: Routine, revision: str) -> str:
    """Return the CREATE statement with definer and comment."""
    quoted = pymysql.converters.escape_string(comment_of(routine, revision))
    head = routine.statement[: len(routine.statement) - len(routine.body)].rstrip()
    if not DEFINER_CLAUSE.search(code_only(head)):
        raise DeployError(f"{routine.path}: SQL SECURITY DEFINER must stand in front of BEGIN")
    sent = OR_REPLACE.sub(f"CREATE OR REPLACE DEFINER = {DEFINER}", head, count=1)
    return f"{sent}\n    COMMENT '{quoted}'\n{routine.body}"
