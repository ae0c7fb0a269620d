"""Tell what the columns of a table mean by their headings.

`headings.csv` lists the headings that programs write, one a line: heading, field, program, language, source.
The program `word` has the words from which other headings are made ("Telefon Arbeit").
docs/decisions/csv-headings.md explains the fields.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from service.contacts.vocabulary import PLACE_LIMITS

FILE = Path(__file__).with_name("headings.csv")
WORD = "word"
"""The program whose headings are words of other headings."""
LONGEST = 60
"""Characters of a heading that is looked at word by word; a longer text is none."""
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NO_LETTERS = re.compile(r"[\W\d_]+")
EMAIL = re.compile(r"\be mail")
CJK = "\u2e80"
"""The first of the letters that are written without spaces between words."""
KINDS = ("work", "home", "other")

Program = tuple[str, str]
"""Name and language."""


@dataclass
class Headings:
    """The content of headings.csv."""

    programs: dict[Program, dict[str, str]] = field(default_factory=dict)
    """The field of each heading, by program."""
    words: dict[str, str] = field(default_factory=dict)
    """The meaning of each word, the longest word first."""


@cache
def known() -> Headings:
    """Return the headings of headings.csv."""
    headings, words = Headings(), {}
    for row in read_file():
        if row["program"] == WORD:
            words[normal(row["heading"])] = row["field"]
        else:
            program = headings.programs.setdefault((row["program"], row["language"]), {})
            program[normal(row["heading"])] = row["field"]
    headings.words = dict(sorted(words.items(), key=lambda item: -len(item[0])))
    return headings


def read_file() -> list[dict[str, str]]:
    """Return the lines of headings.csv."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache(maxsize=10_000)
def normal(heading: str) -> str:
    """Return a heading as it is compared: without case, accents, numbers and punctuation.

    `first_name`, `firstName` and `First Name` are the same; so are `E-mail 2 Address` and `email address`.
    """
    heading = heading.strip()
    if " " not in heading:
        heading = CAMEL.sub(" ", heading)
    letters = (c for c in unicodedata.normalize("NFKD", heading) if not unicodedata.combining(c))
    return EMAIL.sub("email", NO_LETTERS.sub(" ", "".join(letters).casefold()).strip())


def fields_of(header: Sequence[str]) -> list[str]:
    """Return the field of each heading, "" for an unknown one.

    Programs use a heading for different fields: the program that writes most of these headings decides.
    """
    heads = [normal(heading[: 2 * LONGEST]) for heading in header]
    programs = sorted(known().programs.values(), key=lambda program: -sum(h in program for h in heads))
    return [_field(head, programs) for head in heads]


def guessed_fields_of(header: Sequence[str]) -> list[str]:
    """Return the field of each heading; of unknown ones, those that speak of email are addresses."""
    return [
        name or ("email" if _may_be_email(heading) else "")
        for name, heading in zip(fields_of(header), header, strict=True)
    ]


def _field(head: str, programs: Sequence[Mapping[str, str]]) -> str:
    return next((program[head] for program in programs if head in program), "") or _composed(head)


@lru_cache(maxsize=10_000)
def _composed(head: str) -> str:
    """Return the field of a heading that consists of known words, "" for any other."""
    return _field_of_words(_meanings(head))


def _meanings(head: str) -> set[str]:
    """Return the meanings of the words of a heading, none when it has an unknown word."""
    if not 0 < len(head) <= LONGEST:
        return set()
    rest, kinds = f" {head} ", set()
    for word, kind in known().words.items():
        text = word if word >= CJK else f" {word} "
        if kind != "not" and text in rest:
            rest = rest.replace(text, " ")
            kinds.add(kind)
    return set() if rest.strip() else kinds


@lru_cache(maxsize=1_000)
def kind_of_label(base: str, label: str) -> str:
    """Return the kind, such as `work fax`, that a label of known words names; "" for any other label.

    Programs write the labels of their language. A label of more than place and machine, such as Company Main
    or Secondary, says more than a kind. `base`: email, phone or address.
    """
    meanings = _meanings(normal(label[: 2 * LONGEST]))
    if not meanings or meanings & {"-", "not", "other"}:
        return ""
    return _field_of_words(meanings | {base}).partition(":")[2]


def _field_of_words(kinds: set[str]) -> str:
    """Return the field that words of these meanings name together."""
    kind = next((kind for kind in KINDS if kind in kinds), "")
    # Country/Region
    places = [
        place for place in PLACE_LIMITS if place in kinds - ({"state"} if "country" in kinds else set())
    ]
    machines = [name for name in ("fax", "pager", "mobile") if name in kinds]
    if "email" in kinds:
        return "" if places or machines or "phone" in kinds else _with_kind("email", kind)
    if machines or "phone" in kinds:
        # a mobile phone of a person goes without saying that it is private
        own_kind = kind if not machines or kind == "work" or (kind == "home" and "fax" in machines) else ""
        return "" if places else _with_kind("phone", " ".join(filter(None, [own_kind, *machines[:1]])))
    if len(places) == 1:
        return _with_kind(places[0], kind)
    return _with_kind("street", kind) if "address" in kinds and not places else ""


def _with_kind(name: str, kind: str) -> str:
    return f"{name}:{kind}" if kind else name


def _may_be_email(heading: str) -> bool:
    """Return whether a heading speaks of email, for tables without a known heading of addresses."""
    head = normal(heading[: 2 * LONGEST])
    if not 0 < len(head) <= LONGEST:
        return False
    meanings = {
        kind for word, kind in known().words.items() if (word if word >= CJK else f" {word} ") in f" {head} "
    }
    return "email" in meanings and "not" not in meanings
