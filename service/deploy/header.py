"""The header of a routine file, as data: for lint, for the reference, for the examples that tests run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.deploy.files import Routine

SECTION = re.compile(r"^(Params|Returns|Errors|Example|Callers):\s*(.*)$")
ENTRY = re.compile(r"^(\w+(?:, \w+)*)(?:\s{2,}|\s*$)(.*)$")
NONE = {"none", "nothing"}


@dataclass(frozen=True)
class Header:
    """What a header says."""

    name: str
    summary: str
    notes: str
    """Paragraphs between the summary and the sections."""
    sections: dict[str, list[str]]
    """Lines of each section, without the keyword, indented as they are."""

    def text(self, section: str) -> str:
        """A section in one line each entry."""
        return "\n".join(self.sections.get(section, []))

    def entries(self, section: str) -> dict[str, str]:
        """Word: explanation, of a section that is a list; empty when it says none."""
        found: dict[str, str] = {}
        last = ""
        for line in self.sections.get(section, []):
            if line.strip().rstrip(".") in NONE:
                continue
            match = ENTRY.match(line)
            if match:
                *others, last = match[1].split(", ")
                found.update(dict.fromkeys([*others, last], match[2]))
            elif last:
                found[last] += " " + line.strip()
        return found

    @property
    def examples(self) -> list[str]:
        """Statements of the example, without the semicolon."""
        lines = " ".join(line.strip() for line in self.sections.get("Example", []))
        return [s.strip() for s in re.split(r";(?:\s|$)", lines) if s.strip()]


def read_header(routine: Routine) -> Header:
    """Take the header apart."""
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
    # the summary may run on over the next lines
    lines = "\n".join(notes).split("\n\n")
    if lines and lines[0] and not lines[0].startswith("\n"):
        summary = f"{summary} {' '.join(lines.pop(0).split())}"
    return Header(name, summary.strip(), "\n\n".join(lines).strip(), sections)
