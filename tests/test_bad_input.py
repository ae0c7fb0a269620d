"""Whatever is sent, the answer is clear and nothing goes wrong. Generated from `acl/`.

A new service is covered as soon as it is declared: every parameter, list entry and property of it
gets values that its declaration forbids, and hostile ones that it allows. The other parameters are
valid by their `example`; `Attacker.real` has ids that exist, in place of those in the examples.
"""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer

from service.acl import Service, load_declarations
from service.app import make_app
from service.demo import Registry
from service.deploy.deployer import connect
from service.settings import Settings, database_servers
from tests.people import Answer, People, Person, Tab

SERVICES = load_declarations()
ALL = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
WITH_PARAMS = {name: service for name, service in SERVICES.items() if service.params}
EACH = pytest.mark.parametrize("service", WITH_PARAMS.values(), ids=WITH_PARAMS)

BOOKKEEPING = {"session", "authn", "socket", "node", "services_log"}
"""Tables that a request may touch however it ends."""
GATE = {"HUB_NOT_FOUND", "WEAK_PRIVILEGE"}
"""Codes with which the gate answers an id that is well-formed and wrong."""
TELLS_OTHERS = {"contact.invite", "contact.invite_drumate", "contact.add", "contact.update"}
"""Services that write into the address book of the person who is invited."""
ABOUT_INPUT = {"MISSING_PARAM", "INVALID_PARAM", "INVALID_JSON", "INVALID_QUERY"}
ABSENT = object()
HOLE = "@hole@"
"""Where the bad value goes, as JSON text: Python's encoder would refuse or repair some of them."""

SAMPLES = {
    "list": "[1]",
    "object": '{"a": 1}',
    "boolean": "true",
    "number": "5",
    "text": '"no value"',
}
ACCEPTED = {
    "string": {"text", "number"},
    "secret": {"text"},
    "id": {"number"},
    "flag": {"boolean"},
    "email": set(),
    "enum": set(),
    "boolean": {"boolean"},
    "integer": {"number"},
    "number": {"number"},
    "array": {"list"},
    "object": {"object"},
}
"""What a declared type takes, of SAMPLES."""
DEEP = {f"{n} levels": "[" * n + "]" * n for n in (50, 1000)}
INSIDE = {
    "2**63 inside": '{"a": 9223372036854775808}',
    "NUL inside": r'{"a": "\u0000"}',
    "NUL in a name": r'{"a\u0000": 1}',
    "deep inside": '{"a": ' + "[" * 50 + "]" * 50 + "}",
}
NO_JSON = {
    "lone surrogate": r'"\ud800"',
    "reversed surrogates": r'"\udc00\ud800"',
    "1e309": "1e309",
    "NaN": "NaN",
    "5000 digits": "9" * 5000,
    "5000 levels": "[" * 5000 + "]" * 5000,
}
"""Texts that are no JSON, whatever the parameter."""
HOSTILE = {
    "SQL": "'; DROP TABLE contact; --",
    "SQL in double quotes": '") OR ("1"="1" #',
    "SQL comment": "x*/ UNION SELECT 1 /*",
    "wildcards": "%_%",
    "backslash": "a\\",
    "JSON": '{"$ne": null}',
    "JSON path": '$.email[*]."x',
    "formats": "%s %(x)s {0} {{7*7}} ${7*7}",
    "markup": "<script>alert(1)</script>",
    "path": "../../etc/passwd",
    "four bytes": "\U0001d4b3 \U0001f469‍\U0001f467",
    "right to left": "\u202eשלום",
    "invisible": "a\u200bb\ufeffc",
    "noncharacter": "\uffff",
    "very long": "a" * 100_000,
}
"""Texts that are dangerous in the wrong hands, and harmless in ours."""
LEAVES = ("null", "true", "5", "-1.5", "[]", "[1]", "{}", '{"a": 1}', '""', '"x"', '"%_\U0001f600"')
"""For the properties of objects that declare none."""
BODIES = {
    "2 MB": (b'{"a": "' + b"x" * 2_000_000 + b'"}', 413),
    "broken JSON": (b'{"a": ', 400),
    "an array": (b"[1]", 400),
    "a text": (b'"page"', 400),
    "null": (b"null", 400),
    "not UTF-8": (b'{"a": "\xff"}', 400),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), 400),
}
QUERIES = ("a=%ff", "%ff=1", "%7B%22a%22%3A%ff%7D", "%7B", "%7B%22a%22%3A%22%5Cud800%22%7D")

Args = dict[str, Any]


@dataclass
class Attacker:
    """A signed-in person with a contact, a tag and a room, and a view of all tables."""

    person: Person
    tab: Tab
    real: Args
    connection: Any
    """One for all looks: opening it takes longer than a request."""
    tables: dict[str, str]
    """Columns of every table that holds what people entrust us with."""
    bases: dict[tuple[str, str], Args] = field(default_factory=dict)

    async def send(self, service: Service, args: Args, text: Any = "") -> Answer:
        """Call a service, with a JSON text in the hole of the arguments; without what is ABSENT."""
        if text is ABSENT:
            body = json.dumps(_without_hole(args))
        else:
            body = json.dumps(args).replace(f'"{HOLE}"', text)
        return await post(self.person, service.name, body.encode())

    def valid(self, name: str, declaration: Mapping[str, Any], otherwise: Any) -> Any:
        """An id that exists, as a list where the parameter is one."""
        value = self.real.get(name, otherwise)
        return [value] if declaration["type"] == "array" and not isinstance(value, list) else value

    async def base(self, service: Service, name: str = "") -> Args:
        """Valid values of all parameters; if that is refused, of all but one that is not `name`."""
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
        """A checksum of every table."""
        return dict(rows(self.connection, f"CHECKSUM TABLE {', '.join(self.tables)}"))

    def of_others(self) -> dict[str, Any]:
        """A checksum of every table, rows of the attacker left out."""
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
            # a file instead of an envelope
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
    """One node for all of these tests, and somebody who minds his own business."""
    # wrong passwords count for an address that nobody else signs in from
    server = TestServer(await make_app(dataclasses.replace(settings, trust_proxy=True)))
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
    """Mallory with a contact, and in a meeting, whatever the test before has ended."""
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


@dataclass(frozen=True)
class Spot:
    """A place where a value goes: a parameter, an entry of a list, or a property of an object."""

    path: str
    declaration: Mapping[str, Any]
    put: Callable[[Any], Any]
    """The value of the whole parameter with this one in its place."""


def spots(name: str, declaration: Mapping[str, Any], valid: Any) -> Iterator[Spot]:
    return _spots(name, declaration, valid, lambda value: value)


def _spots(
    path: str, declaration: Mapping[str, Any], valid: Any, put: Callable[[Any], Any]
) -> Iterator[Spot]:
    yield Spot(path, declaration, put)
    if items := declaration.get("items"):
        first, *more = valid
        yield from _spots(f"{path}[0]", items, first, lambda value: put([value, *more]))
    for name, inner in declaration.get("properties", {}).items():
        yield from _spots(
            f"{path}.{name}",
            inner,
            valid.get(name),
            lambda value, name=name: put({**valid, name: value}),
        )


def forbidden(
    declaration: Mapping[str, Any], accepted: Mapping[str, set[str]] = ACCEPTED
) -> Iterator[tuple[str, Any]]:
    """(label, JSON text or ABSENT) of values that the declaration does not allow."""
    kind = "enum" if "enum" in declaration else declaration.get("format") or declaration["type"]
    for label, text in SAMPLES.items():
        if label not in accepted["string" if kind == "text" else kind]:
            yield label, text
    yield from DEEP.items()
    if declaration["type"] == "string" and kind != "secret":
        yield "NUL", r'"a\u0000b"'
        yield "control character", r'"a\u001bb"'
        if "maxLength" in declaration:
            yield "too long", json.dumps("a" * (declaration["maxLength"] + 1))
    if declaration["type"] in {"integer", "number"}:
        bounds = [declaration[k] + s for k, s in (("min", -1), ("max", 1)) if k in declaration]
        for number in (*bounds, 2**63, -(2**63) - 1, *('"NaN"', '"1e309"', '"0x1"', '"1 2"')):
            yield str(number), str(number)
    if declaration["type"] == "integer":
        yield from (("1.5", "1.5"), ("1.5 as text", '"1.5"'))
    if declaration["type"] == "object":
        yield from INSIDE.items()
        too_large = "x" * declaration.get("maxBytes", 65_536)
        yield "too large", json.dumps({"a": too_large})
    if declaration.get("required"):
        yield "missing", ABSENT
        yield "null", "null"
        yield "empty", '""'
        if kind in {"string", "text", "id", "email"}:
            yield "blank", '"  "'


def hostile(declaration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from HOSTILE.items()
    if "maxLength" in declaration:
        yield "as long as allowed", "a" * declaration["maxLength"]
        yield "as many bytes as allowed", "\U0001f600" * declaration["maxLength"]


def fresh(declaration: Mapping[str, Any], value: Any) -> Any:
    """The same value, with addresses that nobody has used."""
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
    """What is wrong with the answer to a request that cannot be served."""
    body = answer.body
    if not 400 <= answer.status < 500:
        return f"HTTP {answer.status} {answer.code or ''}"
    if (body["__ack__"], body["__status__"]) != (service.name, "online"):
        return f"envelope says {body['__ack__']} {body['__status__']}"
    if not (body["error"] and body["reason"] and body["error_code"] == answer.status):
        return f"incomplete: {body}"
    return None


def hostile_problem(service: Service, spot: Spot, text: str, answer: Answer) -> str | None:
    """What is wrong with the answer to a request that may be served or refused."""
    if answer.status == 200:
        kept = at(answer.data, spot.path)
        same = not isinstance(kept, str) or kept == text
        # a name that is taken gets a number
        same = same or re.sub(r" \(\d+\)$", "", kept) == text[:245]
        same = same or spot.declaration.get("format") not in {None, "text"}
        return None if same else f"came back as {kept!r}"
    known = names(answer, spot.path) or answer.code in (GATE | service.errors.keys()) - ABOUT_INPUT
    return refusal_problem(service, answer) or (None if known else answer.body["reason"])


def names(answer: Answer, path: str) -> bool:
    """Whether the refusal names the parameter, or what it is part of."""
    named = answer.data.get("param") or answer.body["reason"].partition(":")[0]
    whole = path == named or path.startswith((f"{named}.", f"{named}["))
    return whole and named in answer.body["reason"]


def at(data: Any, path: str) -> Any:
    """What an answer has in the place of a parameter, if it has that place."""
    for key in re.findall(r"\w+", path):
        try:
            data = data[int(key) if key.isdigit() else key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


# --- the tests ---------------------------------------------------------------------------------


@EACH
async def test_what_the_declaration_forbids_is_refused_by_name(attacker: Attacker, service: Service) -> None:
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
async def test_hostile_text_is_refused_by_name_or_kept_as_it_is(attacker: Attacker, service: Service) -> None:
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
async def test_what_holds_no_parameters_is_refused(attacker: Attacker, service: Service) -> None:
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
    # some of the services without parameters end the session
    person = attacker.person if service.params else await stage.people("Mallet")
    more = json.dumps({"widgetId": "w", "partHandler": {}, "__proto__": {"level": 7}, "a\U0001f600": [1]})
    for body in (f"{base[:-1]}, {base[1:]}", f"{base[:-1]}, {more[1:]}"):
        answer = await post(person, service.name, body.replace("{, ", "{").replace(", }", "}").encode())
        assert answer.status < 500, answer.body
        assert answer.body.get("error") not in ABOUT_INPUT, answer.body


async def test_text_of_every_plane_survives_storage(attacker: Attacker) -> None:
    person = attacker.person
    given = {
        "firstname": "\U0001f469‍\U0001f467 %_\\'\"",
        "lastname": "\u202eשלום" + "\U0001f600" * 200,
        "comment": "\U0001d4b3\n\tline two\n" + "é" * 3000,
    }
    email = [{"email": f"{secrets.token_hex(6)}@exämple.org", "is_default": 1}]
    mobile = [{"phone": "\U0001f4de 12", "areacode": "+३३"}]
    address = [{"street": "'; DROP TABLE contact; --", "city": "東京", "country": '\\"'}]
    made = await person.ok("contact.add", **given, email=email, mobile=mobile, address=address)
    found = await person.ok("contact.get_contact", contact_id=made["id"])
    assert {name: found[name] for name in given} == given
    for name, (sent,) in {"email": email, "mobile": mobile, "address": address}.items():
        assert {k: found[name][0][k] for k in sent} == sent


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
