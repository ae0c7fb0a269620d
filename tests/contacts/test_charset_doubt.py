"""Doubt about the encoding of a file, and no doubt where there is none."""

from __future__ import annotations

import pytest

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
    # cp1252 has the same letters there
    assert doubt_of(["Łukasz Świątek".encode("cp1250")] * 3, "cp1250") == {}
    many = [f"José {number}".encode("cp1252") for number in range(FEW + 1)]
    assert Decoder.of(many).doubt == {}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1254", "Şahin"), ("cp1257", "Jānis Bērziņš"), ("iso8859-15", "Œuvre 100 €"),
        ("cp1251", "Иван Петров"),
        ("koi8-r", "Иван"), ("cp1253", "Γιώργος"), ("cp1255", "שרה"), ("cp1256", "أحمد"), ("cp932", "田中"),
        ("gb18030", "王小明"), ("cp949", "김철수"), ("cp874", "สมชาย"),
    ],
)  # fmt: skip
def test_one_name_is_read_right_or_doubted(encoding: str, name: str) -> None:
    decoder = Decoder.of([name.encode(encoding)])
    assert len(decoder.doubt) == 2
    assert encoding in ("cp1254", "cp1257", "iso8859-15") or decoder.decode(name.encode(encoding)) == name


def test_doubt_does_not_ask_for_names_alone() -> None:
    assert doubt_of([b"100 \x80"], "cp1252") == {"cp1252": ["100 €"], "cp1251": ["100 Ђ"]}


def test_many_values_are_doubted_when_another_reading_has_more_names() -> None:
    values = [f"{name} {number}".encode("mac_roman") for number in range(9) for name in ("José", "Zoë")]
    assert doubt_of(values, "cp1252") == {
        "cp1252": ["JosŽ 0", "Zo‘ 0", "JosŽ 1"], "mac_roman": ["José 0", "Zoë 0", "José 1"],
    }  # fmt: skip


def test_chinese_is_likelier_than_japanese_for_the_same_bytes() -> None:
    assert doubt_of(["张 伟".encode("gb18030")], "cp1252") == {"cp1252": ["ÕÅ Î°"], "gb18030": ["张 伟"]}
