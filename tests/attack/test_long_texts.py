"""Long texts cost time in proportion to their length, in every parameter of every API.

The cases come from the declarations: each text gets its greatest length of one letter, of one Han character
and of addresses without end. A pattern that tries a text again from each of its characters, or a loop that
copies the rest of a text for each piece, costs sixteen times as much for four times the length.
"""

from __future__ import annotations

import resource
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from service.filemail.endpoints import ENDPOINTS
from service.local.stack import Stack
from service.rest.operation import Operation
from service.rest.operations import OPERATIONS
from service.rpc.declarations import Service, load_declarations
from tests.support.attacker import Attacker, Stage
from tests.support.hostile import Spot, spots
from tests.support.login_token import Client
from tests.support.rest_attack import PLACES, Attack

TEXTS = {"a letter": "x", "a Han character": "漢", "addresses": "a@"}
UNLIMITED = 20_000
"""Characters for a parameter whose declaration has no limit."""
QUERY = 2000
"""Characters for a part of a URL without a limit: longer lines are refused before anything reads them."""
FAST = 0.05
"""Seconds of processor time that any text may take; beyond, its growth counts."""
GROWTH = 6
"""Factor that four times the text may cost: it is 4 in proportion to the length, and 16 for its square."""
NOISE = 0.002
"""Seconds by which the time of a request varies."""
RUNS = 2
ATTEMPTS = 4
"""Comparisons that must agree: the times of a busy machine vary."""

SERVICES = {name: service for name, service in load_declarations().items() if service.params}
WITH_TEXT = [
    operation for operation in OPERATIONS if operation.body or operation.query or "{" in operation.path
]
FILES = {
    "vcf": "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nEMAIL:%s\r\nNOTE:{}\r\nEND:VCARD\r\n",
    "csv": "First Name,E-mail Address,Notes\nAda,%s,{}\n",
}
"""A file with one contact, whose note is the text."""

Prepare = Callable[[str], Coroutine[Any, Any, Coroutine[Any, Any, Any]]]
"""Makes the request that carries a text, without sending it."""


class Meter:
    """Processor time of the service (this process), of the processes that it starts, and of MariaDB."""

    def __init__(self, stack: Stack) -> None:
        pid = stack.pids()["MariaDB"]
        assert pid is not None
        # The number of its processor clock, in nanoseconds; /proc counts in hundredths of a second.
        self._mariadb = ~pid << 3 | 2

    async def cost(self, prepare: Prepare, text: str, runs: int = 1) -> float:
        """Return the seconds that a request takes; of several, the least, because others disturb."""
        costs = []
        for _ in range(runs):
            request = await prepare(text)
            before = self._seconds()
            await request
            costs.append(self._seconds() - before)
        return min(costs)

    def _seconds(self) -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        service = time.process_time() + children.ru_utime + children.ru_stime
        return service + time.clock_gettime(self._mariadb)

    async def problems(self, label: str, prepare: Prepare, most: int) -> list[str]:
        """Send the texts in this length; describe each whose time grows faster than its length.

        The cost of the request itself, which a short text shows, does not count.
        """
        floor = 0.0
        problems = []
        for name, unit in TEXTS.items():
            text = (unit * most)[:most]
            whole = await self.cost(prepare, text)
            if whole > FAST and not floor:
                floor = await self.cost(prepare, "x")
            if whole > FAST + 1.25 * floor:
                growths = [await self._growth(prepare, text)]
                while growths[-1] > GROWTH and len(growths) < ATTEMPTS:
                    growths.append(await self._growth(prepare, text))
                if min(growths) > GROWTH:
                    problems.append(
                        f"{label}: four times as much of {name} costs {min(growths):.0f} times as much"
                    )
        return problems

    async def _growth(self, prepare: Prepare, text: str) -> float:
        """Return how many times as much a text costs as a quarter of it; 0 when it is fast."""
        floor = await self.cost(prepare, "x", RUNS)
        whole = await self.cost(prepare, text, RUNS) - floor
        if whole <= FAST:
            return 0
        quarter = await self.cost(prepare, text[: len(text) // 4], RUNS) - floor
        return whole / max(quarter, NOISE + floor / 10)


@pytest.fixture
def meter(stack: Stack) -> Meter:
    return Meter(stack)


def places(name: str, declaration: Mapping[str, Any], valid: Any) -> Iterator[tuple[Spot, int]]:
    """Yield every place for a text in a parameter, and the greatest length there."""
    for spot in spots(name, declaration, valid):
        kind = spot.declaration["type"]
        if kind == "string" and "enum" not in spot.declaration:
            yield spot, spot.declaration.get("maxLength", UNLIMITED)
        elif kind in {"array", "object"} and not {"items", "properties"} & spot.declaration.keys():
            yield from free_places(spot)


def free_places(spot: Spot) -> Iterator[tuple[Spot, int]]:
    """Yield the places in a list or object without declared entries: its example says what it may hold."""
    # a Han character takes three bytes
    most = spot.declaration.get("maxBytes", UNLIMITED) // 3 - 100
    example = spot.declaration.get("example") or {}
    if spot.declaration["type"] == "array":
        yield Spot(f"{spot.path}[0]", {}, lambda text: spot.put([text])), most
        return
    for key in [*example, "comment"] if isinstance(example, dict) else ["comment"]:

        def put(text: str, key: str = key) -> Any:
            return spot.put({**example, key: text})

        yield Spot(f"{spot.path}.{key}", {}, put), most


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
async def test_texts_of_the_rpc(attacker: Attacker, meter: Meter, service: Service) -> None:
    # a tag without contacts: to rename one renders all its contacts, and here they have long notes
    tag = await attacker.person.ok("tagcontact.add", name=secrets.token_hex(8))
    attacker.real |= {"tag_id": tag["tag_id"], "tag": [tag["tag_id"]]}
    problems = []
    for name, declaration in service.params.items():
        valid = attacker.valid(name, declaration, declaration["example"])
        for spot, most in places(name, declaration, valid):

            async def prepare(text: str, name: str = name, spot: Spot = spot) -> Coroutine[Any, Any, Any]:
                base = await attacker.base(service, name)
                return attacker.send(service, {**base, name: spot.put(text)})

            problems += await meter.problems(spot.path, prepare, most)
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize("operation", WITH_TEXT, ids=lambda operation: operation.name)
async def test_texts_of_the_rest_api(attack: Attack, meter: Meter, operation: Operation) -> None:
    problems = []
    base = attack.base(operation)
    for name, declaration in (operation.body or {}).items():
        for spot, most in places(name, declaration, base.get(name, declaration.get("example"))):

            async def in_body(text: str, name: str = name, spot: Spot = spot) -> Coroutine[Any, Any, Any]:
                return attack.json(operation, {**base, name: spot.put(text)})

            problems += await meter.problems(spot.path, in_body, most)
    if operation.free_body:

        async def as_body(text: str) -> Coroutine[Any, Any, Any]:
            return attack.json(operation, {"a": text})

        problems += await meter.problems("body", as_body, UNLIMITED // 3)
    for name, declaration in operation.query.items():

        async def in_query(text: str, name: str = name) -> Coroutine[Any, Any, Any]:
            return attack.send(operation, query=f"?{name}={quote(text, safe='')}")

        problems += await meter.problems(
            f"?{name}", in_query, min(declaration.get("maxLength", QUERY), QUERY)
        )
    if "{" in operation.path:

        async def in_path(text: str) -> Coroutine[Any, Any, Any]:
            part = quote(text, safe="")
            return attack.send(operation, ids=dict.fromkeys(PLACES, part))

        problems += await meter.problems("path", in_path, QUERY)
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize("path", [path for path, endpoint in ENDPOINTS.items() if endpoint.declarations])
async def test_texts_of_the_login_token_api(stage: Stage, meter: Meter, path: str) -> None:
    api = Client(await stage.people("Mallory"))
    await api.login()
    contact = (await api.ok("contacts/add", name="Ada", email="ada@x.example"))["contact"]
    group = (await api.ok("contacts/group/add", name="Friends"))["groups"][0]
    real = {"contactid": contact["contactid"], "contactgroupid": group["contactgroupid"]}
    declarations = ENDPOINTS[path].declarations
    base = {name: real.get(name, "ada@y.example") for name in declarations} | {"logintoken": api.token}
    problems = []
    for name, declaration in declarations.items():

        async def prepare(text: str, name: str = name) -> Coroutine[Any, Any, Any]:
            return api.raw(path, {}, "POST", data={**base, name: text})

        problems += await meter.problems(name, prepare, declaration.get("maxLength", UNLIMITED))
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize("kind", FILES)
async def test_notes_of_a_file(attacker: Attacker, meter: Meter, kind: str) -> None:
    service = SERVICES["contact.import"]
    most = service.params["content"]["maxLength"] - 200

    async def prepare(text: str) -> Coroutine[Any, Any, Any]:
        content = FILES[kind].format(text) % f"{secrets.token_hex(8)}@x.example"
        return attacker.send(service, {"content": content, "format": kind})

    assert not await meter.problems("note", prepare, most)
