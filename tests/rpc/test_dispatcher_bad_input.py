"""Send hostile input to every service, generated from `acl/`: each answer is clear, nothing breaks.

A new service is covered as soon as it is declared: every parameter, list entry and property
gets values that its declaration forbids, and hostile ones that it allows. The other parameters have
the value of their `example`; `Attacker.real` has existing ids, which replace those of the examples.
"""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer

from service.admin.registry import Registry
from service.app import make_app
from service.deploy.deployer import connect
from service.rpc.declarations import Service, load_declarations
from service.settings import Settings, database_servers
from tests.support.hostile import (
    ABSENT,
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
from tests.support.nodes import Node
from tests.support.people import Answer, People, Person, Tab

SERVICES = load_declarations()
ALL = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
WITH_PARAMS = {name: service for name, service in SERVICES.items() if service.params}
EACH = pytest.mark.parametrize("service", WITH_PARAMS.values(), ids=WITH_PARAMS)

BOOKKEEPING = {"session", "authn", "socket", "node", "services_log"}
"""Tables that a request may change even when it fails."""
GATE = {"HUB_NOT_FOUND", "WEAK_PRIVILEGE"}
"""Codes with which the gate refuses an id that is well-formed but wrong."""
TELLS_OTHERS = {"contact.invite", "contact.invite_drumate", "contact.add", "contact.update"}
"""Services that write into the address book of the invited user."""
ABOUT_INPUT = {"MISSING_PARAM", "INVALID_PARAM", "INVALID_JSON", "INVALID_QUERY"}

QUERIES = ("a=%ff", "%ff=1", "%7B%22a%22%3A%ff%7D", "%7B", "%7B%22a%22%3A%22%5Cud800%22%7D")

Args = dict[str, Any]


@dataclass
class Attacker:
    """A signed-in user with a contact, a tag and a room, and a view of all tables."""

    person: Person
    tab: Tab
    real: Args
    connection: Any
    """Shared by all reads: opening one takes longer than a request."""
    tables: dict[str, str]
    """Columns of every table with user data."""
    bases: dict[tuple[str, str], Args] = field(default_factory=dict)

    async def send(self, service: Service, args: Args, text: Any = "") -> Answer:
        """Call a service with a JSON text in the hole of the arguments; ABSENT removes the argument."""
        if text is ABSENT:
            body = json.dumps(_without_hole(args))
        else:
            body = json.dumps(args).replace(f'"{HOLE}"', text)
        return await post(self.person, service.name, body.encode())

    def valid(self, name: str, declaration: Mapping[str, Any], otherwise: Any) -> Any:
        """Return an existing id, as a list where the parameter is one."""
        value = self.real.get(name, otherwise)
        return [value] if declaration["type"] == "array" and not isinstance(value, list) else value

    async def base(self, service: Service, name: str = "") -> Args:
        """Return valid values of all parameters; if those are refused, of all but one that is not `name`."""
        key = service.name, name if name not in self.bases.get((service.name, ""), {}) else ""
        if key not in self.bases:
            every = {n: self.valid(n, p, p["example"]) for n, p in service.params.items()}
            optional = [n for n, p in service.params.items() if not p.get("required") and n != name]
            for left_out in ["", *optional] if every else ():
                self.bases[key] = {n: v for n, v in every.items() if n != left_out}
                if (await self.send(service, fresh_args(service, self.bases[key]))).status == 200:
                    break
            else:
                self.bases[key] = every
        renewed = {n: self.valid(n, service.params[n], v) for n, v in self.bases[key].items()}
        return fresh_args(service, renewed)

    def stored(self) -> dict[str, Any]:
        """Return a checksum of every table."""
        return dict(rows(self.connection, f"CHECKSUM TABLE {', '.join(self.tables)}"))

    def of_others(self) -> dict[str, Any]:
        """Return a checksum of every table, without the rows of the attacker."""
        selects = [
            f"SELECT '{table}', CONCAT(COUNT(*), ' ', BIT_XOR(CRC32(CONCAT_WS('|', {columns}))))"
            f" FROM {table}" + (f" WHERE owner_id <> '{self.person.uid}'" if "`owner_id`" in columns else "")
            for table, columns in self.tables.items()
            if not table.startswith("yp.conference")
        ]
        return dict(rows(self.connection, " UNION ALL ".join(selects)))


def rows(connection: Any, statement: str, *args: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, args or None)
        return list(cursor.fetchall())


async def post(person: Person, name: str, body: bytes) -> Answer:
    url, headers = person.base / "-/svc" / name, {"Content-Type": "application/json"}
    async with person.http.post(url, data=body, headers=headers) as response:
        if response.content_type != "application/json":
            # The answer is a file, not an envelope.
            await response.read()
            return Answer(response.status, {"data": {}}, response.headers)
        return Answer(response.status, orjson.loads(await response.read()), response.headers)


@dataclass
class Stage:
    people: People
    bystander: Person
    server: TestServer


@pytest.fixture(scope="module")
async def stage(settings: Settings, registry: Registry, password_hash: str) -> AsyncIterator[Stage]:
    """Start one node for all of these tests, with an uninvolved user."""
    # Wrong passwords count against an address that no other test uses.
    server = Node(await make_app(dataclasses.replace(settings, trust_proxy=True)))
    await server.start_server()
    people = People(server.make_url("/"), registry, password_hash)
    bystander = await people.registered("Bystander", shard="shard1")
    for name in ("100%", "a_b", "\U0001f600"):
        entry = {
            "firstname": name,
            "email": [{"email": f"{secrets.token_hex(4)}@b.example", "is_default": 1}],
        }
        registry.call(bystander.shard, "my_contact_add", bystander.uid, json.dumps(entry))
    yield Stage(people, bystander, server)
    await people.close()
    await server.close()


@pytest.fixture(scope="module")
async def mallory(stage: Stage, registry: Registry, settings: Settings) -> AsyncIterator[Attacker]:
    person = await stage.people("Mallory", shard="shard1")
    person.http.headers["X-Forwarded-For"] = "203.0.113.66"
    tab = await person.tab()
    tag = registry.call(person.shard, "tag_add", person.uid, "Friends", None)
    tag_id = json.loads(tag[0][0])["tag_id"]
    real = {
        "hub_id": registry.add_hub("Team", person.uid, "private"),
        "socket_id": tab.id,
        "invitee_id": stage.bystander.uid,
        "tag": [tag_id],
        "tag_id": tag_id,
    }
    connection = connect(database_servers(settings.db_admin))
    tables = rows(
        connection,
        "SELECT CONCAT(t.table_schema, '.', t.table_name),"
        " GROUP_CONCAT(CONCAT('`', c.column_name, '`'))"
        " FROM information_schema.tables AS t"
        " JOIN information_schema.columns AS c USING (table_schema, table_name)"
        " WHERE (t.table_schema = 'yp' OR t.table_schema LIKE 'shard%%')"
        " AND t.table_type = 'BASE TABLE' AND t.table_name NOT IN %s GROUP BY 1",
        tuple(BOOKKEEPING),
    )
    yield Attacker(person, tab, real, connection, dict(tables))
    connection.close()


@pytest.fixture
async def attacker(mallory: Attacker) -> Attacker:
    """Give Mallory a contact and a seat in a meeting again, whatever the last test ended."""
    person, real = mallory.person, mallory.real
    room = await person.ok(
        "conference.join", socket_id=mallory.tab.id, hub_id=real["hub_id"], type="meeting", metadata={}
    )
    real["room_id"] = real["nid"] = room["user"]["room_id"]
    email = [{"email": f"{secrets.token_hex(6)}@example.org", "is_default": 1}]
    if not await person.ok("tagcontact.show_tag_by", search="Friends"):
        real["tag_id"] = (await person.ok("tagcontact.add", name="Friends"))["tag_id"]
        real["tag"] = [real["tag_id"]]
    real["contact_id"] = (await person.ok("contact.add", email=email))["id"]
    return mallory


# --- what is sent ------------------------------------------------------------------------------


def fresh(declaration: Mapping[str, Any], value: Any) -> Any:
    """Return the same value with unused addresses."""
    if declaration.get("format") == "email":
        return f"{secrets.token_hex(6)}@example.org"
    if isinstance(value, list) and "items" in declaration:
        return [fresh(declaration["items"], v) for v in value]
    if isinstance(value, dict) and "properties" in declaration:
        inner = declaration["properties"]
        return {n: fresh(inner.get(n, {}), v) for n, v in value.items()}
    return value


def fresh_args(service: Service, args: Args) -> Args:
    return {name: fresh(service.params[name], value) for name, value in args.items()}


def _without_hole(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: _without_hole(v) for n, v in value.items() if v != HOLE}
    return [_without_hole(v) for v in value] if isinstance(value, list) else value


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
    for name, declaration in service.params.items():
        before = attacker.stored()
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
        if (after := attacker.stored()) != before:
            changed = [t for t in after if after[t] != before[t]]
            problems.append(f"{name}: something was stored in {', '.join(changed)}")
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
    before = attacker.stored()
    for label, (body, status) in BODIES.items():
        answer = await post(attacker.person, service.name, body)
        problem = refusal_problem(service, answer)
        if problem or answer.status != status:
            problems.append(f"{label}: {problem or f'HTTP {answer.status}'}")
    answers = [(query, await attacker.person.get(service.name, query)) for query in QUERIES]
    problems += [f"?{q}: {problem}" for q, a in answers if (problem := refusal_problem(service, a))]
    assert attacker.stored() == before
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
    before = attacker.stored()
    url = attacker.person.base / "-/svc/contact.add"

    async def half() -> AsyncIterator[bytes]:
        yield b'{"email": [{"email": "half@example.org"'
        raise ConnectionResetError

    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        await attacker.person.http.post(url, data=half())
    assert (await attacker.person.call("yp.ping")).status == 200
    assert attacker.stored() == before
