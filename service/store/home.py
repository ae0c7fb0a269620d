"""Choose the home node: the one server of `DRUMEE_DB` that all pools of all processes use.

With one address there is nothing to choose, and nothing is probed. With several, each server is probed every
half second. A process stays at its home as long as no other server is fitter: a former home that comes back
stays a spare.

The processes agree on the home in a row of `yp.home`. Only a server that can be written to takes a new
agreement, in a cluster one with a majority, and each has a number (epoch): the newest one that can be read
anywhere holds. A process whose home fails moves at once, to the next address, and proposes that node to the
others. A process that cannot use the agreed node proposes the one after it; it skips nodes that others have
given up lately.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import pymysql

from service import metrics
from service.log import kind_of
from service.loops import Loop
from service.settings import DatabaseServer
from service.store.nodes import PROBE_SECONDS, Agreement, NodeState, Probe, Rank, propose

log = logging.getLogger(__name__)

PROBE_PAUSE = 0.5
LEFT_SECONDS = 3.0
"""Longest wait of a request for another home."""
PROPOSE_SECONDS = 10.0
"""Time for the cluster to take a new agreement: it waits until a silent node is left out."""
PATIENCE_SECONDS = 1.5
"""An agreed node may be unusable for so long before a process that has another home objects."""
GIVEN_UP_SECONDS = 30.0
"""A node that others have given up is not proposed for so long."""
OBJECTION_PAUSES = (2.0, 60.0)
"""Pause after an objection, and the longest one: processes that can reach no common node must not flap."""

Leave = Callable[[DatabaseServer, bool], None]


class Home:
    """The server in use, of one or several."""

    def __init__(self, servers: Sequence[DatabaseServer]) -> None:
        self._servers = list(dict.fromkeys(servers))
        self._several = len(self._servers) > 1
        self.server = self._servers[0]
        """The home; before the first probes, the first address."""
        self._probes = {server: Probe(server) for server in self._servers}
        self._states: dict[DatabaseServer, NodeState] = {}
        self._leave: list[Leave] = []
        self._news = asyncio.Event()
        self._is_chosen = not self._several
        self._agreement = Agreement()
        self._usable_at = 0.0
        """time.monotonic() when the agreed node was last usable."""
        self._given_up: dict[str, float] = {}
        """time.monotonic() until which a node is not proposed, by its name."""
        self._has_left_agreed = False
        """Whether the agreed node was home here, and has failed."""
        self._next_proposal = 0.0
        self._objection_pause = OBJECTION_PAUSES[0]
        self.loops: list[Loop] = []
        self._label = ""

    def on_leave(self, leave: Leave) -> None:
        """Call `leave(server, abruptly)` when a server is no longer home.

        `abruptly`: it fails, so that open statements will not be answered.
        """
        self._leave.append(leave)

    async def get(self) -> DatabaseServer:
        """Return the home. The first caller waits until each server has answered, or has not."""
        if not self._is_chosen:
            self.start()
            while not self._is_chosen:
                await self._news.wait()
        return self.server

    async def has_left(self, server: DatabaseServer) -> bool:
        """Probe again after a failure at `server`; return whether another server is home now, within 3 s."""
        if not self._several:
            return False
        failed_at = time.monotonic()
        for loop in self.loops:
            loop.wake()
        try:
            async with asyncio.timeout(LEFT_SECONDS):
                while self.server == server and self._state(server).asked_at < failed_at:
                    await self._news.wait()
                # It is down: another one may become ready in a moment.
                while self.server == server and not self._state(server).rank and self._any_up():
                    await self._news.wait()
        except TimeoutError:
            pass
        return self.server != server

    def start(self) -> None:
        """Start to probe, once."""
        if self._several and not self.loops:
            for number, server in enumerate(self._servers, 1):
                self.loops.append(
                    Loop(f"database probe {number}", lambda s=server: self._probe_round(s), every=10.0)  # type: ignore[misc]
                )
            self.loops.append(Loop("database home", self._agree_round, every=PROPOSE_SECONDS + 5))

    async def stop(self) -> None:
        """Stop to probe."""
        for loop in self.loops:
            await loop.stop()
        self.loops.clear()
        for probe in self._probes.values():
            probe.close()

    @property
    def name(self) -> str:
        """What the home calls itself; "" with one address, or when it has not answered yet."""
        return self._state(self.server).name if self._several else ""

    def nodes(self) -> dict[str, str]:
        """Return `ready`, `donor`, `read_only` or `down` for each server; {} with one address."""
        if not self._several:
            return {}
        return {self._name(server): self._state(server).rank.name.lower() for server in self._servers}

    @property
    def is_degraded(self) -> bool:
        """Whether a server is down, or the home cannot be written to."""
        if not self._several or not self.loops:
            return False
        ranks = [self._state(server).rank for server in self._servers]
        return Rank.DOWN in ranks or self._state(self.server).rank < Rank.DONOR

    async def _probe_round(self, server: DatabaseServer) -> float:
        state = await self._probes[server].look()
        if not state.name:
            # It is still known under its name.
            state = NodeState(state.rank, self._state(server).name, Agreement(), state.fault, state.asked_at)
        self._states[server] = state
        self._choose()
        self._news.set()
        self._news = asyncio.Event()
        return PROBE_PAUSE

    def _state(self, server: DatabaseServer) -> NodeState:
        return self._states.get(server, NodeState())

    def _name(self, server: DatabaseServer) -> str:
        return self._state(server).name or f"{server.host}:{server.port}"

    def _any_up(self) -> bool:
        return any(state.rank for state in self._states.values())

    def _choose(self) -> None:
        """Decide on the home after each probe."""
        if not self._is_chosen and len(self._states) < len(self._servers):
            return
        self._follow_agreement()
        best = max(state.rank for state in self._states.values())
        # A node that has failed here is not home again because nobody could write down another one yet.
        agreed = None if self._has_left_agreed else self._agreed_server()
        is_usable = agreed is not None and self._state(agreed).rank == best
        if is_usable or self._agreement.epoch == 0:
            self._usable_at = time.monotonic()
        if best == Rank.DOWN:
            # Staying is as good as any other choice, once there was one.
            self._is_chosen = True
            return
        if agreed is not None and is_usable:
            self._move(agreed)
        elif not self._is_chosen or self._state(self.server).rank < best:
            chosen = self._next_home(best)
            if chosen is not None:
                self._has_left_agreed |= self._is_chosen and agreed == self.server
                self._move(chosen)
        else:
            self._show()

    def _follow_agreement(self) -> None:
        newest = max(state.agreement for state in self._states.values())
        if newest == self._agreement:
            return
        if self._agreement.epoch and newest.epoch > self._agreement.epoch:
            self._given_up[self._agreement.node] = time.monotonic() + GIVEN_UP_SECONDS
        self._given_up.pop(newest.node, None)
        self._has_left_agreed = False
        self._agreement = newest

    def _agreed_server(self) -> DatabaseServer | None:
        """Return the server with the name that was agreed on; of several addresses of one, the fittest."""
        if not self._agreement.epoch:
            return None
        named = [s for s in self._servers if self._state(s).name == self._agreement.node]
        return max(named, key=lambda s: (self._state(s).rank, s == self.server), default=None)

    def _next_home(self, rank: Rank) -> DatabaseServer | None:
        """Return the next server of this rank, or None.

        It has to answer after the home was last asked: when all are silent, it is this process that hangs.
        """
        if not self._is_chosen:
            return next(s for s in self._servers if self._state(s).rank == rank)
        home, others = self._state(self.server), self._of_rank(self.server, rank)
        if home.rank:
            # It works, so there is time to wait for the first one: another one may be a former home.
            others = others[:1]
        return next((s for s in others if self._state(s).asked_at >= home.asked_at), None)

    def _of_rank(self, server: DatabaseServer, rank: Rank) -> list[DatabaseServer]:
        """Return the other servers of this rank in the order of addresses, from `server` on."""
        place = self._servers.index(server)
        order = [*self._servers[place + 1 :], *self._servers[:place]]
        return [other for other in order if self._state(other).rank == rank]

    def _move(self, server: DatabaseServer) -> None:
        """Make a server home."""
        was_chosen, self._is_chosen = self._is_chosen, True
        previous, self.server = self.server, server
        self._show()
        if previous == server or not was_chosen:
            return
        state = self._state(previous)
        metrics.HOME_CHANGES.inc()
        fields = {"home": self._name(server), "former": self._name(previous), "error": state.fault}
        log.warning("another node of the database is home", extra=fields)
        for leave in self._leave:
            leave(previous, state.rank < Rank.DONOR)
        # Propose it to the others.
        for loop in self.loops[-1:]:
            loop.wake()

    def _show(self) -> None:
        label = self._name(self.server)
        if label != self._label:
            if self._label:
                metrics.HOME.labels(self._label).set(0)
            metrics.HOME.labels(label).set(1)
            self._label = label
        metrics.NODES_UP.set(sum(state.rank > Rank.DOWN for state in self._states.values()))

    async def _agree_round(self) -> float:
        """Propose another home to all processes, if this one cannot use the agreed one."""
        server = self._proposal()
        if server is not None:
            proposed = Agreement(self._agreement.epoch, self._state(server).name)
            try:
                async with asyncio.timeout(PROPOSE_SECONDS):
                    await propose(server, proposed)
            except (pymysql.err.MySQLError, OSError, asyncio.IncompleteReadError) as exc:
                log.warning("no agreement on the home of the database", extra={"error": kind_of(exc)})
        return PROBE_SECONDS

    def _proposal(self) -> DatabaseServer | None:
        """Return the server to propose, or None when the agreement is good, or young."""
        now = time.monotonic()
        rank = self._state(self.server).rank
        agreed = self._agreed_server()
        is_agreed = self._state(self.server).name == self._agreement.node
        if not self._is_chosen or rank < Rank.DONOR or is_agreed:
            self._objection_pause = OBJECTION_PAUSES[0]
            return None
        if not self._agreement.epoch or self._has_left_agreed:
            return self.server
        if now - self._usable_at < PATIENCE_SECONDS or now < self._next_proposal:
            return None
        self._next_proposal = now + self._objection_pause
        self._objection_pause = min(2 * self._objection_pause, OBJECTION_PAUSES[1])
        others = self._of_rank(agreed if agreed is not None else self.server, rank)
        fresh = (s for s in others if self._given_up.get(self._name(s), 0.0) < now)
        return next(fresh, self.server)
