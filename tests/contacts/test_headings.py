"""The file of headings is sound, and anybody can extend it."""

from __future__ import annotations

from collections import Counter

import pytest

from service.contacts.headings import FILE, WORD, fields_of, kind_of_label, normal, read_file
from service.contacts.vocabulary import PLACE_LIMITS

FIELDS = {
    *("firstname", "lastname", "givenname", "name", "fullname", "nickname", "company", "job_title", "notes"),
    *(
        "tags",
        "tags:comma",
        "email",
        "email:home",
        "email:work",
        "email:other",
        "keep",
        "ignore",
        "extension",
    ),
    *("label:email", "label:phone", "label:address", "formatted:#", "street 2:#", "street 3:#", "phone"),
    *(f"{place}{kind}" for place in PLACE_LIMITS for kind in ("", ":home", ":work", ":other", ":#")),
    *(f"phone:{kind}" for kind in ("mobile", "home", "work", "other", "main", "fax", "pager", "car")),
    *(f"phone:{kind}" for kind in ("assistant", "work main", "work fax", "home fax")),
}
MEANINGS = {
    *(
        "email",
        "phone",
        "mobile",
        "fax",
        "pager",
        "address",
        *PLACE_LIMITS,
        "home",
        "work",
        "other",
        "-",
        "not",
    ),
}
LANGUAGES = {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "ja", "zh"}
MORE_LANGUAGES = {
    *("ar", "cs", "da", "el", "fi", "he", "hu", "id", "ko"),
    *("lt", "no", "ro", "sk", "sv", "th", "tr", "uk", "vi"),
    *("bg", "bn", "ca", "et", "fa", "hi", "hr", "hy", "is", "ka", "lv", "ms", "sl", "sr", "sw", "ta"),
}  # fmt: skip
PROGRAMS = {
    *("Google", "Google old", "Outlook", "Thunderbird", "Yahoo", "LinkedIn", "HubSpot", "Salesforce"),
    *("Mailchimp", "Monica", "Proton", "Nextcloud", "spreadsheet"),
}


def test_each_line_has_a_heading_a_known_field_and_a_source() -> None:
    wrong = [
        row
        for row in read_file()
        if not normal(row["heading"])
        or not row["source"]
        or row["field"] not in (MEANINGS if row["program"] == WORD else FIELDS)
    ]
    assert wrong == []


def test_no_heading_stands_for_two_fields_in_one_program() -> None:
    fields: dict[tuple[str, str, str], set[str]] = {}
    for row in read_file():
        key = (row["program"], "" if row["program"] == WORD else row["language"], normal(row["heading"]))
        fields.setdefault(key, set()).add(row["field"])
    assert {key: names for key, names in fields.items() if len(names) > 1} == {}


def test_each_program_and_language_is_there() -> None:
    rows = [row for row in read_file() if row["program"] != WORD]
    assert {row["program"] for row in rows} >= PROGRAMS
    for program, languages in (("Outlook", LANGUAGES), ("spreadsheet", LANGUAGES | MORE_LANGUAGES)):
        assert {row["language"] for row in rows if row["program"] == program} == languages
    assert {row["language"] for row in read_file() if row["program"] == WORD} >= LANGUAGES


def test_the_file_has_no_line_twice() -> None:
    counts = Counter(tuple(row.values()) for row in read_file())
    assert [line for line, count in counts.items() if count > 1] == []


def test_the_file_ends_lines_as_editors_do() -> None:
    assert b"\r" not in FILE.read_bytes()


def groups() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the headings and fields of each program and language."""
    programs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in read_file():
        if row["program"] != WORD:
            programs.setdefault((row["program"], row["language"]), []).append((row["heading"], row["field"]))
    return programs


@pytest.mark.parametrize("program", groups(), ids="-".join)
def test_the_whole_header_of_a_program_means_what_the_file_says(program: tuple[str, str]) -> None:
    headings = [heading.replace("#", "2") for heading, _ in groups()[program]]
    assert fields_of(headings) == [field for _, field in groups()[program]]


@pytest.mark.parametrize(
    "heading", ["First Name", "first_name", "firstName", "FIRST-NAME", "  first   name ", "First Name:"]
)
def test_the_way_a_heading_is_written_does_not_matter(heading: str) -> None:
    assert fields_of([heading]) == ["firstname"]


@pytest.mark.parametrize(
    ("header", "title"),
    [
        (["Title", "First Name", "Last Name", "Suffix", "E-mail Address"], "keep"),
        (["First", "Last", "Email", "Title", "Yahoo Phone"], "job_title"),
        (["First Name", "Last Name", "Title", "Account Name", "Mailing City"], "job_title"),
    ],
)
def test_the_program_decides_what_a_heading_means(header: list[str], title: str) -> None:
    assert fields_of(header)[header.index("Title")] == title


@pytest.mark.parametrize("heading", ["", "Shoe size", "Email opt out", "IP address", "x" * 5000, "42"])
def test_an_unknown_heading_is_not_guessed(heading: str) -> None:
    assert fields_of([heading]) == [""]


@pytest.mark.parametrize(
    ("base", "label", "kind"),
    [
        ("phone", "Travail", "work"), ("phone", "Fax geschäftlich", "work fax"), ("phone", "Móvil", "mobile"),
        ("phone", "Домашний", "home"), ("email", "Arbeit", "work"), ("address", "Casa", "home"),
        ("phone", "Company Main", ""), ("phone", "Secondary", ""), ("phone", "Gartenlaube", ""),
        ("email", "", ""),
    ],
)  # fmt: skip
def test_a_label_of_known_words_is_understood(base: str, label: str, kind: str) -> None:
    assert kind_of_label(base, label) == kind
