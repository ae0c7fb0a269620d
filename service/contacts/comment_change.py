"""Render a contact whose comment has changed, and nothing else, as `contact_render_parts` does in SQL.

`my_contact_set_comment` stores it while the contact is as it was read. `None` leaves a change to
`my_contact_update`. `tests/procedures/test_form_changes.py` compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from service.contacts.first_record import CARD_KEYS, as_stored, is_plain, md5
from service.contacts.form_changes import COLUMNS, FormBase
from service.contacts.vocabulary import Contact
from service.store.database import encode


class CommentChange(NamedTuple):
    """The arguments of `my_contact_set_comment` after the contact."""

    digest: str
    full_digest: str
    comment: str | None
    words: str
    record: str
    new_digest: str
    card: str
    full: str


def comment_change(changed: Mapping[str, Any], stored: Contact, base: FormBase) -> CommentChange | None:
    """Return the change of a comment that `form_changes.changes` has found; None for any other change."""
    comment = changed.get("comment") or None
    others = (key for key in COLUMNS if key != "comment" and key in changed)
    if (
        "word_changes" not in changed
        or any((changed[key] or "") != (stored[COLUMNS[key]] or "") for key in others)
        or (comment or "") == stored["comment"]
        or not is_plain(comment)
        or base.record is None
        or base.digest is None
        or base.full_digest is None
        or stored["is_blocked"]
        or stored["tag"]
        # they may have keys of any name
        or stored["custom_fields"] is not None
    ):
        return None
    record: Contact = orjson.loads(base.record)
    if "extra" in record:
        return None
    record |= {"notes": comment, "updated_at": None}
    full = {**stored, "comment": comment or "", "mtime": None}
    emails = [entry["email"] for entry in stored["email"] if entry["is_default"]]
    card = {key: full[key] for key in CARD_KEYS} | {"email": emails[0] if emails else ""}
    return CommentChange(
        base.digest,
        base.full_digest,
        comment,
        encode(changed["word_changes"]),
        as_stored(record),
        md5(orjson.dumps({**record, "created_at": None, "deleted_at": None})),
        as_stored(card),
        as_stored(full),
    )
