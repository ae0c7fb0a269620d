"""Records of /api/v1 that are hard to store."""

from __future__ import annotations

from typing import Any

FULL: dict[str, Any] = {
    "first_name": "Ana",
    "last_name": "García",
    "emails": [
        {"address": "ana@acme.example", "label": "work", "primary": True},
        {"address": "ana@home.example", "label": "school", "primary": False},
    ],
    "phones": [
        {"number": "+34 612-345", "label": "mobile", "primary": True},
        {"number": "0912 34", "label": "work", "primary": False},
    ],
    "company": "Acme",
    "job_title": "Head",
    "addresses": [
        {"street": "Calle 1", "city": "Madrid", "state": "MD", "postal_code": "28001", "country": "Spain",
         "label": "school"},
    ],
    "notes": "met in Rome",
    "avatar_path": "/pictures/ana.webp",
    "tags": ["partner", "vip"],
    "custom_fields": {"a": {"b": [1, None]}},
}  # fmt: skip

LONG = "ä" * 255

EDGES: dict[str, dict[str, Any]] = {
    "no address": {"display_name": "X", "phones": FULL["phones"]},
    "nothing but what must be": {"display_name": "X", "emails": [{"address": "x@x.example"}]},
    "empty": {
        **dict.fromkeys(("first_name", "company", "job_title", "notes", "avatar_path"), ""), "last_name": "X",
        **dict.fromkeys(("custom_fields", "tags", "addresses", "phones")),
        "emails": [{"address": "x@x.example"}],
    },
    "empty inside": {
        **FULL, "custom_fields": {},
        "addresses": [{"label": "home"}, {"postal_code": "1"}, {"state": "MD"}],
    },
    "signs": {
        **FULL, "display_name": "\"Zoë\\ 👩‍🚀 %_'", "company": "O'Neil & Sons",
        "notes": "a\n\tb \\ \" \u2028 c",
        "tags": ["año", "ano", "Ano", "\"q\"", "👩‍🚀"],
        "custom_fields": {"ä\"\\.b": [1.5, None, {"": ""}], "n": None},
        "emails": [{"address": f"m{n}@x.example", "label": label, "primary": n == 2}
                   for n, label in enumerate(("wörk", "Work", "WORK", "ＷＯＲＫ", "école", "👩‍🚀"))],
        "phones": [{"number": number, "label": "Mobile", "primary": n == 0}
                   for n, number in enumerate(("+34  6", "+34 6", "ext A", "EXT a", "+1 (2) 3", "+1 \xa02"))],
    },
    "long": {
        **dict.fromkeys(("display_name", "first_name", "last_name", "company", "job_title"), LONG),
        "notes": "👩" * 16_383, "avatar_path": "/" + "a" * 1023, "tags": [LONG[:-1] + "x", LONG[:-1] + "y"],
        "emails": [{"address": f"{'l' * 64}@{'m' * 63}.{'n' * 63}.example", "label": "ä" * 32}],
        "phones": [{"number": "9" * 81, "label": "ä" * 32, "primary": True}],
        "addresses": [{**dict.fromkeys(("street", "city", "state", "country"), LONG), "postal_code": "9" * 32,
                       "label": "ä" * 32}],
    },
    "many, and alike": {
        **FULL, "phones": [{"number": f"{n // 3}", "label": f"l{n}", "primary": n == 50} for n in range(100)],
        "addresses": [{"city": "Madrid", "postal_code": f"{n}", "state": f"S{n}", "label": f"l{n}"}
                      for n in range(100)],
        "tags": [f"t{n}" for n in range(100)],
        "emails": [{"address": f"m{n}@x.example", "label": f"l{n}", "primary": n == 50} for n in range(100)],
    },
}  # fmt: skip
"""Records that are hard to store."""
