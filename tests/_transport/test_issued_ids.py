"""No id is given to two creations."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._transport.issued_ids import ACCOUNTS, IssuedIds, Owner
from tests.support.systems import needs_fork

ACCOUNT = ("https://api.example", "account")

keys = st.sampled_from([None, "k1", "k2", "k3"])
order_ids = st.sampled_from([None, "o1", "o2"])


@given(st.lists(st.tuples(st.sampled_from(["i1", "i2"]), keys, order_ids), max_size=20))
def test_an_id_has_one_owner(claims: list[tuple[str, str | None, str | None]]) -> None:
    """A claim succeeds for the first who makes it, and later for the same operation or the same order only."""
    ids = IssuedIds()
    owners: dict[str, Owner] = {}
    for name, key, order in claims:
        owner = Owner(key, order)
        known = owners.get(name)
        allowed = known is None or (key is not None and key == known[0]) or (order is not None and order == known[1])
        assert ids.claim(ACCOUNT, "paymentId", name, owner) == (None if allowed else known)
        if allowed:
            owners[name] = owner


def test_accounts_and_kinds_are_kept_apart() -> None:
    """One text may be the id of a withdrawal, or of another account's payment."""
    ids = IssuedIds()
    for account, kind in ((ACCOUNT, "paymentId"), (ACCOUNT, "withdrawalId"), (("u", "other"), "paymentId")):
        assert ids.claim(account, kind, "1", Owner("k" + kind + account[1], None)) is None


def test_the_memory_is_bounded() -> None:
    """The oldest ids of an account are forgotten, and so are accounts that were not used for long."""
    ids = IssuedIds(capacity=3)
    for number in range(5):
        assert ids.claim(ACCOUNT, "paymentId", str(number), Owner(f"k{number}", None)) is None
    assert ids.claim(ACCOUNT, "paymentId", "0", Owner("new", None)) is None
    assert ids.claim(ACCOUNT, "paymentId", "4", Owner("new", None)) is not None
    for number in range(ACCOUNTS):
        ids.claim(("url", str(number)), "paymentId", "x", Owner("k", None))
    assert ids.claim(ACCOUNT, "paymentId", "4", Owner("new", None)) is None


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@needs_fork
def test_a_forked_child_knows_the_ids_of_its_parent() -> None:
    """A child neither waits for a lock of the parent nor forgets what that was given."""
    ids = IssuedIds()
    ids.claim(ACCOUNT, "paymentId", "1", Owner("k1", None))
    with ids._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if ids.claim(ACCOUNT, "paymentId", "1", Owner("k2", None)) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
