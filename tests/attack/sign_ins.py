"""Every service that takes a password, found in the declarations, and one way to sign in at each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from service.filemail.endpoints import ENDPOINTS
from service.rest.operation import PREFIX
from service.rest.operations import OPERATIONS
from service.rpc.declarations import load_declarations
from tests.support.people import PASSWORD

NAMES = ("ident", "email", "username")
"""Parameters that hold the name of the account."""
BLOCKED, WRONG, OPEN = "blocked", "wrong", "open"
OUTCOMES = {
    "WRONG_CREDENTIALS": WRONG, "BLOCKED": BLOCKED, "ok": OPEN,
    "UNAUTHORIZED": WRONG, "RATE_LIMITED": BLOCKED,
    2001: WRONG, 2008: BLOCKED,
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attempt to sign in."""

    outcome: Any
    """open, wrong, blocked, or the code of another answer."""
    wait: int
    """Seconds to wait, 0 when the answer does not say."""
    cookie: str
    """The cookie by which the browser is known from now on."""


class Stranger:
    """A client without a cookie jar, behind a proxy that reports its address."""

    def __init__(self, base: URL, http: aiohttp.ClientSession) -> None:
        self.base = base
        self._http = http

    async def sign_in(
        self, service: str, name: str, password: str = PASSWORD, *, address: str, cookie: str = ""
    ) -> Outcome:
        """Try a password at a service."""
        headers = {"X-Forwarded-For": address, **({"Cookie": f"known_device={cookie}"} if cookie else {})}
        path, body = SIGN_INS[service]
        sent = orjson.dumps(_filled(body, name, password))
        headers["Content-Type"] = "application/json"
        async with self._http.post(self.base.join(URL(path)), data=sent, headers=headers) as response:
            answer = orjson.loads(await response.read())
            device = response.cookies.get("known_device")
            wait = int(response.headers.get("Retry-After") or _data(answer).get("retry_after") or 0)
            return Outcome(_outcome(answer), wait, device.value if device else "")


def _filled(body: Mapping[str, Any], name: str, password: str) -> dict[str, Any]:
    values = {"password": password, **dict.fromkeys(NAMES, name)}
    return {
        key: _filled(value, name, password) if isinstance(value, dict) else values[key]
        for key, value in body.items()
    }


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def _outcome(answer: dict[str, Any]) -> Any:
    """Return what an answer of any of the APIs says."""
    error = answer.get("error")
    code = error["code"] if isinstance(error, dict) else _data(answer).get("status")
    code = code or answer.get("errorcode") or ("ok" if "logintoken" in answer or "data" in answer else None)
    return OUTCOMES.get(code, code)


def _credentials(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a declaration that carry a name and a password."""
    fields: dict[str, Any] = {}
    for name, declared in params.items():
        inner = _credentials(declared.get("properties") or {}) if isinstance(declared, dict) else {}
        if inner:
            fields[name] = inner
        elif name == "password" or name in NAMES:
            fields[name] = None
    text = str(fields)
    return fields if "password" in text and any(name in text for name in NAMES) else {}


def _sign_ins() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, service in load_declarations().items():
        yield name, f"/-/svc/{name}", _credentials(service.declaration["params"])
    for operation in OPERATIONS:
        yield operation.name, PREFIX + operation.path, _credentials(operation.body or {})
    for path, endpoint in ENDPOINTS.items():
        yield path, f"/api/{path}", _credentials(endpoint.declarations)


SIGN_INS: dict[str, tuple[str, dict[str, Any]]] = {
    name: (path, body) for name, path, body in _sign_ins() if body
}
"""Path and form of the body, by name of the service."""
