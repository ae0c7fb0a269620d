"""The header of a routine file as data, for lint, the reference, and the tests of examples."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.schema.routines import Routine

SECTION = re.compile(r"^(Params|Returns|Errors|Excludes|Needs|Example|Callers):\s*(.*)$")
ENTRY = re.compile(r"^(\w+(?:, \w+)*)(?:\s{2,}|\s*$)(.*)$")
NONE = {"none", "nothing"}


@dataclass(frozen=True)
class Header:
    """The content of a header."""

    name: str
    summary: str
    notes: str
    """Paragraphs between the summary and the sections."""
    sections: dict[str, list[str]]
    """Lines of each section, without the keyword, indented as they are."""

    def text(self, section: str) -> str:
        """Return a section, one line for each entry."""
        return "\n".join(self.sections.get(section, []))

    def entries(self, section: str) -> dict[str, str]:
        """Return the explanation of each word of a list section; empty for "none"."""
        entries: dict[str, str] = {}
        last = ""
        for line in self.sections.get(section, []):
            if line.strip().rstrip(".") in NONE:
                continue
            match = ENTRY.match(line)
            if match:
                *others, last = match[1].split(", ")
                entries.update(dict.fromkeys([*others, last], match[2]))
            elif last:
                entries[last] += " " + line.strip()
        return entries

    @property
    def examples(self) -> list[str]:
        """Return the statements of the example, without semicolons."""
        lines = " ".join(line.strip() for line in self.sections.get("Example", []))
        return [s.strip() for s in re.split(r";(?:\s|$)", lines) if s.strip()]


def read_header(routine: Routine) -> Header:
    """Parse the header."""
    first, _, rest = routine.header.partition("\n")
    name, _, summary = first.partition(": ")
    sections: dict[str, list[str]] = {}
    notes: list[str] = []
    current: list[str] = notes
    indent = 0
    for line in rest.splitlines():
        match = SECTION.match(line)
        if match:
            current = sections.setdefault(match[1], [])
            indent = match.start(2)
            line = match[2]
        elif current is not notes:
            line = line[indent:] if not line[:indent].strip() else line.strip()
        current.append(line.rstrip())
    # The summary may continue on the next lines.
    lines = "\n".join(notes).split("\n\n")
    if lines and lines[0] and not lines[0].startswith("\n"):
        summary = f"{summary} {' '.join(lines.pop(0).split())}"
    return Header(name, summary.strip(), "\n\n".join(lines).strip(), sections)
