"""Values under a declaration: the loaded value, or the reason of the refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from service.errors import RequestError
from service.rpc.declarations import Service, load_declarations
from service.web.fields import build_schema, first_problem, load

SERVICES = load_declarations()
BOOK = {
    "type": "array",
    "maxItems": 3,
    "items": {
        "type": "object",
        "properties": {
            "email": {"type": "string", "format": "email", "required": True, "maxLength": 255},
            "category": {"type": "string", "enum": ["prof", "priv"], "default": "priv"},
        },
    },
}


def loaded(declaration: dict[str, Any], value: Any) -> Any:
    """Load a parameter `p` with this declaration; return None when it counts as absent."""
    params = {"p": declaration}
    return load(build_schema(params), {"p": value}).get("p")


def refusal(declaration: dict[str, Any], value: Any) -> tuple[str, str, str]:
    """Return (code, parameter, reason) with which the value is refused."""
    with pytest.raises(RequestError) as caught:
        loaded(declaration, value)
    error = caught.value
    assert (error.status, error.protocol) == (400, True)
    return error.code, error.data["param"], error.reason


# --- forgiving ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "45", 45),
        ("integer", 45, 45),
        ("integer", " 45 ", 45),
        ("integer", -1, -1),
        ("number", "1.5", 1.5),
        ("number", 2, 2.0),
        ("string", 12, "12"),
        ("string", 1.5, "1.5"),
        ("string", "  two words ", "two words"),
        ("boolean", True, "1"),
        ("object", '{"a": [1]}', {"a": [1]}),
        ("object", {}, {}),
        ("array", "[1, null]", [1, None]),
        ("array", [], []),
    ],
)
def test_values_may_come_as_text(kind: str, value: Any, expected: Any) -> None:
    assert loaded({"type": kind}, value) == expected


@pytest.mark.parametrize("text", ["1", 1, True, "true", "True", "YES", "on"])
def test_a_flag_is_raised_in_many_ways(text: Any) -> None:
    assert loaded({"type": "string", "format": "flag", "maxLength": 5}, text) == "1"


@pytest.mark.parametrize("text", ["0", 0, False, "false", "False", "no", "OFF"])
def test_a_flag_is_lowered_in_many_ways(text: Any) -> None:
    assert loaded({"type": "string", "format": "flag", "maxLength": 5}, text) == "0"


@pytest.mark.parametrize("nothing", [None, "", "undefined", "null"])
@pytest.mark.parametrize(
    "declaration",
    [{"type": "integer"}, {"type": "array"}, {"type": "object"}]
    + [{"type": "string", "format": f} for f in ("id", "flag", "email")],
    ids=str,
)
def test_nothing_is_absent_in_four_ways(declaration: dict[str, Any], nothing: Any) -> None:
    assert loaded(declaration, nothing) is None
    assert loaded({**declaration, "default": "d"}, nothing) == "d"
    assert refusal({**declaration, "required": True}, nothing) == (
        "MISSING_PARAM",
        "p",
        "p is required",
    )


def test_free_text_may_be_the_word_undefined() -> None:
    assert loaded({"type": "string"}, "undefined") == "undefined"
    assert loaded({"type": "string", "format": "text"}, "null") == "null"
    assert loaded({"type": "string"}, "") is None


def test_an_empty_text_clears_what_may_be_cleared() -> None:
    clearable = {"type": "string", "clearable": True, "maxLength": 5}
    assert loaded(clearable, "") == ""
    assert loaded(clearable, None) is None


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_absent_inside_lists_too(nothing: Any) -> None:
    assert loaded(BOOK, [{"email": "a@b.example", "category": nothing}]) == [
        {"email": "a@b.example", "category": "priv"}
    ]


def test_names_that_are_not_declared_are_left_out() -> None:
    params = {"p": BOOK}
    entry = {"email": "a@b.example", "kind": "widget"}
    assert load(build_schema(params), {"p": [entry], "widgetId": "w"}) == {
        "p": [{"email": "a@b.example", "category": "priv"}]
    }


@pytest.mark.parametrize(
    ("given_address", "normalised"),
    [
        (" Ada@Math.EXAMPLE ", "ada@math.example"),
        ("a+b@x.example", "a+b@x.example"),
        ("ada@acme.test", "ada@acme.test"),
        ("jürgen@müller.example", "jürgen@müller.example"),
    ],
)
def test_addresses_are_normalised(given_address: str, normalised: str) -> None:
    assert loaded({"type": "string", "format": "email"}, given_address) == normalised


def test_a_word_of_an_enum_may_be_in_capitals() -> None:
    order = {"type": "string", "format": "word", "enum": ["asc", "desc"]}
    assert [loaded(order, text) for text in ("DESC", " Asc ", "asc")] == ["desc", "asc", "asc"]
    assert refusal(order, "UP")[2] == "p: must be one of asc, desc"


def test_a_note_has_lines_and_a_name_has_none() -> None:
    assert loaded({"type": "string", "format": "text"}, "one\n\ttwo") == "one\n\ttwo"
    assert "control character" in refusal({"type": "string"}, "one\ntwo")[2]


# --- strict ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.5, "1.5", "1e3", "0x10", "1_000", True, [1], {}, "ten", "NaN"])
def test_a_whole_number_is_nothing_else(value: Any) -> None:
    code, name, reason = refusal({"type": "integer"}, value)
    assert (code, name) == ("INVALID_PARAM", "p")
    assert "integer" in reason or "whole number" in reason


@pytest.mark.parametrize("value", ["NaN", "inf", "1e309", True, [1], "ten"])
def test_a_number_is_finite(value: Any) -> None:
    assert refusal({"type": "number"}, value)[:2] == ("INVALID_PARAM", "p")


@pytest.mark.parametrize(
    ("declaration", "value", "reason"),
    [
        ({"type": "string", "maxLength": 3}, "four", "p: is longer than 3 characters"),
        ({"type": "string", "minLength": 3}, "no", "p: is shorter than 3 characters"),
        ({"type": "string", "pattern": "[a-z]+$"}, "A", "p: must match [a-z]+$"),
        ({"type": "string", "enum": ["", "a", "b"]}, "c", "p: must be one of a, b"),
        ({"type": "string"}, True, "p: must be a string"),
        ({"type": "string", "format": "flag"}, 2, "p: must be 0 or 1"),
        ({"type": "string", "format": "email"}, "ada", "p: is not an email address"),
        ({"type": "integer", "min": 1, "max": 9}, 10, "p: must be from 1 to 9"),
        ({"type": "array"}, {}, "p: must be an array"),
        ({"type": "object"}, "[]", "p: must be an object"),
        ({"type": "object"}, "{", "p: must be an object"),
        ({"type": "object", "maxBytes": 9}, {"a": "12345"}, "p: is larger than 9 bytes"),
        ({"type": "object"}, {"a": 2**63}, "p: contains a number beyond 64 bits"),
        ({"type": "object"}, {"a": "\0"}, "p: contains a control character"),
        ({"type": "object"}, {"\ud800": 1}, "p: contains a control character"),
    ],
    ids=str,
)
def test_a_refusal_says_why(declaration: dict[str, Any], value: Any, reason: str) -> None:
    assert refusal(declaration, value) == ("INVALID_PARAM", "p", reason)


def strict_problem(declaration: dict[str, Any], value: Any) -> tuple[str, str, str] | None:
    """Return (path, constraint, sentence) of the problem that a strict API has with the value of `p`."""
    try:
        build_schema({"p": declaration}, strict=True).load({"p": value})
    except ValidationError as exc:
        return first_problem(exc.messages_dict)
    return None


@pytest.mark.parametrize(
    ("declaration", "value", "problem"),
    [
        ({"type": "string"}, 12, ("p", "type", "must be a string")),
        ({"type": "string"}, "line\n", ("p", "characters", "contains a control character")),
        ({"type": "string"}, None, ("p", "type", "must not be null")),
        ({"type": "string", "nullable": True}, None, None),
        ({"type": "string", "required": True}, "", None),
        ({"type": "integer"}, "5", ("p", "type", "must be a whole number")),
        ({"type": "number"}, "1.5", ("p", "type", "must be a number")),
        ({"type": "boolean"}, 1, ("p", "type", "must be true or false")),
        ({"type": "boolean"}, True, None),
        ({"type": "array", "items": {"type": "integer"}}, "[1]", ("p", "type", "must be an array")),
        ({"type": "array", "items": {"type": "integer"}}, [1, None], ("p[1]", "type", "must not be null")),
        ({"type": "object"}, "{}", ("p", "type", "must be an object")),
        ({"type": "object"}, {"a": "\0"}, ("p", "content", "contains a control character")),
        ({"type": "object", "maxBytes": 9}, {"a": "12345"}, ("p", "max_bytes", "is larger than 9 bytes")),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [1],
         ("p", "min_items", "has fewer than 2 entries")),
        ({"type": "integer", "min": 1}, 0, ("p", "min", "must be at least 1")),
        ({"type": "string", "format": "date-time"}, "yesterday",
         ("p", "date_time", "is not a time as 2026-02-16T10:30:00.123Z")),
    ],
    ids=str,
)  # fmt: skip
def test_a_strict_api_takes_the_types_of_json(declaration: dict[str, Any], value: Any, problem: Any) -> None:
    assert strict_problem(declaration, value) == problem


@pytest.mark.parametrize("value", ["a b", "é", "../x", "", " ", "a" * 65, "%", "a\nb", "٣"])
def test_an_id_is_a_word(value: str) -> None:
    assert refusal({"type": "string", "format": "id", "required": True}, value)[1] == "p"


@pytest.mark.parametrize(
    "declaration",
    [{"type": "string", "required": True}, {"type": "string", "format": "text", "required": True}],
    ids=str,
)
def test_blank_is_not_enough_where_something_is_required(declaration: dict[str, Any]) -> None:
    assert refusal(declaration, "  ")[:2] == ("MISSING_PARAM", "p")
    inside = {"type": "object", "properties": {"q": declaration}}
    assert refusal(inside, {"q": ""})[:2] == ("MISSING_PARAM", "p.q")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ([{"email": "a@b.example"}, {"email": 5}], "p[1].email"),
        ([{"email": "a@b.example"}, {}], "p[1].email"),
        ([{"email": "a@b.example", "category": "home"}], "p[0].category"),
        ([5], "p[0]"),
        ([{"email": f"{i}@b.example"} for i in range(4)], "p"),
    ],
    ids=str,
)
def test_a_refusal_names_the_place_inside(value: Any, name: str) -> None:
    assert refusal(BOOK, value)[1] == name


def test_depth_is_bounded() -> None:
    def nest(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return value

    assert loaded({"type": "array"}, nest(8)) == nest(8)
    assert "nested deeper" in refusal({"type": "array"}, nest(50))[2]
    assert "nested deeper" in refusal({"type": "array"}, nest(5000))[2]


# --- anything at all ---------------------------------------------------------------------------

TEXTS = st.text() | st.sampled_from(["1", "true", "[]", "{}", "a@b.example", "[" * 100, "9" * 400])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_anything_is_either_taken_or_refused_by_name(service: Service) -> None:
    names = st.sampled_from([*service.params, "unknown"])

    @settings(max_examples=40, deadline=None, database=None)
    @given(st.dictionaries(names, VALUES))
    def check(args: dict[str, Any]) -> None:
        try:
            loaded_args = load(service.schema, args)
        except RequestError as exc:
            refused = exc
        else:
            assert loaded_args.keys() <= service.params.keys()
            return
        assert refused.status == 400
        assert refused.data["param"].partition("[")[0].partition(".")[0] in service.params

    check()
