"""In a storm of faults no claim is false: nothing is paid twice, and no result belongs to another call."""

from __future__ import annotations

import pytest

from tests.soak import chaos


@pytest.mark.parametrize("transport", ["httpx", "aiohttp", "blocking"])
@pytest.mark.parametrize(("honours_keys", "trusts"), [(True, True), (False, False)])
def test_a_storm_of_faults(transport: str, honours_keys: bool, trusts: bool) -> None:
    """200 operations over some 40 kinds of faults, on a ledger that honours keys and on one that ignores them."""
    report = chaos.run(200, transport=transport, honours_keys=honours_keys, trusts=trusts)
    assert report.operations == 200
    assert report.false == []
    assert report.kinds >= 25
    # Some 150 on a quiet machine; timeouts are more on a busy one.
    assert report.ends["ok"] > 100
    assert report.ends["not_sent"] == 0
    if honours_keys:
        assert report.twice == 0
