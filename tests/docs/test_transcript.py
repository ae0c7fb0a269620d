"""The comparison of transcripts finds differences, and only those."""

from __future__ import annotations

import pytest

from tests.docs.transcript import Bindings, Step, steps_of

ID, OTHER = "521f60d199b16945", "61a3c41a5c677a20"


def test_steps_are_commands_with_their_output() -> None:
    text = "$ curl -d '{}' \\\n    http://x\n{}\n\n$ true\n"
    assert steps_of(text) == [Step("curl -d '{}' \\\n    http://x", "{}"), Step("true")]
    assert steps_of('{"service":"x"}\n') == [Step("", '{"service":"x"}')]


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        (f'{{"id":"{ID}"}}', f'{{"id":"{OTHER}"}}\n', True),
        (f'{{"id":"{ID}"}}', '{"id":"short"}', False),
        (f"{ID} {ID}", f"{OTHER} {OTHER}", True),
        (f"{ID} {ID}", f"{OTHER} {ID}", False),
        ('{"a":1,…}', '{"a":1,"b":2}', True),
        ('{"a":1,…}', '{"a":2,"b":2}', False),
        ('{"time": 1795658953}', '{"time": 1795999999}', True),
        ('{"time": 1795658953}', '{"time": 5}', False),
        ("00000000000000a1", "00000000000000b1", False),
        ('ETag: "15"', 'ETag: "7"\r\n', True),
    ],
)
def test_ids_and_times_may_differ(expected: str, actual: str, same: bool) -> None:
    assert Bindings().match(expected, actual) is same


def test_an_id_of_the_page_stands_for_the_real_one_from_then_on() -> None:
    bindings = Bindings()
    assert bindings.match(f"hub Team is {ID}", f"hub Team is {OTHER}")
    assert bindings.fill(f"make link HUB={ID}") == f"make link HUB={OTHER}"
    assert bindings.match(ID, OTHER)
    assert not bindings.match(ID, ID)
