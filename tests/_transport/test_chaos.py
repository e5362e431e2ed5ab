"""In a storm of faults no claim is false: nothing is paid twice, and no result belongs to another call."""

from __future__ import annotations

import pytest

from inventpay._api import outcomes
from tests.soak import chaos
from tests.support.redis_servers import redis_server


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
    # Every other unknown end was settled by the advice of the documentation.
    assert report.looked_up == report.ends["unknown"]
    if honours_keys:
        assert report.twice == 0


@pytest.mark.parametrize(("honours_keys", "trusts"), [(True, True), (False, False)])
def test_a_storm_over_processes_that_share_a_redis(honours_keys: bool, trusts: bool) -> None:
    """A queue hands a failed operation to any of four workers, with its key alone: no claim of any of them is false."""
    with redis_server() as server:
        report = chaos.run(200, transport="blocking", honours_keys=honours_keys, trusts=trusts, redis=server.url)
    assert report.false == []
    assert report.ends["ok"] > 100
    assert report.looked_up == report.ends["unknown"]


def test_a_storm_without_a_word_on_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check fails where an error that a person must settle names no evidence."""
    monkeypatch.setattr(outcomes, "evidence_hint", lambda *_: None)
    report = chaos.run(120, transport="blocking", honours_keys=False, trusts=False)
    assert any("does not say where to look" in claim for claim in report.false)
