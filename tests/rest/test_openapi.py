"""Check the OpenAPI document: schemathesis sends valid and invalid requests that it derives from it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from service.rest.declarations import CONTACT, FIELDS, RECORD
from service.rest.errors import REFUSALS, STATUSES
from service.rest.operations import OPERATIONS
from tests.support.nodes import NodeMaker
from tests.support.rest import ClientMaker

HOOKS = "tests.support.schemathesis_hooks"
SECONDS = 600
"""It takes 30 s on two cores that are busy with other tests, and minutes when others use them."""


async def test_the_document_is_complete(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    document = (await api.get("/openapi.json")).body
    assert document["openapi"] == "3.1.0"
    listed = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert listed == {(o.method, o.path) for o in OPERATIONS}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert {"429", "500", "503"} <= set(operation["responses"])
    assert set(FIELDS) == set(RECORD)
    assert set(CONTACT) < set(RECORD)
    assert {code for o in OPERATIONS for code in o.errors} <= set(STATUSES)
    assert {code for code, _ in REFUSALS.values()} <= set(STATUSES)


@pytest.mark.parametrize(
    ("scope", "paths", "least"),
    [
        ("agent", "^/(contacts|api-keys|auth/sessions)", 300),
        ("system", "^/(admin|health|auth/(status|me|refresh|logout))", 50),
    ],
)
async def test_schemathesis_finds_no_failure(
    client_of: ClientMaker,
    make_node: NodeMaker,
    tmp_path: Path,
    root: Path,
    scope: str,
    paths: str,
    least: int,
) -> None:
    node = await make_node(rate_limit=0)
    api = await client_of(base=node.make_url("/"), scope=scope)
    user = {"X-Claw-User-Id": api.person.uid}
    for name in ("Ana", "Bo"):
        assert (await api.send("POST", "/contacts", {"display_name": name}, user)).status == 201
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", str(node.make_url("/api/v1/openapi.json")),
        "--header", f"Authorization: Bearer {api.token}", "--header", f"X-Claw-User-Id: {api.person.uid}",
        "--include-path-regex", paths,
        "--phases", "coverage,fuzzing", "--mode", "all",
        # A check of our own covers rules that no schema can express.
        "--checks", "all", "--exclude-checks", "positive_data_acceptance",
        "--max-examples", "4", "--generation-deterministic", "--no-color",
        # Threads that parse Python at the same time fail in 3.11 (ast: recursion depth mismatch).
        "--workers", "1",
        "--suppress-health-check", "all", "--continue-on-failure",
        cwd=tmp_path, env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(root)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    text = output.decode()
    assert process.returncode == 0, text
    # It has really sent requests, to every operation.
    sent = re.search(r"(\d+) generated", text)
    assert sent, text
    assert int(sent[1]) > least, text
