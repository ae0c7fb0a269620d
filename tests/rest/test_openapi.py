"""Check the OpenAPI document: schemathesis sends valid and invalid requests that it derives from it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

from service.rest.declarations import CONTACT, FIELDS, RECORD
from service.rest.errors import REFUSALS, STATUSES
from service.rest.openapi import document
from service.rest.operations import OPERATIONS
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD
from tests.support.rest import Client, ClientMaker

HOOKS = "tests.support.schemathesis_hooks"
SECONDS = 600
"""It takes 30 s on two cores that are busy with other tests, and minutes when others use them."""


async def test_the_document_is_complete(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    made = (await api.get("/openapi.json")).body
    assert made["openapi"] == "3.1.0"
    listed = {(m.upper(), path) for path, methods in made["paths"].items() for m in methods}
    assert listed == {(o.method, o.path) for o in OPERATIONS}
    for methods in made["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert {"429", "500", "503"} <= set(operation["responses"])
    assert set(FIELDS) == set(RECORD)
    assert set(CONTACT) < set(RECORD)
    assert {code for o in OPERATIONS for code in o.errors} <= set(STATUSES)
    assert {code for code, _ in REFUSALS.values()} <= set(STATUSES)


def test_generators_find_a_name_for_everything() -> None:
    """Some make up names for anonymous choices twice, or shadow what their language has."""
    made = document(OPERATIONS)
    assert made["info"]["license"]["identifier"] == "AGPL-3.0-or-later"
    tags = {tag["name"] for tag in made["tags"]}
    for methods in made["paths"].values():
        assert all(set(operation["tags"]) <= tags for operation in methods.values())
    schemas = made["components"]["schemas"]
    assert not set(schemas) & {"Record", "Error", "Contact", "Import", "History", "Object", "List", "Page"}
    choices = [choice for node in nodes(schemas) for choice in node.get("anyOf", ())]
    assert choices
    assert all(choice.keys() == {"$ref"} for choice in choices)
    assert set(schemas["ContactRecord"]["required"]) == set(FIELDS) - {"extra"}
    lists = [node for node in nodes(schemas) if "items" in node]
    assert lists
    assert all(node["type"] == "array" for node in lists), "no list is null"


async def test_answers_have_the_fields_that_are_described_and_no_others(client_of: ClientMaker) -> None:
    api = await client_of(scope="")
    check = Described((await api.get("/openapi.json")).body)
    login = {"email": api.person.email, "password": PASSWORD}
    session = await check.answer(api, "POST", "/auth/login", login)
    api.token = session["access_token"]
    tokens = await check.answer(api, "POST", "/auth/refresh", {"refresh_token": session["refresh_token"]})
    for path in ("/auth/me", "/auth/sessions", "/auth/status", "/api-keys/mine", "/health"):
        await check.answer(api, "GET", path)
    await check.answer(api, "PATCH", "/auth/me", {"display_name": "Ana"})
    phone = await check.answer(api, "POST", "/auth/app-passwords", {"name": "Phone"})
    await check.answer(api, "GET", "/auth/app-passwords")
    await check.answer(api, "DELETE", "/auth/app-passwords/{key}", item=phone["id"])

    full = {**{name: p["example"] for name, p in CONTACT.items()}, "display_name": "Ana"}
    ana = await check.answer(api, "POST", "/contacts", full)
    bo = await check.answer(api, "POST", "/contacts", {"display_name": "Ana"})
    await check.answer(api, "GET", "/contacts/duplicates")
    for query in ("", "?format=compact", "?fields=display_name,emails", "?include_deleted=true"):
        await check.answer(api, "GET", "/contacts", query=query)
    for query in ("", "?fields=emails"):
        await check.answer(api, "GET", "/contacts/{id}", item=ana["id"], query=query)
    await check.answer(api, "PATCH", "/contacts/{id}", {"company": None}, item=ana["id"])
    await check.answer(api, "DELETE", "/contacts/{id}", item=bo["id"])
    await check.answer(api, "POST", "/contacts/{id}/restore", item=bo["id"])
    operations = [{"action": "create", "data": {"display_name": "X"}}, {"action": "create", "data": {}}]
    operations += [{"action": action, "id": bo["id"]} for action in ("delete", "purge", "purge")]
    await check.answer(api, "POST", "/contacts/batch", {"operations": operations})
    more = await check.answer(api, "POST", "/contacts", {"display_name": "Ana B"})
    merged = {"into": ana["id"], "ids": [more["id"]]}
    await check.answer(api, "POST", "/contacts/merge", merged)
    history = await check.answer(api, "GET", "/contacts/{id}/history", item=ana["id"])
    await check.answer(api, "POST", "/contacts/{id}/revert", {"to": history[-1]["rev"]}, item=ana["id"])
    await check.answer(api, "POST", "/contacts/revert", {"change_set": history[0]["change_set"]})
    await check.answer(api, "DELETE", "/contacts/{id}", item=ana["id"], query="?permanent=true")
    for query in ("", "?since=1"):
        await check.answer(api, "GET", "/contacts/changes", query=query)
    table = b"Name,Email,Phone\nAna,ana@x.example,1\nNobody,,\n"
    for query in ("", "?update=skip"):
        loaded = await api.send("POST", f"/imports{query}", headers={"Content-Type": "text/csv"}, data=table)
        assert check.flaws("ImportAnswer", loaded.body) == []
    (report, *_) = await check.answer(api, "GET", "/imports")
    await check.answer(api, "GET", "/imports/{report}", item=report["id"])
    await check.answer(api, "POST", "/imports/{report}/cancel", item=report["id"])
    hook = await check.answer(
        api, "POST", "/webhooks", {"url": "https://hooks.example/", "events": ["contact.*"]}
    )
    await check.answer(api, "PATCH", "/webhooks/{webhook}", {"active": False}, item=hook["id"])
    await check.answer(api, "POST", "/webhooks/{webhook}/test", item=hook["id"])
    for path in ("/webhooks", "/webhooks/{webhook}", "/webhooks/{webhook}/deliveries"):
        await check.answer(api, "GET", path, item=hook["id"])
    await check.answer(api, "POST", "/webhooks/{webhook}/secret", item=hook["id"])
    await check.answer(api, "DELETE", "/webhooks/{webhook}", item=hook["id"])
    error = await api.get("/contacts?limit=x")
    assert check.flaws("ApiError", error.body) == []
    await check.answer(api, "POST", "/auth/sessions/revoke-others")
    await check.answer(api, "POST", "/auth/logout", {"refresh_token": tokens["refresh_token"]})


class Described:
    """Validates answers against the document, of which no object may have other fields."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.made = made
        for node in nodes(made["components"]["schemas"]):
            if "properties" in node:
                node["additionalProperties"] = False

    async def answer(
        self, api: Client, method: str, path: str, body: Any = None, *, item: str = "", query: str = ""
    ) -> Any:
        """Send a request; return the data of its answer, which must be as it is described."""
        url = re.sub("{.*}", item, path) + query
        answer = await api.send(method, url, body)
        assert 200 <= answer.status < 300, (path, answer.raw)
        described = self.made["paths"][path][method.lower()]["responses"][str(answer.status)]
        name = described["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert self.flaws(name, answer.body) == [], (method, url)
        return answer.body.get("data")

    def flaws(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with a value of a schema."""
        schema = {"$ref": f"#/components/schemas/{name}", "components": self.made["components"]}
        return [str(error) for error in validator_for(schema).iter_errors(value)]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


@pytest.mark.parametrize(
    ("scope", "paths", "mode", "least"),
    [
        ("agent", "^/(contacts|api-keys|webhooks|auth/sessions)", "all", 300),
        # a text of any content is a file; its report says what is wrong with it
        ("agent", "^/imports", "positive", 20),
        ("system", "^/(admin|health|auth/(status|me|refresh|logout))", "all", 50),
    ],
)
async def test_schemathesis_finds_no_failure(
    client_of: ClientMaker,
    make_node: NodeMaker,
    tmp_path: Path,
    root: Path,
    scope: str,
    paths: str,
    mode: str,
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
        "--phases", "coverage,fuzzing", "--mode", mode,
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
