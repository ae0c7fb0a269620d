"""The parameters of each call: where they come from, and what they must be."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from service.dialects.filemail.errors import (
    INVALID_EMAIL,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    PARAMETER_MISSING,
    ApiError,
)
from service.schema import Line, normal_email

SECRETS = {"password"}
"""Parameters whose white space belongs to them."""


class Address(Line):
    """An email address, lower case; 1004 when it is none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = normal_email(super()._deserialize(value, attr, data, **kwargs))
        if found is None:
            raise ApiError(INVALID_EMAIL, f"Parameter '{attr}' is not a valid e-mail address: {value}")
        return found


class Call(Schema):
    """A call without parameters of its own."""

    class Meta:
        """What is not known is ignored: clients send more, an apikey above all."""

        unknown = EXCLUDE


def _line(doc: str, limit: int | None = None, *, required: bool = False, kind: type[Line] = Line) -> Line:
    rules = validate.Length(max=limit) if limit else None
    return kind(required=required, validate=rules, metadata={"doc": doc, "limit": limit})


def _contact() -> Line:
    return _line("The contact, as contacts/get and contacts/add show it.", required=True)


def _group() -> Line:
    return _line("The group, as contacts/group/get and contacts/group/add show it.", required=True)


NAME = "The whole name; its last word is the last name."
EMAIL = "The address; white space is cut, letters become small."
MOBILE = "A number; what stands before its first blank is the country when it begins with +."


class Login(Call):
    """authentication/login"""

    username = _line("E-mail address, or user name.", 255, required=True)
    password = fields.String(
        required=True,
        validate=validate.Length(max=1024),
        metadata={"doc": "Password, taken as it is.", "limit": 1024},
    )


class ContactAdd(Call):
    """contacts/add"""

    name = _line(NAME, 255, required=True)
    email = _line(EMAIL, 255, required=True, kind=Address)
    mobile = _line(MOBILE, 64)


class ContactUpdate(Call):
    """contacts/update"""

    contactid = _contact()
    name = _line(
        "The name that is shown. First and last name stay; who has neither gets them as in contacts/add.", 255
    )
    email = _line(f"{EMAIL} It takes the place of the default one.", 255, kind=Address)
    mobile = _line(f"{MOBILE} It takes the place of the default one.", 64)


class ContactOnly(Call):
    """contacts/delete"""

    contactid = _contact()


class GroupName(Call):
    """contacts/group/add"""

    name = _line("Name of the group; nobody has two of one name.", 255, required=True)


class GroupUpdate(Call):
    """contacts/group/update"""

    contactgroupid = _group()
    name = _line("Its new name.", 255, required=True)


class GroupOnly(Call):
    """contacts/group/delete"""

    contactgroupid = _group()


class Member(Call):
    """contacts/addtogroup, contacts/removefromgroup"""

    contactgroupid = _group()
    contactid = _contact()


def check(schema: Schema, given: dict[str, str]) -> dict[str, str]:
    """The parameters that a call names, as it needs them; ApiError for one that is missing or unusable."""
    for name, field in schema.fields.items():
        if field.required and name not in given:
            raise ApiError(PARAMETER_MISSING, f'Required parameter missing: "{name}"')
    try:
        found: dict[str, str] = schema.load(given)
    except ValidationError as exc:
        name, reasons = next(iter(exc.messages_dict.items()))
        raise ApiError(INVALID_PARAMETER, f"Parameter '{name}': {reasons[0]}") from None
    return found


async def read_parameters(request: web.Request) -> dict[str, str]:
    """Parameters by lower-case name: of the headers, below the body, below the query. Empty is absent."""
    pairs = [(name, _text(value)) for name, value in request.headers.items()]
    if request.body_exists:
        pairs += await _body_pairs(request)
    pairs += query_pairs(request)
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name.strip().lower()
        text = value if key in SECRETS else value.strip()
        if text:
            found[key] = text
    return found


def query_pairs(request: web.Request) -> list[tuple[str, str]]:
    """The query as it stands in the address."""
    return _pairs(request.rel_url.raw_query_string)


def _text(header: str) -> str:
    return header.encode("utf-8", "replace").decode()


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise ApiError(INVALID_REQUEST, "The parameters are not UTF-8") from None


async def _body_pairs(request: web.Request) -> list[tuple[str, str]]:
    try:
        if request.content_type == "multipart/form-data":
            form = await request.post()
            return [(name, value) for name, value in form.items() if isinstance(value, str)]
        body = await request.read()
    except (ValueError, AssertionError, HttpProcessingError):
        raise ApiError(INVALID_REQUEST, "The form is broken") from None
    except RequestPayloadError:
        raise ApiError(INVALID_REQUEST, "The body cannot be unpacked") from None
    if request.content_type == "application/json" and body.strip():
        return _json_pairs(body)
    try:
        return _pairs(body.decode())
    except ValueError:
        raise ApiError(INVALID_REQUEST, "The form is not UTF-8") from None


def _json_pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        found = orjson.loads(body)
    except ValueError:
        raise ApiError(INVALID_REQUEST, "The body is not JSON") from None
    if not isinstance(found, dict):
        raise ApiError(INVALID_REQUEST, "The body must be a JSON object")
    return [(name, str(value)) for name, value in found.items() if isinstance(value, str | int | float)]
