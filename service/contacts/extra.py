"""What a card says and no column of a contact holds: the object `extra` (docs/decisions/whole-cards.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from service.contacts.card_lines import BINARY_NAMES, Property
from service.contacts.card_property import KINDS, LINKED_BYTES, STRUCTURED
from service.contacts.headings import normal
from service.contacts.values import Value, Values
from service.contacts.vocabulary import APPLE_LABEL, CONTROL_BUT_LAYOUT, Contact

LONGEST_HEADING = 60
LIMIT = 65_535
"""Bytes of compact JSON."""
KEY = re.compile(r"[a-z0-9_./-]{1,255}")
PARAM = re.compile(r"""[^\x00-\x20\x7f"=:;,]{1,64}""")
COLUMNS = {
    *("BEGIN", "END", "VERSION", "PRODID", "UID", "REV", "PROFILE", "X-DRUMEE", "X-ABLABEL"),
    *("EMAIL", "TEL", "ADR", "NOTE", "CATEGORIES", "NICKNAME", *KINDS),
}
"""Properties that fields of the contact hold, or that describe the card itself."""
FIRST = ("FN", "N", "ORG", "TITLE", "ROLE")
"""Properties of which a field holds the first one."""
NAME_PARTS = ((2, "middle_name"), (3, "prefix"), (4, "suffix"))
TRANSPORT = {"ENCODING", "CHARSET"}
TRANSPORT_TYPES = {"QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT", "UTF-8"}
"""Types of vCard 2.1 that say how the value is written."""

MARKS = re.compile(r"^geo:|[\W_]+")
"""Parts of a value that differ between the versions of vCard."""

PLACES = {
    **dict.fromkeys(("birthday", "geburtstag", "anniversaire", "cumpleaños"), "bday"),
    **dict.fromkeys(("anniversary", "jahrestag", "aniversario"), "anniversary"),
    **dict.fromkeys(("web page", "website", "website value", "personal web page", "webseite"), "url"),
}
"""Properties for columns of tables that are kept in `custom_fields`, by heading as `normal` writes it."""
DATE = re.compile(r"(?:[0-9]{4}|-)-[0-9]{2}-[0-9]{2}")
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)

Extra = dict[str, list[dict[str, Any]]]


def extra_of(values: Values, contact: Contact, unused: Sequence[Value] = ()) -> Extra:
    """Return what a card says beside the fields of its contact. `unused`: values that no field takes."""
    extra: Extra = {key: _texts(names) for key, names in name_parts(values)}
    if departments := departments_of(values, contact["company"]):
        extra["department"] = _texts(departments)
    if nicknames := values.names("NICKNAME")[1:]:
        extra["nickname"] = _texts(nicknames)
    for name, entries in values.by_name.items():
        key = name.lower()
        if name in COLUMNS or not KEY.fullmatch(key):
            continue
        if entries_beside := [entry(value, values.labels) for value in _beside(name, entries, contact)]:
            extra.setdefault(key, []).extend(entries_beside)
    for value in filter(lambda value: value.text, unused):
        extra.setdefault(value.line.name.lower(), []).append(entry(value, values.labels))
    return extra


def entry(value: Value, labels: dict[str, str]) -> dict[str, Any]:
    """Return one property as an entry. `labels`: X-ABLabel by group."""
    name, params = value.line.name, shown_params(value.line)
    # X- properties may have parts as well
    parts = value.parts(";") if name in STRUCTURED or name.startswith("X-") else []
    label = labels.get(value.line.group, "")
    apple = APPLE_LABEL.fullmatch(label)
    return {
        "value": [_text(part) for part in parts] if len(parts) > 1 else _text(value.plain),
        **({"label": _text(apple[1] if apple else label)} if label else {}),
        **({"params": params} if params else {}),
    }


def shown_params(property_: Property) -> dict[str, list[str]]:
    """Return the parameters of a property, without those that say how its value is written."""
    params = {key: words for key, words in property_.params.items() if key not in TRANSPORT}
    types = [word for word in params.get("TYPE", ()) if word.upper() not in TRANSPORT_TYPES]
    if "TYPE" in params:
        params["TYPE"] = types
    return {key: [_text(word) for word in words] for key, words in params.items() if words}


def limited(extra: Extra) -> tuple[Extra, list[str]]:
    """Return as many properties as a contact may have, and the keys of the others."""
    fitting: Extra = {}
    left_out: list[str] = []
    size = 2
    for key, entries in extra.items():
        bytes_ = len(orjson.dumps({key: entries})) + 1
        if size + bytes_ <= LIMIT:
            fitting[key] = entries
            size += bytes_
        else:
            left_out.append(key)
    return fitting, left_out


def unchanged(aside: Any, read: Extra) -> Extra:
    """Return those properties of an extension that the file still says, maybe in another form.

    A date of vCard 4.0 has no hyphens, and types are in lower case. `read`: what the file says.
    """
    if not isinstance(aside, dict) or not is_storable(aside):
        return {}
    return {k: items for k, items in aside.items() if k not in read or _reduced(items) == _reduced(read[k])}


def derived_extra(custom_fields: Any, extra: Extra) -> Extra:
    """Return the birthdays and web pages among `custom_fields`, for programs that do not know these."""
    derived: Extra = {}
    for heading, value in custom_fields.items() if isinstance(custom_fields, dict) else ():
        key = PLACES.get(normal(heading[:LONGEST_HEADING]), "")
        pattern = LINK if key == "url" else DATE
        if key and key not in extra and isinstance(value, str) and pattern.fullmatch(value):
            derived.setdefault(key, []).append({"value": value})
    return derived


def without_derived(extra: Extra, names: Any, custom_fields: Any) -> Extra:
    """Return what a card says without what its writer derived from `custom_fields`. `names`: its keys."""
    derived = derived_extra(custom_fields, {})
    again = {k for k in derived if isinstance(names, list) and k in names and k in extra}
    again = {key for key in again if _reduced(extra[key]) == _reduced(derived[key])}
    return {key: items for key, items in extra.items() if key not in again}


def _reduced(entries: Any) -> str:
    """Return the letters and digits of values."""
    return MARKS.sub("", "".join(text for item in entries for text in item["value"])).casefold()


def is_storable(extra: Any) -> bool:
    """Return whether a value of a file can be stored as `extra`."""
    return isinstance(extra, dict) and flaw_of(extra) is None and len(orjson.dumps(extra)) <= LIMIT


def flaw_of(extra: dict[str, Any]) -> tuple[str, str] | None:
    """Return (path, sentence) of the first value that has another shape; None when all is well."""
    return next(_flaws(extra), None)


def _flaws(extra: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, entries in extra.items():
        if not KEY.fullmatch(key):
            yield f"extra.{key[:64]}", "is not a name (1 to 255 of a-z 0-9 _ . / -)"
        elif not isinstance(entries, list) or not entries:
            yield f"extra.{key}", "must be an array with at least one entry"
        else:
            for index, item in enumerate(entries):
                yield from _entry_flaws(f"extra.{key}[{index}]", item)


def _entry_flaws(path: str, item: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(item, dict):
        yield path, "must be an object"
    elif not (isinstance(item.get("value"), str) or _is_texts(item.get("value"))):
        yield f"{path}.value", "must be a string, or an array of strings"
    elif not isinstance(item.get("label", ""), str):
        yield f"{path}.label", "must be a string"
    elif not isinstance(params := item.get("params", {}), dict) or not all(map(_is_texts, params.values())):
        yield f"{path}.params", "must be an object of arrays of strings"
    elif not all(map(PARAM.fullmatch, params)):
        yield f"{path}.params", "must have names of 1 to 64 characters without blanks, quotes and =:;,"
    elif unknown := item.keys() - {"value", "label", "params"}:
        yield f"{path}.{min(unknown)[:64]}", "is neither value nor label nor params"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


def name_parts(values: Values) -> Iterator[tuple[str, list[str]]]:
    """Yield the middle names, prefixes and suffixes of the first N."""
    names = values.all("N")
    parts = values.lists(names[0]) if names else []
    for index, key in NAME_PARTS:
        if index < len(parts) and parts[index]:
            yield key, parts[index]


def departments_of(values: Values, company: str) -> list[str]:
    """Return the units of the organization that is the company."""
    for value in values.all("ORG"):
        name, *units = value.parts(";")
        if name.strip():
            return [unit for unit in units if unit.strip()] if name.strip() == company else []
    return []


def _beside(name: str, entries: list[Value], contact: Contact) -> Iterator[Value]:
    """Yield those of the properties with one name that say something beside the fields."""
    is_taken = name not in FIRST
    for value in entries:
        if not value.text or is_binary(value):
            continue
        if not is_taken and _is_field(name, value, contact):
            is_taken = True
        else:
            yield value


def _is_field(name: str, value: Value, contact: Contact) -> bool:
    """Return whether a field holds what a property in FIRST says."""
    match name:
        case "ORG":
            return bool(value.parts(";")[0].strip() == contact["company"])
        case "TITLE" | "ROLE":
            return bool(value.plain == contact["job_title"])
        case _:
            return True


def is_binary(value: Value) -> bool:
    """Return whether a property holds bytes, not the address of a file."""
    name = value.line.name
    is_link = (name in BINARY_NAMES and value.text[:5].lower() == "data:") or (
        name.startswith("X-") and LINKED_BYTES.match(value.text)
    )
    return value.line.is_bytes or bool(is_link)


def _texts(texts: list[str]) -> list[dict[str, Any]]:
    return [{"value": _text(text)} for text in texts]


def _text(text: str) -> str:
    return text if text.isprintable() else CONTROL_BUT_LAYOUT.sub("", text)
