"""Send hostile input to /api/v1, generated from its declarations: each answer is clear, nothing breaks."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pytest

from service.admin.registry import Registry
from service.app import make_app
from service.rest.declarations import FOR_SYNC
from service.rest.operation import Operation
from service.rest.operations import OPERATIONS
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.hostile import (
    ABSENT,
    DEEP,
    HOLE,
    HOSTILE,
    INSIDE,
    LEAVES,
    NO_JSON,
    forbidden,
    hostile,
    spots,
    value_at,
)
from tests.support.hostile import BODIES as NO_OBJECTS
from tests.support.nodes import Node
from tests.support.people import People
from tests.support.pictures import GIF
from tests.support.rest import Answer, Client, make_key

STRICT = {
    "string": {"text"}, "secret": {"text"}, "email": set(), "enum": set(), "date-time": set(),
    "boolean": {"boolean"}, "array": {"list"}, "object": {"object"},
}  # fmt: skip
"""The samples that a declared type accepts: JSON has types, and here they count."""
UNKNOWN_INSIDE = {*INSIDE, "too large"}
"""An object with declared properties ignores all others."""
BODIES = [o for o in OPERATIONS if o.body]
WITH_BODY = [o for o in OPERATIONS if o.body is not None]
WITH_ID = [o for o in OPERATIONS if "{" in o.path]
QUERIES = [o for o in OPERATIONS if o.query]
HEADERS = ("If-Match", "If-None-Match", "Idempotency-Key", "X-Claw-Source", "X-Claw-User-Id", "X-Request-Id",
           "Origin", "Accept", "Content-Type", "Authorization")  # fmt: skip
HOSTILE_HEADERS = ("'; DROP TABLE contact; --", "a" * 8000, "\u00e9", '"', "W/", ",,,", '"1"' + ',"2"' * 2000)
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
PICTURE = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gif"\r\n\r\n' + GIF + b"\r\n--x--\r\n"
)
PLACES = ("id", "key", "version", "session")
"""Names of the ids in paths."""
NOBODY = "00000000-0000-4000-8000-000000000000"


def by_name(operations: Sequence[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=lambda o: o.name)


@dataclass
class Attack:
    """A user with a key of scope agent, one of scope system and a sign-in, and their data."""

    agent: Client
    root: Client
    signed_in: Client
    """Has the access token of a sign-in."""
    real: dict[str, Any]
    """Existing ids, which replace those of the examples."""

    def client(self, operation: Operation) -> Client:
        if operation.signed_in:
            return self.signed_in
        return self.root if operation.admin else self.agent

    async def send(
        self,
        operation: Operation,
        data: Any = None,
        headers: dict[str, str] | None = None,
        *,
        ids: Mapping[str, str] = MappingProxyType({}),
        query: str = "",
    ) -> Answer:
        """Call an operation; `ids` replace the existing ids in the path."""
        path = operation.path
        if operation.name == "auth.end_sessions":
            await self.signed_in.login()  # The last request has ended this sign-in.
        for name in PLACES:
            path = path.replace(f"{{{name}}}", ids.get(name, self.real[name]))
        path += query
        kind = FORM if operation.upload and data is None else JSON
        return await self.client(operation).send(
            operation.method,
            path,
            data=PICTURE if kind is FORM else data,
            headers={**kind, **(headers or {})},
        )

    async def json(self, operation: Operation, body: Any, text: Any = "") -> Answer:
        """Call an operation with a JSON text in the hole of the body."""
        if text is ABSENT:
            body = json.loads(json.dumps(body).replace(f': "{HOLE}"', ": null"))
            sent = json.dumps(_without_null(body))
        else:
            sent = json.dumps(body).replace(f'"{HOLE}"', text)
        return await self.send(operation, sent.encode())

    def base(self, operation: Operation) -> dict[str, Any]:
        """Return a body made of the examples, without fields that exclude each other."""
        body = {name: self.real.get(name, p["example"]) for name, p in (operation.body or {}).items()}
        return {name: body[name] for name in operation.either[0]} if operation.either else body

    async def everything(self) -> Any:
        """Return a checksum of the user's data."""
        book = (await self.agent.get("/contacts?include_deleted=true&limit=100")).data
        keys = (await self.root.get("/admin/api-keys")).data
        return book, [{**key, "last_used_at": None} for key in keys]


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: _without_null(v) for n, v in value.items() if v is not None}
    return [_without_null(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
async def people(settings: Settings, registry: Registry, password_hash: str) -> AsyncIterator[People]:
    """Create people on one node for all of these tests."""
    # Wrong passwords and tokens count against an address that no other test uses.
    server = Node(await make_app(dataclasses.replace(settings, trust_proxy=True, rate_limit=0)))
    await server.start_server()
    people = People(server.make_url("/"), registry, password_hash)
    yield people
    await people.close()
    await server.close()


@pytest.fixture
async def attack(people: People, registry: Registry) -> AsyncIterator[Attack]:
    person = await people.registered("Mallory")
    agent, root = (Client(person, make_key(registry, person, scope)) for scope in ("agent", "system"))
    signed_in = Client(person)
    for client in (agent, root, signed_in):
        client.http.headers["X-Forwarded-For"] = "203.0.113.67"
    made = [(await agent.add(display_name=name))["id"] for name in ("Target", "Other")]
    real = {"id": made[0], **dict.fromkeys(PLACES[1:], "0" * 16), "into": made[0], "ids": [made[1]],
            "user_id": person.uid, "email": person.email}  # fmt: skip
    await signed_in.login()
    yield Attack(agent, root, signed_in, real)
    await asyncio.gather(*(client.http.close() for client in (agent, root, signed_in)))


@by_name(BODIES)
async def test_forbidden_values_are_refused_by_name(attack: Attack, operation: Operation) -> None:
    problems = []
    base = attack.base(operation)
    before = await attack.everything()
    for name, declaration in (operation.body or {}).items():
        for spot in spots(name, declaration, base.get(name, declaration.get("example"))):
            for label, text in forbidden(spot.declaration, STRICT):
                if "properties" in spot.declaration and label in UNKNOWN_INSIDE:
                    continue
                answer = await attack.json(operation, {**base, name: spot.put(HOLE)}, text)
                if answer.status != 400:
                    problems.append(f"{spot.path}, {label}: {answer.status} {answer.raw!r}")
                    continue
                field = answer.flaw[0]
                if not (spot.path == field or spot.path.startswith((f"{field}.", f"{field}[")) or
                        field.startswith((f"{spot.path}.", f"{spot.path}["))):  # fmt: skip
                    problems.append(f"{spot.path}, {label}: names {field}")
        for label, text in NO_JSON.items():
            answer = await attack.json(operation, {name: HOLE}, text)
            if answer.status != 400:
                problems.append(f"{name}, {label}: {answer.status} {answer.raw!r}")
    assert not problems, "\n" + "\n".join(problems)
    assert await attack.everything() == before


@by_name(BODIES)
async def test_hostile_text_is_refused_or_stored_unchanged(attack: Attack, operation: Operation) -> None:
    problems = []
    declared = operation.body or {}
    base = {name: value for name, value in attack.base(operation).items() if declared[name].get("required")}
    base |= {"display_name": "X"} if "display_name" in declared else {}
    base |= {"user_id": attack.real["user_id"]} if "user_id" in declared else {}
    for name, declaration in declared.items():
        for spot in spots(name, declaration, declaration.get("example")):
            if spot.declaration["type"] != "string" or name in FOR_SYNC:
                continue
            for label, text in hostile(spot.declaration):
                answer = await attack.json(operation, {**base, name: spot.put(text)})
                stored_text = value_at(answer.body.get("data"), spot.path)
                if answer.status >= 500 or (
                    isinstance(stored_text, str) and not same(stored_text, text, spot.path)
                ):
                    problems.append(f"{spot.path}, {label}: {answer.status} {stored_text!r}")
    assert not problems, "\n" + "\n".join(problems)


def same(stored_text: str, text: str, path: str) -> bool:
    """Return whether a text came back as sent; a number is stored in two parts, so its blanks may differ."""
    if path.endswith(".number"):
        return stored_text.replace(" ", "") == text.replace(" ", "")
    return stored_text == text.strip()


@by_name(WITH_BODY)
async def test_bodies_that_are_not_objects_are_refused(attack: Attack, operation: Operation) -> None:
    before = await attack.everything()
    for label, (body, status) in NO_OBJECTS.items():
        answer = await attack.send(operation, body)
        assert answer.status == status, (label, answer.raw)
        assert answer.body["error"]["code"] in {"VALIDATION_ERROR", "PAYLOAD_TOO_LARGE"}, label
    assert await attack.everything() == before


async def test_free_objects_take_anything_that_can_be_stored(attack: Attack) -> None:
    update, custom = (o for o in OPERATIONS if o.name in {"contacts.update", "contacts.custom"})
    for operation, wrap in ((custom, "%s"), (update, '{"custom_fields": %s}')):
        for text in LEAVES:
            answer = await attack.send(operation, (wrap % f'{{"a": {text}, "%_": {text}}}').encode())
            assert answer.status == 200, (operation.name, text, answer.raw)
            fields = answer.data["custom_fields"]
            assert operation is custom or fields == {"a": json.loads(text), "%_": json.loads(text)}, text
        for label, text in {**INSIDE, **{n: f'{{"a": {t}}}' for n, t in DEEP.items()}}.items():
            answer = await attack.send(operation, (wrap % text).encode())
            assert answer.error == (400, "VALIDATION_ERROR"), (operation.name, label)
            assert answer.flaw[0] == "custom_fields", (operation.name, label)


@by_name(OPERATIONS)
async def test_hostile_queries_do_no_harm(attack: Attack, operation: Operation, admin: Admin) -> None:
    """Send hostile values in declared parameters, and in an unknown one, which is ignored."""
    for name in (*operation.query, "unknown"):
        for label, text in {**HOSTILE, "nothing": "", "NUL": "a\0b", "not UTF-8": None}.items():
            value = "%ff" if text is None else quote(text[:30_000], safe="")
            answer = await attack.send(operation, query=f"?{name}={value}")
            assert answer.status < 500, (name, label, answer.raw)
            if answer.status >= 400 and operation.query:
                assert answer.error in {(400, "INVALID_QUERY"), (404, "NOT_FOUND"), (409, "ALREADY_DELETED")}
    assert admin.one(f"SELECT COUNT(*) FROM {attack.agent.person.shard}.contact_record") > 0


@by_name(WITH_ID)
async def test_hostile_ids_match_nothing(attack: Attack, operation: Operation) -> None:
    before = await attack.everything()
    for label, text in {**HOSTILE, "NUL": "a\0b", "nobody": NOBODY, "not UTF-8": None}.items():
        hostile_id = "%ff" if text is None else quote(text[:8000], safe="")
        answer = await attack.send(operation, ids=dict.fromkeys(PLACES, hostile_id))
        assert answer.error == (404, "NOT_FOUND"), (label, answer.raw)
    assert await attack.everything() == before


@by_name(OPERATIONS)
async def test_hostile_headers_do_no_harm(attack: Attack, operation: Operation) -> None:
    base = json.dumps(attack.base(operation)).encode() if operation.body else None
    for text in HOSTILE_HEADERS:
        for name in HEADERS:
            if operation.name == "auth.login" and name != "Content-Type":
                continue  # It reads no other, and each failure takes its time.
            answer = await attack.send(operation, base, {name: text})
            assert answer.status < 500, (name, text[:20], answer.raw)
    assert (await attack.agent.get("/auth/me")).status == 200
