"""The reference names every parameter, answer and error of the other APIs."""

from __future__ import annotations

import re
from html import unescape

import pytest

from service.acl import load_declarations, load_pushes
from service.dialects.filemail.calls import CALLS
from service.dialects.filemail.errors import kinds
from service.dialects.rest.errors import STATUSES
from service.dialects.rest.openapi import document
from service.dialects.rest.operation import Operation
from service.dialects.rest.operations import OPERATIONS
from service.reference import render_reference


@pytest.fixture(scope="module")
def page() -> str:
    return render_reference(load_declarations(), load_pushes())


def section(page: str, name: str) -> str:
    """The text of a section, its codes in brackets."""
    found = re.search(rf'<section id="{re.escape(name)}">(.*?)</section>', page, re.DOTALL)
    assert found, name
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<code>(.*?)</code>", r"[\1]", found[1])))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_every_operation_of_rest(page: str, operation: Operation) -> None:
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
    shown = re.findall(r"[A-Z]+_[A-Z_]+|[A-Z]{4,}", text[text.index("Errors:") :])
    assert set(operation.errors) | {"RATE_LIMITED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"} <= set(shown)
    assert set(shown) <= set(STATUSES)
    if operation.returns != "Picture":
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


@pytest.mark.parametrize("path", CALLS)
def test_every_call_of_the_login_token_api(page: str, path: str) -> None:
    call, text = CALLS[path], section(page, f"/api/{path}")
    assert (call.run.__doc__ or "-") in text
    for name, field in call.schema.fields.items():
        assert f"[{name}]" in text
        assert field.metadata["doc"] in text
    assert '"responsestatus"' in text
    assert all(f"[{name}] {code}" in text for name, code in call.errors)


def test_every_error_of_the_login_token_api_is_that_of_some_call(page: str) -> None:
    calls = "".join(section(page, f"/api/{path}") for path in CALLS)
    general = section(page, "login-token")
    for name, code in kinds():
        assert f"[{name}] {code}" in general
        # there is no such call
        assert name == "NotFound" or f"[{name}] {code}" in calls
