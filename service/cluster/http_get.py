"""Ask a service or a balancer of a cluster over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any

from service.cluster.hosts import Balancer, ServiceHost


def ask(server: ServiceHost | Balancer, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """GET a path; return status (0: no answer), headers by their names in lower case, and body."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=3)
    try:
        connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, {}, b""
    finally:
        connection.close()


def read_health(service: ServiceHost) -> dict[str, Any]:
    """Return what a service says about itself; empty when it does not answer."""
    try:
        health: dict[str, Any] = json.loads(ask(service, "/-/health")[2])
    except ValueError:
        return {}
    return health
