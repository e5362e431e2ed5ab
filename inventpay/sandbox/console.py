"""Print a line in the terminal for each request and each delivery of a served sandbox."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from .http.request_log import LoggedRequest
from .webhooks.deliveries import Delivery
from .world import World


class Console:
    """A writer of lines to a terminal. After the terminal was closed, the sandbox continues without it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_closed = False

    def request(self, entry: LoggedRequest) -> None:
        """Print a request under /v1 with its status, and a note, such as the reason of a refusal."""
        answer = str(entry.status) if entry.status else "no answer"
        note = "" if entry.note is None else f"  {entry.note}"
        self._print(entry.at, f"{entry.method} {entry.path}  {answer}  {entry.seconds * 1000:.0f} ms{note}")

    def delivery(self, delivery: Delivery) -> None:
        """Print an attempt to deliver an event, or that it is not sent at all."""
        if delivery.success:
            result = f"delivered ({delivery.http_status})"
        else:
            again = "" if delivery.next_attempt_at is None else "; it will be retried"
            result = f"{delivery.error_message}{again}"
        self._print(time.time(), f"{delivery.event} -> {delivery.url}  {result}")

    def _print(self, at: float, text: str) -> None:
        # Paths and messages come from elsewhere; control characters could rewrite what the terminal shows.
        plain = "".join(letter if letter.isprintable() else "?" for letter in text)
        if self._is_closed:
            return
        try:
            print(f"{time.strftime('%H:%M:%S', time.localtime(at))}  {plain}", file=self._out, flush=True)
        except (OSError, ValueError):
            self._is_closed = True


@contextmanager
def reported(world: World, out: TextIO) -> Generator[None, None, None]:
    """Print the requests and deliveries of ``world`` while the block runs."""
    console = Console(out)
    world.request_log.listener, world.webhooks.outbox.listener = console.request, console.delivery
    try:
        yield
    finally:
        world.request_log.listener = world.webhooks.outbox.listener = None
