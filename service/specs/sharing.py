"""Name the parts that an OpenAPI document repeats, and refer to them: objects of answers, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

Schema = dict[str, Any]

NAMED_REFUSALS = {401: "NotSignedIn", 404: "HubNotFound"}
"""Names of refusals that are not those of their status."""
WEAK = "`WEAK_PRIVILEGE`"


class Definitions:
    """Objects of answers that have a name in acl/, found by their form: the description may differ."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        """Take the schemas of the definitions by name."""
        self._names = {_form(schema): name for name, schema in definitions.items()}
        self._schemas = {name: _plain(schema) for name, schema in definitions.items()}
        self.used: Schema = {}
        """Schemas that were referred to, by name."""

    def refer(self, schema: Any) -> Any:
        """Return a schema in which each object with a name is a reference, at any depth."""
        if isinstance(schema, list):
            return [self.refer(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        name = self._names.get(_form(schema)) if schema.get("properties") else None
        if name is None:
            return {key: self.refer(part) for key, part in schema.items()}
        if name not in self.used:
            whole = self._schemas[name]
            self.used[name] = whole  # before its parts: they may have the form of another one
            self.used[name] = {key: self.refer(part) for key, part in whole.items()}
        reference: Schema = {"$ref": f"#/components/schemas/{name}"}
        if "null" in schema["type"]:
            reference = {"anyOf": [reference, {"type": "null"}]}
        doc = schema.get("description")
        return (
            reference
            if doc in {None, self.used[name].get("description")}
            else {**reference, "description": doc}
        )


def share_refusals(paths: Mapping[str, Mapping[str, Schema]]) -> dict[str, Schema]:
    """Replace each refusal that many operations have by a reference; return the refusals by name.

    They are those of every service, of its level and of its hub. Those that a service declares stay.
    """
    shared: dict[str, Schema] = {}
    for methods in paths.values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                name = "" if status == "200" else _refusal_name(status, answer["description"])
                if name and shared.setdefault(name, answer) == answer:
                    reference = {"$ref": f"#/components/responses/{name}"}
                    operation["responses"] = {**operation["responses"], status: reference}
    return shared


def _refusal_name(status: str, doc: str) -> str:
    """Return the name of a refusal whose codes need no words of their service; "" for another one."""
    if ": " in doc:
        return ""
    if WEAK in doc:
        return "WeakPrivilege"
    return NAMED_REFUSALS.get(int(status)) or "".join(HTTPStatus(int(status)).phrase.split())


def _plain(schema: Schema) -> Schema:
    """Return the schema of an object that is there."""
    return {**schema, "type": "object"}


def _form(schema: Schema) -> bytes:
    return _text({key: part for key, part in _plain(schema).items() if key != "description"})


def _text(part: Any) -> bytes:
    return orjson.dumps(part, option=orjson.OPT_SORT_KEYS)
