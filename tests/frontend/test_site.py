"""The paths of a served frontend: its page, and its files with their headers."""

from __future__ import annotations

import io
import json
import os
import re
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from service.frontend.site import page_policy
from service.settings import Settings
from tests.support.builds import HASH, SCRIPT, write_build
from tests.support.links import link_to, new_address
from tests.support.mail import Postman
from tests.support.nodes import NodeMaker
from tests.support.people import People

MAIN = f"-/app/main-{HASH}.js"
MEDIA: dict[str, Any] = {
    "jitsi_domain": "meet.example.test",
    "livekit_url": "ws://sfu.test:7880",
    "livekit_api_key": "key",
    "livekit_api_secret": "a secret of a test",
}


@dataclass
class Reply:
    """An answer that was read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as a text."""
        return self.body.decode()


Get = Callable[..., Awaitable[Reply]]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Return the folder of a build."""
    return write_build(tmp_path / "build")


@pytest.fixture
async def get(make_node: NodeMaker, build: Path) -> AsyncIterator[Get]:
    """Ask a node that serves the build; redirects are not followed, and nothing is unpacked."""
    changes = {**MEDIA, "cookie": "session_of_test"}
    node = await make_node(frontend_dir=str(build), **changes)
    async with aiohttp.ClientSession(auto_decompress=False) as http:

        async def ask(path: str, method: str = "GET", **headers: str) -> Reply:
            url = URL(f"{node.make_url('/')}{path}", encoded=True)
            sent = {"Accept-Encoding": "identity"} | {n.replace("_", "-"): v for n, v in headers.items()}
            async with http.request(method, url, headers=sent, allow_redirects=False) as response:
                return Reply(response.status, dict(response.headers), await response.read())

        yield ask


async def test_the_page_has_what_the_frontend_needs_to_start(get: Get) -> None:
    page = await get("-/", Accept_Language="fr-FR,en")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f'<body data-hash="{HASH}">' in page.text
    assert '<div id="--router">' in page.text
    assert '<html lang="fr">' in page.text
    scripts = re.findall(r'<script src="([^"]+)">', page.text)
    assert scripts == ["/-/assets/bootstrap.js", f"/{MAIN}"]
    for script in scripts:
        assert (await get(script[1:])).status == 200
    values = re.search(r'id="bootstrap-values">(.*)</script>', page.text)
    assert values
    assert json.loads(values[1]) == {
        "appHash": HASH,
        "area": None,
        "keysel": "session_of_test",
        "lang": "fr",
        "uid": "f" * 16,
    }


async def test_the_area_of_a_guest_is_that_of_the_link_and_no_markup(get: Get) -> None:
    assert '"area": "dmz"' in (await get("-/?area=dmz")).text
    assert "<script>alert" not in (await get("-/?area=%3C/script%3E%3Cscript%3Ealert(1)")).text


@pytest.mark.parametrize(("accepted", "lang"), [("zh-CN", "zh"), ("FR", "fr"), ("de", "en"), ("", "en")])
async def test_the_page_speaks_the_language_of_its_reader(get: Get, accepted: str, lang: str) -> None:
    assert f'<html lang="{lang}">' in (await get("-/", Accept_Language=accepted)).text


async def test_the_policy_of_the_page_lets_in_this_site_and_the_media_server(get: Get) -> None:
    page = await get("-/")
    text = page.headers["Content-Security-Policy"]
    assert text == page_policy(Settings(**MEDIA))
    assert page.headers["Cache-Control"] == "no-store"
    policy = dict(part.split(" ", 1) for part in text.split("; "))
    jitsi, livekit = "//meet.example.test", "//sfu.test:7880"
    assert policy["connect-src"] == f"'self' https:{jitsi} wss:{jitsi} http:{livekit} ws:{livekit}"
    assert policy["default-src"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "connect-src 'self';" in page_policy(Settings())


async def test_the_root_leads_to_the_page_and_keeps_the_query(get: Get) -> None:
    root = await get("?area=dmz")
    assert (root.status, root.headers["Location"]) == (302, "/-/?area=dmz")


async def test_a_name_with_a_hash_is_kept_forever_and_another_one_is_checked(get: Get) -> None:
    hashed, plain = await get(f"-/app/17-{HASH}.js"), await get("-/app/plain.js")
    assert hashed.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Cache-Control"] == "no-cache"
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    assert hashed.body == plain.body == SCRIPT
    missing = await get(f"-/app/18-{HASH}.js")
    assert (missing.status, missing.headers["Cache-Control"]) == (404, "no-store")
    assert missing.body == b""


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("identity", None), ("deflate", None)],
)
async def test_a_file_is_sent_as_the_build_has_packed_it(
    get: Get, accepted: str, encoding: str | None
) -> None:
    file = await get(MAIN, Accept_Encoding=accepted)
    assert file.headers.get("Content-Encoding") == encoding
    assert file.headers["Vary"] == "Accept-Encoding"
    assert "javascript" in file.headers["Content-Type"]
    assert "immutable" in file.headers["Cache-Control"]
    # Only some files were packed.
    assert "Content-Encoding" not in (await get("-/app/plain.js", Accept_Encoding=accepted)).headers


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("letters.woff2", "font/woff2"),
        ("letters.ttf", "font/ttf"),
        ("main.js.map", "application/json"),
        ("tune.ogg", "audio/ogg"),
        ("page.webp", "image/webp"),
        ("drawing.svg", "image/svg+xml"),
        ("odd.xyz", "application/octet-stream"),
    ],
)
async def test_a_file_has_its_type(get: Get, name: str, content_type: str) -> None:
    assert (await get(f"-/app/{name}")).headers["Content-Type"].partition(";")[0] == content_type


async def test_files_answer_conditions_ranges_and_other_methods(get: Get) -> None:
    whole = await get(MAIN)
    again = await get(MAIN, If_None_Match=whole.headers["Etag"])
    assert (again.status, again.body) == (304, b"")
    assert "immutable" in again.headers["Cache-Control"]
    part = await get(MAIN, Range="bytes=3-9")
    assert (part.status, part.body) == (206, SCRIPT[3:10])
    beyond = await get(MAIN, Range="bytes=999999-")
    assert (beyond.status, beyond.headers["Cache-Control"]) == (416, "no-store")
    head = await get(MAIN, "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(SCRIPT)))
    posted = await get(MAIN, "POST")
    assert (posted.status, posted.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "-/app/../secret.txt",
        "-/app/%2e%2e/secret.txt",
        "-/app/..%2fsecret.txt",
        "-/app/%2e%2e%2fsecret.txt",
        "-/app/..%5csecret.txt",
        "-/app/x/../../secret.txt",
        "-/app//etc/passwd",
        "-/app/%2fetc%2fpasswd",
        "-/app/link.txt",
        "-/app/folder/secret.txt",
        "-/app/%00",
        "-/app/" + "x" * 5000,
        "-/app/",
        "-/app",
        "-/static/anything",
    ],
)
async def test_nothing_outside_of_the_folder_is_served(get: Get, build: Path, path: str) -> None:
    (build / "secret.txt").write_text("secret")
    (build / "app" / "link.txt").symlink_to(build / "secret.txt")
    (build / "app" / "folder").symlink_to(build)
    reply = await get(path)
    assert reply.status in {403, 404}
    assert b"secret" not in reply.body
    assert b"root:" not in reply.body


async def test_a_packed_file_that_is_a_link_is_not_followed(get: Get, build: Path) -> None:
    (build / "secret.txt").write_text("secret")
    (build / "app" / "plain.js.gz").symlink_to(build / "secret.txt")
    assert (await get("-/app/plain.js", Accept_Encoding="gzip")).body == SCRIPT


async def test_the_page_of_a_new_build_starts_its_script(get: Get, build: Path) -> None:
    newer = "0123456789abcdef0123"
    write_build(build, newer)
    os.utime(build / "app" / "index.json", ns=(1, 1))
    assert f'src="/-/app/main-{newer}.js"' in (await get("-/")).text


async def test_pictures_and_sounds_may_stand_beside_the_scripts(make_node: NodeMaker, build: Path) -> None:
    (build / "static" / "musics").mkdir(parents=True)
    (build / "static" / "musics" / "ring.mp3").write_bytes(b"ring")
    node = await make_node(frontend_dir=str(build))
    async with aiohttp.ClientSession() as http, http.get(node.make_url("/-/static/musics/ring.mp3")) as reply:
        assert (reply.status, reply.content_type, await reply.read()) == (200, "audio/mpeg", b"ring")
        assert reply.headers["Cache-Control"] == "no-cache"


async def test_a_build_without_sounds_gets_tones(get: Get) -> None:
    for path in ("-/static/musics/notifications/drip.mp3", "-/musics/ringtones/piano.mp3"):
        sound = await get(path)
        assert (sound.status, sound.headers["Content-Type"]) == (200, "audio/wav")
        with wave.open(io.BytesIO(sound.body)) as file:
            assert file.getnframes() >= file.getframerate() / 5
            assert len(set(file.readframes(1000))) > 10
    assert (await get("-/static/musics/notifications/cuckoo.mp3")).status == 404


async def test_without_the_setting_there_is_no_frontend(make_node: NodeMaker) -> None:
    node = await make_node()
    async with aiohttp.ClientSession() as http:
        async with http.get(node.make_url("/"), allow_redirects=False) as root:
            assert (root.status, root.headers["Location"]) == (302, "/-/docs/")
        for path in ("/-/", f"/{MAIN}"):
            async with http.get(node.make_url(path)) as reply:
                assert reply.status == 404


async def test_links_of_mails_lead_into_the_served_frontend(
    make_node: NodeMaker, build: Path, posted: People, postman: Postman
) -> None:
    node = await make_node(frontend_dir=str(build), smtp=postman.url, public_url="https://desk.example.test")
    alice, address = await posted("Alice"), new_address()
    alice.base = node.make_url("/")
    await alice.ok("contact.invite", email=address)
    body = postman.to(address)[0].get_body(("plain",))
    assert body is not None
    secret = link_to(postman, address).rpartition("/")[2]
    for link in ("/#/welcome/signup/", "/-/invitation/"):
        assert f"https://desk.example.test{link}{secret}" in body.get_content()
