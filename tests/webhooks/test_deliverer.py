"""Deliver events to real receivers: down, slow, redirecting, answering 410, failing for some minutes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import connector, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import WebhookVerificationError

from service.admin.registry import Registry
from service.bench.node import free_port
from service.settings import Settings
from service.store.database import Database, Transaction, encode
from service.webhooks import addresses, deliverer
from service.webhooks import sender as sender_module
from service.webhooks.addresses import Rules
from service.webhooks.sender import Lookups, Sender
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker, serving
from tests.support.people import People
from tests.support.receiver import Receiver, ReceiverMaker, subscribe
from tests.support.rest import Client, ClientMaker, make_key
from tests.support.waiting import until

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"  # of an example


class Unforeseen(Exception):
    """An error between the writes and the commit."""


async def webhook_of(api: Client, webhook_id: str) -> dict[str, Any]:
    """Return a webhook as it is now."""
    answer = await api.get(f"/webhooks/{webhook_id}")
    fields: dict[str, Any] = answer.data
    return fields


async def has(api: Client, webhook_id: str, **wanted: Any) -> dict[str, Any] | None:
    """Return the webhook once it has these values."""
    fields = await webhook_of(api, webhook_id)
    return fields if wanted.items() <= fields.items() else None


def try_now(admin: Admin) -> None:
    """Let no webhook wait for its next attempt."""
    admin.rows("UPDATE yp.webhook SET next_try = 0")


async def test_events_arrive_signed_and_in_order(client_of: ClientMaker, receiver: Receiver) -> None:
    api = await client_of()
    webhook = await subscribe(api, receiver.url, "contact.*")
    made = [await api.add(display_name=f"P{number}") for number in range(30)]
    await api.patch(f"/contacts/{made[0]['id']}", {"company": "Acme"})
    await until(lambda: len(receiver.received) == 31)
    first = receiver.received[0].verified(webhook["secret"])
    assert first["data"] == {"user_id": (await api.get("/auth/me")).data["id"], "contact": made[0]}
    names = [each.body["data"]["contact"]["display_name"] for each in receiver.received]
    assert names == [*(f"P{number}" for number in range(30)), "P0"]
    assert receiver.types == ["contact.created"] * 30 + ["contact.updated"]
    assert len({each.event_id for each in receiver.received}) == 31
    with pytest.raises(WebhookVerificationError):
        receiver.received[0].verified("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
    await until(partial(has, api, webhook["id"], pending=0, failures=0))


async def test_a_receiver_that_fails_gets_the_same_event_again_and_the_next_ones_wait(
    client_of: ClientMaker, receiver: Receiver, admin: Admin
) -> None:
    api = await client_of()
    receiver.next_statuses = [500, 503]
    webhook = await subscribe(api, receiver.url, "contact.created")
    for name in ("A", "B"):
        await api.add(display_name=name)
    failed = await until(partial(has, api, webhook["id"], failures=1))
    assert (failed["last_error"], failed["state"], failed["pending"]) == ("status 500", "active", 2)
    assert failed["next_try_at"] > failed["failing_since"]
    try_now(admin)
    await until(partial(has, api, webhook["id"], failures=2))
    try_now(admin)
    await until(partial(has, api, webhook["id"], failures=0, pending=0))
    first, second, third, fourth = receiver.received
    assert first.raw == second.raw == third.raw
    assert first.event_id == second.event_id == third.event_id != fourth.event_id
    log = (await api.get(f"/webhooks/{webhook['id']}/deliveries")).data
    assert [(each["attempts"], each["status"]) for each in log] == [(1, 204), (3, 204)]


async def test_a_redirect_is_a_failure_and_is_not_followed(
    client_of: ClientMaker, make_receiver: ReceiverMaker
) -> None:
    api, receiver, other = await client_of(), await make_receiver(), await make_receiver()
    receiver.status, receiver.location = 307, other.url
    webhook = await subscribe(api, receiver.url)
    await api.add(display_name="A")
    await until(partial(has, api, webhook["id"], last_error="redirect 307"))
    assert other.received == []


async def test_a_slow_receiver_holds_up_only_itself(
    client_of: ClientMaker, make_receiver: ReceiverMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "SECONDS", 1.0)
    api, slow, quick = await client_of(), await make_receiver(), await make_receiver()
    slow.hang.clear()
    slow_webhook = await subscribe(api, slow.url)
    quick_webhook = await subscribe(api, quick.url)
    for number in range(5):
        await api.add(display_name=f"P{number}")
    await until(partial(has, api, quick_webhook["id"], pending=0))
    assert len(quick.received) == 5
    await until(partial(has, api, slow_webhook["id"], last_error="no answer in time"))
    assert len(slow.received) == 1


async def test_a_receiver_that_is_down_is_tried_again(client_of: ClientMaker, admin: Admin) -> None:
    api = await client_of()
    webhook = await subscribe(api, f"http://127.0.0.1:{free_port()}/")
    await api.add(display_name="A")
    await until(partial(has, api, webhook["id"], last_error="no connection", pending=1))


async def test_a_receiver_that_is_gone_is_paused_at_once_and_resumed_by_its_owner(
    make_node: NodeMaker, receiver: Receiver, registry: Registry, password_hash: str, admin: Admin
) -> None:
    node = (await make_node(webhook_private="loopback")).make_url("/")
    people = People(node, registry, password_hash)
    person = await people.registered("Ada")
    api = Client(person, make_key(registry, person))
    receiver.status = 410
    webhook = await subscribe(api, receiver.url)
    await api.add(display_name="A")
    await until(partial(has, api, webhook["id"], state="failed", active=False, last_error="status 410"))
    mails = admin.rows(
        "SELECT template, JSON_VALUE(data, '$.url') FROM yp.mail_outbox WHERE recipient = %s", person.email
    )
    assert mails == [("webhook_failed", receiver.url)]
    await api.add(display_name="B")
    await asyncio.sleep(0.3)
    assert len(receiver.received) == 1
    receiver.status = 204
    await api.login()
    assert (await api.patch(f"/webhooks/{webhook['id']}", {"active": True})).data["state"] == "active"
    await until(partial(has, api, webhook["id"], pending=0, failures=0))
    assert [each.body["data"]["contact"]["display_name"] for each in receiver.received] == ["A", "A", "B"]
    await api.http.close()
    await people.close()


async def test_a_receiver_that_fails_for_a_day_is_paused(
    client_of: ClientMaker, receiver: Receiver, admin: Admin
) -> None:
    api = await client_of()
    receiver.status = 500
    webhook = await subscribe(api, receiver.url)
    await api.add(display_name="A")
    await until(partial(has, api, webhook["id"], failures=1))
    admin.rows("UPDATE yp.webhook SET next_try = 0, failing_since = UNIX_TIMESTAMP() - 86400")
    await until(partial(has, api, webhook["id"], failures=2, state="failed"))


class Rebinding(AbstractResolver):
    """A resolver of names that lead to this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.names: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        self.names.append(host)
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=2, proto=6, flags=0)]

    async def close(self) -> None:
        """Hold nothing."""


async def test_a_name_that_resolves_to_loopback_is_not_connected(receiver: Receiver) -> None:
    resolver = Rebinding(receiver.server.port or 0)
    secret = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
    for private, wanted in (("", "the address is not allowed"), ("10.0.0.0/8", "the address is not allowed")):
        sender = Sender(Rules(private), resolver)
        outcome = await sender.send("https://hooks.example/", secret, "msg_1", "{}")
        assert (outcome.status, outcome.error) == (None, wanted)
        await sender.close()
    sender = Sender(Rules("10.0.0.0/8"), resolver)
    assert (await sender.send("http://hooks.example/", secret, "msg_1", "{}")).error == wanted
    await sender.close()
    assert resolver.names == ["hooks.example"] * 3
    assert receiver.received == []
    sender = Sender(Rules("loopback"), resolver)
    assert (await sender.send("http://hooks.example/", secret, "msg_1", "{}")).error == ""
    await sender.close()
    assert len(receiver.received) == 1


class Mixed(Rebinding):
    """A resolver of names that lead to an address of the internet and to another one."""

    def __init__(self, *addresses: str) -> None:
        super().__init__(443)
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        (entry,) = await super().resolve(host, port, family)
        return [ResolveResult({**entry, "host": address}) for address in self.addresses]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%1", "fd00::1"],
)
async def test_a_name_with_one_private_address_is_not_connected_at_all(address: str) -> None:
    sender = Sender(Rules(), Mixed("8.8.8.8", address))
    sent = await sender.send("https://hooks.example/", ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"], "m", "{}")
    await sender.close()
    assert (sent.status, sent.error) == (None, "the address is not allowed")


async def test_names_are_looked_up_in_threads_of_their_own(receiver: Receiver) -> None:
    names = Lookups()
    addresses = await names.resolve("localhost", 80, socket.AF_UNSPEC)
    assert {entry["host"] for entry in addresses} <= {"127.0.0.1", "::1"}
    with pytest.raises(socket.gaierror):
        await names.resolve("no-such-name.invalid", 80)
    await names.close()
    secret = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
    for private, error in (("loopback", ""), ("10.0.0.0/8", "the address is not allowed")):
        sender = Sender(Rules(private))
        sent = await sender.send(receiver.url.replace("127.0.0.1", "localhost"), secret, "m", "{}")
        assert sent.error == error
        await sender.close()
    assert len(receiver.received) == 1


async def test_an_answer_without_end_is_not_read(receiver: Receiver, settings: Settings) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = Sender(Rules("loopback"))
    secret = ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]
    outcome = await sender.send(f"http://127.0.0.1:{port}/", secret, "msg_1", "{}")
    assert (outcome.status, outcome.error) == (200, "")
    await sender.close()
    server.close()


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "127.0.0.1.", "localhost"]
)
async def test_no_other_spelling_of_loopback_is_connected(host: str) -> None:
    connections: list[object] = []
    server = await asyncio.start_server(lambda reader, _: connections.append(reader), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "PORTS", {port})
        sender = Sender(Rules())
        sent = await sender.send(f"https://{host}:{port}/", [SECRET], "m", "{}")
    assert sent.status is None
    assert sent.error in {"the address is not allowed", "the host has no address"}
    await sender.close()
    server.close()
    assert connections == []


@pytest.mark.parametrize("host", ["...", "a..b", "a" * 300 + ".example", "no-such-name.invalid"])
async def test_a_host_that_is_no_name_has_no_address(host: str) -> None:
    sender = Sender(Rules())
    assert (await sender.send(f"https://{host}/", [SECRET], "m", "{}")).error == "the host has no address"
    await sender.close()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the files of a certificate that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC) - timedelta(days=1)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = (folder / "certificate.pem", folder / "key.pem")
    files[0].write_bytes(signed.public_bytes(pem))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return files


async def test_a_receiver_without_a_valid_certificate_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    app = web.Application()
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response()

    app.router.add_post("/", take)
    encrypted, plain = TestServer(app), TestServer(app)
    await encrypted.start_server(ssl=context)
    await plain.start_server()
    urls = {f"https://localhost:{server.port}/" for server in (encrypted, plain)}
    sender = Sender(Rules("loopback"))
    for url in urls:
        sent = await sender.send(url, [SECRET], "m", "{}")
        assert (sent.status, sent.error) == (None, "no valid certificate")
    await sender.close()
    assert bodies == []
    # The same receiver, once its certificate is trusted, under its name and under another one.
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    monkeypatch.setattr(connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    sender = Sender(Rules("loopback"))
    for host, error in (("localhost", ""), ("127.0.0.1", "no valid certificate")):
        assert (await sender.send(f"https://{host}:{encrypted.port}/", [SECRET], "m", "{}")).error == error
    await sender.close()
    assert bodies == [b"{}"]
    await encrypted.close()
    await plain.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "no connection"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz", ""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "redirect 304"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101"),
    ],
)
async def test_odd_answers_have_their_words(answer: bytes, error: str) -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(answer)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(write, "127.0.0.1", 0)
    sender = Sender(Rules("loopback"))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    assert (await sender.send(url, [SECRET], "m", "{}")).error == error
    await sender.close()
    server.close()


async def test_the_former_secret_signs_as_well_after_a_rotation(
    client_of: ClientMaker, receiver: Receiver
) -> None:
    api = await client_of()
    webhook = await subscribe(api, receiver.url)
    await api.login()
    secret = (await api.post(f"/webhooks/{webhook['id']}/secret")).data["secret"]
    await api.add(display_name="A")
    await until(lambda: receiver.received)
    for each in (secret, webhook["secret"]):
        assert receiver.received[0].verified(each)["type"] == "contact.created"


async def test_a_delivery_is_repeated_under_the_same_id(client_of: ClientMaker, receiver: Receiver) -> None:
    api = await client_of()
    webhook = await subscribe(api, receiver.url)
    await api.post(f"/webhooks/{webhook['id']}/test")
    await until(partial(has, api, webhook["id"], pending=0))
    (delivery,) = (await api.get(f"/webhooks/{webhook['id']}/deliveries")).data
    answer = await api.post(f"/webhooks/{webhook['id']}/deliveries/{delivery['id']}/repeat")
    assert (answer.status, answer.data["state"]) == (202, "pending")
    await until(lambda: len(receiver.received) == 2)
    first, second = receiver.received
    assert (first.event_id, first.raw) == (second.event_id, second.raw)
    assert first.body["type"] == "webhook.test"


async def test_two_processes_send_each_event_once_and_in_order(
    make_node: NodeMaker, client_of: ClientMaker, receiver: Receiver
) -> None:
    nodes = [(await make_node(webhook_private="loopback")).make_url("/") for _ in range(2)]
    api = await client_of()
    webhook = await subscribe(api, receiver.url)
    for number in range(40):
        api.base = nodes[number % 2]
        await api.add(display_name=f"P{number}")
    await until(partial(has, api, webhook["id"], pending=0))
    names = [each.body["data"]["contact"]["display_name"] for each in receiver.received]
    assert names == [f"P{number}" for number in range(40)]


async def test_a_process_that_is_killed_after_the_commit_loses_nothing(
    settings: Settings,
    registry: Registry,
    password_hash: str,
    tmp_path: Path,
    receiver: Receiver,
    make_node: NodeMaker,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DRUMEE_WEBHOOK_PRIVATE", "loopback")
    receiver.hang.clear()

    async def change_and_die() -> None:
        async with serving(settings, tmp_path, workers=1) as (url, pid):
            people = People(url, registry, password_hash)
            person = await people.registered("Ada")
            api = Client(person, make_key(registry, person))
            await subscribe(api, receiver.url)
            for name in ("A", "B"):
                await api.add(display_name=name)
            await until(lambda: receiver.received)
            for each in (*_children(pid), pid):
                # the manager may end by itself without its worker
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            await api.http.close()
            await people.close()

    with pytest.raises(AssertionError):  # the process ends by a signal
        await change_and_die()
    assert admin.rows("SELECT state, attempts FROM yp.webhook_delivery") == [("pending", 0)] * 2
    admin.rows("UPDATE yp.webhook SET leased_until = UNIX_TIMESTAMP()")  # instead of waiting for it
    (half_sent,) = receiver.received
    receiver.hang.set()
    await make_node(webhook_private="loopback")
    await until(lambda: len(receiver.received) == 3)
    assert [each.event_id for each in receiver.received[:2]] == [half_sent.event_id] * 2
    names = [each.body["data"]["contact"]["display_name"] for each in receiver.received]
    assert names == ["A", "A", "B"]


def _children(pid: int) -> list[int]:
    """Return the worker processes of a manager."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


async def test_a_change_that_is_rolled_back_sends_nothing(
    client_of: ClientMaker, receiver: Receiver, settings: Settings
) -> None:
    api = await client_of()
    webhook = await subscribe(api, receiver.url)
    db = Database(settings)
    await db.load_routines()

    async def unit(tx: Transaction) -> None:
        fields = {"firstname": "A", "email": [{"email": "a@x.example", "is_default": 1}]}
        await tx.call(api.person.shard, "my_contact_add", api.person.uid, encode(fields))
        raise Unforeseen

    with pytest.raises(Unforeseen):
        await db.transaction("test", unit)
    await db.close()
    await api.post(f"/webhooks/{webhook['id']}/test")
    await until(lambda: receiver.received)
    assert receiver.types == ["webhook.test"]
    deliveries = (await api.get(f"/webhooks/{webhook['id']}/deliveries")).data
    assert [each["type"] for each in deliveries] == ["webhook.test"]


async def test_the_webhooks_of_a_frozen_person_end(
    client_of: ClientMaker, receiver: Receiver, admin: Admin, settings: Settings
) -> None:
    api = await client_of()
    receiver.status = 500
    await subscribe(api, receiver.url)
    await api.add(display_name="A")
    admin.rows("UPDATE yp.entity SET status = 'frozen' WHERE id = %s", api.person.uid)
    db = Database(settings)
    await db.load_routines()
    await db.call("yp", "webhook_expire", 100)
    await db.call("yp", "webhook_expire", 100)
    await db.close()
    count = "SELECT (SELECT COUNT(*) FROM yp.webhook) + (SELECT COUNT(*) FROM yp.webhook_delivery)"
    assert admin.one(count) == 0


async def test_an_error_of_ours_ends_the_turn_and_the_event_comes_after_the_lease(
    client_of: ClientMaker, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "LEASE_SECONDS", 1)
    real = Database.call
    calls: list[str] = []

    async def lossy(self: Database, db: str, name: str, *args: Any) -> Any:
        if name == "webhook_sent" and not calls:
            calls.append(name)
            raise RuntimeError("the connection broke after the answer")
        return await real(self, db, name, *args)

    monkeypatch.setattr(Database, "call", lossy)
    api = await client_of()
    await subscribe(api, receiver.url)
    await api.add(display_name="A")
    await until(lambda: len(receiver.received) == 2)
    first, second = receiver.received
    assert (first.event_id, first.raw) == (second.event_id, second.raw), "at least once"
