"""Deliver the events of the outbox: each subscription in order, by one process at a time.

A subscription is claimed for a turn, with a lease that every event renews. A receiver that is slow or down
holds up its own subscription only.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Any, NamedTuple

from service import metrics
from service.background import end
from service.loops import Loop, Loops
from service.settings import Settings
from service.store.database import Database, documents
from service.webhooks.addresses import Rules
from service.webhooks.events import payload
from service.webhooks.sender import SECONDS, Reply, Sender

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
ROUND_SECONDS = 10.0
"""Longest round of the loop: the claims of a database that is slow."""
TURNS = 50
"""Subscriptions to which a process sends at once."""
TURN_SECONDS = 20.0
"""A turn ends after the event that is under way then, so that others get the place."""
LEASE_SECONDS = 30
"""More than one event takes: its attempt, and the CALLs before and after."""
BATCH = 20
EXPIRE_SECONDS = 10.0
EXPIRE_ROWS = 1000
"""Events that one transaction deletes."""
WAITING = 20_000
"""Events that may wait for one subscription; it gets no more until half of them are gone."""

assert LEASE_SECONDS > SECONDS * 2  # noqa: S101  # or two processes send the same events


class Turn(NamedTuple):
    """A claimed subscription."""

    webhook_id: str
    url: str
    secret: str
    old_secret: str | None

    @property
    def secrets(self) -> list[str]:
        """Return the secrets that sign, the newest first."""
        return [self.secret, *([self.old_secret] if self.old_secret else [])]


class Webhooks:
    """Delivers the events of all subscriptions, together with the other processes."""

    def __init__(self, settings: Settings, db: Database, loops: Loops, sender: Sender | None = None) -> None:
        """Prepare to deliver. `sender` replaces the one of the settings, for tests."""
        self._db = db
        self._loops = loops
        self._sender = sender or Sender(Rules.of(settings))
        self._loop: Loop | None = None
        self._turns: set[asyncio.Task[None]] = set()
        self._expired_at = 0.0

    def start(self) -> None:
        """Start to deliver."""
        self._loop = self._loops.add(Loop("webhooks", self._round, every=ROUND_SECONDS))

    async def stop(self) -> None:
        """Stop to deliver. An event that is under way is sent again by another process, after the lease."""
        await self._loops.stop(self._loop)
        await end(*self._turns)
        await self._sender.close()

    async def _round(self) -> float:
        """Begin turns of subscriptions with events; return the pause until the next round, in seconds."""
        if time.monotonic() - self._expired_at > EXPIRE_SECONDS:
            await self._clean()
        places = TURNS - len(self._turns)
        if places > 0:
            claim = secrets.token_hex(8)
            result_sets = await self._db.call("yp", "webhook_claim", claim, places, LEASE_SECONDS)
            for row in result_sets[0] if result_sets else []:
                self._begin(Turn(*row), claim)
        return POLL_SECONDS

    async def _clean(self) -> None:
        """Bound the outbox, and delete old events; those that are left are due in the next round."""
        await self._db.call("yp", "webhook_bound", WAITING)
        (((more,),),) = await self._db.call("yp", "webhook_expire", EXPIRE_ROWS)
        if not more:
            self._expired_at = time.monotonic()

    def _begin(self, turn: Turn, claim: str) -> None:
        task = asyncio.create_task(self._run(turn, claim))
        self._turns.add(task)
        task.add_done_callback(self._turns.discard)

    async def _run(self, turn: Turn, claim: str) -> None:
        try:
            await self._deliver(turn, claim)
        except Exception:
            # The lease ends, and any process tries again.
            log.exception("a turn of a webhook failed", extra={"webhook": turn.webhook_id})

    async def _deliver(self, turn: Turn, claim: str) -> None:
        """Send events in order until one fails, none is left, or the turn is over."""
        ends_at = time.monotonic() + TURN_SECONDS
        while time.monotonic() < ends_at:
            (delivery_rows,) = await self._db.call(
                "yp", "webhook_next", turn.webhook_id, claim, BATCH, LEASE_SECONDS
            )
            if not delivery_rows:
                break
            for delivery in documents(delivery_rows):
                if time.monotonic() >= ends_at:
                    break
                if not await self._deliver_one(turn, claim, delivery):
                    return
        await self._db.call("yp", "webhook_release", turn.webhook_id, claim)

    async def _deliver_one(self, turn: Turn, claim: str, delivery: dict[str, Any]) -> bool:
        """Send an event and record the outcome; return whether the turn goes on."""
        message_id = f"msg_{delivery['id']}"
        reply = await self._sender.send(turn.url, turn.secrets, message_id, payload(delivery))
        if reply.error:
            await self._record_failure(turn, claim, delivery, reply)
            return False
        metrics.WEBHOOKS.labels("delivered").inc()
        (((go_on,),),) = await self._db.call(
            "yp", "webhook_sent", turn.webhook_id, claim, delivery["id"], reply.status, LEASE_SECONDS
        )
        return bool(go_on)

    async def _record_failure(self, turn: Turn, claim: str, delivery: dict[str, Any], reply: Reply) -> None:
        metrics.WEBHOOKS.labels("failed").inc()
        (((is_paused,),),) = await self._db.call(
            "yp",
            "webhook_failed",
            turn.webhook_id,
            claim,
            delivery["id"],
            reply.status,
            reply.error,
            int(reply.is_gone),
            secrets.token_hex(8),
        )
        if is_paused:
            metrics.WEBHOOKS.labels("paused").inc()
            # Neither the URL, which may hold a secret, nor the payload belongs in the log.
            log.warning("a webhook is paused", extra={"webhook": turn.webhook_id, "error": reply.error})


def overview_table(webhooks: list[dict[str, Any]]) -> str:
    """Return the table that `make webhooks` prints: one line for each subscription."""
    lines = []
    for webhook in webhooks:
        host = webhook["url"].split("/")[2]
        waiting = f"{webhook['pending']:5} wait" + (f" from {webhook['last']}" if webhook["last"] else "")
        trouble = f"  {webhook['failures']} failures: {webhook['last_error']}" if webhook["failures"] else ""
        owner = webhook["email"] or f"the site ({webhook['label']})"
        lines.append(
            f"{webhook['id']}  {webhook['state']:6} {waiting}  {owner}  {host}  {webhook['events']}{trouble}"
        )
    return "\n".join(lines) or "There are no webhooks."
