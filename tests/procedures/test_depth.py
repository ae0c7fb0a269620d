"""A write of a contact is shallow: whoever reads it reads ten routines at most."""

from __future__ import annotations

import pytest

from service.schema.routines import RENDERING, callers_within, load_routines, reachable_routines
from service.schema.uses import routine_uses

DEEPEST = 10
ENTRIES = {
    "my_contact_add", "my_contact_update", "my_contact_create", "my_contact_patch", "my_contact_merge",
    "my_contact_restore", "my_contact_trash", "my_contact_purge", "my_contact_delete",
    "my_contact_set_defaults", "my_contact_import", "my_contact_detail_delete", "contact_invite",
    "archive_entity", "my_contact_store", "my_contact_replace",
}  # fmt: skip


def writers() -> list[str]:
    """Return the routines of a shard that the service calls and that end in a record."""
    called = {use.name for use in routine_uses() if use.scope == "shard"}
    return sorted(called & callers_within("shard", *RENDERING))


def test_every_write_entry_point_is_looked_at() -> None:
    assert set(writers()) >= ENTRIES


@pytest.mark.parametrize("name", writers())
def test_a_write_reaches_at_most_ten_routines(name: str) -> None:
    reached = sorted(routine.name for routine in reachable_routines("shard", name))
    assert len(reached) <= DEEPEST, reached


def test_no_handler_guesses_which_key_was_taken() -> None:
    """A check under the owner's lock says which address is taken; error 1062 says it of any key."""
    writing = {r.name for name in writers() for r in reachable_routines("shard", name)}
    guessing = [r.name for r in load_routines() if r.name in writing and "HANDLER FOR 1062" in r.body]
    assert guessing == []
