"""What each call does: the handlers and routines of the RPC, in the words of this API."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import Schema

from service import contacts
from service.context import Context
from service.database import document, documents
from service.dialects.filemail import schemas
from service.dialects.filemail.errors import (
    ACCESS_DENIED,
    INTERRUPTION,
    INVALID_EMAIL,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    INVALID_TOKEN,
    PARAMETER_MISSING,
    UNKNOWN_ERROR,
    WRONG_PASSWORD,
    ApiError,
)
from service.ids import from_wire
from service.modules import contact
from service.sessions import check_password

TOKEN_SECONDS = 7 * 86_400
NUMBER = re.compile(r"(\+[0-9]{1,4})[ ./()-]+(.*[0-9].*)")
"""A number whose country stands apart."""
ALL = 4_294_967_295

Given = dict[str, str]
Fields = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One path: its parameters, its work, and the name its pushes bear."""

    schema: Schema
    run: Callable[[Context, Given], Awaitable[Fields]]
    service: str
    answer: Fields
    """An example."""
    errors: tuple[tuple[str, int], ...] = (INVALID_PARAMETER, PARAMETER_MISSING)
    """Those of its own, besides ALWAYS and, but for login, WITH_TOKEN."""


ALWAYS = (UNKNOWN_ERROR, INVALID_PARAMETER, INTERRUPTION, INVALID_REQUEST)
WITH_TOKEN = (PARAMETER_MISSING, INVALID_TOKEN)


async def login(ctx: Context, given: Given) -> Fields:
    """A new token for who knows the password."""
    found = await check_password(ctx, given["username"], given["password"])
    if found.uid is None:
        raise _no_login(found.refusal)
    token = secrets.token_hex(16)
    await ctx.yp("api_token_add", found.uid, token, TOKEN_SECONDS)
    return {"responsestatus": "ok", "logintoken": token}


async def logout(ctx: Context, given: Given) -> Fields:
    """The token is good for nothing any more."""
    await ctx.yp("api_token_drop", given["logintoken"])
    return {"responsestatus": "ok", "logintoken": given["logintoken"]}


async def get_contacts(ctx: Context, given: Given) -> Fields:
    """All contacts, and the groups of each."""
    found, members = await ctx.mine("my_contact_book")
    groups: dict[str, list[dict[str, str]]] = {}
    for contact_id, group_id, name in members:
        groups.setdefault(contact_id, []).append({"contactgroupid": group_id, "name": name})
    shown = [
        {"contactid": key, "name": name, "email": email, "groups": groups.get(key, [])}
        for key, name, email in found
    ]
    # an empty book has a capital letter in the document, and none in the client
    return {"contacts": shown, **({} if shown else {"Contacts": []}), "responsestatus": "OK"}


async def add(ctx: Context, given: Given) -> Fields:
    """A new contact."""
    more = {"mobile": [{**_number(given["mobile"]), "is_default": 1}]} if "mobile" in given else {}
    address = {"email": given["email"], "category": "priv", "is_default": 1}
    wanted = {"email": [address], **_names(given["name"]), **more, "origin": "filemail"}
    found, sockets = await ctx.mine("my_contact_add", orjson.dumps(wanted).decode())
    contacts.written(ctx, found, sockets)
    made = document(found)
    shown = {"contactid": made["id"], "name": " ".join(given["name"].split()), "email": given["email"]}
    if "mobile" in given:
        shown["mobile"] = given["mobile"]
    return {"responsestatus": "OK", "contact": {**shown, "groups": []}}


async def update(ctx: Context, given: Given) -> Fields:
    """Change what is given: the name that is shown, the default address, the default number."""
    changes: Given = {}
    if "name" in given:
        changes |= {"name": " ".join(given["name"].split()), **_names(given["name"])}
    if "email" in given:
        changes["email"] = given["email"]
    if "mobile" in given:
        changes |= _number(given["mobile"])
    await contacts.change(ctx, _id(given, "contactid", "Contact"), changes)
    return {"responsestatus": "OK"}


async def delete(ctx: Context, given: Given) -> Fields:
    """Throw a contact away; it lies in the trash."""
    await contacts.trash(ctx, _id(given, "contactid", "Contact"))
    return {"responsestatus": "OK"}


async def get_groups(ctx: Context, given: Given) -> Fields:
    """All groups."""
    (found,) = await ctx.mine("contact_group_list", None, None, "name", "asc", 1, ALL)
    shown = [_group(group["id"], group["name"]) for group in documents(found)]
    return {"status": "OK", "responsestatus": "OK", "groups": shown}


async def add_group(ctx: Context, given: Given) -> Fields:
    """A new group; the answer is a list of one."""
    fragment = await contact.create_group(ctx, given["name"], None, [])
    made = orjson.loads(orjson.dumps(fragment))
    shown = [_group(made["id"], made["name"])]
    return {"responsestatus": "OK", "Groups": shown, "groups": shown}


async def update_group(ctx: Context, given: Given) -> Fields:
    """Another name for a group."""
    await contacts.rename_group(ctx, _group_id(given), given["name"])
    return {"responsestatus": "OK"}


async def delete_group(ctx: Context, given: Given) -> Fields:
    """Take a group away; its members stay contacts."""
    await contact.delete_group(ctx, _group_id(given), None)
    return {"responsestatus": "OK"}


async def add_to_group(ctx: Context, given: Given) -> Fields:
    """Put a contact into a group, where it may be already."""
    await contact.add_to_group(ctx, _group_id(given), None, [_id(given, "contactid", "Contact")])
    return {"responsestatus": "OK"}


async def remove_from_group(ctx: Context, given: Given) -> Fields:
    """Take a contact out of a group, where it need not be."""
    await contacts.leave_group(ctx, _group_id(given), _id(given, "contactid", "Contact"))
    return {"responsestatus": "OK"}


OK = {"responsestatus": "OK"}
TOKEN = {"responsestatus": "ok", "logintoken": "0c1f5e7d92ab4c3e8f60718293a4b5c6"}
PERSON = {"contactid": "61a3c41a5c677a20", "name": "John Doe", "email": "john.doe@filemail.example"}
GROUP = {"contactgroupid": "86e24d651c494b28", "contactgroupname": "Coworkers"}
BOOK = [{**PERSON, "groups": [{"contactgroupid": "86e24d651c494b28", "name": "Coworkers"}]}]
ADDED = {**PERSON, "mobile": "+47 555 1", "groups": []}
LOGIN_ERRORS = (PARAMETER_MISSING, WRONG_PASSWORD, ACCESS_DENIED)
ADD_ERRORS = (INVALID_PARAMETER, PARAMETER_MISSING, INVALID_EMAIL)

CALLS = {
    "authentication/login": Call(schemas.Login(), login, "yp.login", TOKEN, LOGIN_ERRORS),
    "authentication/logout": Call(schemas.Call(), logout, "drumate.logout", TOKEN, ()),
    "contacts/get": Call(schemas.Call(), get_contacts, "contact.show_contact", {"contacts": BOOK, **OK}, ()),
    "contacts/add": Call(schemas.ContactAdd(), add, "contact.add", {**OK, "contact": ADDED}, ADD_ERRORS),
    "contacts/update": Call(schemas.ContactUpdate(), update, "contact.update", OK, ADD_ERRORS),
    "contacts/delete": Call(schemas.ContactOnly(), delete, "contact.delete_contact", OK),
    "contacts/group/get": Call(
        schemas.Call(), get_groups, "contact.show_groups", {"status": "OK", **OK, "groups": [GROUP]}, ()
    ),
    "contacts/group/add": Call(
        schemas.GroupName(), add_group, "contact.create_group", {**OK, "Groups": [GROUP], "groups": [GROUP]}
    ),
    "contacts/group/update": Call(schemas.GroupUpdate(), update_group, "contact.update_group", OK),
    "contacts/group/delete": Call(schemas.GroupOnly(), delete_group, "contact.delete_group", OK),
    "contacts/addtogroup": Call(schemas.Member(), add_to_group, "contact.add_to_group", OK),
    "contacts/removefromgroup": Call(schemas.Member(), remove_from_group, "contact.remove_from_group", OK),
}


def described() -> list[dict[str, Any]]:
    """What the reference shows of each call: path, doc, params (name, required, limit, doc), answer,
    errors (name, code)."""
    return [
        {
            "path": f"/api/{path}",
            "doc": call.run.__doc__,
            "params": [
                (name, field.required, field.metadata["limit"], field.metadata["doc"])
                for name, field in call.schema.fields.items()
            ],
            "answer": call.answer,
            "errors": _errors(path, call),
        }
        for path, call in CALLS.items()
    ]


def _errors(path: str, call: Call) -> list[tuple[str, int]]:
    """All of a call, by code."""
    needs = () if path == "authentication/login" else WITH_TOKEN
    return sorted({*ALWAYS, *needs, *call.errors}, key=lambda kind: kind[1])


def _no_login(refusal: dict[str, Any]) -> ApiError:
    if refusal["status"] == "WRONG_CREDENTIALS":
        return ApiError(WRONG_PASSWORD, "Wrong username or password")
    if refusal["status"] == "BLOCKED":
        return ApiError(ACCESS_DENIED, f"Too many attempts; try again in {refusal['retry_after']} seconds")
    return ApiError(ACCESS_DENIED, "This account cannot be used")


def _names(name: str) -> Given:
    """First and last name: the last word is the last name."""
    first, _, last = " ".join(name.split()).rpartition(" ")
    return {"firstname": first, "lastname": last} if first else {"firstname": last}


def _number(text: str) -> Given:
    """Area code and the rest, when a blank or the like stands between them."""
    parts = NUMBER.fullmatch(text)
    if parts is None:
        return {"areacode": "", "phone": text}
    return {"areacode": parts[1], "phone": parts[2]}


def _group(group_id: str, name: str) -> Given:
    return {"contactgroupid": group_id, "contactgroupname": name}


def _group_id(given: Given) -> str:
    return _id(given, "contactgroupid", "Contact group")


def _id(given: Given, name: str, what: str) -> str:
    """An id of ours; clients hold them for opaque, so another one is that of nothing."""
    found = from_wire(given[name])
    if found is None:
        raise ApiError(INVALID_PARAMETER, f"{what} not found")
    return found
