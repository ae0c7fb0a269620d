"""Say when the encoding of a file is a guess, with names in the two likeliest readings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

FEW = 12
"""Different values with which chardetng is sometimes wrong (tests/contacts/test_encodings.py)."""
NEAR = 0.8
"""Of two readings, the part of the better one's words that the other one has as well when they are near."""
SAMPLES = 3
LIKELY = (
    *("cp1252", "cp1250", "cp1251", "koi8-r", "cp1254", "cp1253", "cp1257", "cp1255", "cp1256", "cp866"),
    *("gb18030", "cp932", "euc_jp", "big5hkscs", "cp949", "cp874", "mac_roman"),
)
"""Encodings of address books, the most frequent ones first."""
SEPARATORS = re.compile(r'[;,:|\t"\r\n]+')
CASE_INSIDE = re.compile(r"[^\W\d_]*[a-zß-öø-ÿа-яά-ώ][A-ZÀ-ÖØ-ÞŒŠŸŽА-ЯΆ-Ώ]")


def doubt_of(values: Iterable[bytes], encoding: str) -> dict[str, list[str]]:
    """Return three names as `encoding` and as the next likely encoding read them, by encoding.

    `values`: those of the file that are not UTF-8. {} when no other reading is near: one that has nearly as
    many words that look like names; in many values, more of them than `encoding` has.
    """
    pieces = list(dict.fromkeys(values))
    first = readings(pieces, encoding)
    needed = _share_of_names(first) * (NEAR if len(pieces) <= FEW else 1 / NEAR)
    others = {other: readings(pieces, other) for other in LIKELY}
    shares = {other: _share_of_names(texts) for other, texts in others.items() if texts and texts != first}
    best = max(shares, key=shares.__getitem__, default=encoding)
    if not first or best == encoding or shares[best] < needed:
        return {}
    return {encoding: first[:SAMPLES], best: others[best][:SAMPLES]}


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
    return bool(texts) and all(_looks_like_name(word) for text in texts for word in text.split())


def _share_of_names(texts: list[str]) -> float:
    """Return the share of the words with other letters than ASCII that look like names."""
    words = [word for text in texts for word in text.split() if not word.isascii()]
    return sum(map(_looks_like_name, words)) / max(len(words), 1)


def _looks_like_name(word: str) -> bool:
    """Return whether a word has letters of one script alone, and no capital after a small letter."""
    return not CASE_INSIDE.search(word) and _is_word(word)


def _is_word(word: str) -> bool:
    letters = [character for character in word if not character.isascii()]
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in word if c.isalpha()}
    return all(map(str.isalpha, letters)) and len(scripts) <= 1
