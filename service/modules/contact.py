"""`contact.*`: the caller's own address book, whatever hub the request names."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

import orjson

from service import contacts, exporting, google, invitations, pictures, uploads
from service.contacts import moved, written
from service.context import Context, Download, only, page_of, row, rows
from service.database import ResultSet, Transaction, document, documents
from service.errors import RequestError, missing_param
from service.importer import clean
from service.invitations import Invitation, invite_in
from service.loading import kind_of, load_list, load_stored, load_text, load_upload
from service.push import live_update

FIELDS = {
    "firstname",
    "lastname",
    "surname",
    "comment",
    "message",
    "email",
    "mobile",
    "address",
    "tag",
}
SORT_KEYS = {"name", "date"}
"""Words that old clients send as `name` of show_contact, and that mean an order there."""


async def add(ctx: Context, invite: str, **contact: Any) -> Any:
    """A new contact, by address or by uid; with invite=1 he is invited at once."""
    given = only(contact, {*FIELDS, "invitee_id"})
    if invite != "1":
        found, sockets = await ctx.mine("my_contact_add", _json(given))
        return written(ctx, found, sockets)
    me, mine, invited = ctx.caller.uid, ctx.caller.db or "", _json({**given, "invite": 1})

    async def unit(tx: Transaction) -> Invitation:
        found, sockets = await tx.call(mine, "my_contact_add", me, invited)
        entry = Invitation(found, sockets)
        return await invite_in(tx, ctx, entry.person, {"message": contact.get("message")}, entry)

    done = await ctx.db.transaction(ctx.service, unit)
    written(ctx, done.contact, done.sockets)
    return await _invited(ctx, done)


async def update(ctx: Context, contact_id: str, invite: str, **contact: Any) -> Any:
    """Change a contact; lists replace lists, what is absent stays. With invite=1 he is invited, or again."""
    given = _json({**only(contact, FIELDS), "invite": int(invite)})
    me, mine = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> Invitation:
        found, sockets, others = await tx.call(mine, "my_contact_update", me, contact_id, given)
        done = Invitation(found, sockets)
        for other in documents(others):
            done.pushes += await moved(tx, me, other, document(found)["is_blocked"])
        if invite != "1" or document(found)["status"] != "sent":
            return done
        return await invite_in(tx, ctx, done.person, {"message": contact.get("message")}, done)

    done = await ctx.db.transaction(ctx.service, unit)
    written(ctx, done.contact, done.sockets)
    return await _invited(ctx, done)


async def invite(ctx: Context, email: str) -> Any:
    """Invite somebody, who gets an entry in the address book when he has none."""
    given = only(ctx.args, {"message", "firstname", "lastname", "surname"})
    return await _invited(ctx, await invitations.invite(ctx, email, given))


async def invite_accept(ctx: Context, email: str) -> Any:
    """Accept an invitation."""
    return await invitations.accept(ctx, email)


async def invite_refuse(ctx: Context, email: str) -> Any:
    """Refuse an invitation."""
    return await invitations.refuse(ctx, email)


async def accept_informed(ctx: Context, email: str) -> Any:
    """The caller has seen that he was accepted."""
    found, sockets, his_sockets = await ctx.mine("contact_invite_informed", email)
    seen = document(found)
    ctx.push(ctx.service, {"drumate_id": seen["drumate_id"], "status": "active"}, sockets)
    ctx.push(ctx.service, {"drumate_id": ctx.caller.uid, "status": "active"}, his_sockets)
    return seen


async def invite_get(ctx: Context) -> Any:
    """Invitations and acceptances that wait for the caller."""
    (found,) = await ctx.mine("contact_notification_get")
    return rows(found)


async def invite_count(ctx: Context) -> Any:
    """How many of them."""
    (found,) = await ctx.mine("contact_notification_count")
    return row(found)


async def join(ctx: Context, token: str, bind: str) -> Any:
    """Follow the link of an invitation mail."""
    return row(await invitations.join(ctx, token, bind == "1"))


async def invitation_status(ctx: Context, token: str, uid: str | None) -> Any:
    """What the link of an invitation mail is good for; what concerns a person only he is told."""
    if uid is None or uid != ctx.caller.uid or not ctx.caller.signed_in:
        (found,) = await ctx.yp("contact_invitation_status", token)
    else:
        (found,) = await ctx.mine("contact_link_status", token)
    return row(found)


async def block(ctx: Context, contact_id: str) -> Any:
    """Block a contact."""
    return await _set_block(ctx, contact_id, blocked=True)


async def unblock(ctx: Context, contact_id: str) -> Any:
    """Lift the block of a contact."""
    return await _set_block(ctx, contact_id, blocked=False)


async def change_status(ctx: Context, contact_id: str, status: str) -> Any:
    """Archive a contact, or restore it."""
    found, sockets = await ctx.mine("archive_entity", contact_id, status)
    ctx.push(ctx.service, {"entity_id": document(found)["entity_id"]}, sockets)
    return row(found)


async def connection_status(ctx: Context) -> Any:
    """Who of the caller's contacts is offline, online or in a conference."""
    (found,) = await ctx.mine("drumate_online_state")
    return rows(found)


async def summary(ctx: Context, hub_id: str, nid: str) -> Any:
    """How many contacts the caller has, and when they last changed."""
    (found,) = await ctx.mine("contact_summary", hub_id, nid)
    return row(found)


async def get_contact(ctx: Context, contact_id: str) -> Any:
    """One contact in full; an empty object when there is none."""
    (found,) = await ctx.mine("my_contact_get", contact_id)
    return row(found)


async def show_contact(ctx: Context, tag_id: str | None, name: str | None, order: str, option: str) -> Any:
    """A page of contacts."""
    sort, wanted = (name, None) if name in SORT_KEYS else ("name", name)
    page, size = page_of(ctx)
    (found,) = await ctx.mine("my_contact_show", tag_id, wanted, sort, order, option, page, size)
    return rows(found)


async def my_contacts(ctx: Context, value: str, status: str, only_drumate: int) -> Any:
    """People to pick from. The frontend types `ada%`; `%` alone means everybody, nothing means nobody."""
    if not value:
        return []
    key = value.rstrip("%")
    left_out = _json(ctx.args.get("filter") or [])
    page, size = page_of(ctx)
    (found,) = await ctx.mine("my_contact", key, status, only_drumate, left_out, page, size)
    return rows(found)


async def search(ctx: Context, key: str | None, string: str | None) -> Any:
    """Contacts and colleagues whose words start with the key."""
    key = key or string
    if not key:
        return []
    page, size = page_of(ctx)
    (found,) = await ctx.mine("contact_search_by_domain", key, page, size)
    return rows(found)


async def delete_contact(ctx: Context, contact_id: str) -> Any:
    """Take a contact out of the address book; the other person keeps his entry, without the relation."""
    return await contacts.delete(ctx, contact_id)


async def delete(ctx: Context, email: str | None) -> Any:
    """The same, by an address, a uid or the contact's id."""
    (found,) = await ctx.mine("my_contact_find", _key(ctx, email))
    return await contacts.delete(ctx, document(found)["contact_id"])


async def get(ctx: Context, email: str | None) -> Any:
    """One contact in full, by an address, a uid or the contact's id."""
    _, found = await ctx.mine("my_contact_look_up", _key(ctx, email))
    return row(found)


async def delete_contact_email(ctx: Context, contact_id: str, email_id: str) -> Any:
    """Take an email address away from a contact."""
    return _changed(ctx, *await ctx.mine("my_contact_mail_delete", contact_id, email_id))


async def delete_contact_phone(ctx: Context, contact_id: str, phone_id: str) -> Any:
    """Take a phone number away from a contact."""
    return _changed(ctx, *await ctx.mine("my_contact_phone_delete", contact_id, phone_id))


async def delete_contact_address(ctx: Context, contact_id: str, address_id: str) -> Any:
    """Take a postal address away from a contact."""
    return _changed(ctx, *await ctx.mine("my_contact_address_delete", contact_id, address_id))


async def email_in_use(ctx: Context, email: str, contact_id: str | None) -> Any:
    """Which contact an address belongs to; an empty object when none."""
    (found,) = await ctx.mine("my_contact_email_in_use", email, contact_id)
    return row(found)


async def invite_drumate(ctx: Context, email: str | None) -> Any:
    """Invite somebody who has an account, by uid, address or user name."""
    key = email or ctx.args.get("uid") or ctx.args.get("drumate_id")
    if key is None:
        raise missing_param("uid")
    (found,) = await ctx.yp("contact_drumate_chk", key)
    given = only(ctx.args, {"message", "firstname", "lastname", "surname"})
    return await _invited(ctx, await invitations.invite(ctx, found[0][0], given))


async def show(ctx: Context) -> Any:
    """The old name of show_contact: everybody in the active list."""
    page, size = page_of(ctx)
    (found,) = await ctx.mine("my_contact_show", None, None, "name", "asc", "active", page, size)
    return rows(found)


async def search_my_contacts(ctx: Context, name: str) -> Any:
    """The caller's own contacts whose words start with the name; colleagues are not among them."""
    if not name.rstrip("%"):
        return []
    page, size = page_of(ctx)
    (found,) = await ctx.mine("contact_find", name.rstrip("%"), "own", 0, "[]", "contact", page, size)
    return rows(found)


async def search_drumee_contacts(ctx: Context, name: str) -> Any:
    """Contacts with an account, and colleagues, whose words start with the name."""
    if not name.rstrip("%"):
        return []
    page, size = page_of(ctx)
    (found,) = await ctx.mine("contact_find", name.rstrip("%"), "", 1, "[]", "contact", page, size)
    return rows(found)


async def show_gmail_contacts(ctx: Context, name: str | None) -> Any:
    """Contacts that were imported from Google."""
    page, size = page_of(ctx)
    (found,) = await ctx.mine("gmail_contacts", name, page, size)
    return rows(found)


async def create_group(ctx: Context, name: str, comment: str | None, contact_id: list[str]) -> Any:
    """A new group."""
    (found,) = await ctx.mine("contact_group_add", name, comment, _json(contact_id))
    return await _group_changed(ctx, found)


async def delete_group(ctx: Context, group_id: str | None, name: str | None) -> Any:
    """Take a group away; its members stay contacts."""
    return _told(ctx, *await ctx.mine("contact_group_delete", _group(group_id, name)))


async def show_groups(ctx: Context, tag_id: str | None, name: str | None, order: str) -> Any:
    """A page of groups."""
    sort, wanted = (name, None) if name in SORT_KEYS else ("name", name)
    page, size = page_of(ctx)
    (found,) = await ctx.mine("contact_group_list", tag_id, wanted, sort, order, page, size)
    return rows(found)


async def add_to_group(ctx: Context, group_id: str | None, name: str | None, contact_id: list[str]) -> Any:
    """Put contacts into a group."""
    key = _group(group_id, name)
    return _told(ctx, *await ctx.mine("contact_group_member_add", key, _json(contact_id)))


async def remove_from_group(
    ctx: Context, group_id: str | None, name: str | None, contact_id: list[str]
) -> Any:
    """Take contacts out of a group."""
    key = _group(group_id, name)
    return _told(ctx, *await ctx.mine("contact_group_member_remove", key, _json(contact_id)))


async def show_members(ctx: Context, group_id: str | None, name: str | None) -> Any:
    """A page of a group's contacts."""
    page, size = page_of(ctx)
    (found,) = await ctx.mine("contact_group_members", _group(group_id, name), page, size)
    return rows(found)


async def set_group_avatar(
    ctx: Context, group_id: str | None, name: str | None, nid: str | None, uploaded_id: str | None
) -> Any:
    """A picture for a group, or none."""
    key, picture, mimetype = _group(group_id, name), None, None
    if nid and uploaded_id:
        raise RequestError(400, "INVALID_INPUT", "give nid or uploaded_id, not both", protocol=False)
    if uploaded_id:
        picture, mimetype = pictures.read(uploads.find(ctx, uploaded_id))
    return _told(ctx, *await ctx.mine("contact_group_set_avatar", key, nid, picture, mimetype))


async def get_group_avatar(ctx: Context, group_id: str | None, name: str | None, format: str) -> Any:  # noqa: A002
    """The picture of a group."""
    found, picture = await ctx.mine("contact_group_get_avatar", _group(group_id, name), int(format == "file"))
    group = document(found)
    if format == "file":
        return pictures.download(group, picture)
    query = urlencode({"group_id": group["group_id"], "format": "file"})
    url = f"{ctx.settings.base_url}/-/svc/{ctx.service}?{query}" if group["mimetype"] else None
    return {**group, "url": url}


async def load(
    ctx: Context, socket_id: str, uploaded_id: str | None, secret: str | None, service: str | None
) -> Any:
    """Load an address book; the tab that sent it sees how far it is."""
    given = [source for source in (ctx.upload, uploaded_id, secret) if source]
    if len(given) > 1:
        raise RequestError(400, "INVALID_INPUT", "give a body, uploaded_id or secret", protocol=False)
    if not given:
        raise RequestError(400, "NO_FILE", "send the file as the body, or its uploaded_id", protocol=False)
    file = ctx.upload or uploads.find(ctx, str(given[0]))
    kind = kind_of(file.filename)
    (socket,) = await ctx.yp("socket_get", ctx.caller.uid, socket_id)

    def told(percent: int) -> None:
        model = {"phase": "load", "progress": percent, "tag": service}
        ctx.pusher.send(socket, live_update(ctx.service, model))

    ctx.pusher.send(socket, live_update(ctx.service, {"phase": "prepare", "progress": 0, "tag": service}))
    if isinstance(file, uploads.Stored):
        return await load_stored(ctx, file, kind, told)
    return await load_upload(ctx, file, kind, told)


async def import_contacts(ctx: Context, content: str | None, format: str) -> Any:  # noqa: A002
    """Load contacts that come as parameters."""
    given = ctx.args.get("list")
    if content and given:
        raise RequestError(400, "INVALID_INPUT", "give list or content, not both", protocol=False)
    if given:
        return await load_list(ctx, [clean(contact) for contact in given])
    if not content:
        raise RequestError(400, "NO_FILE", "give list or content", protocol=False)
    return await load_text(ctx, content, kind_of(f".{format}"))


async def export_all(ctx: Context, format: str, option: str, version: str) -> Any:  # noqa: A002
    """The address book as a file."""
    if format == "csv":
        return Download("contacts.csv", "text/csv", exporting.table(ctx, option))
    return Download("contacts.vcf", "text/vcard", exporting.vcards(ctx, option, version))


async def google_auth(ctx: Context) -> Any:
    """Where the caller allows us to read the contacts of his Google account."""
    if not ctx.caller.signed_in:
        raise RequestError(401, "NOT_SIGNED_IN", "sign in first (yp.login)")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    url = await google.authorization_url(ctx.settings, state, verifier)
    await ctx.yp("set_redirect_state", state, ctx.caller.uid, verifier)
    return {"url": url}


def _key(ctx: Context, email: str | None) -> str:
    """What a contact is called by."""
    key = email or ctx.args.get("contact_id") or ctx.args.get("id") or ctx.args.get("uid")
    if key is None:
        raise missing_param("email")
    return str(key)


def _group(group_id: str | None, name: str | None) -> str:
    key = group_id or name
    if key is None:
        raise missing_param("group_id")
    return key


def _changed(ctx: Context, found: ResultSet, sockets: ResultSet) -> Any:
    """A contact changed by another service than update, which is what its owner's tabs understand."""
    contact = document(found)
    model = {"contact_id": contact["id"], "entity": contact["entity"], "surname": contact["surname"]}
    ctx.push("contact.update", model, sockets)
    return row(found)


def _told(ctx: Context, found: ResultSet, sockets: ResultSet) -> Any:
    """Tell the owner's tabs what changed."""
    ctx.push(ctx.service, document(found), sockets, socket_id=ctx.args.get("socket_id"))
    return row(found)


async def _group_changed(ctx: Context, found: ResultSet) -> Any:
    (sockets,) = await ctx.yp("user_sockets", ctx.caller.uid, ctx.args.get("socket_id"))
    return _told(ctx, found, sockets)


async def _set_block(ctx: Context, contact_id: str, *, blocked: bool) -> Any:
    me, mine = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> list[Any]:
        found, entry, sockets = await tx.call(mine, "contact_block_view", me, contact_id, int(blocked))
        who = document(found)
        if blocked:
            await tx.call("yp", "contact_block_add", me, who["contact_id"], who["entity"], who["peer"])
        else:
            await tx.call("yp", "contact_block_delete", me, who["contact_id"])
        his: list[ResultSet] = [[], []]
        if who["peer"]:
            his = await tx.call(who["db"], "shareroom_contact_get", who["peer"], me)
        return [who, document(entry), sockets, *his]

    _, entry, sockets, seen, his_sockets = await ctx.db.transaction(ctx.service, unit)
    entry["is_blocked"] = int(blocked)
    mine_view = only(entry, {"entity", "firstname", "lastname", "surname", "is_blocked", "is_blocked_me"})
    ids = {"id": entry["entity"], "entity_id": entry["entity"], "contact_id": entry["id"]}
    ctx.push(ctx.service, {**mine_view, **ids}, sockets)
    if seen:
        ctx.push(ctx.service, document(seen), his_sockets)
        ctx.presence_changed()
    return entry


async def _invited(ctx: Context, done: Invitation) -> Any:
    """Push what an invitation did and send its mail; the caller's entry."""
    invitations.push_all(ctx, done.pushes)
    if done.mail is None or await ctx.mailer.deliver(done.mail):
        return row(done.contact)
    ctx.partial = "EMAIL_NOT_SENT"
    return {**document(done.contact), "status": ctx.partial, "failed": [done.mail["email"]]}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
