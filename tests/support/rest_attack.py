"""An attacker of /api/v1: a user with keys, who calls operations with generated parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from service.rest.operation import Operation
from tests.support.hostile import ABSENT, HOLE
from tests.support.pictures import GIF
from tests.support.rest import Answer, Client

JSON = {"Content-Type": "application/json"}
TABLE = {"Content-Type": "text/csv"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
PICTURE = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gif"\r\n\r\n' + GIF + b"\r\n--x--\r\n"
)
PLACES = ("id", "key", "version", "session", "report", "webhook", "delivery")
"""Names of the ids in paths."""


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
        if operation.name in {"auth.end_sessions", "auth.end_other_sessions"}:
            await self.signed_in.login()  # The last request has ended this sign-in.
        for name in PLACES:
            path = path.replace(f"{{{name}}}", ids.get(name, self.real[name]))
        path += query
        kind = FORM if operation.upload and data is None else TABLE if operation.file else JSON
        if kind is TABLE:
            data = b"Name,Email\n" if data is None else data
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
