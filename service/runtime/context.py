"""The context of a request: caller, validated parameters, routines, and pushes to other users."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from aiohttp import StreamReader

from service.auth.secret import SigningSecret
from service.auth.session import Caller
from service.live.call_log import CallLog
from service.live.calls import RingTimeouts
from service.live.presence import Presence
from service.live.push import Pusher, live_update
from service.live.rooms import Nodes
from service.loops import Loops
from service.mail.outbox import Mailer
from service.runtime.page_positions import PagePositions
from service.settings import Settings
from service.store.database import ResultSet, RoutineCaller, Transaction, TransactionCaller

if TYPE_CHECKING:
    from service.auth.guests import GuestLimits
    from service.auth.sign_in import Passwords

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is the body of a request, not read yet."""

    filename: str
    content: StreamReader


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is a file instead of an envelope."""

    filename: str
    """"" for a page that the browser shows."""
    content_type: str
    chunks: AsyncIterator[bytes]
    size: int | None = None
    """Bytes of the whole file, when they are known."""
    part: Callable[[range], AsyncIterator[bytes]] | None = None
    """Returns the chunks of these bytes, when a request may ask for a part of the file."""
    etag: str = ""
    """Names the content, which never changes."""
    span: range | None = None
    """The bytes in `chunks`; None: all."""
    charset: str = "utf-8"
    """Encoding of a text."""


Answer = orjson.Fragment | Download | dict[str, Any] | list[Any]
"""Result of a handler: data for JSON, or a file."""


@dataclass(slots=True, kw_only=True)
class Context:
    """One request, as its handler sees it."""

    settings: Settings
    db: RoutineCaller
    pusher: Pusher
    presence: Presence
    call_log: CallLog
    ring_timeouts: RingTimeouts
    nodes: Nodes
    passwords: Passwords
    guests: GuestLimits
    secret: SigningSecret
    mailer: Mailer
    loops: Loops
    page_positions: PagePositions
    service: str
    """module.method"""
    service_names: list[str]
    """Names of all services."""
    args: dict[str, Any]
    """Validated parameters, defaults filled in."""
    caller: Caller
    sid: str | None
    host: str
    """Host name of the page that sends the request."""
    address: str
    device_cookie: str
    user_agent: str
    received_us: int
    """Arrival of the request, microseconds since 1970."""
    from_frontend: bool
    """The Drumee frontend sends the request."""
    upload: Upload | None = None
    socket_id: str | None = None
    """The WebSocket that the tab calls its own; routines compare it with the session."""
    echo_id: Any = None
    connection: str | None = None
    """Overrides `__status__` of the answer."""
    new_sid: str | None = None
    """Set: the answer sets the session cookie."""
    new_device_cookie: str = ""
    """Set: the browser is known from now on."""
    partial: str | None = None
    """A declared error code: the request succeeded except for this."""
    drop_cookie: bool = False
    """Set: the answer expires the session cookie."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """Pushes and the like, which `run_after_commit` runs once the request has succeeded."""

    async def yp(self, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine of the registry."""
        return await self.db.call("yp", name, *args)

    async def shard(self, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine of the caller's shard, with the caller's id in front."""
        if self.caller.db is None:
            raise AssertionError("the caller has no shard; the gate let in somebody who is not signed in")
        return await self.db.call(self.caller.db, name, self.caller.uid, *args)

    def push(
        self,
        service: str,
        model: Any,
        recipients: ResultSet,
        *,
        socket_id: str | None = None,
        event: str | None = None,
    ) -> None:
        """Send a live update once the request has succeeded.

        `recipients` are rows (node, JSON array of socket ids). `socket_id` names the caller's socket in
        `options.sender`, so that the tab with that socket ignores the frame: see
        docs/frontend-contract.md#live-updates.
        """
        sender = {
            "uid": self.caller.uid,
            "id": self.caller.uid,
            "firstname": self.caller.firstname,
            "lastname": self.caller.lastname,
            "fullname": self.caller.public_name,
        }
        if socket_id is not None:
            sender["socket_id"] = socket_id
        frame = live_update(service, model, sender=sender, event=event, echo_id=self.echo_id)
        self.after_commit.append(lambda: self.pusher.send(recipients, frame))

    def presence_changed(self, *peers: tuple[str, str]) -> None:
        """Notify the contacts of the caller of the caller's presence, once the request has succeeded.

        `peers` are users, as (uid, shard), whose contacts are notified of theirs: those whom the caller sees
        from now on.
        """
        for uid, shard in ((self.caller.uid, self.caller.db), *peers):
            self.after_commit.append(partial(self.presence.changed, uid, shard))


async def in_transaction(ctx: Context, work: Callable[[Context], Awaitable[T]]) -> T:
    """Run `work` in one transaction and return its result.

    `work` gets a context of its own and may run several times: it must do nothing but CALLs, and pushes that
    wait for the commit.
    """

    async def unit(tx: Transaction) -> tuple[Context, T]:
        inner = replace(ctx, db=TransactionCaller(tx), after_commit=[])
        return inner, await work(inner)

    inner, result = await ctx.db.transaction("in_transaction", unit)
    ctx.after_commit += inner.after_commit
    return result


def rows(result: ResultSet) -> list[orjson.Fragment]:
    """Return the `data` column of each row, JSON that goes into the answer undecoded."""
    return [orjson.Fragment(row[0]) for row in result]


def row(result: ResultSet) -> orjson.Fragment | dict[str, Any]:
    """Return the `data` column of the first row, or an empty object."""
    return orjson.Fragment(result[0][0]) if result else {}


PRIVILEGES = (0, 1, 3, 3, 7, 15, 31, 63)
"""The privilege word of each level, as the frontend tests it bit by bit."""


def hub_shard(ctx: Context) -> str:
    """Return the shard of the hub that the request names, which the gate has checked."""
    if ctx.caller.hub_db is None:
        raise AssertionError("the gate let in a request without a hub")
    return ctx.caller.hub_db


def page_of(ctx: Context) -> tuple[int, int]:
    """Return (page, rows per page) that the request asks for."""
    return ctx.args["page"], ctx.args.get("pagelength") or ctx.settings.page_size


def only(source: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the entries of a mapping that have these names."""
    return {name: value for name, value in source.items() if name in names}


def run_after_commit(context: Context) -> None:
    """Send the pushes of a handler, now that its work is committed."""
    for action in context.after_commit:
        action()
