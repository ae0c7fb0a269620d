"""Send hostile input to /api/v1, generated from its declarations: each answer is clear, nothing breaks."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from service.rest.declarations import FOR_SYNC
from service.rest.operation import Operation
from service.rest.operations import OPERATIONS
from tests.support.admin import Admin
from tests.support.hostile import BODIES as NO_OBJECTS
from tests.support.hostile import (
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
from tests.support.rest_attack import PLACES, Attack

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
NOBODY = "00000000-0000-4000-8000-000000000000"


def by_name(operations: Sequence[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=lambda o: o.name)


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
                if operation.returns == "Profile" and answer.status == operation.status:
                    assert plistlib.loads(answer.raw)
                    continue
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
    base = json.dumps(attack.base(operation)).encode() if operation.body else None
    for label, text in {**HOSTILE, "NUL": "a\0b", "nobody": NOBODY, "not UTF-8": None}.items():
        hostile_id = "%ff" if text is None else quote(text[:8000], safe="")
        answer = await attack.send(operation, base, ids=dict.fromkeys(PLACES, hostile_id))
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
