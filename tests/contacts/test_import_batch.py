"""Gather the contacts of an import for one transaction."""

from __future__ import annotations

from typing import Any

from service.contacts.import_batch import BATCH, BATCH_BYTES, Batch


def same_person(number: int, **more: Any) -> dict[str, Any]:
    """Return an entry of the reader: one person, each time with another note."""
    email = [{"email": "ann@x.example", "category": "priv", "is_default": 1}]
    contact = {"firstname": "Ann", "email": email, "default": "ann@x.example", "comment": f"note {number}"}
    return {"line": number, "contact": contact, **more}


def store(batch: Batch) -> list[str]:
    """Take what is stored, as the store of an import does."""
    notes = [contact["comment"] for contact in batch.contacts.values()]
    batch.clear()
    return notes


def test_one_person_many_times_does_not_gather_in_memory() -> None:
    """Each contact waits for the one before; as many wait as a transaction has contacts, and no more."""
    batch, stored, writes, count = Batch(), [], 0, 5 * BATCH
    for number in range(count):
        batch.add(same_person(number))
        while batch.is_full:
            stored += store(batch)
            writes += 1
        waiting = number + 1 - len(stored)
        assert waiting < BATCH, number
    assert writes == count - BATCH + 1
    while batch:
        stored += store(batch)
    assert stored == [f"note {number}" for number in range(count)]


def test_pictures_of_those_who_wait_fill_a_batch() -> None:
    batch, picture = Batch(), {"picture": "x" * (BATCH_BYTES // 4)}
    full = []
    for number in range(4):
        batch.add(same_person(number, card=picture))
        full.append(batch.is_full)
    assert full == [False, False, False, True]
    assert (len(store(batch)), batch.is_full) == (1, False)
