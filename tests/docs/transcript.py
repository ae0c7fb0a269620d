"""Console blocks: commands, and a comparison of their output that allows for ids and times."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

ELLIPSIS = "…"
TOKENS = {
    r"(?<=ETag: )\"\d+\"": r'"\d+"',
    r"\bclk_[0-9a-f]{32}\b": r"clk_[0-9a-f]{32}",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b": r"[0-9a-f-]{36}",
    r"\b(?!0{8})[0-9a-f]{16,32}\b": r"[0-9a-f]{16,32}",
    r"(?<=id:)[0-9a-f]{8}\b": r"[0-9a-f]{8}",
    r"\b17\d{8}(?:\d{3})?\b": r"17\d{8}(?:\d{3})?",
}
"""Texts that differ from run to run (ETags, keys, ids, and last Unix times), and what may stand for them."""
TOKEN = re.compile("|".join(f"({pattern})" for pattern in [re.escape(ELLIPSIS), *TOKENS]))
CLASSES = [".*?", *TOKENS.values()]


@dataclass
class Step:
    """A command and its output. Without a command: further output of the command in the background."""

    command: str
    output: str = ""


def steps_of(text: str) -> list[Step]:
    """The steps of a console block. Lines that end in a backslash go on in the next one."""
    steps: list[Step] = []
    continues = False
    for line in text.splitlines():
        if continues:
            steps[-1].command += "\n" + line
        elif line.startswith("$ "):
            steps.append(Step(line[2:]))
        else:
            if not steps:
                steps.append(Step(""))
            steps[-1].output += line + "\n"
        continues = (continues or line.startswith("$ ")) and line.endswith("\\")
    return [Step(step.command, step.output.strip("\n")) for step in steps]


@dataclass
class Bindings:
    """Ids that a page shows, and those that stand for them in this run."""

    real: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """A command with the ids of this run."""
        for sample, actual in self.real.items():
            text = text.replace(sample, actual)
        return text

    def match(self, expected: str, actual: str, *, whole: bool = True) -> bool:
        """Compare an output with the one on the page, and learn the ids that stand for new ones."""
        pattern, end = "", 0
        new: list[str] = []
        for token in TOKEN.finditer(expected):
            pattern += re.escape(expected[end : token.start()]) + self._pattern(token, new)
            end = token.end()
        pattern += re.escape(expected[end:])
        text = actual.replace("\r", "").strip("\n")
        match = re.fullmatch(pattern, text, re.DOTALL) if whole else re.search(pattern, text, re.DOTALL)
        if match is None:
            return False
        self.real.update({sample: match[f"id{number}"] for number, sample in enumerate(new)})
        return True

    def _pattern(self, token: re.Match[str], new: list[str]) -> str:
        """The pattern for a token; `new` collects those that are shown for the first time."""
        sample, kind = token[0], (token.lastindex or 1) - 1
        if kind in {0, len(CLASSES) - 1}:
            return CLASSES[kind]
        if sample in self.real:
            return re.escape(self.real[sample])
        if sample in new:
            return f"(?P=id{new.index(sample)})"
        new.append(sample)
        return f"(?P<id{len(new) - 1}>{CLASSES[kind]})"
