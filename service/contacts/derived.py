"""Compute what the store derives from a contact, before it is stored: an import has thousands of them."""

from __future__ import annotations

from service.contacts.extension import number_of
from service.contacts.search_words import words_of
from service.contacts.vocabulary import Contact
from service.live.phone_numbers import international


def derive(entry: Contact, region: str) -> None:
    """Add to an entry of the reader its search words, and to its contact the international form of numbers.

    Without these forms, each process finds them beside its heartbeat, and makes the record and all words
    again. `region` is the country of numbers without a country code. The contact is one of
    `service/contacts/cleaning.py`.
    """
    for number in entry["contact"]["mobile"]:
        number["international"] = international(number_of(number), region)
    words = words_of(entry["contact"])
    if words is not None:
        entry["words"] = words
