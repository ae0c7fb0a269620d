"""Linters take the documents, and the clients that generators make work: `make clients`.

The tools are those that install.py puts into build/clients.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from service.reference import asyncapi_of_frontend, asyncapi_of_rest, openapi_of_rpc
from service.rest.openapi import document
from service.rest.operations import OPERATIONS
from tests.clients.install import BUILD
from tests.support.rest import ClientMaker

HERE = Path(__file__).parent
IMPORT_ALL = """
import importlib, pkgutil, sys
client = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(client.__path__, f"{sys.argv[1]}."):
    importlib.import_module(module.name)
"""
URL = "https://drumee.example"
WEB_SOCKETS = {
    "asyncapi.json": asyncapi_of_rest(URL), "frontend.asyncapi.json": asyncapi_of_frontend(URL, "regsid"),
}  # fmt: skip
RPC = "rpc.openapi.json"
"""The services under /-/svc/."""
WITHOUT = "modelDocs=false,apiDocs=false,modelTests=false,apiTests=false"
Tool = Callable[..., str]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """Return what runs one of the tools in build/clients and returns its output."""
    for program in ("node", "java"):
        assert shutil.which(program), f"{program} is not installed"
    path = os.pathsep.join([str(BUILD / "node_modules/.bin"), str(BUILD / "venv/bin"), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "REDOCLY_TELEMETRY": "off", "PYTHONPATH": f"{BUILD}:{BUILD}/python"}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=BUILD, env=env, capture_output=True, text=True, check=False)
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{' '.join(command)}\n{output}"
        return output

    (BUILD / "openapi.json").write_bytes(orjson.dumps(document(OPERATIONS)))
    (BUILD / RPC).write_bytes(openapi_of_rpc("regsid"))
    for name, content in WEB_SOCKETS.items():
        (BUILD / name).write_bytes(content)
    return run


async def run_in_thread(tool: Tool, *command: str) -> str:
    """Run a tool while the service of this process answers its client."""
    return await asyncio.to_thread(tool, *command)


def test_linters_have_nothing_to_say(tool: Tool) -> None:
    """Spectral holds the AsyncAPI documents against the schema that AsyncAPI publishes (@asyncapi/specs)."""
    tool("spectral", "lint", "--fail-severity", "hint", "openapi.json", RPC, *WEB_SOCKETS)
    for document_name in ("openapi.json", RPC):
        report = tool("redocly", "lint", document_name).lower().replace("deprecation warning", "")
        assert "warning" not in report, report


async def test_openapi_generator_makes_a_python_client_that_works(tool: Tool, client_of: ClientMaker) -> None:
    await run_in_thread(
        tool, "openapi-generator-cli", "generate", "-i", "openapi.json", "-g", "python", "-o", "python",
        "--global-property", f"models,apis,supportingFiles,{WITHOUT}",
    )  # fmt: skip
    tool("venv/bin/python", "-c", IMPORT_ALL, "openapi_client")
    api = await client_of()
    url = str(api.base / "api/v1")
    await run_in_thread(tool, "venv/bin/python", str(HERE / "story.py"), url, api.token)


@pytest.mark.parametrize(
    ("source", "package"), [("openapi.json", "contacts_client"), (RPC, "services_client")]
)
def test_openapi_python_client_makes_modules_that_can_be_imported(
    tool: Tool, source: str, package: str
) -> None:
    tool(
        "openapi-python-client", "generate", "--path", source, "--output-path", package,
        "--meta", "none", "--overwrite",
    )  # fmt: skip
    tool("venv/bin/python", "-c", IMPORT_ALL, package)


def test_the_types_of_the_services_compile(tool: Tool) -> None:
    tool("openapi-typescript", RPC, "-o", "services.d.ts")
    tool("tsc", "--noEmit", "--strict", "services.d.ts")


async def test_typescript_generators_make_clients_that_compile_and_work(
    tool: Tool, client_of: ClientMaker
) -> None:
    await run_in_thread(tool, "openapi-typescript", "openapi.json", "-o", "schema.d.ts")
    await run_in_thread(tool, "orval", "--input", "openapi.json", "--output", "orval.ts", "--client", "fetch")
    await run_in_thread(tool, "tsc", "--project", "tsconfig.json")
    api = await client_of()
    await run_in_thread(tool, "tsx", "story.ts", str(api.base / "api/v1"), api.token)
