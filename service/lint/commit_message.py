"""Check a commit message: `python -m service.lint.commit_message FILE`, as the hook of pre-commit does."""

from __future__ import annotations

import sys
from pathlib import Path

SUBJECT_LIMIT = 72
LINE_LIMIT = 100
SCISSORS = "# ------------------------ >8"
"""git ignores everything after this line."""


def problems(message: str) -> list[str]:
    """Return the problems of a message, a sentence each; git's comment lines do not count."""
    lines = [line for line in message.partition(SCISSORS)[0].splitlines() if not line.startswith("#")]
    subject, *rest = "\n".join(lines).strip().split("\n")
    body = "\n".join(rest).strip()
    faults = []
    if len(subject) > SUBJECT_LIMIT:
        faults.append(f"The subject has {len(subject)} characters, {SUBJECT_LIMIT} are allowed.")
    if subject.endswith("."):
        faults.append("The subject ends with a full stop; leave it out.")
    if not subject[:1].isupper():
        faults.append("The subject does not begin with a capital letter.")
    if rest and rest[0].strip():
        faults.append("The second line is not blank.")
    if not body:
        faults.append("There is no body. Say why the change is needed.")
    if any(len(line) > LINE_LIMIT for line in rest):
        faults.append(f"A line of the body has more than {LINE_LIMIT} characters.")
    return faults


def main(arguments: list[str]) -> int:
    """Print the problems of the message in a file; return 1 when there are any."""
    faults = problems(Path(arguments[0]).read_text(encoding="utf-8", errors="replace"))
    for problem in faults:
        print(problem, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
