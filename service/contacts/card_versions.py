"""Convert properties between the versions of vCard, where the same value is written differently."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.contacts.card_property import BINARY, LINKED_BYTES, TEXT, VALUE_TYPES, CardProperty
from service.contacts.values import unescape

OLD = {"2.1", "3.0"}
JCARD = "jCard"
DATES = {"date-and-or-time", "date", "date-time", "timestamp"}
LONG_DATE = re.compile(r"(\d{4}|-)-(\d\d)-(\d\d)(.*)", re.DOTALL)
SHORT_DATE = re.compile(r"(\d{4}|--)(\d\d)(\d\d)(T.*)?", re.DOTALL)
FRACTION = re.compile(r"\.\d+")
"""Of a second: vCard 4.0 has none."""
OLD_GEO = re.compile(r"\s*(-?[0-9.]+)\s*[;,]\s*(-?[0-9.]+)\s*")
DATA_URI = re.compile(r"data:(?:image/|application/)?([^;,]*)[^,]*;base64,(.*)", re.IGNORECASE | re.DOTALL)
NO_VALUES = {"url", "binary"}
"""Values of the parameter VALUE that vCard 4.0 does not have."""


def adapt(property_: CardProperty, version: str) -> CardProperty:
    """Return a property as a version of vCard, or jCard, writes it."""
    text = property_.parts[0][0] if property_.parts and property_.parts[0] else ""
    if property_.name == "TEL" and text[:4].lower() == "tel:":
        return _number(property_, text, version)
    if property_.name == "GEO" and property_.value_type != TEXT:
        return _place(property_, text, version)
    if version == "2.1" and property_.value_type != TEXT and "\\" in text:
        # Its texts have other escapes.
        return replace(property_, parts=[[unescape(text)]], value_type=TEXT)
    if version in OLD:
        return _bytes(property_, text, version) if text[:5].lower() == "data:" else property_
    if property_.value_type == "timestamp":
        text = FRACTION.sub("", text)
    if property_.value_type in DATES:
        property_ = _with_text(property_, _long_date(text) if version == JCARD else _short_date(text))
    idle = NO_VALUES | ({VALUE_TYPES.get(property_.name, TEXT)} if version == JCARD else set())
    return replace(property_, params=_without(property_.params, "VALUE", idle))


def _number(property_: CardProperty, text: str, version: str) -> CardProperty:
    """Return a number that is a link: before vCard 4.0, numbers are texts."""
    if version in OLD:
        params = {key: words for key, words in property_.params.items() if key != "VALUE"}
        return replace(property_, parts=[[text[4:]]], params=params, value_type=TEXT)
    return replace(property_, params={**property_.params, "VALUE": ["uri"]}, value_type="uri")


def _place(property_: CardProperty, text: str, version: str) -> CardProperty:
    place = OLD_GEO.fullmatch(text.removeprefix("geo:"))
    if not place:
        return property_
    return _with_text(property_, f"{place[1]};{place[2]}" if version in OLD else f"geo:{place[1]},{place[2]}")


def _bytes(property_: CardProperty, text: str, version: str) -> CardProperty:
    """Return the bytes of a picture, a sound or a key as they were before vCard 4.0."""
    data = DATA_URI.fullmatch(text)
    if not data or (property_.name not in VALUE_TYPES and not LINKED_BYTES.match(text)):
        return property_
    kind = {"TYPE": [data[1].upper()]} if data[1] not in {"", "octet-stream"} else {}
    encoding = {"ENCODING": ["BASE64" if version == "2.1" else "b"]}
    params = {**property_.params, **encoding, **kind}
    return replace(property_, parts=[[data[2]]], params=params, value_type=BINARY)


def _short_date(text: str) -> str:
    """Return a date in the form of vCard 4.0, without hyphens."""
    date = LONG_DATE.fullmatch(text)
    if not date:
        return text
    year = "--" if date[1] == "-" else date[1]
    return f"{year}{date[2]}{date[3]}{date[4].replace(':', '')}"


def _long_date(text: str) -> str:
    """Return a date in the form of jCard, with hyphens."""
    date = SHORT_DATE.fullmatch(text)
    if not date:
        return text
    year = "-" if date[1] == "--" else date[1]
    return f"{year}-{date[2]}-{date[3]}{date[4] or ''}"


def _with_text(property_: CardProperty, text: str) -> CardProperty:
    return replace(property_, parts=[[text]])


def _without(params: Mapping[str, Sequence[str]], key: str, words: set[str]) -> Mapping[str, Sequence[str]]:
    """Return parameters without one that has such a value."""
    values = [word.lower() for word in params.get(key, ())]
    return {k: v for k, v in params.items() if k != key} if words.intersection(values) else params
