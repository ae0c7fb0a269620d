"""The AsyncAPI documents describe the frames of both WebSockets: what is sent, and what is taken.

`make clients` validates the documents with the schema of AsyncAPI. The sockets of all tests hold each frame
that they receive against its schema (tests/support/people.py, tests/support/rest.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
import pytest
from jsonschema_rs import Draft7Validator
from yarl import URL

from service.cli import main
from service.live.push import live_update
from service.reference import asyncapi_of_frontend, asyncapi_of_rest
from service.rest.frames import FRAMES
from service.rest.websocket import frame
from service.rpc.declarations import load_pushes
from tests.support import people as frontend
from tests.support import rest
from tests.support.people import People, Tab
from tests.support.rest import ClientMaker

SITE = "http://127.0.0.1:8080"
OF_FRONTEND: dict[str, Any] = orjson.loads(asyncapi_of_frontend(SITE, "regsid"))
OF_REST: dict[str, Any] = orjson.loads(asyncapi_of_rest(SITE))
SENT: dict[str, Any] = {
    "service": "live.update",
    "model": {"user_id": "00000000000000a1", "status": 1},
    "options": {"service": "user.connection_status", "keys": "*", "sender": {}},
}


def pushed(document: dict[str, Any]) -> set[str]:
    """Return the names of the frames that the service sends."""
    return {each["$ref"].rpartition("/")[2] for each in document["operations"]["push"]["messages"]}


def taken(document: dict[str, Any], text: str) -> list[str]:
    """Return the names of the frames of clients whose schema a text fits."""
    messages = document["components"]["messages"]
    return [
        name
        for name, message in messages.items()
        if name not in pushed(document) and Draft7Validator(message["payload"]).is_valid(orjson.loads(text))
    ]


def test_every_frame_that_is_declared_is_in_a_document() -> None:
    assert pushed(OF_FRONTEND) == load_pushes().keys()
    assert pushed(OF_REST) == {"ping", "subscribed", "error", *FRAMES.values()}


@pytest.mark.parametrize("document", [OF_FRONTEND, OF_REST], ids=["frontend", "rest"])
def test_every_reference_has_a_target(document: dict[str, Any]) -> None:
    def check(part: Any) -> None:
        for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            check(value)
        if isinstance(part, dict) and "$ref" in part:
            target: Any = document
            for key in part["$ref"].removeprefix("#/").split("/"):
                target = target[key]

    check(document)
    assert document["components"]["messages"].keys() == document["channels"]["socket"]["messages"].keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f["options"].update(service="user.vanished"),
        lambda f: f["model"].update(mood="good"),
        lambda f: f["model"].update(status="1"),
        lambda f: f["options"].update(secret="x"),
        lambda f: f["options"]["sender"].update(email="a@b.example"),
        lambda f: f["options"].pop("keys"),
        lambda f: f.update(data={}),
        lambda f: f.pop("model"),
    ],
)
def test_a_frame_that_differs_from_its_declaration_is_found(change: Callable[[dict[str, Any]], Any]) -> None:
    assert frontend.misfit(SENT) is None
    assert frontend.misfit(orjson.loads(live_update("user.connection_status", SENT["model"]))) is None
    frame = copy.deepcopy(SENT)
    change(frame)
    assert frontend.misfit(frame) is not None


async def test_an_event_that_differs_from_its_declaration_is_found(client_of: ClientMaker) -> None:
    record = await (await client_of()).add(display_name="Ada")
    text = orjson.dumps(record).decode()
    assert rest.misfit(orjson.loads(frame("contact.created", text))) is None
    for name, fields in (
        ("contact.vanished", record), ("contact.created", {**record, "mood": "good"}),
        ("contact.created", {**record, "emails": None}), ("contact.deleted", record),
        ("contact.updated", {**record, "permanent": False}), ("contact.created", {"id": record["id"]}),
    ):  # fmt: skip
        assert rest.misfit(orjson.loads(frame(name, orjson.dumps(fields).decode()))) is not None, name


async def test_the_frontend_s_socket_takes_the_frames_that_the_document_has(people: People) -> None:
    tab = await (await people("Alice")).tab()
    for number, (text, name, answer) in enumerate(
        [
            ('["sys.ping",{"type":"checkConnection"}]', "client.ping", "sys.ping"),
            ('{"service":"sys.ping","data":{"type":"other"}}', "client.ping", "sys.ping"),
            ('["sys.hello",{"page":"desk"}]', "client.hello", "sys.hello"),
            ('["bind"]', "client.bind", "sys.socket_bound"),
        ],
        start=2,
    ):
        assert taken(OF_FRONTEND, text) == [name]
        assert OF_FRONTEND["operations"][f"take.{name}"]["reply"]["messages"] == [
            {"$ref": f"#/channels/socket/messages/{answer}"}
        ]
        await tab.ws.send_str(text)
        await answered(tab, number, answer)
    for text in ('["sys.nothing",{}]', "[]", '"sys.ping"', '{"data":{}}'):
        assert taken(OF_FRONTEND, text) == []


async def answered(tab: Tab, count: int, name: str) -> None:
    """Wait for so many frames; the last one must have this name."""
    await tab._wait(lambda: len(tab.frames) >= count)
    assert tab.frames[count - 1]["service"] == name


async def test_ws_takes_the_frames_that_the_document_has(client_of: ClientMaker) -> None:
    live = await (await client_of()).socket()
    for number, (text, name) in enumerate(
        [
            ('{"action":"subscribe","events":["contact.*"]}', "subscribe"),
            ('{"action":"subscribe","data":{"events":["contact.created"]}}', "subscribe"),
            ('{"action":"unsubscribe","events":["*"]}', "unsubscribe"),
        ],
        start=1,
    ):
        assert taken(OF_REST, text) == [name]
        await live.ws.send_str(text)
        await live.expect("subscribed", number)
    assert taken(OF_REST, '{"action":"pong"}') == ["pong"]
    for text in ('{"action":"subscribe","events":["*.x"]}', '{"action":"subscribe"}'):
        assert taken(OF_REST, text) == []
        await live.ws.send_str(text)
    await live.expect("error", 2)


async def test_the_documents_are_served_linked_and_printed(
    node: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    async with aiohttp.ClientSession(node) as http:
        async with http.get("/-/docs/") as response:
            page = await response.text()
        for path, document, api in (
            ("/-/asyncapi.json", OF_FRONTEND, "rpc"), ("/api/v1/asyncapi.json", OF_REST, "rest"),
        ):  # fmt: skip
            assert f'<a href="{path}">' in page
            async with http.get(path) as response:
                assert (response.status, response.content_type) == (200, "application/json")
                served = await response.json()
            assert main(["asyncapi", "--api", api]) == 0
            printed = orjson.loads(capsys.readouterr().out)
            for each in (served, printed):
                assert {**each, "servers": None} == {**document, "servers": None}
                assert each["servers"]["site"]["protocol"] == "ws"
    assert main(["asyncapi", "--api", "x"]) == 2
