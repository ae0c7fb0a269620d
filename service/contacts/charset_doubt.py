"""Say when the encoding of a file is a guess, with names in the two likeliest readings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

FEW = 12
"""Different values with which chardetng is sometimes wrong (tests/contacts/test_encodings.py)."""
SAMPLES = 3
LIKELY = (
    *("cp1252", "cp1250", "cp1251", "koi8-r", "cp1254", "cp1253", "cp1257", "cp1255", "cp1256", "cp866"),
    *("cp932", "euc_jp", "gb18030", "big5hkscs", "cp949", "cp874", "mac_roman"),
)
"""Encodings of address books, the most frequent ones first."""
SEPARATORS = re.compile(r'[;,:|\t"\r\n]+')
CASE_INSIDE = re.compile(r"[^\W\d_]*[a-zß-öø-ÿа-яά-ώ][A-ZÀ-ÖØ-ÞА-ЯΆ-Ώ]")


def doubt_of(values: Iterable[bytes], encoding: str) -> dict[str, list[str]]:
    """Return three names as `encoding` and as the next likely encoding read them, by encoding.

    `values`: those of the file that are not UTF-8. {} when they are many, or only one reading looks like
    names.
    """
    pieces = list(dict.fromkeys(values))
    if not pieces or len(pieces) > FEW:
        return {}
    first = readings(pieces, encoding)
    for other in LIKELY:
        second = readings(pieces, other)
        if first and first != second and are_names(second):
            return {encoding: first[:SAMPLES], other: second[:SAMPLES]}
    return {}


def readings(values: Iterable[bytes], encoding: str) -> list[str]:
    """Return the parts of values that have other letters than ASCII; [] when one cannot be read."""
    try:
        texts = [value.decode(encoding) for value in values]
    except UnicodeError:
        return []
    parts = (part.strip() for text in texts for part in SEPARATORS.split(text))
    return list(dict.fromkeys(part for part in parts if not part.isascii()))


def are_names(texts: list[str]) -> bool:
    """Return whether texts look like names; false without any."""
    return bool(texts) and all(map(_looks_like_names, texts))


def _looks_like_names(text: str) -> bool:
    """Return whether each word has letters of one script alone, and no capital after a small letter."""
    return not CASE_INSIDE.search(text) and all(map(_is_word, text.split()))


def _is_word(word: str) -> bool:
    letters = [character for character in word if not character.isascii()]
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in word if c.isalpha()}
    return all(map(str.isalpha, letters)) and len(scripts) <= 1
