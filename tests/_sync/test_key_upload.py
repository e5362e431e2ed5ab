# Generated from tests/_async/test_key_upload.py by tools/generate_sync.py. Do not edit.
"""Adding keys: batch after batch, with progress, and with an error that says how far it came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inventpay import AddedKeys, APITimeoutError, BadRequestError, InvalidArgumentError, KeyUploadError, NotFoundError
from tests.support.api import INTERRUPTS, ScriptedAPI, answers, fails
from tests.support.clients import scripted_client
from tests.support.clock import Clock


def adds(request: httpx.Request, clock: Clock) -> httpx.Response:
    """Adds every key but those that start with "old"."""
    del clock
    keys = json.loads(request.content)["keys"]
    old = sum(key.startswith("old") for key in keys)
    return httpx.Response(200, json={"success": True, "data": {"added": len(keys) - old, "duplicates": old}})


def sent(api: ScriptedAPI) -> list[Any]:
    return [json.loads(request.content)["keys"] for request in api.requests]


def test_keys_go_in_batches_with_progress() -> None:
    """From a generator as from a list; every batch has the label, and a key of its own to be repeated with."""
    api, steps = ScriptedAPI(adds), list[AddedKeys]()
    with scripted_client(api) as client:
        keys = (key for key in ("a", "a", "b", "old1", "c"))
        done = client.store.products.keys.add("prod1", keys, label="May", batch_size=2, on_progress=steps.append)
    assert done == AddedKeys(added=3, duplicates=2)
    assert steps == [AddedKeys(added=2, duplicates=1), AddedKeys(added=3, duplicates=2)]
    assert steps[-1].taken == 5
    assert sent(api) == [["a", "b"], ["old1", "c"]]
    assert {json.loads(request.content)["label"] for request in api.requests} == {"May"}
    assert len(set(api.keys)) == 2


def test_no_keys_are_no_request() -> None:
    """Nothing is to be done, and nothing goes wrong."""
    api = ScriptedAPI(adds)
    with scripted_client(api) as client:
        assert client.store.products.keys.add("prod1", []) == AddedKeys(added=0, duplicates=0)
    assert api.requests == []


def test_a_bad_list_is_refused_before_anything_is_sent() -> None:
    """Be its last key the bad one; the error names the call."""
    api = ScriptedAPI(adds)
    with scripted_client(api) as client:
        with pytest.raises(InvalidArgumentError, match=r"keys\[3\] is empty") as caught:
            client.store.products.keys.add("prod1", ["a", "b", "c", ""], batch_size=1)
    assert (caught.value.method, caught.value.path) == ("POST", "/v1/store/manage/products/{productId}/keys")
    assert api.requests == []


def test_the_first_batch_fails_like_any_call() -> None:
    """Nothing was added, so the error is the call's own."""
    with scripted_client(ScriptedAPI(answers(404))) as client:
        with pytest.raises(NotFoundError):
            client.store.products.keys.add("prod1", ["a", "b"], batch_size=1)


def test_a_later_failure_says_how_far_it_came() -> None:
    """The keys before it were added; with the rest it can be taken up again."""
    keys = ["a", "old1", "b", "c", "d"]
    api = ScriptedAPI(adds, answers(400, {"success": False, "error": "Full"}), adds)
    with scripted_client(api) as client:
        with pytest.raises(KeyUploadError) as caught:
            client.store.products.keys.add("prod1", keys, batch_size=2)
        error = caught.value
        assert error.progress == AddedKeys(added=1, duplicates=1)
        assert isinstance(error.__cause__, BadRequestError)
        assert (error.outcome, error.method, error.attempts) == ("refused", "POST", 1)
        assert str(error) == (
            "POST /v1/store/manage/products/prod1/keys: 400 Bad Request: Full; before that, 1 keys were added and 1 "
            "were duplicates; go on with the keys from number 3, or add all of them once more (outcome: refused)"
        )
        rest = keys[error.progress.taken :]
        assert client.store.products.keys.add("prod1", rest, batch_size=2) == AddedKeys(added=3, duplicates=0)
    assert sent(api) == [["a", "old1"], ["b", "c"], ["b", "c"], ["d"]]


def test_an_unknown_outcome_stays_unknown() -> None:
    """The batch that got no answer may have been added; adding it again does no harm."""
    api = ScriptedAPI(adds, fails(httpx.ReadTimeout("late")))
    with scripted_client(api, max_retries=0) as client:
        with pytest.raises(KeyUploadError) as caught:
            client.store.products.keys.add("prod1", ["a", "b"], batch_size=1)
    assert caught.value.outcome == "unknown"
    assert caught.value.idempotency_key == api.keys[1]
    assert isinstance(caught.value.__cause__, APITimeoutError)


def test_a_bad_key_of_a_generator_says_how_far_it_came() -> None:
    """The error for a bad key of a generator says how many keys were added before it."""

    def read() -> Iterator[str]:
        yield from ("a", "b", "")

    api = ScriptedAPI(adds)
    with scripted_client(api) as client:
        with pytest.raises(KeyUploadError, match=r"keys\[2\] is empty; .* 2 keys were added") as caught:
            client.store.products.keys.add("prod1", read(), batch_size=2)
    assert caught.value.outcome == "not_sent"
    assert caught.value.method == "POST"
    assert len(api.requests) == 1


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_an_interrupted_upload_reports_its_progress(interrupt: type[BaseException]) -> None:
    """Ctrl-C and cancellation pass through, with a note."""
    with scripted_client(ScriptedAPI(adds, fails(interrupt()))) as client:
        with pytest.raises(interrupt) as caught:
            client.store.products.keys.add("prod1", ["a", "b"], batch_size=1)
    assert any("adding keys was cut off; before that, 1 keys were added" in note for note in caught.value.__notes__)


def test_an_error_of_the_callback_is_the_callers() -> None:
    """It ends the upload as it is, with a note of how far it came."""

    def complain(progress: AddedKeys) -> None:
        raise LookupError(progress.taken)

    with scripted_client(ScriptedAPI(adds)) as client:
        with pytest.raises(LookupError) as caught:
            client.store.products.keys.add("prod1", ["a", "b"], batch_size=1, on_progress=complain)
    assert any("1 keys were added" in note for note in caught.value.__notes__)
