"""Signals that ask a process to end are handled like Ctrl-C, and only where nothing else handles them."""

from __future__ import annotations

import signal
import threading

import pytest

from inventpay._concurrency.termination import ended_by_signals


def test_an_ignored_signal_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as SIGHUP after nohup; and afterwards each signal has the handler that it had."""
    set_to: list[tuple[int, object]] = []
    ignored = {signal.SIGTERM: signal.SIG_DFL, getattr(signal, "SIGHUP", 1): signal.SIG_IGN}
    monkeypatch.setattr(signal, "getsignal", ignored.get)
    monkeypatch.setattr(signal, "signal", lambda number, handler: set_to.append((number, handler)))
    with ended_by_signals():
        assert [number for number, _ in set_to] == [signal.SIGTERM]
    assert set_to[1:] == [(signal.SIGTERM, signal.SIG_DFL)]


def test_other_threads_leave_signals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python permits handlers in the main thread only."""
    monkeypatch.setattr(signal, "signal", None)

    def run() -> None:
        with ended_by_signals():
            entered.append(True)

    entered: list[bool] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert entered


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_does_what_ctrl_c_does(name: str) -> None:
    """The handler of SIGINT decides; where SIGINT is ignored, as in the background of a shell, the block ends."""
    taken: list[int] = []
    former = signal.signal(signal.SIGINT, lambda number, frame: taken.append(number))
    try:
        with ended_by_signals():
            signal.raise_signal(getattr(signal, name))
        assert taken == [signal.SIGINT]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with pytest.raises(KeyboardInterrupt), ended_by_signals():
            signal.raise_signal(getattr(signal, name))
    finally:
        signal.signal(signal.SIGINT, former)
    assert signal.getsignal(getattr(signal, name)) is signal.SIG_DFL
