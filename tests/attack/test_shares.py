"""One person sends more than fits into their share: they wait, in order, and nobody else does."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestServer

from service.app import DISPATCHER
from service.filemail.endpoints import ENDPOINTS
from service.rest.operation import PREFIX
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations
from service.runtime import exchange
from service.store.shares import Shares
from tests.support import login_token
from tests.support.nodes import NodeMaker
from tests.support.people import Answer, Person
from tests.support.rest import ClientMaker
from tests.support.waiting import until

SERVICES = load_declarations()
ADDRESS = "127.0.0.1"
SUBSTITUTES = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def shares_of(server: TestServer) -> Shares:
    """Return the shares of a node."""
    assert server.app is not None
    return server.app[DISPATCHER].process.shares


async def add(person: Person, number: int, done: list[int]) -> Answer:
    """Add a contact; append its number once it is answered."""
    address = [{"email": f"c{number}@x.example", "is_default": 1}]
    answer = await person.call("contact.add", firstname=f"C{number}", email=address)
    done.append(number)
    return answer


async def test_requests_of_one_person_wait_in_order_and_others_do_not(
    make_node: NodeMaker, client_of: ClientMaker
) -> None:
    server = await make_node(person_calls=1, person_queue=3)
    shares, base = shares_of(server), server.make_url("/")
    api, other = await client_of(base=base), await client_of("Bob", base=base)
    alice, bob = api.person, other.person
    token = login_token.Client(alice)
    for person in (alice, bob):
        person.base = base
        await person.sign_in()
    await token.login()
    done: list[int] = []
    waiting: list[asyncio.Task[Answer]] = []
    async with shares.place(alice.uid):
        for number in (1, 2, 3):
            waiting.append(asyncio.create_task(add(alice, number, done)))
            await until(lambda: shares._shares[alice.uid].users == len(waiting) + 1)
        refused = await alice.call("contact.show_contact")
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "RATE_LIMITED", "2")
        refused_api = await api.get("/contacts")
        assert (*refused_api.error, refused_api.headers["Retry-After"]) == (429, "RATE_LIMITED", "2")
        assert (await token.error("contacts/get"))[:2] == ("ServiceInterruption", 1009)

        assert await bob.ok("contact.show_contact") == []
        assert (await other.get("/contacts")).status == 200
        assert done == []
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * 3
    assert done == [1, 2, 3]
    assert shares._shares == {}, "nothing is kept of people who do nothing"


async def test_who_waits_until_the_deadline_has_asked_too_often(
    make_node: NodeMaker, client_of: ClientMaker
) -> None:
    server = await make_node(person_calls=1, request_timeout=4)
    api = await client_of(base=server.make_url("/"))
    async with shares_of(server).place(api.person.uid):
        assert (await api.get("/contacts")).error == (429, "RATE_LIMITED")
    assert (await api.get("/contacts")).status == 200


async def test_a_socket_waits_as_well(make_node: NodeMaker, client_of: ClientMaker) -> None:
    server = await make_node(person_calls=1, person_queue=0)
    base = server.make_url("/")
    api = await client_of(base=base)
    alice = api.person
    alice.base = base
    await alice.sign_in()
    session = next(cookie.value for cookie in alice.http.cookie_jar if cookie.key == "regsid")
    async with shares_of(server).place(session):
        ws = await alice.http.ws_connect(base / "-/websocket/", protocols=("service",))
        assert (await ws.receive_json())["data"] == {"error": "the database is not available"}
        assert (await ws.receive()).data == 1013
        await ws.close()
    await (await alice.tab(base)).close()


def example_of(param: dict[str, Any]) -> Any:
    """Return a value that a declaration accepts, if its example says one."""
    return param.get("example", param.get("default", SUBSTITUTES.get(param["type"], "0123456789abcdef")))


async def test_no_handler_goes_around_the_share_of_its_caller(
    make_node: NodeMaker, client_of: ClientMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """With all places taken and nobody allowed to wait, no call of any API makes a CALL after its gate."""
    server = await make_node(person_calls=1, person_queue=0)
    shares, base = shares_of(server), server.make_url("/")
    api = await client_of(base=base)
    alice = api.person
    alice.base = base
    await alice.sign_in()
    token = login_token.Client(alice)
    await token.login()
    await api.get("/contacts")
    caplog.set_level(logging.INFO)
    async with shares.place(alice.uid), shares.place(ADDRESS):
        for name, service in SERVICES.items():
            await alice.call(name, **{n: example_of(p) for n, p in service.params.items()})
        for operation in OPERATIONS:
            body = {n: example_of(p) for n, p in (operation.body or {}).items()}
            path = PREFIX + operation.path.replace("{id}", "0123456789abcdef")
            headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
            async with api.http.request(
                operation.method, base.with_path(path), data=orjson.dumps(body), headers=headers
            ):
                pass
        for call in ENDPOINTS:
            await token.raw(call, {"logintoken": token.token, "email": "a@x.example", "name": "x"})
    lines = [vars(record) for record in caplog.records if record.getMessage() == "request"]
    assert len(lines) == len(SERVICES) + len(OPERATIONS) + len(ENDPOINTS)
    assert [(line["service"], line["calls"]) for line in lines if line["calls"] > 1] == []
    refused = [line for line in lines if line["code"] in {"RATE_LIMITED", "ServiceInterruption"}]
    assert len(refused) > len(lines) / 3, "most calls get as far as their handler"


async def test_time_in_the_database_counts_against_the_rate_limit(
    make_node: NodeMaker, client_of: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "SECONDS_OF_ONE", 1e-6)
    server = await make_node(rate_limit=100)
    api = await client_of(base=server.make_url("/"))
    first = await api.get("/contacts")
    assert (first.status, first.headers["RateLimit-Remaining"]) == (200, "0")
    refused = await api.get("/contacts")
    assert refused.error == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) > 1
