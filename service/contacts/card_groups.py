"""Groups of vCards: KIND:group of vCard 4.0, and Apple's X-ADDRESSBOOKSERVER-KIND of vCard 3.0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from service.contacts.addresses import addresses_in
from service.contacts.card_overlay import property_of
from service.contacts.card_property import TEXT, CardProperty, text_property
from service.contacts.card_versions import OLD
from service.contacts.cleaning import layout, line
from service.contacts.values import Value, Values
from service.contacts.vcards import kinds_of_card, name_in
from service.contacts.vocabulary import PRODID, Contact
from service.contacts.whole_cards import UID_LIMIT, values_in
from service.ids import to_wire

GROUP_KIND = "group"
KINDS = ("KIND", "X-ADDRESSBOOKSERVER-KIND")
MEMBERS = ("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER")
URN = "urn:uuid:"


def group_of(values: Values) -> Contact | None:
    """Return the group of a card: name, comment, uid and email of its members; None for another card.

    A UID stands there with and without its scheme: programs write it in one way in the group, and in the
    other one in the card of the person.
    """
    if GROUP_KIND not in kinds_of_card(values):
        return None
    members = member_uids(values)
    return {
        "name": group_name(values),
        "comment": comment_of(values),
        "uid": [uid for text in members if len(text) < UID_LIMIT for uid in (text, f"{URN}{text}")],
        "email": [a for text in members if text.lower().startswith("mailto:") for a in addresses_in(text)],
    }


def member_uids(values: Values) -> list[str]:
    """Return the UIDs of the members of a card, without their scheme, and what else the card names."""
    return [bare_uid(value.plain) for name in MEMBERS for value in values.all(name)]


def properties_of_group(group: Mapping[str, Any], version: str) -> Iterator[CardProperty]:
    """Yield the properties of a group, with its name, note and members of today.

    `group` is one of contact_export_book, or of my_cards: name, comment, card, member, and may have its
    picture as `photo`, a data: URI; that of my_cards also has group_id, uid, put_name and expected.
    """
    values = values_in(group["card"] or "")
    uids = {bare_uid(uid): uid for uid in map(_uid, group["member"])}
    known = {*uids, *group.get("expected", ())}
    is_old = version in OLD
    yield text_property("PRODID", PRODID)
    if "group_id" in group:
        uid = group["uid"] or f"{URN}{to_wire(group['group_id'])}"
        yield CardProperty("UID", [[uid]], value_type="uri" if ":" in uid else TEXT)
    if GROUP_KIND not in kinds_of_card(values):
        yield text_property(KINDS[is_old], GROUP_KIND)
    for value in values.lines:
        if not _is_outdated(value, values, group, known):
            yield _in_version(value, values, is_old=is_old)
    if not _says_name(values, group):
        yield text_property("FN", group["name"])
        yield CardProperty("N", [[group["name"]], *[[""]] * 4])
    if group["comment"] and comment_of(values) != group["comment"]:
        yield text_property("NOTE", group["comment"])
    former = set(member_uids(values))
    for bare, uid in uids.items():
        if bare not in former:
            link = uid if ":" in uid else f"{URN}{uid}"
            yield CardProperty(MEMBERS[is_old], [[link]], value_type="uri")
    if photo := group.get("photo"):
        yield CardProperty("PHOTO", [[photo]], value_type="uri")


def _in_version(value: Value, values: Values, *, is_old: bool) -> CardProperty:
    """Return a property of the card, under the name that it has in a version."""
    property_ = property_of(value, values)
    if value.line.name in KINDS:
        return replace(property_, name=KINDS[is_old])
    if value.line.name in MEMBERS:
        return replace(property_, name=MEMBERS[is_old], parts=[[value.plain]], value_type="uri")
    return property_


def _is_outdated(value: Value, values: Values, group: Mapping[str, Any], known: set[str]) -> bool:
    match value.line.name:
        case "BEGIN" | "END" | "VERSION" | "PRODID":
            return True
        case "UID":
            return "group_id" in group
        case "FN" | "N":
            return not _says_name(values, group)
        case "NOTE":
            return bool(comment_of(values) != (group["comment"] or ""))
        case "MEMBER" | "X-ADDRESSBOOKSERVER-MEMBER":
            # whether an address is that of a member is not known here
            bare = bare_uid(value.plain)
            return not (bare in known or len(bare) > UID_LIMIT or bare.lower().startswith("mailto:"))
    return False


def _says_name(values: Values, group: Mapping[str, Any]) -> bool:
    """Return whether FN is the name, or what the last PUT made the name of."""
    return bool(values.lines) and group["name"] in {group_name(values), group.get("put_name")}


def group_name(values: Values) -> str:
    """Return the name of the group of a card; "" when it has none."""
    return line(name_in(values), 255)


def comment_of(values: Values) -> str:
    """Return the notes of a card."""
    return layout("\n".join(note.plain for note in values.all("NOTE")))


def _uid(member: Mapping[str, Any]) -> str:
    """Return the UID under which a contact is exported."""
    return member["uid"] or f"{URN}{to_wire(member['id'])}"


def bare_uid(uid: str) -> str:
    """Return a UID without urn:uuid:, and without blanks around it."""
    bare = uid.strip()
    return bare[len(URN) :] if bare.lower().startswith(URN) else bare
