"""procedures/shard/text, called directly."""

from __future__ import annotations

import json
import unicodedata

import pytest

from tests.support.admin import Admin
from tests.support.scene import Scene


def test_like_escape_and_text_words(admin: Admin) -> None:
    assert admin.one("SELECT shard1.like_escape('1_0%\\\\')") == r"1\_0\%" + "\\\\"
    assert admin.one("SELECT shard1.like_escape(NULL)") is None
    words = json.loads(admin.one("SELECT shard1.text_words('Ada Lovelace, Countess', 'plain')"))
    assert [w for w in words if w] == ["Ada", "Lovelace", "Countess"]


def test_text_words_finds_words_and_addresses(scene: Scene) -> None:
    assert scene.json('SELECT text_words("L\'été, 2 ½", "plain")') == ["L", "été", "2", "½"]
    scene["text"] = 'a@b.example, (c.d+e@f) @g x@ "q"@h\n\\@'
    assert scene.json("SELECT text_words(:text, 'mails')") == [
        "a@b.example",
        "c.d+e@f",
        "@g",
        "x@",
        "@h",
        "@",
    ]
    assert scene.json("SELECT text_words('nobody', 'mails')") == []


def test_text_words_joins_the_pieces_of_a_long_text(scene: Scene) -> None:
    """Words, numbers and addresses stand before, on and behind every border of two pieces."""
    for shift in range(0, 520, 7):
        text = "x" * (shift % 7) + " " + "é, " * (shift // 3) + "612-34.56 ada.byron@example.org (end). " * 30
        words = set(scene.json(f"SELECT text_words('{text}', 'both')")) - {""}
        expected = {"é", "612", "34", "56", "6123456", "ada", "byron", "example", "org", "end"}
        assert words - {"x" * (shift % 7)} - expected == set(), shift
        assert words >= expected - ({"é"} if shift < 3 else set()), shift
        mails = scene.json(f"SELECT text_words('{text}', 'mails')")
        assert mails == ["ada.byron@example.org"] * 30, shift
        parts = scene.json(f"SELECT text_words('{text}', 'parts')")
        assert parts == ["ada.byron@example.org", "@example.org"] * 30, shift


def test_text_words_of_one_long_run_stay_whole(scene: Scene) -> None:
    assert scene.json("SELECT text_words(REPEAT('ab', 2000), 'plain')") == ["ab" * 2000]
    assert scene.json("SELECT text_words(CONCAT(REPEAT(' ', 2000), 'a'), 'plain')")[-1] == "a"


def test_text_words_drops_the_signs_between_digits(scene: Scene) -> None:
    assert scene.json("SELECT text_words('1-2', 'typed')") == ["12"]
    assert scene.json("SELECT text_words('a-b 1 2', 'typed')") == ["ab", "1", "2"]
    assert scene.json("SELECT text_words('O''Brien 0049301 007 b🎉c', 'typed')") == [
        "OBrien", "49301", "007", "b", "🎉", "c"
    ]  # fmt: skip
    assert scene.json("SELECT text_words('O’Neil', 'both')") == ["O", "Neil", "ONeil"]
    assert scene.json("SELECT text_words('Işık', 'plain')") == ["Işik"]
    assert scene.json("SELECT text_words('1-2 a', 'both')") == ["1", "2", "a", "12", "a"]
    assert scene.json("SELECT text_words('1-2', 'plain')") == ["1", "2"]


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("آأإٱاﭐﭑﺁﺂﺃﺄﺇﺈ", "ا" * 13), ("ؤۆۇۈۋوﺅﺆ", "و" * 8), ("کڪكﮎﮏﮐﮑ", "ك" * 7),
        ("ئىییېےۓيﮮﮯﮰﮱﯼﯽﯾﯿﺉﺊﺋﺌﻯﻰ", "ي" * 22), ("ةۃۀہۂھەۿهﮤﮥﮦﮧﮨﮩﮪﮫﮬﮭﺓﺔ", "ه" * 21),
        ("ﻵﻶﻷﻸﻹﻺ", "لا" * 6), ("سـلـام", "سلام"),
        ("þÞŧŦŋŊ", "ththttnn"), ("йЙїЇўЎѓЃќЌ", "ииііууггкк"), ("ӣӢӯӮӑӐӗӖӳӲӧӦӱӰӹӸ", "ииууааееууооууыы"),
        ("髙﨑", "高崎"), ("Saʻnʿāʾ", "Sanā"), ("น\u0e4d\u0e32 น\u0e4d\u0e49\u0e32", "นำ น้ำ"),
    ],
)  # fmt: skip
def test_text_words_write_letters_that_stand_for_each_other_as_one(
    scene: Scene, written: str, word: str
) -> None:
    scene["text"] = written
    assert scene.json("SELECT text_words(:text, 'plain')") == word.split()


def test_text_words_compose_all_korean_syllables(scene: Scene) -> None:
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    for start in range(0, len(syllables), 1400):
        scene["text"] = text = " ".join(syllables[start : start + 1400])
        scene["letters"] = unicodedata.normalize("NFD", text)
        assert scene.json("SELECT text_words(:letters, 'plain')") == text.split(" ")


def test_prefix_end_sorts_behind_every_word_with_the_prefix(scene: Scene) -> None:
    assert scene.one("SELECT 'anaz' < prefix_end('ana')") == 1
    assert scene.one("SELECT 'anb' > prefix_end('ana')") == 1


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        ("Ada Lovelace", "lovelace, ADA", 1), ("Ada Lovelace", "Dr. Ada King Lovelace", 1),
        ("Ada", None, 1), ("Jane Doe", "John Doe", 0), ("José", "Jose\u0301", 1), ("Ann Lee", "Ann Leer", 0),
    ],
)  # fmt: skip
def test_names_that_agree(scene: Scene, first: str, second: str | None, agree: int) -> None:
    scene["first"], scene["second"] = first, second or ""
    for one, other in (("first", "second"), ("second", "first")):
        assert scene.one(f"SELECT names_agree(:{one}, :{other})") == agree


def test_a_name_key_has_the_words_in_order(scene: Scene) -> None:
    for name, key in (("Lovelace, Ada", "Ada Lovelace"), ("ada  LOVELACE", "ada LOVELACE"), ("…", None)):
        scene["name"] = name
        assert scene.one("SELECT name_key(:name)") == key
