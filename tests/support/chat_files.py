"""Upload files of messages and fetch them, as the Drumee frontend does."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
from yarl import URL

from tests.support.people import FRONTEND, Answer, Person

GRID = {"nid", "hub_id", "filename", "ext", "filesize", "filetype", "mimetype", "capability", "privilege"}
"""What the frontend reads of a file."""


async def upload(person: Person, filename: str, content: bytes, **more: Any) -> Answer:
    """Upload a file into a conversation, as its input line does; the name is encoded twice."""
    home = await person.ok("media.home", hub_id=person.uid)
    described = {
        "filename": quote(filename, safe="/ "),
        "mimetype": "text/html",
        "filesize": len(content),
        "nid": home["chat_upload_id"],
        "hub_id": person.uid,
        "notify": 1,
        "single": 1,
        "position": 0,
        "replace": 0,
        "ownpath": f"/{filename}",
        "echoId": "up1",
        **more,
    }
    headers = {**FRONTEND, "x-param-xia-data": quote(orjson.dumps(described).decode(), safe="")}
    url = person.base / "-/svc/media.upload"
    async with person.http.post(url, data=content, headers=headers) as response:
        return Answer(response.status, orjson.loads(await response.read()), response.headers)


async def uploaded(person: Person, filename: str, content: bytes) -> str:
    """Upload a file; return its nid."""
    answer = await upload(person, filename, content)
    assert answer.status == 200, answer.body
    assert answer.data.keys() >= GRID
    return str(answer.data["nid"])


async def fetch(
    person: Person, nid: str, hub: str, kind: str = "orig", **headers: str
) -> tuple[int, bytes, Any]:
    """Fetch a file as the frontend does; return status, content and headers."""
    url = URL(f"{person.base}-/file/{kind}/{nid}/{hub}?keysel=regsid", encoded=True)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with person.http.get(url, headers=names) as response:
        return response.status, await response.read(), response.headers
