"""Compare the names of people who share an address."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

NAMES = ("display_name", "surname", "firstname", "lastname")
WORD = re.compile(r"[^\W_]+")


def all_names(contact: dict[str, Any]) -> str:
    """Return all names of a contact, or its company, as one text."""
    names = " ".join(filter(None, (str(contact.get(key) or "") for key in NAMES)))
    return names or str(contact.get("company") or "")


def name_words(contact: dict[str, Any]) -> frozenset[str]:
    """Return the words of all names of a contact, or of its company, without case and accents.

    `names_agree` in `procedures/shard/text/` compares the contacts of the address book in the same way.
    """
    text = unicodedata.normalize("NFKD", all_names(contact))
    plain = "".join(character for character in text if not unicodedata.combining(character))
    return frozenset(WORD.findall(plain.casefold()))


def names_agree(first: frozenset[str], second: frozenset[str]) -> bool:
    """Return whether two names may belong to one person: the words of one are among those of the other."""
    return first <= second or second <= first
