"""Guessing passwords, and using up the limits against it to shut out somebody else."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from service.auth import devices
from tests.attack.sign_ins import BLOCKED, OPEN, SIGN_INS, WRONG, Outcome, Stranger
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person

LIMITS = {"login_attempts": 3, "login_attempts_address": 9, "login_attempts_account": 9, "trust_proxy": True}
NAMES = list(SIGN_INS)
OFFICE, HOME, ELSEWHERE = 0xF1, 0xF2, 0xF3


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def stranger(make_node: NodeMaker, http: aiohttp.ClientSession) -> Stranger:
    return Stranger((await make_node(**LIMITS)).make_url("/"), http)


@pytest.fixture
async def alice(people: People) -> Person:
    return await people.registered("Alice")


@dataclass(frozen=True)
class Sites:
    """Addresses of this test's own: all tests count in one Redis."""

    mark: str = field(default_factory=lambda: f"{secrets.randbits(16):x}:{secrets.randbits(16):x}")

    def __getitem__(self, number: int) -> str:
        """Return an address of another site for each number."""
        return f"2001:{self.mark}:{number:x}::1"


@pytest.fixture
def sites() -> Sites:
    return Sites()


def test_the_sign_ins_are_known() -> None:
    """The others of this file attack what the declarations say; this one says that they say something."""
    assert set(NAMES) >= {"yp.login", "auth.login", "authentication/login"}


@pytest.mark.parametrize("service", NAMES)
async def test_guessing_shuts_out_the_address_it_comes_from_and_nobody_else(
    stranger: Stranger, alice: Person, sites: Sites, service: str
) -> None:
    known = (await stranger.sign_in(service, alice.email, address=sites[OFFICE])).cookie
    for _ in range(3):
        assert (await stranger.sign_in(service, alice.email, "guess", address=sites[OFFICE])).outcome == WRONG
    refused = await stranger.sign_in(service, alice.email, address=sites[OFFICE])
    assert refused.outcome == BLOCKED
    assert refused.wait <= 900
    for way in NAMES:
        assert (await stranger.sign_in(way, alice.email, address=sites[HOME])).outcome == OPEN
        assert (await stranger.sign_in(way, alice.email, address=sites[OFFICE], cookie=known)).outcome == OPEN
        assert (await stranger.sign_in(way, alice.email, address=sites[OFFICE])).outcome == BLOCKED


async def test_the_sign_ins_count_together(stranger: Stranger, alice: Person, sites: Sites) -> None:
    for number in range(3):
        guess = await stranger.sign_in(
            NAMES[number % len(NAMES)], alice.email, "guess", address=sites[OFFICE]
        )
        assert guess.outcome == WRONG
    assert {
        (await stranger.sign_in(service, alice.email, address=sites[OFFICE])).outcome for service in NAMES
    } == {BLOCKED}


@pytest.mark.parametrize("service", NAMES)
async def test_an_account_under_attack_from_everywhere_opens_to_its_owner(
    stranger: Stranger, alice: Person, sites: Sites, service: str
) -> None:
    for number in range(30):
        guess = await stranger.sign_in(service, alice.email, "guess", address=sites[number])
        assert guess.outcome == WRONG
    # Even a mistake costs the owner no more than a minute.
    mistake = await stranger.sign_in(service, alice.email, "mistake", address=sites[HOME])
    again = await stranger.sign_in(service, alice.email, address=sites[HOME])
    elsewhere = await stranger.sign_in(service, alice.email, address=sites[ELSEWHERE])
    assert (mistake.outcome, again.outcome, elsewhere.outcome) == (WRONG, BLOCKED, OPEN)
    assert again.wait <= 60


@pytest.mark.parametrize("service", NAMES)
async def test_an_office_where_somebody_guesses_slows_down_and_known_browsers_do_not(
    stranger: Stranger, alice: Person, sites: Sites, service: str
) -> None:
    known = (await stranger.sign_in(service, alice.email, address=sites[HOME])).cookie
    for number in range(9):
        await stranger.sign_in(service, f"who{number}@example.org", "guess", address=sites[OFFICE])
    newcomer = await stranger.sign_in(service, alice.email, address=sites[OFFICE])
    assert newcomer.outcome == BLOCKED
    assert newcomer.wait <= 60
    assert (await stranger.sign_in(service, alice.email, address=sites[OFFICE], cookie=known)).outcome == OPEN


async def test_one_network_counts_as_one_caller(stranger: Stranger, alice: Person, sites: Sites) -> None:
    ipv4 = ".".join(["10", *(str(secrets.randbelow(256)) for _ in range(3))])
    mapped, network = [ipv4, f"::ffff:{ipv4}"], [f"{sites[OFFICE]}{n:03x}" for n in range(8)]
    for spelled in (mapped, network):
        outcomes = [
            (
                await stranger.sign_in("yp.login", alice.email, "guess", address=spelled[n % len(spelled)])
            ).outcome
            for n in range(8)
        ]
        assert outcomes == [WRONG] * 3 + [BLOCKED] * 5


@pytest.mark.parametrize("service", NAMES)
async def test_refusals_do_not_tell_which_accounts_exist(
    stranger: Stranger, alice: Person, sites: Sites, service: str
) -> None:
    """Name by name the same answers, for the names of an account and for names of none."""

    async def ask(names: list[str], address: str) -> list[Outcome]:
        return [await stranger.sign_in(service, name, "guess", address=address) for name in names]

    def outcomes(replies: list[Outcome]) -> list[object]:
        return [reply.outcome for reply in replies]

    email, user_name = alice.email, alice.email.partition("@")[0]
    other_email, other_name = "no.alice@example.org", "no.alice"
    tries = [email] * 4 + [user_name] * 2 + [email.upper(), f" {email} "]
    others = [{email: other_email, user_name: other_name}.get(name, "") for name in tries[:6]]
    others += [other_email.upper(), f" {other_email} "]
    assert outcomes(await ask(tries, sites[OFFICE])) == outcomes(await ask(others, sites[HOME]))


async def test_other_spellings_of_a_name_open_no_new_window(
    stranger: Stranger, alice: Person, sites: Sites
) -> None:
    email = alice.email
    spellings = [email, email.upper(), f" {email}", f"{email}  ", email.title(), email.replace("i", "\u0130")]
    outcomes = [
        (await stranger.sign_in("yp.login", name, "guess", address=sites[OFFICE])).outcome
        for name in spellings
    ]
    assert outcomes[3:5] == [BLOCKED] * 2
    # Where the registry takes another letter for this one, both are one name.
    opens = await stranger.sign_in("yp.login", spellings[5], address=sites[HOME])
    assert opens.outcome == WRONG or outcomes[5] == BLOCKED


async def test_forty_guesses_at_once_over_two_processes_are_forty(
    make_node: NodeMaker, http: aiohttp.ClientSession, alice: Person, sites: Sites
) -> None:
    nodes = [Stranger((await make_node(**LIMITS)).make_url("/"), http) for _ in range(2)]
    attempts = (
        nodes[n % 2].sign_in(NAMES[n % len(NAMES)], alice.email, f"guess {n}", address=sites[OFFICE])
        for n in range(40)
    )
    outcomes = [reply.outcome for reply in await asyncio.gather(*attempts)]
    assert (outcomes.count(WRONG), outcomes.count(BLOCKED)) == (3, 37)


@pytest.mark.parametrize("service", NAMES)
async def test_without_redis_the_limits_hold_and_known_browsers_pass(
    make_node: NodeMaker, http: aiohttp.ClientSession, alice: Person, sites: Sites, service: str
) -> None:
    node = await make_node(**LIMITS, redis="redis://127.0.0.1:1/0")
    stranger = Stranger(node.make_url("/"), http)
    known = (await stranger.sign_in(service, alice.email, address=sites[OFFICE])).cookie
    outcomes = [
        (await stranger.sign_in(service, alice.email, "guess", address=sites[OFFICE])).outcome
        for _ in range(5)
    ]
    assert outcomes == [WRONG] * 3 + [BLOCKED] * 2
    assert (await stranger.sign_in(service, alice.email, cookie=known, address=sites[OFFICE])).outcome == OPEN
    assert (await stranger.sign_in(service, alice.email, address=sites[HOME])).outcome == OPEN


async def test_a_cookie_of_another_kind_exempts_nobody(
    stranger: Stranger, alice: Person, sites: Sites, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    mallory = await people.registered("Mallory")
    of_mallory = (await stranger.sign_in("yp.login", mallory.email, address=sites[HOME])).cookie
    with monkeypatch.context() as past:
        past.setattr(devices, "COOKIE_SECONDS", -1)
        expired = (await stranger.sign_in("yp.login", alice.email, address=sites[HOME])).cookie
    good = (await stranger.sign_in("yp.login", alice.email, address=sites[HOME])).cookie
    device, expiry, signature = good.split(".")
    forged = [
        of_mallory, expired, "", "~", "." * 3, "\u00e9", f"{device}.{expiry}.{'0' * 64}",
        f"{device}.{int(expiry) + 1}.{signature}", f"{'0' * 16}.{expiry}.{signature}",
        "~".join(["0" * 16 + f".{expiry}.{signature}"] * 500),
    ]  # fmt: skip
    for _ in range(3):
        await stranger.sign_in("yp.login", alice.email, "guess", address=sites[OFFICE])
    for cookie in forged:
        quoted = cookie.encode().decode("latin-1")
        assert (
            await stranger.sign_in("yp.login", alice.email, cookie=quoted, address=sites[OFFICE])
        ).outcome == BLOCKED, cookie
    assert (
        await stranger.sign_in("yp.login", alice.email, cookie=good, address=sites[OFFICE])
    ).outcome == OPEN


async def test_a_browser_of_several_people_is_known_at_each_of_their_accounts(
    stranger: Stranger, people: People, sites: Sites
) -> None:
    persons = [await people.registered(f"Person{n}") for n in range(3)]
    cookie = ""
    for person in [*persons, *persons]:
        cookie = (await stranger.sign_in("yp.login", person.email, address=sites[HOME], cookie=cookie)).cookie
    assert cookie.count("~") == 2, "each account once"
    for person in persons:
        for _ in range(3):
            await stranger.sign_in("yp.login", person.email, "guess", address=sites[OFFICE])
        assert (await stranger.sign_in("yp.login", person.email, address=sites[OFFICE])).outcome == BLOCKED
        assert (
            await stranger.sign_in("yp.login", person.email, address=sites[OFFICE], cookie=cookie)
        ).outcome == OPEN


async def test_the_cookie_is_for_this_host_and_not_for_scripts(
    make_node: NodeMaker, http: aiohttp.ClientSession, alice: Person, sites: Sites
) -> None:
    node = await make_node(public_url="https://app.example.org/", cookie_domain="example.org")
    url = node.make_url("/-/svc/yp.login")
    body = {"vars": {"ident": alice.email, "password": "correct horse battery"}}
    async with http.post(url, json=body) as response:
        cookies = [c for c in response.headers.getall("Set-Cookie") if c.startswith("known_device=")]
    assert len(cookies) == 1
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/", f"Max-Age={365 * 86_400}"):
        assert part in cookies[0]
    assert "Domain" not in cookies[0]
    assert alice.uid not in cookies[0]
    assert int(cookies[0].split(".")[1]) > time.time()
