"""The reference of all routines, from their headers, as Markdown and HTML, with their callers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jinja2

from service import PACKAGE
from service.schema.header import Header, read_header
from service.schema.routines import Routine, load_routines
from service.schema.uses import callers_of

TEMPLATES = PACKAGE / "templates"
CHARSET = re.compile(r" (?:CHARACTER SET|COLLATE) \w+")
"""Character sets, which callers need not know: the server converts."""
SHORT = 100
"""Characters of a signature that fits on one line."""
SECTIONS = ("Params", "Returns", "Errors", "Needs", "Example")


@dataclass(frozen=True)
class Entry:
    """One routine in the reference."""

    routine: Routine
    header: Header
    calls: list[str]
    callers: list[str]

    @property
    def title(self) -> str:
        """Return scope and name: `shard.tag_add`."""
        return f"{self.routine.scope}.{self.routine.name}"

    @property
    def feature(self) -> str:
        """Return the folder of the file."""
        return self.routine.path.parent.name

    @property
    def kind(self) -> str:
        """Return `procedure` or `function`."""
        return self.routine.kind.lower()

    @property
    def writes(self) -> bool:
        """Return whether it changes data."""
        return self.routine.access == "MODIFIES"

    @property
    def access(self) -> str:
        """Return its data access in words."""
        return {"READS": "reads", "MODIFIES": "writes", "NO": "computes"}[self.routine.access]

    @property
    def signature(self) -> str:
        """Return the name, the parameters with their types, and the return type."""
        returns = f" RETURNS {self.routine.returns}" if self.routine.returns else ""
        params = [line.strip().rstrip(",") for line in self.routine.params_text.splitlines()]
        plain = [" ".join(CHARSET.sub("", param).split()) for param in params if param]
        short = f"{self.routine.name}({', '.join(plain)}){CHARSET.sub('', returns)}"
        if len(short) <= SHORT:
            return short
        lines = ",\n    ".join(plain)
        return f"{self.routine.name}(\n    {lines}\n){CHARSET.sub('', returns)}"


def entries() -> list[Entry]:
    """Return every routine, ordered by class of database, folder and name."""
    all_entries = [
        Entry(
            r,
            read_header(r),
            sorted(f"{scope}.{name}" for scope, name in r.calls),
            _by_whom(r),
        )
        for r in load_routines()
    ]
    return sorted(all_entries, key=lambda e: (e.routine.scope != "yp", str(e.routine.path)))


def _by_whom(routine: Routine) -> list[str]:
    """Return the callers: routines by their title, Python by its line."""
    titles = {str(r.path): f"{r.scope}.{r.name}" for r in load_routines()}
    documented = read_header(routine).text("Callers").strip()
    callers = [titles.get(place, place) for place in callers_of(routine.scope, routine.name)]
    return [*callers, *([documented] if documented else [])]


def markdown(all_entries: Iterable[Entry]) -> str:
    """Return the reference in Markdown."""
    lines = ["# Routines", "", "Made from the headers in procedures/ by `make docs`; edit those.", ""]
    for entry in all_entries:
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
            lines += [f"**{section}**", "", "```", entry.header.text(section) or "nothing", "```", ""]
        lines += [f"Calls: {', '.join(entry.calls) or 'nothing'}.  "]
        lines += [f"Called by: {', '.join(entry.callers) or 'nobody'}.", ""]
    return "\n".join(lines)


def html(all_entries: list[Entry]) -> str:
    """Return the reference as one page of HTML, with links between routines."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    titles = {entry.title for entry in all_entries}
    template = environment.get_template("procedures.html")
    return template.render(entries=all_entries, titles=titles, sections=SECTIONS)


def write(folder: Path) -> list[Path]:
    """Write both files; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    all_entries = entries()
    made = [folder / "procedures.md", folder / "procedures.html"]
    made[0].write_text(markdown(all_entries))
    made[1].write_text(html(all_entries))
    return made
