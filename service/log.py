"""Logs: one JSON object a line."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record, its `extra` fields, and the id of the request it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps({k: v for k, v in line.items() if v is not None}, default=str).decode()


class ClientFaults(logging.Filter):
    """Turns aiohttp's tracebacks of requests that cannot be read into a line: they are the client's fault.

    A body that cannot be unpacked was answered by us before; aiohttp stumbles over the rest of it afterwards.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written, as what it is by then."""
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, HttpProcessingError | RequestPayloadError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "request cannot be read", ()
            record.error = " ".join(str(fault).split())
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


WIRE = logging.getLogger("service.wire")
"""What aiohttp says of connections."""
WIRE.addFilter(ClientFaults())


def configure(level: str) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # what libraries warn of is a line of the log, too
    logging.captureWarnings(capture=True)
    for noisy in ("asyncio", "aiohttp.access", "argon2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
