"""Read vCards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from service.contacts.vocabulary import (
    CARD_LIMIT,
    CARD_TYPES,
    EXTENSION,
    LOCAL_SOURCE,
    PRODID,
    Contact,
    UnreadableError,
    card_label,
    merge_extension,
    parse_extension,
    split_numbers,
)

BINARY = re.compile(r"^(?:[\w-]+\.)?(PHOTO|LOGO|SOUND|KEY)\b", re.IGNORECASE)


def read_cards(lines: Iterator[str]) -> Iterator[tuple[int, str | None]]:
    """Yield (line, text) of each card, without pictures; the text of a card that is too big is None."""
    card: list[str] = []
    start = size = depth = 0
    skipping = False
    for number, line in enumerate(lines, 1):
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            depth += 1
            if depth == 1:
                card, start, size, skipping = [], number, 0, False
        if depth == 0:
            continue
        # A picture goes on in folded lines, in vCard 2.1 up to an empty one.
        skipping = bool(BINARY.match(line)) or (skipping and line[:1] in {" ", "\t"})
        if not skipping and depth == 1:
            size += len(line)
            if size <= CARD_LIMIT:
                card.append(line)
        if word == "END:VCARD":
            depth -= 1
            if depth == 0:
                yield start, "".join(card) if size <= CARD_LIMIT else None


def parse_card(text: str) -> Contact:
    """Return the contact of one card; UnreadableError when the text is none."""
    contents = _contents(text)
    name, extension = _first(contents, "n"), parse_extension(_text(_first(contents, EXTENSION)))
    first, last, additional = (_text(getattr(name, part, "")) for part in ("given", "family", "additional"))
    nickname, full_name = _text(_first(contents, "nickname")), _text(_first(contents, "fn"))
    labels = {label.group: _text(label.value) for label in contents.get("x-ablabel", ()) if label.group}
    emails = [{"email": _text(e.value), **_kind("email", e, labels)} for e in contents.get("email", ())]
    display_name = full_name if extension.pop("display_name", None) else ""
    company = _company(contents)
    # FN is required, so programs fill it with anything when a contact has no name.
    substitutes = {display_name, nickname, company, extension.get("uid"), extension.get("entity")}
    if not first and not last and full_name not in substitutes | {e["email"] for e in emails}:
        first, _, last = full_name.partition(" ")
    phones = contents.get("tel", ())
    numbers = split_numbers([_text(phone.value) for phone in phones], extension)
    contact = {
        "firstname": first,
        "lastname": last,
        "surname": nickname or additional,
        "display_name": display_name,
        "company": company,
        "job_title": _text(_first(contents, "title")) or _text(_first(contents, "role")),
        "comment": "\n".join(filter(None, (_text(n.value) for n in contents.get("note", ())))),
        "email": emails,
        "mobile": [{**n, **_kind("mobile", t, labels)} for n, t in zip(numbers, phones, strict=True)],
        "address": [{**_place(a.value), **_kind("address", a, labels)} for a in contents.get("adr", ())],
        "tag": [_text(t) for c in contents.get("categories", ()) for t in _as_list(c.value)],
    }
    is_own_file = _text(_first(contents, "prodid")) == PRODID or EXTENSION in contents
    return merge_extension(contact, {**({"source": LOCAL_SOURCE} if is_own_file else {}), **extension})


def _contents(text: str) -> Mapping[str, list[Any]]:
    """Return the properties of a card by their names in lower case; UnreadableError when the text is none."""
    # here: a table needs none of it, and each import starts a reader
    import vobject

    try:
        card = vobject.readOne(text, allowQP=True, ignoreUnreadable=True, transform=True)
    except Exception as exc:
        # vobject raises all kinds of exceptions for malformed input.
        raise UnreadableError(f"not a vCard: {type(exc).__name__}") from None
    if card is None:
        raise UnreadableError("not a vCard")
    contents: Mapping[str, list[Any]] = card.contents
    return contents


def _first(contents: Mapping[str, list[Any]], name: str) -> Any:
    """Return the first value of a property, or ""."""
    lines = contents.get(name)
    value = lines[0].value if lines else ""
    return value[0] if isinstance(value, list) and value else value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else str(value).split(",")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, (_text(v) for v in value)))
    return str(value or "").strip()


def _company(contents: Mapping[str, list[Any]]) -> str:
    """Return the name of the organization, without its units."""
    lines = contents.get("org")
    value = lines[0].value if lines else ""
    return next(filter(None, map(_text, value)), "") if isinstance(value, list) else _text(value)


def _kind(key: str, line: Any, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return category, label and is_default of an entry. `labels`: X-ABLabel by group."""
    types = {w.upper() for w in [*line.params.get("TYPE", []), *line.singletonparams]}
    preferred = "PREF" in types or bool(line.params.get("PREF"))
    category, label = "prof" if "WORK" in types else "priv", ""
    if line.group in labels:
        label = card_label(key, labels[line.group])
        category = "prof" if label == "work" else category
    elif category == "priv":
        label = next((label for label, type_ in CARD_TYPES[key].items() if type_ in types), "")
    return {"category": category, "label": label, "is_default": int(preferred)}


def _place(value: Any) -> dict[str, str]:
    """Return the parts of an address; text without structure becomes the street."""
    if not hasattr(value, "street"):
        return {"street": _text(value)}
    return {
        "street": ", ".join(filter(None, (_text(value.box), _text(value.extended), _text(value.street)))),
        "city": _text(value.city),
        "state": _text(value.region),
        "postal_code": _text(value.code),
        "country": _text(value.country),
    }
