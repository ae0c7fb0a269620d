"""The properties of a card as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vobject.icalendar import stringToTextValues

from service.contacts.card_lines import Card, Property, properties_of
from service.contacts.encodings import Decoder

ESCAPED = '\\,;:"'
LINE_BREAKS = "nN"
WITHOUT_LISTS = "2.1"
"""The version of vCard in which a comma is no separator."""
TRAILING_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")


@dataclass(frozen=True)
class Value:
    """A property as text. Escapes are those of the file."""

    text: str
    line: Property

    @property
    def plain(self) -> str:
        """The text without escapes."""
        return unescape(self.text, self.line.is_quoted_printable)

    def parts(self, separator: str) -> list[str]:
        """Return the parts between separators that are not escaped, without escapes."""
        is_quoted_printable = self.line.is_quoted_printable
        return [unescape(part, is_quoted_printable) for part in split(self.text, separator)]


@dataclass
class Values:
    """The properties of a card, in its order and by their names, and its labels by group."""

    lines: list[Value] = field(default_factory=list)
    by_name: dict[str, list[Value]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def all(self, name: str) -> list[Value]:
        """Return all values of a property."""
        return self.by_name.get(name, [])

    def lists(self, value: Value) -> list[list[str]]:
        """Return the texts between commas of each part between semicolons, without those that are empty."""
        is_quoted_printable = value.line.is_quoted_printable
        has_lists = self.has_lists
        return [
            [unescape(text, is_quoted_printable) for text in _texts(part, has_lists)]
            for part in split(value.text, ";")
        ]

    def names(self, name: str) -> list[str]:
        """Return the texts between commas of all values of a property."""
        texts = (t for v in self.all(name) for t in (v.parts(",") if self.has_lists else [v.plain]))
        return [text.strip() for text in texts if text.strip()]

    @property
    def has_lists(self) -> bool:
        """Whether a comma separates texts."""
        return self.first("VERSION") != WITHOUT_LISTS

    def add(self, value: Value) -> None:
        """Add the next property of the card."""
        self.lines.append(value)
        self.by_name.setdefault(value.line.name, []).append(value)
        if value.line.name == "X-ABLABEL" and value.line.group:
            self.labels[value.line.group] = value.plain

    def first(self, name: str) -> str:
        """Return the first value of a property that says something, or ""."""
        return next(filter(None, (value.plain for value in self.all(name))), "")


def values_of(card: Card, decoder: Decoder) -> Values:
    """Return the properties of a card as text."""
    values = Values()
    for property_ in properties_of(card):
        charset = property_.params.get("CHARSET", [""])[0]
        values.add(Value(decoder.decode(property_.value, charset).strip(), property_))
    return values


def _texts(text: str, has_lists: bool) -> list[str]:
    """Return the texts of a list, with escapes, without those that are empty."""
    return [part.strip() for part in (split(text, ",") if has_lists else [text]) if part.strip()]


def split(text: str, separator: str) -> list[str]:
    """Return the parts of a text between separators that are not escaped. The parts have their escapes."""
    return text.split(separator) if "\\" not in text else _read_text(text, separator, separator)


def unescape(text: str, is_quoted_printable: bool = False) -> str:
    """Return a text without escapes. Quoted-printable has line breaks of its own: there, \\n is a path."""
    if "\\" not in text:
        return text.strip()
    escaped = ESCAPED if is_quoted_printable else ESCAPED + LINE_BREAKS
    return _read_text(text, "", escaped)[0].strip()


def _read_text(text: str, separator: str, escaped: str) -> list[str]:
    # vobject takes the end of the text for an escaped character
    whole = f"{text}\\" if TRAILING_ESCAPE.search(text) and "\\" in escaped else text
    parts: list[str] = stringToTextValues(whole, separator, escaped)
    return parts
