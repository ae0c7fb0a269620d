"""Record one request and its answer for each service, as the reference shows them."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote

import orjson

from tests.support.people import Person

Example = dict[str, Any]
"""The request of a service (`args`, or `upload` for a body that is a file) and what it answers: `data`,
or `text` for an answer that is a file or a page."""

HEX_ID = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{24}|[0-9a-f]{16})\b")
MARK = re.compile(r"\b([a-z]+)\.[0-9a-f]{10}\b")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
SECRETS = {"token", "state", "otak", "secret", "session_id", "sid"}
EXCERPTS = {"services": ("contact", "conference")}
"""Entries that are enough of an object with hundreds: the services of the platform in yp.get_env."""
NOBODY = "f" * 16
NOON = 1_764_158_400
"""Stands for every moment: 26 November 2025, 12:00 UTC."""


class Recorder:
    """Call services as a client does, and note the first call of each."""

    def __init__(self) -> None:
        self.examples: dict[str, Example] = {}

    async def call(self, person: Person, service: str, **args: Any) -> Any:
        """Call a service that must succeed; return its data."""
        answer = await person.call(service, **args)
        assert (answer.status, "error" in answer.body) == (200, False), answer.body
        self.examples.setdefault(service, {"args": args, "data": answer.data})
        return answer.data

    async def upload(self, person: Person, service: str, body: bytes, **args: Any) -> Any:
        """Send a file as the frontend does; return the data of the answer."""
        encoded = {**args, "filename": quote(args["filename"])}
        headers = {"x-param-xia-data": quote(orjson.dumps(encoded).decode())}
        async with person.http.post(person.base / "-/svc" / service, data=body, headers=headers) as response:
            answer = orjson.loads(await response.read())
        assert (response.status, "error" in answer) == (200, False), answer
        upload = {"header": "x-param-xia-data", "body": body.decode("ascii", "replace")}
        self.examples.setdefault(service, {"args": args, "upload": upload, "data": answer["data"]})
        return answer["data"]

    async def page(self, person: Person, service: str, **args: Any) -> str:
        """Call a service that answers a file or a page; return its text."""
        async with person.http.post(person.base / "-/svc" / service, json=args) as response:
            text = await response.text()
        assert response.status == 200, text
        example = {"args": args, "content_type": response.content_type, "text": text}
        self.examples.setdefault(service, example)
        return text

    def steady(self) -> dict[str, Example]:
        """Return the examples by name, the same after every run: without random ids, secrets and times."""
        ids: dict[str, str] = {NOBODY: NOBODY}

        def steady_text(text: str) -> str:
            text = ADDRESS.sub("https://drumee.example", MARK.sub(r"\1", text))
            return HEX_ID.sub(lambda match: ids.setdefault(match[0], _hex(len(ids), len(match[0]))), text)

        def steady(value: Any, key: str = "") -> Any:
            if isinstance(value, dict):
                excerpt = EXCERPTS.get(key, value)
                return {name: steady(item, name) for name, item in value.items() if name in excerpt}
            if isinstance(value, list):
                return [steady(item, key) for item in value]
            if key == "version":
                return "x.y.z"
            if isinstance(value, str):
                return f"a-{key}-of-the-site" if key in SECRETS and value else steady_text(value)
            return _steady_number(value)

        return {name: steady(self.examples[name]) for name in sorted(self.examples)}


def _hex(number: int, length: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:length]


def _steady_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    for unit in (1, 1000):
        if NOON * unit * 0.9 < value < NOON * unit * 1.2:
            return NOON * unit
    return value


def misfit(recorded: Any, current: Any, path: str = "") -> str | None:
    """Return where a recorded value has another shape than the current one, or None. Null fits anything."""
    if recorded is None or current is None:
        return None
    if isinstance(recorded, dict) and isinstance(current, dict):
        if recorded.keys() != current.keys():
            return f"{path}: {sorted(recorded.keys() ^ current.keys())}"
        fields = (misfit(recorded[key], current[key], f"{path}.{key}") for key in recorded)
        return next(filter(None, fields), None)
    if isinstance(recorded, list) and isinstance(current, list):
        for item in current if recorded else ():
            entries = [misfit(entry, item, f"{path}[]") for entry in recorded]
            if None not in entries:
                return entries[0]
        return None
    kinds = [float if isinstance(v, int) else type(v) for v in (recorded, current)]
    return None if kinds[0] is kinds[1] else f"{path}: {recorded!r} and {current!r}"
