"""The load of a cluster: 10 to 15 calls a second, sent to either service, read back at the other one."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.cluster.site import ClusterSite
from tests.chaos.ledger import Ledger
from tests.chaos.load import RETRY_SECONDS, Load
from tests.support.people import Answer, Person, Tab

ADD_SECONDS, COUNT_SECONDS, PAIR_SECONDS, MEET_SECONDS = 0.6, 0.5, 0.9, 1.0
"""Pauses of the writers: a contact and its read-back, a step of the counter, a pair, a meeting."""
NO_PAIR_SECONDS = 60.0
"""Pause of the writer of pairs when everybody has invited everybody."""
READ_ATTEMPTS = 40
POLL_SECONDS = 0.02
SERVICE = "x-server"
"""The header that names the service which shall answer (templates/cluster/haproxy.cfg.j2)."""


@dataclass
class Seat:
    """A window that stays open: a tab, and the tabs that replaced it."""

    service: str
    tab: Tab | None = None
    read: int = 0
    """Number of frames of the tab that are counted."""
    arrivals: dict[str, list[float]] = field(default_factory=dict)
    """When the live updates of each contact arrived."""
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Times without a tab."""
    close_codes: Counter[int] = field(default_factory=Counter)

    def is_open(self, since: float, until: float) -> bool:
        """Return whether there was a tab all the time."""
        return all(end < since or start > until for start, end in self.gaps)


@dataclass
class Pair:
    """Two people who invited each other at the same moment."""

    people: tuple[Person, Person]
    acknowledged: int
    """Number of the two calls that succeeded."""


class ClusterLoad(Load):
    """People who call both services, and two open windows, one at each."""

    def __init__(self, site: ClusterSite, ledger: Ledger, people: int) -> None:
        super().__init__(site, ledger, MEET_SECONDS)
        self._number = people
        self._services = [service.name for service in site.machine.hosts.services]
        self.seats = [Seat(name) for name in self._services]
        self.added: dict[str, tuple[float, float]] = {}
        """When each acknowledged contact was sent, and when it was acknowledged."""
        self.pairs: list[Pair] = []
        self.haste = 1.0
        """Divides the pauses between contacts."""
        self._turns = itertools.cycle(self._services)

    async def start(self) -> None:
        """Make the people, open the windows, start the writers."""
        await super().start()
        self._guests = [await self._people(f"Guest{number}") for number in range(self._number)]
        self._couples = itertools.combinations(self._guests, 2)
        self._tasks += [asyncio.create_task(self._keep_open(seat)) for seat in self.seats]
        self._tasks.append(asyncio.create_task(self._repeat(self._pair)))

    def _rounds(self) -> list[Callable[[], Awaitable[float]]]:
        meetings = [self._meets(attendee) for attendee in self.attendees.values()]
        adds = [self._adds(service, other) for service, other in self._ways()]
        return [*adds, self._count, *meetings]

    def _ways(self) -> list[tuple[str, str]]:
        return list(zip(self._services, [*self._services[1:], self._services[0]], strict=True))

    def _adds(self, service: str, other: str) -> Callable[[], Awaitable[float]]:
        async def add() -> float:
            mark = f"rpc-{next(self._marks)}"
            self.ledger.sent(mark)
            sent = time.monotonic()
            fields = {"firstname": mark, "email": [{"email": f"{mark}@x.example", "is_default": 1}]}
            answer = await self.attempt(
                "contact.add", self.ann.call("contact.add", {SERVICE: service}, **fields)
            )
            if answer is None:
                return RETRY_SECONDS
            self.ledger.confirmed(mark, "contact.add")
            self.added[answer.data["id"]] = sent, time.monotonic()
            await self._read_back(answer.data["id"], mark, other)
            return ADD_SECONDS / self.haste

        return add

    async def _read_back(self, contact: str, mark: str, service: str) -> None:
        """Read a contact at the other service; note an answer without it."""
        for _ in range(READ_ATTEMPTS):
            answer = await self.attempt(
                "contact.get_contact",
                self.ann.call("contact.get_contact", {SERVICE: service}, contact_id=contact),
            )
            if answer is not None:
                self.ledger.acknowledgements["contact.get_contact"] += 1
                if not answer.data or answer.data.get("firstname") != mark:
                    self.ledger.wrong[f"contact.get_contact: {'empty' if not answer.data else 'wrong'}"] += 1
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _count(self) -> float:
        """Take a step of the counter, at the services in turn."""
        self.api.http.headers[SERVICE] = next(self._turns)
        pause = await self._patch()
        return COUNT_SECONDS if pause == self._pace else pause

    async def _pair(self) -> float:
        """Let two people invite each other at the same moment, through two services."""
        couple = next(self._couples, None)
        if couple is None:
            return NO_PAIR_SECONDS
        calls = [
            self.attempt(
                "contact.invite",
                person.call("contact.invite", {SERVICE: service}, email=peer.email),
                _is_crossed,
            )
            for person, peer, service in zip(couple, reversed(couple), self._services, strict=False)
        ]
        answers = await asyncio.gather(*calls)
        self.pairs.append(Pair(couple, sum(answer is not None for answer in answers)))
        return PAIR_SECONDS

    async def cross(self, total: int) -> None:
        """Let pairs cross, one after the other, until there are so many, or no more."""
        while len(self.pairs) < total:
            if await self._pair() == NO_PAIR_SECONDS:
                return

    async def guess(self) -> int:
        """Guess a password twice as often as allowed, at both services; return how many were checked."""
        stranger, account = await self._people.stranger(), self._guests[0].email
        checked = 0
        for _ in range(2 * self.site.settings.login_attempts):
            answer = await stranger.call(
                "yp.login", {SERVICE: next(self._turns)}, vars={"ident": account, "password": "guess"}
            )
            checked += answer.code == "WRONG_CREDENTIALS"
        return checked

    async def _keep_open(self, seat: Seat) -> None:
        """Keep a window open: open it again whenever it breaks, as the frontend does."""
        while True:
            self._collect(seat)
            if seat.tab is None or seat.tab.ws.closed:
                await self._open(seat)
            await asyncio.sleep(POLL_SECONDS)

    async def _open(self, seat: Seat) -> None:
        broken_at, former = time.monotonic(), seat.tab
        if former is not None:
            seat.close_codes[former.ws.close_code or 0] += 1
            self._collect(seat)
        tab = None
        while tab is None:
            tab = await self.tab(self.ann, former, {SERVICE: seat.service})
            await asyncio.sleep(0 if tab else RETRY_SECONDS)
        seat.tab, seat.read = tab, 0
        seat.gaps.append((broken_at, time.monotonic()))

    async def move(self, seat: Seat) -> None:
        """Bring a window back to its service."""
        if seat.tab is not None:
            await seat.tab.close()

    def _collect(self, seat: Seat) -> None:
        if seat.tab is None:
            return
        frames, now = seat.tab.frames[seat.read :], time.monotonic()
        seat.read += len(frames)
        for frame in frames:
            if frame["service"] == "live.update" and frame["options"]["service"] == "contact.add":
                seat.arrivals.setdefault(frame["model"]["contact_id"], []).append(now)


def _is_crossed(answer: Any) -> bool:
    """Return whether an invitation was refused because the other one was first."""
    return isinstance(answer, Answer) and answer.status < 500
