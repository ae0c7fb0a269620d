"""Health, version and API keys of /api/v1."""

from __future__ import annotations

import pytest

from service.auth.keys import KEY
from service.ids import to_wire
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.rest import ClientMaker
from tests.support.waiting import until

ADMIN = "/admin/api-keys"
NOBODY = to_wire("0" * 16)


async def test_health_and_status_are_for_everybody(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    health = await api.get("/health")
    assert (health.status, health.data["status"]) == (200, "ok")
    assert health.data["dependencies"] == {"database": "ok", "redis": "ok"}
    assert health.headers["Cache-Control"] == "no-store"
    assert (await api.send("HEAD", "/health")).status == 200
    status = await api.get("/auth/status")
    assert status.data == {
        "mode": "multi_user", "setup_required": False, "registration_enabled": False,
        "two_factor_enabled": False,
    }  # fmt: skip
    for path in ("/health", "/auth/status"):
        assert (await api.post(path, {})).error == (405, "METHOD_NOT_ALLOWED")
        # An invalid token is no obstacle where none is required.
        assert (await api.get(path, Authorization="Bearer x")).status == 200


async def test_a_system_key_makes_lists_and_revokes_keys(client_of: ClientMaker, admin: Admin) -> None:
    root, bob = await client_of("Root", scope="system"), await client_of("Bob", scope="")
    answer = await root.post(
        ADMIN, {"user_id": to_wire(bob.person.uid), "scope": "sync", "label": " my phone "}
    )
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.data
    assert KEY.fullmatch(made["key"])
    assert {name: made[name] for name in made if name not in {"key", "id", "created_at"}} == {
        "user_id": to_wire(bob.person.uid), "prefix": made["key"][:8], "key_prefix": made["key"][:8],
        "scope": "sync", "scopes": ["sync"], "label": "my phone", "name": "my phone", "last_used_at": None,
    }  # fmt: skip
    # The key is shown this once, and stored nowhere.
    listed = {name: value for name, value in made.items() if name != "key"}
    assert (await root.get(f"{ADMIN}?user_id={to_wire(bob.person.uid)}")).data == [listed]
    assert made["key"].encode() not in (await root.get(ADMIN)).raw
    assert admin.rows("SELECT 1 FROM yp.api_key WHERE hash = %s", made["key"]) == []

    bob.token = made["key"]
    assert (await bob.get("/auth/me", X_Claw_User_Id=bob.person.uid)).data["email"] == bob.person.email
    for body, headers in (({}, {"X_Claw_User_Id": bob.person.uid}), ({"user_id": bob.person.email}, {})):
        plain = (await root.post(ADMIN, body, **headers)).data
        assert (plain["scope"], plain["label"], plain["name"]) == ("agent", None, "")
        bob.token = plain["key"]
        bob_keys = (await bob.get("/api-keys/mine")).data
        assert plain["id"] in [key["id"] for key in bob_keys]
        assert {key["user_id"] for key in bob_keys} == {to_wire(bob.person.uid)}

    by_scope = (await root.get(f"{ADMIN}?user_id={bob.person.uid}&scope=agent")).data
    assert (len(by_scope), {key["scope"] for key in by_scope}) == (2, {"agent"})
    assert (await root.get(f"{ADMIN}?user_id={NOBODY}")).data == []
    assert (await root.get(f"{ADMIN}?user_id=x")).data == []
    ids = [key["id"] for key in (await root.get(ADMIN)).data]
    assert {key["id"] for key in by_scope} < set(ids)

    deleted = await root.delete(f"{ADMIN}/{made['id']}")
    assert (deleted.status, deleted.data) == (200, {"id": made["id"], "deleted": True})
    for nothing in (made["id"], "0" * 16, "x", "%00", NOBODY):
        assert (await root.delete(f"{ADMIN}/{nothing}")).error == (404, "NOT_FOUND"), nothing
    bob.token = made["key"]
    assert (await bob.get("/api-keys/mine", X_Claw_User_Id=bob.person.uid)).error == (401, "UNAUTHORIZED")


async def test_a_revoked_key_loses_its_socket_on_every_node(
    client_of: ClientMaker, make_node: NodeMaker
) -> None:
    root, api = await client_of("Root", scope="system"), await client_of()
    other = (await make_node()).make_url("/")
    lives = [await api.socket(), await api.socket(base=other)]
    (key,) = (await api.get("/api-keys/mine")).data
    assert (await root.delete(f"{ADMIN}/{key['id']}")).status == 200
    assert [await live.closed() for live in lives] == [4401, 4401]


async def test_the_use_of_a_key_for_this_is_noted(client_of: ClientMaker) -> None:
    root = await client_of("Root", scope="system")

    async def last_use() -> str | None:
        last_used_at: str | None = (await root.get(f"{ADMIN}?user_id={root.person.uid}")).data[0][
            "last_used_at"
        ]
        return last_used_at

    assert (await until(last_use)).endswith("Z")


async def test_nobody_else_manages_keys(client_of: ClientMaker) -> None:
    root = await client_of("Root", scope="system")
    (root_key,) = (await root.get(f"{ADMIN}?user_id={root.person.uid}")).data
    calls = (("GET", ADMIN, None), ("POST", ADMIN, {"user_id": root.person.uid}),
             ("DELETE", f"{ADMIN}/{root_key['id']}", None))  # fmt: skip
    person = await client_of("Person", scope="")
    await person.login()
    for api in (await client_of("Agent"), await client_of("Sync", scope="sync"), person):
        for method, path, body in calls:
            for headers in ({}, {"X-Claw-User-Id": root.person.uid}):
                answer = await api.send(method, path, body, headers)
                assert answer.error == (403, "INSUFFICIENT_SCOPE"), (method, headers)
    for token in ("", "x", "clk_" + "0" * 32):
        person.token = token
        for method, path, body in calls:
            assert (await person.send(method, path, body)).error == (401, "UNAUTHORIZED")
    # An ended session is no sign-in.
    session = await person.login()
    await person.post("/auth/logout", {"refresh_token": session["refresh_token"]})
    assert (await person.get(ADMIN)).error == (401, "UNAUTHORIZED")
    assert len((await root.get(f"{ADMIN}?user_id={root.person.uid}")).data) == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "USER_CONTEXT_REQUIRED", None),
        ({"user_id": NOBODY}, 422, "UNPROCESSABLE", None),
        ({"user_id": "nobody@example.org"}, 422, "UNPROCESSABLE", None),
        ({"user_id": "\U0001f600"}, 422, "UNPROCESSABLE", None),
        ({"user_id": 1}, 400, "VALIDATION_ERROR", "user_id"),
        ({"user_id": ""}, 400, "VALIDATION_ERROR", "user_id"),
        ({"user_id": NOBODY, "scope": "root"}, 400, "VALIDATION_ERROR", "scope"),
        ({"user_id": NOBODY, "scope": None}, 400, "VALIDATION_ERROR", "scope"),
        ({"user_id": NOBODY, "label": "x" * 65}, 400, "VALIDATION_ERROR", "label"),
        ({"user_id": NOBODY, "label": "a\nb"}, 400, "VALIDATION_ERROR", "label"),
    ],
)
async def test_keys_that_cannot_be_made(
    client_of: ClientMaker, body: dict[str, object], status: int, code: str, field: str | None
) -> None:
    root = await client_of("Root", scope="system")
    answer = await root.post(ADMIN, body)
    assert answer.error == (status, code)
    assert answer.body["error"].get("details", {}).get("field") == field
    for header in ("x", NOBODY, "\u00e9"):
        assert (await root.post(ADMIN, {}, X_Claw_User_Id=header)).error == (422, "UNPROCESSABLE"), header
    assert (await root.get(f"{ADMIN}?scope=root")).error == (400, "INVALID_QUERY")
    assert len((await root.get(f"{ADMIN}?user_id={root.person.uid}")).data) == 1
