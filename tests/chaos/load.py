"""The counted load: writers that go on through every fault, each at its own pace."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import orjson
from yarl import URL

from service.admin.demo import WRITE
from service.admin.registry import Registry
from service.auth.passwords import hash_password
from service.settings import Settings
from tests.chaos.ledger import Call, Ledger
from tests.support import rest
from tests.support.people import PASSWORD, Answer, People, Person, Tab
from tests.support.rest import Client, make_key

EXPLAINED = {429, 503, 504}
"""Statuses that a service may answer with while its servers fail."""
PATIENCE_SECONDS = 60.0
RETRY_SECONDS = 0.2
SEAT_SECONDS = 10.0
"""A tab that reconnects within this time keeps its place, whatever happened to its process."""
ROOM = "feedfacefeedface"
METADATA = {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "meeting"}


class Served(Protocol):
    """What the load has to know of the site that it calls."""

    url: URL
    settings: Settings


class Load:
    """Two people who write contacts and meet in a room, over all APIs."""

    def __init__(self, site: Served, ledger: Ledger, pace: float) -> None:
        self.site = site
        self.ledger = ledger
        self._pace = pace
        self._gate = asyncio.Event()
        self._busy = 0
        self._idle = asyncio.Condition()
        self.successes: dict[str, float] = {}
        """When the newest call of each kind that succeeded was sent, by time.monotonic()."""
        self.failed_at = 0.0
        """When the newest failure of a call was noticed, by time.monotonic()."""
        self._tasks: list[asyncio.Task[None]] = []
        self.attendees: dict[str, Attendee] = {}
        self._marks = itertools.count()
        self._started: dict[str, float] = {}

    async def start(self) -> None:
        """Make the people, and start the writers."""
        registry = await asyncio.to_thread(Registry, self.site.settings)
        self._people = People(self.site.url, registry, hash_password(PASSWORD))
        self.ann, self.ben = await self._people("Ann"), await self._people("Ben")
        visitors = [await self._people(name) for name in ("Cas", "Dan", "Eve", "Fay")]
        self._visitors = itertools.cycle(visitors)
        self.hub = registry.add_hub("Team", self.ann.uid, "private")
        for person in (self.ben, *visitors):
            registry.grant(self.hub, person.uid, WRITE)
        self.api = Client(self.ben, make_key(registry, self.ben))
        self.counter = Counting((await self.api.add(first_name="counter", company="0"))["id"])
        self.attendees = {person.email: Attendee(person) for person in (self.ann, self.ben)}
        self._tasks = [asyncio.create_task(self._repeat(work)) for work in self._rounds()]
        self._gate.set()

    def _rounds(self) -> list[Callable[[], Awaitable[float]]]:
        """Return what the writers do, each again and again."""
        meetings = [self._meets(attendee) for attendee in self.attendees.values()]
        return [self._add, self._post, self._patch, *meetings]

    async def stop(self) -> None:
        """End the writers and close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.api.http.close()
        await self._people.close()

    async def pause(self) -> None:
        """Return when no call is open any more; none starts until `resume`."""
        self._gate.clear()
        async with self._idle:
            await self._idle.wait_for(lambda: not self._busy)

    def resume(self) -> None:
        """Let the writers go on."""
        self._gate.set()

    def recovered(self, since: float) -> bool:
        """Return whether every kind of call that was sent after this moment has succeeded."""
        kinds = {"contact.add", "POST /contacts", "PATCH /contacts", "live.update"}
        kinds |= {f"conference.join {email}" for email in self.attendees}
        return all(self.successes.get(kind, 0.0) > since for kind in kinds)

    async def attempt(
        self, kind: str, call: Awaitable[Any], is_explained: Callable[[Any], bool] = lambda _: False
    ) -> Any:
        """Return an answer that succeeded; None for a failure. Those that no fault explains are recorded."""
        sent = time.monotonic()
        status, answer = await self._judged(kind, call, is_explained)
        ended = time.monotonic()
        if answer is None:
            self.failed_at = ended
        else:
            self.successes[kind] = sent
        self.ledger.calls.append(Call(kind, sent, ended, status, answer is not None))
        return answer

    async def _judged(
        self, kind: str, call: Awaitable[Any], is_explained: Callable[[Any], bool]
    ) -> tuple[int, Any]:
        """Return the status, 0 without an answer, and the answer unless it is a failure."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await call
            succeeded = _succeeded(answer)
        except TimeoutError:
            self.ledger.wrong[f"{kind}: no answer in {PATIENCE_SECONDS:.0f} s"] += 1
            return 0, None
        except orjson.JSONDecodeError:
            self.ledger.wrong[f"{kind}: an answer that is no JSON"] += 1
            return 0, None
        except (aiohttp.ClientError, OSError):
            return 0, None
        if succeeded:
            return answer.status, answer
        if answer.status not in EXPLAINED and not is_explained(answer):
            self.ledger.wrong[f"{kind}: {answer.status} {_code(answer)}"] += 1
        return answer.status, None

    def visitor(self) -> Person:
        """Return somebody who may enter the room, without a session."""
        person = next(self._visitors)
        return Person(person.base, person.email, person.uid, person.shard)

    async def _repeat(self, work: Callable[[], Awaitable[float]]) -> None:
        while True:
            await self._gate.wait()
            self._busy += 1
            try:
                pause = await work()
            finally:
                async with self._idle:
                    self._busy -= 1
                    self._idle.notify_all()
            await asyncio.sleep(pause)

    async def _add(self) -> float:
        """Add a contact over the RPC, once: a call without an answer may have worked."""
        mark = f"rpc-{next(self._marks)}"
        self.ledger.sent(mark)
        address = [{"email": f"{mark}@x.example", "is_default": 1}]
        sent = time.monotonic()
        answer = await self.attempt(
            "contact.add", self.ann.call("contact.add", firstname=mark, email=address)
        )
        if answer is None:
            return RETRY_SECONDS
        self.ledger.confirmed(mark, "contact.add")
        self._started[answer.data["id"]] = sent
        return self._pace

    async def _post(self) -> float:
        """Add a contact over the REST API, with the same key until it is acknowledged."""
        mark = f"rest-{next(self._marks)}"
        self.ledger.sent(mark)
        fields, key = {"first_name": mark, "emails": [{"address": f"{mark}@x.example"}]}, secrets.token_hex(8)
        while True:
            call = self.api.post("/contacts", fields, Idempotency_Key=key)
            if await self.attempt("POST /contacts", call):
                self.ledger.confirmed(mark, "POST /contacts")
                return self._pace
            await asyncio.sleep(RETRY_SECONDS)

    async def _patch(self) -> float:
        """Count up in a field, with If-Match; whoever got no answer reads first."""
        counter, path = self.counter, f"/contacts/{self.counter.contact}"
        if not counter.etag:
            read = await self.attempt("GET /contacts", self.api.get(path))
            if read is None:
                return RETRY_SECONDS
            counter.reread(int(read.data["company"]), read.etag)
        call = self.api.patch(path, {"company": str(counter.value + 1)}, If_Match=counter.etag)
        counter.etag = ""
        # a call without an answer may have worked after the value was read
        answer = await self.attempt("PATCH /contacts", call, lambda a: a.status == 412 and counter.is_late)
        if answer is None:
            counter.unsure += 1
            return RETRY_SECONDS
        counter.value, counter.etag, counter.is_late = counter.value + 1, answer.etag, False
        self.ledger.acknowledgements["PATCH /contacts"] += 1
        return self._pace

    def _meets(self, attendee: Attendee) -> Callable[[], Awaitable[float]]:
        async def meet() -> float:
            if not await self._has_tab(attendee):
                return RETRY_SECONDS
            self._hear(attendee)
            kind = "conference.leave" if attendee.inside else "conference.join"
            return self._pace if await self._take(attendee, kind) else RETRY_SECONDS

        return meet

    async def _take(self, attendee: Attendee, kind: str) -> bool:
        """Join or leave the room; return whether the outcome is certain."""
        assert attendee.tab
        tab, attendee.sure = attendee.tab, False
        call = attendee.person.call(kind, hub_id=self.hub, room_id=ROOM, socket_id=tab.id, metadata=METADATA)
        # a socket whose process died meanwhile is refused
        answer = await self.attempt(f"{kind} {attendee.person.email}", call, lambda _: tab.ws.closed)
        if answer is None or tab.ws.closed:
            return False
        attendee.inside, attendee.sure = kind == "conference.join", True
        self.ledger.acknowledgements[kind] += 1
        return True

    async def _has_tab(self, attendee: Attendee) -> bool:
        """Whether the tab is open; one that broke reconnects as the frontend does."""
        old = attendee.tab
        if old is not None and not old.ws.closed:
            return True
        if attendee.broken_at is None:
            attendee.broken_at = time.monotonic()
        attendee.tab = await self.tab(attendee.person, old)
        if attendee.tab is None:
            attendee.tab = old
            return False
        attendee.sure = attendee.sure and time.monotonic() - attendee.broken_at < SEAT_SECONDS
        attendee.broken_at = None
        return True

    async def tab(
        self, person: Person, was: Tab | None = None, headers: dict[str, str] | None = None
    ) -> Tab | None:
        """Open a WebSocket; None when that does not work now."""
        names = {"socket_id": was.id} if was else {}
        answer = await self.attempt("bootstrap.authn", person.call("bootstrap.authn", headers, **names))
        if answer is None:
            return None
        url = (self.site.url / "-/websocket/").with_query(otak=answer.data["token"])
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                tab = Tab(await person.http.ws_connect(url, protocols=("service",), headers=headers))
                await tab.hello()
        except aiohttp.WSServerHandshakeError as exc:
            if exc.status not in EXPLAINED:
                self.ledger.wrong[f"WebSocket: {exc.status}"] += 1
            return None
        except (aiohttp.ClientError, OSError, AssertionError, IndexError, TimeoutError):
            return None
        person.tabs.append(tab)
        return tab

    def _hear(self, attendee: Attendee) -> None:
        """Note the contacts in the frames of the tab; drop old frames."""
        assert attendee.tab
        for frame in attendee.tab.updates("contact.add"):
            sent = self._started.pop(frame["model"]["contact_id"], 0.0)
            self.successes["live.update"] = max(sent, self.successes.get("live.update", 0.0))
        misfits = {tab_misfit for tab_misfit in attendee.tab.misfits if tab_misfit not in self.ledger.wrong}
        self.ledger.wrong.update(misfits)
        del attendee.tab.frames[1:]


class Counting:
    """A contact whose company is a number that only ever grows by one."""

    def __init__(self, contact: str) -> None:
        self.contact = contact
        self.value = 0
        """As it was acknowledged."""
        self.unsure = 0
        """Number of calls without an answer since then, of which at most one has worked."""
        self.is_late = False
        """Whether such a call may still be at work."""
        self.etag = ""
        self.lost_steps = 0
        self.doubled_steps = 0

    def reread(self, value: int, etag: str) -> None:
        """Adopt the value that was read, and note a step that is missing or repeated."""
        self.lost_steps += max(0, self.value - value)
        self.doubled_steps += max(0, value - self.value - min(1, self.unsure))
        self.is_late = self.unsure > 0
        self.value, self.etag, self.unsure = value, etag, 0


class Attendee:
    """A person in the room, or not."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.tab: Tab | None = None
        self.inside = False
        self.sure = False
        """Whether the service has confirmed it, for the tab that is open."""
        self.broken_at: float | None = None


def _succeeded(answer: Answer | rest.Answer) -> bool:
    return answer.status < 300 and "error" not in answer.body


def _code(answer: Answer | rest.Answer) -> object:
    error = answer.body.get("error")
    return error.get("code") if isinstance(error, dict) else error
