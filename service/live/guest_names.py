"""Names that guests choose, as others may see them."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""Format characters that join letters and pictures to one."""
BLANKS = JOINERS + "\u00ad\u115f\u1160\u2800\u3164\uffa0 "
"""Characters that show nothing at the ends of a name."""
INVISIBLE = {"Cc", "Cf", "Cs"}
"""Categories of characters that show nothing: controls, format and direction, halves of a character."""


def visible_name(text: str, limit: int) -> str:
    """Return a name without what is invisible, cut to `limit` characters; "" when nothing is left."""
    spaced = " ".join(text.split())
    visible = (c for c in spaced if c in JOINERS or unicodedata.category(c) not in INVISIBLE)
    return "".join(visible).strip(BLANKS)[:limit].strip(BLANKS)
