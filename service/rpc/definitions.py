"""Read the files of `acl/` and replace each `$ref` by the definition that it names.

`{"$ref": "#/$defs/contact"}` stands for the definition `contact` of the same file, and
`{"$ref": "shared.json#/$defs/page"}` for one that several modules use. A longer path reaches a part of a
definition: `#/$defs/contact/properties`. Keys beside `$ref` replace those of the definition. A definition
holds no `$ref` itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from service import ROOT
from service.errors import DeclarationError

SHARED = "shared.json"
"""The file whose definitions every module may use."""


def read_declarations(folder: Path = ROOT / "acl") -> dict[str, dict[str, Any]]:
    """Return the resolved content of each file by module; DeclarationError lists every problem."""
    files = _parse(folder)
    resolver = _Resolver({file: content.pop("$defs", {}) for file, content in files.items()})
    resolved = {file: resolver.resolve(content, file) for file, content in files.items()}
    if problems := [*resolver.problems, *resolver.definition_problems()]:
        raise DeclarationError("\n".join(problems))
    return {Path(file).stem: content for file, content in resolved.items() if file != SHARED}


def read_definitions(folder: Path = ROOT / "acl") -> dict[str, dict[str, Any]]:
    """Return the definitions of each file by module and name."""
    return {Path(file).stem: content.get("$defs", {}) for file, content in _parse(folder).items()}


def _parse(folder: Path) -> dict[str, dict[str, Any]]:
    files, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            files[path.name] = orjson.loads(path.read_bytes())
        except ValueError as exc:
            problems.append(f"{path.name} is not JSON: {exc}")
    if problems:
        raise DeclarationError("\n".join(problems))
    return files


class _Resolver:
    """Replaces references; collects the definitions in use and the references without a target."""

    def __init__(self, definitions: Mapping[str, Mapping[str, Any]]) -> None:
        self.definitions = definitions
        """Definitions by file and name."""
        self.used: set[tuple[str, str]] = set()
        self.problems: list[str] = []

    def resolve(self, value: Any, file: str) -> Any:
        """Return a copy of the value without references; `file` is the file that contains it."""
        if isinstance(value, list):
            return [self.resolve(item, file) for item in value]
        if not isinstance(value, dict):
            return value
        fields = {key: self.resolve(item, file) for key, item in value.items() if key != "$ref"}
        return self._apply(value["$ref"], fields, file) if "$ref" in value else fields

    def _apply(self, reference: Any, changes: dict[str, Any], file: str) -> Any:
        home, _, path = str(reference).partition("#/$defs/")
        home = home or file
        if path and home not in {file, SHARED}:
            self.problems.append(f"{file}: {reference} names another module; move the definition to {SHARED}")
            return changes
        target = self._part(home, path)
        if target is None:
            self.problems.append(f"{file}: {reference} names no definition")
            return changes
        if changes and not isinstance(target, dict):
            self.problems.append(f"{file}: {reference} is no object, so no keys can stand beside it")
            return target
        return {**target, **changes} if changes else target

    def _part(self, home: str, path: str) -> Any:
        """Return the definition of a file, or the part that the path reaches; None when there is none."""
        name, *keys = path.split("/")
        self.used.add((home, name))
        target: Any = self.definitions.get(home, {}).get(name)
        for key in keys:
            target = target.get(key) if isinstance(target, dict) else None
        return target

    def definition_problems(self) -> Iterator[str]:
        """Yield a problem for each definition that is unused, has no text or refers to another one."""
        for file, definitions in self.definitions.items():
            for name, definition in definitions.items():
                if (file, name) not in self.used:
                    yield f"{file}: no $ref names the definition {name}; remove it"
                if not (isinstance(definition, dict) and definition.get("doc")):
                    yield f"{file}: the definition {name} has no doc"
                if b'"$ref":' in orjson.dumps(definition):
                    yield f"{file}: the definition {name} holds a $ref; write out what it refers to"
