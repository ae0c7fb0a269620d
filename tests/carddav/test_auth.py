"""Sign in with an app password: what opens the tree, what does not, and when that ends."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.dav import DavClient, DavMaker
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD
from tests.support.rest import make_key


async def status_of(client: DavClient, path: str = "/dav/", **headers: str) -> int:
    return (await client.propfind(path, "D:resourcetype", **headers)).status


async def test_an_app_password_of_the_user_opens_the_tree(dav_of: DavMaker) -> None:
    alice = await dav_of()
    assert await status_of(alice) == 207
    assert await status_of(await dav_of(person=alice.person, password=f" {alice.password}\n")) == 207
    bob = await dav_of("Bob", password=alice.password)
    assert await status_of(bob) == 401, "the app password of somebody else"


async def test_nothing_else_opens_it(dav_of: DavMaker, registry: Registry) -> None:
    alice = await dav_of()
    keys = [make_key(registry, alice.person, scope) for scope in ("agent", "system", "sync")]
    for wrong in (*keys, "", PASSWORD, "clk_" + "0" * 32, alice.password[:-1], "é\N{NO-BREAK SPACE}", ":"):
        answer = await (await dav_of(person=alice.person, password=wrong)).propfind("/dav/", "D:displayname")
        assert answer.status == 401, wrong
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Contacts", charset="UTF-8"'


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ", "Basic !", "Basic YQ==", "Basic /w==", "Bearer clk_0", "Negotiate x", "Basic Og=="],
)
async def test_a_header_without_user_and_password_is_401(dav_of: DavMaker, header: str) -> None:
    nobody = await dav_of(password="")
    assert await status_of(nobody, Authorization=header) == 401


async def test_the_scheme_may_be_written_in_any_case(dav_of: DavMaker) -> None:
    alice = await dav_of()
    nobody = await dav_of(person=alice.person, password="")
    pair = b64encode(f"{alice.person.email.upper()}:{alice.password}".encode()).decode()
    assert await status_of(nobody, Authorization=f"bAsIc  {pair}") == 207


async def test_every_path_and_method_needs_an_app_password(dav_of: DavMaker) -> None:
    alice = await dav_of(password="")
    methods = [
        "PROPFIND",
        "PROPPATCH",
        "REPORT",
        "GET",
        "HEAD",
        "PUT",
        "DELETE",
        "MKCOL",
        "POST",
        "MOVE",
        "COPY",
        "LOCK",
        "ACL",
    ]
    paths = (
        "/dav",
        "/dav/",
        alice.principal,
        alice.home,
        alice.book,
        f"{alice.book}x.vcf",
        "/dav/x",
        "/dav/a/x/",
    )
    for path in paths:
        for method in methods:
            assert (await alice.send(method, path, "<x/>")).status == 401, (method, path)


async def test_a_revoked_app_password_and_a_frozen_account_end_at_the_next_request(
    dav_of: DavMaker, admin: Admin
) -> None:
    alice = await dav_of()
    other = await dav_of(person=alice.person)
    assert (await status_of(alice), await status_of(other)) == (207, 207)
    admin.rows("DELETE FROM yp.api_key WHERE hash = SHA2(%s, 256)", alice.password)
    assert (await status_of(alice), await status_of(other)) == (401, 207)
    admin.rows("UPDATE yp.entity SET status = 'frozen' WHERE id = %s", alice.person.uid)
    assert await status_of(other) == 401
    admin.rows("UPDATE yp.entity SET status = 'active' WHERE id = %s", alice.person.uid)
    assert await status_of(other) == 207


async def test_a_right_app_password_is_never_refused_for_wrong_ones(
    dav_of: DavMaker, make_node: NodeMaker
) -> None:
    node = await make_node(login_attempts=3, login_attempts_address=5)
    alice = await dav_of(base=node.make_url("/"))
    wrong = await dav_of(person=alice.person, password="clk_" + "0" * 32, base=alice.base)
    answers = [await wrong.propfind("/dav/", "D:displayname") for _ in range(8)]
    assert {answer.status for answer in answers} == {401, 429}
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert await asyncio.gather(*(status_of(alice) for _ in range(5))) == [207] * 5
