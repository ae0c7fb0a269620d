"""Logs: one JSON object per line."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def kind_of(exc: BaseException) -> str:
    """Return the kind of an exception, its number and the kinds of its causes, such as `OSError 111`.

    Never its text: that quotes what people send, such as an address that is stored twice.
    """
    kinds = []
    for each in _chain(exc, lambda exc: exc.__cause__):
        number = each.args[0] if each.args and isinstance(each.args[0], int) else None
        kinds.append(type(each).__name__ if number is None else f"{type(each).__name__} {number}")
    return " from ".join(kinds)


def trace_of(exc: BaseException) -> str:
    """Return where an exception was raised and what led to it, without the texts of exceptions."""
    parts = []
    for each in _chain(exc, _before):
        inner = "".join(map(trace_of, each.exceptions)) if isinstance(each, BaseExceptionGroup) else ""
        parts.append(f"{inner}{''.join(traceback.format_tb(each.__traceback__))}{kind_of(each)}\n")
    return "".join(reversed(parts))


def _chain(
    exc: BaseException, before: Callable[[BaseException], BaseException | None]
) -> list[BaseException]:
    """Return an exception and those before it; one may be its own cause (`raise exc from exc`)."""
    chain: list[BaseException] = []
    following: BaseException | None = exc
    while following is not None and following not in chain:
        chain.append(following)
        following = before(following)
    return chain


def _before(exc: BaseException) -> BaseException | None:
    return exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)


class JsonFormatter(logging.Formatter):
    """Formats a record with its `extra` fields and the id of its request.

    Our own: with python-json-logger the choice of fields and orjson would still be written here.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": _message(record),
            "request_id": request_id.get(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in STANDARD}
        if record.exc_info and record.exc_info[1]:
            line["exception"] = trace_of(record.exc_info[1])
        return orjson.dumps({k: v for k, v in line.items() if v is not None}, default=str).decode()


def _message(record: logging.LogRecord) -> str:
    """Return the message; of asyncio only the first line, because the others show exceptions and locals."""
    message = record.getMessage()
    return message.partition("\n")[0] if record.name == "asyncio" else message


class ClientFaults(logging.Filter):
    """Turns tracebacks of aiohttp for malformed requests into one line: the fault is the client's.

    The service has answered such a request already; aiohttp fails on the rest of the body afterwards.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Lower the level of a client fault to INFO; return whether the record is to be logged."""
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, HttpProcessingError | RequestPayloadError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "request cannot be read", ()
            record.error = kind_of(fault)
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


WIRE = logging.getLogger("service.wire")
"""Log of aiohttp about connections."""
WIRE.addFilter(ClientFaults())
# Its warnings quote the sub-protocols that a client offers, and some clients put tokens there.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)


def configure(level: str) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Warnings of libraries become lines of the log as well.
    logging.captureWarnings(capture=True)
    for noisy in ("asyncio", "aiohttp.access", "argon2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@dataclass(slots=True)
class CallCounter:
    """The work of the database for one request."""

    calls: int = 0
    """CALLs."""
    trips: int = 0
    """Round trips."""
    seconds: float = 0.0
    """Time of the CALLs, without the wait for a connection."""


calls_of_request: ContextVar[CallCounter] = ContextVar("calls_of_request")
"""Counts the current request for the access log and the rate limit."""
