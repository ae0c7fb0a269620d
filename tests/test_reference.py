"""The reference shows every service with an example, and names all that the other APIs take and answer."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from service.filemail.endpoints import ENDPOINTS
from service.filemail.errors import ERROR_KINDS
from service.reference import ASSETS, render_reference
from service.rest.errors import STATUSES
from service.rest.openapi import document
from service.rest.operation import Operation
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations, load_pushes


@pytest.fixture(scope="module")
def page() -> str:
    return render_reference(load_declarations(), load_pushes())


def section(page: str, name: str) -> str:
    """Return the text of a section, with its codes in brackets."""
    match = re.search(rf'<section id="{re.escape(name)}">(.*?)</section>', page, re.DOTALL)
    assert match, name
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<code>(.*?)</code>", r"[\1]", match[1])))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_every_operation_of_rest_is_complete(page: str, operation: Operation) -> None:
    text = section(page, operation.name)
    assert operation.doc in text
    path = document(OPERATIONS)["paths"][operation.path][operation.method.lower()]
    named = {*operation.query, *(operation.body or {}), *(p["name"] for p in path["parameters"])}
    assert not {name for name in named if f"[{name}]" not in text}
    assert ("[file]" in text) == operation.upload
    for name, declaration in {**operation.query, **(operation.body or {})}.items():
        assert declaration["doc"] in text, name
    for inner in (operation.body or {}).get("emails", {}).get("items", {}).get("properties", {}):
        assert f"[emails[].{inner}]" in text
    codes = re.findall(r"[A-Z]+_[A-Z_]+|[A-Z]{4,}", text[text.index("Errors:") :])
    assert set(operation.errors) | {"RATE_LIMITED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"} <= set(codes)
    assert set(codes) <= set(STATUSES)
    if operation.returns not in {"Picture", "Profile", "RejectedFile"}:
        assert f'<table id="answer-{operation.returns}">' in page


def test_every_field_of_every_answer_of_rest(page: str) -> None:
    text = section(page, "rest-answers")
    for name, schema in document(OPERATIONS)["components"]["schemas"].items():
        assert f"{name}Type" in text.replace("\n", "")
        for field in schema.get("properties", {}):
            assert f"[{field}]" in text, (name, field)
    for field in (
        "display_name",
        "emails[].address",
        "data[].last_used_at",
        "error.details",
        "meta.has_more",
    ):
        assert f"[{field}]" in text


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_endpoint_of_the_login_token_api(page: str, path: str) -> None:
    endpoint, text = ENDPOINTS[path], section(page, f"/api/{path}")
    assert (endpoint.run.__doc__ or "-") in text
    for name, param in endpoint.declarations.items():
        assert f"[{name}]" in text
        assert param["doc"] in text
    assert '"responsestatus"' in text
    assert all(f"[{name}] {code}" in text for name, code in endpoint.own_errors)


def test_every_error_of_the_login_token_api_belongs_to_an_endpoint(page: str) -> None:
    sections = "".join(section(page, f"/api/{path}") for path in ENDPOINTS)
    general = section(page, "login-token")
    for name, code in ERROR_KINDS:
        assert f"[{name}] {code}" in general
        # The answer to a path that is no endpoint.
        assert name == "NotFound" or f"[{name}] {code}" in sections


def test_the_reference_opens_with_sign_in_contacts_and_conferences(page: str) -> None:
    names = re.findall(r'<section id="(\w+)\.\w+">', page)
    assert list(dict.fromkeys(names))[:4] == ["yp", "contact", "tagcontact", "conference"]
    assert page.index('<section id="yp.login">') < page.index('<section id="contact.add">')


@pytest.mark.parametrize("name", load_declarations())
def test_every_service_has_a_request_and_an_answer(page: str, name: str) -> None:
    match = re.search(rf'<section id="{re.escape(name)}">(.*?)</section>', page, re.DOTALL)
    assert match
    assert f'<pre class="request">POST /-/svc/{name}\n' in match[1]
    assert re.search(r'<pre class="answer">.+?</pre>', match[1], re.DOTALL)
    assert ("<textarea" in match[1]) == (name not in {"media.upload", "contact.load"})


async def test_no_page_has_a_script_or_style_of_its_own(page: str, root: Path) -> None:
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/-/assets/reference.js" defer>']
    templates = root / "service" / "templates"
    names = ("demo.html", "mail/google.html", "mail/outbox.html", "mail/stop.html")
    for text in (page, *((templates / name).read_text() for name in names)):
        assert not re.search(r"<style|<[a-z][^>]*\s(?:style|on\w+)=|=\"javascript:|<script[^>]*>[^<]", text)


async def test_the_page_is_served_with_what_it_loads(node: URL) -> None:
    async with aiohttp.ClientSession(node) as http:
        async with http.get("/-/docs/") as response:
            policy = response.headers["Content-Security-Policy"]
            assert (response.status, "script-src 'self'" in policy, "unsafe" in policy) == (200, True, False)
            assert "reference.js" in await response.text()
        for name, kind in ASSETS.items():
            async with http.get(f"/-/assets/{name}") as response:
                assert (response.status, response.content_type) == (200, kind)
        async with http.get("/-/assets/examples.json") as response:
            assert response.status == 404
