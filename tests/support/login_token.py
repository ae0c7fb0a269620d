"""A client of the login-token API."""

from __future__ import annotations

from typing import Any

import orjson

from tests.support.people import PASSWORD, People, Person


class Client:
    """A client of the login-token API without cookies, so that only the parameter can authenticate it."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.token = ""

    async def raw(
        self, path: str, query: dict[str, str] | None = None, method: str = "GET", **more: Any
    ) -> tuple[int, str, bytes, Any]:
        """Send a request; return (status, content type, body, headers)."""
        url = self.person.base / "api" / path
        async with self.person.http.request(method, url.with_query(query or {}), **more) as response:
            return response.status, response.content_type, await response.read(), response.headers

    async def call(self, path: str, **parameters: str) -> dict[str, Any]:
        """Send a GET with everything in the query, as the document shows it."""
        status, kind, body, _ = await self.raw(path, {"logintoken": self.token, **parameters})
        assert (status, kind) == (200, "application/json")
        document: dict[str, Any] = orjson.loads(body)
        return document

    async def ok(self, path: str, **parameters: str) -> dict[str, Any]:
        answer = await self.call(path, **parameters)
        assert answer["responsestatus"] == "OK", answer
        return answer

    async def error(self, path: str, **parameters: str) -> tuple[str, int, str]:
        answer = await self.call(path, **parameters)
        assert answer["responsestatus"] == answer["errorname"], answer
        return answer["errorname"], answer["errorcode"], answer["errormessage"]

    async def login(self) -> None:
        answer = await self.call(
            "authentication/login", username=self.person.email, password=PASSWORD, source="Web"
        )
        assert answer["responsestatus"] == "ok", answer
        self.token = answer["logintoken"]


async def client_of(people: People, name: str = "Alice") -> Client:
    client = Client(await people(name))
    await client.login()
    return client
