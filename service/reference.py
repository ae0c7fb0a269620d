"""The reference for frontend developers, rendered from the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, select_autoescape

from service.acl import Service
from service.dialects.filemail.calls import described
from service.dialects.filemail.errors import kinds
from service.dialects.rest.errors import STATUSES
from service.dialects.rest.operations import OPERATIONS

_environment = Environment(
    loader=PackageLoader("service"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["json"] = lambda value: orjson.dumps(value).decode()


def render_reference(services: Mapping[str, Service], pushes: Mapping[str, Any]) -> str:
    """One HTML page with every service (level, parameters, answer, errors) and every WebSocket frame."""
    modules: dict[str, list[Service]] = {}
    for name, service in services.items():
        modules.setdefault(name.partition(".")[0], []).append(service)
    return _environment.get_template("reference.html").render(
        modules=modules,
        pushes=pushes,
        token_calls=described(),
        token_errors=kinds(),
        rest_calls=OPERATIONS,
        rest_errors=STATUSES,
    )
