"""Hooks of schemathesis for `tests/rest/test_openapi.py`: valid data that may be refused nevertheless."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, Response

BEYOND = {
    "required", "single_primary", "unique", "exclusive", "distinct", "email", "content", "max_bytes", "image",
    "min_length", "form", "either", "encoding", "url",
}  # fmt: skip
"""Rules that no JSON Schema can express: between fields, of addresses, trees, forms, after a trim."""
STATE = {401, 403, 404, 409, 410, 412, 422}
"""Statuses that depend on the existing contacts, not on the data."""


@schemathesis.check
def valid_data_is_taken(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """Expect 2xx, unless the data breaks a rule beyond the schema, or conflicts with existing contacts."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    status = response.status_code
    if status in STATE or 200 <= status < 400:
        return
    error = json.loads(response.content)["error"]
    assert status == 400, (status, error)
    assert error["details"]["constraint"] in BEYOND, error
