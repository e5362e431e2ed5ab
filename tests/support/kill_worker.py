"""A process that handles webhooks and kills itself with SIGKILL at a random stage.

    python -m tests.support.kill_worker STORE DATABASE SEED COUNT

STORE is ``transactional`` (the application's database), or a file for SQLite. Events ``cmh0`` to ``cmhN`` are handled
in a random order; an answer is a line ``PAYMENT STATUS``. A handler inserts a row into ``shipped``.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from inventpay.webhooks import Claim, SQLAlchemySeenStore, SQLiteSeenStore, WebhookReceiver

from .deliveries import SECRET, flat, signed

STAGES = ("before claim", "after claim", "in handler", "after write", "before commit", "after commit", "after answer")


def main() -> None:
    store, path, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(seed)
    fatal = chance.choice(STAGES)
    left = chance.randint(1, 6)

    def stage(name: str) -> None:
        nonlocal left
        if name == fatal:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 20})
    sessions = sessionmaker(engine)
    base: Any = SQLAlchemySeenStore if store == "transactional" else SQLiteSeenStore

    class Store(base):  # type: ignore[misc]
        """Marks the stages."""

        def claim(self, *args: Any, **options: Any) -> Any:
            stage("before claim")
            found = super().claim(*args, **options)
            if isinstance(found, Claim):
                stage("after claim")
            return found

        def finish(self, *args: Any) -> bool:
            stage("before commit")
            done: bool = super().finish(*args)
            stage("after commit")
            return done

    seen = Store(sessions) if store == "transactional" else Store(store)
    receiver = WebhookReceiver(SECRET, seen=seen, lease=0.5)

    @receiver.on_paid
    def ship(event: Any) -> None:
        stage("in handler")
        statement = text("INSERT INTO shipped VALUES (:payment)")
        if store == "transactional":
            seen.session.execute(statement, {"payment": event.payment_id})
        else:
            with sessions.begin() as session:
                session.execute(statement, {"payment": event.payment_id})
        stage("after write")

    for _ in range(40):
        payment_id = f"cmh{chance.randrange(count)}"
        answer = receiver.handle(flat(payment_id=payment_id), signed(flat(payment_id=payment_id)))
        os.write(1, f"{payment_id} {answer.status}\n".encode())
        stage("after answer")
    # The chosen stage was not reached often enough.
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
