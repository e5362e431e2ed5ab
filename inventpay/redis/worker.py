"""Who talks to Redis: two threads that live only while calls wait for tokens, or end.

The scheduler gives tokens out when they are due, and decides when to ask; the messenger carries one question at a time.
Callers wait for neither socket nor thread, so a server that hangs, or a name that does not resolve, keeps nobody.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Final, Literal

from attrs import define

from .._concurrency.forking import Lock
from .._core.logger import logger
from .._limits.class_limiter import GateLock
from ..errors import InventPayError, LimiterUnavailableError
from .address import Address
from .class_limiter import SharedGate
from .errors import refusal, said
from .exchange import SCRIPT, SCRIPT_SHA, Question, Reply, decode

OnOutage = Literal["share", "error"]
"""What happens while Redis cannot be asked; see :class:`RedisLimiter`."""

RETRY: Final = 0.2
"""Seconds between two attempts to reach a Redis that is away: soon enough for those who were sending to be back before
anybody new has asked for much."""

_NEWS_KEPT: Final = 3.0
"""Seconds for which the threads wait for a Redis that is away only to tell it something."""

_IDLE: Final = 0.05
"""Seconds for which the threads outlive the last call; at its end Python waits for them."""

_SLACK: Final = 0.1
"""Seconds by which a step may exceed its timeout before it counts as hanging: redis-py notices most by itself."""


@define(eq=False)
class _Errand:
    """Questions that are carried one after the other."""

    questions: list[tuple[SharedGate, Question]]
    since: float
    """When the present one set out."""
    is_given_up: bool = False
    is_new: bool = True


class Courier:
    """Serves the gates of one limiter in one process."""

    def __init__(self, address: Address, *, timeout: float, on_outage: OnOutage, processes: int | None) -> None:
        self._address = address
        self._timeout = timeout
        self._on_outage: OnOutage = on_outage
        self._processes = processes
        self._begin()

    def _begin(self) -> None:
        # Reentrant: the garbage collector may end a forgotten lease wherever memory is asked for, and so while this
        # very thread holds the lock.
        lock = threading.RLock()
        self.lock: GateLock = lock
        self._changed = threading.Condition(lock)
        self._active: dict[SharedGate, float] = {}
        self._scheduler: threading.Thread | None = None
        self._messenger: threading.Thread | None = None
        self._wakes_at = math.inf
        self._errand: _Errand | None = None
        self._client: Any = None
        # Not the lock of the arithmetic: the client of a cluster asks the server when it is made.
        self._connecting = threading.Lock()
        self._was_reached = False
        self._is_closing = False
        self._trouble: str | None = None
        self._retry_at = -math.inf

    def __repr__(self) -> str:
        return f"<Courier to {self._address.label}: {self._trouble or 'well'}>"

    @property
    def timeout(self) -> float:
        """Seconds a question takes at most."""
        return self._timeout

    @property
    def is_away(self) -> bool:
        """Whether Redis could not be reached the last time."""
        return self._trouble is not None

    def notify(self, gate: SharedGate) -> None:
        """Something changed at a gate. Call with the lock held."""
        now = time.monotonic()
        self._active[gate] = now
        if self._scheduler is None:
            self._scheduler = threading.Thread(target=self._schedule, name="inventpay-redis-scheduler")
            try:
                self._scheduler.start()
            except RuntimeError:
                self._scheduler = None  # the interpreter is ending, or there are too many threads
                raise
        elif self.is_away or gate.next_event(now, can_ask=self._can_ask(now)) < self._wakes_at:
            self._changed.notify_all()

    # --- the scheduler ---

    def _schedule(self) -> None:
        with self._changed:
            try:
                while self._work():
                    pass
            except BaseException as error:
                for gate in self._active:
                    gate.fail(LimiterUnavailableError(f"the shared limiter failed: {type(error).__name__}"))
                raise
            finally:
                self._scheduler = None
                self._changed.notify_all()

    def _work(self) -> bool:
        now = time.monotonic()
        event = self._step(now)
        if not self._active and self._errand is None:
            self._wakes_at = math.inf
            self._changed.wait(_IDLE)
            return bool(self._active)
        self._wakes_at = event
        if event > now:
            self._changed.wait(None if event == math.inf else event - now)
        self._wakes_at = -math.inf
        return True

    def _step(self, now: float) -> float:
        """Does what is due; says when the next is."""
        errand = self._errand
        if errand is not None and not errand.is_given_up and now > errand.since + self._timeout + _SLACK:
            errand.is_given_up = True
            self._lose(f"no answer within {self._timeout:g} s", errand, now)
        for gate in list(self._active):
            if self.is_away:
                self._serve_without(gate, now)
            gate.distribute(now)
        if self._can_ask(now):
            asking = [gate for gate in self._active if gate.next_question(now) <= now]
            if asking:
                self._send(_Errand([(gate, gate.ask(now)) for gate in asking], now))
        for gate in [gate for gate in self._active if self._is_done(gate, now)]:
            del self._active[gate]
        moments = [gate.next_event(now, can_ask=self._can_ask(now)) for gate in self._active]
        if self._errand is not None:
            if not self._errand.is_given_up:
                moments.append(self._errand.since + self._timeout + _SLACK + 0.001)
        elif self._active and self.is_away:
            moments.append(self._retry_at)
        return min(moments, default=math.inf)

    def _is_done(self, gate: SharedGate, now: float) -> bool:
        if gate.waiting or gate.is_asking or (gate.is_watched and not self.is_away):
            return False
        if not gate.has_news:
            return True
        # What cannot be told now is told by the next call; nobody waits for an outage to end.
        is_late = now > self._active[gate] + _NEWS_KEPT or self._is_closing or not threading.main_thread().is_alive()
        return self.is_away and is_late

    def _can_ask(self, now: float) -> bool:
        return self._errand is None and (not self.is_away or now >= self._retry_at)

    def _serve_without(self, gate: SharedGate, now: float) -> None:
        if self._on_outage == "share":
            if not gate.is_on_its_own:
                gate.go_alone(now, self._processes)
        elif not self._can_ask(now) and not gate.is_asking:
            gate.fail(self._unavailable())

    def _unavailable(self) -> InventPayError:
        return LimiterUnavailableError(
            f"{self._address.label} cannot be asked for a token: {self._trouble}; nothing was sent"
        )

    # --- the messenger ---

    def _send(self, errand: _Errand) -> None:
        self._errand = errand
        if self._messenger is None:
            # A daemon: Python does not wait for a name that does not resolve. For the news the scheduler waits.
            self._messenger = threading.Thread(target=self._carry, name="inventpay-redis-messenger", daemon=True)
            self._messenger.start()
        else:
            self._changed.notify_all()

    def _carry(self) -> None:
        while True:
            with self._changed:
                while self._errand is None or not self._errand.is_new:
                    if self._scheduler is None:
                        self._messenger = None
                        self._changed.notify_all()
                        return
                    self._changed.wait()
                errand = self._errand
                errand.is_new = False
            self._run(errand)
            with self._changed:
                self._errand = None
                self._changed.notify_all()

    def _run(self, errand: _Errand) -> None:
        while errand.questions and not errand.is_given_up:
            gate, question = errand.questions[0]
            errand.since = time.monotonic()
            try:
                reply = self._exchange(gate.key, question)
            except Exception as error:
                with self._changed:
                    if not errand.is_given_up:
                        self._lose(said(error), errand, time.monotonic(), error)
                return
            with self._changed:
                now = time.monotonic()
                if errand.is_given_up:
                    self._retry_at = now  # slow, but it lives
                    return
                del errand.questions[0]
                self._find(now)
                gate.told(question, reply, now)

    def _exchange(self, key: str, question: Question) -> Reply:
        from redis.exceptions import NoScriptError

        client = self.client()
        argument = question.encode(time.monotonic())
        try:
            return decode(client.evalsha(SCRIPT_SHA, 1, key, argument))
        except NoScriptError:
            # New there, restarted, or its scripts were flushed.
            return decode(client.eval(SCRIPT, 1, key, argument))

    def _lose(self, trouble: str, errand: _Errand, now: float, error: Exception | None = None) -> None:
        """Redis could not be asked."""
        wrong = None if self._was_reached else refusal(error, self._address.label)
        if self._trouble is None and wrong is None:
            logger.warning(
                "%s cannot be asked for tokens (%s); %s",
                self._address.label,
                trouble,
                "every process goes on with its share of the limits"
                if self._on_outage == "share"
                else "calls fail until it can",
            )
        self._trouble = trouble
        self._retry_at = now + RETRY
        for gate, question in errand.questions:
            gate.failed(question, now)
        errand.questions.clear()
        for gate in self._active:
            if wrong is not None:
                gate.fail(wrong)
            else:
                self._serve_without(gate, now)
                gate.distribute(now)

    def _find(self, now: float) -> None:
        """Redis answered."""
        self._was_reached = True
        if self._trouble is not None:
            self._trouble = None
            logger.warning("%s answers again; after one window its limits are shared again", self._address.label)

    # --- the rest ---

    def flush(self) -> None:
        """Waits until what there is to tell was told, or could not be, and the threads have ended."""
        deadline = time.monotonic() + 2 * self._timeout
        with self._changed:
            while (self._scheduler or self._messenger) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)

    def client(self) -> Any:
        """The client, which any thread may use."""
        with self._connecting:
            if self._client is None:
                self._client = self._address.connect(self._timeout)
            return self._client

    def close(self) -> None:
        """Ends the connection, when nothing is under way."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self.flush()
        with self._changed:
            self._is_closing = False
            client, self._client = self._client, None
        if client is not None and self._address.is_ours:
            client.close()

    def fork_lock(self) -> Lock:
        """What a fork waits for."""
        return self.lock

    def forget_parent(self) -> None:
        """In a forked child: the threads are not here, and the sockets are the parent's."""
        _parked.append(self._client)
        self._begin()


_parked: Final[list[object]] = []
"""Clients of a parent process: closing them here would end its connections."""
