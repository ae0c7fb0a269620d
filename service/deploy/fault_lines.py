"""Find the line of a file that an error of the server is about.

The server counts the lines of the statement that it was sent. Of a routine that it runs it tells no line, but
it names the column, table or routine that does not exist: the first line with that name is the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from service import ROOT
from service.schema.routines import Routine, Script
from service.schema.sqltext import code_only

AT_LINE = re.compile(r"\bat line (\d+)$")
NAMED = re.compile(r"(?:'|PROCEDURE |FUNCTION |variable: |label: )(?:[\w$`]+\.)*`?([\w$]+)`?")
"""The last part of the name in a message such as Unknown column 'c.title' in 'SELECT'."""


def fault_in_statement(routine: Routine, sent: str, message: str) -> str:
    """Return file:line for an error in the CREATE statement that was sent, with its comment in one line."""
    match = AT_LINE.search(message)
    if match is None:
        return fault_of_name([routine], message)
    number = int(match[1])
    above = sent.partition("    COMMENT '")[0].count("\n")
    return f"{routine.path}:{routine.line + number - 1 - (number > above)}"


def fault_of_name(routines: Iterable[Routine], message: str) -> str:
    """Return file:line of the first of these routines that uses the name in the message; "" for none."""
    if (named := NAMED.search(message)) is None:
        return ""
    name = re.compile(rf"\b{re.escape(named[1])}\b", re.IGNORECASE)
    for routine in routines:
        code = code_only(routine.statement)
        start = len(routine.statement) - len(routine.body)
        if match := name.search(code, start):
            return f"{routine.path}:{routine.line + code.count(chr(10), 0, match.start())}"
    return ""


def fault_in_script(script: Script, statement: str, message: str) -> str:
    """Return file:line for an error in a statement of a migration or view."""
    lines = (ROOT / script.path).read_text().splitlines()
    numbers = [n for n, line in enumerate(lines, 1) if not line.startswith("--")]
    code = "\n".join(lines[n - 1] for n in numbers)
    match, before = AT_LINE.search(message), code.partition(statement)[0].count("\n")
    if match is None and (named := NAMED.search(message)):
        before += statement.partition(named[1])[0].count("\n")
    return f"{script.path}:{numbers[before + (int(match[1]) - 1 if match else 0)]}"
