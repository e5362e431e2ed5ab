"""One endpoint class of one API key in this process: its queue, its leases, and its unsent reports to Redis.

Arithmetic only: no threads, no sockets, no clock. Everything is called with the lock held.
"""

from __future__ import annotations

import math
import time
import weakref
from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from attrs import define, evolve, frozen

from .._concurrency.wait_queue import WaitQueue, Waker
from .._core.rate_limit_headers import ServerView
from .._core.rate_limit_headers import read as read_rate_limit_headers
from .._limits.class_limiter import NOTICEABLE_WAIT, ClassSnapshot, ReentrantLock, pause_of
from .._limits.token_bucket import GRACE, TokenBucket
from ..errors import InventPayError, RateLimitTimeoutError
from ..options import RateClass, RateLimits
from .exchange import LEAD, Ending, LeaseReply, LeaseRequest, LimitConfig, Refusal, View
from .participant import Owner
from .share import share_bucket

LINGER: Final = 0.02
"""Seconds for which ends of leases are collected before they are reported. Reports carry ages, so none is imprecise."""

_TELLING: Final = 0.1
"""Seconds allowed to report the requests that were sent during an outage."""

_SURE: Final = 0.1
"""Seconds after a reply in which all leases that this process holds may be used.

A process that finds Redis unreachable waits this long before it uses its own share, and then uses only tokens that come
back from then on: earlier ones may have been granted to other processes.
"""

_ACQUAINTANCE: Final = 0.25
"""Seconds after which a process that started to wait asks again how many processes share the limit.

Processes tend to start together, so the delay doubles with each request, up to a quarter of the window.
"""

_FRESH: Final = 0.5
"""Share of a lease's lifetime in which a request may start; the request needs the rest."""

_MOST_REPORTED: Final = 1_000
"""Most ends of requests in one report."""


@define(eq=False)
class Claim:
    """One caller in the queue."""

    waiter: Waker
    joined: float
    max_wait: float | None
    background: bool
    lease: SharedLease | None = None
    error: InventPayError | None = None
    is_judged: bool = False
    """Whether the wait was compared with ``max_wait`` since the caller joined."""
    is_watched: bool = False
    """Whether the caller wants to be woken to report the expected wait."""
    expected: float | None = None
    """The expected wait in seconds, once it is known and until the caller has reported it."""

    def wake(self) -> bool:
        """Wake the caller to check its claim; return ``False`` if the caller is gone."""
        return self.waiter.wake()


@frozen
class _Token:
    """A lease that was granted and not yet given to a caller."""

    number: int
    due: float
    stale: float


def _due(token: _Token) -> float:
    return token.due


@frozen
class _Known:
    """The last reply, and its time of arrival."""

    reply: LeaseReply
    at: float


class SharedClassLimiter:
    """The queue, the leases and the unsent reports of one endpoint class."""

    def __init__(self, key: str, rate_class: RateClass, limits: RateLimits, config: LimitConfig, owner: Owner) -> None:
        self.key: Final = key
        self.rate_class: Final = rate_class
        self._owner = owner
        self._limits = limits
        self._config = config
        self._generation = 0
        self.is_asking: bool = False
        """Whether a request is under way."""
        self._reset()

    def _reset(self) -> None:
        self._queue = WaitQueue()
        self._claims: dict[Claim, None] = {}
        self._prefetched: deque[_Token] = deque()
        self._leased: weakref.WeakValueDictionary[int, SharedLease] = weakref.WeakValueDictionary()
        self._next_number = 1
        self._next_alone = -1
        self._unreported: dict[int, float] = {}
        self._serial = 0
        self._away_since: float | None = None
        self._dropped: deque[tuple[int, int, TokenBucket | None]] = deque()
        self._request = self._blank()
        self._news_since: float | None = None
        self._is_urgent = False
        self._must_list = False
        self._again_at = -math.inf
        self._known: _Known | None = None
        self._known_since = -math.inf
        self._stamps: deque[float] = deque()
        self._paused_until = -math.inf
        self._share: TokenBucket | None = None
        self._share_from = -math.inf
        self._share_until = -math.inf
        self._most_sharing = 0
        self._watchers: list[Waker] = []
        self.is_asking = False

    @property
    def _pause(self) -> float:
        """Seconds before the return to the shared limit in which nothing is sent, so that everything is reported."""
        return min(_TELLING, self._config.span / 8)

    @property
    def _sure(self) -> float:
        """See ``_SURE``. With counting "unknown" leases come one by one: asking again before each costs too much."""
        span = self._config.span
        return span / 16 if self._config.counting == "unknown" else min(_SURE, span / 16)

    @property
    def _sure_until(self) -> float:
        """Time until which prefetched leases may be used without another request."""
        return -math.inf if self._known is None else self._known.at + self._sure

    def _blank(self) -> LeaseRequest:
        return LeaseRequest(config=self._config)

    def __repr__(self) -> str:
        state = "shared" if self._share is None else "alone"
        return (
            f"<SharedClassLimiter {self.rate_class}: {state}, {len(self._prefetched)} in stock, {self.waiting} waiting>"
        )

    @property
    def lock(self) -> ReentrantLock:
        """The lock that is held during all calls."""
        return self._owner.lock

    @property
    def window(self) -> float:
        """Seconds of the window that the limit counts in."""
        return self._config.window

    @property
    def waiting(self) -> int:
        """Callers waiting for a token."""
        return len(self._queue)

    @property
    def is_on_its_own(self) -> bool:
        """Whether tokens come from this process's own share until Redis answers."""
        return self._share is not None and self._share_until == math.inf

    @property
    def has_news(self) -> bool:
        """Whether there is something to report."""
        return self._news_since is not None

    # --- callers ---

    def take(self, now: float) -> SharedLease | None:
        """Return a lease if a token is free and no caller waits, else ``None``."""
        self._settle(now)
        return None if self._queue else self._next_lease(now)

    def join(
        self,
        waiter: Waker,
        now: float,
        *,
        max_wait: float | None,
        background: bool,
        arrived: float | None = None,
        is_watched: bool = False,
    ) -> Claim:
        """Put a caller into the queue, at the place of its arrival; ``serve`` gets a token for it."""
        claim = Claim(waiter, now, max_wait, background, is_watched=is_watched)
        self._queue.join(claim, background=background, arrived=math.inf if arrived is None else arrived)
        self._claims[claim] = None
        if self._again_at == math.inf:
            self._again_at = now  # so far there were enough leases
        elif self._share is not None or self._again_at > now:
            self._judge(now)
        return claim

    def serve(self, *, may_block: bool) -> None:
        """Get a token for a caller that joined. Called without the lock; a thread that may block asks Redis itself."""
        self._owner.serve(self, may_block=may_block)

    def look(self, claim: Claim, now: float, patience: float) -> SharedLease | float | None:
        """Return the lease, or the most seconds to wait before the next call (``None``: until woken).

        Raises RateLimitTimeoutError if the wait exceeded ``max_wait``, or would exceed it.
        """
        lease, claim.lease = claim.lease, None
        if lease is not None:
            return lease
        if claim.error is not None:
            raise claim.error
        if claim.max_wait is None:
            return None
        # A request to Redis takes a moment, even if ``max_wait`` is 0; the expected wait is unknown before its reply.
        bound = claim.max_wait if claim.is_judged else max(claim.max_wait, patience)
        left = claim.joined + bound - now
        if left <= 0:
            ahead = next(ahead for other, ahead in self._places() if other is claim)
            raise self._too_long(self._estimate(ahead, now), claim.max_wait)
        return left

    def leave(self, claim: Claim, now: float) -> None:
        """Remove a caller; a lease that it was just given goes to the next one."""
        self._forget(claim)
        lease, claim.lease = claim.lease, None
        if lease is not None:
            lease.refund(now)
        self._return_surplus(now)

    def _forget(self, claim: Claim) -> None:
        if self._claims.pop(claim, self) is not self:
            self._queue.leave(claim)

    def fail(self, error: InventPayError) -> None:
        """Raise the error in all waiting callers."""
        for claim in list(self._claims):
            self._forget(claim)
            claim.error = error
            claim.wake()

    # --- granting ---

    def distribute(self, now: float) -> None:
        """Give the leases that are due to the waiting callers, in order."""
        self._settle(now)
        while self._queue:
            lease = self._next_lease(now)
            if lease is None:
                break
            claim = self._queue.head()
            assert isinstance(claim, Claim)
            self._queue.served(claim)
            self._forget(claim)
            claim.lease = lease
            if not claim.wake():
                # Its event loop has ended, so the caller never runs again.
                claim.lease = None
                lease.refund(now)
        self._return_surplus(now)

    def _next_lease(self, now: float) -> SharedLease | None:
        stock = self._prefetched
        while stock and stock[0].stale <= now:
            stock.popleft()  # this process was suspended until its lease expired in Redis
            self._must_list = True
        is_usable = self._share is not None or now <= self._sure_until
        if stock and is_usable and max(stock[0].due, self._paused_until) <= now:
            lease = SharedLease(self, self._generation, stock.popleft().number, now)
            if self._share is not None and self._share.lease(now):
                lease.bucket = self._share
        elif self._share is not None and self._may_send_alone(now) and self._share.lease(now):
            lease = SharedLease(self, self._generation, self._next_alone, now)
            lease.bucket = self._share
            self._unreported[lease.number] = now
            self._next_alone -= 1
            self._note(now)
        else:
            return None
        self._leased[lease.number] = lease
        return lease

    def _may_send_alone(self, now: float) -> bool:
        return self._share_from <= now < self._share_until - self._pause

    def _return_surplus(self, now: float) -> None:
        while len(self._prefetched) > len(self._queue):
            self._request.refunded.append(self._prefetched.pop().number)
            self._note(now)

    # --- endings ---

    def end(self, lease: SharedLease, ending: str, now: float, status: int, view: ServerView | None) -> None:
        """End a lease, and record the report to Redis."""
        if lease.generation != self._generation:
            return  # leased by the parent process, which counts it
        number = lease.number
        self._leased.pop(number, None)
        self._unreported.pop(number, None)
        bucket = lease.bucket
        if ending == "refund":
            if bucket is not None:
                bucket.refund(now)
            if number > 0:
                self._put_back(number, now, lease.began)
            else:
                self._request.refunded.append(number)
                self._note(now)
        else:
            at = now if ending == "answered" else now + GRACE
            self._note_stamp(number, at, now)
            if bucket is not None:
                (bucket.answered if ending == "answered" else bucket.abandoned)(now)
        if ending == "answered":
            self._learn(lease, now, status, view)
        if self._queue:
            self._owner.notify(self)

    def _put_back(self, number: int, now: float, began: float) -> None:
        if self._queue and began + _FRESH * self._config.patience > now:
            self._prefetched.appendleft(_Token(number, now, began + _FRESH * self._config.patience))
        else:
            self._request.refunded.append(number)
            self._note(now)

    def _note_stamp(self, number: int, at: float, now: float) -> None:
        self._stamps.append(at)
        while self._stamps[0] <= now - 2.0 * self._config.span:
            self._stamps.popleft()
        self._request.ended.append(Ending(number, at))
        self._note(now)

    def _note(self, now: float, *, urgent: bool = False) -> None:
        if self._news_since is None:
            self._news_since = now
        self._is_urgent = self._is_urgent or urgent
        self._owner.notify(self)

    def _learn(self, lease: SharedLease, now: float, status: int, view: ServerView | None) -> None:
        bucket = lease.bucket
        if view is not None and (view.limit is not None or view.remaining is not None):
            self._request.view = View(lease.began, view.limit, view.remaining, view.reset_in or 0.0)
            if bucket is not None:
                bucket.observe(now, limit=None, remaining=view.remaining, reset_in=view.reset_in)
        if status == 429:
            retry_after = None if view is None else pause_of(view, self._config.window)
            self._request.refusals.append(Refusal(now, retry_after or 0.0))
            if retry_after is not None:
                self._paused_until = max(self._paused_until, now + retry_after)
            if bucket is not None:
                bucket.refused(now, retry_after)
            self._note(now, urgent=True)

    def drop(self, generation: int, number: int, bucket: TokenBucket | None) -> None:
        """Record a lease that was garbage-collected. Needs no lock: the garbage collector may call it anywhere."""
        self._dropped.append((generation, number, bucket))

    def _settle(self, now: float) -> None:
        while self._dropped:
            generation, number, bucket = self._dropped.popleft()
            if generation != self._generation:
                continue
            self._unreported.pop(number, None)
            self._note_stamp(number, now + GRACE, now)
            if bucket is not None:
                bucket.abandoned(now)
        if self._share is not None and now >= self._share_until:
            self._share = None
            self._again_at = now

    # --- asking ---

    def refresh(self, watcher: Waker) -> bool:
        """Request the state of the bucket and wake the watcher when it arrives; return ``False`` during an outage."""
        if self.is_on_its_own:
            return False
        self._watchers.append(watcher)
        self._owner.notify(self)
        return True

    @property
    def is_watched(self) -> bool:
        """Whether a caller waits for the state of the bucket."""
        return bool(self._watchers)

    def _show(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher.wake()

    def next_event(self, now: float, *, can_ask: bool) -> float:
        """Return the time of the next step: infinity for none, ``now`` or earlier for at once."""
        moment = self.next_request(now) if can_ask and not self.is_asking else math.inf
        if self._queue:
            if self._prefetched:
                due = max(self._prefetched[0].due, self._paused_until)
                if self._share is not None or max(due, now) <= self._sure_until:
                    moment = min(moment, due)
            if self._share is not None:
                ready = self._share.ready_at(now)
                moment = min(moment, self._share_until)
                if ready is not None and ready < self._share_until - self._pause:
                    moment = min(moment, ready)
        return moment

    def next_request(self, now: float) -> float:
        """Return the time of the next request to Redis; infinity for none."""
        moment, waiting = now if self._watchers else math.inf, len(self._queue)
        if self._news_since is not None:
            # A request for tokens that is due soon carries the reports too.
            linger = self._config.horizon if self._share is None and now < self._again_at < math.inf else LINGER
            moment = min(moment, now if self._is_urgent else self._news_since + max(linger, LINGER))
        if self._share is not None:
            is_away = self._share_until == math.inf
            return min(moment, now) if is_away and (waiting or self._news_since is not None) else moment
        if waiting > len(self._prefetched):
            moment = min(moment, self._again_at)
        if waiting:
            if self._known is not None:
                known_for = self._known.at - self._known_since
                moment = min(moment, self._known.at + min(max(_ACQUAINTANCE, known_for), self._config.span / 4))
            if self._prefetched:
                due = max(self._prefetched[0].due, self._paused_until)
                moment = min(moment, max(due - LEAD, self._sure_until))
        return moment

    def key_of(self, command: LeaseRequest) -> str:
        """Return the name of the key in Redis."""
        del command
        return self.key

    def ask(self, now: float) -> LeaseRequest:
        """Return the next request with all reports; its end is passed to ``apply_reply`` or ``failed``."""
        self._settle(now)
        request, self._request = self._request, self._blank()
        later = request.ended[_MOST_REPORTED:]
        self._request.ended, request.ended = later, request.ended[:_MOST_REPORTED]
        self._news_since = now if later else None
        self._is_urgent = False
        self._serial += 1
        request.serial = self._serial
        request.away_since = self._away_since
        request.open = list(self._unreported.items())
        self._unreported.clear()
        request.next_number = self._next_number
        if self._known is not None and now - self._known.at <= 2.0 * self._config.span + self._config.patience:
            request.epoch = self._known.reply.epoch
        if self._must_list:
            request.held = list(self._leased)
            request.held += [token.number for token in self._prefetched]
            self._must_list = False
        if self._share is None:
            request.outlook = bool(self._watchers)
            request.want = max(0, len(self._queue) - len(self._prefetched))
            request.is_first = not any(token.due > now + LINGER for token in self._prefetched)
            self._next_number += request.want
        self.is_asking = True
        return request

    def apply_reply(self, request: LeaseRequest, reply: LeaseReply, now: float) -> None:
        """Apply a reply that arrived at ``now``."""
        self.is_asking = False
        is_lost = self._known is not None and self._known.reply.epoch != reply.epoch
        if is_lost:
            # The requests in flight were leased from a lost state, and the processes have not been counted again yet.
            self._unreported.update((number, lease.began) for number, lease in list(self._leased.items()))
            if self._unreported:
                self._note(now)
        self._most_sharing = max(reply.sharing, self._most_sharing) if is_lost or reply.recovery > 0 else reply.sharing
        if self._known is None or now > self._known.at + self._config.span:
            self._known_since = now
        self._known = _Known(reply, now)
        self._away_since = None
        self._paused_until = now + reply.blocked
        for number, delay in enumerate(reply.delays, request.next_number):
            due = now + delay
            # Not always later than the prefetched ones, which were dated as if the requests in flight would not end.
            insort(self._prefetched, _Token(number, due, due + _FRESH * self._config.patience), key=_due)
        self._again_at = math.inf if reply.again < 0 else now + reply.again
        if len(self._queue) > len(self._prefetched) and reply.again < 0:
            self._again_at = now  # callers joined during the request
        if reply.recovery > 0:
            self._go_alone(now, now + reply.recovery, free=reply.unclaimed)
        elif self._share is not None:
            # No other process lost Redis, so Redis has counted everything that was sent.
            self._share_until = now
        self.distribute(now)
        self._judge(now)
        self._show()

    def failed(self, request: LeaseRequest, now: float) -> None:
        """Put the reports of a failed request back: it is unknown whether it arrived."""
        self.is_asking = False
        self._show()
        news = self._request
        again = [evolve(ending, is_news=False) for ending in request.ended]
        self._request = evolve(
            news,
            ended=again + news.ended,
            refunded=request.refunded + news.refunded,
            refusals=request.refusals + news.refusals,
            view=news.view or request.view,
        )
        # New reports may have been lost with the request, so the next one lists all leases that are still held.
        self._must_list = True
        self._again_at = now
        self._unreported.update((number, began) for number, began in request.open if number in self._leased)
        if again or request.open or request.refunded or request.refusals:
            self._news_since = now

    # --- alone ---

    def serve_without(self, now: float, sharing: int | None) -> bool:
        """Use this process's own share of the limit; return ``True``."""
        if not self.is_on_its_own:
            self.go_alone(now, sharing)
        return True

    def go_alone(self, now: float, sharing: int | None) -> None:
        """Use this process's own share of the limit until Redis replies again."""
        if self._away_since is None:
            self._away_since = now
        self._go_alone(now, math.inf, free=self._free_when_last_known(now), sharing=sharing)
        self._judge(now)

    def _free_when_last_known(self, now: float) -> int | None:
        return None if self._known is None else self._known.reply.unclaimed

    def _go_alone(self, now: float, until: float, *, free: int | None, sharing: int | None = None) -> None:
        self._share_until = max(until, now)
        if self._share is not None:
            return
        self._again_at = -math.inf
        # Unused leases consist of tokens that other processes returned, and that they use again for their own shares.
        while self._prefetched:
            self._request.refunded.append(self._prefetched.pop().number)
            self._note(now)
        limits = self._limits
        # The other processes may use their unused leases for another moment, so tokens that come back to this process
        # until then belong to them.
        self._share_from = now if self._known is None else now + self._sure
        self._share = share_bucket(
            self._config.limit,
            limits.window,
            limits.counting,
            limits.max_burst,
            sharing=sharing or self._most_sharing or UNKNOWN_SHARING,
            stamps=sorted(self._stamps),
            in_flight=len(self._leased),
            free=free,
            apart=max(0.0, until - self._share_from) if until < math.inf else 0.0,
            now=self._share_from,
        )
        leased = self._share.snapshot(self._share_from).leased
        for lease in list(self._leased.values())[:leased]:
            lease.bucket = self._share

    # --- how long it takes ---

    def _places(self) -> Iterator[tuple[Claim, int]]:
        """Yield the waiting callers, each with the number of callers ahead of it."""
        order = [*self._queue.in_order(background=False), *self._queue.in_order(background=True)]
        for ahead, claim in enumerate(order):
            assert isinstance(claim, Claim)
            yield claim, ahead

    def _judge(self, now: float) -> None:
        """Raise RateLimitTimeoutError in callers whose wait would exceed ``max_wait``. Each caller is checked once."""
        known = self._known
        if known is not None and now < known.at + known.reply.startup_grace:
            return  # after a restart of Redis, replies take longer
        if all(claim.is_judged for claim in self._claims):
            return
        gone = 0
        for claim, ahead in self._places():
            if not claim.is_judged:
                claim.is_judged = True
                if claim.max_wait is None and not claim.is_watched:
                    continue
                wait = self._estimate(max(0, ahead - gone), now)
                # The time of the request itself does not count: with ``max_wait=0`` a caller takes a free token.
                if claim.max_wait is None or wait <= max(0.0, claim.joined + claim.max_wait - now):
                    if claim.is_watched and wait >= NOTICEABLE_WAIT:
                        claim.expected = wait
                        claim.wake()
                else:
                    self._forget(claim)
                    claim.error = self._too_long(wait, claim.max_wait)
                    claim.wake()
                    gone += 1

    def _estimate(self, ahead: int, now: float) -> float:
        """Return the least seconds until a caller with ``ahead`` callers before it gets a token."""
        if ahead < len(self._prefetched):
            return max(0.0, max(self._prefetched[ahead].due, self._paused_until) - now)
        ahead -= len(self._prefetched)
        if self._share is not None:
            return max(0.0, self._share_from - now) + self._share.wait(now, ahead=ahead)
        known = self._known
        if known is None:
            return 0.0
        reply, span = known.reply, self._config.span
        rounds, position = divmod(ahead, max(1, reply.effective))
        wait = 0.0
        if reply.steps:
            wait = reply.steps[min(len(reply.steps) - 1, position * len(reply.steps) // max(1, reply.effective))]
            wait += rounds * span
        wait = max(wait, reply.next, reply.blocked)
        if self._config.counting == "unknown":
            wait = max(wait, reply.next + max(0, ahead - reply.free_next) * span / self._config.limit)
        return max(0.0, known.at + wait - now)

    def _too_long(self, wait: float, max_wait: float) -> RateLimitTimeoutError:
        whose = f"the shared rate limit of class {self.rate_class}"
        if self._share is not None:
            whose = f"this process's share of {whose} (Redis is unreachable, or was until just now)"
        return RateLimitTimeoutError(
            f"{whose} has no token for another {wait:.2f} s, and this call may wait for {max_wait:.2f} s; raise "
            "max_wait, or ask less often",
            wait=wait,
        )

    def snapshot(self, now: float) -> ClassSnapshot:
        """Return the state of the class, as far as this process knows it."""
        self._settle(now)
        waiting = len(self._queue)
        if self._share is not None:
            seen = self._share.snapshot(now)
            return ClassSnapshot(
                limit=self._config.limit,
                available=seen.available,
                leased=seen.leased,
                waiting=waiting,
                next_token=self._estimate(self._queue.direct, now),
            )
        if self._known is None:
            return ClassSnapshot(limit=self._config.limit, available=self._config.limit, leased=0, waiting=waiting)
        reply = self._known.reply
        return ClassSnapshot(
            limit=self._config.limit,
            available=reply.free,
            leased=reply.leased,
            waiting=waiting,
            next_token=self._estimate(self._queue.direct, now),
        )

    def after_fork_in_child(self, config: LimitConfig) -> None:
        """Reset the state in a forked child: it belongs to the parent."""
        self._config = config
        self._generation += 1
        self._reset()


UNKNOWN_SHARING: Final = 8
"""assumed: number of processes that share a limit if Redis was never reached and ``processes=`` is not set."""


class SharedLease:
    """A token in use; see :class:`inventpay.Lease`."""

    __slots__ = ("__weakref__", "_limiter", "began", "bucket", "generation", "number")

    def __init__(self, limiter: SharedClassLimiter, generation: int, number: int, began: float) -> None:
        self._limiter: SharedClassLimiter | None = limiter
        self.generation: int = generation
        """The number of forks before it was leased: leases of the parent are not counted in the child."""
        self.number: int = number
        """The number of the lease in Redis; negative if it comes from this process's own share."""
        self.began: float = began
        self.bucket: TokenBucket | None = None
        """The share that counts it."""

    def __del__(self) -> None:
        # KeyboardInterrupt may be raised anywhere, and not every `finally` of a coroutine that is destroyed with its
        # event loop runs.
        if self._limiter is not None:
            self._limiter.drop(self.generation, self.number, self.bucket)

    def answered(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """End the lease after response headers arrived."""
        limiter = self._limiter
        if limiter is None:
            return
        view = read_rate_limit_headers(headers, wall_now=time.time(), window=limiter.window) if headers else None
        self._end("answered", now, status, view)

    def refund(self, now: float) -> None:
        """End the lease of a request of which nothing was written."""
        self._end("refund", now)

    def abandoned(self, now: float) -> None:
        """End the lease of a request that was written but not answered."""
        self._end("abandoned", now)

    def _end(
        self,
        ending: Literal["answered", "refund", "abandoned"],
        now: float,
        status: int = 0,
        view: ServerView | None = None,
    ) -> None:
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            with limiter.lock:
                limiter.end(self, ending, now, status, view)
