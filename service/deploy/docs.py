"""The reference of all routines, from their headers: Markdown and HTML, with what calls what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jinja2

from service.deploy.callers import callers_of
from service.deploy.files import Routine, load_routines
from service.deploy.header import Header, read_header

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
CHARSET = re.compile(r" (?:CHARACTER SET|COLLATE) \w+")
"""Which a caller need not know: the server converts."""
SHORT = 100
"""Letters of a signature that fits on one line."""
SECTIONS = ("Params", "Returns", "Errors", "Example")


@dataclass(frozen=True)
class Entry:
    """One routine in the reference."""

    routine: Routine
    header: Header
    calls: list[str]
    callers: list[str]

    @property
    def title(self) -> str:
        """yp.session_open, shard.tag_add"""
        return f"{self.routine.scope}.{self.routine.name}"

    @property
    def feature(self) -> str:
        """Folder of the file."""
        return self.routine.path.parent.name

    @property
    def kind(self) -> str:
        """procedure or function"""
        return self.routine.kind.lower()

    @property
    def writes(self) -> bool:
        """Whether it changes data."""
        return self.routine.access == "MODIFIES"

    @property
    def access(self) -> str:
        """What it does with data."""
        return {"READS": "reads", "MODIFIES": "writes", "NO": "computes"}[self.routine.access]

    @property
    def signature(self) -> str:
        """Name, parameters with their types, and what a function returns."""
        returns = f" RETURNS {self.routine.returns}" if self.routine.returns else ""
        params = [line.strip().rstrip(",") for line in self.routine.params_text.splitlines()]
        plain = [" ".join(CHARSET.sub("", param).split()) for param in params if param]
        short = f"{self.routine.name}({', '.join(plain)}){CHARSET.sub('', returns)}"
        if len(short) <= SHORT:
            return short
        lines = ",\n    ".join(plain)
        return f"{self.routine.name}(\n    {lines}\n){CHARSET.sub('', returns)}"


def entries() -> list[Entry]:
    """Every routine, ordered by class of database, feature and name."""
    found = [
        Entry(
            r,
            read_header(r),
            sorted(f"{scope}.{name}" for scope, name in r.calls),
            _by_whom(r),
        )
        for r in load_routines()
    ]
    return sorted(found, key=lambda e: (e.routine.scope != "yp", str(e.routine.path)))


def _by_whom(routine: Routine) -> list[str]:
    """Callers as a reader names them: routines by their title, Python by its line."""
    titles = {str(r.path): f"{r.scope}.{r.name}" for r in load_routines()}
    said = read_header(routine).text("Callers").strip()
    found = [titles.get(place, place) for place in callers_of(routine.scope, routine.name)]
    return [*found, *([said] if said else [])]


def markdown(found: Iterable[Entry]) -> str:
    """The reference in Markdown."""
    lines = ["# Routines", "", "Made from the headers in procedures/ by `make docs`; edit those.", ""]
    for entry in found:
        lines += [
            f"## {entry.title}",
            "",
            f"{entry.header.summary} ({entry.kind}, {entry.access}, `{entry.routine.path}`)",
            "",
        ]
        if entry.header.notes:
            lines += [entry.header.notes, ""]
        lines += ["```sql", entry.signature, "```", ""]
        for section in SECTIONS:
            lines += [f"**{section}**", "", "```", entry.header.text(section), "```", ""]
        lines += [f"Calls: {', '.join(entry.calls) or 'nothing'}.  "]
        lines += [f"Called by: {', '.join(entry.callers) or 'nobody'}.", ""]
    return "\n".join(lines)


def html(found: list[Entry]) -> str:
    """The reference as one page of HTML, links between routines included."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    titles = {entry.title for entry in found}
    template = environment.get_template("procedures.html")
    return template.render(entries=found, titles=titles, sections=SECTIONS)


def write(folder: Path) -> list[Path]:
    """Write both; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    found = entries()
    made = [folder / "procedures.md", folder / "procedures.html"]
    made[0].write_text(markdown(found))
    made[1].write_text(html(found))
    return made
