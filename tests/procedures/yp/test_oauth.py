"""procedures/yp/oauth, called directly."""

from __future__ import annotations

import asyncio

from service.errors import Refused
from tests.support.direct import Direct
from tests.support.scene import Scene


def test_a_state_works_once_and_for_who_left_only(scene: Scene) -> None:
    back = "yp.get_redirect_state('state', :{})"
    scene.sets("yp.set_redirect_state('state', :alice, 'verifier')")
    scene.refuses({
        back.format("bob"): "INVALID_STATE",
        "yp.get_redirect_state('other', :alice)": "INVALID_STATE",
    })  # fmt: skip
    assert scene.one(back.format("alice")) == "verifier"
    scene.refuses({back.format("alice"): "INVALID_STATE"})


def test_a_state_ends_after_ten_minutes(scene: Scene) -> None:
    scene.sets("yp.set_redirect_state('state', :alice, 'verifier')")
    seconds = scene.one("SELECT expiry - UNIX_TIMESTAMP() FROM yp.redirect_state WHERE uid = :alice")
    assert 595 <= seconds <= 600
    scene.sets("UPDATE yp.redirect_state SET expiry = UNIX_TIMESTAMP() - 1 WHERE uid = :alice")
    scene.refuses({"yp.get_redirect_state('state', :alice)": "INVALID_STATE"})
    scene.sets("yp.set_redirect_state('next', :alice, 'verifier')")
    assert scene.count("yp.redirect_state", "uid = :alice") == 1, "what has expired is cleared away"


async def test_one_of_two_who_return_at_once_may_pass(direct: Direct) -> None:
    person = direct.person()
    await direct.sets("yp", "set_redirect_state", "twice", person.uid, "v")
    calls = (direct.sets("yp", "get_redirect_state", "twice", person.uid) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "INVALID_STATE" for r in results) == 2, results
