"""The store of handled webhook events, in the shop's own database.

``transaction.atomic()`` is a transaction of its own, or a savepoint under ``ATOMIC_REQUESTS``. In both cases the note
of an event commits together with the handler's work.
"""

from contextlib import contextmanager

from django.db import IntegrityError, transaction

from inventpay.webhooks import DeadLetter, TransactionalSeenStore

from .models import SeenKey, StoredDeadLetter


class DjangoSeenStore(TransactionalSeenStore):
    conflicts = (IntegrityError,)

    @contextmanager
    def transaction(self):
        with transaction.atomic():
            yield
            if transaction.get_rollback():
                # atomic() would roll back without an exception, and the event would count as handled.
                raise transaction.TransactionManagementError("the handler marked its transaction for rollback")

    def insert_keys(self, keys, forget_at):
        SeenKey.objects.bulk_create([SeenKey(key=key, forget_at=forget_at) for key in keys])

    def existing_keys(self, keys):
        return set(SeenKey.objects.filter(key__in=keys).values_list("key", flat=True))

    def delete_keys(self, before):
        SeenKey.objects.filter(forget_at__lt=before).delete()

    def insert_dead_letter(self, letter):
        StoredDeadLetter.objects.bulk_create(
            [
                StoredDeadLetter(
                    id=letter.id,
                    body=letter.body,
                    reason=letter.reason,
                    received_at=letter.received_at,
                    delivery_id=letter.delivery_id,
                )
            ]
        )

    def dead_letters(self):
        return [
            DeadLetter(
                id=row.id,
                body=bytes(row.body),
                reason=row.reason,
                received_at=row.received_at,
                delivery_id=row.delivery_id,
            )
            for row in StoredDeadLetter.objects.order_by("received_at")
        ]

    def delete_dead_letter(self, letter_id):
        StoredDeadLetter.objects.filter(id=letter_id).delete()
