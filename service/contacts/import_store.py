"""Store the contacts of an import: new ones by the batch, changes of known ones one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from service.background import end
from service.contacts import book, invitations
from service.contacts.import_batch import NO_EMAIL, Batch, incomplete, name_of
from service.contacts.import_report import ENDED, ImportReport
from service.contacts.known import PersonDifference, difference
from service.contacts.known_cards import compare_card
from service.contacts.names import all_names
from service.errors import Refused
from service.live.phone_numbers import region_for
from service.runtime.context import Context
from service.store.database import Transaction, document, encode

Contact = dict[str, Any]
Entry = dict[str, Any]
Progress = Callable[[int], None]
"""Receives percent, from 0 to 100."""

LAST_PERCENT = 99
"""Of the last batch in the report; the caller says 100 when the report has ended."""
NOTHING_NEW = "nothing new"
SKIPPED = "update=skip"


class ImportStore:
    """Writes batches into the address book, each with its part of the report; close it at the end.

    While MariaDB stores a batch, the caller fills the next one: an import keeps two cores busy.
    """

    def __init__(
        self, ctx: Context, report: ImportReport, update: str, origin: str | None, progress: Progress
    ) -> None:
        self._ctx = ctx
        self._report = report
        self._update = update
        self._origin = origin
        self._progress = progress
        self._percent = -1
        self._groups = 0
        """Groups that are stored."""
        self._db, self._owner = ctx.caller.db or "", ctx.caller.uid
        self._writing: asyncio.Task[None] | None = None
        self._phone_region = ctx.settings.phone_region

    async def aclose(self) -> None:
        """End the writing of a batch, if any. Its error is that of the import, or follows from it."""
        if self._writing is not None:
            await end(self._writing)
            await asyncio.gather(self._writing, return_exceptions=True)

    async def write(self, batch: Batch, percent: int) -> Batch:
        """Begin to store a batch, when that before is stored; return the batch to fill meanwhile."""
        await self._settle()
        self._writing = asyncio.create_task(self._write(batch, percent))
        return batch.next()

    async def write_group(self, batch: Batch, entry: Entry) -> Batch:
        """Store a group of a file, after the contacts that are its members; return the batch to fill."""
        batch = await self.finish(batch)
        place, group = batch.place(entry["line"]), entry["group"]
        if not group["name"]:
            batch.reject(place, "", "a group without a name", entry.get("source"))
            return batch
        self._groups += 1
        counts = {"loaded": 1, "details": {"groups": self._groups}}
        losses = [incomplete(place, group["name"], entry["losses"])] if entry.get("losses") else []

        async def unit(tx: Transaction) -> None:
            await tx.call(self._db, "my_contact_import_group", self._owner, encode(group))
            await self._report.write(tx, counts, losses)

        await self._ctx.db.transaction("my_contact_import_group", unit)
        return batch

    async def finish(self, batch: Batch) -> Batch:
        """Store all contacts that are left; return an empty batch."""
        while batch:
            batch = await self.write(batch, LAST_PERCENT)
        await self._settle()
        return batch

    async def _settle(self) -> None:
        """Wait until the batch that is being written is stored; raise the error that prevents it."""
        if self._writing is not None:
            await self._writing
            self._writing = None

    async def _write(self, batch: Batch, percent: int) -> None:
        async def unit(tx: Transaction) -> list[Entry]:
            counts, entries, pending = await self._store(tx, batch)
            await self._report.write(tx, {**counts, "percent": percent}, entries)
            return pending

        if batch:
            for entry in await self._ctx.db.transaction("my_contact_import", unit):
                await self._change(batch, batch.contacts[entry["id"]], entry)
        await self._report.push()
        if self._percent < percent < LAST_PERCENT:
            self._percent = percent
            self._progress(percent)

    async def _store(self, tx: Transaction, batch: Batch) -> tuple[Entry, list[Entry], list[Entry]]:
        """Store the new contacts; return counts and entries, and those of contacts that are to be changed."""
        entries = list(batch.entries)
        pending: list[Entry] = []
        loaded = 0
        if batch.contacts:
            contacts = list(batch.contacts.values())
            (count_rows,) = await tx.call(
                self._db, "my_contact_import", self._owner, encode(contacts), self._origin
            )
            if batch.words:
                await tx.call(self._db, "my_contact_import_words", self._owner, encode(batch.words))
            if batch.cards:
                cards = encode([*batch.cards.values()])
                await tx.call(self._db, "my_contact_import_cards", self._owner, cards)
            counts = document(count_rows)
            loaded = counts["loaded"]
            nobody = {c["id"] for c in batch.contacts.values() if c["line"] in set(counts["nobody"])}
            entries += [batch.rejection(contact_id) for contact_id in nobody]
            left_out = set(nobody)
            if counts["alreadyincontact"]:
                rest = [c for c in batch.contacts.values() if c["id"] not in nobody]
                known, pending = await self._known(tx, batch, rest)
                entries += known
                left_out |= {entry.pop("id") for entry in known} | {entry["id"] for entry in pending}
            entries += batch.losses(left_out)
        return _counts(loaded, entries), entries, pending

    async def _known(
        self, tx: Transaction, batch: Batch, contacts: list[Contact]
    ) -> tuple[list[Entry], list[Entry]]:
        """Return entries of contacts that were known; second, of those that this import changes."""
        done, pending = [], []
        for contact_id, known_id, reason, diff in await self._differences(tx, batch, contacts):
            entry = batch.known(contact_id, "known", reason) | {"contact_id": known_id}
            entry["changes"] = {"missing": diff.refused()}
            entry["id"] = contact_id
            if diff and self._update != "skip":
                pending.append(entry)
                continue
            if not reason:
                entry["reason"] = SKIPPED if diff else NOTHING_NEW
            done.append(entry)
        return done, pending

    async def _differences(
        self, tx: Transaction, batch: Batch, contacts: list[Contact]
    ) -> list[tuple[str, str | None, str, PersonDifference]]:
        """Return id, id of the known contact, reason, and what is new, of those that are known."""
        people = [
            {key: c[key] for key in ("id", "uid", "entity", "email") if key in c}
            | {"name": name_of(c), "names": all_names(c)}
            for c in contacts
        ]
        (rows,) = await tx.call(self._db, "my_contact_import_known", self._owner, encode(people))
        by_id = {contact["id"]: contact for contact in contacts}
        differences = []
        for contact_id, known_id, reason, data in rows:
            diff = PersonDifference()
            if data:
                known = document([(data,)])
                region = region_for(known["phone_region"], known["own_number"], self._phone_region)
                diff = difference(by_id[contact_id], known, self._update, region)
                compare_card(diff, batch.cards.get(contact_id, {}), known, self._update)
            differences.append((contact_id, known_id, reason, diff))
        return differences

    async def _change(self, batch: Batch, contact: Contact, entry: Entry) -> None:
        """Change a known contact, in a transaction of its own: it may be refused."""
        pushes: list[Any] = []
        entry = {key: value for key, value in entry.items() if key != "id"}

        async def unit(tx: Transaction) -> None:
            pushes.clear()
            # Another import may be changing the same contact.
            await tx.call("yp", "contact_pair_lock", self._owner, None, None)
            known = await self._differences(tx, batch, [contact])
            _, known_id, _, diff = known[0] if known else ("", None, "", PersonDifference())
            if known_id is not None and diff:
                pushes.extend(await self._apply(tx, known_id, diff))
            outcome = {"outcome": "updated"} if diff else {"reason": NOTHING_NEW}
            changes = {"added": diff.added, "missing": diff.missing}
            await self._note(tx, entry | outcome | {"contact_id": known_id, "changes": changes})

        try:
            await self._ctx.db.transaction("my_contact_patch", unit)
        except Refused as exc:
            if exc.code == ENDED:
                raise
            reason = exc.code
            await self._ctx.db.transaction(
                "import_report_write", lambda tx: self._note(tx, {**entry, "reason": reason})
            )
            return
        invitations.push_all(self._ctx, pushes)

    async def _apply(self, tx: Transaction, known_id: str, diff: PersonDifference) -> list[Any]:
        """Write a difference; return the pushes for people whom the contact does not stand for any more."""
        pushes: list[Any] = []
        if diff.groups:
            members = encode([{"id": known_id, "group": diff.groups}])
            await tx.call(self._db, "my_contact_import_groups", self._owner, members)
            await tx.call(self._db, "contacts_render", self._owner, encode([known_id]))
        if diff.patch:
            patch = encode({**diff.patch, "from_api": 1})
            *_, pushes, _ = await book.change_in(
                tx,
                self._owner,
                lambda inner: inner.call(self._db, "my_contact_patch", self._owner, known_id, patch, None),
            )
        if picture := diff.picture:
            await tx.call(self._db, "picture_put", self._owner, known_id, picture["type"], picture["picture"])
        if diff.card:
            is_rendered = int(bool(diff.patch or diff.groups))
            await tx.call(
                self._db, "my_contact_import_card", self._owner, known_id, encode(diff.card), is_rendered
            )
        return pushes

    async def _note(self, tx: Transaction, entry: Entry) -> None:
        await self._report.write(tx, _counts(0, [entry]), [entry])


def _counts(loaded: int, entries: list[Entry]) -> Entry:
    outcomes = [entry["outcome"] for entry in entries]
    no_email = sum(entry["outcome"] == "rejected" and entry["reason"] == NO_EMAIL for entry in entries)
    return {
        "loaded": loaded,
        "noemail": no_email,
        **{outcome: outcomes.count(outcome) for outcome in ("rejected", "known", "updated")},
    }
