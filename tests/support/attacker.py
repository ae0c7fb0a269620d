"""An attacker of the RPC: a signed-in user who calls services with generated parameters."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp.test_utils import TestServer

from service.rpc.declarations import Service
from tests.support.hostile import ABSENT, HOLE
from tests.support.people import Answer, People, Person, Tab
from tests.support.waiting import until

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

    async def catch_up(self) -> None:
        """Wait until the service has written by itself what waits in the shard: numbers and records."""
        await until(self._is_caught_up)

    def _is_caught_up(self) -> bool:
        shard = self.person.shard
        unknown = rows(
            self.connection, f"SELECT 1 FROM {shard}.contact_phone WHERE international IS NULL LIMIT 1"
        )
        ((stale_owner, _),) = rows(self.connection, f"CALL {shard}.contact_stale_owner()")
        return not unknown and stale_owner is None

    async def stored(self) -> dict[str, Any]:
        """Return a checksum of every table, once the service writes nothing by itself any more."""
        await self.catch_up()
        return dict(rows(self.connection, f"CHECKSUM TABLE {', '.join(self.tables)}"))

    def of_others(self) -> dict[str, Any]:
        """Return a checksum of every table, without the rows of the attacker."""
        selects = [
            f"SELECT '{table}', CONCAT(COUNT(*), ' ', BIT_XOR(CRC32(CONCAT_WS('|', {columns}))))"
            f" FROM {table}" + (f" WHERE owner_id <> '{self.person.uid}'" if "`owner_id`" in columns else "")
            for table, columns in self.tables.items()
            if not table.startswith(("yp.conference", "yp.entity_lock"))
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
