"""The gate in the packet of the first CALL: one trip, and the very next request sees every change."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.ids import to_wire
from service.rest.routes import ONE_PACKET
from tests.support.admin import Admin
from tests.support.one_packet import trips
from tests.support.people import People
from tests.support.rest import Answer, Client, ClientMaker
from tests.support.waiting import until

UNAUTHORIZED = (401, "UNAUTHORIZED")
Request = Callable[[Client, str], Awaitable[Answer]]

REQUESTS: dict[str, Request] = {
    "contacts.list": lambda api, _: api.get("/contacts?search=ada"),
    "contacts.get": lambda api, contact_id: api.get(f"/contacts/{contact_id}"),
    "contacts.create": lambda api, _: api.post("/contacts", {"first_name": "Ben"}),
    "contacts.update": lambda api, contact_id: api.patch(f"/contacts/{contact_id}", {"company": "Acme"}),
    "contacts.custom": lambda api, contact_id: api.patch(f"/contacts/{contact_id}/custom", {"a": 1}),
}
KEY_CHANGES = {
    "the key is revoked": "DELETE FROM yp.api_key WHERE uid = %s",
    "the key is for CardDAV": "UPDATE yp.api_key SET scope = 'carddav' WHERE uid = %s",
    "the account is locked": "UPDATE yp.entity SET status = 'locked' WHERE id = %s",
}
GRANT_CHANGES = {
    "the sign-in has ended": "DELETE FROM yp.api_grant WHERE uid = %s",
    "the sign-in has expired": "UPDATE yp.api_grant SET expiry = 1 WHERE uid = %s",
    "the password is another one": "UPDATE yp.api_grant SET mark = REVERSE(mark) WHERE uid = %s",
    "the account is frozen": "UPDATE yp.entity SET status = 'frozen' WHERE id = %s",
}


async def used(api: Client, admin: Admin) -> str:
    """Use a key or a sign-in until its use is recorded; return the id of a contact that it has added."""
    contact_id: str = (await api.add(first_name="Ada"))["id"]
    if api.token.startswith("clk_"):
        touched = "SELECT COUNT(*) FROM yp.api_key WHERE uid = %s AND mtime > 0"
        await until(lambda: admin.rows(touched, api.person.uid) == [(1,)])
    for _ in range(2):
        assert (await api.get("/contacts")).status == 200
    return contact_id


def test_every_operation_in_one_packet_is_tried() -> None:
    assert set(REQUESTS) == ONE_PACKET


@pytest.mark.parametrize("scope", ["agent", ""], ids=["key", "sign-in"])
async def test_the_gate_takes_no_trip_of_its_own_from_the_second_request_on(
    client_of: ClientMaker, admin: Admin, caplog: pytest.LogCaptureFixture, scope: str
) -> None:
    api = await client_of(scope=scope)
    if not scope:
        await api.login()
    contact_id = await used(api, admin)
    caplog.set_level(logging.INFO)
    for name, request in REQUESTS.items():
        assert (await request(api, contact_id)).status in {200, 201}
        # a change commits once it knows whether a former peer is to be told
        assert trips(caplog) == [(2, 2 if name in {"contacts.update", "contacts.custom"} else 1)]
    await api.delete(f"/contacts/{contact_id}")
    assert trips(caplog)[0][0] > 1, "the gate alone, where the handler may not run twice"


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("change", KEY_CHANGES.values(), ids=KEY_CHANGES)
async def test_the_very_next_request_sees_a_change_of_the_key(
    client_of: ClientMaker, admin: Admin, change: str, request_of: Request
) -> None:
    await assert_refused(await client_of(), admin, change, request_of)


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("change", GRANT_CHANGES.values(), ids=GRANT_CHANGES)
async def test_the_very_next_request_sees_a_change_of_the_sign_in(
    client_of: ClientMaker, admin: Admin, change: str, request_of: Request
) -> None:
    api = await client_of(scope="")
    await api.login()
    await assert_refused(api, admin, change, request_of)


async def assert_refused(api: Client, admin: Admin, change: str, request_of: Request) -> None:
    """Make the change; the next request must be refused, and write nothing."""
    contact_id = await used(api, admin)
    admin.rows(change, api.person.uid)
    revision = f"SELECT rev FROM {api.person.shard}.contact_ledger WHERE owner_id = %s"
    before = admin.rows(revision, api.person.uid)
    for _ in range(2):
        assert (await request_of(api, contact_id)).error == UNAUTHORIZED
    assert admin.rows(revision, api.person.uid) == before


async def test_a_bad_request_with_a_revoked_key_is_unauthorized(client_of: ClientMaker, admin: Admin) -> None:
    """Whatever is wrong with the request itself: nobody reads it."""
    api = await client_of()
    await used(api, admin)
    bodies: list[Any] = [{"nonsense": 1}, {"first_name": 5}, []]
    assert [(await api.post("/contacts", body)).status for body in bodies] == [400] * 3
    admin.rows(KEY_CHANGES["the key is revoked"], api.person.uid)
    assert [(await api.post("/contacts", body)).error for body in bodies] == [UNAUTHORIZED] * 3
    assert (await api.get("/contacts?limit=x")).error == UNAUTHORIZED
    assert (await api.get("/contacts/no-id")).error == UNAUTHORIZED


async def test_a_key_of_the_system_reads_the_book_of_the_user_whom_it_names(
    client_of: ClientMaker, people: People, admin: Admin
) -> None:
    alice, bob = await people.registered("Alice"), await people.registered("Bob")
    api = await client_of(person=alice, scope="system")
    for person in (alice, bob):
        for name in (person.email, f"another of {person.email}"):
            added = await api.post("/contacts", {"first_name": name}, X_Claw_User_Id=to_wire(person.uid))
            assert added.status == 201
    for person in (alice, bob, alice):
        page = await api.get("/contacts", X_Claw_User_Id=to_wire(person.uid))
        assert {person.email in contact["first_name"] for contact in page.data} == {True}
        assert len(page.data) == 2
    admin.rows("UPDATE yp.entity SET status = 'archived' WHERE id = %s", bob.uid)
    assert (await api.get("/contacts", X_Claw_User_Id=to_wire(bob.uid))).status == 400


async def test_a_moved_user_is_read_where_they_are(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    contact_id = await used(api, admin)
    person = api.person
    other = "shard2" if person.shard == "shard1" else "shard1"
    admin.rows("UPDATE yp.entity SET db_name = %s WHERE id = %s", other, person.uid)
    assert (await api.get(f"/contacts/{contact_id}")).status == 404
    admin.rows("UPDATE yp.entity SET db_name = %s WHERE id = %s", person.shard, person.uid)
    assert (await api.get(f"/contacts/{contact_id}")).status == 200
