"""Groups of vCards: KIND:group of vCard 4.0, and Apple's X-ADDRESSBOOKSERVER-KIND."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.contacts.addresses import addresses_in
from service.contacts.card_overlay import property_of
from service.contacts.card_property import CardProperty, text_property
from service.contacts.cleaning import layout, line
from service.contacts.values import Value, Values
from service.contacts.vcards import kinds_of_card, name_in
from service.contacts.vocabulary import PRODID, Contact
from service.contacts.whole_cards import UID_LIMIT, values_in
from service.ids import to_wire

GROUP_KIND = "group"
MEMBERS = ("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER")
URN = "urn:uuid:"


def group_of(values: Values) -> Contact | None:
    """Return the group of a card: name, comment, uid and email of its members; None for another card.

    A UID stands there with and without its scheme: programs write it in one way in the group, and in the
    other one in the card of the person.
    """
    if GROUP_KIND not in kinds_of_card(values):
        return None
    members = [value.plain for name in MEMBERS for value in values.all(name)]
    bare = [_bare(text) for text in members]
    return {
        "name": _name(values),
        "comment": _comment(values),
        "uid": [uid for text in bare if len(text) < UID_LIMIT for uid in (text, f"{URN}{text}")],
        "email": [a for text in members if text.lower().startswith("mailto:") for a in addresses_in(text)],
    }


def properties_of_group(group: Mapping[str, Any]) -> Iterator[CardProperty]:
    """Yield the properties of a group that came in a card, with its name, note and members of today.

    `group` has name, comment, card and member (id and uid of each) as contact_export_book lists them, and may
    have its picture as `photo`, a data: URI.
    """
    values = values_in(group["card"])
    uids = {_bare(uid): uid for uid in map(_uid, group["member"])}
    yield text_property("PRODID", PRODID)
    for value in values.lines:
        if not _is_outdated(value, values, group, uids):
            yield property_of(value, values)
    if _name(values) != group["name"]:
        yield text_property("FN", group["name"])
        yield CardProperty("N", [[group["name"]], *[[""]] * 4])
    if group["comment"] and _comment(values) != group["comment"]:
        yield text_property("NOTE", group["comment"])
    kinds = {value.line.name for value in values.lines}
    name = "MEMBER" if "KIND" in kinds else "X-ADDRESSBOOKSERVER-MEMBER"
    former = {_bare(value.plain) for name in MEMBERS for value in values.all(name)}
    for bare, uid in uids.items():
        if bare not in former:
            yield CardProperty(name, [[uid if ":" in uid else f"{URN}{uid}"]], value_type="uri")
    if photo := group.get("photo"):
        yield CardProperty("PHOTO", [[photo]], value_type="uri")


def _is_outdated(value: Value, values: Values, group: Mapping[str, Any], uids: Mapping[str, str]) -> bool:
    match value.line.name:
        case "BEGIN" | "END" | "VERSION" | "PRODID":
            return True
        case "FN" | "N":
            return bool(_name(values) != group["name"])
        case "NOTE":
            return bool(_comment(values) != (group["comment"] or ""))
        case "MEMBER" | "X-ADDRESSBOOKSERVER-MEMBER":
            # whether an address is that of a member is not known here
            return _bare(value.plain) not in uids and not value.plain.lower().startswith("mailto:")
    return False


def _name(values: Values) -> str:
    return line(name_in(values), 255)


def _comment(values: Values) -> str:
    return layout("\n".join(note.plain for note in values.all("NOTE")))


def _uid(member: Mapping[str, Any]) -> str:
    """Return the UID under which a contact is exported."""
    return member["uid"] or f"{URN}{to_wire(member['id'])}"


def _bare(uid: str) -> str:
    return uid[len(URN) :] if uid.lower().startswith(URN) else uid
