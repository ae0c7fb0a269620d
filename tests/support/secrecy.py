"""The secrets that tests use, and the lines that the service logs meanwhile: no line may have a secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from service.local import demo_people
from service.log import JsonFormatter

SHORTEST = 6
"""Characters; a shorter password could be a part of any word."""
SECRET_NAMES = "password|token|logintoken|access_token|refresh_token|otak|secret|state|sid|regsid|api_?key"
IN_JSON = re.compile(rf'"(?:{SECRET_NAMES})"\s*:\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
IN_FORM = re.compile(rf"(?:^|[?&\s])(?:{SECRET_NAMES})=([^&\s]*)", re.IGNORECASE)
ANYWHERE = re.compile(r"\bclk_[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]+")
"""API keys and signed tokens."""
ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
"""Bounded: the texts of requests may be one word of 16,000 letters."""
PATTERNS = {IN_JSON: ('"',), IN_FORM: ("=",), ANYWHERE: ("clk_", "eyJ"), ADDRESS: ("@",)}
"""Each pattern, and texts without one of which it matches nothing: requests are many, and most have none."""
PIECE = re.compile(r"[\w.+%@~-]{6,}")
"""Text in which a secret of letters, digits and marks stands."""
PUBLIC = {demo_people.PASSWORD, "ada@example.org", *(email for email, *_ in demo_people.PEOPLE.values())}
"""Printed by `make run` on purpose."""


class Secrecy:
    """The secrets that were used, and the lines that were logged, in one process of the tests."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.lines: list[str] = []
        self.pieces: set[str] = set()
        """Pieces of all lines of the run that could be a secret."""
        self.new: set[str] = set()
        """Secrets that the present test has used."""
        self.database_logs: set[Path] = set()
        """Logs of MariaDB: a node of Galera may quote statements of a conflict, with addresses."""

    def note(self, *texts: str) -> None:
        """Note secrets."""
        secrets = {text for text in texts if len(text) >= SHORTEST and text not in PUBLIC}
        self.secrets |= secrets
        self.new |= secrets

    def note_text(self, text: str) -> None:
        """Note the secrets that stand in a query, a form, a JSON text or headers."""
        for spelling in {text, unquote(text)}:
            for pattern, signs in PATTERNS.items():
                if any(sign in spelling for sign in signs):
                    self.note(*pattern.findall(spelling))

    def begin(self) -> None:
        """Begin a test."""
        self.lines.clear()
        self.new.clear()

    def leaks(self) -> list[str]:
        """Return the lines of the present test that have one of its secrets."""
        text = "\n".join(self.lines)
        leaked = [secret for secret in self.new if secret in text]
        return [f"{secret}: {line}" for secret in leaked for line in self.lines if secret in line]

    def leaks_of_run(self, files: Iterable[Path]) -> list[str]:
        """Return the secrets of the run that stand in any line of it, or in a log file, as a whole piece."""
        # A test that sends `token=unknown` makes no secret of a word that logs may have.
        secrets = {secret for secret in self.secrets if not secret.isalpha()}
        leaks = [f"{secret}: a line of the run" for secret in secrets & self.pieces]
        for path in files:
            lines = path.read_text(errors="replace").splitlines()
            leaked = secrets & {piece for line in lines for piece in pieces_of(line)}
            if path in self.database_logs:
                leaked = {secret for secret in leaked if not ADDRESS.fullmatch(secret)}
            for secret in leaked:
                leaks += [f"{secret}: {path}: {line}" for line in lines if secret in pieces_of(line)]
        return sorted(leaks)


def pieces_of(text: str) -> set[str]:
    """Return the pieces of a text that could be a secret."""
    return set(PIECE.findall(text))


class LogHandler(logging.Handler):
    """Keeps the lines as the service writes them."""

    def __init__(self, secrecy: Secrecy) -> None:
        super().__init__()
        self.secrecy = secrecy
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self.secrecy.lines.append(line)
        self.secrecy.pieces |= pieces_of(line)


SECRECY = Secrecy()
"""Of this process."""


@web.middleware
async def note_secrets(request: web.Request, handler: Any) -> web.StreamResponse:
    """Note the secrets of a request and its answer. The body is noted if the service has read it."""
    try:
        response: web.StreamResponse = await handler(request)
    finally:
        for text in _texts(request):
            SECRECY.note_text(text)
        SECRECY.note(*request.cookies.values(), request.headers.get("Authorization", "").rpartition(" ")[2])
    SECRECY.note(*(cookie.value for cookie in response.cookies.values()))
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        SECRECY.note_text(response.body.decode(errors="replace"))
    return response


def _texts(request: web.Request) -> Iterator[str]:
    yield request.rel_url.raw_query_string
    yield (request._read_bytes or b"").decode(errors="replace")
    yield "\n".join(
        f"{name.lower().removeprefix('x-param-')}={value.replace(' ', '%20')}"
        for name, value in request.headers.items()
    )
