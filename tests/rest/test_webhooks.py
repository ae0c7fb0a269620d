"""Webhooks through /api/v1: what their owner may do, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.admin import Admin
from tests.support.rest import Client, ClientMaker

URL = "https://hooks.example/contacts"


@pytest.fixture(autouse=True)
def no_other_webhooks(admin: Admin) -> Iterator[None]:
    """Leave no webhooks to other tests."""
    yield
    for table in ("webhook", "webhook_delivery"):
        admin.rows(f"DELETE FROM yp.{table}")


async def signed_in(client_of: ClientMaker) -> Client:
    """Return a client with the access token of a sign-in."""
    api = await client_of()
    await api.login()
    return api


async def test_a_key_lists_webhooks_and_sends_events_nowhere_else(client_of: ClientMaker) -> None:
    api = await client_of()
    key = api.token
    await api.login()
    webhook = (await api.post("/webhooks", {"url": URL, "events": ["*"]})).data["id"]
    api.token = key
    assert [each["id"] for each in (await api.get("/webhooks")).data] == [webhook]
    for method, path, body in (
        ("POST", "", {"url": URL, "events": ["*"]}), ("PATCH", f"/{webhook}", {"url": f"{URL}/2"}),
        ("POST", f"/{webhook}/secret", None),
    ):  # fmt: skip
        assert (await api.send(method, f"/webhooks{path}", body)).error == (403, "INSUFFICIENT_SCOPE")
    assert (await api.delete(f"/webhooks/{webhook}")).status == 200


async def test_the_secret_is_shown_once(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    answer = await api.post("/webhooks", {"url": URL, "events": ["contact.*", "call.missed", "contact.*"]})
    made = answer.data
    assert answer.status == 201
    assert made["secret"].startswith("whsec_")
    assert len(made["secret"]) == 38
    fields = {name: value for name, value in made.items() if name != "secret"}
    assert (await api.get("/webhooks")).data == [fields]
    assert (await api.get(f"/webhooks/{made['id']}")).data == fields
    assert (fields["events"], fields["active"], fields["state"]) == (
        ["contact.*", "call.missed"],
        True,
        "active",
    )
    rotated = (await api.post(f"/webhooks/{made['id']}/secret")).data
    assert rotated["secret"] != made["secret"]


async def test_a_webhook_is_changed_paused_and_ended(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    key = (await api.post("/webhooks", {"url": URL, "events": ["*"]})).data["id"]
    changes = {"url": f"{URL}/2", "label": "shop", "events": ["call.*"], "active": False}
    changed = (await api.patch(f"/webhooks/{key}", changes)).data
    assert changes.items() <= changed.items()
    assert changed["state"] == "paused"
    assert (await api.patch(f"/webhooks/{key}", {"label": None})).data["label"] is None
    assert (await api.patch(f"/webhooks/{key}", {})).data["url"] == f"{URL}/2"
    assert (await api.delete(f"/webhooks/{key}")).data == {"id": key, "deleted": True}
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/secret"),
                         ("GET", "/deliveries")):  # fmt: skip
        assert (await api.send(method, f"/webhooks/{key}{path}", {})).error == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"url": "http://hooks.example/"}, ("url", "url")),
        ({"url": "https://127.0.0.1/"}, ("url", "url")),
        ({"url": "https://[::ffff:127.0.0.1]/"}, ("url", "url")),
        ({"url": "https://a:b@hooks.example/"}, ("url", "url")),
        ({"url": "https://hooks.example:25/"}, ("url", "url")),
        ({"events": []}, ("events", "minItems")),
        ({"events": ["contact.exploded"]}, ("events[0]", "enum")),
    ],
)
async def test_what_cannot_be_delivered_is_refused(
    client_of: ClientMaker, fields: dict[str, object], flaw: tuple[str, str]
) -> None:
    api = await signed_in(client_of)
    answer = await api.post("/webhooks", {"url": URL, "events": ["*"], **fields})
    assert (answer.error, answer.flaw[0]) == ((400, "VALIDATION_ERROR"), flaw[0])
    key = (await api.post("/webhooks", {"url": URL, "events": ["*"]})).data["id"]
    assert (await api.patch(f"/webhooks/{key}", fields)).flaw[0] == flaw[0]


async def test_a_person_has_ten_webhooks_at_most(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    answers = [await api.post("/webhooks", {"url": URL, "events": ["*"]}) for _ in range(11)]
    assert [answer.status for answer in answers] == [201] * 10 + [409]


async def test_the_deliveries_are_paged(client_of: ClientMaker) -> None:
    api = await signed_in(client_of)
    key = (await api.post("/webhooks", {"url": URL, "events": ["contact.*"]})).data["id"]
    await api.patch(f"/webhooks/{key}", {"active": False})
    for name in ("A", "B", "C"):
        await api.add(display_name=name)
    first = (await api.get(f"/webhooks/{key}/deliveries?limit=2")).body
    names = [each["payload"]["data"]["contact"]["display_name"] for each in first["data"]]
    assert (names, first["meta"]["has_more"]) == (["C", "B"], True)
    second = (await api.get(f"/webhooks/{key}/deliveries?limit=2&before={first['meta']['next']}")).body
    assert [each["payload"]["data"]["contact"]["display_name"] for each in second["data"]] == ["A"]
    assert second["meta"] == {"limit": 2, "next": None, "has_more": False}
    assert (await api.get(f"/webhooks/{key}")).data["pending"] == 3


async def test_nobody_reaches_the_webhooks_of_others(client_of: ClientMaker, admin: Admin) -> None:
    api, mallory = await signed_in(client_of), await signed_in(client_of)
    key = (await api.post("/webhooks", {"url": URL, "events": ["*"]})).data["id"]
    await api.patch(f"/webhooks/{key}", {"active": False})
    await api.add(display_name="A")
    (delivery,) = (await api.get(f"/webhooks/{key}/deliveries")).data
    own = (await mallory.post("/webhooks", {"url": URL, "events": ["*"]})).data["id"]
    requests = [
        ("GET", f"/{key}", None), ("PATCH", f"/{key}", {"active": True}), ("DELETE", f"/{key}", None),
        ("POST", f"/{key}/secret", None), ("POST", f"/{key}/test", None), ("GET", f"/{key}/deliveries", None),
        ("POST", f"/{key}/deliveries/{delivery['id']}/repeat", None),
        ("POST", f"/{own}/deliveries/{delivery['id']}/repeat", None),
    ]  # fmt: skip
    before = admin.rows("SELECT * FROM yp.webhook WHERE id = %s", key)
    for method, path, body in requests:
        answer = await mallory.send(method, f"/webhooks{path}", body)
        assert answer.error == (404, "NOT_FOUND"), path
    assert [each["id"] for each in (await mallory.get("/webhooks")).data] == [own]
    assert admin.rows("SELECT * FROM yp.webhook WHERE id = %s", key) == before
    assert (await mallory.get(f"/webhooks/{own}/deliveries")).data == []
