"""Find how an edit form differs from the stored contact, so that a save writes only what has changed.

The form of the frontend sends all that it shows. Lists that are the same are left out, and the search words
that a new comment changes are found here. `my_contact_update` uses both only while the address book still has
the revision that was read; otherwise it writes the whole form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from service.contacts.search_words import text_words_of
from service.contacts.vocabulary import Contact

Fields = Mapping[str, Any]
"""Fields of a form, by their names in the database."""

COLUMNS = {
    "firstname": "firstname",
    "lastname": "lastname",
    "surname": "given_surname",
    "comment": "comment",
    "message": "message",
}
"""Names of the texts of a form, each with its key in the full contact."""
NAMES = ("firstname", "lastname", "surname")
NUMBER_KEYS = ("areacode", "phone")
PLACE_KEYS = ("street", "city", "country")
DIALLED = re.compile(r"[0-9+()./\s-]+", re.ASCII)
"""A number without an extension or letters: it ends like its international form."""
SAME_DIGITS = 6
KEPT_KEYS = ("state", "postal_code")
"""Parts of a postal address that stay where a form does not send them."""


class FormBase(NamedTuple):
    """The first row of `my_contact_form`."""

    rev: int
    is_plain: int
    is_auto: int
    own_email: str
    record: str | None
    digest: str | None
    full_digest: str | None
    names_digest: str | None
    private: str | None
    international: str | None
    record_rev: int | None


def changes(fields: Fields, stored: Contact, base: FormBase) -> dict[str, Any] | None:
    """Return the fields as `my_contact_update` takes them, without the lists that `stored` has already.

    Return None when the form changes nothing, and nothing would refuse it. `stored` is the full contact of
    the RPC.
    """
    lists = [key for key in LISTS if key in fields]
    same = [key for key in lists if LISTS[key](fields, stored, base)]
    texts = {key for key in COLUMNS if key in fields and (fields[key] or "") != (stored[COLUMNS[key]] or "")}
    becomes_own = base.is_auto and ("firstname" in fields or "lastname" in fields)
    # somebody who is registered is shown under other names than the stored ones
    is_comment_at_most = base.is_plain and same == lists and not texts & {*NAMES} and not becomes_own
    if is_comment_at_most and not texts and not fields.get("invite"):
        return None
    changed = {key: value for key, value in fields.items() if key not in same}
    changed |= {"rev": base.rev, "unchanged": {key: fields[key] for key in same}}
    if is_comment_at_most and (words := _word_changes(stored, fields.get("comment", stored["comment"]))):
        changed["word_changes"] = words
    return changed


def _word_changes(stored: Contact, comment: str | None) -> dict[str, list[str]] | None:
    """Return the search words that a new comment removes and adds; None for SQL to find them."""
    contact = {**stored, "surname": stored["given_surname"], "default": stored["email"]}
    before, after = text_words_of(contact), text_words_of({**contact, "comment": comment})
    if before is None or after is None:
        return None
    removed, added = before.keys() - after.keys(), after.keys() - before.keys()
    # the international form of a number is a word too, and the full contact does not have it
    if any(_may_be_number(word, row["phone"]) for word in removed for row in contact["mobile"]):
        return None
    return {"removed": sorted(removed), "added": [after[word] for word in sorted(added)]}


def _may_be_number(word: str, phone: str) -> bool:
    """Return whether a word may be the international form of a number."""
    ending = re.sub("[^0-9]", "", phone)[-SAME_DIGITS:]
    return word.isdecimal() and (DIALLED.fullmatch(phone) is None or word.endswith(ending))


def _has_emails(fields: Fields, stored: Contact, base: FormBase) -> bool:
    """Return whether the addresses are the same, and the default one needs no look at accounts."""
    sent: Sequence[Fields] = fields["email"] or []
    rows: Sequence[Fields] = stored["email"]
    if fields.get("invite") or not base.is_plain or len(sent) != len(rows):
        return False
    defaults = [entry["email"] for entry in sent if flag_of(entry) == 1]
    return (
        all(
            entry.get("label") is None
            and entry["email"] == row["email"] != base.own_email
            and (flag_of(entry) or 0) == row["is_default"]
            and _category(entry) == row["category"]
            for entry, row in zip(sent, rows, strict=True)
        )
        # the default address decides whom the entry stands for
        and (not sent or defaults == [stored["entity"]] == [(stored["metadata"] or {}).get("source")])
    )


def _has_numbers(fields: Fields, stored: Contact, _: FormBase) -> bool:
    return _has_entries(fields["mobile"] or [], stored["mobile"], _is_number)


def _is_number(entry: Fields, row: Fields) -> bool:
    areacode = entry.get("areacode") or ""
    number = ("" if areacode == "+" else areacode, entry.get("phone"))
    return "number" not in entry and number == tuple(row[key] for key in NUMBER_KEYS)


def _has_addresses(fields: Fields, stored: Contact, _: FormBase) -> bool:
    return _has_entries(fields["address"] or [], stored["address"], _is_address)


def _is_address(entry: Fields, row: Fields) -> bool:
    return all((entry.get(key) or "") == row[key] for key in PLACE_KEYS) and all(
        entry.get(key) is None or entry[key] == row[key] for key in KEPT_KEYS
    )


def _has_entries(
    sent: Sequence[Fields], rows: Sequence[Fields], is_same: Callable[[Fields, Fields], bool]
) -> bool:
    """Compare entries; one without a label keeps that of its row, as long as its category stays."""
    has_default = any(flag_of(entry) == 1 for entry in sent)
    return len(sent) == len(rows) and all(
        is_same(entry, row)
        and entry.get("label") is None
        and _category(entry) == row["category"]
        # a label that contradicts the category would be left out
        and (row["label"] == "work") <= (row["category"] == "prof")
        and (row["label"] in ("home", "personal")) <= (row["category"] == "priv")
        and row["is_default"] == (flag_of(entry, absent=0 if has_default else row["is_default"]))
        for entry, row in zip(sent, rows, strict=True)
    )


def _has_tags(fields: Fields, stored: Contact, _: FormBase) -> bool:
    return sorted(fields["tag"] or []) == sorted(row["tag_id"] for row in stored["tag"])


def _category(entry: Fields) -> str:
    return entry.get("category") or "priv"


def flag_of(entry: Fields, absent: int | None = None) -> int | None:
    """Return is_default as a number; `absent` when the entry has none."""
    value = entry.get("is_default")
    return absent if value is None else int(value)


LISTS: dict[str, Callable[[Fields, Contact, FormBase], bool]] = {
    "email": _has_emails,
    "mobile": _has_numbers,
    "address": _has_addresses,
    "tag": _has_tags,
}
"""The lists of a form, each with the comparison that says whether the contact has the same."""
