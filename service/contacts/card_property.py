"""A property of a card as all formats have it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TEXT = "text"
BINARY = "binary"
"""The value type of bytes before vCard 4.0: base64."""
STRUCTURED = {"N", "ADR", "ORG", "GENDER", "CLIENTPIDMAP"}
"""Properties whose value has parts."""
LINKED_BYTES = re.compile(r"data:(?:image|application)/", re.IGNORECASE)
"""The start of bytes as a link, in a property that other programs have invented."""
KINDS = ("KIND", "X-ADDRESSBOOKSERVER-KIND", "X-ABSHOWAS")
"""Properties that say whether a card is a person, a company or a group."""
LISTS = {"NICKNAME", "CATEGORIES"}
"""Properties whose value is a list of texts."""
TEXTS = {
    *("N", "FN", "ORG", "TITLE", "ROLE", "EMAIL", "TEL", "ADR", "NOTE", "LABEL", "GENDER", "SORT-STRING"),
    *("MAILER", "CLASS", "NAME", "TZ", "EXPERTISE", "HOBBY", "INTEREST", "BIRTHPLACE", "DEATHPLACE"),
    *LISTS,
}
"""Properties whose values are texts."""
VALUE_TYPES = {
    **dict.fromkeys(("URL", "IMPP", "PHOTO", "LOGO", "SOUND", "KEY", "MEMBER", "SOURCE", "RELATED"), "uri"),
    **dict.fromkeys(("FBURL", "CALURI", "CALADRURI", "GEO"), "uri"),
    **dict.fromkeys(("BDAY", "ANNIVERSARY", "DEATHDATE"), "date-and-or-time"),
    "UID": "uri",
    "LANG": "language-tag",
    "REV": "timestamp",
}
"""The value types of other properties, as jCard calls them."""


@dataclass(frozen=True)
class CardProperty:
    """A property as all formats have it."""

    name: str
    parts: Sequence[Sequence[str]]
    """Parts of the value, each of them a list of texts without escapes."""
    params: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Those of vCard 4.0: PREF is no TYPE."""
    group: str = ""
    value_type: str = TEXT
    """That of jCard. Only texts have escapes and lists."""


def text_property(name: str, text: str, group: str = "") -> CardProperty:
    """Return a property whose value is one text."""
    return CardProperty(name, [[text]], group=group)
