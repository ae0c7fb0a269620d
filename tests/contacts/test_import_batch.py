"""Gather the contacts of an import for one transaction."""

from __future__ import annotations

from typing import Any

from service.contacts.import_batch import BATCH, BATCH_BYTES, Batch


def same_person(number: int, **more: Any) -> dict[str, Any]:
    """Return an entry of the reader: one person, each time with another note."""
    email = [{"email": "ann@x.example", "category": "priv", "is_default": 1}]
    contact = {"firstname": "Ann", "email": email, "default": "ann@x.example", "comment": f"note {number}"}
    return {"line": number, "contact": contact, **more}


def notes_of(batch: Batch) -> list[str]:
    return [contact["comment"] for contact in batch.contacts.values()]


def test_one_person_many_times_does_not_gather_in_memory() -> None:
    """Each contact waits for the one before; as many wait as a transaction has contacts, and no more."""
    batch, stored, writes, count = Batch(), [], 0, 5 * BATCH
    for number in range(count):
        batch.add(same_person(number))
        while batch.is_full:
            stored += notes_of(batch)
            batch = batch.next()
            writes += 1
        waiting = number + 1 - len(stored)
        assert waiting < BATCH, number
    assert writes == count - BATCH + 1
    while batch:
        stored += notes_of(batch)
        batch = batch.next()
    assert stored == [f"note {number}" for number in range(count)]


def test_pictures_of_those_who_wait_fill_a_batch() -> None:
    batch, picture = Batch(), {"picture": "x" * (BATCH_BYTES // 4)}
    full = []
    for number in range(4):
        batch.add(same_person(number, card=picture))
        full.append(batch.is_full)
    assert full == [False, False, False, True]
    assert (len(batch.contacts), batch.next().is_full) == (1, False)
