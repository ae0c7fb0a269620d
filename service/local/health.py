"""The health of a service, as /-/health tells it."""

from __future__ import annotations

import http.client
import json


def health(url: str) -> str:
    """Return the status that /-/health answers. Not by urllib, which would ask a proxy of the environment."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/-/health")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return "no answer"
    finally:
        connection.close()
    return _status(answer.status, body)


def _status(code: int, body: bytes) -> str:
    try:
        status = json.loads(body)["status"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {code}"
    return str(status) if code == 200 else f"HTTP {code}, {status}"
