"""Live updates: one Redis message for each process with recipients, one frame for each of their sockets.

A message without a subscriber (Redis, or the connection to it, is down) is held for 10 s and published again.
A restart of Redis therefore loses no update. One that Redis delivered before it failed comes again; its mark
tells. After 10 s a message goes into the mailboxes of its sockets (service/live/mailbox.py): their process is
dead.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service import metrics
from service.live import mailbox
from service.live.recipients import by_node
from service.loops import Loop, Loops
from service.store.database import ResultSet, encode
from service.store.redis import CHECK_SECONDS, RedisServers

log = logging.getLogger(__name__)

PUSHES_LOST = "pushes lost"
"""Message of the log; its `count` says how many."""
QUEUE = 10_000
BATCH = 200
MARK = "#"
"""Begin of the last socket id, which marks the message; older processes hold no such socket."""
HOLD_SECONDS = 10.0
MAILBOX = ""
"""The process of a socket that is lost, in rows of recipients (the view socket_route)."""
UNHELD = 0.0
"""`expires` of a message that needs no subscriber: mostly nobody follows the contacts that change."""
RETRY_SECONDS = 0.2
RECONNECT_SECONDS = (0.1, 0.25)
"""Pauses between attempts to reach Redis: the first, and the longest."""
ROUND_SECONDS = 30.0
"""Longest wait of a loop before it reports that it is alive."""

HAND_OVER = b"@"
"""Begins a message that asks for the unconfirmed frames of sockets; the name of the process follows."""
HANDED_OVER = b"#"
"""The message that answers it, once these frames are in the mailboxes."""

Deliver = Callable[[list[str], str], None]
Control = Callable[[list[str]], Coroutine[Any, Any, None]]


class Receivers(NamedTuple):
    """What this process does with messages for its sockets."""

    deliver: Deliver
    close: Control
    rebind: Control
    hand_over: Deliver
    """Put the unconfirmed frames of sockets into their mailboxes, because a process asks for them."""
    handed_over: Callable[[list[str]], None]


class Message(NamedTuple):
    """A message on one Redis channel, or for mailboxes."""

    channel: str
    """Name of the channel; MAILBOX: the mailboxes of the sockets."""
    text: bytes
    expires: float
    """time.monotonic() from which the message is dropped, or UNHELD."""


def channel_of(node: str) -> str:
    """Return the Redis channel of one service process."""
    return f"drumee:push:{node}"


def contacts_channel(uid: str) -> str:
    """Return the Redis channel that announces changes of one user's contacts, without their content."""
    return f"drumee:contacts:{uid}"


def live_update(
    service: str,
    model: Any,
    *,
    sender: Mapping[str, Any] | None = None,
    event: str | None = None,
    echo_id: Any = None,
) -> bytes:
    """Build the frame of a business event (docs/frontend-contract.md#websocket-frames)."""
    options: dict[str, Any] = {"service": service, "keys": "*", "sender": sender or {}}
    if event is not None:
        options["event"] = event
    if echo_id is not None:
        options["echoId"] = echo_id
    return orjson.dumps({"service": "live.update", "model": model, "options": options})


class Pusher:
    """Publishes to all processes, and delivers to the sockets of this one."""

    def __init__(self, redis: RedisServers, node: str, loops: Loops, grace: int) -> None:
        """Prepare to push; `grace`: seconds for which a lost socket is expected back."""
        self.redis = redis
        self.node = node
        self._keep_seconds = grace + mailbox.MORE_SECONDS
        self._loops = loops
        self._queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE)
        self._own_loops: list[Loop] = []
        self._controls: set[asyncio.Task[None]] = set()
        self._held: list[Message] = []
        self._numbers = itertools.count()
        self._marks: dict[str, None] = {}
        """Marks of the newest messages that were received."""
        self._retry_at = 0.0
        self._stopping = False
        self.listening = asyncio.Event()

    def start(self, receivers: Receivers) -> None:
        """Start to publish and to listen."""
        subscriber = Loop(
            "push subscriber",
            lambda: self._listen_round(subscriber, receivers),
            every=ROUND_SECONDS,
            retry=RECONNECT_SECONDS,
        )
        publisher = Loop("push publisher", self._publish_round, every=ROUND_SECONDS, retry=RECONNECT_SECONDS)
        master = Loop("redis master", self._master_round, every=CHECK_SECONDS, retry=RECONNECT_SECONDS)
        self._own_loops = [self._loops.add(loop) for loop in (publisher, subscriber, master)]

    async def stop(self) -> None:
        """Publish the queued messages for at most 2 s, then stop; held ones are dropped."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._queue.join()
        await self._loops.stop(*self._own_loops)
        await self.redis.close()

    def send(self, recipients: ResultSet, frame: bytes) -> None:
        """Queue a frame for sockets. `recipients` are rows (node, JSON array of socket ids)."""
        for node, sockets in by_node(recipients):
            self._put(node, sockets, b"\n" + frame)

    def keep(self, socket_ids: list[str], frames: Iterable[str]) -> None:
        """Queue frames for the mailboxes of lost sockets."""
        for frame in frames:
            self._put(MAILBOX, encode(socket_ids), b"\n" + frame.encode())

    def ask_to_hand_over(self, node: str, socket_id: str) -> None:
        """Ask a process for the unconfirmed frames of a socket that has a successor here."""
        self._put(node, encode([socket_id]), b"\n" + HAND_OVER + self.node.encode())

    def answer_hand_over(self, node: str, socket_ids: list[str]) -> None:
        """Tell a process that these frames are in the mailboxes."""
        self._put(node, encode(socket_ids), b"\n" + HANDED_OVER)

    def close_sockets(self, recipients: ResultSet) -> None:
        """Ask the processes that hold these sockets to close them. Rows as for `send`."""
        for node, sockets in by_node(recipients):
            self._put(node, sockets)

    def rebind_sockets(self, recipients: ResultSet) -> None:
        """Ask the processes that hold these sockets to look up whose they are now. Rows as for `send`."""
        self.send(recipients, b"")

    def notify_contacts(self, uid: str, text: bytes = b"") -> None:
        """Notify the processes that follow this user's contacts, if any, that there is something to read."""
        self._queue_message(Message(contacts_channel(uid), text, UNHELD))

    def _put(self, node: str, sockets: str, rest: bytes = b"") -> None:
        """Queue a message for a process. `sockets`: JSON array, not empty."""
        marked = f'{sockets[:-1]},"{MARK}{self.node}.{next(self._numbers)}"]'
        expires = time.monotonic() + HOLD_SECONDS
        channel = channel_of(node) if node else MAILBOX
        self._queue_message(Message(channel, marked.encode() + rest, expires))

    def _queue_message(self, message: Message) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            metrics.PUSHES.labels("dropped").inc()

    async def _master_round(self) -> float:
        await self.redis.check_master()
        return CHECK_SECONDS

    async def _publish_round(self) -> float:
        """Publish queued and held messages; return the pause until the next round: none."""
        batch = await self._batch()
        if self._held and time.monotonic() >= self._retry_at:
            batch, self._held = [*self._held, *batch], []
        held_channels = {message.channel for message in self._held}
        # Held messages go first, so that the updates of one process keep their order.
        self._held += [message for message in batch if message.channel in held_channels]
        if len(self._held) > QUEUE:
            self._done("dropped", len(self._held) - QUEUE)
            self._held = self._held[-QUEUE:]
        fresh = [message for message in batch if message.channel not in held_channels]
        client = self.redis.client
        try:
            unheard = await self._publish(client, fresh)
        except Exception as exc:
            self._hold(fresh)
            if isinstance(exc, RedisError | OSError):
                await self.redis.use_next_server(client)
            raise
        if unheard:
            self._hold(unheard)
        return 0.0

    async def _batch(self) -> list[Message]:
        """Return queued messages, at least one; none when held messages are due."""
        patience = max(self._retry_at - time.monotonic(), 0) if self._held else ROUND_SECONDS
        try:
            async with asyncio.timeout(patience):
                batch = [await self._queue.get()]
        except TimeoutError:
            return []
        while len(batch) < BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    def _hold(self, unheard: list[Message]) -> None:
        """Hold unheard messages: a process, or Redis itself, may be back in a moment.

        Those that have waited too long go into mailboxes; those for mailboxes are dropped.
        """
        now = time.monotonic()
        self._retry_at = now + RETRY_SECONDS
        start = math.inf if self._stopping else now
        self._held = [*(message for message in unheard if message.expires > start), *self._held]
        expired = [message for message in unheard if message.expires <= start]
        dropped = sum(not self._give_up(message) for message in expired)
        if dropped:
            log.warning(PUSHES_LOST, extra={"count": dropped})
        self._done("lost", dropped)
        self._done("kept", len(expired) - dropped)

    def _give_up(self, message: Message) -> bool:
        """Put a message that nobody hears into the mailboxes of its sockets; False when there are none."""
        if message.channel == MAILBOX or not _is_update(message):
            return False
        self._queue_message(Message(MAILBOX, message.text, time.monotonic() + HOLD_SECONDS))
        return True

    def _done(self, outcome: str, count: int) -> None:
        metrics.PUSHES.labels(outcome).inc(count)
        for _ in range(count):
            self._queue.task_done()

    async def _publish(self, client: Redis, batch: list[Message]) -> list[Message]:
        """Publish; return the messages without a subscriber that have to be heard."""
        if not batch:
            return []
        async with client.pipeline(transaction=False) as pipe:
            for message in batch:
                if message.channel == MAILBOX:
                    self._add_to_mailboxes(pipe, message, keep=True)
                else:
                    pipe.publish(message.channel, message.text)
            outcomes = await pipe.execute()
        unheard = []
        for message, outcome in zip(batch, outcomes, strict=True):
            if message.channel == MAILBOX:
                self._send_on(outcome, message)
            elif not outcome and message.expires != UNHELD:
                unheard.append(message)
        still_unheard = await self._forward(client, unheard)
        self._done("sent", len(batch) - len(still_unheard))
        return still_unheard

    async def _forward(self, client: Redis, unheard: list[Message]) -> list[Message]:
        """Pass messages that a stopped process does not hear on to the successors of its sockets.

        Return the messages for the other sockets.
        """
        updates = [message for message in unheard if _is_update(message)]
        if not updates:
            return unheard
        async with client.pipeline(transaction=False) as pipe:
            for message in updates:
                self._add_to_mailboxes(pipe, message, keep=False)
            outcomes = await pipe.execute()
        waiting = [message for message in unheard if not _is_update(message)]
        for message, outcome in zip(updates, outcomes, strict=True):
            if socket_ids := self._send_on(outcome, message):
                array, _, frame = message.text.partition(b"\n")
                marked = encode([*socket_ids, orjson.loads(array)[-1]]).encode()
                waiting.append(message._replace(text=marked + b"\n" + frame))
        return waiting

    def _add_to_mailboxes(self, pipe: Any, message: Message, *, keep: bool) -> None:
        socket_ids, _, frame = message.text.partition(b"\n")
        mailbox.add(pipe, socket_ids, frame, seconds=self._keep_seconds, keep=keep)

    def _send_on(self, outcome: list[bytes], message: Message) -> list[str]:
        """Queue a frame again for successors that do not listen; return the sockets without a successor."""
        socket_ids, successors = mailbox.sort(outcome)
        frame = message.text.partition(b"\n")[2].removeprefix(mailbox.REPEATED.encode())
        self.send(successors, frame)
        return socket_ids

    async def _listen_round(self, loop: Loop, receivers: Receivers) -> float:
        """Subscribe, and handle messages as long as the connection lasts."""
        client = self.redis.client
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(channel_of(self.node))
                self.listening.set()
                resumed = False
                while True:
                    loop.finished()
                    try:
                        message = await _next_message(pubsub)
                    except (RedisConnectionError, RedisTimeoutError):
                        # The library may have subscribed again before it raises: to leave that connection
                        # loses what was published to it. Twice in a row would be a loop without pauses.
                        if resumed or self.redis.client is not client or not _is_connected(pubsub):
                            raise
                        resumed = True
                        continue
                    resumed = False
                    if message is not None and message["type"] == "message":
                        await self._receive(message["data"], receivers)
        except (RedisError, OSError):
            await self.redis.use_next_server(client)
            raise
        finally:
            self.listening.clear()

    async def _receive(self, data: bytes, receivers: Receivers) -> None:
        """Handle `<JSON array of socket ids> LF <frame>`: deliver the frame, unless it was delivered.

        Without LF, close the sockets; without a frame, bind them to their user again. `@` and the name of a
        process, or `#`, in place of a frame concern sockets that have a successor.
        """
        array, newline, frame = data.partition(b"\n")
        try:
            socket_ids = orjson.loads(array)
            if socket_ids[-1].startswith(MARK) and self._is_known(socket_ids.pop()):
                return
            if frame.startswith(HAND_OVER):
                receivers.hand_over(socket_ids, frame[1:].decode())
            elif frame == HANDED_OVER:
                receivers.handed_over(socket_ids)
            elif frame:
                receivers.deliver(socket_ids, frame.decode())
            else:
                control = receivers.rebind if newline else receivers.close
                # In the background: a client that does not read its close frame must not delay updates.
                task = asyncio.create_task(control(socket_ids))
                self._controls.add(task)
                task.add_done_callback(self._controls.discard)
        except Exception:
            # One bad message must not end the subscription.
            log.exception("a push could not be delivered")

    def _is_known(self, mark: str) -> bool:
        """Return whether a message was received before; from now on it was."""
        is_known = mark in self._marks
        self._marks[mark] = None
        if len(self._marks) > QUEUE:
            del self._marks[next(iter(self._marks))]
        return is_known


async def _next_message(pubsub: PubSub) -> dict[str, Any] | None:
    """Return the next message; None after 30 s without one, when the connection is checked."""
    message: dict[str, Any] | None = await pubsub.get_message(
        ignore_subscribe_messages=True, timeout=ROUND_SECONDS
    )
    if message is None:
        await pubsub.ping()
    return message


def _is_connected(pubsub: PubSub) -> bool:
    return pubsub.connection is not None and pubsub.connection.is_connected


def _is_update(message: Message) -> bool:
    """Return whether a message carries a frame, and is no request to a process."""
    frame = message.text.partition(b"\n")[2]
    return message.channel.startswith(channel_of("")) and frame.startswith(b"{")
