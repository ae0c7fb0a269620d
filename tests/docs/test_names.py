"""Commands, settings, files, services, codes and routines that a page names are there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache

from service.rest.frames import FRAMES
from service.rpc.declarations import load_declarations, load_pushes
from service.settings import OTHER_NAMES, PREFIX, Settings
from service.webhooks.events import TYPES
from tests.docs.pages import ROOT, Page, load_pages

SOURCES = ("Makefile", "pyproject.toml", "acl", "procedures", "service", "sql", "tests")
SUFFIXES = {".py", ".sql", ".json", ".toml", ".html", ""}
FOLDER = re.compile(r"(?:acl|docs|procedures|service|sql|tests)/[\w./-]*")
FILE = re.compile(r"\w[\w/-]*\.(?:py|md|sql|json|toml)")
SERVICE = re.compile(r"[a-z]+\.[a-z]\w*")
CODE = re.compile(r"[A-Z0-9]+(?:_[A-Z0-9]+)+")
IDENTIFIER = re.compile(r"[a-z]\w*_\w+(?:\(\))?")
MAKE = re.compile(r"make(?: ([a-z-]+))?((?: [A-Z]+=\S*)*)")
PLACEHOLDERS = ("NNNN", "<", "…", "*")
ELSEWHERE = {
    "galera_new_cluster": "a program of MariaDB",
    "contact_rows": "an example of a good name",
    "device_id": "sent by the frontend, read by nobody",
}
"""Words that stand on a page although nothing of ours has that name."""


@cache
def _words() -> frozenset[str]:
    """Every word of the repository, without pages and their tests."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *SOURCES], cwd=ROOT, capture_output=True, check=True
    )
    paths = [ROOT / name for name in listed.stdout.decode().split()]
    own = ROOT / "tests" / "docs"
    texts = (p.read_text() for p in paths if p.suffix in SUFFIXES and p.is_file() and own not in p.parents)
    return frozenset().union(*(re.findall(r"\w+", text) for text in texts))


@cache
def _targets() -> dict[str, str]:
    """The targets of the Makefile: from the first line of each to its last."""
    text = (ROOT / "Makefile").read_text()
    return {m[1]: m[0] for m in re.finditer(r"^([a-z-]+):.*(?:\n.+)*", text, re.MULTILINE)}


def _make_problem(span: str) -> str | None:
    match = MAKE.fullmatch(span)
    if match is None or not match[1]:
        return None
    recipe = _targets().get(match[1])
    if recipe is None:
        return "there is no such target"
    extra = (ROOT / "Makefile").read_text() if "$(HOW)" in recipe else ""
    names = re.findall(r"([A-Z]+)=", match[2])
    unknown = [n for n in names if not re.search(rf"\b{n}\b", recipe + extra) and not n.startswith(PREFIX)]
    return f"the target does not know {', '.join(unknown)}" if unknown else None


def _setting_problem(span: str) -> str | None:
    if not span.startswith(PREFIX) or span.endswith(PLACEHOLDERS):
        return None
    name = span.partition("=")[0]
    known = {PREFIX + field.upper() for field in Settings.__dataclass_fields__} | OTHER_NAMES.keys()
    return None if name in known else "there is no such setting"


def _path_problem(page: Page, span: str) -> str | None:
    if any(word in span for word in PLACEHOLDERS) or not (FOLDER.fullmatch(span) or FILE.fullmatch(span)):
        return None
    beside = page.path.parent / span
    return None if (ROOT / span).exists() or beside.exists() else "there is no such file"


@cache
def _services() -> frozenset[str]:
    return frozenset({*load_declarations(), *load_pushes(), *FRAMES.values(), *TYPES})


def _service_problem(span: str) -> str | None:
    if not SERVICE.fullmatch(span) or FILE.fullmatch(span):
        return None
    names = _services()
    module, _, name = span.partition(".")
    if span in names or module not in {known.partition(".")[0] for known in names}:
        return None
    is_in_registry = module == "yp" and name in _words()
    return None if is_in_registry else "there is no such service"


def _word_problem(span: str) -> str | None:
    if span.startswith(PREFIX) or not (CODE.fullmatch(span) or IDENTIFIER.fullmatch(span)):
        return None
    word = span.removesuffix("()")
    return None if word in _words() or word in ELSEWHERE else "nothing has this name"


CHECKS: list[Callable[[str], str | None]] = [_make_problem, _setting_problem, _service_problem, _word_problem]


def _problems(page: Page) -> Iterator[str]:
    for span in page.code_spans:
        problems = [_path_problem(page, span), *(check(span) for check in CHECKS)]
        yield from (f"{page.name}: `{span}`: {problem}" for problem in problems if problem)


def test_names_are_there() -> None:
    problems = [problem for page in load_pages().values() for problem in _problems(page)]
    assert not problems, "\n".join(problems)


def test_a_name_that_is_not_there_is_found() -> None:
    assert _make_problem("make deploi") == "there is no such target"
    assert _make_problem("make user NAMES=x") == "the target does not know NAMES"
    assert _setting_problem("DRUMEE_PROT") == "there is no such setting"
    assert _path_problem(load_pages()["README.md"], "service/dispatch.py") == "there is no such file"
    assert _service_problem("contact.nothing") == "there is no such service"
    assert _word_problem("my_contacts_rendered") == "nothing has this name"


def test_the_map_has_every_package_in_the_order_of_the_layers() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## Code map")[2].partition("\n## ")[0]
    mapped = re.findall(r"`service/(\w+)/`", page)
    assert sorted(mapped) == sorted(path.parent.name for path in (ROOT / "service").glob("*/__init__.py"))
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["type"] == "layers"]
    layers = [set(re.findall(r"\w+", layer)) for layer in contract["layers"]]
    floors = [next(number for number, layer in enumerate(layers) if name in layer) for name in mapped]
    assert floors == sorted(floors), f"from the top to the ground: {contract['layers']}"


def test_folder_pages_name_every_file_of_their_folder() -> None:
    pages = [p for p in load_pages().values() if p.path.name == "README.md" and p.name.count("/") == 2]
    assert len(pages) >= 5
    for page in pages:
        files = {p.name for p in page.path.parent.glob("*.py")} - {"__init__.py"}
        missing = files - set(page.code_spans)
        assert not missing, f"{page.name} lacks {sorted(missing)}"
