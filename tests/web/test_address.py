"""The address of a caller, and the key under which limits count it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from service import PACKAGE
from service.web.address import address_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("203.0.113.77", "::ffff:203.0.113.77"),
        ("203.0.113.77", "::ffff:cb00:714d"),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:2"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("2002:cb00:714d::1", "2002:cb00:714d:ffff::1"),
        ("", "no address"),
    ],
)
def test_addresses_that_one_caller_may_choose_are_one_key(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("203.0.113.77", "203.0.113.78"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("::ffff:203.0.113.77", "::ffff:203.0.113.78"),
        ("", "203.0.113.77"),
    ],
)
def test_addresses_of_different_callers_are_different_keys(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


def test_only_one_module_reads_the_address_of_a_connection() -> None:
    """Everything else gets it from there, so no limit can count in another way."""
    readers = {
        str(path.relative_to(PACKAGE))
        for path in Path(PACKAGE).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"remote", "peername"})
        or (isinstance(node, ast.Constant) and node.value == "X-Forwarded-For")
    }
    # Pages for the operator are no limit: they ask whether the connection comes from this machine.
    assert readers - {"web/local.py"} == {"web/address.py"}
