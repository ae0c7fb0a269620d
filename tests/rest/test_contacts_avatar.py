"""Pictures of contacts: accepted formats, answers, and the end of a picture."""

from __future__ import annotations

import aiohttp
import pytest

from service.contacts.picture_kinds import MAX_BYTES, media_type
from service.ids import from_wire
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People
from tests.support.pictures import GIF, HTML, JPEG, PNG, SVG, WEBP
from tests.support.rest import Answer, Client, ClientMaker


async def upload(
    api: Client, key: str, content: bytes, name: str = "avatar.webp", part: str = "file", **headers: str
) -> Answer:
    form = aiohttp.FormData()
    form.add_field("comment", "before the file")
    form.add_field(part, content, filename=name, content_type="image/webp")
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return await api.send("POST", f"/contacts/{key}/avatar", headers=named, data=form)


def stored(admin: Admin, api: Client, where: str = "TRUE") -> int:
    count = f"SELECT COUNT(*) FROM {api.person.shard}.contact_picture WHERE owner_id = %s AND {where}"
    return int(admin.one(count, api.person.uid))


CURRENT = "replaced_at IS NULL"
"""Of pictures: those that are no former ones."""


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
)
async def test_a_picture_comes_back_as_what_it_is(client_of: ClientMaker, content: bytes, kind: str) -> None:
    api = await client_of()
    made = await api.add(display_name="X")
    answer = await upload(api, made["id"], content)
    assert answer.status == 200
    path = answer.data["avatar_path"]
    assert path.startswith(f"/api/v1/contacts/{made['id']}/avatar/")
    assert answer.etag == (await api.get(f"/contacts/{made['id']}")).etag
    for where in (path.removeprefix("/api/v1"), f"/contacts/{made['id']}/avatar"):
        picture = await api.get(where)
        assert (picture.status, picture.raw, picture.headers["Content-Type"]) == (200, content, kind)
        assert picture.headers["X-Content-Type-Options"] == "nosniff"
        assert picture.headers["Content-Security-Policy"].endswith("; sandbox")
        assert picture.headers["Content-Disposition"] == f'inline; filename="avatar.{kind[6:]}"'
        known = await api.get(where, If_None_Match=picture.etag)
        assert (known.status, known.raw, known.etag) == (304, b"", picture.etag)


async def test_an_image_element_sends_its_token_in_the_query(client_of: ClientMaker, people: People) -> None:
    api = await client_of()
    made = await api.add(display_name="X")
    path = (await upload(api, made["id"], PNG)).data["avatar_path"].removeprefix("/api/v1")
    token, api.token = api.token, ""
    assert (await api.get(f"{path}?token={token}")).raw == PNG
    for bad in ("", "?token=", "?token=x"):
        assert (await api.get(f"{path}{bad}")).error == (401, "UNAUTHORIZED")
    other = await client_of("Bob")
    assert (await other.get(path)).error == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "content", [SVG, HTML, b"", b"GIF9", b"RIFF0000WAVE", b"%PDF-1.7", b"BM" + b"0" * 40]
)
async def test_a_file_that_is_no_picture_is_refused(
    client_of: ClientMaker, admin: Admin, content: bytes
) -> None:
    api = await client_of()
    made = await api.add(display_name="X")
    answer = await upload(api, made["id"], content, name="avatar.png")
    assert answer.error == (400, "VALIDATION_ERROR")
    assert answer.flaw == ("file", "image")
    assert media_type(content) is None
    assert stored(admin, api) == 0
    assert (await api.get(f"/contacts/{made['id']}/avatar")).error == (404, "NOT_FOUND")


async def test_invalid_uploads_are_refused(client_of: ClientMaker) -> None:
    api = await client_of()
    key = (await api.add(display_name="X"))["id"]
    path = f"/contacts/{key}/avatar"
    assert (await upload(api, key, PNG, part="picture")).flaw == ("file", "required")
    assert (await upload(api, key, PNG + b"\0" * MAX_BYTES)).error == (413, "PAYLOAD_TOO_LARGE")
    largest = PNG + b"\0" * (MAX_BYTES - len(PNG))
    assert (await upload(api, key, largest)).status == 200
    assert (await api.get(path)).raw == largest
    assert (await api.send("POST", path, data=PNG, headers={"Content-Type": "image/png"})).error == (
        415, "UNSUPPORTED_MEDIA_TYPE",
    )  # fmt: skip
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        broken = await api.send("POST", path, data=b"no form", headers={"Content-Type": kind})
        assert broken.error == (400, "VALIDATION_ERROR"), kind
    packed = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"}
    assert (await api.send("POST", path, data=b"no gzip", headers=packed)).error == (
        415, "UNSUPPORTED_MEDIA_TYPE",
    )  # fmt: skip
    for nobody in ("x", "0" * 16):
        assert (await upload(api, nobody, PNG)).error == (404, "NOT_FOUND")


async def test_a_new_picture_has_a_new_path(client_of: ClientMaker) -> None:
    api = await client_of()
    key = (await api.add(display_name="X"))["id"]
    first = await upload(api, key, PNG)
    second = await upload(api, key, GIF, If_Match=first.etag)
    assert second.data["avatar_path"] != first.data["avatar_path"]
    assert (await upload(api, key, JPEG, If_Match=first.etag)).error == (412, "PRECONDITION_FAILED")
    assert (await api.get(f"/contacts/{key}/avatar")).raw == GIF


async def test_a_picture_goes_when_its_path_does(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    key = (await api.add(display_name="X"))["id"]
    contact = (await upload(api, key, PNG)).data
    # The client sends the whole record back: the picture stays.
    assert (await api.patch(f"/contacts/{key}", contact)).data["avatar_path"] == contact["avatar_path"]
    assert stored(admin, api, CURRENT) == 1
    assert (await api.patch(f"/contacts/{key}", {"avatar_path": None})).data["avatar_path"] is None
    assert stored(admin, api, CURRENT) == 0
    await upload(api, key, PNG)
    assert (await api.patch(f"/contacts/{key}", {"avatar_path": "/a.png"})).data["avatar_path"] == "/a.png"
    assert stored(admin, api, CURRENT) == 0
    # a path alone does not bring it back; a revert does
    assert (await api.patch(f"/contacts/{key}", {"avatar_path": contact["avatar_path"]})).status == 200
    assert (await api.get(f"/contacts/{key}/avatar")).status == 404


async def test_a_contact_keeps_five_former_pictures(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    key = (await api.add(display_name="X"))["id"]
    for number in range(8):
        await upload(api, key, PNG + bytes([number]))
    assert (stored(admin, api), stored(admin, api, CURRENT)) == (6, 1)
    assert (await api.get(f"/contacts/{key}/avatar")).raw == PNG + bytes([7])
    await api.delete(f"/contacts/{key}?permanent=true")
    assert stored(admin, api) == 0


async def test_a_picture_survives_the_trash_and_dies_with_its_contact(
    people: People, client_of: ClientMaker, admin: Admin
) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice)
    for way in ("rest", "trash", "rpc"):
        key = (await api.add(display_name=way))["id"]
        path = (await upload(api, key, PNG)).data["avatar_path"].removeprefix("/api/v1")
        await api.delete(f"/contacts/{key}")
        assert (await api.get(path)).error == (404, "NOT_FOUND")
        await api.post(f"/contacts/{key}/restore")
        assert (await api.get(path)).raw == PNG
        if way == "rpc":
            await alice.ok("contact.delete_contact", contact_id=from_wire(key))
        else:
            if way == "trash":
                await api.delete(f"/contacts/{key}")
            await api.delete(f"/contacts/{key}?permanent=true")
        assert stored(admin, api) == 0, way


async def test_merging_keeps_a_picture(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    one, two, three = [(await api.add(display_name=n))["id"] for n in "abc"]
    await upload(api, two, PNG)
    await upload(api, three, GIF)
    merged = (await api.post("/contacts/merge", {"into": one, "ids": [two, three]})).data
    assert merged["avatar_path"].startswith(f"/api/v1/contacts/{one}/avatar/")
    assert (await api.get(merged["avatar_path"].removeprefix("/api/v1"))).raw == PNG
    # the other picture is for the undo, and goes with the contact
    assert stored(admin, api) == 2
    assert (await api.get(f"/contacts/{three}/avatar")).status == 404
    await api.delete(f"/contacts/{one}?permanent=true")
    assert stored(admin, api) == 0


async def test_merging_takes_the_picture_of_the_first_that_has_one(
    client_of: ClientMaker, admin: Admin
) -> None:
    api = await client_of()
    one, two, three = [(await api.add(display_name=n))["id"] for n in "abc"]
    await api.patch(f"/contacts/{two}", {"avatar_path": "/a.png"})
    await upload(api, three, PNG)
    merged = (await api.post("/contacts/merge", {"into": one, "ids": [two, three]})).data
    assert merged["avatar_path"] == "/a.png"
    assert [(await api.get(f"/contacts/{key}/avatar")).status for key in (one, two, three)] == [404] * 3
    # kept for the undo
    assert stored(admin, api) == 1
    await api.delete(f"/contacts/{one}?permanent=true")
    assert stored(admin, api) == 0


async def test_every_node_serves_the_picture(client_of: ClientMaker, make_node: NodeMaker) -> None:
    api = await client_of()
    key = (await api.add(display_name="X"))["id"]
    await upload(api, key, PNG)
    other = await client_of(person=api.person, base=(await make_node()).make_url("/"))
    assert (await other.get(f"/contacts/{key}/avatar")).raw == PNG


async def test_a_repeated_upload_is_done_once(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    made = await api.post("/contacts", {"display_name": "X"})
    key = made.data["id"]
    first = await upload(api, key, PNG, Idempotency_Key="a")
    # A repeated form has another boundary: the picture decides.
    again = await upload(api, key, PNG, Idempotency_Key="a")
    assert (again.status, again.raw, again.etag) == (200, first.raw, first.etag)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await upload(api, key, GIF, Idempotency_Key="a")).error == (422, "UNPROCESSABLE")
    assert (await upload(api, key, PNG, Idempotency_Key="a", If_Match=made.etag)).error == (
        422, "UNPROCESSABLE",
    )  # fmt: skip
    assert (await upload(api, key, PNG, Idempotency_Key="two words")).flaw == (
        "Idempotency-Key", "characters",
    )  # fmt: skip
    assert (await api.get(f"/contacts/{key}/avatar")).raw == PNG
    # A failure is not stored, and a success is stored together with its picture.
    assert (await upload(api, key, GIF, Idempotency_Key="b", If_Match=made.etag)).status == 412
    assert (await upload(api, key, GIF, Idempotency_Key="b")).status == 200
    assert (await api.get(f"/contacts/{key}/avatar")).raw == GIF
    assert stored(admin, api, CURRENT) == 1
