"""One fault after the other: the fault, the repair, a comparison with the tables, a look at all servers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from service.cluster import status
from service.errors import CommandError
from tests.chaos.cluster.faults import Broken, Fault
from tests.chaos.cluster.load import ClusterLoad, Pair, Seat
from tests.chaos.cluster.site import ClusterSite
from tests.chaos.cluster.table import Row
from tests.chaos.ledger import Ledger
from tests.support.people import Person
from tests.support.waiting import until

QUIET_SECONDS = 2.0
MEND_SECONDS, CALM_SECONDS = 4.0, 3.0
"""Load after the repair, in which everything has to work again: before all servers are well, and then."""
REPAIR_SECONDS = 120.0
UPDATE_SECONDS = 3.0
HEARTBEAT_SECONDS = 6
SETTLE_SECONDS = 15.0
LIVE = {"active", "informed"}


@dataclass
class ClusterRounds:
    """One run against a cluster."""

    site: ClusterSite
    load: ClusterLoad
    ledger: Ledger
    rows: list[Row] = field(default_factory=list)

    async def run(self, faults: list[Fault]) -> list[Row]:
        """Cause the faults in order; return the rows of the table."""
        await self.load.start()
        try:
            for fault in faults:
                self.rows.append(await self._round(fault))
                print(" | ".join(self.rows[-1].cells()), flush=True)
        finally:
            await self.load.stop()
        return self.rows

    async def _round(self, fault: Fault) -> Row:
        row = Row(fault.name, fault.limits)
        try:
            await self._settle()
        except AssertionError as exc:  # the table still tells which fault left it so
            row.troubles.append(f"not every window has its service: {exc}")
        broken = Broken(self.site, self.load, row)
        calls, wrong = len(self.ledger.calls), Counter(self.ledger.wrong)
        acknowledged, pairs = self.ledger.acknowledgements.total(), len(self.load.pairs)
        started = time.monotonic()
        await asyncio.sleep(QUIET_SECONDS)
        healed_at = float("inf")
        try:
            await fault.inject(broken)
            healed_at = time.monotonic()
            async with asyncio.timeout(REPAIR_SECONDS):
                await fault.repair(broken)
        except (CommandError, AssertionError, TimeoutError) as exc:
            row.troubles.append(f"{type(exc).__name__}: {exc}")
        repaired_at = time.monotonic()
        row.troubles += await self._calm()
        await self.load.pause()
        ended = time.monotonic()
        row.measure(self.ledger.calls[calls:], healed_at)
        row.acknowledged = self.ledger.acknowledgements.total() - acknowledged
        # the last updates may still be on their way
        await asyncio.gather(
            self._compare(row),
            self._compare_pairs(row, self.load.pairs[pairs:]),
            asyncio.sleep(UPDATE_SECONDS),
        )
        self._compare_updates(row, fault, started, repaired_at, ended)
        row.wrong = Counter(
            {text: n - wrong[text] for text, n in self.ledger.wrong.items() if n > wrong[text]}
        )
        self.load.resume()
        if row.former_home in self.site.machine.homes():
            row.troubles.append(f"{row.former_home} is home again, by itself")
        return row

    async def _calm(self) -> list[str]:
        """Let the load go on until all servers are well, and a while longer; return what is not well."""
        await asyncio.sleep(MEND_SECONDS)
        troubles = await asyncio.to_thread(self._look)
        await asyncio.sleep(CALM_SECONDS)
        return troubles

    async def _settle(self) -> None:
        """Bring each window back to its service, and wait until both have one."""
        for seat in self.load.seats:
            await self.load.move(seat)
        await until(lambda: all(seat.tab and not seat.tab.ws.closed for seat in self.load.seats))
        for seat in self.load.seats:
            seat.close_codes.clear()

    def _compare_updates(
        self, row: Row, fault: Fault, started: float, repaired_at: float, ended: float
    ) -> None:
        """Count the live updates that a window had to get and did not, that came twice, or late."""
        for contact, (sent, acknowledged) in self.load.added.items():
            if not started <= sent <= ended:
                continue
            for seat in self.load.seats:
                # A window whose service dies reads its lists again when it is back.
                is_open = seat.is_open(sent - UPDATE_SECONDS, acknowledged + 1)
                is_asleep = fault.name == "freeze a service" and sent < repaired_at
                if fault.strict or (is_open and not is_asleep):
                    self._count_update(row, seat, contact, acknowledged)

    def _count_update(self, row: Row, seat: Seat, contact: str, acknowledged: float) -> None:
        arrivals = seat.arrivals.get(contact, [])
        row.updates += 1
        row.lost_updates += not arrivals
        row.doubled_updates += len(arrivals) > 1
        if arrivals:
            row.late = max(row.late, arrivals[0] - acknowledged)

    async def _compare(self, row: Row) -> None:
        """Compare everything that was acknowledged with the tables."""
        stored: dict[str, int] = {}
        for person in (self.load.ann, self.load.ben):
            rows = await self.site.rows(
                f"SELECT firstname, COUNT(*) FROM {person.shard}.contact WHERE owner_id = %s GROUP BY 1",
                person.uid,
            )
            stored |= {str(mark): int(str(count)) for mark, count in rows}
        known = set(self.ledger.lost_marks)
        missing, doubled = self.ledger.compare(stored)
        counter = self.load.counter
        row.lost_writes += missing + counter.lost_steps
        if counter.lost_steps:
            row.troubles.append(f"{counter.lost_steps} steps of the counter lost")
        for mark in self.ledger.lost_marks - known:
            row.troubles.append(await asyncio.to_thread(self._where, mark))
        if doubled + counter.doubled_steps:
            row.troubles.append(f"{doubled + counter.doubled_steps} writes are there twice")
        counter.lost_steps = counter.doubled_steps = 0

    def _where(self, mark: str) -> str:
        """Return which nodes have a contact."""
        counts = {
            node.name: self.site.machine.rows(
                node, f"SELECT COUNT(*) FROM {self.load.ann.shard}.contact WHERE firstname = %s", mark
            )[0][0]
            for node in self.site.machine.hosts.nodes
        }
        return f"{mark} is lost: {counts}"

    async def _compare_pairs(self, row: Row, pairs: list[Pair]) -> None:
        """Note pairs in a state that no order of the two invitations explains."""
        states: Counter[str] = Counter()
        statuses = await self._statuses({person for pair in pairs for person in pair.people})
        for pair in pairs:
            one, other = pair.people
            state = statuses.get((one.uid, other.uid)), statuses.get((other.uid, one.uid))
            is_allowed = set(state) <= LIVE if pair.acknowledged == 2 else _is_consistent(state)
            states[f"{pair.acknowledged} acknowledged, {state}"] += not is_allowed
        row.troubles += [f"{count} pairs: {text}" for text, count in states.items() if count]

    async def _statuses(self, people: set[Person]) -> dict[tuple[str, str], str]:
        """Return the status of each relation between these people, by owner and peer."""
        statuses: dict[tuple[str, str], str] = {}
        uids = {person.uid: person.uid for person in people} | {person.email: person.uid for person in people}
        for shard in {person.shard for person in people}:
            rows = await self.site.rows(
                f"SELECT owner_id, peer_id, entity, status FROM {shard}.contact WHERE owner_id IN %s",
                [person.uid for person in people],
            )
            for owner, peer, entity, state in rows:
                uid = uids.get(str(peer or entity))
                if uid:
                    statuses[str(owner), uid] = str(state)
        return statuses

    def _look(self) -> list[str]:
        """Return what is not well, once it had time to settle."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (troubles := self._troubles()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return troubles

    def _troubles(self) -> list[str]:
        machine = self.site.machine
        troubles = []
        for line in status.look(machine):
            if line.state != "runs":
                troubles.append(f"{line.name} is {line.state}")
            if line.kind == "service":
                age = line.details.get("heartbeat", "unknown").removesuffix(" s")
                if not age.isdigit() or int(age) >= HEARTBEAT_SECONDS:
                    troubles.append(f"{line.name}: heartbeat {age}")
                if line.role != "ready, health ok" or "loops" in line.details:
                    troubles.append(f"{line.name}: {line.role} {line.details.get('loops', '')}")
        homes, masters = machine.homes(), machine.masters()
        if len(homes) != 1:
            troubles.append(f"{len(homes)} homes: {', '.join(homes)}")
        if len(masters) != 1:
            troubles.append(f"{len(masters)} Redis masters: {', '.join(masters)}")
        for server in machine.hosts.redis:
            processes = machine.processes_at(server)
            if processes != len(machine.hosts.services) * (server.name in masters):
                troubles.append(f"{processes} processes listen at {server.name}")
        return troubles


def _is_consistent(state: tuple[str | None, str | None]) -> bool:
    """Return whether the two sides of a relation agree."""
    return set(state) <= LIVE or state in {(None, None), ("sent", "received"), ("received", "sent")}
