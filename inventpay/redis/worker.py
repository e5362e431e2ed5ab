"""Send requests to Redis, most of them from two threads that run only while calls wait for tokens or end.

The scheduler grants tokens when they are due and decides when to send a request; the sender sends one request at a
time. A caller that waits alone sends its own: a thread waits for the reply at most for the timeout, and an event loop
not at all. Callers never connect, so a name that does not resolve does not block them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

from attrs import define

from .._concurrency.event_loops import current_loop
from .._concurrency.forking import Lock, notice_fork
from .._concurrency.steady_time import monotonic
from .._core.logger import logger
from .._limits.class_limiter import ReentrantLock
from ..errors import InventPayError, LimiterUnavailableError
from .address import Address
from .class_limiter import LINGER
from .errors import refusal, said
from .line import Line, Peer
from .participant import Command, Participant

OnOutage = Literal["share", "error"]
"""The behaviour while Redis is unreachable; see :class:`RedisLimiter`."""

RETRY: Final = 0.2
"""Seconds between attempts to reach Redis in an outage: busy processes return before new ones get many tokens."""

_NEWS_KEPT: Final = 3.0
"""Seconds for which the threads wait in an outage if they have only reports to send."""

_IDLE: Final = 0.05
"""Seconds for which the threads run after the last call; Python waits for them at exit."""

_SLACK: Final = 0.1
"""Seconds by which a step may exceed its timeout before it counts as hanging: redis-py detects most timeouts."""


@define(eq=False)
class CommandBatch:
    """Requests that are sent one after the other."""

    requests: list[tuple[Participant, Command]]
    since: float
    """Time at which the current request was sent."""
    is_given_up: bool = False
    is_new: bool = True
    thread: int | None = None
    """The thread of the caller, if that sends it; ``None`` for the sender."""
    sent_over: Line | None = None
    """The line over which an event loop sent it, so that only the reply must be read."""
    result: bytes | None = None
    """The result that an event loop read."""

    @property
    def is_in_loop(self) -> bool:
        """Whether an event loop waits for the reply."""
        return self.sent_over is not None and self.thread is not None


class RedisWorker:
    """The scheduler and the sender for all classes of one limiter in one process."""

    def __init__(self, address: Address, *, timeout: float, on_outage: OnOutage, processes: int | None) -> None:
        self._address = address
        self._timeout = timeout
        self._on_outage: OnOutage = on_outage
        self._processes = processes
        self._begin()

    def _begin(self) -> None:
        # Reentrant: the garbage collector may end a forgotten lease at any allocation, also while this thread holds
        # the lock.
        lock = threading.RLock()
        self.lock: ReentrantLock = lock
        self._changed = threading.Condition(lock)
        self._has_batch = threading.Condition(lock)
        self._active: dict[Participant, float] = {}
        self._unsent: set[Participant] = set()
        self._scheduler: threading.Thread | None = None
        self._sender: threading.Thread | None = None
        self._wakes_at = math.inf
        self._idle_since = math.inf
        self._batch: CommandBatch | None = None
        self._client: Any = None
        self._line: Line | None = None
        # A separate lock: the client of a cluster sends requests when it is created.
        self._connecting = threading.Lock()
        self._was_reached = False
        self._is_closing = False
        self._trouble: str | None = None
        self._retry_at = -math.inf

    def __repr__(self) -> str:
        return f"<RedisWorker to {self._address.label}: {self._trouble or 'well'}>"

    @property
    def timeout(self) -> float:
        """Longest time of a request in seconds."""
        return self._timeout

    @property
    def is_away(self) -> bool:
        """Whether Redis could not be reached the last time."""
        return self._trouble is not None

    def notify(self, part: Participant) -> None:
        """Schedule a part after a change. Call with the lock held."""
        now = monotonic()
        self._active[part] = now
        if self._scheduler is None:
            self._start_scheduler()
        elif self.is_away or self._next_event(part, now) < self._wakes_at:
            self._changed.notify_all()

    def _start_scheduler(self) -> None:
        self._scheduler = threading.Thread(target=self._schedule, name="inventpay-redis-scheduler")
        try:
            self._scheduler.start()
        except RuntimeError:
            self._scheduler = None  # the interpreter is ending, or there are too many threads
            raise

    def _next_event(self, part: Participant, now: float) -> float:
        batch = self._batch
        deadline = math.inf if batch is None or batch.is_given_up else self._deadline(batch)
        return min(deadline, part.next_event(now, can_ask=self._can_ask(now)))

    def _deadline(self, batch: CommandBatch) -> float:
        # An event loop that is busy, or has ended, must not keep others waiting.
        return batch.since + (LINGER if batch.is_in_loop else self._timeout + _SLACK)

    # --- a caller that waits alone ---

    def serve(self, part: Participant, *, may_block: bool) -> None:
        """Get a token for a caller that joined the queue.

        If no other caller waits and the connection is open, a thread sends the request itself, which saves three
        changes of threads. A task lets its event loop send it and read the reply, without waiting for the socket; where
        the loop cannot, the request goes to the sender at once. Otherwise the scheduler sends one for all that wait.
        """
        if not may_block:
            with self.lock:
                batch = self._lone_batch(part, may_block=may_block)
                if batch is not None:
                    self._send_from_loop(part, batch)
                self.notify(part)
            return
        batch = None
        try:
            with self.lock:
                batch = self._lone_batch(part, may_block=may_block)
                if batch is None:
                    self.notify(part)
                    return
                batch.thread = threading.get_ident()
                batch.is_new = False
                self._batch = batch
            self._run(batch)
        finally:
            with self.lock:
                if batch is not None:
                    self._finish_own(part, batch)

    def _lone_batch(self, part: Participant, *, may_block: bool) -> CommandBatch | None:
        now = monotonic()
        if part.waiting != 1 or self._batch is not None or self.is_away or part.next_request(now) > now:
            return None
        if may_block and (self._line is None or not self._line.is_open()):
            return None  # connecting may take long, so the sender does it
        return CommandBatch([(part, part.ask(now))], now)

    def _finish_own(self, part: Participant, batch: CommandBatch) -> None:
        """Let the threads send requests again after this thread sent one, even if it was interrupted."""
        if self._batch is not batch or batch.thread is None:
            return
        self._batch = None
        now = monotonic()
        for asking, request in batch.requests:
            self._drop_reply(batch)
            asking.failed(request, now)  # interrupted by an exception such as KeyboardInterrupt
        if part.waiting or part.has_news:
            self.notify(part)
        elif not (self.is_away or self._is_closing or part.is_watched) and self._active.keys() <= {part}:
            return  # no step is due
        self._wake_scheduler(now)

    def _wake_scheduler(self, now: float) -> None:
        """Wake the scheduler if the end of a request made a step due earlier than it sleeps."""
        if (
            self.is_away
            or self._is_closing
            or any(self._next_event(each, now) < self._wakes_at for each in self._active)
        ):
            self._changed.notify_all()

    # --- a task that waits alone ---

    def _send_from_loop(self, part: Participant, batch: CommandBatch) -> None:
        """Send a request and let the event loop read the reply, or let the sender do what the loop cannot."""
        line, loop, (_, request) = self._line, current_loop(), batch.requests[0]
        # trio has no callbacks for sockets; connecting may take long.
        if line is None or line.peer is None or not hasattr(loop, "add_reader") or not line.is_open():
            self._send(batch)
            return
        peer, key = line.peer, part.key_of(request)
        batch.thread, batch.is_new, batch.sent_over, self._batch = threading.get_ident(), False, line, batch
        try:
            if line.send_at_once("EVALSHA", request.script.sha, 1, key, request.encode(monotonic())):
                loop.add_reader(peer, self._receive, loop, peer, part, batch)
                return
            batch.sent_over = None
        except (NotImplementedError, OSError):
            pass  # the proactor of Windows has no such callbacks either
        except BaseException:
            self._finish_own(part, batch)
            raise
        self._hand_over(batch)

    def _receive(self, loop: Any, peer: Peer, part: Participant, batch: CommandBatch) -> None:
        """Read the reply: an event loop calls this once its first byte is there."""
        notice_fork()
        with self.lock:
            loop.remove_reader(peer)
            if self._batch is not batch or not batch.is_in_loop:
                return  # the sender reads it, because the loop was late
            try:
                batch.result = peer.result()
                if batch.result is None:
                    self._hand_over(batch)  # an error, a part of a result, or the end of the connection
                else:
                    self._run(batch)
            finally:
                self._finish_own(part, batch)

    def _hand_over(self, batch: CommandBatch) -> None:
        """Let the sender go on with the request of an event loop."""
        batch.thread, batch.is_new = None, True
        self._send(batch)

    def _drop_reply(self, batch: CommandBatch) -> None:
        """Close the line if a reply may arrive that must not be taken for the next one."""
        if batch.sent_over is not None:
            batch.sent_over.close()

    # --- the scheduler ---

    def _schedule(self) -> None:
        with self._changed:
            try:
                while self._work():
                    pass
            except BaseException as error:
                for part in self._active:
                    part.fail(LimiterUnavailableError(f"the shared limiter failed: {type(error).__name__}"))
                raise
            finally:
                self._scheduler = None
                self._changed.notify_all()
                self._has_batch.notify_all()

    def _work(self) -> bool:
        now = monotonic()
        event = self._step(now)
        if self._active or self._batch is not None:
            self._idle_since = math.inf
        elif now >= self._idle_since + _IDLE or self._is_closing:
            return False
        else:
            self._idle_since = min(self._idle_since, now)
        if self._batch is not None or not self._active:
            # Wake before the report of a lease that ends from now on is due: then no caller that waits alone wakes the
            # scheduler, which takes longer than the caller's own steps.
            event = min(event, now + LINGER)
        self._wakes_at = event
        if event > now:
            self._changed.wait(None if event == math.inf else event - now)
        self._wakes_at = -math.inf
        return True

    def _step(self, now: float) -> float:
        """Run the steps that are due; return the time of the next one."""
        batch = self._batch
        if batch is not None and not batch.is_given_up and now > self._deadline(batch):
            if batch.is_in_loop:
                self._hand_over(batch)
            else:
                batch.is_given_up = True
                self._lose(f"no answer within {self._timeout:g} s", batch, now)
        for part in list(self._active):
            if self.is_away:
                self._serve_without(part, now)
            part.distribute(now)
        if self._can_ask(now):
            asking = [part for part in self._active if part.next_request(now) <= now]
            if asking:
                self._send(CommandBatch([(part, part.ask(now)) for part in asking], now))
        for part in [part for part in self._active if self._is_done(part, now)]:
            del self._active[part]
            if part.has_news:
                self._unsent.add(part)
        moments = [part.next_event(now, can_ask=self._can_ask(now)) for part in self._active]
        if self._batch is not None:
            if not self._batch.is_given_up:
                moments.append(self._deadline(self._batch) + 0.001)
        elif self._active and self.is_away:
            moments.append(self._retry_at)
        return min(moments, default=math.inf)

    def _is_done(self, part: Participant, now: float) -> bool:
        if part.waiting or part.is_asking or (part.is_watched and not self.is_away):
            return False
        if not part.has_news:
            return True
        # Reports that cannot be sent now are sent when a later call reaches Redis; the threads do not wait for that.
        is_late = now > self._active[part] + _NEWS_KEPT or self._is_closing or not threading.main_thread().is_alive()
        return self.is_away and is_late

    def _can_ask(self, now: float) -> bool:
        return self._batch is None and (not self.is_away or now >= self._retry_at)

    def _serve_without(self, part: Participant, now: float) -> None:
        if self._on_outage == "share" and part.serve_without(now, self._processes):
            return
        if not self._can_ask(now) and not part.is_asking:
            part.fail(self._unavailable())

    def _unavailable(self) -> InventPayError:
        return LimiterUnavailableError(
            f"{self._address.label} cannot be asked for a token: {self._trouble}; nothing was sent"
        )

    # --- the sender ---

    def _send(self, batch: CommandBatch) -> None:
        self._batch = batch
        if self._sender is None:
            # A daemon thread: Python must not wait for a name that does not resolve. The scheduler waits for reports.
            self._sender = threading.Thread(target=self._carry, name="inventpay-redis-sender", daemon=True)
            try:
                self._sender.start()
            except RuntimeError:
                self._sender = self._batch = None
                self._drop_reply(batch)
                for part, request in batch.requests:
                    part.failed(request, batch.since)
                raise
        else:
            self._has_batch.notify()

    def _carry(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._run(batch)
            with self.lock:
                self._batch = None
                self._wake_scheduler(monotonic())

    def _next_batch(self) -> CommandBatch | None:
        with self._has_batch:
            while self._batch is None or not self._batch.is_new:
                if self._scheduler is None:
                    self._sender = None
                    self._changed.notify_all()
                    return None
                self._has_batch.wait()
            self._batch.is_new = False
            return self._batch

    def _run(self, batch: CommandBatch) -> None:
        while batch.requests and not batch.is_given_up:
            part, request = batch.requests[0]
            batch.since = monotonic()
            try:
                reply = self._exchange(part.key_of(request), request, batch)
            except Exception as error:
                with self._changed:
                    if not batch.is_given_up:
                        self._lose(said(error), batch, monotonic(), error)
                return
            with self._changed:
                now = monotonic()
                if batch.is_given_up:
                    self._retry_at = now  # the server is slow but reachable
                    return
                del batch.requests[0]
                self._find(now)
                part.apply_reply(request, reply, now)

    def _exchange(self, key: str, request: Command, batch: CommandBatch) -> Any:
        if batch.result is not None:
            return request.decode(batch.result)
        # A calling thread has just checked that the line is open.
        line = batch.sent_over or (None if batch.thread is None else self._line)
        call = self._connected() if line is None else line.call
        argument = request.encode(monotonic())
        try:
            if batch.sent_over is not None:
                return request.decode(batch.sent_over.receive())
            return request.decode(call("EVALSHA", request.script.sha, 1, key, argument))
        except Exception as error:
            from redis.exceptions import NoScriptError

            if not isinstance(error, NoScriptError):
                raise
            # The server is new, was restarted, or its scripts were flushed.
            return request.decode(call("EVAL", request.script.text, 1, key, argument))

    def _connected(self) -> Callable[..., Any]:
        """Return a function that sends a command. It connects first if the connection was closed."""
        line = self._line
        if line is None:
            client = self.client()
            pool = getattr(client, "connection_pool", None)
            if pool is None or not self._address.is_ours:
                # Without its ``decode_responses``: replies are packed numbers.
                return partial(
                    client.execute_command, NEVER_DECODE=True
                )  # a cluster has many connections; a client that was passed has its own timeouts
            line = self._line = Line(pool.make_connection(), self._timeout)
        if not line.is_open():
            line.open()
        return line.call

    def _lose(self, trouble: str, batch: CommandBatch, now: float, error: Exception | None = None) -> None:
        """Record that Redis is unreachable, and serve or fail the waiting calls."""
        wrong = None if self._was_reached else refusal(error, self._address.label)
        if self._trouble is None and wrong is None:
            logger.warning(
                "%s cannot be asked for tokens (%s); %s",
                self._address.label,
                trouble,
                "every process uses its own share of the limits"
                if self._on_outage == "share"
                else "calls fail until it is reachable",
            )
        self._trouble = trouble
        self._retry_at = now + RETRY
        for part, request in batch.requests:
            part.failed(request, now)
        batch.requests.clear()
        for part in self._active:
            if wrong is not None:
                part.fail(wrong)
            else:
                self._serve_without(part, now)
                part.distribute(now)

    def _find(self, now: float) -> None:
        """Record that Redis answered."""
        self._was_reached = True
        if self._trouble is not None:
            self._trouble = None
            self._active.update(dict.fromkeys(self._unsent, now))
            self._unsent.clear()
            logger.warning("%s answers again; after one window its limits are shared again", self._address.label)

    # --- the rest ---

    def flush(self) -> None:
        """Wait until all reports were sent or failed, and the threads have ended."""
        deadline = monotonic() + 2 * self._timeout
        with self._changed:
            while (self._scheduler or self._sender or self._batch) and (left := deadline - monotonic()) > 0:
                self._changed.wait(left)

    def client(self) -> Any:
        """Return the client, which is safe for all threads."""
        with self._connecting:
            if self._client is None:
                self._client = self._address.connect(self._timeout)
            return self._client

    def close(self) -> None:
        """Close the connection once no request is in progress."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self.flush()
        with self._changed:
            self._is_closing = False
            client, self._client = self._client, None
            line, self._line = self._line, None
        if line is not None:
            line.close()
        if client is not None and self._address.is_ours:
            client.close()

    def fork_lock(self) -> Lock:
        """Return the lock that a fork must acquire."""
        return self.lock

    def after_fork_in_child(self) -> None:
        """Reset the state in a forked child: it has no threads, and the sockets belong to the parent."""
        _inherited.append((self._client, self._line))
        self._begin()


_inherited: Final[list[object]] = []
"""Clients of a parent process: closing them here would end its connections."""
