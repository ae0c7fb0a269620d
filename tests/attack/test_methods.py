"""Only requests that a page of this site, or a program, sends on purpose change anything."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import orjson
import pytest
from yarl import URL

from service.filemail.endpoints import ENDPOINTS
from service.rest.operation import PREFIX
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations
from service.rpc.methods import Writes
from service.rpc.startup_checks import called_routines
from service.schema.routines import modifies
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, People, Person

SERVICES = load_declarations()
WRITERS = sorted(name for name, service in SERVICES.items() if service.writes is not Writes.NO)
READERS = sorted(SERVICES.keys() - WRITERS)
ORDINARY = sorted(name for name in WRITERS if SERVICES[name].writes is Writes.YES)
SIGN_INS = ["dmz.login", "yp.login"]
OTHER_METHODS = ("HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND")
OWN = ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, FRONTEND)
"""Headers of requests that come from a page of this site, or from the user."""
FOREIGN = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "x"})
WITHOUT_ROUTINE = {
    "chat.upload_remove", "conference.broadcast", "desk.set_online_status", "hub.poke", "media.upload",
}  # fmt: skip
"""Services that push frames, or store or delete a file, and change nothing in the database."""

Outcome = tuple[int, str | None, str | None]
"""Status, code of the error, and Allow."""


async def request(
    person: Person, method: str, name: str, headers: dict[str, str] | None = None, **args: Any
) -> Outcome:
    """Send the arguments as one JSON object in the query: no method needs a body for that."""
    url = person.base / "-/svc" / name
    if args:
        url = URL(f"{url}?{URL.build(path=orjson.dumps(args).decode()).raw_path}", encoded=True)
    async with person.http.request(method, url, headers=headers) as response:
        body = await response.read()
        is_json = response.content_type == "application/json" and body
        return (
            response.status,
            orjson.loads(body).get("error") if is_json else None,
            response.headers.get("Allow"),
        )


def test_a_service_writes_when_its_routines_do() -> None:
    modifying = {
        name
        for name, service in SERVICES.items()
        if any(modifies(use.scope, use.name) for use in called_routines(service.handler))
    }
    assert modifying | WITHOUT_ROUTINE == set(WRITERS)
    assert {"contact.delete_contact", "drumate.logout"} < modifying
    by_links = {"butler.b2c_signup_password", "butler.set_password"}
    assert {n for n in WRITERS if SERVICES[n].writes is Writes.POST} == set(SIGN_INS) | by_links
    assert {n for n in WRITERS if SERVICES[n].writes is Writes.LINK} == {"butler.google_callback"}


async def test_no_other_method_calls_a_service(people: People) -> None:
    alice = await people("Alice")
    for name in SERVICES:
        for method in OTHER_METHODS:
            if method == "HEAD" and name in READERS:
                continue
            status, code, allow = await request(alice, method, name, FRONTEND)
            assert (status, code) == (405, None if method == "HEAD" else "METHOD_NOT_ALLOWED"), (method, name)
            assert allow == ", ".join(SERVICES[name].writes.methods), (method, name)


async def test_a_service_that_writes_must_be_posted(people: People) -> None:
    alice = await people("Alice")
    for name in (*ORDINARY, *SIGN_INS):
        assert await request(alice, "GET", name) == (405, "METHOD_NOT_ALLOWED", "POST"), name
    for name in READERS:
        assert (await request(alice, "GET", name))[0] != 405, name


@pytest.mark.parametrize("headers", OWN, ids=str)
async def test_the_frontend_fetches_what_it_likes_but_no_sign_in(
    people: People, headers: dict[str, str]
) -> None:
    alice = await people("Alice")
    tags = [(await alice.ok("tagcontact.add", name=name))["tag_id"] for name in ("a", "b")]
    assert (await request(alice, "GET", "tagcontact.reposition", headers, content=tags[::-1]))[0] == 200
    assert [tag["tag_id"] for tag in await alice.ok("tagcontact.show_tag_by")] == tags[::-1]
    for name in ORDINARY:
        # A person of its own for each: one of these services signs out.
        assert (await request(await people.stranger(), "GET", name, headers))[0] != 405, name
    for name in SIGN_INS:
        assert await request(alice, "GET", name, headers) == (405, "METHOD_NOT_ALLOWED", "POST"), name


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_pages_of_other_sites_and_of_sibling_domains_write_nothing(
    people: People, headers: dict[str, str]
) -> None:
    """An image, a form or a link has no Origin, and a sibling domain gets the cookie in spite of SameSite."""
    alice = await people("Alice")
    for name in WRITERS:
        for method in ("GET", "POST"):
            if (name, method) == ("butler.google_callback", "GET"):
                continue
            for more in ({}, FRONTEND):
                status, code, _ = await request(alice, method, name, {**headers, **more})
                assert (status, code) == (403, "FORBIDDEN_ORIGIN"), (name, method)


async def test_nothing_but_a_post_deletes_a_contact(people: People) -> None:
    alice = await people("Alice")
    contact = await alice.ok("contact.add", email=[{"email": "ada@math.example", "is_default": 1}])
    args = {"contact_id": contact["id"]}
    attempts: list[tuple[str, dict[str, str]]] = [(method, {}) for method in ("GET", *OTHER_METHODS)]
    attempts += [(method, headers) for method in ("GET", "POST") for headers in FOREIGN]
    for method, headers in attempts:
        assert (await request(alice, method, "contact.delete_contact", headers, **args))[0] in {403, 405}
    assert (await alice.ok("contact.get_contact", **args))["id"] == contact["id"]
    assert (await request(alice, "POST", "contact.delete_contact", **args))[0] == 200
    assert await alice.ok("contact.get_contact", **args) == {}


async def test_a_link_signs_nobody_in(people: People) -> None:
    mallory, victim = await people.registered("Mallory"), await people.stranger()
    credentials = {"vars": {"ident": mallory.email, "password": "correct horse battery"}}
    for headers in ({}, *OWN, *FOREIGN):
        assert (await request(victim, "GET", "yp.login", headers, **credentials))[0] in {403, 405}
    assert (await victim.ok("yp.hello"))["signed_in"] == 0
    assert not list(victim.http.cookie_jar)


# --- origins -----------------------------------------------------------------------------------


async def test_scheme_and_port_belong_to_an_origin(people: People) -> None:
    alice = await people("Alice")
    own = f"http://{alice.base.host}:{alice.base.port}"
    good = (own, own.replace("http", "HTTP"), f"{own}/")
    bad = (
        own.replace("http", "https"), own.replace("http", "ws"), f"http://{alice.base.host}", f"{own}1", "",
        f"http://x@{alice.base.host}:{alice.base.port}", f"{own}/x", f"{own}?x", "null", "://", f"{own}.x",
        "http://[", "http://127.0.0.1:x",
    )  # fmt: skip
    for origins, status in ((good, 200), (bad, 403)):
        for origin in origins:
            for name in ("yp.ping", "desk.set_online_status"):
                answer = await alice.call(name, {"Origin": origin, "Sec-Fetch-Site": "same-site"})
                assert answer.status == status, origin


@pytest.mark.parametrize(
    ("public_url", "trusted", "origin", "status"),
    [
        ("https://app.example.org", False, "https://app.example.org", 200),
        ("https://app.example.org:443/", False, "https://app.example.org", 200),
        ("https://app.example.org", True, "http://app.example.org", 403),
        ("https://app.example.org", True, "https://other.example.org", 403),
        ("https://app.example.org", True, "https://alias.example.org", 200),
        ("https://app.example.org", True, "http://alias.example.org", 403),
        ("https://app.example.org", False, "https://alias.example.org", 403),
        ("https://app.example.org", True, "https://more.example:8443", 200),
        ("https://app.example.org", True, "https://more.example", 403),
    ],
)
async def test_a_proxy_speaks_tls_for_us(
    make_node: NodeMaker, public_url: str, trusted: bool, origin: str, status: int
) -> None:
    """The request itself comes by HTTP, with the host that the browser asks for."""
    node = await make_node(
        public_url=public_url, trust_proxy=trusted, allowed_origins="https://more.example:8443"
    )
    headers = {"Host": "alias.example.org", "Origin": origin}
    async with aiohttp.ClientSession() as page:
        for path in ("-/svc/yp.ping", "-/svc/drumate.logout", "-/svc/yp.reset_session"):
            async with page.post(node.make_url(path), headers=headers) as response:
                assert (response.status == 403) == (status == 403), path
        socket = page.ws_connect(node.make_url("/-/websocket/"), headers=headers)
        if status == 200:
            await (await socket).close()
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await socket


# --- the other APIs ----------------------------------------------------------------------------


async def test_the_login_token_api_takes_get_and_post(people: People, node: URL) -> None:
    """Whatever is wrong with a request, its clients expect status 200."""
    nobody = await people.stranger()
    for path in ENDPOINTS:
        for method in OTHER_METHODS:
            async with nobody.http.request(method, node / "api" / path) as response:
                assert (response.status, response.headers["Allow"]) == (200, "GET, POST")
                answer = await response.read()
            assert method == "HEAD" or b'"InvalidRequest"' in answer


async def test_no_other_method_runs_an_operation(people: People, node: URL) -> None:
    nobody = await people.stranger()
    for path in sorted({operation.path for operation in OPERATIONS}):
        known = {operation.method for operation in OPERATIONS if operation.path == path}
        known |= {"OPTIONS", *(["HEAD"] if "GET" in known else [])}
        for method in {"GET", "POST", "PATCH", "DELETE", *OTHER_METHODS} - known:
            url = node / (PREFIX + re.sub(r"\{\w+\}", "0" * 16, path)).removeprefix("/")
            async with nobody.http.request(method, url) as response:
                assert response.status == 405, (method, path)
                assert set(response.headers["Allow"].split(", ")) == known


@pytest.mark.parametrize("path", ["/-/health", "/-/docs/", "/-/mail/stop/0123456789abcdef", "/-/websocket/"])
async def test_pages_say_which_methods_they_take(people: People, node: URL, path: str) -> None:
    nobody = await people.stranger()
    async with nobody.http.delete(node.join(URL(path))) as response:
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        assert (await response.json())["status"] == 405
