"""The OpenAPI document of the services is valid, and the recorded examples of the reference keep to it."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import orjson
import pytest
from jsonschema_rs import validator_for
from marshmallow import ValidationError
from openapi_spec_validator import validate
from yarl import URL

from service.reference import TITLES, openapi_of_rpc, recorded_examples
from service.rpc.declarations import load_declarations
from service.rpc.methods import Writes
from service.specs.rpc import answer_name, answer_schema, param_schema

SERVICES = load_declarations()
DOCUMENT: dict[str, Any] = orjson.loads(openapi_of_rpc("regsid"))
JSON = "application/json"


def operation(name: str) -> dict[str, Any]:
    """Return what the document says about POST of a service."""
    described: dict[str, Any] = DOCUMENT["paths"][f"/-/svc/{name}"]["post"]
    return described


def target(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of the document, or the one that it refers to."""
    whole: dict[str, Any] = DOCUMENT
    for key in part["$ref"].removeprefix("#/").split("/") if "$ref" in part else ():
        whole = whole[key]
    return whole if "$ref" in part else part


def flaws(schema: dict[str, Any], value: Any) -> list[str]:
    """Return where a value differs from a schema of the document."""
    validator = validator_for({**schema, "components": DOCUMENT["components"]})
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def test_every_service_has_a_path_and_every_operation_a_name_of_its_own() -> None:
    assert DOCUMENT["paths"].keys() == {f"/-/svc/{name}" for name in SERVICES}
    names = [o["operationId"] for methods in DOCUMENT["paths"].values() for o in methods.values()]
    assert len(names) == len(set(names))
    assert {tag["name"] for tag in DOCUMENT["tags"]} == {name.partition(".")[0] for name in SERVICES}
    assert {tag["name"] for tag in DOCUMENT["tags"] if tag["description"] == tag["name"]} <= {
        name.partition(".")[0] for name in SERVICES
    } - TITLES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_an_operation_has_level_methods_and_codes_of_its_service(name: str) -> None:
    service, described = SERVICES[name], operation(name)
    methods = DOCUMENT["paths"][f"/-/svc/{name}"].keys()
    reads = service.writes in {Writes.NO, Writes.LINK} and "upload" not in recorded_examples()[name]
    assert methods == ({"get", "post"} if reads else {"post"})
    assert described["x-level"] == service.level
    assert ({} in described["security"]) == (service.level == 0)
    for code, (status, _) in service.errors.items():
        answer = described if status == 200 else target(described["responses"][str(status)])
        assert f"`{code}`" in answer["description"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_recorded_example_keeps_to_the_document(name: str) -> None:
    described, example = operation(name), recorded_examples()[name]
    body = described["requestBody"]["content"].get(JSON)
    if body is not None:
        assert flaws(body["schema"], example["args"]) == []
    answers = described["responses"]["200"]["content"]
    if JSON in answers:
        recorded = answers[JSON]["examples"]["recorded"]["value"]
        assert recorded["data"] == example["data"]
        assert flaws(answers[JSON]["schema"], recorded) == []
        assert flaws(answers[JSON]["schema"], {**recorded, "data": "text"}) != []


@pytest.mark.parametrize("name", SERVICES)
def test_the_document_refuses_what_the_service_refuses(name: str) -> None:
    """A value beyond a declared limit fits neither; the default and the example fit both."""
    for param, declaration in SERVICES[name].params.items():
        field, schema = SERVICES[name].schema.fields[param], param_schema(declaration)
        for value in (declaration[key] for key in ("default", "example") if declaration.get(key)):
            field.deserialize(value)
            assert flaws(schema, value) == [], (param, value)
        for value in beyond(declaration):
            with pytest.raises(ValidationError):
                field.deserialize(value)
            assert flaws(schema, value) != [], (param, value)


def beyond(declaration: dict[str, Any]) -> list[Any]:
    """Return values that break the limits of a declared parameter."""
    kind = declaration["type"]
    values: list[Any] = [[]] if kind != "array" else [5]
    if "min" in declaration:
        values.append(declaration["min"] - 1)
    if "max" in declaration:
        values.append(declaration["max"] + 1)
    if "maxLength" in declaration and kind == "string":
        values.append("x" * (declaration["maxLength"] + 1))
    if "enum" in declaration:
        values.append("no-such-word")
    return values


def resolved(part: Any) -> Any:
    """Return a part of the document without references, and without what they may change: docs and nulls."""
    if isinstance(part, list):
        return [resolved(each) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return resolved(target(part))
    if part.get("anyOf", [None])[-1] == {"type": "null"}:
        return resolved(part["anyOf"][0])
    return {key: resolved(each) for key, each in part.items() if key != "description"}


def bare(schema: Any) -> Any:
    """Return a schema without docs; its objects are never null."""
    if isinstance(schema, list):
        return [bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    fields = {key: bare(each) for key, each in schema.items() if key != "description"}
    return {**fields, "type": "object"} if schema.get("properties") else fields


@pytest.mark.parametrize("name", [n for n in SERVICES if "text" not in recorded_examples()[n]])
def test_references_stand_for_what_acl_declares(name: str) -> None:
    """An answer has the same content as without any reference."""
    answer = resolved(DOCUMENT["components"]["schemas"][answer_name(name)])
    declared = bare(answer_schema(SERVICES[name].declaration["returns"]))
    assert bare(answer["properties"]["data"]) == declared | {
        "type": bare(answer["properties"]["data"])["type"]
    }


def test_what_is_repeated_stands_in_the_document_once() -> None:
    for kind in ("schemas", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)
    users = orjson.dumps(DOCUMENT).decode()
    assert users.count('"#/components/schemas/Contact"') > 5
    assert users.count('"#/components/responses/NotSignedIn"') > 100


async def test_the_document_is_served_and_linked_from_the_reference(node: URL) -> None:
    async with aiohttp.ClientSession(node) as http:
        async with http.get("/-/docs/") as response:
            assert '<a href="/-/openapi.json">' in await response.text()
        async with http.get("/-/openapi.json") as response:
            assert (response.status, response.content_type) == (200, JSON)
            assert await response.json() == DOCUMENT
