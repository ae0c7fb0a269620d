"""Send hostile input to every service, generated from `acl/`: each answer is clear, nothing breaks.

A new service is covered as soon as it is declared: every parameter, list entry and property
gets values that its declaration forbids, and hostile ones that it allows. The other parameters have
the value of their `example`; `Attacker.real` has existing ids, which replace those of the examples.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from service.rpc.declarations import Service, load_declarations
from tests.support.attacker import Attacker, Stage, post
from tests.support.hostile import (
    BODIES,
    HOLE,
    LEAVES,
    NO_JSON,
    Spot,
    forbidden,
    hostile,
    spots,
    value_at,
)
from tests.support.people import Answer

SERVICES = load_declarations()
ALL = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
WITH_PARAMS = {name: service for name, service in SERVICES.items() if service.params}
EACH = pytest.mark.parametrize("service", WITH_PARAMS.values(), ids=WITH_PARAMS)

GATE = {"HUB_NOT_FOUND", "WEAK_PRIVILEGE"}
"""Codes with which the gate refuses an id that is well-formed but wrong."""
TELLS_OTHERS = {
    "contact.invite",
    "contact.invite_drumate",
    "contact.add",
    "contact.update",
    "room.book",
    "room.update",
}
"""Services that write into the address book of the invited user, or into a hub of the caller."""
ABOUT_INPUT = {"MISSING_PARAM", "INVALID_PARAM", "INVALID_JSON", "INVALID_QUERY"}

QUERIES = ("a=%ff", "%ff=1", "%7B%22a%22%3A%ff%7D", "%7B", "%7B%22a%22%3A%22%5Cud800%22%7D")


# --- what is answered --------------------------------------------------------------------------


def refusal_problem(service: Service, answer: Answer) -> str | None:
    """Return the flaw of the answer to a request that must be refused, or None."""
    body = answer.body
    if not 400 <= answer.status < 500:
        return f"HTTP {answer.status} {answer.code or ''}"
    if (body["__ack__"], body["__status__"]) != (service.name, "online"):
        return f"envelope says {body['__ack__']} {body['__status__']}"
    if not (body["error"] and body["reason"] and body["error_code"] == answer.status):
        return f"incomplete: {body}"
    return None


def hostile_problem(service: Service, spot: Spot, text: str, answer: Answer) -> str | None:
    """Return the flaw of the answer to a request that may be served or refused, or None."""
    if answer.status == 200:
        stored_text = value_at(answer.data, spot.path)
        same = not isinstance(stored_text, str) or stored_text == text
        # A name in use gets a number.
        same = same or re.sub(r" \(\d+\)$", "", stored_text) == text[:245]
        same = same or spot.declaration.get("format") not in {None, "text"}
        return None if same else f"came back as {stored_text!r}"
    known = names(answer, spot.path) or answer.code in (GATE | service.errors.keys()) - ABOUT_INPUT
    return refusal_problem(service, answer) or (None if known else answer.body["reason"])


def names(answer: Answer, path: str) -> bool:
    """Return whether the refusal names the parameter, or a part that contains it."""
    named = answer.data.get("param") or answer.body["reason"].partition(":")[0]
    whole = path == named or path.startswith((f"{named}.", f"{named}["))
    return whole and named in answer.body["reason"]


# --- the tests ---------------------------------------------------------------------------------


@EACH
async def test_forbidden_values_are_refused_by_name(attacker: Attacker, service: Service) -> None:
    problems = []
    base = await attacker.base(service)
    before = await attacker.stored()
    for name, declaration in service.params.items():
        for spot in spots(name, declaration, base.get(name, declaration["example"])):
            cases = list(forbidden(spot.declaration))
            if "maxItems" in declaration and spot.path == name:
                many = base.get(name, declaration["example"])[:1] * (declaration["maxItems"] + 1)
                cases.append(("too many", json.dumps(many)))
            for label, text in cases:
                answer = await attacker.send(service, {**base, name: spot.put(HOLE)}, text)
                problem = refusal_problem(service, answer)
                if problem is None and not names(answer, spot.path):
                    problem = f"names {answer.data.get('param')}: {answer.body['reason']}"
                if problem:
                    problems.append(f"{spot.path}, {label}: {problem}")
        for label, text in NO_JSON.items():
            if problem := refusal_problem(service, await attacker.send(service, {name: HOLE}, text)):
                problems.append(f"{name}, {label}: {problem}")
        if (after := await attacker.stored()) != before:
            changed = [t for t in after if after[t] != before[t]]
            problems.append(f"{name}: something was stored in {', '.join(changed)}")
            before = after
    assert not problems, "\n" + "\n".join(problems)


@EACH
async def test_hostile_text_is_refused_by_name_or_stored_unchanged(
    attacker: Attacker, service: Service
) -> None:
    problems = []
    for name, declaration in service.params.items():
        await attacker.base(service, name)
        before = attacker.of_others()
        for spot in spots(name, declaration, attacker.valid(name, declaration, declaration["example"])):
            if spot.declaration["type"] != "string":
                continue
            for label, text in hostile(spot.declaration):
                base = await attacker.base(service, name)
                answer = await attacker.send(service, {**base, name: spot.put(text)})
                if problem := hostile_problem(service, spot, text, answer):
                    problems.append(f"{spot.path}, {label}: {problem}")
        if service.name not in TELLS_OTHERS and attacker.of_others() != before:
            problems.append(f"{name}: rows of others changed")
    assert not problems, "\n" + "\n".join(problems)


@EACH
async def test_objects_without_declared_properties_take_anything(
    attacker: Attacker, service: Service
) -> None:
    problems = []
    for name, declaration in service.params.items():
        if declaration["type"] != "object" or "properties" in declaration:
            continue
        base = await attacker.base(service)
        least = {n: v for n, v in base.items() if service.params[n].get("required")}
        for key in declaration["example"]:
            for text in LEAVES:
                value = {**declaration["example"], key: HOLE}
                answer = await attacker.send(service, {**least, name: value}, text)
                if answer.status >= 500:
                    problems.append(f"{name}.{key} = {text}: HTTP {answer.status}")
    assert not problems, "\n" + "\n".join(problems)


@ALL
async def test_bodies_without_parameters_are_refused(attacker: Attacker, service: Service) -> None:
    problems = []
    before = await attacker.stored()
    for label, (body, status) in BODIES.items():
        answer = await post(attacker.person, service.name, body)
        problem = refusal_problem(service, answer)
        if problem or answer.status != status:
            problems.append(f"{label}: {problem or f'HTTP {answer.status}'}")
    answers = [(query, await attacker.person.get(service.name, query)) for query in QUERIES]
    problems += [f"?{q}: {problem}" for q, a in answers if (problem := refusal_problem(service, a))]
    assert await attacker.stored() == before
    assert not problems, "\n" + "\n".join(problems)


@ALL
async def test_unknown_and_repeated_names_do_no_harm(
    attacker: Attacker, service: Service, stage: Stage
) -> None:
    base = json.dumps(await attacker.base(service))
    # Some services without parameters end the session.
    person = attacker.person if service.params else await stage.people("Mallet")
    more = json.dumps({"widgetId": "w", "partHandler": {}, "__proto__": {"level": 7}, "a\U0001f600": [1]})
    for body in (f"{base[:-1]}, {base[1:]}", f"{base[:-1]}, {more[1:]}"):
        answer = await post(person, service.name, body.replace("{, ", "{").replace(", }", "}").encode())
        assert answer.status < 500, answer.body
        assert answer.body.get("error") not in ABOUT_INPUT, answer.body


async def test_text_of_every_plane_survives_storage(attacker: Attacker) -> None:
    person = attacker.person
    names = {
        "firstname": "\U0001f469‍\U0001f467 %_\\'\"",
        "lastname": "\u202eשלום" + "\U0001f600" * 200,
        "comment": "\U0001d4b3\n\tline two\n" + "é" * 3000,
    }
    entries: dict[str, dict[str, Any]] = {
        "email": {"email": f"{secrets.token_hex(6)}@exämple.org", "is_default": 1},
        "mobile": {"phone": "\U0001f4de 12", "areacode": "+३३"},
        "address": {"street": "'; DROP TABLE contact; --", "city": "東京", "country": '\\"'},
    }
    lists = {kind: [entry] for kind, entry in entries.items()}
    made = await person.ok("contact.add", **names, **lists)
    contact = await person.ok("contact.get_contact", contact_id=made["id"])
    assert {name: contact[name] for name in names} == names
    for kind, entry in entries.items():
        assert {name: contact[kind][0][name] for name in entry} == entry


async def test_a_body_that_breaks_off_harms_nobody(attacker: Attacker) -> None:
    before = await attacker.stored()
    url = attacker.person.base / "-/svc/contact.add"

    async def half() -> AsyncIterator[bytes]:
        yield b'{"email": [{"email": "half@example.org"'
        raise ConnectionResetError

    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        await attacker.person.http.post(url, data=half())
    assert (await attacker.person.call("yp.ping")).status == 200
    assert await attacker.stored() == before
