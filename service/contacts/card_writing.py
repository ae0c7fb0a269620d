"""Write cards as vCard 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350).

vobject 0.9.9 folds after 75 characters instead of bytes, writes neither 2.1 nor 4.0, and takes six times as
long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from service.contacts.card_property import BINARY, STRUCTURED, TEXT, CardProperty
from service.contacts.card_versions import adapt

LINE_BYTES = 75
NEEDS_QUOTES = re.compile("[,;:]")
NO_PARAM = re.compile(r'[\x00-\x1f"]+')
"""Characters that a parameter of vCard 3.0 cannot have."""
NO_PARAM_21 = re.compile(r'\s*[\x00-\x1f",;:]+\s*')
"""Those of vCard 2.1, which has no quotes."""
CARETS = str.maketrans({"^": "^^", "\n": "^n", '"': "^'"})
"""RFC 6868: how parameters of vCard 4.0 have these characters."""
LINE_BREAKS = re.compile(r"[\r\n]+")
PLAIN = re.compile(r"[ -~]*", re.ASCII)
AMBIGUOUS = re.compile(r'\\(?=[\\,;:"]|\Z)')
"""A backslash that readers of vCard 2.1 take for an escape."""


def write_vcard(properties: Iterable[CardProperty], version: str) -> str:
    """Return one vCard."""
    is_21 = version == "2.1"
    adapted = (adapt(p, version) for p in properties)
    contents = (_line_21(p) if is_21 else fold(content_line(p, version)) for p in adapted)
    lines = ["BEGIN:VCARD", f"VERSION:{version}", *contents, "END:VCARD"]
    return "".join(f"{line}\r\n" for line in lines)


def content_line(property_: CardProperty, version: str) -> str:
    """Return a property as vCard 3.0 or 4.0 has it, in one line."""
    params = _params_40(property_.params) if version == "4.0" else _params_30(property_.params)
    return _in_one_line(f"{_name(property_)}{params}:{text_value(property_)}")


def _in_one_line(line: str) -> str:
    """Return a line without breaks, which would end the card and begin another one."""
    return LINE_BREAKS.sub(" ", line)


def _name(property_: CardProperty) -> str:
    return f"{property_.group}.{property_.name}" if property_.group else property_.name


def text_value(property_: CardProperty) -> str:
    """Return the value of a property with the escapes of vCard 3.0 and 4.0."""
    if property_.value_type != TEXT:
        return property_.parts[0][0]
    return ";".join(",".join(map(escape, part)) for part in property_.parts)


def _params_30(params: Mapping[str, Sequence[str]]) -> str:
    """Return parameters, the most preferred entry with a type."""
    return "".join(
        f";{key}={','.join(_quoted(NO_PARAM.sub(' ', value)) for value in values)}"
        for key, values in _with_pref_type(params)
    )


def _params_40(params: Mapping[str, Sequence[str]]) -> str:
    """Return parameters, a TYPE for each type."""
    return "".join(
        f";{key}={','.join(_quoted(word.translate(CARETS)) for word in words)}"
        for key, values in params.items()
        for words in ([[value] for value in values] if key == "TYPE" else [values])
    )


def _with_pref_type(params: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield parameters as before vCard 4.0: the most preferred entry has the type PREF."""
    is_preferred = params.get("PREF") == ["1"]
    for key, words in params.items():
        if key == "TYPE":
            yield key, [*words, *(["PREF"] if is_preferred else [])]
        elif key == "PREF" and is_preferred:
            yield from () if "TYPE" in params else [("TYPE", ["PREF"])]
        else:
            yield key, words


def _quoted(value: str) -> str:
    return f'"{value}"' if NEEDS_QUOTES.search(value) else value


def _line_21(property_: CardProperty) -> str:
    """Return a property as vCard 2.1 has it. All but short lines of ASCII are in quoted-printable."""
    params = "".join(
        # readers take a word of other letters for a type only with its name
        "".join(f";{'' if value.isascii() else 'TYPE='}{NO_PARAM_21.sub(' ', value)}" for value in values)
        if key == "TYPE"
        else f";{key}={NO_PARAM_21.sub(' ', ','.join(values))}"
        for key, values in _with_pref_type(property_.params)
    )
    head, value = _in_one_line(f"{_name(property_)}{params}"), _value_21(property_)
    if property_.value_type == BINARY:
        # An empty line ends base64.
        return fold(_in_one_line(f"{head}:{value}")) + "\r\n"
    # Many readers take \n for a line break there, and none of them in quoted-printable.
    if PLAIN.fullmatch(value) and "\\" not in value and len(head) + len(value) < LINE_BYTES:
        return f"{head}:{value}"
    return _quoted_printable(f"{head};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:", value)


def _value_21(property_: CardProperty) -> str:
    """Return a value with the escapes of vCard 2.1, which has line breaks of its own."""
    if property_.value_type != TEXT:
        return property_.parts[0][0]
    is_structured = property_.name in STRUCTURED or len(property_.parts) > 1
    is_list = property_.name == "CATEGORIES"
    # it has lists of tags only
    comma = "," if is_list else ", "
    parts = [comma.join(_escape_21(t, is_structured, is_list) for t in part) for part in property_.parts]
    return ";".join(parts)


def _escape_21(text: str, is_structured: bool, is_list: bool) -> str:
    text = AMBIGUOUS.sub(r"\\\\", text)
    if is_structured or is_list:
        text = text.replace(";", "\\;")
    return text.replace(",", "\\,") if is_list else text


def _quoted_printable(head: str, value: str) -> str:
    """Return a line in quoted-printable, with soft breaks. After one, some programs ignore a blank."""
    lines, line = [], head
    for char in _quoted_characters(value):
        if len(line) + len(char) >= LINE_BYTES:
            lines.append(f"{line}=")
            line, char = "", "=20" if char == " " else char
        line += char
    return "\r\n".join([*lines, line])


def _quoted_characters(value: str) -> Iterator[str]:
    """Yield each character of a value in quoted-printable; no break is within one.

    Without colons, a line after a break looks like no property.
    """
    for char in value:
        yield char if PLAIN.fullmatch(char) and char not in "=:" else _quoted_bytes(char)


def _quoted_bytes(char: str) -> str:
    return "".join(f"={byte:02X}" for byte in char.encode())


def escape(text: str) -> str:
    """Return a text with the escapes of vCard 3.0 and 4.0."""
    for char in ("\\", ",", ";"):
        text = text.replace(char, f"\\{char}")
    return text.replace("\r\n", "\n").replace("\n", "\\n").replace("\r", "\\n")


def fold(line: str) -> str:
    """Break a line into lines of at most 75 bytes, never within a character."""
    if line.isascii():
        rest = (line[at : at + LINE_BYTES - 1] for at in range(LINE_BYTES, len(line), LINE_BYTES - 1))
        return "\r\n ".join([line[:LINE_BYTES], *rest])
    parts, part, size = [], "", 0
    for char in line:
        width = len(char.encode())
        if size + width > LINE_BYTES:
            parts.append(part)
            part, size = " ", 1
        part += char
        size += width
    return "\r\n".join([*parts, part])
