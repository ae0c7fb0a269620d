"""Places for sockets without a session."""

from __future__ import annotations

from service.live.anonymous import AnonymousPlaces
from service.web.address import AddressKey

HERE, THERE, ELSEWHERE = AddressKey("192.0.2.1"), AddressKey("192.0.2.2"), AddressKey("192.0.2.3")


def test_an_address_has_its_share() -> None:
    places: AnonymousPlaces[int] = AnonymousPlaces(most=10, most_of_address=3)
    assert [places.take(n, HERE) for n in range(4)] == [(True, None)] * 3 + [(False, None)]
    assert places.take(10, THERE) == (True, None)
    places.release(1)
    assert places.take(11, HERE) == (True, None)
    places.release(99)


def test_an_address_that_has_most_gives_places_to_those_with_few() -> None:
    places: AnonymousPlaces[int] = AnonymousPlaces(most=4, most_of_address=4)
    for number in range(4):
        assert places.take(number, HERE)[0]
    assert places.take(4, HERE) == (False, None)
    assert places.take(10, THERE) == (True, 0), "the oldest goes"
    assert places.take(11, THERE) == (True, 1)
    assert places.take(12, THERE) == (False, None), "both have as many"
    assert places.take(20, ELSEWHERE) == (True, 2)
    assert places.take(5, HERE) == (False, None)


def test_nothing_remains_of_places_that_are_free() -> None:
    places: AnonymousPlaces[int] = AnonymousPlaces(most=2, most_of_address=2)
    for number in range(100):
        places.take(number, AddressKey(str(number)))
        places.take(number + 1000, AddressKey(str(number)))
        places.release(number)
        places.release(number + 1000)
    assert not places._by_address
    assert not places._addresses
