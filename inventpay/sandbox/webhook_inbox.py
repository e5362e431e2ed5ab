"""A receiver of webhooks for tests that have no application of their own."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Generator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from .._concurrency.steady_time import monotonic
from ..errors import WebhookError
from ..webhooks import WebhookEvent, parse_event
from .errors import SandboxError
from .http import body, server
from .http.answers import Answer, bare, refusal
from .sandbox import Sandbox
from .webhooks.events import EVENTS


class WebhookInbox:
    """A receiver that verifies and keeps the sandbox's deliveries.

    ``url`` is its address, ``events`` the received events, oldest first. Deliveries with an invalid signature get 401
    and are kept in ``refused``, as the errors they caused.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.url: str = ""
        self.events: list[WebhookEvent] = []
        self.refused: list[WebhookError] = []
        self._sandbox = sandbox
        self._arrived = threading.Condition()

    def wait_for(self, event: str, timeout: float = 10.0) -> WebhookEvent:
        """Return the first event of that name; wait for at most ``timeout`` seconds if it has not arrived yet.

        Raises ``AssertionError``, which names the events that arrived instead, if it does not arrive in time, and
        ``ValueError`` for an unknown name of an event.
        """
        if event not in EVENTS:
            near = difflib.get_close_matches(event, EVENTS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(EVENTS)}"
            raise ValueError(f"no event is called {event!r}; {hint}")
        until = monotonic() + timeout
        with self._arrived:
            while True:
                for arrived in self.events:
                    if arrived.event == event:
                        return arrived
                if not self._arrived.wait(until - monotonic()):
                    names = ", ".join(arrived.event for arrived in self.events) or "nothing"
                    raise AssertionError(f"{event} did not arrive within {timeout:g} s; what did: {names}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await (await self._answer(scope, receive)).send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            raw = await body.read(receive)
        except SandboxError as error:
            return refusal(error)
        # The sandbox's clock may show another time, so check the age of deliveries on that clock.
        secret, now = self._sandbox.webhooks.secret, self._sandbox.clock()
        try:
            event = parse_event(raw, scope["headers"], secret, received_at=now)
        except WebhookError as error:
            with self._arrived:
                self.refused.append(error)
                self._arrived.notify_all()
            return refusal(SandboxError(401, str(error)))
        with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()
        return bare({"received": True})


@contextmanager
def webhook_inbox(sandbox: Sandbox) -> Generator[WebhookInbox, None, None]:
    """Open an inbox on a free loopback port, to which ``sandbox`` delivers every event while the block runs.

    Example:
        with running_sandbox() as sandbox, webhook_inbox(sandbox) as inbox:
            ...
            event = inbox.wait_for("payment.completed")
    """
    inbox = WebhookInbox(sandbox)
    with server.run_in_thread(inbox, "127.0.0.1", 0) as running:
        inbox.url = f"{running.url}/webhooks/inventpay"
        sandbox.webhooks.set_url(inbox.url)
        try:
            yield inbox
        finally:
            sandbox.webhooks.set_url(None)
