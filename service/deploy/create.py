"""The statement that installs a routine: with its owner, and with its header as a comment."""

from __future__ import annotations

import pymysql

from service.schema.routines import Routine
from service.store.admin import DEFINER, DeployError

LONGEST_COMMENT = 16_000
"""Bytes. From 65,536 on, MariaDB drops the old routine and then refuses the new one."""


def comment_of(routine: Routine, revision: str) -> str:
    """Return the COMMENT of a routine: its header, its file, and the digests that identify its version."""
    stamp = f"[{routine.path} {routine.digest} {routine.fingerprint} {revision or 'unknown'}]"
    text = f"{routine.header}\n{stamp}"
    if len(text.encode()) > LONGEST_COMMENT:
        raise DeployError(f"{routine.path}: the header is longer than {LONGEST_COMMENT} bytes")
    return text


def create_statement(routine: Routine, revision: str) -> str:
    """Return the CREATE statement with definer and comment."""
    head = f"CREATE OR REPLACE {routine.kind} {routine.name}("
    quoted = pymysql.converters.escape_string(comment_of(routine, revision))
    sent = f"CREATE OR REPLACE DEFINER = {DEFINER} {routine.kind} {routine.name}("
    before, clause, after = routine.statement.replace(head, sent, 1).partition("    SQL SECURITY DEFINER\n")
    if not clause or not after.startswith("BEGIN"):
        raise DeployError(f"{routine.path}: SQL SECURITY DEFINER must stand in front of BEGIN")
    return f"{before}{clause}    COMMENT '{quoted}'\n{after}"
