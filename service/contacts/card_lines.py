"""Cut a file into vCards and their properties, on bytes: encodings differ within files, even within a card.

Damage costs as little as possible: a card whose END is absent ends where the next one begins, and a line
that is no property belongs to the property before it.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vobject.base import parseParams

from service.contacts.card_property import KINDS, TEXTS, VALUE_TYPES
from service.contacts.vocabulary import CARD_LIMIT

CARD_BYTES = 4 * CARD_LIMIT
"""Bytes of one card without its pictures."""
BINARY_BYTES = {b"PHOTO": 1_500_000, b"LOGO": 65_536, b"SOUND": 65_536, b"KEY": 65_536}
"""Properties that may hold bytes, as base64, and the length to which they are read."""
BINARY_NAMES = {name.decode() for name in BINARY_BYTES}
BLANKS = b" \t"
EMPTY = b" \t\r\n\0"
BEGIN = re.compile(rb"BEGIN[ \t]*:[ \t]*VCARD[ \t]*", re.IGNORECASE)
END = re.compile(rb"END[ \t]*:[ \t]*VCARD[ \t]*", re.IGNORECASE)
VERSION = re.compile(rb"VERSION[ \t]*:", re.IGNORECASE)
"""The line after the BEGIN of a card, hardly ever after that of a note."""
AGENT = re.compile(rb"(?:[\w-]+\.)?AGENT[^:]{0,100}:\s*", re.IGNORECASE)
PROPERTY = re.compile(rb"[A-Za-z0-9_./-]+[ \t]*[;:]")
FOLDED_NAME = re.compile(rb"(?:[A-Za-z0-9-]+\.)?([A-Za-z0-9/-]+)[;:]")
NAMES = {*TEXTS, *VALUE_TYPES, *KINDS, "PRODID", "VERSION"}
"""Properties that are found also when a fold has cut their name; so are all with X-."""
HEAD = re.compile(rb'((?:[^":]|"[^"]*")*):(.*)', re.DOTALL)
SPACES = re.compile(r"\s*([;=])\s*")
ANDROID_LABEL = re.compile(
    r";X-CUSTOM\((?:CHARSET=([\w-]+),)?(?:ENCODING=QUOTED-PRINTABLE,)?([^)]*)\)", re.IGNORECASE
)
NO_LABEL = re.compile(r'[\\",;:]')
SOFT_FOLD = re.compile(rb"[ \t]=")
JUNK = re.compile(rb"\A(?:\0|\xef\xbb\xbf)+")
"""NUL and byte order marks, which programs put between cards."""


@dataclass
class Property:
    """One property of a card."""

    name: str
    group: str = ""
    params: dict[str, list[str]] = field(default_factory=dict)
    value: bytes = b""
    """As it was before any transfer encoding; of one that is_bytes, the base64."""
    is_quoted_printable: bool = False
    is_bytes: bool = False
    """Whether the value is base64 of something that is no text."""
    head: str = ""
    """Group, name and parameters as the file writes them."""


@dataclass
class Card:
    """The properties of one card, unfolded, and the number of its first line."""

    line: int
    indent: bytes = b""
    """Blanks before BEGIN, which other lines of the card have as well."""
    properties: list[bytearray] = field(default_factory=list)
    size: int = 0
    last: bytes = b""
    """The last line of the file, for a card without END."""
    binary_limit: int = 0
    """Length to which the last property is read; 0 for a text."""
    is_quoted_printable: bool = False
    is_soft: bool = False
    """The last line ends in a soft break of quoted-printable."""
    text_start: int = 0
    """Where a line that looks like no property begins in the last one; 0: nowhere."""

    def add(self, line: bytes) -> None:
        """Add a line of the file."""
        line = line.replace(b"\0", b"")
        if self.indent and line.startswith(self.indent) and PROPERTY.match(line, len(self.indent)):
            line = line[len(self.indent) :]
        self.last = line.strip(BLANKS)
        if self.is_soft:
            del self.properties[-1][-1:]
            # Samsung folds after a soft break, with a blank that is no text.
            self._extend(line[1:] if SOFT_FOLD.match(line) else line)
        elif line[:1] in {b" ", b"\t"}:
            self._extend(line[1:])
            self._begin_folded_name()
        elif PROPERTY.match(line):
            self._start(line)
        elif line:
            # A text whose breaks are not escaped. A picture goes on without blanks as well.
            self.text_start = len(self.properties[-1]) if self.properties else 0
            self._extend(b"\n" + line)

    def _start(self, line: bytes) -> None:
        self.text_start = 0
        head = line.partition(b":")[0].upper()
        name = head.partition(b";")[0].strip(BLANKS).rpartition(b".")[2]
        self.binary_limit = BINARY_BYTES.get(name, 0)
        self.is_quoted_printable = b"QUOTED-PRINTABLE" in head
        self.properties.append(bytearray())
        self._extend(line)

    def _begin_folded_name(self) -> None:
        """Begin a property when a line without a colon was the start of its name, which a fold has cut."""
        if not self.text_start or not self.properties:
            return
        line = bytes(self.properties[-1][self.text_start + 1 :])
        name = FOLDED_NAME.match(line)
        if name and (name[1][:2] in {b"X-", b"x-"} or name[1].decode().upper() in NAMES):
            del self.properties[-1][self.text_start :]
            self._start(line)

    def _extend(self, text: bytes) -> None:
        """Add a text to the last property, unless that is too long."""
        self.is_soft = False
        if not self.properties:
            return
        if self.binary_limit:
            if len(self.properties[-1]) < self.binary_limit:
                self.properties[-1] += text
            return
        self.size += len(text)
        if self.size > CARD_BYTES:
            return
        self.properties[-1] += text
        self.is_soft = self.is_quoted_printable and text.endswith(b"=")

    @property
    def expects_card(self) -> bool:
        """Whether the next card is the value of AGENT."""
        return bool(self.properties and AGENT.fullmatch(self.properties[-1]))

    @property
    def is_too_big(self) -> bool:
        """Whether the card is bigger than a contact may be."""
        return self.size > CARD_BYTES

    def without_end(self) -> Card:
        """Return the card without the line END:VCARD that became a text of its last property.

        It was the end after all: no other one followed.
        """
        if self.properties and END.fullmatch(self.last):
            del self.properties[-1][-len(self.last) :]
        return self


def cut_cards(lines: Iterable[bytes]) -> Iterator[Card]:
    """Yield the cards of a file."""
    card: Card | None = None
    depth = 0
    for number, line, following in _with_following(lines):
        bare = JUNK.sub(b"", line.rstrip(b"\r\n\0"))
        if card is None:
            text = bare.lstrip(BLANKS)
            if BEGIN.fullmatch(text):
                card, depth = Card(number, indent=bare[: len(bare) - len(text)]), 1
            continue
        mark = b"" if _is_text(card, bare, following) else bare.strip(BLANKS)
        if BEGIN.fullmatch(mark):
            if depth == 1 and card.expects_card:
                depth = 2
                continue
            yield card.without_end()
            card, depth = Card(number, indent=card.indent), 1
        elif END.fullmatch(mark):
            depth -= 1
            if depth == 0:
                yield card
                card = None
        elif depth == 1:
            card.add(bare)
    if card is not None:
        yield card.without_end()


def _with_following(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, line, and the next line that is not empty; of empty lines in a row the first one."""
    waiting: list[tuple[int, bytes]] = []
    for number, line in enumerate(lines, 1):
        if line.strip(EMPTY):
            yield from ((*before, line) for before in waiting)
            waiting = [(number, line)]
        elif len(waiting) < 2:
            waiting.append((number, line))
    yield from ((*before, b"") for before in waiting)


def _is_text(card: Card, line: bytes, following: bytes) -> bool:
    """Return whether a line is text of a property, even if it says BEGIN or END."""
    if VERSION.match(following.lstrip(BLANKS)):
        return False
    # After a text that is folded before BEGIN:VCARD, the text or the card goes on.
    goes_on = following[:1] in {b" ", b"\t"} or PROPERTY.match(following)
    return card.is_soft or (_is_fold(card, line) and bool(goes_on))


def _is_fold(card: Card, line: bytes) -> bool:
    """Return whether a line goes on with the text of the line before."""
    return line[:1] in {b" ", b"\t"} and not (card.indent and line.startswith(card.indent))


def properties_of(card: Card) -> Iterator[Property]:
    """Yield the properties of a card."""
    for line in card.properties:
        property_ = parse_property(bytes(line))
        if property_.name:
            yield property_


def parse_property(line: bytes) -> Property:
    """Return the property of an unfolded line; its name is "" when the line is none."""
    parts = HEAD.fullmatch(line) if b'"' in line else None
    head, value = parts.groups() if parts else line.partition(b":")[::2]
    text = head.decode("utf-8", "replace")
    group, _, name = text.partition(";")[0].strip().upper().rpartition(".")
    if ";" not in text:
        return Property(name, group, {}, value, head=text.strip())
    params = _params(ANDROID_LABEL.sub(_android_label, text))
    encodings = {word.upper() for key in ("ENCODING", "TYPE") for word in params.get(key, ())}
    is_base64 = "BASE64" in encodings or params.get("ENCODING", [""])[0].upper() == "B"
    if "QUOTED-PRINTABLE" in encodings:
        value = quopri.decodestring(value)
    elif is_base64 and name not in BINARY_NAMES:
        content = _decode_base64(value)
        is_base64 = b"\0" in content
        value = value if is_base64 else content
    return Property(name, group, params, value, "QUOTED-PRINTABLE" in encodings, is_base64, text.strip())


def _android_label(match: re.Match[str]) -> str:
    """Return a label of old Android programs as the type that other programs write."""
    charset, text = match[1] or "utf-8", match[2]
    try:
        label = quopri.decodestring(text.encode()).decode(charset)
    except (LookupError, UnicodeError):
        label = text
    return f';TYPE="X-{NO_LABEL.sub(" ", label)}"'


def _params(head: str) -> dict[str, list[str]]:
    """Return the parameters of a property by name; those without a name are types, as in vCard 2.1."""
    params: dict[str, list[str]] = {}
    if head.count('"') % 2:
        head = head.replace('"', "")
    for key, *words in parseParams(head if '"' in head or " " not in head else SPACES.sub(r"\1", head)):
        if not words:
            key, words = "TYPE", [key]
        # dmfs escapes the comma between types; others put it into quotes.
        texts = (text for word in words for text in (word.split(",") if key.upper() == "TYPE" else [word]))
        params.setdefault(key.upper(), []).extend(text.strip(' "\\') for text in texts)
    return params


def _decode_base64(value: bytes) -> bytes:
    """Return the bytes that base64 stands for; the value itself when it is none."""
    try:
        return binascii.a2b_base64(value)
    except binascii.Error:
        return value
