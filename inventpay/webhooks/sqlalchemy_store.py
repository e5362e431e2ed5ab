"""Handled events in a database of SQLAlchemy, in the transaction of the handler."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Column, Float, LargeBinary, MetaData, String, Table, Text, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..errors import ConfigurationError
from .seen import PAID_RETENTION, DeadLetter
from .transactional_store import TransactionalSeenStore


class SQLAlchemySeenStore(TransactionalSeenStore):
    """Remembers events in the application's own database: an order and the note of its event commit together.

    >>> from sqlalchemy import create_engine
    >>> from sqlalchemy.orm import sessionmaker
    >>> from inventpay.webhooks import WebhookReceiver
    >>> Sessions = sessionmaker(create_engine("sqlite://"))
    >>> seen = SQLAlchemySeenStore(Sessions)
    >>> seen.create_tables()
    >>> receiver = WebhookReceiver("whsec_1", seen=seen)
    >>> @receiver.on_paid
    ... def fulfil(event):
    ...     seen.session.add(Order(id=event.order_id, paid=True))    # do not commit: the store does

    Args:
        sessions: A ``sessionmaker``; or a ``scoped_session`` such as ``db.session`` of Flask-SQLAlchemy, whose session
            handlers then share; or one ``Session``. The store commits or rolls back the session's transaction, and
            closes sessions that it has made. For a session of each request see :meth:`using`.
        metadata: Where the two tables are registered, such as ``Base.metadata``, for migrations by Alembic.
        retention: Seconds for which events are remembered, by default 400 days.
        clock: Function that returns the time in Unix seconds.

    Needs SQLAlchemy 2 and handlers that use ``seen.session``; with another session their work is in another
    transaction. Raises ConfigurationError for an engine, a connection or an async session. Methods raise the errors of
    SQLAlchemy, and the delivery is repeated.
    """

    conflicts: tuple[type[Exception], ...] = (IntegrityError,)

    def __init__(
        self,
        sessions: Callable[[], Session] | Session,
        *,
        metadata: MetaData | None = None,
        retention: float = PAID_RETENTION,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(retention=retention, clock=clock)
        self._sessions = _checked(sessions)
        self._session: ContextVar[Session | None] = ContextVar("inventpay_session", default=None)
        metadata = MetaData() if metadata is None else metadata
        keys, letters = "inventpay_seen_keys", "inventpay_dead_letters"
        known = metadata.tables
        self._keys = (
            known[keys]
            if keys in known
            else Table(
                keys,
                metadata,
                Column("key", String(80), primary_key=True),
                Column("forget_at", Float, nullable=False, index=True),
            )
        )
        self._letters = (
            known[letters]
            if letters in known
            else Table(
                letters,
                metadata,
                Column("id", String(64), primary_key=True),
                Column("body", LargeBinary, nullable=False),
                Column("reason", Text, nullable=False),
                Column("received_at", Float, nullable=False),
                Column("delivery_id", Text),
            )
        )

    def using(self, session: Session) -> SQLAlchemySeenStore:
        """Return this store in a session of the caller, such as that of a request: for ``receiver.handle(seen=...)``.

        >>> with Sessions() as session:
        ...     answer = receiver.handle(b"{}", {}, seen=seen.using(session))

        Handlers find it as ``seen.session``. With an ``AsyncSession`` call ``handle`` in its ``run_sync``. Raises
        ConfigurationError for anything but a ``Session``.
        """
        other = copy.copy(self)
        other._sessions, other._open = _session_of(session), {}
        return other

    @property
    def session(self) -> Session:
        """The session of the event that is being handled. Raises RuntimeError outside handlers."""
        session = self._session.get()
        if session is None:
            raise RuntimeError("seen.session exists while a handler runs; elsewhere make a session of your own")
        return session

    def create_tables(self) -> None:
        """Create the two tables where they do not exist; for tests, and for shops without migrations."""
        session = self._made()
        try:
            for table in (self._keys, self._letters):
                table.create(session.connection(), checkfirst=True)
            session.commit()
        finally:
            self._close(session)

    @contextmanager
    def transaction(self) -> Generator[Session, None, None]:
        """See :class:`TransactionalSeenStore`."""
        session = self._made()
        outer = self._session.get()
        self._session.set(session)
        try:
            begun = session.get_transaction() or session.begin()
            yield session
            if session.get_transaction() is not begun:
                raise RuntimeError(
                    "the handler ended the transaction of seen.session by commit() or rollback(), so the note of its "
                    "event is not part of it: leave both to the store"
                )
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            self._session.set(outer)
            self._close(session)

    def insert_keys(self, keys: Sequence[str], forget_at: float) -> None:
        """See :class:`TransactionalSeenStore`."""
        self.session.execute(insert(self._keys), [{"key": key, "forget_at": forget_at} for key in keys])

    def existing_keys(self, keys: Sequence[str]) -> set[str]:
        """See :class:`TransactionalSeenStore`."""
        return set(self.session.scalars(select(self._keys.c.key).where(self._keys.c.key.in_(keys))))

    def delete_keys(self, before: float) -> None:
        """See :class:`TransactionalSeenStore`."""
        self.session.execute(delete(self._keys).where(self._keys.c.forget_at < before))

    def insert_dead_letter(self, letter: DeadLetter) -> None:
        """See :class:`TransactionalSeenStore`."""
        row: dict[str, Any] = {
            "id": letter.id,
            "body": letter.body,
            "reason": letter.reason,
            "received_at": letter.received_at.timestamp(),
            "delivery_id": letter.delivery_id,
        }
        self.session.execute(insert(self._letters), [row])

    def dead_letters(self) -> list[DeadLetter]:
        """See :class:`SeenStore`."""
        with self.transaction() as session:
            rows = session.execute(select(self._letters).order_by(self._letters.c.received_at)).all()
        return [
            DeadLetter(
                id=row.id,
                body=row.body,
                reason=row.reason,
                received_at=datetime.fromtimestamp(row.received_at, UTC),
                delivery_id=row.delivery_id,
            )
            for row in rows
        ]

    def delete_dead_letter(self, letter_id: str) -> None:
        """See :class:`TransactionalSeenStore`."""
        self.session.execute(delete(self._letters).where(self._letters.c.id == letter_id))

    def __repr__(self) -> str:
        return "<SQLAlchemySeenStore>"

    def _made(self) -> Session:
        return self._sessions if isinstance(self._sessions, Session) else _session_of(self._sessions())

    def _close(self, session: Session) -> None:
        # A session of the caller, or of a registry, may be in use elsewhere in the request.
        if not isinstance(self._sessions, Session) and not hasattr(self._sessions, "registry"):
            session.close()


_ASYNC: Final = (
    "an AsyncSession cannot be used in the thread of a delivery: call receiver.handle in its run_sync, with "
    "seen=seen.using(session)"
)


def _checked(sessions: Any) -> Callable[[], Session] | Session:
    if isinstance(sessions, Session) or (callable(sessions) and not _is_async(sessions)):
        return sessions  # type: ignore[no-any-return]
    if _is_async(sessions):
        raise ConfigurationError(f"sessions= takes a blocking sessionmaker or Session, and {_ASYNC}")
    raise ConfigurationError(
        f"sessions= takes a sessionmaker, such as sessionmaker(engine), or a Session, not {type(sessions).__name__}"
    )


def _session_of(session: Any) -> Session:
    if isinstance(session, Session):
        return session
    kind = _ASYNC if _is_async(session) else f"this is of type {type(session).__name__}"
    raise ConfigurationError(f"the store needs a Session of SQLAlchemy; {kind}")


def _is_async(value: Any) -> bool:
    kind = value if isinstance(value, type) else type(value)
    return kind.__module__.startswith("sqlalchemy.ext.asyncio")
