"""Compute what the store derives from a contact, before it is stored: an import has thousands of them."""

from __future__ import annotations

from service.contacts.extension import number_of
from service.contacts.vocabulary import Contact
from service.live.phone_numbers import international


def derive(contact: Contact, region: str) -> None:
    """Add the international form of its numbers to a contact of `service/contacts/cleaning.py`.

    Without it, each process finds it beside its heartbeat, and makes the record and all words again.
    `region` is the country of numbers without a country code.
    """
    for entry in contact["mobile"]:
        entry["international"] = international(number_of(entry), region)
