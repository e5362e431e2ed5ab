# Generated from inventpay/_async/key_pools.py by tools/generate_sync.py. Do not edit.
"""``client.store.products.keys``: keys of which each buyer of a product gets one, the oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from .._api import key_pools as calls
from .._api.bounds import KEY_BATCH
from .._api.listing import listing
from .._api.page_walk import OnUnread
from .._api.page_walk import on_unread as unread_rule
from .._core.annotations import readable
from ..errors import InventPayError
from ..models.key_pools import AddedKeys, KeyStats, ProductKey, RemovedKeys
from ..options import CallOptions
from .paging import Page, Turn
from .transport import Transport


@readable
class KeyPoolCalls:
    """Keys of which each buyer of a product gets one."""

    def __init__(self, transport: Transport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    def add(
        self,
        product_id: str,
        keys: Iterable[str],
        *,
        label: str | None = None,
        batch_size: int = KEY_BATCH,
        on_progress: Callable[[AddedKeys], object] | None = None,
    ) -> AddedKeys:
        """Add any number of keys, in batches of at most 10,000 (vendor's SDKs).

        Keys that were given twice or are there already are counted as duplicates. ``label``, of at most 200
        characters, is noted with each key. ``on_progress`` is called after every batch with what became of the keys so
        far. ``keys`` may be read from anywhere; a list is checked as a whole before the first batch is sent.

        >>> with InventPay() as client:
        ...     done = client.store.products.keys.add("prod1", ["L-1", "L-2", "L-2"], label="January")
        ...     print(done.added, done.duplicates)

        Raises InvalidArgumentError before anything is sent, and the errors of every call; once a batch was added,
        KeyUploadError, whose ``progress`` says how far it came.
        """
        batches = calls.batches(keys, batch_size)
        try:
            while call := calls.add_next(product_id, batches, label=label):
                done = batches.stored(self._transport.send(call, self._options))
                if on_progress is not None:
                    on_progress(done)
        except InventPayError as error:
            failure = batches.failed(error)
            if failure is error:
                raise
            raise failure from error
        except BaseException as interrupt:
            if batches.progress.taken:
                interrupt.add_note(f"inventpay: adding keys was cut off; {batches.summary}")
            raise
        return batches.progress

    @listing
    def list(
        self,
        product_id: str,
        *,
        status: str | None = None,
        page: int = 1,
        limit: int | None = None,
        on_unread: OnUnread = "raise",
    ) -> Page[ProductKey]:
        """Return the keys of a product, or those with one ``status`` (vendor's SDKs).

        ``limit`` is 1 to 100; the API chooses it if it is absent.

        >>> with InventPay() as client:
        ...     for key in client.store.products.keys.list("prod1", status="AVAILABLE"):
        ...         print(key.id, key.label, key.created_at)

        Raises InvalidArgumentError for a page or limit out of bounds, NotFoundError for an unknown id, and the errors
        of every call.
        """
        build = partial(calls.page, product_id=product_id, status=status, limit=limit)
        return Turn(self._transport, self._options, build, page, unread_rule(on_unread)).take()

    def stats(self, product_id: str) -> KeyStats:
        """Return the numbers of keys of a product (vendor's SDKs).

        >>> with InventPay() as client:
        ...     stats = client.store.products.keys.stats("prod1")
        ...     print(stats.available, stats.assigned)

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return self._transport.send(calls.stats(product_id), self._options)

    def remove_available(self, product_id: str) -> RemovedKeys:
        """Remove all keys that were not sold yet (vendor's SDKs).

        When its first answer is lost it is repeated, and then counts only what was left.

        >>> with InventPay() as client:
        ...     print((client.store.products.keys.remove_available("prod1")).removed)

        Raises NotFoundError for an unknown id, InvalidArgumentError for what is no id, and the errors of every call.
        """
        return self._transport.send(calls.remove_available(product_id), self._options)
