"""A `$ref` in `acl/` stands for a definition, and `make acl` prints the declarations without any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service import ROOT
from service.cli import main
from service.errors import DeclarationError
from service.rpc.declarations import load_declarations, load_pushes
from service.rpc.definitions import read_declarations

CITY = {"type": "string", "maxLength": 99, "doc": "A city."}
PLACE = {"type": "object", "doc": "A place.", "properties": {"city": CITY}}
NO_PLACE = {"code": "PLACE_NOT_FOUND", "http_status": 404, "doc": "There is no such place."}
KEY = {"doc": "How a place is named.", "params": {"city": CITY}, "errors": [NO_PLACE]}
DEFINITIONS = {"city": CITY, "place": PLACE, "no_place": NO_PLACE, "key": KEY}


def write(folder: Path, body: Any, definitions: Any, **files: Any) -> Path:
    """Write `demo.json` with a body and definitions, and other files beside it; return the folder."""
    for name, content in {"demo": {**body, "$defs": definitions}, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def resolve(folder: Path, body: Any, *names: str) -> Any:
    """Return the resolved body of a file that has the definitions of these names."""
    return read_declarations(write(folder, body, {name: DEFINITIONS[name] for name in names}))["demo"]


def refusal(folder: Path) -> str:
    """Return why the files of the folder are refused."""
    with pytest.raises(DeclarationError) as caught:
        read_declarations(folder)
    return str(caught.value)


# --- what a reference stands for ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "name", "resolved"),
    [
        ({"params": {"town": {"$ref": "#/$defs/city"}}}, "city", {"params": {"town": CITY}}),
        ({"returns": {"$ref": "#/$defs/place"}}, "place", {"returns": PLACE}),
        ({"items": {"$ref": "#/$defs/place/properties"}}, "place", {"items": {"city": CITY}}),
        ({"home": {"$ref": "#/$defs/place/properties/city"}}, "place", {"home": CITY}),
        ({"errors": [{"$ref": "#/$defs/no_place"}]}, "no_place", {"errors": [NO_PLACE]}),
        ({"errors": {"$ref": "#/$defs/key/errors"}}, "key", {"errors": [NO_PLACE]}),
        ({"params": {"$ref": "#/$defs/key/params"}}, "key", {"params": {"city": CITY}}),
    ],
    ids=["field", "object", "list", "part", "error", "errors block", "params block"],
)
def test_a_reference_stands_for_a_definition(tmp_path: Path, body: Any, name: str, resolved: Any) -> None:
    assert resolve(tmp_path, body, name) == resolved


def test_keys_beside_a_reference_replace_those_of_the_definition(tmp_path: Path) -> None:
    body = {
        "town": {"$ref": "#/$defs/city", "doc": "Where you live.", "required": True},
        "city": {"$ref": "#/$defs/city"},
    }
    resolved = resolve(tmp_path, body, "city")
    assert resolved["town"] == {**CITY, "doc": "Where you live.", "required": True}
    assert list(resolved["town"]) == ["type", "maxLength", "doc", "required"]
    assert resolved["city"] == CITY


def test_several_modules_share_a_definition(tmp_path: Path) -> None:
    body = {"town": {"$ref": "shared.json#/$defs/city"}}
    folder = write(tmp_path, body, {}, other=body, shared={"$defs": {"city": CITY}})
    assert read_declarations(folder) == {"demo": {"town": CITY}, "other": {"town": CITY}}


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "definitions", "problem"),
    [
        ({"a": {"$ref": "#/$defs/ctiy"}}, {}, "demo.json: #/$defs/ctiy names no definition"),
        (
            {"a": {"$ref": "#/$defs/city/size"}},
            {"city": CITY},
            "demo.json: #/$defs/city/size names no definition",
        ),
        ({"a": {"$ref": "shared.json#/$defs/x"}}, {}, "demo.json: shared.json#/$defs/x names no definition"),
        ({"a": {"$ref": "city"}}, {}, "demo.json: city names no definition"),
        ({"a": {"$ref": 5}}, {}, "demo.json: 5 names no definition"),
        (
            {"a": {"$ref": "yp.json#/$defs/user"}},
            {},
            "demo.json: yp.json#/$defs/user names another module; move the definition to shared.json",
        ),
        ({}, {"city": CITY}, "demo.json: no $ref names the definition city; remove it"),
        ({"a": {"$ref": "#/$defs/x"}}, {"x": {"type": "string"}}, "demo.json: the definition x has no doc"),
        ({"a": {"$ref": "#/$defs/x"}}, {"x": [NO_PLACE]}, "demo.json: the definition x has no doc"),
        (
            {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/$defs/city"}},
            {"x": {"doc": "A list.", "items": {"$ref": "#/$defs/city"}}, "city": CITY},
            "demo.json: the definition x holds a $ref; write out what it refers to",
        ),
        (
            {"a": {"$ref": "#/$defs/key/errors", "doc": "Errors."}},
            {"key": KEY},
            "demo.json: #/$defs/key/errors is no object, so no keys can stand beside it",
        ),
    ],
)
def test_a_reference_that_is_refused(tmp_path: Path, body: Any, definitions: Any, problem: str) -> None:
    assert refusal(write(tmp_path, body, definitions)) == problem


def test_a_shared_definition_that_no_module_uses(tmp_path: Path) -> None:
    folder = write(tmp_path, {}, {}, shared={"$defs": {"city": CITY}})
    assert refusal(folder) == "shared.json: no $ref names the definition city; remove it"


def test_all_problems_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a": {"$ref": "#/$defs/x"}}, {"city": CITY}, other={"a": {"$ref": "#/$defs/y"}})
    assert len(refusal(folder).splitlines()) == 3


# --- make acl -------------------------------------------------------------------------------------


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    """Return what `make acl` prints."""
    assert main(["acl", *options]) == 0
    return json.loads(capsys.readouterr().out)


def expanded(value: Any, file: str) -> Any:
    """Replace the references of our files as any reader of JSON pointers does."""
    if isinstance(value, list):
        return [expanded(item, file) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {key: expanded(item, file) for key, item in value.items() if key not in {"$ref", "$defs"}}
    if "$ref" not in value:
        return fields
    home, _, pointer = value["$ref"].partition("#")
    target = json.loads((ROOT / "acl" / (home or file)).read_text())
    for key in pointer.split("/")[1:]:
        target = target[key]
    return {**target, **fields}


def test_the_printed_declarations_say_what_the_files_say(capsys: pytest.CaptureFixture[str]) -> None:
    modules = printed(capsys)
    files = {path.stem: path for path in (ROOT / "acl").glob("*.json")}
    assert modules.keys() == files.keys() - {"shared"}
    for name, content in modules.items():
        assert json.dumps(content) == json.dumps(
            expanded(json.loads(files[name].read_text()), files[name].name)
        )


def test_the_printed_declarations_make_the_same_services(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, content in printed(capsys).items():
        assert not {"$ref", "$defs"} & keys(content)
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    services, reloaded = load_declarations(), load_declarations(tmp_path)
    assert reloaded.keys() == services.keys()
    assert all(reloaded[name].declaration == service.declaration for name, service in services.items())
    assert load_pushes(tmp_path) == load_pushes()


def keys(value: Any) -> set[str]:
    """Return every key of a JSON value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_one_module_is_printed_as_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    contact = printed(capsys, "--module", "contact")
    assert contact == printed(capsys)["contact"]
    assert list(contact) == ["modules", "services", "pushes"]


def test_a_module_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["acl", "--module", "contcat"]) == 2
    assert capsys.readouterr().err.startswith(
        "MODULE=contcat is none of bootstrap, butler, channel, chat, conference, contact"
    )


# --- readers --------------------------------------------------------------------------------------


def test_a_reader_opens_files_of_a_length_that_can_be_read() -> None:
    """The contact that 12 services answer stands once; written out, the file has 6,669 lines."""
    assert len((ROOT / "acl" / "contact.json").read_text().splitlines()) <= 3173


def test_the_duration_of_a_call_is_0_by_default() -> None:
    duration = load_declarations()["conference.logCall"].params["duration"]
    assert (duration["default"], duration["required"]) == (0, False)
