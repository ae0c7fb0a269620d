"""Import contacts from Google, played by a local server."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, People, Person


class Google:
    """A fake Google: issue a code, accept it once with the right verifier, serve two pages of people."""

    def __init__(self) -> None:
        self.url = URL()
        self.challenges: dict[str, str] = {}
        self.asked: list[str] = []

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        verifier = str(form.get("code_verifier", ""))
        digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if self.challenges.pop(str(form["code"]), None) != digest:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": "secret-token", "token_type": "Bearer", "expires_in": 3599})

    async def people(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret-token"
        page = request.query.get("pageToken", "1")
        self.asked.append(page)
        assert set(request.query["personFields"].split(",")) >= {"names", "birthdays", "urls"}
        person = {
            "names": [
                {
                    "givenName": f"Given{page}",
                    "familyName": "Family",
                    "middleName": "Mid",
                    "honorificPrefix": "Dr.",
                    "honorificSuffix": "Jr.",
                }
            ],
            "organizations": [{"name": "Acme", "department": "Sales"}, {"name": "Second"}],
            "birthdays": [{"date": {"month": 4, "day": 2}}, {"text": "spring"}],
            "events": [
                {
                    "type": "anniversary",
                    "formattedType": "Anniversary",
                    "date": {"year": 2009, "month": 8, "day": 8},
                },
                {"type": "first", "formattedType": "First", "date": {"year": 2001, "month": 1, "day": 1}},
            ],
            "urls": [{"value": "https://g.example", "formattedType": "Blog"}],
            "imClients": [{"username": "given", "formattedProtocol": "Jabber"}],
            "relations": [{"person": "Jenny", "formattedType": "Spouse"}],
            "emailAddresses": [
                {"value": f"a{page}@g.example", "type": "home"},
                {"value": f"b{page}@g.example", "type": "work", "metadata": {"primary": True}},
            ],
            "phoneNumbers": [{"value": "+33 612"}],
        }
        answer: dict[str, Any] = {"connections": [person, {"names": [{"givenName": "No mail"}]}]}
        if page == "1":
            answer["nextPageToken"] = "2"
        return web.json_response(answer)

    def allow(self, url: URL) -> str:
        """Consent for the user; return the code."""
        assert url.query["scope"].endswith("/contacts.readonly")
        assert url.query["code_challenge_method"] == "S256"
        code = f"code{len(self.challenges)}"
        self.challenges[code] = url.query["code_challenge"]
        return code


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    server_double = Google()
    app = web.Application()
    app.router.add_post("/token", server_double.token)
    app.router.add_get("/people", server_double.people)
    server = TestServer(app)
    await server.start_server()
    server_double.url = server.make_url("/")
    yield server_double
    await server.close()


@pytest.fixture
async def visitors(
    make_node: NodeMaker, google: Google, registry: Registry, password_hash: str
) -> AsyncIterator[People]:
    base = google.url
    server = await make_node(
        google_client_id="id",
        google_client_secret="secret",
        google_auth_url=str(base / "auth"),
        google_token_url=str(base / "token"),
        google_people_url=str(base / "people"),
    )
    made = People(server.make_url("/"), registry, password_hash)
    yield made
    await made.close()


async def back(person: Person, **query: str) -> tuple[int, str]:
    async with person.http.get((person.base / "-/svc/butler.google_callback").with_query(query)) as page:
        return page.status, await page.text()


async def test_contacts_are_taken_over_once(visitors: People, google: Google, admin: Admin) -> None:
    alice = await visitors("Alice")
    url = URL((await alice.ok("contact.google_auth"))["url"])
    code, state = google.allow(url), url.query["state"]
    status, page = await back(alice, state=state, code=code)
    assert (status, "2 contacts were imported" in page) == (200, True)
    assert google.asked == ["1", "2"]
    contacts = await alice.ok("contact.show_gmail_contacts")
    assert [(c["firstname"], c["email"], c["category"]) for c in contacts] == [
        ("Given1", "b1@g.example", "social"),
        ("Given2", "b2@g.example", "social"),
    ]
    # a middle name is no name that somebody is called by
    entry = await alice.ok("contact.get_contact", contact_id=contacts[0]["id"])
    assert (entry["surname"], entry["fullname"]) == ("Given1 Family", "Given1 Family")
    statement = f"SELECT extra FROM {alice.shard}.contact WHERE owner_id = %s AND id = %s"
    assert orjson.loads(admin.one(statement, alice.uid, contacts[0]["id"])) == {
        "middle_name": [{"value": "Mid"}], "prefix": [{"value": "Dr."}], "suffix": [{"value": "Jr."}],
        "department": [{"value": "Sales"}], "org": [{"value": "Second"}],
        "bday": [{"value": "--0402"}, {"value": "spring"}],
        "anniversary": [{"value": "2009-08-08", "label": "Anniversary"}],
        "x-abdate": [{"value": "2001-01-01", "label": "First"}],
        "url": [{"value": "https://g.example", "label": "Blog"}],
        "impp": [{"value": "given", "label": "Jabber"}],
        "related": [{"value": "Jenny", "label": "Spouse"}],
    }  # fmt: skip
    assert (await back(alice, state=state, code=code))[0] == 400


async def test_the_state_is_for_one_browser(visitors: People, google: Google) -> None:
    alice, eve = await visitors("Alice"), await visitors("Eve")
    url = URL((await eve.ok("contact.google_auth"))["url"])
    code = google.allow(url)
    # Eve makes Alice open Eve's address: the contacts of Alice must not land in Eve's book.
    assert (await back(alice, state=url.query["state"], code=code))[0] == 400
    assert await eve.ok("contact.show_gmail_contacts") == []
    # Without our cookie the page reloads itself, and then sends it.
    stranger = await visitors.stranger()
    status, page = await back(stranger, state=url.query["state"], code=code)
    assert (status, 'data-again="1"' in page) == (200, True)
    assert (await back(stranger, state=url.query["state"], code=code, again="1"))[0] == 401
    assert (await stranger.call("contact.google_auth")).status == 401


async def test_a_no_is_no_error(visitors: People) -> None:
    alice = await visitors("Alice")
    url = URL((await alice.ok("contact.google_auth"))["url"])
    assert (await back(alice, state=url.query["state"], error="access_denied"))[0] == 200
    assert await alice.ok("contact.show_gmail_contacts") == []


async def test_a_wrong_code_is_refused_by_google(visitors: People) -> None:
    alice = await visitors("Alice")
    url = URL((await alice.ok("contact.google_auth"))["url"])
    assert (await back(alice, state=url.query["state"], code="made up"))[0] == 502


async def test_missing_credentials_are_reported(people: People) -> None:
    alice = await people("Alice")
    # The frontend opens whatever address a 200 has.
    for headers in ({}, FRONTEND):
        answer = await alice.call("contact.google_auth", headers)
        assert (answer.status, answer.code) == (412, "GOOGLE_NOT_CONFIGURED")
