"""Whatever is sent to /api/v1, the answer is clear and nothing goes wrong. Made from its declarations."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from service.dialects.rest.declarations import FOR_SYNC
from service.dialects.rest.operation import Operation
from service.dialects.rest.operations import OPERATIONS
from tests.conftest import Admin
from tests.dialects.conftest import ClientMaker
from tests.dialects.rest import Answer, Client
from tests.test_bad_input import ABSENT, HOLE, HOSTILE, INSIDE, NO_JSON, at, forbidden, hostile, spots

STRICT = {
    "string": {"text"}, "secret": {"text"}, "email": set(), "enum": set(), "date-time": set(),
    "boolean": {"boolean"}, "array": {"list"}, "object": {"object"},
}  # fmt: skip
"""What a declared type takes of the samples: JSON has types, and here they count."""
UNKNOWN_INSIDE = {*INSIDE, "too large"}
"""An object of declared properties takes any others: they are ignored."""
BODIES = [o for o in OPERATIONS if o.body and not o.public]
QUERIES = [o for o in OPERATIONS if o.query]
JSON = {"Content-Type": "application/json"}


def example(operation: Operation) -> dict[str, Any]:
    """A body whose fields are the examples, without those that exclude each other."""
    found = {name: p["example"] for name, p in (operation.body or {}).items()}
    if operation.either:
        found = {name: found[name] for name in operation.either[0]}
    return found


async def send(api: Client, operation: Operation, body: Any, text: Any = "") -> Answer:
    """A call whose body has a JSON text in its hole."""
    if text is ABSENT:
        body = json.loads(json.dumps(body).replace(f': "{HOLE}"', ": null"))
        body = _without_null(body)
        sent = json.dumps(body)
    else:
        sent = json.dumps(body).replace(f'"{HOLE}"', text)
    path = operation.path.replace("{id}", api.contact)  # type: ignore[attr-defined]
    return await api.send(operation.method, path, headers=JSON, data=sent.encode())


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: _without_null(v) for n, v in value.items() if v is not None}
    return [_without_null(v) for v in value] if isinstance(value, list) else value


@pytest.fixture
async def api(client_of: ClientMaker) -> Client:
    client = await client_of("Mallory")
    client.contact = (await client.add(display_name="Target"))["id"]  # type: ignore[attr-defined]
    return client


async def whole_book(api: Client) -> Any:
    return (await api.get("/contacts?include_deleted=true&limit=100")).data


@pytest.mark.parametrize("operation", BODIES, ids=lambda o: o.name)
async def test_what_the_declaration_forbids_is_refused_by_name(api: Client, operation: Operation) -> None:
    problems = []
    base = example(operation)
    before = await whole_book(api)
    for name, declaration in (operation.body or {}).items():
        for spot in spots(name, declaration, base.get(name, declaration.get("example"))):
            for label, text in forbidden(spot.declaration, STRICT):
                if "properties" in spot.declaration and label in UNKNOWN_INSIDE:
                    continue
                answer = await send(api, operation, {**base, name: spot.put(HOLE)}, text)
                if answer.status != 400:
                    problems.append(f"{spot.path}, {label}: {answer.status} {answer.raw!r}")
                    continue
                field = answer.flaw[0]
                if not (spot.path == field or spot.path.startswith((f"{field}.", f"{field}[")) or
                        field.startswith((f"{spot.path}.", f"{spot.path}["))):  # fmt: skip
                    problems.append(f"{spot.path}, {label}: names {field}")
        for label, text in NO_JSON.items():
            answer = await send(api, operation, {name: HOLE}, text)
            if answer.status != 400:
                problems.append(f"{name}, {label}: {answer.status} {answer.raw!r}")
    assert not problems, "\n" + "\n".join(problems)
    assert await whole_book(api) == before


@pytest.mark.parametrize("operation", BODIES, ids=lambda o: o.name)
async def test_hostile_text_is_refused_or_kept_as_it_is(api: Client, operation: Operation) -> None:
    problems = []
    for name, declaration in (operation.body or {}).items():
        for spot in spots(name, declaration, declaration.get("example")):
            if spot.declaration["type"] != "string" or name in FOR_SYNC:
                continue
            for label, text in hostile(spot.declaration):
                body = {"display_name": "X"} if "display_name" in (operation.body or {}) else {}
                answer = await send(api, operation, {**body, name: spot.put(text)})
                kept = at(answer.body.get("data"), spot.path)
                if answer.status >= 500 or (isinstance(kept, str) and not same(kept, text, spot.path)):
                    problems.append(f"{spot.path}, {label}: {answer.status} {kept!r}")
    assert not problems, "\n" + "\n".join(problems)


def same(kept: str, text: str, path: str) -> bool:
    """Whether it came back as it was sent; a number is kept in the RPC's two parts, its blanks are ours."""
    if path.endswith(".number"):
        return kept.replace(" ", "") == text.replace(" ", "")
    return kept == text.strip()


@pytest.mark.parametrize("operation", QUERIES, ids=lambda o: o.name)
async def test_hostile_queries(api: Client, operation: Operation, admin: Admin) -> None:
    path = operation.path.replace("{id}", api.contact)  # type: ignore[attr-defined]
    for name in operation.query:
        for label, text in {**HOSTILE, "nothing": "", "NUL": "a\0b", "not UTF-8": None}.items():
            value = "%ff" if text is None else quote(text[:30_000], safe="")
            answer = await api.send(operation.method, f"{path}?{name}={value}")
            assert answer.status < 500, (name, label, answer.raw)
            if answer.status >= 400:
                assert answer.error in {(400, "INVALID_QUERY"), (404, "NOT_FOUND"), (409, "ALREADY_DELETED")}
    assert admin.one(f"SELECT COUNT(*) FROM {api.person.shard}.contact_record") > 0


async def test_hostile_headers(api: Client) -> None:
    path = f"/contacts/{api.contact}"  # type: ignore[attr-defined]
    for text in ("'; DROP TABLE contact; --", "a" * 8000, "\u00e9", '"', "W/", ",,,", '"1"' + ',"2"' * 2000):
        for name in ("If-Match", "If-None-Match", "Idempotency-Key", "X-Claw-Source", "X-Claw-User-Id",
                     "X-Request-Id", "Origin"):  # fmt: skip
            for method, where, body in (
                ("GET", path, None),
                ("PATCH", path, {}),
                ("POST", f"{path}/restore", None),
            ):
                answer = await api.send(method, where, body, {name: text})
                assert answer.status < 500, (name, text[:20], method, answer.raw)
    assert (await api.get(path)).data["display_name"] == "Target"
