"""Writes of the service, and copies of the binary logs that have them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.admin import Admin


def add_contact(dba: Admin, uid: str, email: str) -> None:
    """Add a contact to an address book, as the service does."""
    db = dba.one("SELECT db_name FROM yp.entity WHERE id = %s", uid)
    contact = f'{{"firstname": "Zoë 🎈", "email": [{{"email": "{email}", "is_default": 1}}]}}'
    dba.rows(f"CALL {db}.my_contact_add(%s, %s)", uid, contact)


def copy_logs(dba: Admin, folder: Path) -> Path:
    """Copy the binary logs of the server, as a DBA does who keeps them elsewhere; return the folder."""
    dba.rows("FLUSH BINARY LOGS")
    base = Path(dba.one("SELECT @@log_bin_basename"))
    folder.mkdir()
    for name, *_ in dba.rows("SHOW BINARY LOGS"):
        shutil.copy(base.with_name(name), folder)
    return folder


def position(dba: Admin) -> tuple[str, int]:
    """Return the file and the position of the next event."""
    ((file, place, *_),) = dba.rows("SHOW MASTER STATUS")
    return file, int(place)


def emails_of_tests(dba: Admin) -> set[str]:
    """Return the contacts that the tests have added."""
    shards = [name for (name,) in dba.rows("SELECT name FROM yp.shard")]
    rows = [row for db in shards for row in dba.rows(f"SELECT email FROM {db}.contact")]
    return {email for (email,) in rows if email and email.endswith("@later.test")}
