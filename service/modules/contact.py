"""`contact.*`: the caller's own address book, independent of the hub in the request."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from service.contacts import book, exporting, google, groups, import_report, invitations, pictures, uploads
from service.contacts import history as past
from service.contacts.book import add_block, push_contact, release_former_peers, store
from service.contacts.cleaning import clean
from service.contacts.contact_change import contact_change
from service.contacts.encodings import codec_of
from service.contacts.form_changes import FormBase, changes
from service.contacts.form_numbers import from_form
from service.contacts.import_report import LoadOptions
from service.contacts.importing import check_kind, load_list, load_stored, load_text, load_upload
from service.contacts.invitations import Invitation, Peer, invite_in
from service.contacts.search_words import with_words
from service.errors import Refusal, Refused, RequestError, missing_param
from service.live.push import live_update
from service.runtime.context import Answer, Context, only, page_of, row, rows
from service.store.database import ResultSet, Transaction, document, encode

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
DETAIL_LISTS = ("email", "mobile", "address")
READINGS = 3
"""How often a save reads its contact, when others save the same one, before SQL writes the whole form."""
SORT_KEYS = {"name", "date"}
"""Sort keys that old clients send as `name` of show_contact."""

INVITATION_FIELDS = {"message", "firstname", "lastname", "surname"}


class BlockChange(NamedTuple):
    """The outcome of blocking or unblocking a contact."""

    contact: dict[str, Any]
    socket_rows: ResultSet
    peer_view: dict[str, Any] | None
    """How the peer sees the owner of the contact from now on; None without a peer who has an account."""
    peer_socket_rows: ResultSet
    peer: Peer


async def add(ctx: Context, invite: str, **contact: Any) -> Answer:
    """Create a contact from an email address or a uid. With invite=1, also invite the person."""
    fields = with_words(only(contact, {*FIELDS, "invitee_id"}))
    if invite != "1":
        return row(await _add(ctx, fields))
    owner, shard, fields_to_invite = ctx.caller.uid, ctx.caller.db or "", encode({**fields, "invite": 1})

    async def unit(tx: Transaction) -> Invitation:
        contact_rows, socket_rows = await tx.call(shard, "my_contact_add", owner, fields_to_invite)
        entry = Invitation(contact_rows, socket_rows)
        return await invite_in(tx, ctx, entry.entity, {"message": contact.get("message")}, entry)

    try:
        invitation = await ctx.db.transaction(ctx.service, unit)
    except Refused as exc:
        retry_after = _budget_wait(exc)
        return _not_invited(ctx, await _add(ctx, fields), retry_after)
    push_contact(ctx, invitation.contact_rows, invitation.socket_rows)
    return await _finish_invitation(ctx, invitation)


async def _add(ctx: Context, fields: dict[str, Any]) -> ResultSet:
    """Create a contact and notify the other tabs; return one row, the contact."""
    stored = await store(ctx, fields)
    contact_rows, socket_rows = stored or await ctx.shard("my_contact_add", encode(fields))
    push_contact(ctx, contact_rows, socket_rows)
    return contact_rows


async def update(ctx: Context, contact_id: str, invite: str, **contact: Any) -> Answer:
    """Change a contact: a list replaces the stored list, absent fields stay. With invite=1, also invite.

    The frontend sends all three lists empty when its form could not build them: then they stay as well.
    """
    if ctx.from_frontend and all(contact.get(name) == [] for name in DETAIL_LISTS):
        contact = {name: value for name, value in contact.items() if name not in DETAIL_LISTS}
    try:
        invitation = await _update(ctx, contact_id, contact, invites=invite == "1")
    except Refused as exc:
        retry_after = _budget_wait(exc)
        uninvited = await _update(ctx, contact_id, contact, invites=False)
        await _finish_invitation(ctx, uninvited)
        return _not_invited(ctx, uninvited.contact_rows, retry_after)
    return await _finish_invitation(ctx, invitation)


async def _update(ctx: Context, contact_id: str, contact: dict[str, Any], *, invites: bool) -> Invitation:
    """Change a contact and notify the other tabs; invite the person if `invites`."""
    fields = {**only(contact, FIELDS), "invite": int(invites)}
    owner, shard = ctx.caller.uid, ctx.caller.db or ""
    # most invitations send one field or none: the comparison would cost more than it saves
    if not invites or (ctx.from_frontend and fields.get("mobile")):
        saved = await _save_little(ctx, contact_id, fields)
        if isinstance(saved, Invitation):
            push_contact(ctx, saved.contact_rows, saved.socket_rows)
            return saved
        fields = saved
    change = encode(fields)

    async def unit(tx: Transaction) -> Invitation:
        contact_rows, socket_rows, peer_change_rows = await tx.call(
            shard, "my_contact_update", owner, contact_id, change
        )
        entry, stored = Invitation(contact_rows, socket_rows), document(contact_rows)
        entry.pushes += await release_former_peers(tx, owner, peer_change_rows, stored["is_blocked"])
        if not invites or stored["status"] != "sent":
            return entry
        return await invite_in(tx, ctx, entry.entity, {"message": contact.get("message")}, entry)

    invitation = await ctx.db.transaction(ctx.service, unit)
    push_contact(ctx, invitation.contact_rows, invitation.socket_rows)
    return invitation


async def _save_little(ctx: Context, contact_id: str, fields: dict[str, Any]) -> Invitation | dict[str, Any]:
    """Save fields that change nothing of a contact, or what the service can render.

    Otherwise return what `my_contact_update` has to save. No transaction goes around the reading: each write
    checks under the lock what was read. A save that has met another one reads again: the lock kept it waiting
    until the other one was committed.
    """
    whole = fields
    for _ in range(READINGS):
        base_rows, contact_rows, socket_rows = await ctx.shard("my_contact_form", contact_id)
        if not base_rows or not contact_rows:
            return fields
        stored, base = document(contact_rows), FormBase(*base_rows[0])
        form = fields
        if ctx.from_frontend and fields.get("mobile"):
            # the stored writing of the numbers that the edit form has not changed
            form = {**fields, "mobile": from_form(fields["mobile"], stored["mobile"])}
        changed = changes(form, stored, base)
        if changed is None:
            return Invitation(contact_rows, socket_rows)
        change = contact_change(changed, stored, base)
        if change is None:
            return changed
        if saved := await book.replace(ctx, stored["id"], change):
            return Invitation(saved[0], saved[1])
        whole = changed
    return whole


async def invite(ctx: Context, email: str) -> Answer:
    """Invite a person; create an entry in the address book if there is none."""
    fields = only(ctx.args, INVITATION_FIELDS)
    return await _finish_invitation(ctx, await invitations.invite(ctx, email, fields), input=email)


async def invite_accept(ctx: Context, email: str) -> Answer:
    """Accept an invitation."""
    return await invitations.accept(ctx, email)


async def invite_refuse(ctx: Context, email: str) -> Answer:
    """Refuse an invitation."""
    return await invitations.refuse(ctx, email)


async def accept_informed(ctx: Context, email: str) -> Answer:
    """Record that the caller has seen the acceptance of their invitation; notify both sides."""
    entry_rows, socket_rows, peer_socket_rows = await ctx.shard("contact_invite_informed", email)
    entry: dict[str, Any] = document(entry_rows)
    ctx.push(ctx.service, {"drumate_id": entry["drumate_id"], "status": "active"}, socket_rows)
    ctx.push(ctx.service, {"drumate_id": ctx.caller.uid, "status": "active"}, peer_socket_rows)
    return entry


async def invite_get(ctx: Context) -> Answer:
    """Return the pending invitations and acceptances of the caller."""
    (notification_rows,) = await ctx.shard("contact_notification_get")
    return rows(notification_rows)


async def invite_count(ctx: Context) -> Answer:
    """Count the pending invitations and acceptances of the caller."""
    (count_rows,) = await ctx.shard("contact_notification_count")
    return row(count_rows)


async def join(ctx: Context, token: str, bind: str) -> Answer:
    """Follow the link of an invitation mail."""
    return row(await invitations.join(ctx, token, bind == "1"))


async def invitation_status(ctx: Context, token: str, uid: str | None) -> Answer:
    """Return the state of the link of an invitation mail; the relation only to the user concerned."""
    if uid is None or uid != ctx.caller.uid or not ctx.caller.signed_in:
        (status_rows,) = await ctx.yp("contact_invitation_status", token)
    else:
        (status_rows,) = await ctx.shard("contact_link_status", token)
    return row(status_rows)


async def block(ctx: Context, contact_id: str) -> Answer:
    """Block a contact."""
    return await _set_block(ctx, contact_id, blocked=True)


async def unblock(ctx: Context, contact_id: str) -> Answer:
    """Unblock a contact."""
    return await _set_block(ctx, contact_id, blocked=False)


async def change_status(ctx: Context, contact_id: str, status: str) -> Answer:
    """Archive a contact, or restore it."""
    contact_rows, socket_rows = await ctx.shard("archive_entity", contact_id, status)
    ctx.push(ctx.service, {"entity_id": document(contact_rows)["entity_id"]}, socket_rows)
    return row(contact_rows)


async def connection_status(ctx: Context) -> Answer:
    """Return the presence of the caller's contacts: offline, online or in a conference."""
    (presence_rows,) = await ctx.shard("drumate_online_state")
    return rows(presence_rows)


async def summary(ctx: Context, hub_id: str, nid: str) -> Answer:
    """Return the number of the caller's contacts, and the time of their last change."""
    (summary_rows,) = await ctx.shard("contact_summary", hub_id, nid)
    return row(summary_rows)


async def get_contact(ctx: Context, contact_id: str) -> Answer:
    """Return one contact in full; an empty object when there is none."""
    (contact_rows,) = await ctx.shard("my_contact_get", contact_id)
    return row(contact_rows)


async def show_contact(ctx: Context, tag_id: str | None, name: str | None, order: str, option: str) -> Answer:
    """Return a page of contacts."""
    sort_key, name_filter = _sort_key_and_filter(name)
    return rows(await _list_contacts(ctx, tag_id, name_filter, sort_key, order, option))


async def my_contacts(ctx: Context, value: str, status: str, only_drumate: int) -> Answer:
    """Return people to pick from. `value` is a prefix with a %: `%` alone finds everybody, "" nobody."""
    if not value:
        return []
    prefix = value.rstrip("%")
    excluded = encode(ctx.args.get("filter") or [])
    page, size = page_of(ctx)
    (people_rows,) = await ctx.shard("my_contact", prefix, status, only_drumate, excluded, page, size)
    return rows(people_rows)


async def search(ctx: Context, key: str | None, string: str | None) -> Answer:
    """Find contacts and colleagues by prefixes of their words."""
    key = key or string
    if not key:
        return []
    page, size = page_of(ctx)
    (people_rows,) = await ctx.shard("contact_search_by_domain", key, page, size)
    return rows(people_rows)


async def delete_contact(ctx: Context, contact_id: str) -> Answer:
    """Delete a contact. The peer keeps their own entry, unlinked."""
    return await book.delete(ctx, contact_id)


async def delete(ctx: Context, email: str | None) -> Answer:
    """Delete a contact, named by email address, uid or contact id."""
    id_rows, _ = await ctx.shard("my_contact_find", _key(ctx, email))
    return await book.delete(ctx, document(id_rows)["contact_id"])


async def get(ctx: Context, email: str | None) -> Answer:
    """Return one contact in full, named by email address, uid or contact id."""
    _, contact_rows = await ctx.shard("my_contact_find", _key(ctx, email))
    return row(contact_rows)


async def history(ctx: Context, contact_id: str, before: int | None, limit: int) -> Answer:
    """Return the changes of a contact in the last 30 days, newest first."""
    changes, following = await past.list_changes(ctx, contact_id, before, limit)
    return {"changes": changes, "next": following}


async def revert(
    ctx: Context, contact_id: str | None, to: int | None, rev: int | None, change_set: str | None, force: str
) -> Answer:
    """Give a contact back an earlier state, or take back a whole merge, import or revert."""
    if (contact_id is None) == (change_set is None):
        raise RequestError(400, "INVALID_INPUT", "contact_id with to, or change_set", protocol=False)
    if change_set is not None:
        undone = await past.undo(ctx, change_set, force=force == "1")
        if undone is None:
            raise RequestError(404, "CHANGE_SET_NOT_FOUND", "no change has this change_set", protocol=False)
        return {"reverted": undone.reverted, "left": undone.remainder, "parts_left": []}
    if to is None:
        raise missing_param("to")
    reverted = await past.revert(ctx, str(contact_id), to, rev)
    return {"reverted": 1, "left": [], "parts_left": reverted.remainder}


async def delete_contact_email(ctx: Context, contact_id: str, email_id: str) -> Answer:
    """Delete an email address of a contact."""
    return await _delete_detail(ctx, contact_id, "email", email_id)


async def delete_contact_phone(ctx: Context, contact_id: str, phone_id: str) -> Answer:
    """Delete a phone number of a contact."""
    return await _delete_detail(ctx, contact_id, "phone", phone_id)


async def delete_contact_address(ctx: Context, contact_id: str, address_id: str) -> Answer:
    """Delete a postal address of a contact."""
    return await _delete_detail(ctx, contact_id, "address", address_id)


async def email_in_use(ctx: Context, email: str, contact_id: str | None) -> Answer:
    """Return the contact that has an email address; an empty object when none has."""
    (contact_rows,) = await ctx.shard("my_contact_email_in_use", email, contact_id)
    return row(contact_rows)


async def invite_drumate(ctx: Context, email: str | None) -> Answer:
    """Invite a user who has an account, by uid, email address or user name."""
    key = email or ctx.args.get("uid") or ctx.args.get("drumate_id")
    if key is None:
        raise missing_param("uid")
    (((uid,),),) = await ctx.yp("contact_drumate_chk", key)
    fields = only(ctx.args, INVITATION_FIELDS)
    return await _finish_invitation(ctx, await invitations.invite(ctx, uid, fields))


async def show(ctx: Context) -> Answer:
    """Return a page of the active contacts: the old name of show_contact."""
    return rows(await _list_contacts(ctx, None, None, "name", "asc", "active"))


async def search_my_contacts(ctx: Context, name: str) -> Answer:
    """Find the caller's own contacts, without colleagues, by prefixes of their words."""
    if not name.rstrip("%"):
        return []
    page, size = page_of(ctx)
    (contact_rows,) = await ctx.shard(
        "contact_search", name.rstrip("%"), "own", 0, "[]", "contact", page, size
    )
    return rows(contact_rows)


async def search_drumee_contacts(ctx: Context, name: str) -> Answer:
    """Find contacts with an account, and colleagues, by prefixes of their words."""
    if not name.rstrip("%"):
        return []
    page, size = page_of(ctx)
    (contact_rows,) = await ctx.shard("contact_search", name.rstrip("%"), "", 1, "[]", "contact", page, size)
    return rows(contact_rows)


async def show_gmail_contacts(ctx: Context, name: str | None) -> Answer:
    """Return a page of the contacts that were imported from Google."""
    page, size = page_of(ctx)
    (contact_rows,) = await ctx.shard("gmail_contacts", name, page, size)
    return rows(contact_rows)


async def create_group(ctx: Context, name: str, comment: str | None, contact_id: list[str]) -> Answer:
    """Create a group."""
    return row(await groups.create_group(ctx, name, comment, contact_id))


async def delete_group(ctx: Context, group_id: str | None, name: str | None) -> Answer:
    """Delete a group; its members stay contacts."""
    return row(await groups.delete_group(ctx, _group(group_id, name)))


async def show_groups(ctx: Context, tag_id: str | None, name: str | None, order: str) -> Answer:
    """Return a page of groups."""
    sort_key, name_filter = _sort_key_and_filter(name)
    page, size = page_of(ctx)
    (group_rows,) = await ctx.shard("contact_group_list", tag_id, name_filter, sort_key, order, page, size)
    return rows(group_rows)


async def add_to_group(ctx: Context, group_id: str | None, name: str | None, contact_id: list[str]) -> Answer:
    """Put contacts into a group."""
    return row(await groups.add_to_group(ctx, _group(group_id, name), contact_id))


async def remove_from_group(
    ctx: Context, group_id: str | None, name: str | None, contact_id: list[str]
) -> Answer:
    """Take contacts out of a group."""
    return row(await groups.remove_from_group(ctx, _group(group_id, name), contact_id))


async def show_members(ctx: Context, group_id: str | None, name: str | None) -> Answer:
    """Return a page of a group's contacts."""
    page, size = page_of(ctx)
    (contact_rows,) = await ctx.shard("contact_group_members", _group(group_id, name), page, size)
    return rows(contact_rows)


async def set_group_avatar(
    ctx: Context, group_id: str | None, name: str | None, nid: str | None, uploaded_id: str | None
) -> Answer:
    """Set the picture of a group, or remove it."""
    key, picture, mimetype = _group(group_id, name), None, None
    if nid and uploaded_id:
        raise RequestError(400, "INVALID_INPUT", "give nid or uploaded_id, not both", protocol=False)
    if uploaded_id:
        picture, mimetype = pictures.read(uploads.find(ctx, uploaded_id))
    return row(await groups.set_group_avatar(ctx, key, nid, picture, mimetype))


async def get_group_avatar(ctx: Context, group_id: str | None, name: str | None, format: str) -> Answer:  # noqa: A002
    """Return the picture of a group as a file, or its URL."""
    group_rows, picture_rows = await ctx.shard(
        "contact_group_get_avatar", _group(group_id, name), int(format == "file")
    )
    group = document(group_rows)
    if format == "file":
        return pictures.download(group, picture_rows)
    query = urlencode({"group_id": group["group_id"], "format": "file"})
    url = f"{ctx.settings.base_url}/-/svc/{ctx.service}?{query}" if group["mimetype"] else None
    return {**group, "url": url}


async def load(
    ctx: Context,
    socket_id: str,
    uploaded_id: str | None,
    secret: str | None,
    service: str | None,
    charset: str | None,
) -> Answer:
    """Import an address book; push the progress, in percent, to the tab that sent it.

    The last frame says 100 also when the file is refused: its tab shows a bar until then.
    """
    (socket_rows,) = await ctx.yp("socket_get", ctx.caller.uid, socket_id)
    last = 0

    def push_progress(percent: int, phase: str = "load") -> None:
        nonlocal last
        last = percent
        model = {"phase": phase, "progress": percent, "tag": service}
        ctx.pusher.send(socket_rows, live_update(ctx.service, model))

    try:
        upload_ids = [source for source in (uploaded_id, secret) if source]
        return await _load(
            ctx, upload_ids, push_progress, LoadOptions(ctx.args["update"], charset=charset or "")
        )
    finally:
        if last < 100:
            push_progress(100)


async def _load(
    ctx: Context, upload_ids: list[str], push_progress: Callable[..., None], options: LoadOptions
) -> Answer:
    """Import the body of the request, or the file with the only one of these ids."""
    if options.charset and not codec_of(options.charset):
        raise RequestError(400, "INVALID_INPUT", "charset is no known encoding", protocol=False)
    sources = [source for source in (ctx.upload, *upload_ids) if source]
    if len(sources) > 1:
        raise RequestError(400, "INVALID_INPUT", "give a body, uploaded_id or secret", protocol=False)
    if not sources:
        raise RequestError(400, "NO_FILE", "send the file as the body, or its uploaded_id", protocol=False)
    stored = None if ctx.upload else uploads.find(ctx, upload_ids[0])
    push_progress(0, "prepare")
    if stored is not None:
        return await load_stored(ctx, stored, push_progress, replace(options, filename=stored.filename))
    assert ctx.upload is not None  # noqa: S101  # for mypy: it is the only source
    options = replace(options, filename=ctx.upload.filename)
    return await load_upload(ctx, ctx.upload, push_progress, options)


async def load_reports(ctx: Context) -> Answer:
    """List the imports of the last week."""
    (report_rows,) = await ctx.shard("import_reports", import_report.PAGE_ENTRIES)
    return rows(report_rows)


async def load_report(ctx: Context, import_id: str) -> Answer:
    """Return the report of an import."""
    return await import_report.read(ctx, import_id)


async def load_entries(ctx: Context, import_id: str, rejected: int, after: int) -> Answer:
    """List a page of the contacts that an import did not simply load."""
    return await import_report.entries(ctx, import_id, rejected, after)


async def load_rejected(ctx: Context, import_id: str) -> Answer:
    """Return what an import rejected, as a file."""
    return await import_report.rejected_file(ctx, import_id)


async def load_cancel(ctx: Context, import_id: str) -> Answer:
    """Cancel an import that runs."""
    return await import_report.cancel(ctx, import_id)


async def import_contacts(ctx: Context, content: str | None, format: str) -> Answer:  # noqa: A002
    """Import contacts from a parameter: a list of them, or the text of a file."""
    contacts, options = ctx.args.get("list"), LoadOptions(ctx.args["update"])
    if content and contacts:
        raise RequestError(400, "INVALID_INPUT", "give list or content, not both", protocol=False)
    if contacts:
        return await load_list(ctx, [clean(contact) for contact in contacts], options)
    if not content:
        raise RequestError(400, "NO_FILE", "give list or content", protocol=False)
    return await load_text(ctx, content, check_kind(format.lower()), options)


async def export_all(
    ctx: Context,
    format: str,  # noqa: A002
    option: str,
    version: str,
    charset: str,
    separator: str,
) -> Answer:
    """Return the address book as a file."""
    options = exporting.ExportOptions(format, option, version, charset, separator)
    return exporting.export_file(ctx, options)


async def google_auth(ctx: Context) -> Answer:
    """Return the URL where the caller grants read access to the contacts of their Google account."""
    if not ctx.caller.signed_in:
        raise RequestError.not_signed_in()
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    url = await google.authorization_url(ctx.settings, state, verifier)
    await ctx.yp("set_redirect_state", state, ctx.caller.uid, verifier)
    return {"url": url}


async def _list_contacts(
    ctx: Context, tag_id: str | None, name: str | None, sort_key: str, order: str, option: str
) -> ResultSet:
    """Return a page of contacts: from the nearest page on that this process has sent before, if it can be."""
    page, size = page_of(ctx)
    if page == 1:
        (contact_rows,) = await ctx.shard(
            "my_contact_list", tag_id, name, sort_key, order, option, page, size, None
        )
        return contact_rows
    uid, offset = ctx.caller.uid, (page - 1) * size
    key = ["show_contact", tag_id, name, sort_key, order, option]
    after = ctx.page_positions.find(uid, key, offset) or {}
    contact_rows, ((rev,),) = await ctx.shard(
        "my_contact_list", tag_id, name, sort_key, order, option, page, size, encode(after)
    )
    if len(contact_rows) == size:
        last = orjson.loads(contact_rows[-1][0])["id"]
        ctx.page_positions.put(uid, key, rev, offset + size, last)
    return contact_rows


def _key(ctx: Context, email: str | None) -> str:
    """Return the key of a contact: email address, contact id or uid."""
    key = email or ctx.args.get("contact_id") or ctx.args.get("id") or ctx.args.get("uid")
    if key is None:
        raise missing_param("email")
    return str(key)


def _group(group_id: str | None, name: str | None) -> str:
    key = group_id or name
    if key is None:
        raise missing_param("group_id")
    return key


def _sort_key_and_filter(name: str | None) -> tuple[str, str | None]:
    """Return (sort key, name to look for): old clients send the sort key as the name."""
    return (name, None) if name is not None and name in SORT_KEYS else ("name", name)


async def _delete_detail(ctx: Context, contact_id: str, kind: str, detail_id: str) -> Answer:
    """Delete an entry of a contact; Refused when there is none of that id, or it is the default address."""
    outcome_rows, contact_rows, socket_rows = await ctx.shard(
        "my_contact_detail_delete", contact_id, kind, detail_id
    )
    outcome = outcome_rows[0][0]
    if outcome != "deleted":
        raise Refused(Refusal("DEFAULT_EMAIL" if outcome == "default" else f"{kind.upper()}_NOT_FOUND"))
    return _push_update(ctx, contact_rows, socket_rows)


def _push_update(ctx: Context, contact_rows: ResultSet, socket_rows: ResultSet) -> Answer:
    """Push a change as contact.update, the only such event that the owner's tabs know; return the contact."""
    contact = document(contact_rows)
    model = {"contact_id": contact["id"], "entity": contact["entity"], "surname": contact["surname"]}
    ctx.push("contact.update", model, socket_rows)
    return row(contact_rows)


async def _set_block(ctx: Context, contact_id: str, *, blocked: bool) -> Answer:
    """Block or unblock a contact; notify the owner's tabs and those of the peer."""
    owner, shard = ctx.caller.uid, ctx.caller.db or ""

    async def unit(tx: Transaction) -> BlockChange:
        target_rows, contact_rows, socket_rows = await tx.call(
            shard, "contact_block_view", owner, contact_id, int(blocked)
        )
        target = document(target_rows)
        if blocked:
            await add_block(tx, owner, target)
        else:
            await tx.call("yp", "contact_block_delete", owner, target["contact_id"])
        peer_view_rows: ResultSet = []
        peer_socket_rows: ResultSet = []
        if target["peer"]:
            peer_view_rows, peer_socket_rows = await tx.call(
                target["db"], "shareroom_contact_get", target["peer"], owner
            )
        peer = target["peer"], target["db"]
        peer_view = document(peer_view_rows)
        contact = document(contact_rows)
        return BlockChange(contact, socket_rows, peer_view, peer_socket_rows, peer)

    change = await ctx.db.transaction(ctx.service, unit)
    contact, socket_rows, peer_view, peer_socket_rows, peer = change
    contact["is_blocked"] = int(blocked)
    owner_view = only(contact, {"entity", "firstname", "lastname", "surname", "is_blocked", "is_blocked_me"})
    ids = {"id": contact["entity"], "entity_id": contact["entity"], "contact_id": contact["id"]}
    ctx.push(ctx.service, {**owner_view, **ids}, socket_rows)
    if peer_view:
        ctx.push(ctx.service, peer_view, peer_socket_rows)
        ctx.presence_changed(*([] if blocked else [peer]))
    return contact


def _budget_wait(exc: Refused) -> int:
    """Return the seconds until the caller may invite again; raise every other refusal."""
    if exc.code != invitations.BUDGET_SPENT:
        raise exc
    return exc.refusal.retry_after


def _not_invited(ctx: Context, contact_rows: ResultSet, retry_after: int) -> Answer:
    """Return a contact that is saved although its person cannot be invited now."""
    ctx.partial = invitations.BUDGET_SPENT
    return {**document(contact_rows), "status": ctx.partial, "retry_after": retry_after}


async def _finish_invitation(ctx: Context, invitation: Invitation, **more: str) -> Answer:
    """Queue the pushes of an invitation and send its mail; return the caller's entry, and `more`."""
    invitations.push_all(ctx, invitation.pushes)
    if invitation.new_peer:
        ctx.presence_changed(invitation.new_peer)
    contact = {**document(invitation.contact_rows), **more}
    if invitation.mail is None or await ctx.mailer.deliver(invitation.mail):
        return contact
    ctx.partial = "EMAIL_NOT_SENT"
    return {**contact, "status": ctx.partial, "failed": [invitation.mail["email"]]}
