"""Write and read jCard, the JSON of vCard 4.0 (RFC 7095). No library on PyPI that is maintained does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from service.contacts.card_lines import Card
from service.contacts.card_property import STRUCTURED, TEXT, VALUE_TYPES, CardProperty
from service.contacts.card_versions import JCARD, adapt
from service.contacts.card_writing import content_line, text_value
from service.contacts.vocabulary import UnreadableError

LINE_BREAK = re.compile(r"\r\n|\r")
JCARD_BYTES = 16_000_000
"""Of a file, which is read as a whole: JSON takes up to forty times its size in memory."""
VERSION = ["version", {}, TEXT, "4.0"]


def write_jcard(properties: Iterable[CardProperty]) -> bytes:
    """Return one jCard."""
    return orjson.dumps(["vcard", [VERSION, *map(_json_property, (adapt(p, JCARD) for p in properties))]])


def _json_property(property_: CardProperty) -> list[Any]:
    params = {key.lower(): _one_or_all(values) for key, values in property_.params.items()}
    if property_.group:
        params["group"] = property_.group
    declared = params.pop("value", "")
    value_type = (declared or property_.value_type).lower()
    if property_.value_type == TEXT and property_.name in VALUE_TYPES and not declared:
        # No form of its type: RFC 7095 takes it as vCard has it.
        return [property_.name.lower(), params, "unknown", text_value(property_)]
    lists = [[LINE_BREAK.sub("\n", text) for text in part] for part in property_.parts]
    parts = [_one_or_all(part) for part in lists]
    is_structured = len(parts) > 1 or property_.name in STRUCTURED
    values = [_one_or_all(parts)] if is_structured else lists[0]
    return [property_.name.lower(), params, value_type, *values]


def _one_or_all(values: Sequence[Any]) -> Any:
    """Return the only value, or the list of several."""
    return values[0] if len(values) == 1 else list(values)


def is_jcard(sample: bytes) -> bool:
    """Return whether a file that begins so is JSON with jCards."""
    return sample.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") and b'"vcard"' in sample.lower()


def read_jcards(chunks: Iterable[bytes]) -> Iterator[Card]:
    """Yield the cards in JSON as if they were cut from a vCard file; the line is the number of the card.

    UnreadableError when it is no JSON, or has more than JCARD_BYTES.
    """
    text = bytearray()
    for chunk in chunks:
        text += chunk
        if len(text) > JCARD_BYTES:
            raise UnreadableError(f"a jCard file of more than {JCARD_BYTES // 1_000_000} MB; send a vCard")
    try:
        cards = orjson.loads(text)
    except ValueError:
        raise UnreadableError("not a jCard: no JSON") from None
    if isinstance(cards, list) and cards[:1] == ["vcard"]:
        cards = [cards]
    for number, card in enumerate(cards if isinstance(cards, list) else [], 1):
        properties = card[1] if isinstance(card, list) and len(card) > 1 else []
        lines = [_line(p) for p in properties if _is_property(p)] if isinstance(properties, list) else []
        yield Card(number, properties=lines, size=sum(map(len, lines)))


def _is_property(json: Any) -> bool:
    """Return whether a value is [name, parameters, type, value, …]."""
    return (
        isinstance(json, list)
        and len(json) > 3
        and isinstance(json[0], str)
        and isinstance(json[1], dict)
        and isinstance(json[2], str)
    )


def _line(json: list[Any]) -> bytearray:
    """Return a property as a line of vCard 4.0."""
    name, params, value_type, *values = json
    parts = values[0] if len(values) == 1 and isinstance(values[0], list) else [values]
    name, value_type = name.upper(), value_type.lower()
    declared = {} if value_type in {"unknown", VALUE_TYPES.get(name, TEXT)} else {"VALUE": [value_type]}
    property_ = CardProperty(
        name,
        [_texts(part) for part in parts],
        {key.upper(): _texts(value) for key, value in params.items() if key != "group"} | declared,
        "".join(_texts(params.get("group", ""))),
        # Dates, numbers and the like have no escapes; those of a value of unknown type are its own.
        value_type,
    )
    return bytearray(content_line(property_, "4.0").encode(errors="replace"))


def _texts(value: Any) -> list[str]:
    """Return a value or the list of values as texts."""
    values = value if isinstance(value, list) else [value]
    return [v if isinstance(v, str) else orjson.dumps(v).decode() for v in values]
