"""Requests of the login-token API: places of parameters, formats of answers, and tokens."""

from __future__ import annotations

import logging
from itertools import product
from typing import Any
from xml.etree import ElementTree

import aiohttp
import orjson
import pytest
from yarl import URL

from service.filemail.endpoints import ENDPOINTS
from service.filemail.errors import ERROR_KINDS
from tests.support.admin import Admin
from tests.support.login_token import Client, client_of
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD, People
from tests.support.waiting import until


def _multipart(fields: dict[str, str]) -> aiohttp.FormData:
    """Return a form as browsers send it with files; the file is ignored."""
    form = aiohttp.FormData(fields, default_to_multipart=True)
    form.add_field("name", b"no", filename="name.txt", content_type="text/plain")
    return form


async def test_parameters_come_by_query_form_json_and_header(people: People) -> None:
    api = await client_of(people)
    add = {"name": "Ada", "email": "a1@example.com"}
    token = {"logintoken": api.token}
    for more in (
        {"query": {**token, **add}, "method": "POST"},
        {"data": {**token, **add, "email": "a2@example.com"}, "method": "POST"},
        {"json": {**token, **add, "email": "a3@example.com"}, "method": "POST"},
        {"headers": {**token, **add, "email": "a4@example.com"}},
        {"query": {"LoginToken": api.token + " ", "NAME": "Ada", "Email": "a5@example.com"}},
        {"method": "POST", "data": _multipart({**token, **add, "email": "a7@example.com"})},
        # The query wins over the form, the form over the header.
        {"query": {**token, "email": "a6@example.com"}, "method": "POST",
         "data": {"name": "Ada", "email": "no@example.com"}, "headers": {"name": "no"}},
    ):  # fmt: skip
        status, _, body, _ = await api.raw("contacts/add", **more)
        assert (status, orjson.loads(body)["responsestatus"]) == (200, "OK"), (more, body)
    contacts = (await api.ok("contacts/get"))["contacts"]
    assert [c["email"] for c in contacts]
    assert {c["email"] for c in contacts} == {f"a{n}@example.com" for n in range(1, 8)}
    assert {c["name"] for c in contacts} == {"Ada"}


@pytest.mark.parametrize(
    "more",
    [
        {"method": "POST", "data": b"\xff\xfe"},
        {"method": "POST", "data": b"{", "headers": {"Content-Type": "application/json"}},
        {"method": "POST", "data": b"[]", "headers": {"Content-Type": "application/json"}},
        {"method": "POST", "data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"method": "PUT"},
        {"method": "DELETE"},
        {"method": "POST", "data": b"x" * 5_000_000},
    ],
)
async def test_a_request_that_cannot_be_read_is_refused(people: People, more: dict[str, Any]) -> None:
    api = await client_of(people)
    status, _, body, _ = await api.raw("contacts/get", {"logintoken": api.token}, **more)
    assert (status, orjson.loads(body)["errorcode"]) == (200, 2010)


async def test_a_query_that_is_not_utf8_is_refused(people: People) -> None:
    api = await client_of(people)
    url = URL(f"{api.person.base}api/contacts/get?logintoken={api.token}&name=%ff", encoded=True)
    async with api.person.http.get(url) as response:
        assert (await response.json())["errorcode"] == 2010


async def test_answers_come_as_xml_or_jsonp(people: People) -> None:
    api = await client_of(people)
    await api.ok("contacts/add", name="A <b> & c", email="a@example.com")
    await api.ok("contacts/group/add", name="x\u2028y")
    ask = {"logintoken": api.token}
    _, kind, body, _ = await api.raw("contacts/get", {**ask, "format": "XML"})
    root = ElementTree.fromstring(body)  # Our own answer.
    assert (kind, root.tag) == ("application/xml", "response")
    assert root.findtext("contacts/contact/name") == "A <b> & c"
    assert root.findtext("responsestatus") == "OK"
    _, kind, body, _ = await api.raw("contacts/update", {**ask, "format": "xml"})
    assert ElementTree.fromstring(body).findtext("errorcode") == "1003"

    _, kind, body, headers = await api.raw(
        "contacts/group/get", {**ask, "format": "json", "callback": "my.fn_1"}
    )
    assert (kind, headers["X-Content-Type-Options"]) == ("application/javascript", "nosniff")
    assert body.startswith(b"/**/my.fn_1({")
    assert body.endswith(b"});")
    assert "\u2028".encode() not in body
    for callback in ("alert(1)", "a b", "a..b", "1a", "x" * 129, "</script>", "a.b.c.d.e.f.g"):
        _, kind, body, _ = await api.raw("contacts/get", {**ask, "callback": callback})
        assert (kind, orjson.loads(body)["errorcode"]) == ("application/json", 1002), callback


async def test_a_cookie_alone_lets_nobody_in(people: People) -> None:
    alice = await people("Alice")
    api = Client(alice)
    _, _, body, headers = await api.raw(
        "authentication/login", {"username": alice.email, "password": PASSWORD}, "POST"
    )
    token = orjson.loads(body)["logintoken"]
    cookie = headers["Set-Cookie"]
    assert f"logintoken={token}" in cookie
    assert "Path=/" in cookie
    assert "HttpOnly" in cookie
    # The jar holds the cookie now, and the session of the RPC.
    _, _, body, _ = await api.raw("contacts/get")
    assert orjson.loads(body)["errorcode"] == 1003
    # The token does not open the RPC either.
    stranger = await people.stranger()
    answer = await stranger.call("contact.show_contact", {"x-param-regsid": token})
    assert answer.status == 401


async def test_wrong_passwords_are_refused_and_counted(people: People, make_node: NodeMaker) -> None:
    node = await make_node(login_attempts=3)
    alice = await people.registered("Alice", base=node.make_url("/"))
    api = Client(alice)
    for _ in range(2):
        _, _, body, headers = await api.raw(
            "authentication/login", {"username": alice.email, "password": "wrong"}
        )
        assert orjson.loads(body)["errorcode"] == 2001
        assert "Set-Cookie" not in headers
    assert (await api.error("authentication/login", username=alice.email))[1] == 1003
    for _ in range(2):
        error = await api.error("authentication/login", username=alice.email, password="wrong")
    assert error[1] == 2008
    assert (await api.error("authentication/login", username=alice.email, password=PASSWORD))[1] == 2008


async def test_a_token_ends_by_logout_by_time_and_with_the_password(people: People, admin: Admin) -> None:
    api = await client_of(people)
    old = api.token
    answer = await api.call("authentication/logout")
    assert answer == {"responsestatus": "ok", "logintoken": old}
    assert (await api.error("contacts/get"))[:2] == ("InvalidOrExpiredLoginToken", 2003)
    for token in ("0" * 32, "short", "ü", "x" * 5000):
        api.token = token
        assert (await api.error("contacts/get"))[1] == 2003

    await api.login()
    row = "WHERE id = SHA2(%s, 256)"
    assert admin.one(f"SELECT expiry - ctime FROM yp.api_token {row}", api.token) == 7 * 86_400
    assert not admin.rows("SELECT 1 FROM yp.api_token WHERE id = %s", api.token)
    # The expiry slides with every use.
    admin.rows(f"UPDATE yp.api_token SET mtime = mtime - 1000, expiry = expiry - 1000 {row}", api.token)
    before = admin.one(f"SELECT expiry FROM yp.api_token {row}", api.token)
    await api.ok("contacts/get")
    await until(lambda: admin.one(f"SELECT expiry FROM yp.api_token {row}", api.token) > before)
    admin.rows(f"UPDATE yp.api_token SET expiry = UNIX_TIMESTAMP() - 1 {row}", api.token)
    assert (await api.error("contacts/get"))[1] == 2003
    admin.rows("CALL yp.session_purge(1000)")
    assert not admin.rows(f"SELECT 1 FROM yp.api_token {row}", api.token)

    await api.login()
    admin.rows(
        "UPDATE yp.drumate SET password_hash = CONCAT(password_hash, 'x') WHERE id = %s", api.person.uid
    )
    assert (await api.error("contacts/get"))[1] == 2003


async def test_secrets_do_not_reach_the_log(people: People, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        api = await client_of(people)
        await api.ok("contacts/get")
        await api.error("contacts/nothing")
    lines = [str(vars(r)) for r in caplog.records]
    assert any("api/contacts/get" in line for line in lines)
    assert not [line for line in lines if api.token in line or PASSWORD in line]


FORMS = ("query", "query of a POST", "form", "multipart", "JSON", "headers", "headers of a POST")
"""Places where the parameters of a call may stand."""
FORMATS: tuple[dict[str, str], ...] = (
    {}, {"format": "XML"}, {"callback": "a.b"}, {"format": "JSON", "callback": "f"},
)  # fmt: skip


def sent_as(form: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Return the options of a request with its parameters in that place."""
    verb = {"method": "GET" if form in {"query", "headers"} else "POST"}
    if form.startswith("query"):
        return {**verb, "query": parameters}
    if form.startswith("headers"):
        return {**verb, "headers": parameters}
    if form == "multipart":
        return {**verb, "data": aiohttp.FormData(parameters, default_to_multipart=True)}
    return {**verb, ("data" if form == "form" else "json"): parameters}


def shape(value: Any) -> Any:
    """Reduce an answer to its names and nesting."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in sorted(value.items())}
    return [shape(item) for item in value] if isinstance(value, list) else "text"


def from_xml(element: ElementTree.Element, like: Any) -> Any:
    """Convert an XML answer to the JSON value that has the shape of `like`."""
    if isinstance(like, dict):
        return {child.tag: from_xml(child, like[child.tag]) for child in element}
    return [from_xml(child, like[0]) for child in element] if isinstance(like, list) else element.text


async def valid(api: Client, path: str, number: int) -> dict[str, str]:
    """Return valid parameters of a call, for a book with one contact and one group."""
    for known in (await api.ok("contacts/get"))["contacts"]:
        await api.ok("contacts/delete", contactid=known["contactid"])
    for known in (await api.ok("contacts/group/get"))["groups"]:
        await api.ok("contacts/group/delete", contactgroupid=known["contactgroupid"])
    parameters = {"username": api.person.email, "password": PASSWORD, "mobile": "+47 555 1"}
    adding = "" if path in {"contacts/add", "contacts/group/add"} else "kept"
    parameters["name"], parameters["email"] = f"John Doe {number}", f"john{number}@example.com"
    if adding:
        made = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]
        group = (await api.ok("contacts/group/add", name="Poets"))["groups"][0]
        parameters |= {"contactid": made["contactid"], "contactgroupid": group["contactgroupid"]}
        await api.ok("contacts/addtogroup", **{n: parameters[n] for n in ("contactid", "contactgroupid")})
    taken = {name: parameters[name] for name in ENDPOINTS[path].declarations}
    return taken if path == "authentication/login" else {"logintoken": api.token, **taken}


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_every_call_in_every_form_and_format(people: People, path: str) -> None:
    api = await client_of(people)
    answer = ENDPOINTS[path].example
    for number, (form, more) in enumerate(product(FORMS, FORMATS)):
        if path == "authentication/logout":
            await api.login()
        parameters = {**await valid(api, path, number), **more}
        status, kind, body, _ = await api.raw(path, **sent_as(form, parameters))
        assert status == 200
        if "callback" in more:
            assert kind == "application/javascript"
            body = body.removeprefix(f"/**/{more['callback']}(".encode()).removesuffix(b");")
        else:
            assert kind == ("application/xml" if more else "application/json")
        if "XML" in more.values():
            document = from_xml(ElementTree.fromstring(body), answer)
        else:
            document = orjson.loads(body)
        assert document["responsestatus"] == answer["responsestatus"], (form, more, document)
        assert shape(document) == shape(answer), (form, more)
        if path == "authentication/logout":
            await api.login()


@pytest.mark.parametrize("path", [*ENDPOINTS, "contacts/nothing", "nothing"])
async def test_errors_of_every_call_in_every_format(people: People, path: str) -> None:
    api = await client_of(people)
    code = 1003 if path in ENDPOINTS else 1005
    hostile_text = "a\x01b\x0b]]>&<\ufffe\u2028"
    wrong = {"email": hostile_text, "name": "A"} if path == "contacts/add" else {}
    cases = [({}, code), ({"logintoken": "0" * 32}, code if path not in ENDPOINTS else 2003)]
    cases += [({"logintoken": api.token, **wrong}, 1002)] if wrong else []
    for parameters, expected in cases:
        if path == "authentication/login":
            expected = 1003
        for more in ({}, {"format": "xml"}, {"callback": "f"}):
            _, kind, body, _ = await api.raw(path, {**parameters, **more}, "POST")
            if "format" in more:
                root = ElementTree.fromstring(body)
                document = {child.tag: child.text or "" for child in root}
                assert (kind, root.tag) == ("application/xml", "response")
            else:
                text = body.removeprefix(b"/**/f(").removesuffix(b");") if more else body
                document = orjson.loads(text)
            assert int(document["errorcode"]) == expected, (parameters, more, document)
            assert document["responsestatus"] == document["errorname"]
            assert set(document) == {"responsestatus", "errorcode", "errorname", "errormessage"}


@pytest.mark.parametrize("path", [p for p in ENDPOINTS if p != "authentication/login"])
async def test_no_call_is_let_in_by_a_cookie(people: People, path: str) -> None:
    alice = await people("Alice")
    api = await client_of(people, "Bob")
    jar = {"logintoken": api.token, "apikey": "any", "source": "Desktop"}
    parameters = await valid(api, path, 0)
    del parameters["logintoken"]
    # Alice also has a session of the RPC.
    api.person = alice
    for method in ("GET", "POST"):
        _, _, body, _ = await api.raw(path, parameters, method, cookies=jar)
        assert orjson.loads(body)["errormessage"] == 'Required parameter missing: "logintoken"'


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_forbidden_values_are_refused_by_name(people: People, path: str) -> None:
    api = await client_of(people)
    parameters = await valid(api, path, 0)
    # Wrong passwords count, but none of these gets that far.
    for name, param in ENDPOINTS[path].declarations.items():
        cases: dict[str, Any] = {"a" * (limit + 1): 1002} if (limit := param.get("maxLength")) else {}
        if name != "password":
            cases |= dict.fromkeys(("a\x00b", "a\x1bb", "a\nb"), 1002)
        for text, code in cases.items():
            _, _, body, _ = await api.raw(path, method="POST", data={**parameters, name: text})
            answer = orjson.loads(body)
            # A text that is too long or has a line break is not an address.
            allowed = {code, 1004} if name == "email" else {code}
            assert answer["errorcode"] in allowed, (name, answer)
            assert f"'{name}'" in answer["errormessage"], (name, answer)
        absences: list[dict[str, Any]] = [{}, {name: ""}, {name: []}, {name: None}]
        for absent in absences:
            bad = {**{n: v for n, v in parameters.items() if n != name}, **absent}
            _, _, body, _ = await api.raw(path, method="POST", json=bad)
            answer = orjson.loads(body)
            if param.get("required"):
                assert answer["errormessage"] == f'Required parameter missing: "{name}"', (name, answer)
            else:
                assert answer["responsestatus"] == "OK", (name, answer)
                parameters |= await valid(api, path, 1)


HOSTILE = (
    "'", '"', "\\", "%", "_", "' OR 1=1 -- ", "<script>", "\x00", "a\nb", "ü", "日本", "😀", "\u202e",
    "\ufffe", "x" * 3000, "-1", "null", "undefined", "[]", "{}", "true", "0", "a@b", "a@b.example",
    "{email}", "{0.__class__}",
)  # fmt: skip


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_every_answer_has_the_form_of_this_api(
    people: People, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    api = await client_of(people)
    made = (await api.ok("contacts/add", name="Ada", email="ada@example.com"))["contact"]["contactid"]
    group = (await api.ok("contacts/group/add", name="Poets"))["groups"][0]["contactgroupid"]
    fine = {
        "contactid": made, "contactgroupid": group, "name": "Ada", "email": "ada@example.com", "mobile": "1",
        "username": api.person.email, "password": PASSWORD, "format": "json", "callback": "f",
    }  # fmt: skip
    known = {kind[0] for kind in ERROR_KINDS} - {"UnknownError", "ServiceInterruption"}
    for name in (*ENDPOINTS[path].declarations, "logintoken", "format", "callback"):
        if name in {"username", "password"}:
            continue  # A few dozen failures would lock out the address of all tests.
        for value in HOSTILE:
            sent = {"logintoken": api.token, **fine, name: value}
            if name != "callback":
                del sent["callback"]
            status, _, body, _ = await api.raw(path, method="POST", data=sent)
            assert status == 200
            text = body.decode().removeprefix("/**/").strip("();")
            answer = orjson.loads(text[text.index("{") :])
            assert answer["responsestatus"] in {"OK", "ok", *known}, (name, value, answer)
            if answer["responsestatus"] == "ok" and path == "authentication/logout":
                await api.login()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
