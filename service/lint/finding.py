"""A lint finding: file, line, rule and message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Violations = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Finding:
    """One violation of a rule."""

    path: Path
    line: int
    rule: str
    message: str
    why: str = ""

    def __str__(self) -> str:
        reason = f"\n    why: {self.why}" if self.why else ""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}{reason}"
