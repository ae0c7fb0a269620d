"""The rounds: a fault, the recovery, a comparison of what was acknowledged with the tables."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.ledger import Ledger
from tests.chaos.load import ROOM, Load
from tests.chaos.report import Report, Row
from tests.chaos.site import Site
from tests.chaos.stale_tabs import StaleTabs

RECOVERY_SECONDS = 60.0
POLL_SECONDS = 0.1
QUIET_SECONDS = 1.0
"""Undisturbed load before each fault, and after it: the workers of a dead master go on for a moment."""


@dataclass(frozen=True)
class Plan:
    """How long, how often, in which order."""

    minutes: float
    seed: int
    rounds: int = 0
    """At most so many, spread over the minutes; 0: as many as there is time for."""
    pace: float = 0.1
    """Seconds between the calls of each writer."""
    only: tuple[str, ...] = ()
    """Names of the faults; none: all."""


@dataclass
class Rounds:
    """One run against a site."""

    site: Site
    plan: Plan
    ledger: Ledger = field(default_factory=Ledger)
    rows: dict[str, Row] = field(default_factory=dict)

    async def run(self) -> Report:
        """Inject faults until the time is over; return the report."""
        load = Load(self.site, self.ledger, self.plan.pace)
        await load.start()
        stale_tabs = StaleTabs(self.site, load)
        stale_tabs.start()
        try:
            await self._recover(load, stale_tabs, time.monotonic())
            before = self.site.footprint()
            await self._all_rounds(load, stale_tabs)
            remaining = await stale_tabs.stop()
            await self._compare(load, Row())
        finally:
            await load.stop()
        return Report(
            rows=self.rows,
            stale_tabs=stale_tabs.seconds,
            remaining_tabs=remaining,
            wrong=self.ledger.wrong,
            skipped=self._skipped(),
            before=before,
            after=self.site.footprint(),
        )

    async def _all_rounds(self, load: Load, stale_tabs: StaleTabs) -> None:
        started, chance = time.monotonic(), random.Random(self.plan.seed)
        number, faults = 0, [fault for fault in self._faults() if fault.name not in self._skipped()]
        while time.monotonic() - started < self.plan.minutes * 60:
            if number % len(faults) == 0:
                chance.shuffle(faults)
            await self._round(faults[number % len(faults)], load, stale_tabs, chance)
            number += 1
            if number == self.plan.rounds:
                return
            if self.plan.rounds:
                due = started + number * self.plan.minutes * 60 / self.plan.rounds
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _round(self, fault: Fault, load: Load, stale_tabs: StaleTabs, chance: random.Random) -> None:
        row = self.rows.setdefault(fault.name, Row())
        acknowledged = self.ledger.acknowledgements.total()
        wrong = self.ledger.wrong.total()
        joined = await stale_tabs.join(fault.name)
        await asyncio.sleep(QUIET_SECONDS)
        stale_tabs.is_out = fault.is_outage
        await fault.inject(self.site, chance)
        ended = time.monotonic()
        await stale_tabs.abandon(joined)
        row.seconds.append(await self._recover(load, stale_tabs, ended))
        await self._compare(load, row)
        row.rounds += 1
        row.acknowledged += self.ledger.acknowledgements.total() - acknowledged
        row.wrong += self.ledger.wrong.total() - wrong
        print(f"{fault.name}: recovered after {row.seconds[-1]:.1f} s", flush=True)

    async def _recover(self, load: Load, stale_tabs: StaleTabs, since: float) -> float:
        """Wait until no call fails, and all kinds work; return the seconds to the last failure."""
        failed_at = since
        while not (load.recovered(failed_at) and time.monotonic() > failed_at + QUIET_SECONDS):
            if time.monotonic() - since > RECOVERY_SECONDS:
                missing = self._missing(load, failed_at)
                self.ledger.wrong[f"not recovered after {RECOVERY_SECONDS:.0f} s: {missing}"] += 1
                break
            await asyncio.sleep(POLL_SECONDS)
            if not await self._is_well():
                failed_at = time.monotonic()
            failed_at = max(failed_at, load.failed_at)
        stale_tabs.is_out = False
        return failed_at - since

    def _missing(self, load: Load, since: float) -> str:
        return ", ".join(sorted(kind for kind, sent in load.successes.items() if sent <= since)) or "health"

    async def _is_well(self) -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(self.site.url / "-/health") as answer:
                return bool((await answer.json())["status"] == "ok")
        except (aiohttp.ClientError, OSError, ValueError):
            return False

    async def _compare(self, load: Load, row: Row) -> None:
        """Compare everything that was acknowledged with the tables, while no call is open."""
        await load.pause()
        people = (load.ann, load.ben)
        stored: dict[str, int] = {}
        for person in people:
            rows = await self.site.rows(
                f"SELECT firstname, COUNT(*) FROM {person.shard}.contact WHERE owner_id = %s GROUP BY 1",
                person.uid,
            )
            stored |= {str(mark): int(str(count)) for mark, count in rows}
        news = self.ledger.compare(stored)
        row.lost_writes += news[0] + load.counter.lost_steps
        row.doubled += news[1] + load.counter.doubled_steps
        load.counter.lost_steps = load.counter.doubled_steps = 0
        participants = await self.site.rows("SELECT socket_id FROM yp.conference WHERE room_id = %s", ROOM)
        for attendee in load.attendees.values():
            if attendee.sure and attendee.tab and not attendee.tab.ws.closed:
                there = (attendee.tab.id,) in participants
                row.lost_writes += attendee.inside and not there
                row.doubled += there and not attendee.inside
        load.resume()

    def _faults(self) -> list[Fault]:
        return [fault for fault in FAULTS if not self.plan.only or fault.name in self.plan.only]

    def _skipped(self) -> dict[str, str]:
        if self.site.has_disk:
            return {}
        return {"fill the disk": "no file system can be mounted here; that takes root"}
