"""Find the words of a contact as `contact_keys` finds them in SQL, at a fifth of its cost.

New contacts are nearly all of plain text: for these the words are found here, and `None` leaves any other
contact to SQL. So it is with changes of texts and numbers (contact_change.py), and with a comment that SQL
writes (form_changes.py). All other changes get their words in SQL: some of their writers know no Python.
`tests/procedures/test_search_words.py` compares both, character by character.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from service.contacts.extension import number_of
from service.contacts.vocabulary import Contact

Words = list[tuple[str, Sequence[str | None]]]
"""Words of each kind of `contact_index`."""

NAMES = ("firstname", "lastname", "surname", "display_name", "company")
"""In the order of the view contact_sheet."""
TEXT_LIMIT = 512
"""Characters of all texts together: SQL takes longer ones in pieces."""
WORD_LIMIT = 255
TEXT_WORD_LIMIT = 64
WORDS_LIMIT = 1_000
"""Words of one contact: more of them would fill the packet of a transaction."""
NAME_LIMIT = 255
LISTS = ("email", "mobile", "address")
SEPARATOR = "\x1f"
"""Between names and numbers in the view contact_sheet."""

PLAIN_RANGES = ((0x20, 0x5FF), (0x1E00, 0x1FFF), (0x2010, 0x205E))
"""Latin, Greek, Cyrillic, Armenian and Hebrew letters, marks, and punctuation: here Python's version of
Unicode and that of MariaDB agree. Scripts without blanks are not among them, nor signs that are words."""
NOT_PLAIN = {"Cc", "Cf", "Cn", "Co", "Cs", "So", "Zl", "Zp"}
LAYOUT = "\t\n\r"


def _characters(*categories: str) -> str:
    """Return the plain characters whose category begins with one of these, as ranges of a class.

    To compile a class of two thousand characters takes ten times as long, in each process that reads a file.
    """
    codes = [
        code
        for first, last in PLAIN_RANGES
        for code in range(first, last + 1)
        if (category := unicodedata.category(chr(code))) not in NOT_PLAIN and category.startswith(categories)
    ]
    # codes that follow each other have the same distance from their place in the list
    runs = [list(run) for _, run in groupby(enumerate(codes), lambda pair: pair[1] - pair[0])]
    return "".join(f"{re.escape(chr(run[0][1]))}-{re.escape(chr(run[-1][1]))}" for run in runs)


PLAIN = re.compile(f"[{_characters('')}{LAYOUT}{SEPARATOR}]*")
L, LM, LN = _characters("L"), _characters("L", "M"), _characters("L", "N")
LMN = _characters("L", "M", "N")
HAS_LETTER = re.compile(f"[{LN}]")
NO_WORD = re.compile(f"[^{LMN}]+")
PAIRS = re.compile(f"([{LMN}]*+)(?<=[{LM}])[^{LN}]++(?=([{LM}]++))|[{LMN}]++|.")
"""Two words of a name that stand together, or anything else."""
ADDRESSES = re.compile(rf"([{LMN}._%+-]*+)(@[{LMN}.-]*+)")
ALIKE = str.maketrans("ıŧŦŋŊйЙїЇўЎѓЃќЌӣӢӯӮӑӐӗӖӳӲӧӦӱӰӹӸ", "ittnnииііууггккииууааееууооууыы", "ʻʾʿ") | {
    ord("þ"): "th",
    ord("Þ"): "th",
}
"""Letters that people write for each other, each with the one that it becomes."""
APOSTROPHES = "''’‘ʼʹ´`‐‑-"
TYPED_OTHERWISE = re.compile(rf"[0-9][-./()]+[0-9]|(?<![{LN}])0+[1-9][0-9]{{4}}|[{L}][{APOSTROPHES}]+[{L}]")
SIGNS = re.compile(rf"(?<=[0-9])[-.\/()]+(?=[0-9])|(?<=[{LM}])[{APOSTROPHES}]+(?=[{L}])")
ZEROS = re.compile(rf"(?<![{LN}])0+(?=[1-9][0-9]{{4,}}(?![{L}]))")
NO_DIGITS = re.compile("[^0-9]+")


def words_of(contact: Contact) -> Words | None:
    """Return the words of a new contact, with the international form of its numbers; None for SQL to do it.

    Sort keys are left out: SQL has them in columns.
    """
    names = " ".join(contact[key] for key in NAMES if contact.get(key))
    mails = [entry["email"] for entry in contact["email"]]
    numbers = [number_of(entry) for entry in contact["mobile"]]
    display_name = _display_name(contact)
    if numbers:
        names += SEPARATOR + " ".join(entry["international"] or "-" for entry in contact["mobile"])
    texts = [
        names,
        '["' + '", "'.join(mails) + '"]' if mails else "[]",
        contact.get("comment"),
        _pairs(display_name),
    ]
    text = " ".join(filter(None, texts)).translate(ALIKE)
    if len(text) >= TEXT_LIMIT or not display_name or not _is_plain(contact, text, mails, numbers):
        return None
    digits = [NO_DIGITS.sub("", number) for number in numbers]
    text_words = _distinct([*_text_words(text), *mails, *_ends(digits)])
    words: Words = [
        ("text", [word[:TEXT_WORD_LIMIT] for word in text_words]),
        ("tag", [hashlib.md5(tag.encode(), usedforsecurity=False).hexdigest() for tag in contact["tag"]]),
        ("phone", _distinct(_phone_keys(contact, digits))),
        ("company_part", list(_ends([contact.get("company") or ""]))),
        # None: SQL sorts these words, by the collation
        ("name", [_name_key(display_name) if display_name.isascii() else None]),
    ]
    if sum(len(entries) for _, entries in words) > WORDS_LIMIT or max(map(len, text_words)) > WORD_LIMIT:
        return None
    return words


def with_words(contact: Mapping[str, Any]) -> dict[str, Any]:
    """Add its words to a new contact, in the form of `contact_write`; a contact is left to SQL without them.

    `contact_render_first` takes those of contacts without tags that have at most one entry of each kind,
    `first_record` also those with several numbers and postal addresses.
    """
    entries = {key: contact.get(key) or [] for key in LISTS}
    if (
        # the names may be those of an account
        "invitee_id" in contact
        or any(contact.get(key) for key in ("tag", "tags"))
        # the default one has to be found
        or len(entries["email"]) > 1
    ):
        return dict(contact)
    words = words_of(
        {
            **contact,
            "email": entries["email"],
            "mobile": [_number_parts(entry) for entry in entries["mobile"]],
            "default": entries["email"][0]["email"] if entries["email"] else None,
            "tag": [],
        }
    )
    if words is None:
        return dict(contact)
    by_kind = dict(words)
    key = by_kind.pop("name")[0]
    del by_kind["tag"]
    return {**contact, "words": list(by_kind.items()), **({} if key is None else {"name_key": key})}


def text_words_of(contact: Contact) -> dict[str, str] | None:
    """Return the words of the kind text of a full contact, by their lower case; None for SQL to do it.

    The collation compares words outside ASCII in ways that Python does not know. International numbers are
    not among the words.
    """
    mobile = [{**entry, "international": ""} for entry in contact["mobile"]]
    words = words_of({**contact, "mobile": mobile, "tag": []})
    texts = [word for word in dict(words)["text"] if word] if words else []
    return {word.lower(): word for word in texts} if texts and all(map(str.isascii, texts)) else None


def _number_parts(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of a number that nobody has put into international form yet."""
    areacode = entry.get("areacode") or ""
    number = entry.get("number")
    return {
        "areacode": "" if areacode == "+" or number is not None else areacode,
        "phone": (entry.get("phone") or "") if number is None else number,
        "international": "",
    }


def _is_plain(contact: Contact, text: str, mails: list[str], numbers: list[str]) -> bool:
    """Return whether Python and SQL read these texts in the same way."""
    texts = filter(None, (*(contact.get(key) for key in (*NAMES, "comment")), *contact["tag"]))
    return (
        PLAIN.fullmatch(text) is not None
        # a text of ignored characters is no text in SQL
        and all(HAS_LETTER.search(value) for value in texts)
        # these are escaped in JSON, of which contact_keys makes the digits
        and all(number.isascii() and not {'"', "\\"} & set(number) for number in numbers)
        and not any({'"', "\\"} & set(mail) for mail in mails)
    )


def _display_name(contact: Contact) -> str:
    """Return contact.full_name, but for a contact that has nothing except an account."""
    name = f"{contact.get('firstname') or ''} {contact.get('lastname') or ''}".strip(" ")
    display_name = (
        contact.get("display_name")
        or name
        or contact.get("surname")
        or contact.get("default")
        or contact.get("company")
        or ""
    )
    return str(display_name)[:NAME_LIMIT]


def _pairs(display_name: str) -> str:
    return PAIRS.sub(lambda match: f"{match[1] or ''}{match[2] or ''} ", display_name)


def _text_words(text: str) -> Iterable[str]:
    """Return words as text_words does in its forms both and parts; `text` is translated by ALIKE."""
    words = NO_WORD.split(text)
    if TYPED_OTHERWISE.search(text):
        words += NO_WORD.split(ZEROS.sub("", SIGNS.sub("", text)))
    for local, domain in ADDRESSES.findall(text):
        words += [local + domain, domain]
    return words


def _ends(texts: Iterable[str]) -> Iterable[str]:
    """Return each text from each of its characters on."""
    return (text[start:] for text in texts for start in range(len(text)))


def _phone_keys(contact: Contact, digits: list[str]) -> Iterable[str]:
    """Return the international form of each number; without one, the last nine digits of at least six."""
    for entry, number in zip(contact["mobile"], digits, strict=True):
        yield entry["international"] or (number[-9:] if len(number) >= 6 else "")


def _name_key(name: str) -> str:
    words = sorted(filter(None, NO_WORD.split(name)), key=str.lower)
    return " ".join(words)[:NAME_LIMIT]


def _distinct(words: Iterable[str]) -> list[str]:
    """Return words that are not empty, each once. The collation ignores case; of ASCII, so does this."""
    return list({word.lower() if word.isascii() else word: word for word in words if word}.values())
