"""What a handler gets: the caller, the validated parameters, the routines, and a way to tell others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from aiohttp import StreamReader

from service.calls import Calls
from service.database import Database, Joined, ResultSet, Transaction
from service.mail import Mailer
from service.presence import Presence
from service.push import Pusher, live_update
from service.rooms import Nodes
from service.session import Caller
from service.settings import Settings

if TYPE_CHECKING:
    from service.throttle import Throttle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is the body of a request, still on its way in."""

    filename: str
    content: StreamReader


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is a file instead of an envelope."""

    filename: str
    """"" for a page that is shown."""
    content_type: str
    chunks: AsyncIterator[bytes]


@dataclass(slots=True, kw_only=True)
class Context:
    """One request, as its handler sees it."""

    settings: Settings
    db: Database
    pusher: Pusher
    presence: Presence
    calls: Calls
    nodes: Nodes
    throttle: Throttle
    mailer: Mailer
    service: str
    """module.method"""
    service_names: list[str]
    """Every service there is."""
    args: dict[str, Any]
    """Validated parameters, defaults filled in."""
    caller: Caller
    sid: str | None
    host: str
    """Host name of the page that calls."""
    address: str
    user_agent: str
    asked: int
    """When the request arrived, microseconds since 1970."""
    upload: Upload | None = None
    echo_id: Any = None
    connection: str | None = None
    """Overrides `__status__` of the answer."""
    new_sid: str | None = None
    """Set: the answer sets the session cookie."""
    partial: str | None = None
    """A declared code: what was asked is done, except for this."""
    drop_cookie: bool = False
    """Set: the answer expires the session cookie."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    async def yp(self, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine of the registry."""
        return await self.db.call("yp", name, *args)

    async def mine(self, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine of the caller's shard, for the caller: his id goes in front."""
        if self.caller.db is None:
            raise AssertionError("only signed-in people have a shard; the gate let somebody else through")
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
        `options.sender`, which makes his own tab drop the frame: only where contract 2.5 says so.
        """
        sender = {
            "uid": self.caller.uid,
            "id": self.caller.uid,
            "firstname": self.caller.firstname,
            "lastname": self.caller.lastname,
            "fullname": self.caller.shown_name,
        }
        if socket_id is not None:
            sender["socket_id"] = socket_id
        frame = live_update(service, model, sender=sender, event=event, echo_id=self.echo_id)
        self.after_commit.append(lambda: self.pusher.send(recipients, frame))

    def presence_changed(self) -> None:
        """Tell the caller's contacts that his state may have changed, once the request has succeeded."""
        caller = self.caller
        self.after_commit.append(lambda: self.presence.changed(caller.uid, caller.db))


async def together(ctx: Context, work: Callable[[Context], Awaitable[T]]) -> T:
    """The result of `work`, all of whose CALLs are committed together, or none.

    It gets a context of its own and may run several times: it must do nothing but CALLs and what is told
    after the commit.
    """

    async def unit(tx: Transaction) -> tuple[Context, T]:
        inner = replace(ctx, db=Joined(tx), after_commit=[])
        return inner, await work(inner)

    inner, result = await ctx.db.transaction("together", unit)
    ctx.after_commit += inner.after_commit
    return result


def rows(result: ResultSet) -> list[orjson.Fragment]:
    """The `data` column of each row, as JSON that goes out as it came."""
    return [orjson.Fragment(row[0]) for row in result]


def row(result: ResultSet) -> orjson.Fragment | dict[str, Any]:
    """The `data` column of the first row, or an empty object."""
    return orjson.Fragment(result[0][0]) if result else {}


def page_of(ctx: Context) -> tuple[int, int]:
    """(page, rows a page) that a list is asked for."""
    return ctx.args["page"], ctx.args.get("pagelength") or ctx.settings.page_size


def only(source: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """The entries of a mapping with these names."""
    return {name: value for name, value in source.items() if name in names}
