"""Declare, read and validate the parameters of each endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from marshmallow import Schema, ValidationError

from service.filemail.errors import (
    INVALID_EMAIL,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    PARAMETER_MISSING,
    filemail_error,
)
from service.web.bodies import body_deadline, check_length, read_body
from service.web.fields import Declaration, first_problem

SECRETS = {"password"}
"""Parameters whose white space is kept."""

Declarations = dict[str, Declaration]
"""Declarations by parameter name."""
Params = dict[str, str]
"""Values by parameter name, in lower case."""


def _line(doc: str, limit: int | None = None, **more: Any) -> Declaration:
    return {"type": "string", "doc": doc, **({"maxLength": limit} if limit else {}), **more}


NAME = "The full name; its last word is the last name."
EMAIL = "The address; white space around it is removed, and it is stored in lower case."
MOBILE = "A number; when it begins with +, the part before the first space is the country code."
CONTACT: Declarations = {
    "contactid": _line("The contact, as contacts/get and contacts/add show it.", required=True),
}
GROUP: Declarations = {
    "contactgroupid": _line(
        "The group, as contacts/group/get and contacts/group/add show it.", required=True
    ),
}
LOGIN: Declarations = {
    "username": _line("E-mail address, or user name.", 255, required=True),
    "password": _line("Password, taken as it is.", 1024, required=True, format="secret"),
}
CONTACT_ADD: Declarations = {
    "name": _line(NAME, 255, required=True),
    "email": _line(EMAIL, 255, required=True, format="email"),
    "mobile": _line(MOBILE, 64),
}
CONTACT_UPDATE: Declarations = {
    **CONTACT,
    "name": _line(
        "The display name. First and last name stay; a contact without either gets them as in contacts/add.",
        255,
    ),
    "email": _line(f"{EMAIL} It replaces the default one.", 255, format="email"),
    "mobile": _line(f"{MOBILE} It replaces the default one.", 64),
}
GROUP_ADD: Declarations = {"name": _line("Name of the group, unique for each user.", 255, required=True)}
GROUP_UPDATE: Declarations = {**GROUP, "name": _line("Its new name.", 255, required=True)}
MEMBER: Declarations = {**GROUP, **CONTACT}


def check(schema: Schema, declarations: Declarations, params: Params) -> Params:
    """Return the validated parameters of an endpoint; RequestError names the first invalid one."""
    for name, declaration in declarations.items():
        if declaration.get("required") and name not in params:
            raise filemail_error(PARAMETER_MISSING, f'Required parameter missing: "{name}"')
    try:
        loaded: Params = schema.load(params)
    except ValidationError as exc:
        name, constraint, sentence = first_problem(exc.messages_dict)
        if constraint == "email":
            raise filemail_error(
                INVALID_EMAIL, f"Parameter '{name}' is not a valid e-mail address: {params[name]}"
            ) from None
        raise filemail_error(INVALID_PARAMETER, f"Parameter '{name}': {sentence}") from None
    return loaded


async def read_params(request: web.Request, *, with_body: bool) -> Params:
    """Read parameters from query, body and headers, in this order of precedence; drop empty ones.

    RequestError when the body or the query cannot be parsed.
    """
    pairs = [(name, _valid_text(value)) for name, value in request.headers.items()]
    if with_body and request.body_exists:
        pairs += await _body_pairs(request)
    pairs += query_pairs(request)
    params: Params = {}
    for name, value in pairs:
        key = name.strip().lower()
        text = value if key in SECRETS else value.strip()
        if text:
            params[key] = text
    return params


def query_pairs(request: web.Request) -> list[tuple[str, str]]:
    """Return the decoded pairs of the query."""
    return _parse_form(request.rel_url.raw_query_string)


def _valid_text(header: str) -> str:
    """Replace the lone surrogates that aiohttp puts in place of bytes that are not UTF-8."""
    return header.encode("utf-8", "replace").decode()


def _parse_form(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise filemail_error(INVALID_REQUEST, "The parameters are not UTF-8") from None


async def _body_pairs(request: web.Request) -> list[tuple[str, str]]:
    try:
        if request.content_type == "multipart/form-data":
            check_length(request)
            async with body_deadline():
                form = await request.post()
            return [(name, value) for name, value in form.items() if isinstance(value, str)]
        body = await read_body(request)
    except (ValueError, AssertionError, HttpProcessingError):
        raise filemail_error(INVALID_REQUEST, "The form is broken") from None
    if request.content_type == "application/json" and body.strip():
        return _json_pairs(body)
    try:
        return _parse_form(body.decode())
    except ValueError:
        raise filemail_error(INVALID_REQUEST, "The form is not UTF-8") from None


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        fields = orjson.loads(body)
    except ValueError:
        raise filemail_error(INVALID_REQUEST, "The body is not JSON") from None
    if not isinstance(fields, dict):
        raise filemail_error(INVALID_REQUEST, "The body must be a JSON object")
    return [(name, str(value)) for name, value in fields.items() if isinstance(value, str | int | float)]
