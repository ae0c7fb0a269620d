"""Find the email addresses in a value, as programs write them: `mailto:`, brackets, names, several in one."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from service.web.email_address import normal_email

LONGEST = 20_000
"""Characters of a value that are examined."""
MOST = 100
"""Addresses taken from one value."""
QUOTED_NAME = re.compile(r'"[^"]*"\s*(?=<)')
BETWEEN = re.compile(r'[\s,;|<>()\[\]{}"\u3000\uff0c\uff1b\u3001]+')
SCHEME = re.compile(r"^(?:mailto|e-?mail|smtp):(?://)?", re.IGNORECASE)
AROUND = ".,:;!?'`*\u2018\u2019\u201c\u201d\u00ab\u00bb"
"""Punctuation that is no part of an address at its end."""


@lru_cache(256)
def addresses_in(text: str) -> tuple[str, ...]:
    """Return the addresses in a value as they are stored, each once; () when there is none.

    A value is asked about several times while its contact is read.
    """
    address = normal_email(text)
    if address:
        return (address,)
    text = without_marks(text[:LONGEST]).replace("\uff20", "@")
    # The name of somebody is often an address, mostly an older one.
    words = BETWEEN.split(QUOTED_NAME.sub(" ", text))
    addresses = (normal_email(_bare(word)) for word in [w for w in words if "@" in w][:MOST])
    return tuple(dict.fromkeys(address for address in addresses if address))


def without_marks(text: str) -> str:
    """Return a text without invisible marks: direction, joiners, soft hyphens, byte order."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c) != "Cf")


def _bare(word: str) -> str:
    """Return a word without the scheme of a link, its query, and the punctuation around it."""
    word = word.strip(AROUND)
    link = SCHEME.match(word)
    return unquote(word[link.end() :].partition("?")[0]).strip(AROUND) if link else word
