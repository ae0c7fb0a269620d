"""Tabs in a room that break and never come back: how long others see them there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import pymysql

from service.store.admin import DeployError
from tests.chaos.load import METADATA, ROOM, Load
from tests.chaos.site import Site
from tests.support.people import Person, Tab
from tests.support.waiting import until

POLL_SECONDS = 0.25
LIMIT_SECONDS = 30.0
"""Design: a stale tab leaves its rooms within this time."""


@dataclass
class StaleTab:
    """A tab that sits in the room."""

    person: Person
    tab: Tab
    fault: str
    """The fault of its round."""
    died_at: float = 0.0
    outage: float = 0.0
    """Seconds since then in which nobody could write, and so nobody could put it out."""


@dataclass
class StaleTabs:
    """All tabs that were left behind."""

    site: Site
    load: Load
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """By fault: how long each tab stayed, not counting outages."""
    is_out: bool = False
    """Whether nobody can write at the moment."""
    _waiting: list[StaleTab] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> int:
        """Wait until all stale tabs have gone; return how many have not."""
        with contextlib.suppress(AssertionError):
            await until(lambda: not any(stale.died_at for stale in self._waiting), LIMIT_SECONDS + 10)
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        return sum(1 for stale in self._waiting if stale.died_at)

    async def join(self, fault: str) -> list[StaleTab]:
        """Open two tabs that sit in the room when a fault comes."""
        stale_tabs = [await self._join(fault), await self._join(fault)]
        return [stale for stale in stale_tabs if stale]

    async def _join(self, fault: str) -> StaleTab | None:
        # a session of its own: another tab of the same one would take the place over
        person = self.load.visitor()
        tab = await self.load.tab(person) if await self.load.attempt("yp.login", person.sign_in()) else None
        if tab is None:
            await person.leave()
            return None
        where = {"hub_id": self.load.hub, "room_id": ROOM, "socket_id": tab.id}
        joined = await self.load.attempt(
            "conference.join", person.call("conference.join", metadata=METADATA, **where)
        )
        return StaleTab(person, tab, fault) if joined else None

    async def abandon(self, stale_tabs: list[StaleTab]) -> None:
        """Break the tabs that the fault has left, and watch them all."""
        for stale in stale_tabs:
            if not stale.tab.ws.closed:
                with contextlib.suppress(AssertionError):
                    await stale.tab.cut()
        self._waiting += stale_tabs

    async def _watch(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            now = time.monotonic()
            for stale in self._waiting:
                if stale.tab.ws.closed and not stale.died_at:
                    stale.died_at = now
                elif self.is_out and stale.died_at:
                    stale.outage += now - before
            before = now
            if any(stale.died_at for stale in self._waiting):
                await self._look()

    async def _look(self) -> None:
        ids = [stale.tab.id for stale in self._waiting if stale.died_at]
        marks = ", ".join(["%s"] * len(ids))
        try:
            rows = await self.site.rows(
                f"SELECT id FROM yp.socket WHERE id IN ({marks}) "
                f"UNION SELECT socket_id FROM yp.conference WHERE socket_id IN ({marks})", *ids, *ids
            )  # fmt: skip
        except (DeployError, pymysql.Error):  # its server is away
            return
        present, now = {id_ for (id_,) in rows}, time.monotonic()
        for stale in [each for each in self._waiting if each.died_at and each.tab.id not in present]:
            stayed = max(0.0, now - stale.died_at - stale.outage)
            self.seconds.setdefault(stale.fault, []).append(stayed)
            self._waiting.remove(stale)
            await stale.person.leave()
