"""Read vCards 2.1, 3.0 and 4.0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from service.contacts.addresses import addresses_in
from service.contacts.card_lines import BINARY_NAMES, Property, cut_cards, properties_of
from service.contacts.card_property import KINDS
from service.contacts.extension import with_line_breaks
from service.contacts.extra import TRANSPORT_TYPES, extra_of, limited, unchanged, without_derived
from service.contacts.values import Value, Values
from service.contacts.vocabulary import (
    CARD_TYPES,
    EXTENSION,
    LOCAL_SOURCE,
    PRODID,
    Contact,
    card_label,
    merge_extension,
    parse_extension,
    split_name,
    split_numbers,
)

COMPANY_KINDS = {"org", "organization", "company"}
GOOGLE_GROUPS = {"myContacts", "* myContacts", "* starred"}
"""Groups that every contact of a Google account has; the files of this service may have such tags."""
CELLS = {"CELL", "MOBILE", "IPHONE"}
MEANINGLESS_TYPES = {
    *("HOME", "WORK", "PREF", "INTERNET", "X400", "VOICE", "MSG", "TEXT", "VIDEO", *CELLS),
    *("DOM", "INTL", "POSTAL", "PARCEL", *TRANSPORT_TYPES, ""),
}
"""Types that are no label: the category says it, or it goes without saying."""
ADDRESS_PARTS = 7


def undeclared_values(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the values of all cards whose encoding the file does not name."""
    for card in cut_cards(lines):
        for property_ in properties_of(card):
            if "CHARSET" not in property_.params and property_.name not in BINARY_NAMES:
                yield property_.value


def name_in(values: Values) -> str:
    """Return how a report calls the person of a card that is not stored."""
    return values.first("FN") or " ".join(reversed(_names(values)[:2])).strip() or values.first("EMAIL")


def parse_card(values: Values) -> Contact:
    """Return the contact of one card."""
    extension = parse_extension(values.first(EXTENSION.upper()))
    is_own_file = values.first("PRODID") == PRODID or bool(values.all(EXTENSION.upper()))
    emails = [value for value in values.all("EMAIL") if addresses_in(value.plain)]
    phones = values.all("TEL")
    contact = {
        **_naming(values, bool(extension.pop("display_name", None)), is_own_file, extension),
        "surname": next(iter(values.names("NICKNAME")), ""),
        "job_title": values.first("TITLE") or values.first("ROLE"),
        "comment": with_line_breaks(notes_of(values), extension.pop("breaks", None)),
        "email": _with_kinds("email", [{"email": v.plain} for v in emails], emails, values),
        "mobile": _with_kinds("mobile", split_numbers([p.plain for p in phones], extension), phones, values),
        "address": _with_kinds("address", _places(values), values.all("ADR"), values),
        "tag": [
            tag.strip()
            for value in values.all("CATEGORIES")
            for tag in value.parts(",")
            if is_own_file or tag.strip() not in GOOGLE_GROUPS
        ],
    }
    extra, left_out = limited(extra_of(values, contact, [v for v in values.all("EMAIL") if v not in emails]))
    extra |= unchanged(extension.pop("extra", None), extra)
    extra = without_derived(extra, extension.pop("derived", None), extension.get("custom_fields"))
    contact |= {"extra": extra} if extra else {}
    contact |= {"losses": [f"no room for {key.upper()}" for key in left_out]} if left_out else {}
    return merge_extension(contact, {**({"source": LOCAL_SOURCE} if is_own_file else {}), **extension})


def kinds_of_card(values: Values) -> set[str]:
    """Return what a card says that it stands for, in lower case."""
    return {value.plain.lower() for name in KINDS for value in values.all(name)}


def _naming(values: Values, has_display_name: bool, is_own_file: bool, extension: Contact) -> Contact:
    """Return first, last and display name, and the company.

    FN is required, so programs fill it with anything when a contact has no name.
    """
    last, first, additional = _names(values)
    full_name, company = values.first("FN"), _company(values)
    display_name = full_name if has_display_name else ""
    addresses = {text for value in values.all("EMAIL") for text in (value.plain, value.plain.lower())}
    substitutes = {display_name, company, extension.get("uid"), extension.get("entity")} | addresses
    is_company = bool(kinds_of_card(values) & COMPANY_KINDS)
    if is_company and not (first and last):
        company, first, last = company or full_name or first or last, "", ""
    elif not first and not last:
        if full_name not in substitutes | {values.first("NICKNAME")}:
            first, last = split_name(full_name)
    elif (
        not is_own_file
        and full_name not in substitutes
        and not _says_the_same(full_name, first, last, additional)
    ):
        display_name = full_name
    return {"firstname": first, "lastname": last, "display_name": display_name, "company": company}


def _names(values: Values) -> tuple[str, str, str]:
    """Return last, first and middle names."""
    names = values.all("N")
    if not names:
        return "", "", ""
    last, first, additional = (values.lists(names[0]) + [[]] * 3)[:3]
    forename = " ".join(first)
    if len(first) > 1 and forename not in values.first("FN"):
        # Names in a list are alternatives as often as they are several names: FN has those that are used.
        forename, additional = first[0], [*first[1:], *additional]
    return ", ".join(last), forename, " ".join(additional)


def _says_the_same(full_name: str, first: str, last: str, additional: str) -> bool:
    """Return whether FN says no more than first and last name, in any order, with or without middle names."""
    words = _words(full_name)
    orders = (f"{first} {last}", f"{first} {additional} {last}", f"{last} {first} {additional}")
    return not words or any(words == _words(order) for order in orders) or full_name == f"{last}, {first}"


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _company(values: Values) -> str:
    """Return the name of the organization, without its units."""
    parts = (part.strip() for value in values.all("ORG") for part in value.parts(";"))
    return next(filter(None, parts), "")


def _with_kinds(
    key: str, entries: list[dict[str, str]], sources: list[Value], values: Values
) -> list[Contact]:
    """Return entries with their category, label and is_default. PREF=1 is the most preferred."""
    ranks = [preference_of(value.line) for value in sources]
    best = min(filter(None, ranks), default=0)
    return [
        {**entry, **line_kind(key, value.line, values.labels), "is_default": int(0 < rank == best)}
        for entry, value, rank in zip(entries, sources, ranks, strict=True)
    ]


def preference_of(property_: Property) -> int:
    """Return 1 for the most preferred entry, up to 100; 0 for an entry without preference."""
    if "PREF" in _types(property_):
        return 1
    words = property_.params.get("PREF", [])
    return next((max(1, int(w[:3])) if w.isdecimal() else 1 for w in words), 0)


def _types(property_: Property) -> list[str]:
    return [word.strip().upper() for word in property_.params.get("TYPE", ())]


def line_kind(key: str, property_: Property, labels: dict[str, str]) -> dict[str, str]:
    """Return category and label of an entry. `labels`: X-ABLabel by group."""
    types = _types(property_)
    category = "prof" if "WORK" in types else "priv"
    if labels.get(property_.group):
        label = card_label(key, labels[property_.group])
        return {"category": "prof" if label == "work" else category, "label": label}
    return {"category": category, "label": _label(key, category, property_)}


def _label(key: str, category: str, property_: Property) -> str:
    """Return the label that the types of an entry say."""
    types = _types(property_)
    stored = {type_: label for label, type_ in CARD_TYPES[key].items()}
    if key == "mobile" and CELLS.intersection(types):
        return "mobile" if category == "prof" else ""
    for type_, label in stored.items():
        if type_ in types and (label or category == "priv"):
            return label
    words = [
        w.strip() for w in property_.params.get("TYPE", ()) if w.strip().upper() not in MEANINGLESS_TYPES
    ]
    if words:
        word = re.sub(r"^x-", "", words[0], flags=re.IGNORECASE)
        return word.lower() if word.isupper() else word
    return "other" if key == "mobile" and category == "priv" else ""


def notes_of(values: Values) -> str:
    """Return all notes of a card as one text."""
    return "\n".join(filter(None, (note.plain for note in values.all("NOTE"))))


def _places(values: Values) -> list[dict[str, str]]:
    return [place_of(value, values) for value in values.all("ADR")]


def place_of(value: Value, values: Values) -> dict[str, str]:
    """Return the parts of an address; text without structure becomes the street."""
    lists = values.lists(value)
    if len(lists) == 1:
        return {"street": value.plain}
    parts = [", ".join(filter(None, texts)) for texts in lists]
    box, extended, street, city, state, code, country = (parts + [""] * ADDRESS_PARTS)[:ADDRESS_PARTS]
    return {
        "street": ", ".join(filter(None, (box, extended, street))),
        "city": city,
        "state": state,
        "postal_code": code,
        "country": country,
    }
