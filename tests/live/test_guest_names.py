"""Names that guests choose: what others see of them."""

from __future__ import annotations

import pytest

from service.live.guest_names import visible_name


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("\u202eAda\u200b", "Ada"),
        ("\u200d\u200c \u2800\u3164\u00ad", ""),
        ("\x00\x07", ""),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("x" * 500, "x" * 128),
        ("x" * 127 + " y", "x" * 127),
    ],
)
def test_a_name_shows_what_is_visible_and_fits(text: str, visible: str) -> None:
    assert visible_name(text, 128) == visible
