"""Bring each page that connects up to date, at once, or when Redis and the database are back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from redis.exceptions import RedisError

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live import mailbox
from service.live.client import Client
from service.live.missed import MissedUpdates
from service.live.resources import Resources
from service.loops import Loop

ROUND_SECONDS = 30.0
"""Period of the loop that looks after late pages, unless it is woken."""
RETRY_SECONDS = (1.0, 5.0)
"""Pauses between attempts: the first, and the longest."""


class Late(NamedTuple):
    """A page that has not heard everything."""

    client: Client
    former: str | None
    """The socket that it names as its former one."""
    unread: tuple[str, ...]
    """Former sockets whose mailboxes are to be read."""
    heard: list[str]
    """Frames about what it has missed, that it has heard."""
    is_told: bool
    """It has heard what holds now."""


class Arrivals:
    """Sends pages what they have missed.

    Pages for which Redis or the database was away are served by one loop. It tries again for all of them,
    and logs an outage once.
    """

    def __init__(self, resources: Resources, is_here: Callable[[Client], bool]) -> None:
        self._pusher, self._loops = resources.pusher, resources.loops
        self._is_here = is_here
        self._missed = MissedUpdates(resources)
        self._late: dict[str, Late] = {}
        self._loop: Loop | None = None

    def start(self) -> None:
        """Start to look after late pages."""
        self._loop = self._loops.add(
            Loop("late pages", self._catch_up_late, every=ROUND_SECONDS, retry=RETRY_SECONDS)
        )

    async def stop(self) -> None:
        """Leave late pages alone: the process ends."""
        await self._loops.stop(self._loop)

    def handed_over(self, socket_ids: list[str]) -> None:
        """Note that the frames of these sockets are in their mailboxes."""
        self._missed.handed_over(socket_ids)

    async def catch_up(
        self, client: Client, former: str | None, mailboxes: tuple[str, ...], holder: str | None
    ) -> None:
        """Send what the page has missed, then what has been queued for the new socket meanwhile.

        `mailboxes`: its former sockets, the one that `holder` may hold still at the end.
        """
        if former is None and not client.user.get("signed_in"):
            client.release()
            return
        late = Late(client, former, mailboxes, [], is_told=False)
        try:
            await self._serve(late, holder, client.queued, client.release)
        except (RedisError, DatabaseUnavailableError, DatabaseTimeoutError):
            if self._loop is not None:
                self._loop.wake()

    async def _catch_up_late(self) -> float:
        for late in list(self._late.values()):
            await self._serve(late, None, late.heard, late.client.send_all)
        return ROUND_SECONDS

    async def _serve(
        self, late: Late, holder: str | None, queued: Sequence[str], give: Callable[[Sequence[str]], None]
    ) -> None:
        """Send a page what it has not heard yet; remember what is left when that fails, and raise.

        A page that has gone again finds it in the mailbox of its socket.
        """
        client, unread, is_told = late.client, list(late.unread), late.is_told
        stored: list[str] = []
        frames: list[str] = []
        failure: Exception | None = None
        self._late.pop(client.id, None)
        try:
            while unread:
                # Only the last of the former sockets may be open still.
                asked = None if unread[1:] else holder
                stored += await self._missed.of_former(unread[0], asked, client.id)
                del unread[0]
        except RedisError as exc:
            failure = exc
        try:
            frames = stored
            if self._is_here(client) and (stored or not is_told):
                session = str(client.session)
                frames = await self._missed.complete(stored, client.id, late.former, session, queued)
                is_told = True
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            failure = exc
        finally:
            frames = [frame.removeprefix(mailbox.REPEATED) for frame in frames]
            self._give(client, frames, give)
        if failure is not None:
            self._late[client.id] = Late(client, late.former, tuple(unread), [*queued, *frames], is_told)
            raise failure

    def _give(self, client: Client, frames: Sequence[str], give: Callable[[Sequence[str]], None]) -> None:
        if self._is_here(client):
            give(frames)
        else:
            self._pusher.keep([client.id], mailbox.repeated(frames))
