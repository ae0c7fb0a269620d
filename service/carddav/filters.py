"""The filters of addressbook-query (RFC 6352, 10.5), and the parts of cards that requests want."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import contains, eq
from xml.etree.ElementTree import Element

from service.carddav.answers import CardText
from service.carddav.errors import dav_error
from service.carddav.xml import carddav
from service.contacts.card_lines import cut_cards
from service.contacts.encodings import Decoder
from service.contacts.values import Value, Values, values_of
from service.errors import RequestError

VERSIONS = ("3.0", "4.0")
CONTENT_TYPES = {"text/vcard", "text/x-vcard", "text/directory"}
FOLD = re.compile(r"\r?\n[ \t]")
LOGICAL_LINES = re.compile(r"\r?\n(?![ \t])")
HEAD = re.compile(r'(?P<group>[\w-]+\.)?(?P<name>[\w-]+)(?:;(?:[^":\r\n]|"[^"]*")*)?:', re.ASCII)
ALWAYS = {"BEGIN", "VERSION", "END"}
"""Properties without which a text is no card."""
UPPER = {letter: letter - 32 for letter in range(ord("a"), ord("z") + 1)}
SAME_NAMES = {
    name: pair
    for pair in (("KIND", "X-ADDRESSBOOKSERVER-KIND"), ("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"))
    for name in pair
}
"""Names of one property in vCard 4.0 and 3.0: a client may ask for the one, and the card have the other."""
MOST_CONDITIONS = 100
"""Elements of a filter: each is compared with each property of each card."""


def _fold_unicode(text: str) -> str:
    """Return the text as i;unicode-casemap compares it (RFC 5051)."""
    return unicodedata.normalize("NFKD", text.casefold())


def _fold_ascii(text: str) -> str:
    """Return the text as i;ascii-casemap compares it (RFC 4790)."""
    return text.translate(UPPER)


COLLATIONS: dict[str, Callable[[str], str]] = {
    "i;unicode-casemap": _fold_unicode,
    "i;ascii-casemap": _fold_ascii,
    "i;octet": str,
    "default": _fold_unicode,
}
MATCH_TYPES: dict[str, Callable[[str, str], bool]] = {
    "equals": eq,
    "contains": contains,
    "starts-with": str.startswith,
    "ends-with": str.endswith,
}


@dataclass(frozen=True)
class TextMatch:
    """A text that one of several values has to equal, contain, begin or end with."""

    needle: str
    fold: Callable[[str], str]
    compare: Callable[[str, str], bool]
    is_negated: bool

    def matches(self, texts: Iterable[str]) -> bool:
        """Return whether one of the texts matches; when negated, whether none does."""
        return any(self.compare(self.fold(text), self.needle) for text in texts) is not self.is_negated


@dataclass(frozen=True)
class ParamFilter:
    """What the properties of one name have to say in a parameter."""

    name: str
    text_match: TextMatch | None
    is_defined: bool = True

    def matches(self, values: list[Value]) -> bool:
        """Return whether one of the properties has the parameter, and its text matches."""
        texts = [text for value in values for text in value.line.params.get(self.name, ())]
        has_param = any(self.name in value.line.params for value in values)
        if not self.is_defined:
            return not has_param
        return has_param and (self.text_match is None or self.text_match.matches(texts))


@dataclass(frozen=True)
class PropFilter:
    """What the properties of one name have to say."""

    name: str
    group: str
    conditions: list[TextMatch | ParamFilter]
    combine: Callable[[Iterable[bool]], bool]
    is_defined: bool = True

    def matches(self, card: Values) -> bool:
        """Return whether a card matches."""
        names = SAME_NAMES.get(self.name, (self.name,))
        values = [v for name in names for v in card.all(name) if not self.group or v.line.group == self.group]
        if not self.is_defined or not values:
            return not values and not self.is_defined
        texts = [value.plain for value in values]
        return not self.conditions or self.combine(
            condition.matches(texts) if isinstance(condition, TextMatch) else condition.matches(values)
            for condition in self.conditions
        )


@dataclass(frozen=True)
class CardFilter:
    """What a query asks of a card."""

    filters: list[PropFilter]
    combine: Callable[[Iterable[bool]], bool]

    def matching(self, cards: Iterable[CardText]) -> list[CardText]:
        """Return the cards that match."""
        return [card for card in cards if self.matches(card.text)]

    def matches(self, card: bytes) -> bool:
        """Return whether the text of a card matches."""
        if not self.filters:
            return True
        cards = cut_cards(card.splitlines(keepends=True))
        values = next((values_of(each, Decoder("utf-8")) for each in cards), Values())
        return self.combine(each.matches(values) for each in self.filters)


def read_filter(query: Element) -> CardFilter:
    """Return the filter of a query; RequestError 403 for one that is not supported."""
    node = query.find(carddav("filter"))
    if node is None:
        return CardFilter([], all)
    if sum(1 for _ in node.iter()) > MOST_CONDITIONS:
        raise unsupported()
    return CardFilter([_read_prop(each) for each in node if each.tag == carddav("prop-filter")], _test(node))


def unsupported() -> RequestError:
    """Return 403 for a filter that means nothing here."""
    return dav_error(403, "UNSUPPORTED_FILTER", "This filter is not supported", carddav("supported-filter"))


def _test(node: Element) -> Callable[[Iterable[bool]], bool]:
    test = node.get("test", "anyof")
    if test not in {"anyof", "allof"}:
        raise unsupported()
    return any if test == "anyof" else all


def _read_prop(node: Element) -> PropFilter:
    group, _, name = node.get("name", "").strip().upper().rpartition(".")
    if not name:
        raise unsupported()
    if node.find(carddav("is-not-defined")) is not None:
        return PropFilter(name, group, [], all, is_defined=False)
    conditions: list[TextMatch | ParamFilter] = []
    for each in node:
        if each.tag == carddav("text-match"):
            conditions.append(_read_text(each))
        elif each.tag == carddav("param-filter"):
            conditions.append(_read_param(each))
        else:
            raise unsupported()
    return PropFilter(name, group, conditions, _test(node))


def _read_param(node: Element) -> ParamFilter:
    name = node.get("name", "").strip().upper()
    if not name:
        raise unsupported()
    if node.find(carddav("is-not-defined")) is not None:
        return ParamFilter(name, None, is_defined=False)
    match = node.find(carddav("text-match"))
    return ParamFilter(name, None if match is None else _read_text(match))


def _read_text(node: Element) -> TextMatch:
    fold = COLLATIONS.get(node.get("collation", "default"))
    if fold is None:
        raise dav_error(
            403, "UNSUPPORTED_COLLATION", "This collation is not supported", carddav("supported-collation")
        )
    compare = MATCH_TYPES.get(node.get("match-type", "contains"))
    negate = node.get("negate-condition", "no")
    if compare is None or negate not in {"yes", "no"}:
        raise unsupported()
    return TextMatch(fold(node.text or ""), fold, compare, negate == "yes")


@dataclass(frozen=True)
class AddressData:
    """The form in which a request wants the texts of cards."""

    version: str
    properties: dict[str, bool] | None = None
    """Names of the properties that are wanted, and whether without their values; None: all."""

    def part_of(self, card: str) -> str:
        """Return the text of a card, or the lines of it that are wanted."""
        if self.properties is None:
            return card
        lines = LOGICAL_LINES.split(card)
        return "".join(f"{line}\r\n" for line in map(self._line, lines) if line)

    def _line(self, line: str) -> str:
        head = HEAD.match(FOLD.sub("", line))
        name = head["name"].upper() if head else ""
        properties = self.properties or {}
        if head is None or (name not in ALWAYS and name not in properties):
            return ""
        return head[0] if properties.get(name) else line


def read_address_data(prop: Element | None) -> AddressData | None:
    """Return the form that a list of properties asks for; None when it does not ask for texts.

    RequestError 403 for a form in which nobody writes cards here.
    """
    node = None if prop is None else prop.find(carddav("address-data"))
    if node is None:
        return None
    version = node.get("version", VERSIONS[0])
    if version not in VERSIONS or node.get("content-type", "text/vcard") not in CONTENT_TYPES:
        raise dav_error(
            403,
            "UNSUPPORTED_ADDRESS_DATA",
            f"Cards are text/vcard of version {' or '.join(VERSIONS)}",
            carddav("supported-address-data"),
        )
    names = {
        each.get("name", "").upper(): each.get("novalue") == "yes" for each in node.findall(carddav("prop"))
    }
    return AddressData(version, names or None)
