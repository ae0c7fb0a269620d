"""Find email addresses in values as programs write them. All people are invented."""

from __future__ import annotations

import io

import pytest

from service.contacts.addresses import MOST, addresses_in
from service.contacts.reader import read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x.example", ["a@x.example"]),
        (" A@X.example ", ["a@x.example"]),
        ("mailto:a@x.example", ["a@x.example"]),
        ("MAILTO:a%2Bb@x.example?subject=Hello", ["a+b@x.example"]),
        ("smtp:a@x.example", ["a@x.example"]),
        ("<a@x.example>", ["a@x.example"]),
        ('"Doe, Jane" <a@x.example>', ["a@x.example"]),
        ('"old@x.example" <new@x.example>', ["new@x.example"]),
        ("Jane Doe <mailto:a@x.example>", ["a@x.example"]),
        ("Jane Doe (a@x.example)", ["a@x.example"]),
        ("a@x.example;", ["a@x.example"]),
        ("a@x.example.", ["a@x.example"]),
        ("'a@x.example'", ["a@x.example"]),
        ("o'brien@x.example, ", ["o'brien@x.example"]),
        ("a@x.example; b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example, B <b@x.example>\na@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example ::: b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example|b@x.example", ["a@x.example", "b@x.example"]),
        ("\u202aa@x.example\u202c", ["a@x.example"]),
        ("\ufeffa@x\u200b.exam\u00adple\u00a0", ["a@x.example"]),
        ("a＠x.example", ["a@x.example"]),
        ("vc@bücher.example", ["vc@bücher.example"]),
        ("nobody", []),
        ("a@@x", []),
        ("", []),
    ],
)
def test_the_addresses_in_a_value_are_found(text: str, expected: list[str]) -> None:
    assert list(addresses_in(text)) == expected


def test_the_addresses_of_a_long_value_are_limited() -> None:
    assert len(addresses_in("".join(f"a{n}@x.example," for n in range(1000)))) == MOST


def test_several_addresses_of_a_cell_are_addresses_of_one_contact() -> None:
    data = 'First Name,Email\nAda,"Ada <ada@x.example>; mailto:ada2@x.example"\n'
    _, entry = read(io.BytesIO(data.encode()), "csv")
    emails = entry["contact"]["email"]
    assert [(e["email"], e["is_default"]) for e in emails] == [("ada@x.example", 1), ("ada2@x.example", 0)]
