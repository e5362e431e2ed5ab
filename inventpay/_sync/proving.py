# Generated from inventpay/_async/proving.py by tools/generate_sync.py. Do not edit.
"""Find out with real calls whether the API honours idempotency keys."""

from __future__ import annotations

import attrs

from .._api.call import new_idempotency_key
from .._api.health_check import KeyCheck, KeyHandling, judge_keys
from .._transport import idempotency_proofs
from ..errors import AnswerMismatchError
from ..options import CallOptions
from .transport import Transport


def prove(
    transport: Transport,
    options: CallOptions,
    check: KeyCheck,
    now: float,
) -> tuple[KeyHandling, tuple[str, ...]]:
    """Send the same creation under key A, key A again and, for payments, key B; return the verdict and the ids.

    A withdrawal is never sent under a second key: where keys are honoured, that one would pay again.

    Raises the errors of every call; the verdict of an earlier check is forgotten then.
    """
    name = transport.settling.proof_name(check.kind)
    idempotency_proofs.forget(name, now)
    # A retry would blur which request got which answer.
    options = attrs.evolve(options, max_retries=0)

    def created(key: str) -> str:
        try:
            return check.id_of(transport.send(check.make(key), options))
        except AnswerMismatchError as error:
            # The API folds equal creations: it named an id that another key got before.
            if error.resource_id is None:
                raise
            return error.resource_id

    key = new_idempotency_key()
    ids = [created(key), created(key)]
    if check.kind == "payment":
        ids.append(created(new_idempotency_key()))
    verdict = judge_keys(*ids)
    if verdict == "honoured":
        idempotency_proofs.remember(name, now)
    return verdict, tuple(dict.fromkeys(ids))
