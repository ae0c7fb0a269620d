"""Refuse to start when declarations, handlers and routines do not match."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from service import ROOT
from service.app import make_app
from service.errors import DeclarationError
from service.rpc import declarations
from service.rpc.declarations import load_declarations
from service.rpc.startup_checks import check_routines
from service.settings import Settings
from service.store.database import Database, RoutineInfo

HANDLER = "async def greet(ctx): return {}\n"
Declare = Callable[..., Path]
Installed = dict[tuple[str, str], RoutineInfo]


def greet(**changes: Any) -> dict[str, Any]:
    """Return a valid declaration with these changes."""
    declaration = {
        "doc": "Says hello.",
        "scope": "hub",
        "permission": {"src": "read", "on": "hub"},
        "params": {},
        "returns": {"type": "object"},
        "errors": [],
    }
    return declaration | changes


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Write `demo.json` and the module that it names; return the folder."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(services: Any, source: str = HANDLER) -> Path:
        module = f"handlers_{secrets.token_hex(4)}"
        (tmp_path / f"{module}.py").write_text(source)
        content = {"modules": {"private": module, "public": module}, "services": services}
        (tmp_path / "demo.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.fixture(scope="module")
async def installed(settings: Settings) -> AsyncIterator[Installed]:
    """Return the routines as the server reports them."""
    db = Database(settings)
    yield await db.load_routines()
    await db.close()


def problems(folder: Path) -> str:
    """Return the reason why the declarations of the folder are refused."""
    with pytest.raises(DeclarationError) as caught:
        load_declarations(folder)
    return str(caught.value)


# --- what is in order --------------------------------------------------------------------------


def test_our_own_declarations_are_valid(installed: Installed) -> None:
    check_routines(load_declarations(), installed)


def test_a_declaration_becomes_a_service(declare: Declare) -> None:
    service = load_declarations(declare({"greet": greet(log=True)}))["demo.greet"]
    assert (service.name, service.level, service.on_hub, service.log) == ("demo.greet", 2, True, True)
    assert service.takes == ()


def test_a_service_may_have_another_name_than_its_handler(declare: Declare) -> None:
    services = load_declarations(declare({"hello": greet(method="greet")}))
    assert services["demo.hello"].handler.__name__ == "greet"


def test_private_functions_and_imports_need_no_declaration(declare: Declare) -> None:
    source = HANDLER + "from asyncio import sleep\nasync def _help(): pass\ndef plain(): pass\n"
    assert list(load_declarations(declare({"greet": greet()}, source))) == ["demo.greet"]


# --- what is not -------------------------------------------------------------------------------


def test_a_declaration_without_handler_is_refused(declare: Declare) -> None:
    text = problems(declare({"greet": greet(), "wave": greet()}))
    assert text.startswith("demo.json: wave: handlers_")
    assert text.endswith("has no such function")


def test_a_handler_without_declaration_is_refused(declare: Declare) -> None:
    text = problems(declare({"greet": greet()}, HANDLER + "async def wave(ctx): return {}\n"))
    assert text.endswith(".wave: no declaration in demo.json")


def test_a_module_that_does_not_exist(declare: Declare) -> None:
    folder = declare({"greet": greet()})
    path = folder / "demo.json"
    path.write_text(path.read_text().replace("handlers_", "nowhere_"))
    text = problems(folder)
    assert "demo.json" in text
    assert "nowhere_" in text


def test_a_file_that_is_no_json(declare: Declare) -> None:
    folder = declare({"greet": greet()})
    (folder / "broken.json").write_text("{")
    assert "broken.json" in problems(folder)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"parms": {}}, "unknown key 'parms'"),
        ({"permission": {"src": "read", "o": "hub"}}, "unknown key 'o'"),
        ({"permission": {}}, "key 'src' is missing"),
        ({"permission": {"src": "reader"}}, "permission.src is none of anonymous, guest, read"),
        ({"permission": {"src": "read", "on": "Hub"}}, "permission.on"),
        ({"params": {"p": {}}}, "params.p: key 'type' is missing"),
        ({"params": {"p": {"type": "string"}}}, "params.p: key 'doc' is missing"),
        (
            {"params": {"p": {"type": "object", "doc": "It.", "properties": {"q": {"type": "string"}}}}},
            "params.p: key 'doc' is missing",
        ),
        ({"params": {"p": {"type": "text"}}}, "params.p: type 'text' is unknown"),
        ({"params": {"p": {"type": "string", "max_length": 1}}}, "params.p: unknown key 'max_length'"),
        ({"params": {"p": {"type": "string", "format": "emial"}}}, "params.p: format 'emial' is unknown"),
        ({"params": {"p": {"type": "integer", "format": "flag"}}}, "params.p: only a string has a format"),
        ({"params": {"p": {"type": "integer", "required": True, "default": 1}}}, "and has a default"),
        ({"params": {"p": {"type": "array", "items": {"type": "x"}}}}, "type 'x' is unknown"),
        ({"errors": [{"code": "OOPS"}]}, "key 'http_status' is missing"),
        ({"errors": [{"code": "OOPS", "http_status": 400, "text": ""}]}, "unknown key 'text'"),
    ],
    ids=str,
)
def test_a_declaration_with_a_mistake(declare: Declare, changes: dict[str, Any], problem: str) -> None:
    text = problems(declare({"greet": greet(**changes)}))
    assert text.startswith("demo.json: greet: ")
    assert problem in text


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def greet(ctx): return {}\n", "its handler is not an async function"),
        ("async def greet(ctx, name): return {}\n", "its handler takes 'name', which is not declared"),
    ],
)
def test_a_handler_that_does_not_fit(declare: Declare, source: str, problem: str) -> None:
    assert problems(declare({"greet": greet()}, source)) == f"demo.greet: {problem}"


def test_all_mistakes_are_reported_at_once(declare: Declare) -> None:
    text = problems(declare({"greet": greet(a=1, b=2), "wave": greet()}))
    assert len(text.splitlines()) == 3


# --- routines ----------------------------------------------------------------------------------


def misfits(installed: Installed) -> str:
    with pytest.raises(DeclarationError) as caught:
        check_routines(load_declarations(), installed)
    return str(caught.value)


@pytest.mark.parametrize(
    "key", [("yp", "session_open"), ("yp", "session_check"), ("shard1", "my_contact_add")]
)
def test_a_routine_that_is_not_installed(installed: Installed, key: tuple[str, str]) -> None:
    text = misfits({k: v for k, v in installed.items() if k != key})
    assert f"{key[0]}.{key[1]} is not installed" in text
    assert "service/" in text
    assert "make deploy" in text


@pytest.mark.parametrize("key", [("yp", "session_open"), ("shard2", "my_contact_add")])
def test_a_routine_with_other_parameters(installed: Installed, key: tuple[str, str]) -> None:
    takes = installed[key].params
    changed = dataclasses.replace(installed[key], params=takes + 1)
    text = misfits({**installed, key: changed})
    assert f"{key[0]}.{key[1]} takes {takes + 1} arguments, not {takes}" in text


def test_a_code_that_a_routine_raises_and_nobody_declares(installed: Installed) -> None:
    services = load_declarations()
    errors = {c: e for c, e in services["contact.add"].errors.items() if c != "ALREADY_IN_CONTACT"}
    services["contact.add"] = dataclasses.replace(services["contact.add"], errors=errors)
    with pytest.raises(DeclarationError) as caught:
        check_routines(services, installed)
    assert "contact.add: my_contact_add raises ALREADY_IN_CONTACT, which is not declared" in str(caught.value)


# --- nothing starts ----------------------------------------------------------------------------


async def test_the_service_does_not_start(
    declare: Declare, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = declare({"wave": greet()})
    monkeypatch.setattr(declarations.load_declarations, "__defaults__", (folder,))
    with pytest.raises(DeclarationError, match="wave"):
        await make_app(settings)


# --- WebSocket frames --------------------------------------------------------------------------


def test_every_frame_that_is_sent_by_name_is_declared() -> None:
    sent = re.compile(r'(?:\bpush|live_update|_frame)\(\s*"([a-z]+\.[a-zA-Z_]+)"')
    names = {name for path in (ROOT / "service").rglob("*.py") for name in sent.findall(path.read_text())}
    assert {"chat.post", "sys.hello", "conference.revoke"} <= names
    assert names <= declarations.load_pushes().keys()


@pytest.mark.parametrize(
    ("push", "problem"),
    [
        ({"doc": "It rings."}, "demo.ring: key 'to' is missing"),
        ({"doc": "It rings.", "to": "all", "modle": {}}, "demo.ring: unknown key 'modle'"),
        (
            {"doc": "It rings.", "to": "all", "model": {"id": {"type": "text", "doc": ""}}},
            "demo.ring: model.id: type 'text' is unknown",
        ),
    ],
)
def test_a_frame_that_is_declared_badly_is_refused(tmp_path: Path, push: Any, problem: str) -> None:
    (tmp_path / "demo.json").write_text(json.dumps({"pushes": {"demo.ring": push}}))
    with pytest.raises(DeclarationError) as caught:
        declarations.load_pushes(tmp_path)
    assert str(caught.value) == problem


def test_the_rpc_guide_names_every_service_with_its_level(root: Path) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d) \| ([\w, ]+) \|$", (root / "docs/api/rpc.md").read_text(), re.MULTILINE
    )
    listed = [(f"{module}.{name}", int(level)) for module, level, names in rows for name in names.split(", ")]
    assert sorted(listed) == sorted((s.name, s.level) for s in load_declarations().values())
