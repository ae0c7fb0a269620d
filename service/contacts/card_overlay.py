"""Lay a contact over the card that it came in: what still says the same stays as it was written.

docs/decisions/whole-cards.md says what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from service.contacts.addresses import addresses_in
from service.contacts.card_lines import Property
from service.contacts.card_property import (
    KINDS,
    LISTS,
    STRUCTURED,
    TEXT,
    TEXTS,
    VALUE_TYPES,
    CardProperty,
    text_property,
)
from service.contacts.card_writing import text_value
from service.contacts.cleaning import clean, line
from service.contacts.extension import kind_of, number_of
from service.contacts.extra import KEY, NAME_PARTS, entry, is_binary, shown_params
from service.contacts.values import WITHOUT_LISTS, Value, Values
from service.contacts.vcards import line_kind, parse_card, place_of, preference_of
from service.contacts.vocabulary import PLACE_LIMITS, PRODID, split_number
from service.contacts.whole_cards import values_in

NAME_KEYS = [key for _, key in NAME_PARTS]
ITEM = re.compile(r"ITEM([0-9]{1,6})")
PARTS = {"N": 5, "ADR": 7}
"""Parts of values that may have lists, and their number."""
CARET = re.compile(r"\^([n^'])")
CARETS = {"n": "\n", "^": "^", "'": '"'}
DATE = re.compile(r"[0-9TtZz:+.-]+")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+|www\.\S+")

Contact = Mapping[str, Any]


class StoredCard:
    """The card that a contact came in, of which each property is used once; empty without one."""

    def __init__(self, contact: Contact) -> None:
        stored = contact.get("vcard") or {}
        self.uid: str = stored.get("uid") or ""
        self.values = values_in(stored["card"]) if stored.get("card") else Values()
        self._contact = contact
        self._unused = list(self.values.lines)
        # As an import would store the card.
        self._read = parse_card(self.values) if self._unused else {}
        self._cleaned = clean(self._read) if self._unused else {}

    @property
    def has_own_groups(self) -> bool:
        """Whether this service has chosen the groups itemN: it counts them from 1, in the order of the card.

        Those that another program has chosen stay, also in a card that this service has written since then.
        """
        is_own = not self.values.lines or self.values.first("PRODID") == PRODID
        return is_own and self._items() == list(range(1, len(self._items()) + 1))

    def free_item(self) -> int:
        """Return the number n of the last group itemN."""
        return max(self._items(), default=0)

    def _items(self) -> list[int]:
        """Return the numbers of the groups itemN, in the order of the card."""
        matches = (ITEM.fullmatch(value.line.group) for value in self.values.lines)
        return list(dict.fromkeys(int(item[1]) for item in matches if item))

    def says(self, *fields: str) -> bool:
        """Return whether the card has the values that these fields of the contact have now."""
        return bool(self._cleaned) and all(
            _comparable(self._cleaned[field]) == _comparable(self._contact[field]) for field in fields
        )

    def says_name(self) -> bool:
        """Return whether the names are those of the card, with prefix and suffix."""
        if not self.says("firstname", "lastname", "display_name", "company"):
            return False
        own, read = (contact.get("extra") or {} for contact in (self._contact, self._read))
        return all(_values(own.get(key)) == _values(read.get(key)) for key in NAME_KEYS)

    def take_all(self, name: str) -> list[CardProperty]:
        """Return all properties with a name, as they were written."""
        return [p for value in self.values.all(name) if value in self._unused for p in self._taken(value)]

    def take_tags(self) -> list[CardProperty]:
        """Return the tags as they were written, when they are those of the contact."""
        tags = [tag.strip() for value in self.values.all("CATEGORIES") for tag in value.parts(",")]
        return self.take_all("CATEGORIES") if sorted(tags) == sorted(self._contact["tag"]) else []

    def take_rest(self) -> list[CardProperty]:
        """Return what `extra` does not show: logos, sounds, keys, and names that are too long for it."""
        rest = [v for v in self._unused if is_binary(v) or not KEY.fullmatch(v.line.name.lower())]
        return [p for value in rest for p in self._taken(value)]

    def take(self, name: str, is_same: Callable[[Value], bool]) -> Value | None:
        """Return the first property with a name for which `is_same` is true; None without one."""
        value = next((v for v in self._unused if v.line.name == name and is_same(v)), None)
        if value:
            self._unused.remove(value)
        return value

    def take_entry(self, key: str, item: Contact) -> Value | None:
        """Return the property that says an entry of a list, for `extra` too."""
        names = {"email": "EMAIL", "mobile": "TEL", "address": "ADR"}
        return self.take(names[key], lambda value: self._is_entry(key, value, item))

    def take_extra(self, key: str, item: Contact) -> Value | None:
        """Return the property that says an entry of `extra`."""
        return self.take(key.upper(), lambda value: _joined(self._entry_of(key, value)) == _joined(item))

    def _entry_of(self, key: str, value: Value) -> Contact:
        """Return the entry of `extra` that an import makes of a property, with the help of the extension."""
        entries = (self._read.get("extra") or {}).get(key, [])
        values = [v for v in self.values.all(value.line.name) if v.text and not is_binary(v)]
        own: Contact = entry(value, self.values.labels)
        if len(entries) != len(values) or value not in values:
            return own
        declared: Contact = entries[next(index for index, v in enumerate(values) if v is value)]
        return declared

    def _is_entry(self, key: str, value: Value, item: Contact) -> bool:
        kind = kind_of(key, item)
        read = line_kind(key, value.line, self.values.labels)
        read["label"] = kind_of(key, {**read, "is_default": 0})["label"]
        if {name: kind[name] for name in read} != read:
            return False
        match key:
            case "email":
                return list(addresses_in(value.plain)) == [item["email"]]
            case "mobile":
                parts = {"areacode": item["areacode"], "phone": item["phone"]}
                return value.plain == number_of(item) or split_number(value.plain) == parts
            case _:
                place = place_of(value, self.values)
                return all(item[part] == line(text, PLACE_LIMITS[part]) for part, text in place.items())

    def written(self, value: Value) -> list[CardProperty]:
        """Return a property as the card has it, with its label."""
        label = self.values.labels.get(value.line.group, "") if value.line.group else ""
        group = value.line.group.lower()
        return [
            property_of(value, self.values),
            *([text_property("X-ABLabel", label, group)] if label else []),
        ]

    def _taken(self, value: Value) -> list[CardProperty]:
        self._unused.remove(value)
        return self.written(value)

    def company_marks(self) -> Iterator[CardProperty]:
        """Yield the properties that say whether the card is a person or a company."""
        for name in KINDS:
            yield from self.take_all(name)


def property_of(value: Value, values: Values) -> CardProperty:
    """Return a property of a stored card. `values`: all of the card."""
    source = value.line
    params = _params({k: [_decoded(w) for w in words] for k, words in shown_params(source).items()})
    if rank := preference_of(source):
        params["PREF"] = [str(rank)]
    if is_binary(value):
        return _binary(value, params)
    declared = params.get("VALUE", [""])[0].lower()
    if declared == TEXT or source.name in TEXTS:
        return CardProperty(source.name, _parts(value, values), params, source.group.lower())
    kind = declared or VALUE_TYPES.get(source.name, "unknown")
    parts = [[part] for part in value.parts(";")] if kind == "unknown" else [[value.plain]]
    text = CardProperty(_name(source), parts, params, source.group.lower())
    if text_value(text) == value.text and (kind == "unknown" or "\\" in value.text):
        return text
    return CardProperty(_name(source), [[value.text]], params, source.group.lower(), kind)


def extra_property(key: str, item: Contact, group: str) -> CardProperty:
    """Return the property of an entry of `extra` that no card says."""
    name, value = key.upper(), item["value"]
    params = _params(item.get("params") or {})
    parts = [[part] for part in value] if isinstance(value, list) else [[value]]
    kind = VALUE_TYPES.get(name, TEXT)
    pattern = DATE if kind == "date-and-or-time" else URI
    if kind != TEXT and len(parts) == 1 and "\\" not in parts[0][0] and pattern.fullmatch(parts[0][0]):
        return CardProperty(name, parts, params, group, kind)
    return CardProperty(name, parts, params, group)


def _name(source: Property) -> str:
    """Return the name of a property; that of an extension in the case that its program expects."""
    if not source.name.startswith("X-"):
        return source.name
    return source.head.partition(";")[0].strip().rpartition(".")[2] or source.name


def _decoded(word: str) -> str:
    """Return a parameter without the escapes of RFC 6868."""
    return CARET.sub(lambda escape: CARETS[escape[1]], word) if "^" in word else word


def _params(params: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return parameters with the preference as vCard 4.0 has it."""
    types = [word for word in params.get("TYPE", []) if word.upper() != "PREF"]
    is_preferred = types != params.get("TYPE", [])
    rest = {key: types if key == "TYPE" else words for key, words in params.items() if key != "TYPE" or types}
    return rest | ({"PREF": ["1"]} if is_preferred else {})


def _binary(value: Value, params: dict[str, list[str]]) -> CardProperty:
    """Return bytes as the data: URI of vCard 4.0."""
    line, text = value.line, value.text
    if line.is_bytes:
        kind = next(iter(params.pop("TYPE", [])), "octet-stream").lower()
        family = "application" if kind == "octet-stream" else "image"
        text = f"data:{kind if '/' in kind else f'{family}/{kind}'};base64,{text}"
    return CardProperty(line.name, [[text]], params, line.group.lower(), "uri")


def _parts(value: Value, values: Values) -> list[list[str]]:
    """Return the parts of a text, each a list of texts; empty parts stay."""
    name = value.line.name
    if name == "CATEGORIES" or (name in LISTS and values.first("VERSION") != WITHOUT_LISTS):
        return [value.parts(",")]
    if name in PARTS:
        lists = [texts or [""] for texts in values.lists(value)]
        return lists + [[""]] * (PARTS[name] - len(lists))
    return [[part] for part in value.parts(";")] if name in STRUCTURED else [[value.plain]]


def _joined(item: Contact) -> bytes:
    """Return an entry as JSON with the line breaks that a stored card has."""
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS).replace(b"\\r\\n", b"\\n")


def _values(entries: Any) -> list[Any]:
    return [item["value"] for item in entries or ()]


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value
