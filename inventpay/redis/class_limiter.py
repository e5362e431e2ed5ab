"""One endpoint class of one API key in this process: who waits, which leases it holds, and what Redis is to be told.

Arithmetic only: no threads, no sockets, no clock. All of it is called with the lock held.
"""

from __future__ import annotations

import math
import time
import weakref
from bisect import insort
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Literal, Protocol

from attrs import define, evolve, frozen

from .._concurrency.wait_queue import WaitQueue, Waker
from .._core.rate_limit_headers import ServerView
from .._core.rate_limit_headers import read as read_rate_limit_headers
from .._limits.class_limiter import NOTICEABLE_WAIT, ClassSnapshot, ReentrantLock, pause_of
from .._limits.token_bucket import GRACE, TokenBucket
from ..errors import InventPayError, RateLimitTimeoutError
from ..options import RateClass, RateLimits
from .exchange import LEAD, Ending, LeaseReply, LeaseRequest, LimitConfig, Refusal, View
from .share import share_bucket

LINGER: Final = 0.02
"""Seconds for which ends of leases are collected before they are told: they carry their age, so nothing is lost."""

_TELLING: Final = 0.1
"""Seconds in which what was sent alone is told for certain."""

_SURE: Final = 0.1
"""Seconds after a reply in which a lease may be used, also one that was granted before. A process that finds Redis away
goes on alone so much later, with what comes back to it from then on: what came back before may be in others' stock."""

_ACQUAINTANCE: Final = 0.25
"""Seconds after which a process that began to wait asks again who else shares the limit. The next time it is twice as
late, and so on up to a quarter of the window: processes tend to start together."""

_FRESH: Final = 0.5
"""Part of its time for which a lease may still be used: the request needs the rest."""

_MOST_TOLD: Final = 1_000
"""Ends of requests that are told at once."""


class Owner(Protocol):
    """What a limiter needs of its limiter."""

    @property
    def lock(self) -> ReentrantLock:
        """What is held round all arithmetic."""
        ...

    def notify(self, limiter: SharedClassLimiter) -> None:
        """Something changed: a token may be granted, or there is something to tell."""
        ...


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
        """Lets the caller look again; ``False`` when it never will."""
        return self.waiter.wake()


@frozen
class _Token:
    """A lease that was granted and not yet given to anybody."""

    number: int
    due: float
    stale: float


def _due(token: _Token) -> float:
    return token.due


@frozen
class _Known:
    """The last reply, and when it came."""

    reply: LeaseReply
    at: float


class SharedClassLimiter:
    """The queue, the leases and the news of one endpoint class."""

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
        self._untold: dict[int, float] = {}
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
        """Seconds before the return to the shared limit in which nothing is sent alone, so that all of it was told."""
        return min(_TELLING, self._config.span / 8)

    @property
    def _sure(self) -> float:
        """See ``_SURE``. With counting "unknown" leases come one by one, too many to ask again before each."""
        span = self._config.span
        return span / 16 if self._config.counting == "unknown" else min(_SURE, span / 16)

    @property
    def _sure_until(self) -> float:
        """Until when what is in stock may be used without asking again."""
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
        """What is held while any of this is called."""
        return self._owner.lock

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
        """Whether there is something to tell."""
        return self._news_since is not None

    # --- callers ---

    def take(self, now: float) -> SharedLease | None:
        """A token at once, when nobody waits and one is there."""
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
        """Put a caller into the queue, at the place of its arrival."""
        claim = Claim(waiter, now, max_wait, background, is_watched=is_watched)
        self._queue.join(claim, background=background, arrived=math.inf if arrived is None else arrived)
        self._claims[claim] = None
        if self._again_at == math.inf:
            self._again_at = now  # until now there were enough
        elif self._share is not None or self._again_at > now:
            self._judge(now)
        try:
            self._owner.notify(self)
        except BaseException:
            self._forget(claim)
            raise
        return claim

    def look(self, claim: Claim, now: float, patience: float) -> SharedLease | float | None:
        """What the caller does next: take the lease, or wait for so many seconds at most (``None``: until woken).

        Raises RateLimitTimeoutError when it waited for too long, or would.
        """
        lease, claim.lease = claim.lease, None
        if lease is not None:
            return lease
        if claim.error is not None:
            raise claim.error
        if claim.max_wait is None:
            return None
        # Asking takes a moment, whatever the caller's bound; before the answer nobody knows how long the wait will be.
        bound = claim.max_wait if claim.is_judged else max(claim.max_wait, patience)
        left = claim.joined + bound - now
        if left <= 0:
            ahead = next(ahead for other, ahead in self._places() if other is claim)
            raise self._too_long(self._estimate(ahead, now), claim.max_wait)
        return left

    def leave(self, claim: Claim, now: float) -> None:
        """Takes a caller out, whatever the reason; a lease that it was just given goes to the next."""
        self._forget(claim)
        lease, claim.lease = claim.lease, None
        if lease is not None:
            lease.refund(now)
        self._return_surplus(now)

    def _forget(self, claim: Claim) -> None:
        if self._claims.pop(claim, self) is not self:
            self._queue.leave(claim)

    def fail(self, error: InventPayError) -> None:
        """Sends everybody away."""
        for claim in list(self._claims):
            self._forget(claim)
            claim.error = error
            claim.wake()

    # --- granting ---

    def distribute(self, now: float) -> None:
        """Gives what is due to those who wait, in order."""
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
                # Its event loop is gone, and with it the caller.
                claim.lease = None
                lease.refund(now)
        self._return_surplus(now)

    def _next_lease(self, now: float) -> SharedLease | None:
        stock = self._prefetched
        while stock and stock[0].stale <= now:
            stock.popleft()  # this process slept for so long that Redis has given it up
            self._must_list = True
        is_usable = self._share is not None or now <= self._sure_until
        if stock and is_usable and max(stock[0].due, self._paused_until) <= now:
            lease = SharedLease(self, self._generation, stock.popleft().number, now)
            if self._share is not None and self._share.lease(now):
                lease.bucket = self._share
        elif self._share is not None and self._may_send_alone(now) and self._share.lease(now):
            lease = SharedLease(self, self._generation, self._next_alone, now)
            lease.bucket = self._share
            self._untold[lease.number] = now
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
        """Ends a lease, and notes what is to be told."""
        if lease.generation != self._generation:
            return  # leased by the parent process, which counts it
        number = lease.number
        self._leased.pop(number, None)
        self._untold.pop(number, None)
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
        """Notes a lease that nobody ended, and never will. Needs no lock: the garbage collector calls it anywhere."""
        self._dropped.append((generation, number, bucket))

    def _settle(self, now: float) -> None:
        while self._dropped:
            generation, number, bucket = self._dropped.popleft()
            if generation != self._generation:
                continue
            self._untold.pop(number, None)
            self._note_stamp(number, now + GRACE, now)
            if bucket is not None:
                bucket.abandoned(now)
        if self._share is not None and now >= self._share_until:
            self._share = None
            self._again_at = now

    # --- asking ---

    def refresh(self, watcher: Waker) -> bool:
        """Has the bucket asked how it stands, and the watcher woken then; ``False`` when it cannot be asked."""
        if self.is_on_its_own:
            return False
        self._watchers.append(watcher)
        self._owner.notify(self)
        return True

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits to see how the bucket stands."""
        return bool(self._watchers)

    def _show(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher.wake()

    def next_event(self, now: float, *, can_ask: bool) -> float:
        """When something is to be done here: infinity for never, ``now`` or earlier for at once."""
        moments = [math.inf]
        if can_ask and not self.is_asking:
            moments.append(self.next_request(now))
        if self._queue:
            if self._prefetched:
                due = max(self._prefetched[0].due, self._paused_until)
                if self._share is not None or max(due, now) <= self._sure_until:
                    moments.append(due)
            if self._share is not None:
                ready = self._share.ready_at(now)
                moments.append(self._share_until)
                if ready is not None and ready < self._share_until - self._pause:
                    moments.append(ready)
        return min(moments)

    def next_request(self, now: float) -> float:
        """When there is something to ask or tell; infinity for nothing."""
        moments = [now if self._watchers else math.inf]
        if self._news_since is not None:
            # Whoever is about to ask for tokens takes the news along.
            linger = self._config.horizon if self._share is None and now < self._again_at < math.inf else LINGER
            moments.append(now if self._is_urgent else self._news_since + max(linger, LINGER))
        if self._share is not None and self._share_until == math.inf and (self._queue or self._news_since is not None):
            moments.append(now)
        if self._share is None and len(self._queue) > len(self._prefetched):
            moments.append(self._again_at)
        if self._share is None and self._queue:
            if self._known is not None:
                known_for = self._known.at - self._known_since
                moments.append(self._known.at + min(max(_ACQUAINTANCE, known_for), self._config.span / 4))
            if self._prefetched:
                due = max(self._prefetched[0].due, self._paused_until)
                moments.append(max(due - LEAD, self._sure_until))
        return min(moments)

    def ask(self, now: float) -> LeaseRequest:
        """The next request, with all news in it; followed by ``told`` or ``failed``."""
        self._settle(now)
        request, self._request = self._request, self._blank()
        later = request.ended[_MOST_TOLD:]
        self._request.ended, request.ended = later, request.ended[:_MOST_TOLD]
        self._news_since = now if later else None
        self._is_urgent = False
        self._serial += 1
        request.serial = self._serial
        request.away_since = self._away_since
        request.open = list(self._untold.items())
        self._untold.clear()
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

    def told(self, request: LeaseRequest, reply: LeaseReply, now: float) -> None:
        """Takes in a reply that arrived at ``now``."""
        self.is_asking = False
        is_lost = self._known is not None and self._known.reply.epoch != reply.epoch
        if is_lost:
            # What is in flight was leased from a state that is gone, and the processes have yet to be counted again.
            self._untold.update((number, lease.began) for number, lease in list(self._leased.items()))
            if self._untold:
                self._note(now)
        self._most_sharing = max(reply.sharing, self._most_sharing) if is_lost or reply.recovery > 0 else reply.sharing
        if self._known is None or now > self._known.at + self._config.span:
            self._known_since = now
        self._known = _Known(reply, now)
        self._away_since = None
        self._paused_until = now + reply.blocked
        for number, delay in enumerate(reply.delays, request.next_number):
            due = now + delay
            # Not always later than those in stock: these were dated as if what is in flight would stay so.
            insort(self._prefetched, _Token(number, due, due + _FRESH * self._config.patience), key=_due)
        self._again_at = math.inf if reply.again < 0 else now + reply.again
        if len(self._queue) > len(self._prefetched) and reply.again < 0:
            self._again_at = now  # they joined while the request was under way
        if reply.recovery > 0:
            self._go_alone(now, now + reply.recovery, free=reply.unclaimed)
        elif self._share is not None:
            # Nobody else was away, so all that was sent is known there.
            self._share_until = now
        self.distribute(now)
        self._judge(now)
        self._show()

    def failed(self, request: LeaseRequest, now: float) -> None:
        """Takes the news back: nobody knows whether the request arrived."""
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
        # What was told in the request as news may have been lost with it; the list says what is still held.
        self._must_list = True
        self._again_at = now
        self._untold.update((number, began) for number, began in request.open if number in self._leased)
        if again or request.open or request.refunded or request.refusals:
            self._news_since = now

    # --- alone ---

    def go_alone(self, now: float, sharing: int | None) -> None:
        """Redis cannot be asked: goes on with one share, until a reply comes."""
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
        # What was granted and not yet used came of what others had returned, who will take it again for their shares.
        while self._prefetched:
            self._request.refunded.append(self._prefetched.pop().number)
            self._note(now)
        limits = self._limits
        # The same holds for the others, who may use what they were granted for another moment. What comes back to this
        # process until then is theirs.
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
        """Those who wait, each with how many go first."""
        order = [*self._queue.in_order(background=False), *self._queue.in_order(background=True)]
        for ahead, claim in enumerate(order):
            assert isinstance(claim, Claim)
            yield claim, ahead

    def _judge(self, now: float) -> None:
        """Sends away whoever would wait for too long. Each caller is judged once: later ones stand behind it."""
        known = self._known
        if known is not None and now < known.at + known.reply.startup_grace:
            return  # asking takes a moment longer
        if all(claim.is_judged for claim in self._claims):
            return
        gone = 0
        for claim, ahead in self._places():
            if not claim.is_judged:
                claim.is_judged = True
                if claim.max_wait is None and not claim.is_watched:
                    continue
                wait = self._estimate(max(0, ahead - gone), now)
                # The time of the request itself does not count: a caller who may not wait takes what is free.
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
        """Seconds until a caller with so many before it gets a token, at the least."""
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
            whose = f"this process's share of {whose} (Redis is away, or just back)"
        return RateLimitTimeoutError(
            f"{whose} has no token for another {wait:.2f} s, and this call may wait for {max_wait:.2f} s; raise "
            "max_wait, or ask less often",
            wait=wait,
        )

    def snapshot(self, now: float) -> ClassSnapshot:
        """How the class stands, as far as is known here."""
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
        """In a forked child: everything here is the parent's."""
        self._config = config
        self._generation += 1
        self._reset()


UNKNOWN_SHARING: Final = 8
"""assumed: how many processes share a limit when Redis was never reached to say so, and nobody said ``processes=``."""


class SharedLease:
    """A token in use; see :class:`inventpay.Lease`."""

    __slots__ = ("__weakref__", "_limiter", "began", "bucket", "generation", "number")

    def __init__(self, limiter: SharedClassLimiter, generation: int, number: int, began: float) -> None:
        self._limiter: SharedClassLimiter | None = limiter
        self.generation: int = generation
        """Which process leased it: the parent of a fork, or its child."""
        self.number: int = number
        """What Redis knows it by; negative when it comes from this process's own share."""
        self.began: float = began
        self.bucket: TokenBucket | None = None
        """The share that counts it."""

    def __del__(self) -> None:
        # Ctrl-C falls anywhere, and of a coroutine that is destroyed with its event loop not every `finally` runs.
        if self._limiter is not None:
            self._limiter.drop(self.generation, self.number, self.bucket)

    def answered(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Response headers arrived."""
        view = read_rate_limit_headers(headers, wall_now=time.time()) if headers else None
        self._end("answered", now, status, view)

    def refund(self, now: float) -> None:
        """Nothing was written."""
        self._end("refund", now)

    def abandoned(self, now: float) -> None:
        """Written, never answered."""
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
