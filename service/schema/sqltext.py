"""SQL source as text: comments and strings, statements, and the tables they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NOT_CODE = re.compile(
    r"--(?=\s|$)[^\n]*|#[^\n]*|/\*(?!M?!).*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\""
    r"|`(?:[^`]|``)*`",
    re.DOTALL,
)
"""Comments, but not executable ones: /*! … */; strings; and names in backticks, which may look like both."""
NO_ALIAS = (
    "where|set|values|select|on|join|left|inner|cross|straight_join|order|group|limit|for|using|force|use|"
    "ignore|union|having|window|natural|right|returning|from|and|or|do|then|into|lock"
)
TABLE = r"(?P<name>`?\w+`?(?:\.`?\w+`?)?)"
ALIAS = rf"(?:\s+(?:AS\s+)?(?!(?:{NO_ALIAS})\b)(?P<alias>\w+))?"
REFERENCE = re.compile(
    r"\b(?P<verb>FROM|(?:STRAIGHT_)?JOIN|UPDATE(?:\s+LOW_PRIORITY)?(?:\s+IGNORE)?|INTO"
    r"|(?:INSERT|REPLACE)(?:\s+(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY))?(?:\s+IGNORE)?(?!\s+INTO\b))"
    rf"\s+\(?\s*{TABLE}{ALIAS}",
    re.IGNORECASE,
)
ANOTHER = re.compile(rf"\s*,\s*{TABLE}(?!\s*\(){ALIAS}", re.IGNORECASE)
"""One more table of a FROM list."""
DELETED = re.compile(r"\bDELETE\b", re.IGNORECASE)


def code_only(text: str) -> str:
    """Return the text with blank comments and strings, and names of word characters; offsets stay."""

    def blank(match: re.Match[str]) -> str:
        token = match[0]
        if token[0] == "`":
            return "`" + re.sub(r"[^\w\n]", "_", token[1:-1]) + "`"
        inside = re.sub(r"[^\n]", " ", token)
        return f"{token[0]}{inside[1:-1]}{token[-1]}" if token[0] in "'\"" else inside

    return NOT_CODE.sub(blank, text)


@dataclass(frozen=True)
class Statement:
    """A piece of code between two semicolons."""

    text: str
    start: int
    """Its offset in the code."""


def statements(code: str) -> Iterator[Statement]:
    """Split at semicolons. `code` has neither comments nor strings."""
    start = 0
    for match in re.finditer(";", code):
        piece = code[start : match.start()]
        lead = len(piece) - len(piece.lstrip())
        if piece.strip():
            yield Statement(piece.strip(), start + lead)
        start = match.end()
    if code[start:].strip():
        lead = len(code[start:]) - len(code[start:].lstrip())
        yield Statement(code[start:].strip(), start + lead)


@dataclass(frozen=True)
class Reference:
    """A table in a statement."""

    verb: str
    table: str
    alias: str
    start: int


def references(statement: str) -> list[Reference]:
    """Return the tables after FROM, JOIN, UPDATE or INTO of a statement, and the variables after INTO."""
    all_references = []
    for match in REFERENCE.finditer(statement):
        verb = match["verb"].split()[0].upper()
        all_references.append(_reference(VERBS.get(verb, verb), match))
        end = match.end()
        while verb == "FROM" and (more := ANOTHER.match(statement, end)):
            all_references.append(_reference(verb, more))
            end = more.end()
    return all_references


VERBS = {"INSERT": "INTO", "REPLACE": "INTO", "STRAIGHT_JOIN": "JOIN"}


def _reference(verb: str, match: re.Match[str]) -> Reference:
    return Reference(verb, match["name"].replace("`", ""), match["alias"] or "", match.start("name"))


def query_of(statement: str, place: int) -> str:
    """Return the query around an offset: the innermost SELECT in brackets without nested ones; else all."""
    start, end = 0, len(statement)
    depth = 0
    for at in range(place - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(statement[at], 0)
        if depth < 0:
            if QUERY.match(statement, at + 1):
                start = at + 1
                break
            depth = 0
    depth = 0
    for at in range(start, len(statement)):
        depth += {"(": 1, ")": -1}.get(statement[at], 0)
        if depth < 0:
            end = at
            break
    before, after = _without_queries(statement[start:place]), _without_queries(statement[place:end])
    return UNION.split(before)[-1] + UNION.split(after)[0]


QUERY = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
UNION = re.compile(r"\b(?:UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)


def _without_queries(text: str) -> str:
    """Return the text without complete SELECTs in brackets."""
    letters = ""
    skipping: list[bool] = []
    for at, letter in enumerate(text):
        if letter == "(":
            skipping.append(bool(QUERY.match(text, at + 1)))
        if not any(skipping):
            letters += letter
        if letter == ")" and skipping:
            skipping.pop()
    return letters


def block_end(code: str, start: int) -> int:
    """Return the offset after the END of a BEGIN … END block."""
    depth = 0
    for match in BLOCK.finditer(code, start):
        word = match[0].upper()
        depth += 1 if word in {"BEGIN", "CASE"} else -1
        if depth == 0:
            return match.end()
    return len(code)


BLOCK = re.compile(
    r"\bEND\s+CASE\b|\bBEGIN\b|\bCASE\b|\bEND\b(?!\s+(?:IF|WHILE|LOOP|REPEAT|FOR)\b)", re.IGNORECASE
)


DECLARED = re.compile(r"\s*DECLARE\b", re.IGNORECASE)
HANDLER_OF_BLOCK = re.compile(r"\s*DECLARE\s+\w+\s+HANDLER\s+FOR\s+[^;]*?\bBEGIN\b", re.IGNORECASE)


def first_statement(body: str) -> int:
    """Return the offset of the first statement after the declarations of a body, BEGIN … END."""
    code = code_only(body)
    end = code.upper().find("BEGIN") + len("BEGIN")
    while DECLARED.match(code, end):
        if handler := HANDLER_OF_BLOCK.match(code, end):
            end = block_end(code, handler.end() - len("BEGIN"))
        end = code.find(";", end) + 1 or len(code)
    return end + len(code[end:]) - len(code[end:].lstrip())
