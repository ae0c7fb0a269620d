"""The endpoints of this API: what each takes, calls in the address book and answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict

from marshmallow import Schema

from service.contacts import book, groups
from service.contacts.search_words import with_words
from service.errors import RequestError
from service.filemail import schemas
from service.filemail.errors import (
    ACCESS_DENIED,
    INTERRUPTION,
    INVALID_EMAIL,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    INVALID_TOKEN,
    PARAMETER_MISSING,
    UNKNOWN_ERROR,
    WRONG_PASSWORD,
    ErrorKind,
    filemail_error,
)
from service.filemail.schemas import Params
from service.ids import from_wire
from service.runtime.context import Context
from service.runtime.sessions import check_password
from service.store.database import document, documents, encode
from service.web.fields import build_schema

TOKEN_SECONDS = 7 * 86_400
PHONE_WITH_COUNTRY = re.compile(r"(\+[0-9]{1,4})[ ./()-]+(.*[0-9].*)")
"""A number whose country code is set apart: `+47 555 1`."""
ALL_ROWS = 4_294_967_295
"""Page size of a list that is answered whole."""

Fields = dict[str, Any]
"""Fields of an answer."""


@dataclass(frozen=True)
class Endpoint:
    """One path: its parameters, its handler, and its documentation."""

    declarations: schemas.Declarations
    run: Callable[[Context, Params], Awaitable[Fields]]
    service: str
    """Name of the pushes that it sends."""
    example: Fields
    """Example of an answer."""
    own_errors: tuple[ErrorKind, ...] = (INVALID_PARAMETER, PARAMETER_MISSING)
    """Errors besides ALWAYS and, except for login, WITH_TOKEN."""

    @cached_property
    def schema(self) -> Schema:
        """Validates the parameters."""
        return build_schema(self.declarations)


ALWAYS = (UNKNOWN_ERROR, INVALID_PARAMETER, INTERRUPTION, INVALID_REQUEST)
WITH_TOKEN = (PARAMETER_MISSING, INVALID_TOKEN)


async def login(ctx: Context, params: Params) -> Fields:
    """Exchange a user name and a password for a login token."""
    sign_in = await check_password(ctx, params["username"], params["password"])
    if sign_in.uid is None:
        raise _sign_in_error(sign_in.refusal)
    token = secrets.token_hex(16)
    settings = ctx.settings
    ttl = min(TOKEN_SECONDS, settings.session_lifetime)
    await ctx.yp("api_token_add", sign_in.uid, token, ttl, settings.sessions, ctx.user_agent, ctx.address)
    return {"responsestatus": "ok", "logintoken": token}


async def logout(ctx: Context, params: Params) -> Fields:
    """Invalidate the login token."""
    await ctx.yp("api_token_drop", params["logintoken"])
    return {"responsestatus": "ok", "logintoken": params["logintoken"]}


async def get_contacts(ctx: Context, params: Params) -> Fields:
    """List all contacts, each with its groups."""
    contact_rows, member_rows = await ctx.shard("my_contact_book")
    groups_by_contact: dict[str, list[dict[str, str]]] = {}
    for contact_id, group_id, name in member_rows:
        groups_by_contact.setdefault(contact_id, []).append({"contactgroupid": group_id, "name": name})
    contacts = [
        {"contactid": key, "name": name, "email": email, "groups": groups_by_contact.get(key, [])}
        for key, name, email in contact_rows
    ]
    # Filemail's documentation writes "Contacts" for an empty book, its client reads "contacts".
    return {"contacts": contacts, **({} if contacts else {"Contacts": []}), "responsestatus": "OK"}


async def add(ctx: Context, params: Params) -> Fields:
    """Add a contact."""
    name, email = params["name"], params["email"]
    mobile = [{**_split_number(params["mobile"]), "is_default": 1}] if "mobile" in params else None
    new_contact = {
        "email": [{"email": email, "category": "priv", "is_default": 1}],
        **_split_name(name),
        **({"mobile": mobile} if mobile else {}),
        "origin": "filemail",
    }
    columns = with_words(new_contact)
    stored = await book.store(ctx, columns)
    contact_rows, socket_rows = stored or await ctx.shard("my_contact_add", encode(columns))
    book.push_contact(ctx, contact_rows, socket_rows)
    contact = {
        "contactid": document(contact_rows)["id"],
        "name": " ".join(name.split()),
        "email": email,
        **({"mobile": params["mobile"]} if mobile else {}),
        "groups": [],
    }
    return {"responsestatus": "OK", "contact": contact}


async def update(ctx: Context, params: Params) -> Fields:
    """Change those of display name, default address and default number that the request names."""
    changes: dict[str, str] = {}
    if "name" in params:
        changes |= {"name": " ".join(params["name"].split()), **_split_name(params["name"])}
    if "email" in params:
        changes["email"] = params["email"]
    if "mobile" in params:
        changes |= _split_number(params["mobile"])
    await book.change(ctx, _contact_id(params), changes)
    return {"responsestatus": "OK"}


async def delete(ctx: Context, params: Params) -> Fields:
    """Move a contact to the trash."""
    await book.trash(ctx, _contact_id(params))
    return {"responsestatus": "OK"}


async def get_groups(ctx: Context, params: Params) -> Fields:
    """List all groups."""
    (group_rows,) = await ctx.shard("contact_group_list", None, None, "name", "asc", 1, ALL_ROWS)
    cards = [_group_card(group["id"], group["name"]) for group in documents(group_rows)]
    return {"status": "OK", "responsestatus": "OK", "groups": cards}


async def add_group(ctx: Context, params: Params) -> Fields:
    """Create a group; the answer is a list with the new group."""
    group = document(await groups.create_group(ctx, params["name"], None, []))
    cards = [_group_card(group["id"], group["name"])]
    return {"responsestatus": "OK", "Groups": cards, "groups": cards}


async def update_group(ctx: Context, params: Params) -> Fields:
    """Rename a group."""
    await groups.rename_group(ctx, _group_id(params), params["name"])
    return {"responsestatus": "OK"}


async def delete_group(ctx: Context, params: Params) -> Fields:
    """Delete a group; its members remain contacts."""
    await groups.delete_group(ctx, _group_id(params))
    return {"responsestatus": "OK"}


async def add_to_group(ctx: Context, params: Params) -> Fields:
    """Add a contact to a group; adding a member again changes nothing."""
    await groups.add_to_group(ctx, _group_id(params), [_contact_id(params)])
    return {"responsestatus": "OK"}


async def remove_from_group(ctx: Context, params: Params) -> Fields:
    """Remove a contact from a group; for a contact that is no member, nothing changes."""
    await groups.leave_group(ctx, _group_id(params), _contact_id(params))
    return {"responsestatus": "OK"}


OK = {"responsestatus": "OK"}
TOKEN = {"responsestatus": "ok", "logintoken": "0c1f5e7d92ab4c3e8f60718293a4b5c6"}
PERSON = {"contactid": "61a3c41a5c677a20", "name": "John Doe", "email": "john.doe@filemail.example"}
GROUP = {"contactgroupid": "86e24d651c494b28", "contactgroupname": "Coworkers"}
BOOK = [{**PERSON, "groups": [{"contactgroupid": "86e24d651c494b28", "name": "Coworkers"}]}]
ADDED = {**PERSON, "mobile": "+47 555 1", "groups": []}
LOGIN_ERRORS = (PARAMETER_MISSING, WRONG_PASSWORD, ACCESS_DENIED)
ADD_ERRORS = (INVALID_PARAMETER, PARAMETER_MISSING, INVALID_EMAIL)

ENDPOINTS: dict[str, Endpoint] = {
    "authentication/login": Endpoint(schemas.LOGIN, login, "yp.login", TOKEN, LOGIN_ERRORS),
    "authentication/logout": Endpoint({}, logout, "drumate.logout", TOKEN, ()),
    "contacts/get": Endpoint({}, get_contacts, "contact.show_contact", {"contacts": BOOK, **OK}, ()),
    "contacts/add": Endpoint(schemas.CONTACT_ADD, add, "contact.add", {**OK, "contact": ADDED}, ADD_ERRORS),
    "contacts/update": Endpoint(schemas.CONTACT_UPDATE, update, "contact.update", OK, ADD_ERRORS),
    "contacts/delete": Endpoint(schemas.CONTACT, delete, "contact.delete_contact", OK),
    "contacts/group/get": Endpoint(
        {}, get_groups, "contact.show_groups", {"status": "OK", **OK, "groups": [GROUP]}, ()
    ),
    "contacts/group/add": Endpoint(
        schemas.GROUP_ADD, add_group, "contact.create_group", {**OK, "Groups": [GROUP], "groups": [GROUP]}
    ),
    "contacts/group/update": Endpoint(schemas.GROUP_UPDATE, update_group, "contact.update_group", OK),
    "contacts/group/delete": Endpoint(schemas.GROUP, delete_group, "contact.delete_group", OK),
    "contacts/addtogroup": Endpoint(schemas.MEMBER, add_to_group, "contact.add_to_group", OK),
    "contacts/removefromgroup": Endpoint(schemas.MEMBER, remove_from_group, "contact.remove_from_group", OK),
}


class EndpointDescription(TypedDict):
    """An endpoint as the reference describes it."""

    path: str
    doc: str
    params: list[tuple[str, bool, int | None, str]]
    """(name, required, maximum length, description)"""
    answer: Fields
    errors: list[ErrorKind]
    """(name, code), ordered by code."""


def describe_endpoints() -> list[EndpointDescription]:
    """Describe every endpoint for the reference."""
    return [
        {
            "path": f"/api/{path}",
            "doc": endpoint.run.__doc__ or "",
            "params": [
                (name, bool(param.get("required")), param.get("maxLength"), param["doc"])
                for name, param in endpoint.declarations.items()
            ],
            "answer": endpoint.example,
            "errors": _possible_errors(path, endpoint),
        }
        for path, endpoint in ENDPOINTS.items()
    ]


def _possible_errors(path: str, endpoint: Endpoint) -> list[ErrorKind]:
    with_token = () if path == "authentication/login" else WITH_TOKEN
    return sorted({*ALWAYS, *with_token, *endpoint.own_errors}, key=lambda kind: kind[1])


def _sign_in_error(refusal: dict[str, Any]) -> RequestError:
    if refusal["status"] == "WRONG_CREDENTIALS":
        return filemail_error(WRONG_PASSWORD, "Wrong username or password")
    if refusal["status"] == "BLOCKED":
        return filemail_error(
            ACCESS_DENIED, f"Too many attempts; try again in {refusal['retry_after']} seconds"
        )
    return filemail_error(ACCESS_DENIED, "This account cannot be used")


def _split_name(name: str) -> dict[str, str]:
    """Split a name into `firstname` and `lastname`: its last word is the last name."""
    first, _, last = " ".join(name.split()).rpartition(" ")
    return {"firstname": first, "lastname": last} if first else {"firstname": last}


def _split_number(text: str) -> dict[str, str]:
    """Split a number into `areacode` ("" unless a separator follows it) and `phone`."""
    parts = PHONE_WITH_COUNTRY.fullmatch(text)
    if parts is None:
        return {"areacode": "", "phone": text}
    return {"areacode": parts[1], "phone": parts[2]}


def _group_card(group_id: str, name: str) -> dict[str, str]:
    return {"contactgroupid": group_id, "contactgroupname": name}


def _contact_id(params: Params) -> str:
    return _parse_id(params["contactid"], "Contact")


def _group_id(params: Params) -> str:
    return _parse_id(params["contactgroupid"], "Contact group")


def _parse_id(text: str, noun: str) -> str:
    """Return the id in our form. Clients treat ids as opaque, so any other text is an unknown id."""
    parsed = from_wire(text)
    if parsed is None:
        raise filemail_error(INVALID_PARAMETER, f"{noun} not found")
    return parsed
