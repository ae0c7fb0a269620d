"""Groups of vCards: KIND:group of vCard 4.0, and Apple's X-ADDRESSBOOKSERVER-KIND."""

from __future__ import annotations

from service.contacts.addresses import addresses_in
from service.contacts.cleaning import layout, line
from service.contacts.values import Values
from service.contacts.vcards import kinds_of_card, name_in
from service.contacts.vocabulary import Contact
from service.contacts.whole_cards import UID_LIMIT

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
    bare = [text[len(URN) :] if text.lower().startswith(URN) else text for text in members]
    return {
        "name": line(name_in(values), 255),
        "comment": layout("\n".join(note.plain for note in values.all("NOTE"))),
        "uid": [uid for text in bare if len(text) < UID_LIMIT for uid in (text, f"{URN}{text}")],
        "email": [a for text in members if text.lower().startswith("mailto:") for a in addresses_in(text)],
    }
