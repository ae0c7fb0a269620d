"""Envelope, statuses and request ids of every answer, and the access rules of services."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from yarl import URL

from service.admin.demo import READ
from service.admin.registry import Registry
from tests.support.nodes import NodeMaker
from tests.support.people import Answer, People, Person

UNKNOWN = "0123456789abcdef"
"""An id that does not exist."""
FRONTEND = [{"x-param-device": "desktop"}, {"x-param-page-language": "fr"}, {"X-Param-Device": "mobile"}]


def assert_envelope(answer: Answer, name: str, connection: str) -> None:
    """Check the four fields of docs/frontend-contract.md#envelope."""
    body = answer.body
    assert (body["__ack__"], body["__status__"]) == (name, connection)
    assert abs(body["__timestamp__"] / 1000 - time.time()) < 60
    assert isinstance(body["__expiry__"], int)
    assert isinstance(body["data"], dict | list)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Request-Id"]


def assert_error(answer: Answer, status: int, code: str) -> None:
    """Check a failure that keeps its HTTP status."""
    body = answer.body
    assert (answer.status, body["status"], body["error_code"]) == (status, status, status), body
    assert (body["error"], body["data"]["status"]) == (code, code)
    assert len(body["reason"]) > 5
    assert body["request_id"] == answer.headers["X-Request-Id"]


async def self_contact(person: Person, headers: Mapping[str, str] | None = None) -> Answer:
    return await person.call("contact.add", headers, invitee_id=person.uid)


# --- success and refusal -----------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, *FRONTEND], ids=str)
async def test_success_is_200_and_has_no_error(people: People, headers: dict[str, str]) -> None:
    alice = await people("Alice")
    for name, empty in (("contact.show_contact", []), ("yp.ping", None)):
        answer = await alice.call(name, headers)
        assert answer.status == 200
        assert_envelope(answer, name, "online")
        assert not {"error", "error_code", "reason"} & answer.body.keys()
        assert empty is None or answer.data == empty
    assert answer.body["__expiry__"] > time.time()


async def test_a_business_refusal_keeps_its_status_for_strict_clients(people: People) -> None:
    alice = await people("Alice")
    answer = await self_contact(alice)
    assert_error(answer, 400, "SELF_CONTACT")
    assert_envelope(answer, "contact.add", "online")
    refused = await alice.call("contact.delete_contact", contact_id=UNKNOWN)
    assert_error(refused, 404, "CONACT_NOT_EXIST")


@pytest.mark.parametrize("headers", FRONTEND, ids=str)
async def test_a_business_refusal_is_200_with_a_code_for_the_frontend(
    people: People, headers: dict[str, str]
) -> None:
    alice = await people("Alice")
    answer = await self_contact(alice, headers=headers)
    assert (answer.status, answer.data["status"]) == (200, "SELF_CONTACT")
    assert not {"error", "error_code"} & answer.body.keys()
    assert (answer.data["error_code"], bool(answer.data["reason"])) == (400, True)
    assert_envelope(answer, "contact.add", "online")
    refused = await alice.call("contact.delete_contact", headers, contact_id=UNKNOWN)
    assert (refused.status, refused.data["status"], refused.data["error_code"]) == (
        200,
        "CONACT_NOT_EXIST",
        404,
    )


@pytest.mark.parametrize("headers", [{}, *FRONTEND], ids=str)
async def test_protocol_errors_keep_their_status_for_everybody(
    people: People, registry: Registry, headers: dict[str, str]
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    team = registry.add_hub("Team", bob.uid, "private")
    tab = await alice.tab()
    # The frontend opens an empty dialog at 400.
    malformed = 412 if headers else 400
    event = {"socket_id": tab.id, "event": "HELLO", "payload": {}}
    join = {"socket_id": tab.id, "type": "meeting", "metadata": {}, "hub_id": team}
    for name, args, status, code in (
        ("contact.get_contact", {}, malformed, "MISSING_PARAM"),
        ("contact.get_contact", {"contact_id": {}}, malformed, "INVALID_PARAM"),
        ("chat.acknowledge", {"hub_id": alice.uid}, malformed, "MISSING_PARAM"),
        ("conference.broadcast", {**event, "hub_id": team}, 403, "WEAK_PRIVILEGE"),
        ("conference.join", join, 403, "WEAK_PRIVILEGE"),
        ("conference.broadcast", {**event, "hub_id": UNKNOWN}, 404, "HUB_NOT_FOUND"),
        ("contact.no_such_service", {}, 404, "SERVICE_NOT_FOUND"),
    ):
        answer = await alice.call(name, headers, **args)
        assert_error(answer, status, code)
        assert_envelope(answer, name, "online")
    nobody = await people.stranger()
    answer = await nobody.call("contact.show_contact", headers)
    assert_error(answer, 401, "NOT_SIGNED_IN")
    assert_envelope(answer, "contact.show_contact", "offline")


@pytest.mark.parametrize("headers", FRONTEND, ids=str)
async def test_the_frontend_never_gets_400(people: People, headers: dict[str, str]) -> None:
    alice = await people("Alice")
    url = alice.base / "-/svc/contact.get_contact"
    for query, body in (("", b"{"), ("", b"[1]"), ("?%7B", b""), ("", b'{"contact_id":"\xff"}')):
        sent = URL(f"{url}{query}", encoded=True)
        typed = {**headers, "Content-Type": "application/json"}
        async with alice.http.post(sent, data=body, headers=typed) as response:
            answer = Answer(response.status, await response.json(), response.headers)
            assert (answer.status, answer.body["status"]) == (412, 412), (query, body)
            assert_envelope(answer, "contact.get_contact", "online")
    own_page = {**headers, "Sec-Fetch-Site": "same-origin"}
    async with alice.http.get(url.with_query("socket_id=undefined&"), headers=own_page) as response:
        assert (response.status, (await response.json())["data"]["param"]) == (412, "contact_id")


async def test_a_missing_service_comes_with_a_suggestion(people: People) -> None:
    alice = await people("Alice")
    assert "contact.show_contact" in (await alice.call("contact.show_contacts")).body["reason"]


@pytest.mark.parametrize("path", ["-/svc/contact/add", "-/svc/", "-/nowhere", "nowhere"])
async def test_paths_that_lead_nowhere_are_json_too(people: People, path: str) -> None:
    alice = await people("Alice")
    async with alice.http.post(alice.base / path, json={}) as response:
        body = await response.json()
    assert (response.status, body["status"], body["error_code"]) == (404, 404, 404)
    assert {"error", "data", "__ack__"} <= body.keys()
    # For the frontend "offline" would mean that the user is signed out.
    assert "svc" not in path or body["__status__"] == "online"


async def test_no_internal_detail_leaves_the_service(people: People) -> None:
    alice = await people("Alice")
    for answer in (await self_contact(alice), await alice.call("nope"), await alice.call("contact.add")):
        text = str(answer.body).lower()
        assert not re.search(r"traceback|sqlstate|mysql|mariadb|shard|\.py|line \d", text), text


# --- online and offline ------------------------------------------------------------------------


async def test_errors_before_the_gate_know_a_live_session(people: People) -> None:
    alice, nobody = await people("Alice"), await people.stranger()
    # A big body of a stranger is not even read.
    for person, connection, too_large in ((alice, "online", 413), (nobody, "offline", 401)):
        for name, query in (
            ("no.such", ""),
            ("contact.search", "%7B"),
            ("contact.search", "key=%ff"),
            ("conference.attendee", ""),
        ):
            answer = await person.get(name, query)
            assert 400 <= answer.status < 500
            assert_envelope(answer, name, connection)
        async with person.http.post(person.base / "-/svc/contact.add", data=b"x" * 2_000_000) as response:
            answered = response.status, (await response.json())["__status__"]
            assert answered == (too_large, connection)


async def test_a_session_that_travels_by_header_is_as_live(people: People) -> None:
    alice, app = await people("Alice"), await people.stranger()
    cookie = next(cookie for cookie in alice.http.cookie_jar if cookie.key == "regsid")
    headers = {"x-param-regsid": cookie.value}
    for name in ("yp.hello", "contact.get_contact", "no.such"):
        assert_envelope(await app.call(name, headers), name, "online")
    url = app.base / "-/svc/contact.add"
    async with app.http.post(url, data=b"{", headers=headers) as response:
        assert (response.status, (await response.json())["__status__"]) == (400, "online")


async def test_a_session_that_has_ended_is_offline(people: People) -> None:
    alice = await people("Alice")
    cookie = next(cookie for cookie in alice.http.cookie_jar if cookie.key == "regsid")
    await alice.ok("drumate.logout")
    # A service that does not exist is answered without a look at the database.
    for name, status in (("contact.show_contact", "offline"), ("yp.hello", "offline"), ("no.such", "online")):
        answer = await alice.call(name, {"Cookie": f"regsid={cookie.value}"})
        assert_envelope(answer, name, status)


# --- request ids -------------------------------------------------------------------------------


async def test_a_request_id_is_created_or_taken_over(people: People) -> None:
    alice = await people("Alice")
    first, second = [(await alice.call("yp.ping")).headers["X-Request-Id"] for _ in range(2)]
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert first != second
    answer = await alice.call("no.such", {"X-Request-Id": "from-proxy_1.2"})
    assert (answer.headers["X-Request-Id"], answer.body["request_id"]) == ("from-proxy_1.2", "from-proxy_1.2")


@pytest.mark.parametrize("request_id", ["", " ", "a b", "x" * 65, "é", "<b>", '"'])
async def test_a_request_id_that_is_no_word_is_replaced(people: People, request_id: str) -> None:
    alice = await people("Alice")
    answer = await alice.call("yp.ping", {"X-Request-Id": request_id})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


# --- the gate ----------------------------------------------------------------------------------


@pytest.mark.parametrize("hub", [UNKNOWN, 1234567890123456, "f" * 16, "x", "Z" * 64])
async def test_an_unknown_hub_is_404_and_never_another_one(people: People, hub: Any) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    args = {"socket_id": tab.id, "event": "HELLO", "payload": {}}
    assert_error(await alice.call("conference.broadcast", hub_id=hub, **args), 404, "HUB_NOT_FOUND")
    room = {"socket_id": tab.id, "type": "meeting", "metadata": {}}
    assert_error(await alice.call("conference.join", hub_id=hub, **room), 404, "HUB_NOT_FOUND")


async def test_levels_count_in_the_hub_that_is_named(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    alice_hub = registry.add_hub("Hers", alice.uid, "private")
    closed = registry.add_hub("Closed", alice.uid, "private")
    registry.grant(alice_hub, bob.uid, READ)
    tab = await bob.tab()
    args = {"socket_id": tab.id, "event": "HELLO", "payload": {}}
    # Both are 403: one for lack of a level, the other because the socket is in no room there.
    weak = await bob.call("conference.broadcast", hub_id=closed, **args)
    assert "level" in weak.body["reason"]
    nowhere = await bob.call("conference.broadcast", hub_id=alice_hub, **args)
    assert "level" not in nowhere.body["reason"]
    # The desk of a user is no hub for others.
    assert_error(await bob.call("conference.broadcast", hub_id=alice.uid, **args), 403, "WEAK_PRIVILEGE")


async def test_contacts_are_the_callers_own_whatever_hub_is_named(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    team = registry.add_hub("Team", bob.uid, "private")
    alice_contact = (await alice.ok("contact.add", email=[{"email": "ada@math.example", "is_default": 1}]))[
        "id"
    ]
    bob_contact = (await bob.ok("contact.add", email=[{"email": "bug@navy.example", "is_default": 1}]))["id"]
    for hub in (alice.uid, bob.uid, team, UNKNOWN, "", None, {"not": "an id"}):
        assert [c["id"] for c in await alice.ok("contact.show_contact", hub_id=hub)] == [alice_contact]
        assert await alice.ok("contact.get_contact", contact_id=bob_contact, hub_id=hub) == {}
        taken = await alice.call("contact.delete_contact", contact_id=bob_contact, hub_id=hub)
        assert_error(taken, 404, "CONACT_NOT_EXIST")
    assert [c["id"] for c in await bob.ok("contact.show_contact")] == [bob_contact]


@pytest.mark.parametrize(
    "name", ["contact.show_contact", "contact.add", "desk.get_env", "desk.home", "drumate.logout"]
)
async def test_strangers_must_sign_in_first(people: People, name: str) -> None:
    nobody = await people.stranger()
    answer = await nobody.call(name)
    assert_error(answer, 401, "NOT_SIGNED_IN")
    assert_envelope(answer, name, "offline")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["yp.ping", "yp.hello", "yp.get_env", "yp.reset_session", "bootstrap.authn"])
async def test_strangers_may_look_around(people: People, name: str) -> None:
    nobody = await people.stranger()
    answer = await nobody.call(name)
    assert answer.status == 200
    assert_envelope(answer, name, "offline")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_reads_takes_get_and_post(people: People, method: str) -> None:
    alice = await people("Alice")
    async with alice.http.request(method, alice.base / "-/svc/yp.hello") as response:
        assert (await response.json())["data"]["id"] == alice.uid


async def test_a_named_instance_is_the_same_service(people: People) -> None:
    alice = await people("Alice")
    async with alice.http.post(alice.base / "-/main/svc/yp.hello", json={}) as response:
        assert (await response.json())["data"]["id"] == alice.uid


async def test_a_caller_who_asks_too_often_must_wait(make_node: NodeMaker, people: People) -> None:
    url = (await make_node(rate_limit=5)).make_url("/")
    alice, stranger = await people("Alice", base=url), await people.stranger(base=url)
    answers = [await alice.call("contact.invite_count") for _ in range(6)]
    assert [a.status for a in answers] == [200] * 5 + [429]
    assert answers[-1].code == "RATE_LIMITED"
    assert int(answers[-1].headers["Retry-After"]) > 0
    # Each caller has a budget: the sign-in of Alice was the first of five requests from this address.
    assert [(await stranger.call("yp.ping")).status for _ in range(5)] == [200] * 4 + [429]


async def test_an_unknown_service_costs_no_call(people: People, caplog: pytest.LogCaptureFixture) -> None:
    alice = await people("Alice")
    caplog.set_level(logging.INFO)
    answer = await alice.call("no.such")
    assert (answer.status, answer.code, answer.body["__status__"]) == (404, "SERVICE_NOT_FOUND", "online")
    (line,) = [vars(r) for r in caplog.records if vars(r).get("service") == "no.such"]
    assert (line["status"], line["calls"], line["trips"]) == (404, 0, 0)
