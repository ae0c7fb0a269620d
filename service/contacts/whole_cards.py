"""Cards as they came: the text that is stored beside a contact, and its picture.

docs/decisions/whole-cards.md says why.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from service.contacts.card_lines import Property, parse_property
from service.contacts.extra import TRANSPORT, TRANSPORT_TYPES, is_binary
from service.contacts.picture_kinds import MAX_BYTES, media_type
from service.contacts.values import Value, Values

LIMIT = 65_535
"""Bytes of a card that is stored."""
UID_LIMIT = 255
LINE_BREAK = re.compile(r"\r\n|\r|\n")
ESCAPED_BREAK = re.compile(r"\\(?=[nN])")
PIECE = re.compile(r';((?:[^";]|"[^"]*"?)*)')
"""A part of the head of a property: its name, or a parameter."""
BREAK = r"\\n"
PLAIN_HEAD = re.compile(r"[\w./-]+(?:;(?:TYPE|PREF|VALUE|LANGUAGE)=[\w,-]+)*", re.IGNORECASE | re.ASCII)
"""A head that stays as it is."""
BLANKS = re.compile(r"\s+")
DATA_URI = re.compile(r"data:[^,]*;base64\\?,", re.IGNORECASE)
"""The start of bytes as a link; iCloud escapes the comma."""


@dataclass(frozen=True)
class Picture:
    """A picture of a card: base64, media type, and SHA-256 as hexadecimal digits."""

    content: str
    type: str
    digest: str


def card_of(values: Values) -> tuple[dict[str, Any], list[str]]:
    """Return `uid` and `card` as they are stored, and why something of the card is not.

    Without `card` the text is too long. Bytes that do not fit, as those of a logo, are left out first.
    """
    uid = values.first("UID")
    parts = {"uid": uid} if 0 < len(uid) <= UID_LIMIT else {}
    text = card_text(values.lines)
    if len(text.encode()) <= LIMIT:
        return {**parts, "card": text}, []
    names = sorted({v.line.name for v in values.lines if v.line.name != "PHOTO" and is_binary(v)})
    text = card_text([value for value in values.lines if value.line.name not in names])
    if names and len(text.encode()) <= LIMIT:
        return {**parts, "card": text}, [f"{name} is too big to be kept" for name in names]
    return {**parts}, ["the card is too big to be kept as it is"]


def card_text(lines: list[Value]) -> str:
    """Return a card in normal form, without bytes of pictures."""
    texts = [_line(value) for value in lines if value.line.name not in {"BEGIN", "END"}]
    return "\n".join(["BEGIN:VCARD", *filter(None, texts), "END:VCARD", ""])


def values_in(text: str) -> Values:
    """Return the properties of a card in normal form."""
    values = Values()
    for line in text.split("\n")[1:-2]:
        property_ = parse_property(line.encode())
        values.add(Value(property_.value.decode(errors="replace"), property_))
    return values


def _line(value: Value) -> str:
    """Return one property in normal form; "" for a picture."""
    line = value.line
    if is_binary(value):
        return "" if line.name == "PHOTO" else f"{_head(line)}:{BLANKS.sub('', value.text)}"
    # in quoted-printable, \n is no line break but a backslash and an n
    text = ESCAPED_BREAK.sub(r"\\\\", value.text) if line.is_quoted_printable else value.text
    return f"{_head(line)}:{text if text.isprintable() else LINE_BREAK.sub(BREAK, text)}"


def _head(line: Property) -> str:
    """Return name and parameters of a property, without those that say how its value is written."""
    if PLAIN_HEAD.fullmatch(line.head):
        return line.head
    name, *pieces = PIECE.findall(f";{LINE_BREAK.sub(' ', line.head)}")
    parts = [name.strip()]
    for piece in pieces:
        key, is_parameter, _ = piece.partition("=")
        if not is_parameter and piece.strip():
            # a type of vCard 2.1
            parts += [f"TYPE={piece.strip()}"] if piece.strip().upper() not in TRANSPORT_TYPES else []
        elif key.strip().upper() not in TRANSPORT:
            parts.append(piece.strip())
    return ";".join([*filter(None, parts), *(["ENCODING=b"] if line.is_bytes else [])])


def picture_of(values: Values) -> tuple[Picture | None, str]:
    """Return the picture of a card, and why there is none although the card has one."""
    reason = ""
    for value in values.all("PHOTO"):
        if not is_binary(value):
            continue
        picture, reason = _picture(value.text)
        if picture:
            return picture, ""
    return None, reason


def _picture(text: str) -> tuple[Picture | None, str]:
    # base64 is a third longer than what it stands for
    if len(text) * 3 > MAX_BYTES * 4 + 200_000:
        return None, f"the picture has more than {MAX_BYTES} bytes"
    try:
        content = binascii.a2b_base64(DATA_URI.sub("", text, count=1))
    except ValueError:
        return None, "the picture is damaged"
    kind = media_type(content)
    if kind is None:
        return None, "the picture is neither PNG, JPEG, GIF nor WebP"
    if len(content) > MAX_BYTES:
        return None, f"the picture has more than {MAX_BYTES} bytes"
    return Picture(base64.b64encode(content).decode(), kind, hashlib.sha256(content).hexdigest()), ""
