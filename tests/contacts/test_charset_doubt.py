"""Doubt about the encoding of a file, and no doubt where there is none."""

from __future__ import annotations

from service.contacts.charset_doubt import FEW, doubt_of
from service.contacts.encodings import Decoder


def test_few_names_have_two_readings() -> None:
    names = ["José;García", "Lefèvre;Zoë", "Bjørn;Aas", "Ägidius;Ö"]
    values = [name.encode("cp1252") for name in names]
    assert Decoder.of(values).doubt == {
        "cp1252": ["José", "García", "Lefèvre"], "cp1250": ["José", "García", "Lefčvre"],
    }  # fmt: skip


def test_one_reading_is_no_doubt() -> None:
    assert Decoder.of([b"plain", "José".encode()]).doubt == {}
    # In cp1252, these names would have pound signs and tildes.
    polish = [name.encode("cp1250") for name in ("Łukasz Świątek", "Żaneta Gęś")]
    assert doubt_of(polish, "cp1250") == {}
    many = [f"José {number}".encode("cp1252") for number in range(FEW + 1)]
    assert Decoder.of(many).doubt == {}
